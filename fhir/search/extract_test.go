package search

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// everything is every SearchParameter of R4 and the packages, in every version,
// each under a code of its own.
type everything struct {
	Definitions
	byBase map[string][]*definition.SearchParameter
}

func (e everything) SearchParameters(typ string) []*definition.SearchParameter {
	return slices.Concat(e.byBase["Resource"], e.byBase["DomainResource"], e.byBase[typ])
}

func everySearchParameter(t *testing.T) everything {
	t.Helper()
	library := profiles.NewLibrary(profiles.R4(), profiles.DefaultLimits(), profiles.DefaultMemory)
	if _, err := library.LoadDir(t.Context(), shared.Path(t, "data", "igs")); err != nil {
		t.Fatal(err)
	}
	all := everything{library.Set(), map[string][]*definition.SearchParameter{}}
	n := 0
	for r, err := range library.Set().All("SearchParameter") {
		if err != nil {
			t.Fatal(err)
		}
		p, err := definition.SearchParameterFrom(r)
		if err != nil {
			continue
		}
		n++
		p.Code = fmt.Sprintf("%s-%d", p.Code, n)
		for _, base := range p.Bases {
			all.byBase[base] = append(all.byBase[base], p)
		}
	}
	t.Logf("%d search parameters", n)
	return all
}

// evaluateAll is Extract by evaluating every expression by itself.
func evaluateAll(g *Registry, r *fhir.Resource) []Value {
	x := newExtraction(g)
	for _, p := range g.table(r.Type()).indexed {
		before := len(x.values)
		x.evaluate(r, p)
		own := x.values[before:]
		slices.SortFunc(own, func(a, b Value) int { return a.compare(&b) })
		x.values = x.values[:before+len(slices.CompactFunc(own, func(a, b Value) bool { return a.compare(&b) == 0 }))]
	}
	return newExtraction(g).appendWhole(g.table(r.Type()), x.values, r)
}

func sameValue(a, b Value) bool { return a.Param == b.Param && a.compare(&b) == 0 }

// TestExtract_IsEvaluation: on all R4 examples and Synthea resources the walk gives
// the values that the FHIRPath of every known SearchParameter gives, in that order.
func TestExtract_IsEvaluation(t *testing.T) {
	for name, g := range map[string]*Registry{
		"R4":     NewRegistry(profiles.R4(), "http://h/fhir"),
		"guides": NewRegistry(everySearchParameter(t), "http://h/fhir"),
	} {
		compared, wrong := 0, 0
		compare := func(r *fhir.Resource) {
			got, want := slices.DeleteFunc(g.Extract(r), func(v Value) bool { return v.Param.Internal() }), evaluateAll(g, r)
			compared += len(want)
			if !slices.EqualFunc(got, want, sameValue) && wrong < 20 {
				wrong++
				t.Errorf("%s, %s: %s", name, r.Key(), difference(got, want))
			}
		}
		everyResource(t, compare)
		t.Logf("%s: %d values", name, compared)
		if compared < 25_000 {
			t.Errorf("%s: only %d values compared", name, compared)
		}
	}
}

func difference(got, want []Value) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("%s %+v is missing", want[i].Param.Code, want[i])
		case i >= len(want) || !sameValue(got[i], want[i]):
			return fmt.Sprintf("%s %+v is not given by evaluation", got[i].Param.Code, got[i])
		}
	}
	return ""
}

// TestExtract_WalksR4 names the parameters of R4 that are evaluated by themselves.
func TestExtract_WalksR4(t *testing.T) {
	g := NewRegistry(profiles.R4(), "http://h/fhir")
	var alone []string
	for _, typ := range fhir.ResourceTypes() {
		table := g.table(typ)
		for i, p := range table.indexed {
			if table.plan.alone[i] {
				alone = append(alone, fmt.Sprintf("%s.%s %v", typ, p.Code, slices.Contains(table.plan.always, i)))
			}
		}
	}
	want := []string{"Bundle.composition false", "Bundle.message false", "Patient.deceased true"}
	if !slices.Equal(alone, want) {
		t.Errorf("evaluated by themselves: %q", alone)
	}
}

// perArchive is how many bytes of an archive the comparison takes.
const perArchive = 4 << 20

// everyResource goes through the R4 examples and what is in Synthea's bundles.
func everyResource(t *testing.T, fn func(*fhir.Resource)) {
	t.Helper()
	for _, archive := range [][]string{{"data", "r4", "r4-examples.tgz"}, {"data", "synthea", "synthea-2.7.0-patients.tgz"}, {"data", "synthea", "smart-generated-sample-data-r4.tgz"}} {
		bytesLeft := perArchive
		eachFile(t, shared.Path(t, archive...), func(data []byte) {
			if bytesLeft -= len(data); bytesLeft < 0 {
				return
			}
			r, err := fhir.ParseResource(data)
			if err != nil {
				return
			}
			fn(r)
			if r.Type() == "Bundle" {
				for _, entry := range r.Get("entry").Items() {
					if inner, err := fhir.AsResource(entry.Get("resource")); err == nil {
						fn(inner)
					}
				}
			}
		})
	}
}

func eachFile(t *testing.T, archive string, fn func(data []byte)) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(header.Name, ".json") {
			continue
		}
		data, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		fn(bytes.Clone(data))
	}
}

// TestExtract_ComputedValues: what an expression computes is found as an element of
// that value would be.
func TestExtract_ComputedValues(t *testing.T) {
	g := NewRegistry(customized{profiles.R4(), []*definition.SearchParameter{
		{Code: "c-full", Type: "string", Expression: "Patient.name.select(given.first() & ' ' & family)"},
		{Code: "c-many", Type: "number", Expression: "Patient.name.count()"},
		{Code: "c-named", Type: "token", Expression: "Patient.name.exists()"},
		{Code: "c-born", Type: "date", Expression: "Patient.birthDate + 1 year"},
		{Code: "c-time", Type: "date", Expression: "Patient.birthDate.extension('http://hl7.org/fhir/StructureDefinition/patient-birthTime').value.ofType(dateTime)"},
		{Code: "c-mass", Type: "quantity", Expression: "2 'kg'"},
	}}, "http://h/fhir")
	r, err := fhir.ParseResource([]byte(`{"resourceType":"Patient","name":[{"given":["Ann","B"],"family":"Lee"}],"birthDate":"2000-02-29",
		"_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"2000-02-29T10:00:00Z"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Value{}
	for _, v := range g.Extract(r) {
		got[v.Param.Code] = v
	}
	if got["c-full"].Text != "Ann Lee" || got["c-named"].Code != "true" {
		t.Errorf("got %+v", got)
	}
	if a := got["c-many"].Amount; a == nil || a.Low != "6500011" {
		t.Errorf("c-many is %+v", a)
	}
	if a := got["c-mass"].Amount; a == nil || a.Canonical != "g" || a.From != "6500042" {
		t.Errorf("c-mass is %+v", a)
	}
	low, _, _ := dateRange(fhir.NewString("2001-02-28"))
	moment, _, _ := dateRange(fhir.NewString("2000-02-29T10:00:00Z"))
	if got["c-born"].Low != low || got["c-time"].Low != moment {
		t.Errorf("c-born %d, c-time %d", got["c-born"].Low, got["c-time"].Low)
	}
}

type customized struct {
	Definitions
	more []*definition.SearchParameter
}

func (c customized) SearchParameters(typ string) []*definition.SearchParameter {
	if typ == "Patient" {
		return c.more
	}
	return c.Definitions.SearchParameters(typ)
}
