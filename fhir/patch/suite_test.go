package patch_test

import (
	"bytes"
	"context"
	stdxml "encoding/xml"
	"fmt"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/patch"
	"vitalwire/fhir/path"
	"vitalwire/fhir/xml"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

type fhirCase struct {
	Name   string `xml:"name,attr"`
	Input  inner  `xml:"input"`
	Diff   inner  `xml:"diff"`
	Output *inner `xml:"output"`
}

type inner struct {
	XML []byte `xml:",innerxml"`
}

func (i inner) resource(t *testing.T) *fhir.Resource {
	t.Helper()
	// The suite has empty elements, which R4 forbids: an empty Patient or Parameters.
	root, issues, err := xml.ParseElement(bytes.TrimSpace(i.XML), profiles.R4())
	if err != nil || len(issues) > 0 {
		t.Fatal(issues, err)
	}
	r, err := fhir.AsResource(root)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The suites of FHIR/fhir-test-cases, r4/patch.
func TestSuites(t *testing.T) {
	rows := [][]string{}
	fhirPath, jsonPatch := fhirPathSuite(t, &rows), jsonSuite(t, &rows)
	rows = append([][]string{
		{"FHIRPath Patch", fmt.Sprintf("%d of 27", fhirPath), "fhir-patch-tests.xml"},
		{"JSON Patch", fmt.Sprintf("%d of 16", jsonPatch), "json-patch-tests.json"},
		{"XML Patch", "not done", "R4 http §3.1.0.7 lets a server choose its patch formats; XML Patch would need XPath"},
	}, rows...)
	conformance.Table(t, "patch", "Patch", "The suites of `../shared/data/fhir-test-cases/patch`, run by `fhir/patch`; a case that fails is listed by name.",
		[]string{"suite or case", "passed", "note"}, rows)
	if fhirPath != 27 || jsonPatch != 16 {
		t.Errorf("FHIRPath Patch %d of 27, JSON Patch %d of 16", fhirPath, jsonPatch)
	}
}

func fhirPathSuite(t *testing.T, rows *[][]string) (passed int) {
	var suite struct {
		Cases []fhirCase `xml:"case"`
	}
	if err := stdxml.Unmarshal(shared.Read(t, "data", "fhir-test-cases", "patch", "fhir-patch-tests.xml"), &suite); err != nil {
		t.Fatal(err)
	}
	model := path.NewModel(profiles.R4())
	for _, c := range suite.Cases {
		input := c.Input.resource(t)
		before := input.Clone()
		p, err := patch.ParseFHIRPath(c.Diff.resource(t), profiles.R4(), model)
		var got *fhir.Resource
		if err == nil {
			got, err = p.Apply(context.Background(), input)
		}
		if !input.Root().Equal(before.Root()) {
			t.Errorf("%s: the input changed", c.Name)
		}
		note := ""
		switch {
		case c.Output == nil && err == nil:
			note = "was done, an error was expected"
		case c.Output == nil:
		case err != nil:
			note = err.Error()
		case !sameAs(got, c.Output.resource(t)):
			note = "gave " + string(got.JSON())
		}
		if note == "" {
			passed++
			continue
		}
		*rows = append(*rows, []string{"FHIRPath Patch: " + c.Name, "no", note})
	}
	return passed
}

// sameAs compares without regard to the order of members, and narratives as
// XHTML: the suite writes a quotation mark in text as it is and as &quot;.
func sameAs(a, b *fhir.Resource) bool {
	for _, r := range [...]*fhir.Resource{a, b} {
		if div := r.Path("text", "div"); div != nil {
			r.Get("text").Set("div", fhir.NewString(strings.ReplaceAll(div.Text(), "&quot;", `"`)))
		}
	}
	test := fhir.NewArray(fhir.NewObject(fhir.S("op", "test"), fhir.S("path", ""), fhir.M("value", b.Root())))
	p, err := patch.JSONFrom(test)
	if err != nil {
		return false
	}
	_, err = p.Apply(context.Background(), a)
	return err == nil
}

func jsonSuite(t *testing.T, rows *[][]string) (passed int) {
	suite, err := fhir.ParseElement(shared.Read(t, "data", "fhir-test-cases", "patch", "json-patch-tests.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range suite.Items() {
		p, err := patch.JSONFrom(c.Get("patch"))
		var got *fhir.Element
		if err == nil {
			got, err = p.ApplyElement(c.Get("doc"))
		}
		want := c.Get("expected")
		note := ""
		switch {
		case want == nil && err == nil:
			note = "was done, an error was expected"
		case want == nil:
		case err != nil:
			note = err.Error()
		default:
			test, _ := patch.JSONFrom(fhir.NewArray(fhir.NewObject(fhir.S("op", "test"), fhir.S("path", ""), fhir.M("value", want))))
			if _, err := test.ApplyElement(got); err != nil {
				note = fmt.Sprintf("gave %s", got.AppendJSON(nil))
			}
		}
		if note == "" {
			passed++
			continue
		}
		*rows = append(*rows, []string{"JSON Patch: " + c.Get("comment").Text(), "no", note})
	}
	return passed
}
