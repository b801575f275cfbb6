// Package conformance keeps docs/conformance.md true: tests hand it the tables
// they found, and a test fails when the page says something else.
package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vitalwire/internal/shared"
)

// Table compares a table with the section of docs/conformance.md between
// <!-- begin name --> and <!-- end name -->. With VITALWIRE_UPDATE=1 the section
// is rewritten (or appended) instead, and the test passes.
//
// Columns and rows are plain text; a pipe is escaped here.
func Table(t testing.TB, name, title, intro string, columns []string, rows [][]string) {
	t.Helper()
	want := render(name, title, intro, columns, rows)
	path := filepath.Join(shared.Root(t), "docs", "conformance.md")

	// Test binaries of several packages may update the page at once.
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "vitalwire-conformance.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}

	page, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	text := string(page)
	begin, end := strings.Index(text, beginMark(name)), strings.Index(text, endMark(name))
	present := begin >= 0 && end > begin
	if present && text[begin:end+len(endMark(name))] == want {
		return
	}
	if os.Getenv("VITALWIRE_UPDATE") != "1" {
		t.Errorf("docs/conformance.md section %q is not what this test found; run with VITALWIRE_UPDATE=1 and read the diff. Found:\n%s", name, want)
		return
	}
	if present {
		text = text[:begin] + want + text[end+len(endMark(name)):]
	} else {
		if text == "" {
			text = "# Conformance\n\nWritten by the tests (`VITALWIRE_UPDATE=1 make test`); a test fails when this page is stale.\n"
		}
		text += "\n" + want + "\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func beginMark(name string) string { return "<!-- begin " + name + " -->" }
func endMark(name string) string   { return "<!-- end " + name + " -->" }

func render(name, title, intro string, columns []string, rows [][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n## %s\n\n", beginMark(name), title)
	if intro != "" {
		fmt.Fprintf(&b, "%s\n\n", intro)
	}
	line := func(cells []string) {
		for i := range cells {
			fmt.Fprintf(&b, "| %s ", strings.NewReplacer("|", `\|`, "\n", " ").Replace(cells[i]))
		}
		b.WriteString("|\n")
	}
	line(columns)
	b.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
	for _, row := range rows {
		line(row)
	}
	b.WriteString(endMark(name))
	return b.String()
}
