// Package script plays plain-text scripts of HTTP requests and expectations, so
// that a bug report can be a test. The grammar is in docs/scripts.md. Only tests
// import this package. It knows HTTP, JSON and the outline of a Bundle and an
// OperationOutcome; it shares no code with the server it judges.
package script

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Target is a server to play against: a Handler or a URL.
type Target struct {
	handler http.Handler
	base    string
}

// Handler is a target inside this process; it is served over real HTTP on a
// loopback port until the test ends.
func Handler(h http.Handler) Target { return Target{handler: h} }

// URL is a server that runs already; base is the URL that paths are relative to.
func URL(base string) Target { return Target{base: base} }

func (g Target) open(t testing.TB) string {
	if g.handler == nil {
		return strings.TrimSuffix(g.base, "/")
	}
	server := httptest.NewServer(g.handler)
	t.Cleanup(server.Close)
	return server.URL
}

// Run plays one script. Every section is a subtest; what comes before the first
// section is played once, first, and its variables are known in all sections.
// Sections are played in order, on the same server, even after one has failed.
func Run(t *testing.T, target Target, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sections, err := parse(filepath.ToSlash(path), string(text))
	if err != nil {
		t.Fatal(err)
	}
	p := newPlayer(target.open(t), filepath.Dir(path))
	for _, s := range sections {
		if s.name == "" {
			p.play(t, s.steps)
			if t.Failed() {
				return
			}
			continue
		}
		t.Run(s.name, func(t *testing.T) { p.fork().play(t, s.steps) })
	}
}

// RunAll plays every script that a pattern names (filepath.Glob), each as a
// subtest on a target of its own. A pattern that names nothing is a failure.
func RunAll(t *testing.T, pattern string, open func(t *testing.T) Target) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("no script matches %s", pattern)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) { Run(t, open(t), path) })
	}
}

// fork gives a player with its own copy of the variables and default headers.
func (p *player) fork() *player {
	q := *p
	q.vars = maps.Clone(p.vars)
	q.defaults = p.defaults.Clone()
	return &q
}
