package server_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/internal/script"
	"vitalwire/server"
	"vitalwire/server/store/postgres/pgtest"
)

// stores opens a fresh store of each kind.
var stores = map[string]func(t testing.TB) string{
	"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") },
	"postgres": func(t testing.TB) string { return pgtest.Start(t) },
}

// start runs a server on a store until the test ends.
func start(t testing.TB, store string, change ...func(*server.Config)) *server.Server {
	t.Helper()
	c := server.Config{Listen: "127.0.0.1:0", Store: store, Zone: "UTC", MaxBody: 1 << 20}
	c.Audited.Dir = t.TempDir()
	for _, change := range change {
		change(&c)
	}
	s, err := server.Start(t.Context(), c, all.Adapters(), slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(30 * time.Second); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestScripts plays every script in testdata over HTTP on both stores.
func TestScripts(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			script.RunAll(t, "testdata/*.txt", func(t *testing.T) script.Target {
				return script.URL(start(t, open(t)).Base)
			})
		})
	}
}

// TestScripts_Configured plays scripts on servers that are set up otherwise.
func TestScripts_Configured(t *testing.T) {
	for folder, change := range map[string]func(*server.Config){
		"enforced": func(c *server.Config) { c.References, c.ConditionalDelete, c.MaxEntries = "enforce", "multiple", 4 },
		"overlaid": func(c *server.Config) {
			c.MDCOverlay = []string{"testdata/overlaid/rosetta_terms.csv", "testdata/overlaid/loinc_ieee.csv"}
		},
		"templates": func(c *server.Config) { c.Templates = "../adapters/template/testdata" },
		"warned":    func(c *server.Config) { c.References, c.ConditionalDelete = "warn", "off" },
	} {
		for name, open := range stores {
			t.Run(folder+" "+name, func(t *testing.T) {
				script.RunAll(t, "testdata/"+folder+"/*.txt", func(t *testing.T) script.Target {
					return script.URL(start(t, open(t), change).Base)
				})
			})
		}
	}
}
