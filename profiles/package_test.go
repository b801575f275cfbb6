package profiles_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// igs is a library with every package of the shared folder. It is loaded once.
func igs(t testing.TB) *profiles.Library {
	t.Helper()
	dir := shared.Path(t, "data", "igs")
	l, err := loadGuides(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if loaded := l.Set().Packages(); err != nil || len(files) != len(loaded) {
		t.Fatalf("%d of %d packages loaded (%v)", len(loaded), len(files), err)
	}
	return l
}

var guides struct {
	sync.Once
	library *profiles.Library
	err     error
}

func loadGuides(dir string) (*profiles.Library, error) {
	guides.Do(func() {
		guides.library = profiles.NewLibrary(profiles.R4(), profiles.DefaultLimits(), profiles.DefaultMemory)
		_, guides.err = guides.library.LoadDir(context.Background(), dir)
	})
	return guides.library, guides.err
}

func TestLibrary_LoadsEveryGuide(t *testing.T) {
	var before, after runtime.MemStats
	profiles.R4()
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	l := igs(t)
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	set := l.Set()
	definitions, estimate := 0, 0
	for _, p := range set.Packages() {
		definitions += len(p.Entries())
		estimate += p.Memory()
		for _, note := range p.Notes {
			t.Logf("%s: %s", p.Key(), note)
		}
	}
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d packages, %d definitions in %v; %d KiB kept, %d KiB by our own estimate",
		len(set.Packages()), definitions, took, grown>>10, estimate>>10)
	if grown > 64<<20 {
		t.Errorf("the packages keep %d MiB", grown>>20)
	}
	bad := 0
	for _, e := range set.List("StructureDefinition") {
		if _, err := set.Structure(e.Canonical()); err != nil {
			bad++
			t.Errorf("%s (%s): %v", e.Canonical(), e.Package, err)
		}
	}
	runtime.GC()
	var used runtime.MemStats
	runtime.ReadMemStats(&used)
	t.Logf("with every structure compiled: %d KiB", (int64(used.HeapAlloc)-int64(before.HeapAlloc))>>10)
	runtime.KeepAlive(l)
}

func TestSet_VersionsSideBySide(t *testing.T) {
	set := igs(t).Set()
	const patient = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"
	const race = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
	newest, err := set.Structure(patient)
	if err != nil || newest.Version != "8.0.0" {
		t.Fatalf("newest is %v (%v)", newest, err)
	}
	for _, version := range []string{"3.1.1", "4.0.0", "5.0.1", "6.1.0", "7.0.0", "8.0.0"} {
		st, err := set.Structure(patient + "|" + version)
		if err != nil {
			t.Fatal(err)
		}
		e := st.ByID("Patient.extension:race")
		if e == nil || len(e.Types) != 1 || len(e.Types[0].Profiles) != 1 {
			t.Fatalf("%s: no race extension", version)
		}
		if got := e.Types[0].Profiles[0]; got != race+"|"+version {
			t.Errorf("US Core %s means %s", version, got)
		}
	}
	if st, err := set.Structure("Patient"); err != nil || st.Version != "4.0.1" {
		t.Errorf("Patient is %v (%v)", st, err)
	}
}

func TestSet_NamesMissingDependencies(t *testing.T) {
	found := make(map[string]profiles.Missing)
	for _, m := range igs(t).Set().Missing() {
		found[m.Package+" "+m.Needs.Key()] = m
	}
	for key, instead := range map[string]string{
		"hl7.fhir.us.core#8.0.0 us.nlm.vsac#0.23.0":                   "",
		"hl7.fhir.us.core#8.0.0 hl7.terminology.r4#6.4.0":             "7.0.1",
		"hl7.fhir.us.core#7.0.0 hl7.fhir.uv.extensions#5.1.0-cibuild": "5.2.0",
	} {
		if m, ok := found[key]; !ok || m.Instead != instead {
			t.Errorf("%s: %+v, want instead %q", key, m, instead)
		}
	}
	for key := range found {
		if strings.Contains(key, "hl7.fhir.r4.core") || strings.Contains(key, "hl7.fhir.us.core#8.0.0 hl7.fhir.uv.extensions.r4") ||
			strings.Contains(key, "ihe.iti.balp#1.1.4 ") || strings.HasSuffix(key, " ihe.iti.balp#1.1.4") {
			t.Errorf("%s is not missing", key)
		}
	}
}

func TestLibrary_ReadersGoOn(t *testing.T) {
	l := profiles.NewLibrary(profiles.R4(), profiles.DefaultLimits(), profiles.DefaultMemory)
	before := l.Set()
	tgz := archive(t, file("package/package.json", `{"name":"a.b","version":"1.0.0","fhirVersions":["4.0.1"]}`),
		file("package/ValueSet-v.json", `{"resourceType":"ValueSet","url":"http://x/v","version":"1.0.0"}`))
	if _, err := l.Load(context.Background(), bytes.NewReader(tgz), "a.tgz"); err != nil {
		t.Fatal(err)
	}
	if _, ok := before.ValueSet("http://x/v"); ok {
		t.Error("a set changed under its reader")
	}
	if _, ok := l.Set().ValueSet("http://x/v|1.0.0"); !ok {
		t.Error("the package is not in the new set")
	}
	if !l.Remove("a.b", "1.0.0") || l.Remove("a.b", "1.0.0") {
		t.Error("removed not at all or twice")
	}
	if _, ok := l.Set().ValueSet("http://x/v"); ok {
		t.Error("the package is still there")
	}
}

func TestLibrary_MemoryBound(t *testing.T) {
	l := profiles.NewLibrary(profiles.R4(), profiles.DefaultLimits(), 100)
	tgz := archive(t, file("package/package.json", `{"name":"a.b","version":"1.0.0"}`),
		file("package/v.json", `{"resourceType":"ValueSet","url":"http://x/v"}`))
	if _, err := l.Load(context.Background(), bytes.NewReader(tgz), "a.tgz"); err == nil || !strings.Contains(err.Error(), "bound") {
		t.Errorf("over the bound: %v", err)
	}
}

// A package cannot put itself in the place of a type of R4.
func TestSet_KeepsTypes(t *testing.T) {
	tgz := archive(t, file("package/package.json", `{"name":"a.b","version":"9.0.0"}`),
		file("package/p.json", `{"resourceType":"StructureDefinition","url":"http://hl7.org/fhir/StructureDefinition/Patient","version":"9.0.0","kind":"resource","abstract":false,"type":"Patient","derivation":"specialization"}`))
	p, err := profiles.ReadPackage(context.Background(), bytes.NewReader(tgz), "", profiles.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	st, err := profiles.R4().With(p).Structure("Patient")
	if err != nil || st.Version != "4.0.1" {
		t.Errorf("%v %v", st, err)
	}
}

func TestCompareVersions(t *testing.T) {
	ordered := []string{"", "2018-08-12", "1.0.0-ballot", "1.0.0-ballot.2", "1.0.0-ballot.10", "1.0.0", "1.2.0", "1.10.0", "2.0.0-cibuild", "2.0.0"}
	for i := 1; i < len(ordered); i++ {
		if profiles.CompareVersions(ordered[i-1], ordered[i]) >= 0 || profiles.CompareVersions(ordered[i], ordered[i-1]) <= 0 {
			t.Errorf("%q is not older than %q", ordered[i-1], ordered[i])
		}
	}
}

func BenchmarkLibrary_LoadUSCore(b *testing.B) {
	tgz, err := os.ReadFile(shared.Path(b, "data", "igs", "hl7.fhir.us.core-8.0.0.tgz"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := profiles.ReadPackage(context.Background(), bytes.NewReader(tgz), "", profiles.DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}

// Structures without snapshots that refer to each other are answered, not
// waited for; one that derives from itself is refused.
func TestSet_CircularStructures(t *testing.T) {
	sd := func(name, base, other string) entry {
		return file("package/"+name+".json", `{"resourceType":"StructureDefinition","url":"http://x/`+name+`","kind":"complex-type","type":"Identifier","baseDefinition":"`+base+`","derivation":"constraint",
			"differential":{"element":[{"id":"Identifier.assigner.identifier","path":"Identifier.assigner.identifier","type":[{"code":"Identifier","profile":["http://x/`+other+`"]}]}]}}`)
	}
	const identifier = "http://hl7.org/fhir/StructureDefinition/Identifier"
	p, err := profiles.ReadPackage(t.Context(), bytes.NewReader(archive(t,
		sd("a", identifier, "b"), sd("b", identifier, "a"), sd("c", "http://x/d", "a"), sd("d", "http://x/c", "a"))), "x", profiles.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	set := profiles.R4().With(p)
	for _, name := range []string{"a", "b"} {
		if _, err := set.Structure("http://x/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"c", "d"} {
		if _, err := set.Structure("http://x/" + name); err == nil {
			t.Errorf("%s derives from itself and is accepted", name)
		}
	}
}
