package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/internal/spawn"
	"vitalwire/server/store"
)

// class is a kind of search; {x} is drawn for every request.
type class struct{ name, path string }

// classes are asked of Synthea patients; an answer other than 200 is an error.
var classes = []class{
	{"read", "Patient/{patient}"},
	{"page of a type", "Observation?_count=10"},
	{"total of a type", "Observation?_count=1&_total=accurate"},
	{"token", "Observation?code=http://loinc.org|8302-2&_count=5"},
	{"token, total", "Observation?code=http://loinc.org|8302-2&_count=5&_total=accurate"},
	{"token of a component, total", "Observation?combo-code=http://loinc.org|8480-6&_count=1&_total=accurate"},
	{"token or token", "Observation?code=http://loinc.org|8302-2,http://loinc.org|29463-7&_count=10"},
	{"date", "Observation?date=ge2019-01-01&_count=5"},
	{"date, sorted", "Observation?date=ge2015-01-01&_sort=-date&_count=10"},
	{"quantity", "Observation?code=http://loinc.org|8302-2&value-quantity=gt170&_count=10"},
	{"composite", "Observation?code-value-quantity=http://loinc.org|8302-2$gt170&_count=10"},
	{"patient", "Observation?patient={patient}&_count=20"},
	{"patient + code, newest", "Observation?patient={patient}&code=http://loinc.org|8302-2&_sort=-date&_count=20"},
	{"patient + category + date", "Observation?patient={patient}&category=vital-signs&date=ge2010&_sort=-date&_count=20"},
	{"patient's encounters", "Encounter?patient={patient}&_count=10"},
	{"string", "Patient?family=S&_count=5"},
	{"two strings", "Patient?gender=female&family=B&_count=5"},
	{"string :contains", "Patient?family:contains=an&_count=5"},
	{"sorted by name", "Patient?gender=male&_sort=family,birthdate&_count=10"},
	{"chain", "Observation?patient.family=B&code=http://loinc.org|8302-2&_count=10"},
	{"chain by name", "Condition?subject:Patient.gender=female&_count=10"},
	{"_has", "Patient?_has:Condition:patient:code=59621000&_count=10"},
	{"_include", "Encounter?patient={patient}&_include=Encounter:participant&_include=Encounter:patient&_count=10"},
	{"_revinclude", "Patient?_id={patient}&_revinclude=Condition:patient"},
	{":not", "Observation?status:not=final&_count=5"},
	{":missing", "Patient?deceased:missing=false&death-date:missing=false&_count=5"},
	{"nothing found", "Observation?code=urn:none|none&_total=accurate"},
}

// fill draws the {patient} of a path.
func fill(path string, patients []string, random *rand.Rand) string {
	path = strings.ReplaceAll(path, "{patient}", patients[random.IntN(len(patients))])
	where, query, ok := strings.Cut(path, "?")
	if !ok {
		return where
	}
	return where + "?" + strings.NewReplacer("|", "%7C", "$", "%24").Replace(query)
}

// searches loads patients through the API and asks every class of them: alone,
// and then all among each other.
func (s Scale) searches(b testing.TB, t *Table, kind string, open func(testing.TB) string) {
	synthea := LoadSynthea(b, s.Largest)
	name := open(b)
	profile := ""
	if s.Profiles != "" {
		profile = filepath.Join(s.Profiles, "search-"+kind+".pprof")
	}
	empty := size(b, name)
	p := spawn.Start(b, name)
	resources, rate := synthea.Load(b, p.Base, 0, s.Patients, true)
	t.value(fmt.Sprintf("import of %d Synthea patients, %d resources, 4 workers, as transactions", s.Patients, resources), kind, fmt.Sprintf("%.0f resources/s", rate), ">= 3,000/s")
	p.Stop(b)
	t.value("bytes on disk per Synthea resource of any type, body and indexes", kind, fmt.Sprint((size(b, name)-empty)/int64(resources)), "< 2,500")

	p = spawn.Profiled(b, name, profile)
	var patients []string
	answer, err := want(200, "GET", p.Base+"/Patient?_count=1000", nil)
	if err != nil {
		b.Fatal(err)
	}
	var found struct {
		Entry []struct{ Resource struct{ ID string } }
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		b.Fatal(err)
	}
	for _, e := range found.Entry {
		patients = append(patients, e.Resource.ID)
	}
	slowest, note := time.Duration(0), fmt.Sprintf("Search classes on %s, %d patients, %d resources, one client:\n\n| class | p50 | p99 | max |\n|---|---|---|---|\n", kind, s.Patients, resources)
	get := func(random *rand.Rand, c class) error {
		_, err := want(200, "GET", p.Base+"/"+fill(c.path, patients, random), nil)
		return err
	}
	for _, c := range classes {
		if err := get(rand.New(rand.NewPCG(1, 1)), c); err != nil { // first use compiles the statement
			b.Errorf("%s: %v", c.name, err)
			continue
		}
		times, _ := loop(b, 1, 0, s.For/20, func(random *rand.Rand, _ int) error { return get(random, c) })
		note += fmt.Sprintf("| %s | %s | %s | %s |\n", c.name, short(times.at(0.5)), short(times.at(0.99)), short(times.at(1)))
		slowest = max(slowest, times.at(0.5))
	}
	times, mixed := loop(b, 30, 0, s.For, func(random *rand.Rand, _ int) error { return get(random, classes[random.IntN(len(classes))]) })
	now, peak := p.Memory()
	p.Stop(b)
	t.value(fmt.Sprintf("search, %d classes among each other, 30 clients (%s)", len(classes), times), kind, fmt.Sprintf("%.0f requests/s", mixed), ">= 2,000/s, p99 < 60 ms")
	t.value("slowest search class alone, p50", kind, short(slowest), "< 150 ms")
	t.value("memory of the server after searches: resident, at most", kind, fmt.Sprintf("%.0f, %.0f MB", now, peak), "< 600 MB")
	t.note("%s", note)
}

// observations measures what Synthea's Observations take on disk.
func (s Scale) observations(b testing.TB, t *Table, kind string, open func(testing.TB) string, m maker) {
	synthea := LoadSynthea(b, s.Largest)
	name := open(b)
	if err := openStore(b, name, m.search).Close(); err != nil {
		b.Fatal(err)
	}
	empty := size(b, name)
	st := openStore(b, name, m.search)
	n := 0
	for k := range min(s.Patients, 45) {
		text, _ := synthea.Patient(k)
		bundle, err := fhir.ParseElement(text)
		if err != nil {
			b.Fatal(err)
		}
		var units []store.Unit
		for _, e := range bundle.Get("entry").Items() {
			r, err := fhir.AsResource(e.Get("resource"))
			if err != nil || r.Type() != "Observation" {
				continue
			}
			// As a transaction stores it: references by type and id.
			written := bytes.ReplaceAll(r.JSON(), []byte("urn:uuid:"+patientOf(bundle)), []byte("Patient/"+patientOf(bundle)))
			written = bytes.ReplaceAll(written, []byte("urn:uuid:"), []byte("Encounter/"))
			w, err := m.write(written, r.ID())
			if err != nil {
				b.Fatal(err)
			}
			units = append(units, store.Unit{Writes: []store.Write{w}})
		}
		for _, out := range st.Apply(context.Background(), units...) {
			if out.Err != nil {
				b.Fatal(out.Err)
			}
		}
		n += len(units)
	}
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
	must := "< 900"
	if kind != "sqlite" {
		must = "< 1,100"
	}
	t.value(fmt.Sprintf("bytes on disk per Synthea Observation (of %d), body and indexes", n), kind, fmt.Sprint((size(b, name)-empty)/int64(n)), must)
}

func patientOf(bundle *fhir.Element) string {
	for _, e := range bundle.Get("entry").Items() {
		if e.Path("resource", "resourceType").Text() == "Patient" {
			return e.Path("resource", "id").Text()
		}
	}
	return ""
}

// newest measures the newest 20 of one patient, code and time among very many,
// in the store, without HTTP.
func (s Scale) newest(b testing.TB, t *Table, kind string, open func(testing.TB) string, m maker) {
	st := openStore(b, open(b), m.search)
	defer func() { _ = st.Close() }()
	for batch := range slices.Chunk(make([]struct{}, s.Newest), 1000) {
		units := make([]store.Unit, len(batch))
		for k := range units {
			s.Newest--
			w, err := m.write(observation(s.Newest, "many"), fmt.Sprintf("o%d", s.Newest))
			if err != nil {
				b.Fatal(err)
			}
			units[k].Writes = []store.Write{w}
		}
		for _, out := range st.Apply(context.Background(), units...) {
			if out.Err != nil {
				b.Fatal(out.Err)
			}
		}
	}
	var times samples
	for i := range 200 {
		from := time.Unix(1_700_000_000+int64(i), 0).UTC().Format(time.RFC3339)
		parsed, err := m.search.Parse("Observation", "patient=many&code=http://loinc.org%7C8867-4&date=ge"+url.QueryEscape(from)+"&_sort=-date&_count=20", search.Options{Base: "http://bench/fhir", Zone: time.UTC, DefaultCount: 20, MaxCount: 1000})
		if err != nil {
			b.Fatal(err)
		}
		parsed.Query.Sight = search.Everything
		began := time.Now()
		if err := st.View(context.Background(), func(r store.Reader) error {
			found, err := r.Search(parsed.Query)
			if err == nil && len(found.Matches) != 20 {
				err = fmt.Errorf("%d matches", len(found.Matches))
			}
			return err
		}); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	t.value("patient + code + date, newest 20, one patient with very many Observations, in the store", kind, times.String(), "< 1 ms")
}

// size is what a closed store takes on the disk.
func size(b testing.TB, name string) int64 {
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		total := int64(0)
		for _, suffix := range []string{"", "-wal"} {
			if info, err := os.Stat(path + suffix); err == nil {
				total += info.Size()
			}
		}
		return total
	}
	db := database(b, name)
	if _, err := db.Exec("CHECKPOINT"); err != nil {
		b.Fatal(err)
	}
	_, rows := query(b, db, "SELECT pg_database_size(current_database())")
	return rows[0][0].(int64)
}
