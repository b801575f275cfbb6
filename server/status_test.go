package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vitalwire/internal/conformance"
	"vitalwire/internal/script"
	"vitalwire/server"
)

// TestStatusTable plays the scripts of the status table, whose sections are named
// "situation -> answer", on both stores, and keeps the table of docs/conformance.md.
func TestStatusTable(t *testing.T) {
	var rows [][]string
	for _, folder := range []struct {
		name   string
		change func(*server.Config)
	}{
		{"status", func(*server.Config) {}},
		{"status_enforced", func(c *server.Config) { c.References = "enforce" }},
		{"status_small", func(c *server.Config) {
			c.MaxBody, c.MaxURL, c.MaxHeader, c.MaxDepth, c.MaxEntries, c.AsyncQueue = 2000, 500, 600, 6, 2, -1
		}},
	} {
		for name, open := range stores {
			t.Run(folder.name+" "+name, func(t *testing.T) {
				script.RunAll(t, "testdata/"+folder.name+"/*.txt", func(t *testing.T) script.Target {
					return script.URL(start(t, open(t), folder.change).Base)
				})
			})
		}
		paths, err := filepath.Glob("testdata/" + folder.name + "/*.txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if row, ok := strings.CutPrefix(line, "section "); ok {
					situation, answer, ok := strings.Cut(strings.TrimSpace(row), " -> ")
					if !ok {
						t.Errorf("%s: section %q is no row", path, row)
					}
					rows = append(rows, []string{situation, answer, "SQLite, PostgreSQL"})
				}
			}
		}
	}
	if t.Failed() {
		return
	}
	conformance.Table(t, "status", "What a client is told",
		"Each row is a section of `server/testdata/status*/`, played over HTTP on each store. An overload (503) and a timeout (504) are in `server/rest`; tokens (401, 403) come with access control.",
		[]string{"situation", "answer", "shown on"}, rows)
}
