package lint

import (
	"strings"
	"testing"
)

// sample parses a Go file for a rule to judge.
func sample(t *testing.T, name, source string) *file {
	t.Helper()
	f, err := parseFile(name, []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// expect compares what a rule found with one text; "" means nothing.
func expect(t *testing.T, what string, found []finding, want string) {
	t.Helper()
	switch {
	case want == "" && len(found) > 0:
		t.Errorf("%s: found %v, want nothing", what, found)
	case want != "" && len(found) != 1:
		t.Errorf("%s: found %v, want one with %q", what, found, want)
	case want != "" && !strings.Contains(string(found[0]), want):
		t.Errorf("%s: found %v, want %q", what, found, want)
	}
}

func TestImports(t *testing.T) {
	cases := []struct{ file, imported, want string }{
		{"main.go", "vitalwire/server", ""},
		{"main.go", "vitalwire/adapters/all", ""},
		{"main.go", "vitalwire/internal/script", "only tests import it"},
		{"server/start.go", "vitalwire", "nothing imports the main package"},
		{"server/start.go", "vitalwire/server/rest", ""},
		{"server/start.go", "vitalwire/examples", "server does not import examples"},
		{"server/rest/rest.go", "vitalwire/server/interaction", ""},
		{"server/rest/rest.go", "vitalwire/auth", ""},
		{"server/rest/rest.go", "vitalwire/server", "they do not know it"},
		{"server/rest/rest.go", "vitalwire/server/store/sqlite", "server/rest does not import server/store/sqlite"},
		{"server/rest/rest_test.go", "vitalwire/server/store/sqlite", ""},
		{"server/interaction/a.go", "vitalwire/server/rest", "does not import"},
		{"server/store/store.go", "vitalwire/server/interaction", "does not import"},
		{"server/store/sqlite/a.go", "vitalwire/server/store/storetest", "only tests import it"},
		{"server/store/sqlite/a_test.go", "vitalwire/server/store/storetest", ""},
		{"server/store/storetest/a.go", "vitalwire/internal/shared", ""},
		{"server/novel/a.go", "vitalwire/server/store", "has no line in inServer"},
		{"auth/auth.go", "vitalwire/fhir", ""},
		{"auth/auth.go", "vitalwire/adapters", "auth does not import adapters"},
		{"auth/auth.go", "vitalwire/server/store", "auth does not import server"},
		{"adapters/a/a.go", "vitalwire/adapters/acom", ""},
		{"adapters/a/a.go", "vitalwire/profiles", ""},
		{"adapters/a/a.go", "vitalwire/auth", "adapters does not import auth"},
		{"adapters/a/a_test.go", "vitalwire/server", "adapters does not import server"},
		{"adapters/a/a_test.go", "vitalwire/internal/shared", ""},
		{"adapters/a/a.go", "vitalwire/internal/shared", "only tests import it"},
		{"profiles/profiles.go", "vitalwire/fhir/path", ""},
		{"profiles/profiles.go", "vitalwire/profiles/internal/pack", ""},
		{"profiles/profiles.go", "vitalwire/adapters", "profiles does not import adapters"},
		{"fhir/search/a.go", "vitalwire/fhir", ""},
		{"fhir/search/a.go", "vitalwire/profiles", "fhir does not import profiles"},
		{"fhir/search/a_test.go", "vitalwire/profiles", ""},
		{"fhir/search/a_test.go", "vitalwire/server", "fhir does not import server"},
		{"examples/a/main.go", "vitalwire/server", ""},
		{"examples/a/main.go", "vitalwire/internal/script", "only tests import it"},
		{"internal/a/a.go", "vitalwire/internal/shared", ""},
		{"pkg/a/a.go", "vitalwire/fhir", "pkg is no top-level folder"},
		{"fhir/a.go", "encoding/json", ""},
		{"fhir/a.go", "C", "no cgo"},
		{"server/rest/a.go", "github.com/labstack/echo/v4", ""},
		{"server/rest/a.go", "github.com/labstack/echo/v4/middleware", ""},
		{"server/rest/a.go", "github.com/labstack/echo/v40", "needs an ADR line"},
		{"server/start.go", "github.com/labstack/echo/v4", "only server/rest may import it"},
		{"server/store/postgres/a.go", "github.com/lib/pq", ""},
		{"server/store/sqlite/a.go", "github.com/lib/pq", "only server/store/postgres may"},
		{"server/rest/a.go", "github.com/golang-jwt/jwt/v5", "only auth may"},
		{"fhir/proto/a.go", "github.com/google/fhir/go/jsonformat", ""},
		{"fhir/validate/a_test.go", "github.com/google/fhir/go/jsonformat", "only fhir/proto may"},
		{"adapters/mapping/a.go", "github.com/samply/golang-fhir-models/fhir-models/fhir", ""},
		{"examples/a/main.go", "github.com/samply/golang-fhir-models/fhir-models/fhir", ""},
		{"server/interaction/a.go", "github.com/samply/golang-fhir-models/fhir-models/fhir", "only adapters/mapping and examples may"},
		{"server/store/sqlite/a.go", "modernc.org/sqlite", ""},
		{"server/store/relational/a.go", "modernc.org/sqlite", "only server/store/sqlite may"},
		{"server/start.go", "github.com/spf13/cobra", "needs an ADR line"},
	}
	for _, c := range cases {
		f := sample(t, c.file, "package a\n\nimport _ \""+c.imported+"\"\n")
		expect(t, c.file+" imports "+c.imported, imports(f), c.want)
	}
}

func TestGoMod(t *testing.T) {
	cases := []struct{ text, adr, want string }{
		{"module vitalwire\n\ngo 1.26\n", "", ""},
		{"require github.com/lib/pq v1.12.3\n", "github.com/lib/pq", ""},
		{"require (\n\tgithub.com/lib/pq v1.12.3\n)\n", "", "go.mod:2: github.com/lib/pq needs an ADR line: docs/adr"},
		{"require (\n\tgithub.com/a/b v1.0.0\n)\n", "", "go.mod:2: github.com/a/b needs an ADR line, and one in dependencies"},
		{"require (\n\tgithub.com/a/b v1.0.0 // indirect\n)\n", "", ""},
		{"require modernc.org/sqlite v1.60.1\n", "modernc.org/sqlite", ""},
		{"require modernc.org/sqlite v1.61.1\n", "modernc.org/sqlite", "stays at v1.60.1"},
		{"require github.com/google/fhir/go v0.7.3 // indirect\n", "", "stays at v0.7.4"},
		{"require github.com/samply/golang-fhir-models/fhir-models v0.3.1\n", "github.com/samply/golang-fhir-models/fhir-models", "stays at v0.3.2"},
		{"replace github.com/a/b => ../b\n", "", "go.mod:1: replace hides"},
		{"replace (\n\tgithub.com/a/b => ../b\n)\n", "", "go.mod:2: replace hides"},
	}
	for _, c := range cases {
		expect(t, c.text, goMod(c.text, c.adr), c.want)
	}

	// One more than may be chosen.
	saved := dependencies
	t.Cleanup(func() { dependencies = saved })
	dependencies = nil
	var text string
	for i := range mostChosen + 1 {
		name := string(rune('a' + i))
		dependencies = append(dependencies, dependency{path: "x.org/" + name})
		text += "require x.org/" + name + " v1.0.0\n"
	}
	expect(t, "one too many", goMod(text, text), "11 modules are chosen")
	dependencies[0].family, dependencies[1].family = "one", "one"
	expect(t, "two of one family", goMod(text, text), "")
}

func TestDependencies_HaveReasons(t *testing.T) {
	for _, d := range dependencies {
		if d.reason == "" || len(d.dirs) == 0 {
			t.Errorf("%s has no reason or no place", d.path)
		}
	}
	if chosen := choices(dependencies); chosen > mostChosen {
		t.Errorf("%d modules are chosen beside the prescribed ones; %d are enough", chosen, mostChosen)
	}
}

func TestSourceRules(t *testing.T) {
	const doc = "// Package a is a sample.\npackage a\n"
	long := strings.Repeat("// line\n", maxLines)
	cases := []struct {
		name, file, source string
		rule               func(*file) []finding
		want               string
	}{
		{"short file", "fhir/a.go", doc, lines, ""},
		{"long file", "fhir/a.go", doc + long, lines, "602 lines"},
		{"long test", "fhir/a_test.go", doc + long, lines, "602 lines"},
		{"generated file", "fhir/a.go", "// Code generated by gen. DO NOT EDIT.\n\n" + doc + long, lines, ""},
		{"generated only in words", "fhir/a.go", doc + "// Code generated by gen. DO NOT EDIT.\n" + long, lines, "lines"},
		{"package utils", "fhir/utils/a.go", "package utils\n", packageName, "named for what it knows"},
		{"package common_test", "fhir/a_test.go", "package common_test\n", packageName, "named for what it knows"},
		{"package term", "fhir/term/a.go", "package term\n", packageName, ""},
		{"init", "fhir/a.go", doc + "func init() {}\n", noInit, "no func init"},
		{"init in a test", "fhir/a_test.go", doc + "func init() {}\n", noInit, "no func init"},
		{"method init", "fhir/a.go", doc + "func (t t) init() {}\n", noInit, ""},
		{"panic", "adapters/a/a.go", doc + "func f() { panic(1) }\n", adapterRules, "does not panic"},
		{"panic in a test", "adapters/a/a_test.go", doc + "func f() { panic(1) }\n", adapterRules, ""},
		{"panic elsewhere", "fhir/a.go", doc + "func f() { panic(1) }\n", adapterRules, ""},
		{"clock", "adapters/a/a.go", doc + "func f() { time.Now() }\n", adapterRules, "time.Now"},
		{"clock as a value", "adapters/a/a.go", doc + "var now = time.Now\n", adapterRules, "time.Now"},
		{"time without a clock", "adapters/a/a.go", doc + "func f() { time.Date(0, 0, 0, 0, 0, 0, 0, time.UTC) }\n", adapterRules, ""},
		{"float", "adapters/a/a.go", doc + "var f float64\n", adapterRules, "decimal text"},
		{"exported function", "fhir/a.go", doc + "func F() {}\n", exportedComments, "F is exported"},
		{"exported with a comment", "fhir/a.go", doc + "// F does.\nfunc F() {}\n", exportedComments, ""},
		{"exported method", "fhir/a.go", doc + "func (t *T) M() {}\n", exportedComments, "M is exported"},
		{"method of a generic type", "fhir/a.go", doc + "func (t *T[K, V]) M() {}\n", exportedComments, "M is exported"},
		{"method of an unexported type", "fhir/a.go", doc + "func (t *t) M() {}\n", exportedComments, ""},
		{"well-known method", "fhir/a.go", doc + "func (t *T) String() string { return \"\" }\n", exportedComments, ""},
		{"exported type", "fhir/a.go", doc + "type T struct{}\n", exportedComments, "T is exported"},
		{"exported constant", "fhir/a.go", doc + "const (\n\tA = 1\n)\n", exportedComments, "A is exported"},
		{"group comment", "fhir/a.go", doc + "// The letters.\nconst (\n\tA = 1\n\tB = 2\n)\n", exportedComments, ""},
		{"line comment", "fhir/a.go", doc + "var A = 1 // the first\n", exportedComments, ""},
		{"exported in a test", "fhir/a_test.go", doc + "func F() {}\n", exportedComments, ""},
		{"exported in internal", "internal/a/a.go", doc + "func F() {}\n", exportedComments, ""},
		{"exported in a nested internal", "profiles/internal/a/a.go", doc + "func F() {}\n", exportedComments, ""},
		{"reminder", "fhir/a.go", doc + "// TO" + "DO: later\nvar a = 1\n", reminders, "without an issue"},
		{"reminder in a function", "fhir/a.go", doc + "func f() {\n\t/* FIX" + "ME */\n}\n", reminders, "without an issue"},
		{"reminder with an issue", "fhir/a.go", doc + "// TO" + "DO(#12): later\nvar a = 1\n", reminders, ""},
		{"reminder as a string", "fhir/a.go", doc + "var a = \"TO" + "DO\"\n", reminders, ""},
	}
	for _, c := range cases {
		expect(t, c.name, c.rule(sample(t, c.file, c.source)), c.want)
	}
}

func TestPackageComments(t *testing.T) {
	bare := sample(t, "fhir/a.go", "package fhir\n")
	described := sample(t, "fhir/doc.go", "// Package fhir is one.\npackage fhir\n")
	inTest := sample(t, "fhir/a_test.go", "// Package fhir is one.\npackage fhir\n")
	expect(t, "no comment", packageComments([]*file{bare, inTest}), "fhir/a.go:1: package fhir has no comment")
	expect(t, "a comment in another file", packageComments([]*file{bare, described}), "")
	expect(t, "only tests", packageComments([]*file{inTest}), "")
}

func TestByteIndexing(t *testing.T) {
	const clause = "package a\n\n"
	cases := []struct{ name, source, want string }{
		{"parameter", "func f(b []byte) { _ = b[0] }", "through the cursor"},
		{"slicing", "func f(b []byte) { g(b[1:]) }", "through the cursor"},
		{"uint8", "func f(b []uint8) { _ = b[0] }", "through the cursor"},
		{"closure parameter", "var f = 1\nfunc g() { h(func(b []byte) { _ = b[0] }) }", "through the cursor"},
		{"field", "type t struct{ data []byte }\nfunc (t t) f() { _ = t.data[0] }", "through the cursor"},
		{"named type", "type frame []byte\nfunc f(b frame) { _ = b[0] }", "through the cursor"},
		{"receiver", "type frame []byte\nfunc (b frame) f() { _ = b[0] }", "through the cursor"},
		{"result", "func g() ([]byte, error) { return nil, nil }\nfunc f() { b, _ := g(); _ = b[0] }", "through the cursor"},
		{"cursor", "func f(c C) { _ = c.Take(2, \"\")[0] }", "through the cursor"},
		{"conversion", "func f(s string) { b := []byte(s); _ = b[0] }", "through the cursor"},
		{"made", "func f() { b := make([]byte, 2); b[0] = 1 }", "through the cursor"},
		{"copied", "func f(b []byte) { c := b; _ = c[0] }", "through the cursor"},
		{"variable", "var b []byte\nfunc f() { _ = b[0] }", "through the cursor"},
		{"string of bytes", "func f(b []byte) { s := string(b); _ = s[0] }", "through the cursor"},
		{"other slice", "func f(b []int) { _ = b[0] }", ""},
		{"map", "var names = map[byte]string{}\nfunc f(b byte) { _ = names[b] }", ""},
		{"array", "func f() { var a [4]byte; _ = a[0] }", ""},
		{"range", "func f(b []byte) { for range b {} }", ""},
		{"the same name in another function", "func f(b []byte) {}\nfunc g(b []int) { _ = b[0] }", ""},
	}
	for _, c := range cases {
		f := sample(t, "adapters/a/a.go", clause+c.source+"\n")
		expect(t, c.name, byteIndexing([]*file{f}), c.want)
	}
	const bad = clause + "func f(b []byte) { _ = b[0] }\n"
	for _, name := range []string{"adapters/cursor/a.go", "adapters/hl7v2/a.go", "adapters/a/a_test.go", "server/a.go"} {
		expect(t, name, byteIndexing([]*file{sample(t, name, bad)}), "")
	}
	declared := sample(t, "adapters/a/a.go", clause+"type t struct{ data []byte }\n")
	used := sample(t, "adapters/a/b.go", clause+"func f(t t) { _ = t.data[0] }\n")
	expect(t, "declared in another file", byteIndexing([]*file{declared, used}), "adapters/a/b.go:3")
}

func TestText(t *testing.T) {
	cases := []struct{ text, want string }{
		{"nothing\n", ""},
		{"see https://" + hosts[0] + "/x\n", "it names the registry"},
		{"a\n" + hosts[0] + "\n", "f:2: it names the registry"},
		{"GOPROXY=" + strings.ToUpper(hosts[0]), "it names the registry"},
		{"go." + hosts[len(hosts)-1] + "/x", "it names the registry go."},
		{"x" + hosts[0] + ".example.com", ""},
		{"my-" + hosts[0], ""},
		{"a\n/wo" + "rk/main\n", "f:2: it names the machine's path"},
		{"cd \"/ro" + "ot/x\"", "it names the machine's path"},
		{"/ho" + "me/ann/x", "it names the machine's path"},
		{"http://example.org/wo" + "rk/x", ""},
		{"docs/wo" + "rk/x and ./ro" + "ot/x", ""},
		{"a\x00/wo" + "rk/main\n", ""},
	}
	for _, c := range cases {
		expect(t, c.text, text("f", []byte(c.text)), c.want)
	}
}

// A rule that never sees a file finds nothing: the loader is tested as well.
func TestLoad(t *testing.T) {
	for name, want := range map[string]bool{
		"a/b.go": false, "testdata/a.go": true, "a/testdata/b.go": true, "_a/b.go": true, ".a/b.go": true,
	} {
		if hiddenFromGo(name) != want {
			t.Errorf("hiddenFromGo(%s) = %v", name, !want)
		}
	}
	if _, err := parseFile("a.go", []byte("what")); err == nil {
		t.Error("a file that is no Go is read")
	}
}
