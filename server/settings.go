package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"

	"vitalwire/server/store"
)

// Where the settings that decide who may see what are kept, as they were at the last
// start that audited them.
const (
	settingsRecords = "audit/settings"
	settingsKey     = "last"
)

// settings are those that decide who may see what and what is kept of that, a line each.
func (c Config) settings() []byte {
	file := func(name string) string {
		if data, err := os.ReadFile(name); name != "" && err == nil {
			return fmt.Sprintf("%s sha256:%x", name, sha256.Sum256(data))
		}
		return name
	}
	var b bytes.Buffer
	for _, one := range [][2]string{
		{"auth", c.Auth}, {"access-tokens", c.AccessTokens}, {"consent", c.Consent}, {"consent-merge", c.ConsentsMerge},
		{"consent-verified", fmt.Sprint(c.ConsentVerified)}, {"consent-self", fmt.Sprint(c.ConsentSelf)}, {"labels", file(c.Labels)}, {"obligations", file(c.Obligations)},
		{"audit-failure", c.Audited.Failure}, {"audit-decisions", c.Audited.Decisions}, {"keep-forever", fmt.Sprint(c.KeepForever)},
	} {
		fmt.Fprintf(&b, "%s=%s\n", one[0], one[1])
	}
	return b.Bytes()
}

// auditSettings has the audit log keep that the settings are others than at the last start.
func (s *Server) auditSettings(ctx context.Context, c Config) error {
	now := c.settings()
	var before []byte
	err := s.store.Glance(ctx, func(r store.Reader) (err error) {
		before, _, err = r.Record(settingsRecords, settingsKey)
		return err
	})
	if err != nil || bytes.Equal(before, now) {
		return err
	}
	if changed := changes(string(before), string(now)); len(before) > 0 {
		if err := s.audit.Configured(ctx, changed); err != nil {
			return err
		}
	}
	return s.store.Update(ctx, func(tx store.Tx) error {
		return tx.PutRecord(store.RecordWrite{Collection: settingsRecords, Key: settingsKey, Value: now})
	})
}

// changes are the lines that differ, as name: before -> after.
func changes(before, after string) string {
	was := map[string]string{}
	for line := range strings.Lines(before) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		was[name] = value
	}
	var list []string
	for line := range strings.Lines(after) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if old := was[name]; old != value {
			list = append(list, fmt.Sprintf("%s: %q -> %q", name, old, value))
		}
	}
	return strings.Join(list, "; ")
}
