package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// event is a line of go test -json (go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	FailedBuild string // of a package that could not be built
	Test        string
	Elapsed     float64
	Output      string
}

// summary adds up what one go test reports, or several.
type summary struct {
	to       io.Writer
	printing *sync.Mutex // held for a line of one of those that print to the same
	packages map[string]*pkg
	builds   map[string]string // compiler output by import path
	reasons  map[string]int    // why tests were skipped
	passed   int
	failed   int
	skipped  int
	untested int
	slow     []slow
}

// slow is a test without subtests that took long.
type slow struct {
	seconds float64
	name    string
}

// slowest is how many of them are named at the end, and slowFrom what is long, in seconds.
const (
	slowest  = 25
	slowFrom = 5
)

// pkg is a package while its tests run.
type pkg struct {
	tests    map[string]*test
	output   strings.Builder // what belongs to no test
	ended    bool
	anything bool
}

// test is one test or subtest.
type test struct {
	result string
	output strings.Builder
	subs   int
	failed int // subtests that failed
}

func newSummary(to io.Writer) *summary {
	return &summary{to: to, printing: new(sync.Mutex), packages: map[string]*pkg{}, builds: map[string]string{}, reasons: map[string]int{}}
}

// beside is a summary of its own that prints to the same.
func (s *summary) beside() *summary {
	one := newSummary(s.to)
	one.printing = s.printing
	return one
}

// add counts what another has counted.
func (s *summary) add(one *summary) {
	s.printing.Lock()
	defer s.printing.Unlock()
	s.passed += one.passed
	s.failed += one.failed
	s.skipped += one.skipped
	s.untested += one.untested
	s.slow = append(s.slow, one.slow...)
	for reason, n := range one.reasons {
		s.reasons[reason] += n
	}
}

func (s *summary) failures() int { return s.failed }

// trouble counts something outside any test as a failure.
func (s *summary) trouble(text string) {
	s.printing.Lock()
	defer s.printing.Unlock()
	s.failed++
	fmt.Fprintf(s.to, "FAIL  %s\n", text)
}

// line takes one line of go test -json; what is not JSON is printed as it is.
func (s *summary) line(data []byte) {
	s.printing.Lock()
	defer s.printing.Unlock()
	var e event
	if err := json.Unmarshal(data, &e); err != nil || e.Action == "" {
		if len(data) > 0 {
			fmt.Fprintf(s.to, "%s\n", data)
		}
		return
	}
	switch e.Action {
	case "build-output":
		s.builds[e.ImportPath] += e.Output
		return
	case "build-fail":
		return
	}
	p := s.packages[e.Package]
	if p == nil || p.ended {
		p = &pkg{tests: map[string]*test{}}
		s.packages[e.Package] = p
	}
	if e.Test == "" {
		s.ofPackage(p, e)
		return
	}
	t := p.test(e.Test)
	switch e.Action {
	case "output":
		t.output.WriteString(e.Output)
	case "pass", "fail", "skip":
		t.result = e.Action
		s.count(p, e, t)
	}
}

// test finds a test; a new one is made known to its parent.
func (p *pkg) test(name string) *test {
	t := p.tests[name]
	if t == nil {
		t = &test{}
		p.tests[name] = t
		if i := strings.LastIndex(name, "/"); i > 0 {
			p.test(name[:i]).subs++
		}
	}
	return t
}

// count counts a test that ended: by itself when it has no subtests, or when
// it failed though none of them did.
func (s *summary) count(p *pkg, e event, t *test) {
	if e.Action == "fail" {
		for name := e.Test; ; {
			i := strings.LastIndex(name, "/")
			if i < 0 {
				break
			}
			name = name[:i]
			p.test(name).failed++
		}
	}
	if t.subs == 0 && e.Elapsed >= slowFrom {
		s.slow = append(s.slow, slow{e.Elapsed, e.Package + " " + e.Test})
	}
	switch {
	case e.Action == "fail" && t.failed == 0:
		p.anything = true
		s.failed++
		fmt.Fprintf(s.to, "--- FAIL: %s %s (%.2fs)\n%s", e.Package, e.Test, e.Elapsed, t.text())
	case e.Action == "fail":
		// Its subtests were counted; what it says itself is shown all the same.
		fmt.Fprint(s.to, t.text())
	case t.subs > 0:
	case e.Action == "skip":
		s.skipped++
		s.reasons[t.reason()]++
	default:
		s.passed++
	}
	t.output.Reset()
}

// frames begin the lines of go test itself.
var frames = []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "--- FAIL", "--- PASS", "--- SKIP"}

func isFrame(line string) bool {
	line = strings.TrimLeft(line, " ")
	return slices.ContainsFunc(frames, func(f string) bool { return strings.HasPrefix(line, f) })
}

// text is what a test said, without go test's own lines.
func (t *test) text() string {
	var b strings.Builder
	for line := range strings.Lines(t.output.String()) {
		if !isFrame(line) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// reason is the last line that a skipped test said, without its place.
func (t *test) reason() string {
	lines := strings.Split(strings.TrimSpace(t.text()), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if place, said, ok := strings.Cut(last, ": "); ok && strings.Contains(place, ".go:") {
		last = said
	}
	if last == "" {
		return "(no reason given)"
	}
	return last
}

func (s *summary) ofPackage(p *pkg, e event) {
	switch e.Action {
	case "output":
		p.output.WriteString(e.Output)
		return
	case "pass", "fail", "skip":
	default:
		return
	}
	p.ended = true
	switch e.Action {
	case "pass":
		fmt.Fprintf(s.to, "ok    %s %.1fs\n", e.Package, e.Elapsed)
	case "skip":
		s.untested++
	case "fail":
		s.packageFailed(p, e)
	}
}

// packageFailed shows a failure that no test owned: a build, a panic, a
// timeout, a race found after the tests.
func (s *summary) packageFailed(p *pkg, e event) {
	for _, name := range slices.Sorted(maps.Keys(p.tests)) {
		if t := p.tests[name]; t.result == "" {
			fmt.Fprintf(s.to, "--- UNFINISHED: %s %s\n%s", e.Package, name, t.text())
		}
	}
	if !p.anything {
		s.failed++
		fmt.Fprint(s.to, s.builds[e.FailedBuild])
		fmt.Fprint(s.to, p.output.String())
	}
	fmt.Fprintf(s.to, "FAIL  %s %.1fs\n", e.Package, e.Elapsed)
}

// finish prints the sum and says whether all is well.
func (s *summary) finish() bool {
	if s.untested > 0 {
		fmt.Fprintf(s.to, "%d packages have no tests\n", s.untested)
	}
	slices.SortFunc(s.slow, func(a, b slow) int { return cmp.Compare(b.seconds, a.seconds) })
	for _, one := range s.slow[:min(len(s.slow), slowest)] {
		fmt.Fprintf(s.to, "took %.0fs: %s\n", one.seconds, one.name)
	}
	for _, reason := range slices.Sorted(maps.Keys(s.reasons)) {
		fmt.Fprintf(s.to, "skipped %d: %s\n", s.reasons[reason], reason)
	}
	if s.passed+s.failed == 0 {
		s.trouble("no test ran")
	}
	fmt.Fprintf(s.to, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	return s.failed == 0
}
