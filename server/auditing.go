package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"vitalwire/auth"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/audit"
	"vitalwire/server/consents"
	"vitalwire/server/store"
	"vitalwire/server/telemetry"
)

// auditConfig is what can be set of the audit log.
type auditConfig struct {
	Audit     string `env:"VITALWIRE_AUDIT" enum:"on,off,auto" default:"auto" help:"Audit log (AuditEvents by IHE BALP): on, off, or auto: on with --auth required."`
	Failure   string `env:"VITALWIRE_AUDIT_FAILURE" name:"audit-failure" enum:"refuse,continue" default:"refuse" help:"What cannot be audited is refused (503), or done nevertheless (continue) and counted."`
	Dir       string `env:"VITALWIRE_AUDIT_DIR" name:"audit-dir" placeholder:"DIR" help:"Where audited reads wait to be stored; servers may share it. By default audit beside the embedded store, or ./audit with PostgreSQL."`
	Decisions string `env:"VITALWIRE_AUDIT_DECISIONS" name:"audit-decisions" enum:"request,token,off" default:"token" help:"What Consents decide is audited with each request, or (token) denials with each and permits once for each access token, patient, purpose and what the patient agrees to; or not at all."`
	Bound     int64  `env:"VITALWIRE_AUDIT_QUEUE" name:"audit-queue" default:"268435456" placeholder:"BYTES" help:"Most bytes that wait there; beyond them --audit-failure says what happens."`
}

// audits reports whether the log is on.
func (c Config) audits() bool {
	return c.Audited.Audit == "on" || c.Audited.Audit != "off" && c.Auth == authRequired
}

// auditDir is where the queue lies.
func (c Config) auditDir() string {
	switch path, embedded := strings.CutPrefix(c.Store, "sqlite:"); {
	case c.Audited.Dir != "":
		return c.Audited.Dir
	case embedded:
		return filepath.Join(filepath.Dir(path), "audit")
	}
	return "audit"
}

// openAudit opens the audit log, if it is on, and gives the store that callers and
// devices write with.
func (s *Server) openAudit(ctx, life context.Context, c Config, book *consents.Book, metrics *telemetry.Metrics, log *slog.Logger) (store.Store, error) {
	if c.audits() {
		bound := c.Audited.Bound
		if bound <= 0 {
			bound = 256 << 20
		}
		options := audit.Options{Base: s.Base, Dir: c.auditDir(), Bound: bound, GoOn: c.Audited.Failure == "continue", Decisions: audit.Decisions(c.Audited.Decisions), Log: log}
		if book != nil {
			options.InForce = func(r store.Reader, e *audit.Event, patients []string) (map[string][]string, error) {
				return book.InForce(r, patients, e.Known, e.At, e.Purposes)
			}
		}
		var err error
		s.audit, err = audit.Open(ctx, life, s.store, options)
		if err != nil {
			return nil, err
		}
		count := func(which int) func() float64 {
			return func() float64 {
				waiting, written, failed := s.audit.Counts()
				return float64([]int64{waiting, written, failed}[which])
			}
		}
		if err := s.auditSettings(ctx, c); err != nil {
			return nil, err
		}
		metrics.Gauge("audit_waiting", "Audited events that wait to be stored.", count(0))
		metrics.Gauge("audit_written", "AuditEvents of what was read that this server has stored.", count(1))
		metrics.Gauge("audit_refusals_summed", "Refused requests that the audit has as a number only.", func() float64 { return float64(s.audit.Dropped()) })
		metrics.Gauge("audit_failed", "Events that could not be audited.", count(2))
	}
	return audit.Around(s.store, s.audit, s.Base), nil
}

// verifyAudit follows the hash chain of the AuditEvents of a store.
func verifyAudit(ctx context.Context, c Config, out io.Writer) (err error) {
	if c.Store == "" {
		c.Store = defaultStore
	}
	s, err := openStore(ctx, c.Store, search.NewRegistry(profiles.R4(), ""))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	v, err := audit.Verify(ctx, s, c.auditDir())
	// That it was looked at is audited, too; who may only read the store may verify it.
	if told := audit.Command(ctx, s, c.BaseURL, auth.Happening{What: "audit-verified"}, err); told != nil {
		fmt.Fprintln(out, "this is not audited:", told)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the audit chain is whole: %d AuditEvents, the last at %s", v.N, store.Version{Position: v.Position}.LastUpdated().Format("2006-01-02T15:04:05.000000Z"))
	if v.Anchored > 0 {
		fmt.Fprintf(out, "; %d of them are vouched for by the note in %s", v.Anchored, c.auditDir())
	}
	if v.Before > 0 {
		fmt.Fprintf(out, "; %d are older than the chain", v.Before)
	}
	fmt.Fprintln(out)
	return nil
}
