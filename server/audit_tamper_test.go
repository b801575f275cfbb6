package server_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/server"
)

// A change behind the server's back is found, and the first bad link is named.
func TestAudit_TamperingIsFound(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			for what, c := range map[string]struct {
				sql  []string
				says string
			}{
				"nothing":          {nil, "is whole"},
				"a body":           {[]string{"UPDATE version SET body = (SELECT body FROM version WHERE rtype = 'AuditEvent' ORDER BY pos LIMIT 1 OFFSET 3) WHERE pos = (SELECT pos FROM version WHERE rtype = 'AuditEvent' ORDER BY pos LIMIT 1 OFFSET 1)"}, "link 2"},
				"a time":           {[]string{"UPDATE version SET pos = pos + 1 WHERE pos = (SELECT pos FROM version WHERE rtype = 'AuditEvent' ORDER BY pos LIMIT 1 OFFSET 2)"}, "link 3"},
				"one removed":      {[]string{"DELETE FROM version WHERE pos = (SELECT pos FROM version WHERE rtype = 'AuditEvent' ORDER BY pos LIMIT 1 OFFSET 1)"}, "link 2"},
				"first removed":    {[]string{"DELETE FROM version WHERE pos = (SELECT min(pos) FROM version WHERE rtype = 'AuditEvent')", "DELETE FROM record WHERE collection = 'audit/link' AND key = (SELECT key FROM record WHERE collection = 'audit/link' ORDER BY key LIMIT 1)"}, "link 1"},
				"one and its link": {[]string{"DELETE FROM record WHERE collection = 'audit/link' AND key = (SELECT key FROM record WHERE collection = 'audit/link' ORDER BY key LIMIT 1 OFFSET 2)", "DELETE FROM version WHERE pos = (SELECT pos FROM version WHERE rtype = 'AuditEvent' ORDER BY pos LIMIT 1 OFFSET 2)"}, "link 3"},
				"one put in":       {[]string{"INSERT INTO version (pos, shard, rtype, id, vid, op, deleted, codec, body) SELECT pos + 1, shard, rtype, 'forged', vid, op, deleted, codec, body FROM version WHERE pos = (SELECT pos FROM version WHERE rtype = 'AuditEvent' ORDER BY pos LIMIT 1 OFFSET 1)"}, "AuditEvent/forged"},
				"one put in last":  {[]string{"INSERT INTO version (pos, shard, rtype, id, vid, op, deleted, codec, body) SELECT pos + 1, shard, rtype, 'forged', vid, op, deleted, codec, body FROM version WHERE pos = (SELECT max(pos) FROM version WHERE rtype = 'AuditEvent')"}, "AuditEvent/forged"},
				"one put in first": {[]string{"INSERT INTO version (pos, shard, rtype, id, vid, op, deleted, codec, body) SELECT 5, shard, rtype, 'forged', vid, op, deleted, codec, body FROM version WHERE pos = (SELECT max(pos) FROM version WHERE rtype = 'AuditEvent')"}, "AuditEvent/forged"},
				"the last one":     {[]string{"DELETE FROM version WHERE pos = (SELECT max(pos) FROM version WHERE rtype = 'AuditEvent')"}, "link 6"},
				"the last one and its link": {[]string{"DELETE FROM version WHERE pos = (SELECT max(pos) FROM version WHERE rtype = 'AuditEvent')",
					"DELETE FROM record WHERE collection = 'audit/link' AND key = (SELECT key FROM record WHERE collection = 'audit/link' ORDER BY key DESC LIMIT 1)"}, "link 6"},
				"all":      {[]string{"DELETE FROM version WHERE rtype = 'AuditEvent'", "DELETE FROM record WHERE collection = 'audit/link'"}, "link 1"},
				"the head": {[]string{"DELETE FROM record WHERE collection = 'audit/chain'"}, "its head is gone"},
			} {
				t.Run(what, func(t *testing.T) {
					store := open(t)
					dir := t.TempDir()
					s := start(t, store, required)
					all := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
					for i := range 5 {
						if status, _, answer := all.ask(t, "POST", "/Patient", fmt.Sprintf(`{"resourceType":"Patient","birthDate":"200%d-01-01"}`, i)); status != 201 {
							t.Fatal(status, answer)
						}
					}
					execute(t, store, c.sql...)
					status, out, errs := run(nil, "verify-audit", "--store", store, "--audit-dir", dir)
					if (status == 0) != (c.sql == nil) || !strings.Contains(out+errs, c.says) {
						t.Errorf("%d %s %s", status, out, errs)
					}
				})
			}
		})
	}
}

// execute changes a database by SQL.
func execute(t *testing.T, store string, statements ...string) {
	t.Helper()
	driver, name := "postgres", store
	if path, ok := strings.CutPrefix(store, "sqlite:"); ok {
		driver, name = "sqlite", path
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, statement := range statements {
		result, err := db.ExecContext(context.Background(), statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		if n, _ := result.RowsAffected(); n == 0 {
			t.Fatalf("%s changed nothing", statement)
		}
	}
}

// Who cuts the chain and sets its head back does not reach the note outside of the
// database.
func TestAudit_TheAnchorFindsACutChain(t *testing.T) {
	store := stores["sqlite"](t)
	dir := t.TempDir()
	serve := func(patients int) {
		c := server.Config{Listen: "127.0.0.1:0", Store: store, Zone: "UTC", MaxBody: 1 << 20}
		required(&c)
		c.Audited.Dir = dir
		s, err := server.Start(t.Context(), c, all.Adapters(), slog.New(slog.NewTextHandler(t.Output(), nil)))
		if err != nil {
			t.Fatal(err)
		}
		writer := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
		for range patients {
			if status, _, answer := writer.ask(t, "POST", "/Patient", `{"resourceType":"Patient"}`); status != 201 {
				t.Fatal(status, answer)
			}
		}
		if err := s.Stop(10 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	path := strings.TrimPrefix(store, "sqlite:")
	serve(3)
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "old"+suffix), data, 0o600)
		}
		if err != nil && suffix == "" {
			t.Fatal(err)
		}
	}
	serve(2)
	if status, out, errs := run(nil, "verify-audit", "--store", store, "--audit-dir", dir); status != 0 || !strings.Contains(out, "7 AuditEvents") { // two tokens are among them
		t.Fatal(status, out, errs)
	}
	status, out, errs := run(nil, "verify-audit", "--store", "sqlite:"+filepath.Join(dir, "old"), "--audit-dir", dir)
	if status == 0 || !strings.Contains(errs, "noted 7 links") {
		t.Error(status, out, errs)
	}
}
