package profiles_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/profiles"
)

func TestR4_HoldsWhatR4Has(t *testing.T) {
	want := map[string]int{
		"StructureDefinition": 649, "SearchParameter": 1375, "ValueSet": 1316, "CodeSystem": 1062,
		"OperationDefinition": 46, "CompartmentDefinition": 5, "CapabilityStatement": 2, "ConceptMap": 19,
	}
	for typ, n := range want {
		if got := len(profiles.R4().List(typ)); got != n {
			t.Errorf("%d %s, want %d", got, typ, n)
		}
	}
	resources := 0
	for _, name := range fhir.ResourceTypes() {
		st, err := profiles.R4().Structure(name)
		if err != nil {
			t.Fatal(err)
		}
		if st.Kind != definition.Resource || st.Abstract || st.Type != name {
			t.Errorf("%s: %+v", name, st)
		}
		resources++
	}
	if resources != 146 {
		t.Errorf("%d resource types, want 146", resources)
	}
}

// Every definition decodes, and every structure compiles.
func TestR4_Decodes(t *testing.T) {
	set := profiles.R4()
	for r, err := range set.All("") {
		if err != nil {
			t.Fatal(err)
		}
		if r.Type() != "StructureDefinition" {
			continue
		}
		if _, err := set.Structure(r.Get("url").Text()); err != nil {
			t.Error(err)
		}
	}
}

func TestSet_FindsByCanonical(t *testing.T) {
	set := profiles.R4()
	for _, c := range []struct {
		typ, canonical string
		found          bool
	}{
		{"", "http://hl7.org/fhir/StructureDefinition/Patient", true},
		{"StructureDefinition", "http://hl7.org/fhir/StructureDefinition/Patient|4.0.1", true},
		{"StructureDefinition", "http://hl7.org/fhir/StructureDefinition/Patient|4.0", true},
		{"StructureDefinition", "http://hl7.org/fhir/StructureDefinition/Patient|5.0.0", false},
		{"ValueSet", "http://hl7.org/fhir/StructureDefinition/Patient", false},
		{"CodeSystem", "http://terminology.hl7.org/CodeSystem/v2-0360|2.3.1", true},
		{"", "http://hl7.org/fhir/ValueSet/detectedissue-status", false},
	} {
		if _, ok := set.Find(c.typ, c.canonical); ok != c.found {
			t.Errorf("Find(%q, %q) = %v", c.typ, c.canonical, ok)
		}
	}
	if r, _ := set.CodeSystem("http://terminology.hl7.org/CodeSystem/v2-0360"); r.Get("version").Text() != "2.7" {
		t.Error("without a version it is not the newest")
	}
	if _, err := set.Structure("Nothing"); !errors.Is(err, definition.ErrUnknown) {
		t.Errorf("unknown structure: %v", err)
	}
}

func TestDescends(t *testing.T) {
	set := profiles.R4()
	for _, c := range []struct {
		typ, ancestor string
		want          bool
	}{
		{"Patient", "DomainResource", true}, {"Patient", "Resource", true}, {"Bundle", "DomainResource", false},
		{"Age", "Quantity", true}, {"code", "string", true}, {"positiveInt", "integer", true}, {"uuid", "uri", true},
		{"http://hl7.org/fhir/StructureDefinition/bp", "Observation", true}, {"Patient", "Observation", false},
		{"Nothing", "Resource", false},
	} {
		if got := definition.Descends(set, c.typ, c.ancestor); got != c.want {
			t.Errorf("Descends(%s, %s) = %v", c.typ, c.ancestor, got)
		}
	}
}

func TestSet_SearchParameters(t *testing.T) {
	codes := make(map[string]*definition.SearchParameter)
	for _, p := range profiles.R4().SearchParameters("Observation") {
		codes[p.Code] = p
	}
	for _, code := range []string{"_id", "_lastUpdated", "_text", "code", "patient", "value-quantity", "code-value-quantity", "date"} {
		if codes[code] == nil {
			t.Errorf("Observation lacks %s", code)
		}
	}
	if p := codes["code-value-quantity"]; p == nil || len(p.Components) != 2 || p.Type != "composite" {
		t.Errorf("code-value-quantity: %+v", p)
	}
	if codes["birthdate"] != nil {
		t.Error("Observation has birthdate")
	}
}

// The first use of R4 stays within 50 ms and 30 MB (issue 3): the index alone,
// and the index with the structures that a first Observation needs.
func TestR4_StartCost(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	start := time.Now()
	set := profiles.OpenR4()
	opened := time.Since(start)
	for _, name := range []string{"Observation", "DomainResource", "Resource", "Quantity", "CodeableConcept", "Reference", "Meta"} {
		if _, err := set.Structure(name); err != nil {
			t.Fatal(err)
		}
	}
	used := time.Since(start)
	grown := int64(heap()) - int64(before)
	t.Logf("index %v, with seven structures %v, %d KiB kept", opened, used, grown>>10)
	if grown > 30<<20 {
		t.Errorf("R4 keeps %d KiB", grown>>10)
	}
	// Wall time on a busy machine is noise: the bound is ten times what it takes.
	if opened > 50*time.Millisecond {
		t.Errorf("opening R4 took %v", opened)
	}
	runtime.KeepAlive(set)
}

func BenchmarkR4_Open(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		profiles.OpenR4()
	}
}

// The first use of one structure: inflate its block, parse, compile.
func BenchmarkR4_FirstObservation(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		set := profiles.OpenR4()
		b.StartTimer()
		if _, err := set.Structure("Observation"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet_Structure(b *testing.B) {
	set := profiles.R4()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := set.Structure("Observation"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet_Find(b *testing.B) {
	set := profiles.R4()
	r, _ := set.Find("", "http://hl7.org/fhir/ValueSet/observation-status|4.0.1")
	b.ReportAllocs()
	for b.Loop() {
		set.Find("", "http://hl7.org/fhir/ValueSet/observation-status|4.0.1")
	}
	runtime.KeepAlive(r)
}

func TestSet_Concurrent(t *testing.T) {
	set := profiles.OpenR4()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for _, name := range []string{"Observation", "Patient", "Quantity", "Device"} {
				if _, err := set.Structure(name); err != nil {
					t.Error(err)
				}
				set.Find("", definition.TypeURL(name))
				set.SearchParameters(name)
			}
		})
	}
	group.Wait()
	a, _ := set.Structure("Observation")
	if b, _ := set.Structure("http://hl7.org/fhir/StructureDefinition/Observation|4.0.1"); a != b {
		t.Error("one structure is compiled twice")
	}
}
