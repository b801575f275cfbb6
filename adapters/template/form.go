package template

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"vitalwire/adapters/template/query"
	"vitalwire/fhir"
)

// maxTemplate is the most bytes of one template file.
const maxTemplate = 1 << 20

// Issue is what is wrong with a template, and where: a path such as
// $.readings[0].code.
type Issue struct{ Path, Text string }

// Invalid is a template that cannot be used.
type Invalid struct{ Issues []Issue } //nolint:errname // what the template is

func (e *Invalid) Error() string {
	var lines []string
	for _, i := range e.Issues {
		lines = append(lines, i.Path+": "+i.Text)
	}
	return strings.Join(lines, "; ")
}

// mostIssues is how many are listed.
const mostIssues = 50

// form collects what is wrong with a template while it is read.
type form struct {
	issues []Issue
	// lax lets members pass that are not known, as iomt-fhir does.
	lax bool
}

// entry is a value of the template's JSON and where it stands.
type entry struct {
	form *form
	e    *fhir.Element
	path string
}

// open reads the JSON of a template file. A byte order mark, which files written on
// Windows have, is passed over.
func open(data []byte, lax bool) (entry, *form, error) {
	f := &form{lax: lax}
	if len(data) > maxTemplate {
		return entry{}, f, &Invalid{[]Issue{{"$", fmt.Sprintf("a template is at most %d bytes", maxTemplate)}}}
	}
	e, err := fhir.ParseElement(bytes.Clone(bytes.TrimPrefix(data, []byte("\uFEFF"))))
	if err != nil {
		return entry{}, f, &Invalid{[]Issue{{"$", err.Error()}}}
	}
	return entry{f, e, "$"}, f, nil
}

// err is what was found wrong, nil for nothing.
func (f *form) err() error {
	if len(f.issues) == 0 {
		return nil
	}
	return &Invalid{f.issues}
}

func (n entry) fail(format string, args ...any) {
	if len(n.form.issues) < mostIssues {
		n.form.issues = append(n.form.issues, Issue{n.path, fmt.Sprintf(format, args...)})
	}
}

func (n entry) present() bool { return n.e.Kind() != fhir.Null }

// object wants an object with no members but the known ones.
func (n entry) object(known ...string) bool {
	if !n.e.Is(fhir.Object) {
		n.fail("an object is meant here, this is %s", kind(n.e))
		return false
	}
	if !n.form.lax {
		for _, m := range n.e.Members() {
			if !slices.Contains(known, m.Name) {
				n.get(m.Name).fail("there is no such member; known are %s", strings.Join(known, ", "))
			}
		}
	}
	return true
}

func kind(e *fhir.Element) string {
	switch e.Kind() {
	case fhir.Null:
		return "nothing"
	case fhir.Array, fhir.Object:
		return "an " + e.Kind().String()
	}
	return "a " + e.Kind().String()
}

// get is a member, which may be absent. A lax form matches names without case.
func (n entry) get(name string) entry {
	e := n.e.Get(name)
	if e == nil && n.form.lax {
		for _, m := range n.e.Members() {
			if strings.EqualFold(m.Name, name) {
				e = m.Value
			}
		}
	}
	return entry{n.form, e, n.path + "." + name}
}

// items are the items of an array; what is none is a fault, absence is not.
func (n entry) items() []entry {
	if !n.present() {
		return nil
	}
	if !n.e.Is(fhir.Array) {
		n.fail("an array is meant here, this is %s", kind(n.e))
		return nil
	}
	var list []entry
	for i, m := range n.e.Members() {
		list = append(list, entry{n.form, m.Value, fmt.Sprintf("%s[%d]", n.path, i)})
	}
	return list
}

// text is a string; "" when absent.
func (n entry) text() string {
	if !n.present() {
		return ""
	}
	if !n.e.Is(fhir.String) {
		n.fail("a string is meant here, this is %s", kind(n.e))
		return ""
	}
	return n.e.Text()
}

// needed is a string that must be there, and say something.
func (n entry) needed() string {
	text := n.text()
	if strings.TrimSpace(text) == "" && (!n.present() || n.e.Is(fhir.String)) {
		n.fail("this is required")
	}
	return text
}

// one is a string of a list, or otherwise when absent.
func (n entry) one(otherwise string, of ...string) string {
	text := n.text()
	if !n.present() {
		return otherwise
	}
	if !slices.Contains(of, text) {
		n.fail("%q is none of %s", text, strings.Join(of, ", "))
	}
	return text
}

// truth is a boolean, or the string of one; false when absent.
func (n entry) truth() bool {
	if !n.present() {
		return false
	}
	switch text := strings.ToLower(n.e.Text()); {
	case text == "true":
		return true
	case text != "false":
		n.fail("true or false is meant here")
	}
	return false
}

// expression compiles {"value"|"expression": .., "language": ..} or a string in the
// language of the surroundings; nil when absent.
func (n entry) expression(language string) *query.Expression {
	text := n.e.Text()
	member := "expression"
	if n.form.lax {
		member = "value"
	}
	switch {
	case !n.present():
		return nil
	case n.e.Is(fhir.Object):
		n.object(member, "language")
		if given := n.get("language").text(); given != "" {
			language = given
		}
		text = n.get(member).needed()
	case !n.e.Is(fhir.String):
		n.fail("an expression is meant here, this is %s", kind(n.e))
		return nil
	}
	if language == column {
		if text == "" {
			n.fail("this is required")
		}
		return query.Column(text)
	}
	x, err := query.Compile(language, text)
	if err != nil {
		n.fail("%v", err)
		return nil
	}
	return x
}

// column is the language of CSV: the name of a column.
const column = "column"
