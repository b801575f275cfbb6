package term_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/term"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// suite is the terminology ecosystem's tests: files by name and the index.
type suite struct {
	files map[string][]byte
	index *fhir.Element
}

func readSuite(t *testing.T) *suite {
	t.Helper()
	in, err := gzip.NewReader(bytes.NewReader(shared.Read(t, "data", "tx-ecosystem-tests.tgz")))
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{files: map[string][]byte{}}
	for archive := tar.NewReader(in); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		s.files[strings.TrimPrefix(path.Clean(h.Name), "tests/")] = bytes.TrimPrefix(data, []byte("\uFEFF"))
	}
	s.index = s.json(t, "test-cases.json")
	return s
}

func (s *suite) json(t *testing.T, name string) *fhir.Element {
	t.Helper()
	e, err := fhir.ParseElement(s.files[name])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return e
}

// memory is a Source of loaded resources.
type memory []*fhir.Resource

func (m memory) Find(typ, canonical string) (*fhir.Resource, bool) {
	url, version, _ := strings.Cut(canonical, "|")
	var best *fhir.Resource
	for _, r := range m {
		if r.Type() != typ || r.Get("url").Text() != url || version != "" && r.Get("version").Text() != version {
			continue
		}
		if best == nil || r.Get("version").Text() > best.Get("version").Text() {
			best = r
		}
	}
	return best, best != nil
}

func (m memory) Versions(typ, url string) []string {
	var out []string
	for _, r := range m {
		if r.Type() == typ && r.Get("url").Text() == url {
			out = append(out, r.Get("version").Text())
		}
	}
	return out
}

func (m memory) All(typ string) iter.Seq2[*fhir.Resource, error] {
	return func(yield func(*fhir.Resource, error) bool) {
		for _, r := range m {
			if r.Type() == typ && !yield(r, nil) {
				return
			}
		}
	}
}

// explained says why a failing case is left so.
var explained = map[string]string{
	"extensions/validate-code-inactive-display": "the designation says withdrawn, and we repeat that; the case wants deprecated",
	"overload/expand-enum-good":                 "the case wants the display of version 1.0.0 for a code of version 2.0.0",
}

// TestSuite runs the tests of HL7's fhir-tx-ecosystem-ig against the engine.
func TestSuite(t *testing.T) {
	s := readSuite(t)
	var rows, failed [][]string
	all, good := 0, 0
	embedded := term.New(profiles.R4())
	for _, group := range s.index.Get("suites").Items() {
		name := group.Get("name").Text()
		var source memory
		var setup []*fhir.Element
		for _, file := range group.Get("setup").Items() {
			r, err := fhir.AsResource(s.json(t, file.Text()))
			if err != nil {
				t.Fatalf("%s: %v", file.Text(), err)
			}
			source = append(source, r)
			setup = append(setup, fhir.NewObject(fhir.S("name", "tx-resource"), fhir.M("resource", r.Root())))
		}
		stored := term.New(term.Layers(source, profiles.R4()))
		n, ok := 0, 0
		for _, test := range group.Get("tests").Items() {
			n++
			why := s.run(t, stored, test, nil)
			if sent := s.run(t, embedded, test, setup); why == "" && sent != "" {
				why = "with the resources in the request: " + sent
			}
			if why != "" {
				test := name + "/" + test.Get("name").Text()
				if known := explained[test]; known != "" {
					why = known + ": " + why
				}
				failed = append(failed, []string{test, "no", why})
			} else {
				ok++
			}
		}
		rows = append(rows, []string{name, fmt.Sprintf("%d of %d", ok, n), ""})
		all, good = all+n, good+ok
	}
	if os.Getenv("VITALWIRE_TX_VERBOSE") != "" {
		for _, f := range failed {
			t.Log(strings.Join(f, "  "))
		}
		for _, r := range rows {
			t.Log(strings.Join(r, "  "))
		}
	}
	rows = append(rows, []string{"all", fmt.Sprintf("%d of %d (%.1f %%)", good, all, 100*float64(good)/float64(all)), ""})
	conformance.Table(t, "terminology", "Terminology",
		"HL7's fhir-tx-ecosystem-ig, general mode, run on the engine (`fhir/term`) by the tests' own rules of comparison, each case twice: on stored resources and on resources sent with the request.",
		[]string{"suite or failing case", "passed", "why not"}, append(rows, failed...))
	if good*100 < all*85 {
		t.Errorf("%d of %d pass", good, all)
	}
}

// run runs one test, with resources sent along; the answer is why it fails.
func (s *suite) run(t *testing.T, service *term.Service, test *fhir.Element, sent []*fhir.Element) string {
	request := term.Request{Language: test.Get("Accept-Language").Text()}
	if file := test.Get("request"); file != nil {
		in, err := fhir.AsResource(s.json(t, file.Text()).Clone())
		if err != nil {
			return err.Error()
		}
		profile := "parameters-default.json"
		if p := test.Get("profile"); p != nil {
			profile = p.Text()
		}
		for _, p := range s.json(t, profile).Get("parameter").Items() {
			in.Get("parameter").Append(p)
		}
		in.Get("parameter").Append(sent...)
		request.Parameters = in
	}
	operations := map[string]func(context.Context, term.Request) (*fhir.Resource, error){
		"expand": service.Expand, "validate-code": service.ValidateCode, "cs-validate-code": service.ValidateInSystem,
		"lookup": service.Lookup, "translate": service.Translate, "batch-validate": service.BatchValidate,
		"term-caps": func(context.Context, term.Request) (*fhir.Resource, error) {
			return service.Capabilities("1.0.0", "2026-11-22"), nil
		},
	}
	run := operations[test.Get("operation").Text()]
	if run == nil {
		return "operation " + test.Get("operation").Text() + " is not run"
	}
	out, err := run(t.Context(), request)
	wantError := strings.HasPrefix(test.Get("http-code").Text(), "4")
	if err != nil {
		var known bool
		if out, known = term.Outcome(err); !known {
			return "error without outcome: " + err.Error()
		}
		if !wantError {
			return "fails: " + err.Error()
		}
	} else if wantError {
		return "should fail"
	}
	var why string
	for _, name := range []string{"response", "response2"} {
		file := test.Get(name)
		if file == nil {
			continue
		}
		want := s.json(t, file.Text())
		if out.Type() == "TerminologyCapabilities" {
			if why = lacks("", want, out.Root()); why == "" {
				return ""
			}
			continue
		}
		if why = differ("", want, asR5(out.Root())); why == "" {
			return ""
		}
	}
	return why
}

// asR5 shows an R4 answer as the R5 the tests are written in: R5's expansion
// properties are extensions in R4.
func asR5(e *fhir.Element) *fhir.Element {
	switch e.Kind() {
	case fhir.Array:
		out := fhir.NewArray()
		for _, item := range e.Items() {
			out.Append(asR5(item))
		}
		return out
	case fhir.Object:
	default:
		return e
	}
	out := fhir.NewObject()
	for _, m := range e.Members() {
		if m.Name != "extension" {
			out.Set(m.Name, asR5(m.Value))
			continue
		}
		kept, properties := fhir.NewArray(), fhir.NewArray()
		for _, x := range m.Value.Items() {
			if !strings.HasPrefix(x.Get("url").Text(), "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.") {
				kept.Append(asR5(x))
				continue
			}
			p := fhir.NewObject()
			for _, part := range x.Get("extension").Items() {
				v := part.Members()[1]
				name := v.Name
				if u := part.Get("url").Text(); u != "value" {
					name = u
				}
				p.Set(name, v.Value)
			}
			properties.Append(p)
		}
		if kept.Len() > 0 {
			out.Set("extension", kept)
		}
		if properties.Len() > 0 {
			out.Set("property", properties)
		}
	}
	return out
}

// differ compares by the rules of the suite's readme: order never matters, and
// the $...$ words are wildcards. location is left out: R4 deprecates it, the
// expected answers have it here and there, and the suite's own runner does not
// look at it.
func differ(at string, want, got *fhir.Element) string {
	switch {
	case want.Kind() == fhir.Array:
		return differArray(at, want, got)
	case want.Kind() == fhir.Object:
		return differObject(at, want, got)
	case want.Kind() != got.Kind():
		return fmt.Sprintf("%s is a %s, not a %s", at, got.Kind(), want.Kind())
	case !matches(want.Text(), got.Text()):
		return fmt.Sprintf("%s is %q, not %q", at, got.Text(), want.Text())
	}
	return ""
}

func differObject(at string, want, got *fhir.Element) string {
	if !got.Is(fhir.Object) {
		return at + " is missing or no object"
	}
	var optional, counted []string
	for _, o := range want.Get("$optional-properties$").Items() {
		optional = append(optional, o.Text())
	}
	for _, o := range want.Get("$count-arrays$").Items() {
		counted = append(counted, o.Text())
	}
	for _, m := range got.Members() {
		w := want.Get(m.Name)
		switch {
		case m.Name == "location":
		case w == nil:
			return fmt.Sprintf("%s.%s should not be there: %.300s", at, m.Name, m.Value.AppendJSON(nil))
		case slices.Contains(counted, m.Name):
			if w.Len() != m.Value.Len() {
				return fmt.Sprintf("%s.%s has %d items, not %d", at, m.Name, m.Value.Len(), w.Len())
			}
		default:
			if why := differ(at+"."+m.Name, w, m.Value); why != "" {
				return why
			}
		}
	}
	for _, m := range want.Members() {
		if strings.HasPrefix(m.Name, "$") || m.Name == "location" || slices.Contains(optional, m.Name) || slices.Contains(optional, "*") ||
			got.Get(m.Name) != nil {
			continue
		}
		if m.Value.Is(fhir.Array) && !slices.ContainsFunc(m.Value.Items(), func(e *fhir.Element) bool { return !isOptional(e) }) {
			continue // all of its items may be left out
		}
		return fmt.Sprintf("%s.%s is missing", at, m.Name)
	}
	return ""
}

func differArray(at string, want, got *fhir.Element) string {
	if !got.Is(fhir.Array) {
		return at + " is missing or no list"
	}
	used := make([]bool, want.Len())
	for i, g := range got.Items() {
		near, nearest := "", -1
		found := false
		for j, w := range want.Items() {
			if used[j] {
				continue
			}
			why := differ(fmt.Sprintf("%s[%d]", at, i), w, g)
			if why == "" {
				used[j], found = true, true
				break
			}
			if alike := likeness(w, g); alike > nearest {
				near, nearest = why, alike
			}
		}
		if !found {
			return fmt.Sprintf("%s[%d] is not expected (%s)", at, i, near)
		}
	}
	for j, w := range want.Items() {
		if !used[j] && !isOptional(w) {
			return fmt.Sprintf("%s lacks %.400s", at, w.AppendJSON(nil))
		}
	}
	return ""
}

// likeness finds the expected item that was probably meant.
func likeness(w, g *fhir.Element) int {
	n := 0
	for _, m := range g.Members() {
		if o := w.Get(m.Name); o != nil && o.Equal(m.Value) {
			n++
		}
	}
	return n
}

// isOptional: we are neither tx.fhir.org nor an R5 server.
func isOptional(e *fhir.Element) bool {
	o := e.Get("$optional$")
	if o == nil {
		return false
	}
	text := o.Text()
	return text == "true" || text == "!tx.fhir.org" || text == "version:4" || strings.HasPrefix(text, "warning:")
}

func matches(want, got string) bool {
	want = strings.ReplaceAll(want, "$version$", "4.0.1") // of FHIR
	if !strings.HasPrefix(want, "$") || !strings.HasSuffix(want, "$") || len(want) < 2 {
		return want == got
	}
	command, rest, _ := strings.Cut(want[1:len(want)-1], ":")
	fragments := func(text string) bool {
		for f := range strings.SplitSeq(text, "|") {
			if !strings.Contains(strings.ToLower(got), strings.ToLower(f)) {
				return false
			}
		}
		return true
	}
	switch command {
	case "choice":
		return slices.Contains(strings.Split(rest, "|"), got)
	case "fragments":
		return fragments(rest)
	case "external":
		// The runner cuts at every colon, so that of a url the scheme is left.
		_, texts, _ := strings.Cut(rest, ":")
		texts, _, _ = strings.Cut(texts, ":")
		return fragments(texts)
	case "uuid":
		return strings.HasPrefix(got, "urn:uuid:") && len(got) == 45
	case "instant":
		_, ok := fhir.ParseInstant(got)
		return ok
	case "id":
		return fhir.ValidID(got)
	case "", "token", "string", "date", "version", "url":
		return got != ""
	}
	return false
}

// lacks compares what every server says of itself: more may be said.
func lacks(at string, want, got *fhir.Element) string {
	for _, m := range want.Members() {
		g := got.Get(m.Name)
		switch m.Value.Kind() {
		case fhir.Object:
			if why := lacks(at+"."+m.Name, m.Value, g); why != "" {
				return why
			}
		case fhir.Array:
			for _, item := range m.Value.Items() {
				if !slices.ContainsFunc(g.Items(), func(e *fhir.Element) bool { return lacks("", item, e) == "" }) {
					return fmt.Sprintf("%s.%s lacks %s", at, m.Name, item.AppendJSON(nil))
				}
			}
		default:
			if !matches(m.Value.Text(), g.Text()) {
				return fmt.Sprintf("%s.%s is %q, not %q", at, m.Name, g.Text(), m.Value.Text())
			}
		}
	}
	return ""
}
