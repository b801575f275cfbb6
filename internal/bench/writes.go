package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/internal/spawn"
	"vitalwire/profiles"
	"vitalwire/server/interaction"
	"vitalwire/server/knowledge"
	"vitalwire/server/store"
	"vitalwire/server/store/postgres"
	"vitalwire/server/store/sqlite"
)

// observation is a heart rate as a monitor sends it, about 1 KB.
func observation(n int, patient string) []byte {
	return fmt.Appendf(nil, `{"resourceType":"Observation","identifier":[{"system":"urn:vitalwire:reading","value":"device-%d/%d"}],"status":"final",`+
		`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"},{"system":"urn:iso:std:iso:11073:10101","code":"147842","display":"MDC_ECG_HEART_RATE"}],"text":"Heart rate"},`+
		`"subject":{"reference":"Patient/%s"},"device":{"reference":"Device/d%d"},"effectiveDateTime":"%s",`+
		`"valueQuantity":{"value":%d.50,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"},`+
		`"note":[{"text":"measured at rest by the bedside monitor"}]}`,
		n%200, n, patient, n%200, time.Unix(1_700_000_000+int64(n)*7, 0).UTC().Format(time.RFC3339), 60+n%40)
}

// creates measures durable single-resource creates, and reads of what they made.
func (s Scale) creates(b testing.TB, t *Table, kind string, open func(testing.TB) string) {
	name := open(b)
	profile := ""
	if s.Profiles != "" {
		profile = filepath.Join(s.Profiles, "create-"+kind+".pprof")
	}
	p := spawn.Profiled(b, name, profile)
	ids := make([]string, s.Creates)
	times, rate := loop(b, s.Clients, s.Creates, 0, func(_ *rand.Rand, i int) error {
		status, header, answer, err := send("POST", p.Base+"/Observation", "application/fhir+json", observation(i, fmt.Sprintf("p%d", i*7919%1000)))
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("%d %.300s", status, answer)
		}
		_, rest, _ := strings.Cut(header.Get("Location"), "/Observation/")
		ids[i], _, _ = strings.Cut(rest, "/")
		return err
	})
	now, peak := p.Memory()
	t.value("memory of the server after creates: resident, at most", kind, fmt.Sprintf("%.0f, %.0f MB", now, peak), "< 600 MB")
	p.Stop(b) // which writes the profile
	raw(b, t, fmt.Sprintf("durable creates over HTTP, %d clients (%s)", s.Clients, times), kind, name, open(b), "Observations", s.Creates, rate, "50 %")
	if !b.Failed() {
		s.reads(b, t, kind, name, ids)
	}
}

// raw adds a rate beside those of inserting the same rows into `to`, which is empty.
// The time that rows of before take is not counted.
func raw(b testing.TB, t *Table, measure, kind, from, to, thing string, n int, rate float64, must string, before ...tableRows) {
	// A server that starts on it makes the schema.
	spawn.Start(b, to).Stop(b)
	rows := rowsOf(b, kind, database(b, from))
	db := database(b, to)
	for i, way := range waysOf(kind) {
		var uncounted, used time.Duration
		if before != nil {
			began := spawn.CPU(os.Getpid())
			uncounted = insertRaw(b, db, way, before)
			used = 2*spawn.CPU(os.Getpid()) - began // what comes, less what these rows took
		}
		took := insertRaw(b, db, way, rows) - uncounted
		if before != nil && kind == "sqlite" { // which works in the client's process
			t.value("processor time of "+way.name+": "+measure, kind, short((spawn.CPU(os.Getpid())-used)/time.Duration(n)), "")
		}
		if i > 0 {
			must = ""
		}
		t.rate(measure, kind, thing, rate, float64(n)/took.Seconds(), way.name, must)
	}
}

// reads measures reads by id beside a bare HTTP server that answers as many bytes.
func (s Scale) reads(b testing.TB, t *Table, kind, name string, ids []string) {
	profile := ""
	if s.Profiles != "" {
		profile = filepath.Join(s.Profiles, "read-"+kind+".pprof")
	}
	p := spawn.Profiled(b, name, profile)
	_, _, body, err := send("GET", p.Base+"/Observation/"+ids[0], "", nil)
	if err != nil {
		b.Fatal(err)
	}
	get := func(base string) (samples, float64) {
		return loop(b, s.Clients, 0, s.For, func(random *rand.Rand, _ int) error {
			_, err := want(200, "GET", base+"/Observation/"+ids[random.IntN(len(ids))], nil)
			return err
		})
	}
	times, rate := get(p.Base)
	p.Stop(b)
	bare := spawn.Constant(b, len(body))
	_, limit := get(bare.Base)
	bare.Kill(b)
	t.rate(fmt.Sprintf("read by id, %d clients (%s)", s.Clients, times), kind, "reads", rate, limit, "constant answer", "50 %")
}

// openStore opens a store in this process.
func openStore(b testing.TB, name string, parameters *search.Registry) store.Store {
	var s store.Store
	var err error
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		s, err = sqlite.Open(b.Context(), path, sqlite.Options{Search: parameters})
	} else {
		s, err = postgres.Open(b.Context(), name, postgres.Options{Search: parameters})
	}
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// maker turns JSON into writes as the server does: parse, validate, extract.
type maker struct {
	search *search.Registry
	known  *knowledge.Base
}

func newMaker(b testing.TB) maker {
	known, err := knowledge.New(knowledge.Enforce, nil)
	if err != nil {
		b.Fatal(err)
	}
	return maker{search.NewRegistry(profiles.R4(), "http://bench/fhir"), known}
}

func (m maker) write(text []byte, id string) (store.Write, error) {
	r, err := fhir.ParseResource(text)
	if err != nil {
		return store.Write{}, err
	}
	if _, err := m.known.Check(context.Background(), r); err != nil {
		return store.Write{}, err
	}
	return interaction.NewWrite(store.Create, fhir.Key{Type: r.Type(), ID: id}, r), nil
}

// applies measures Apply in batches of 100, parse, validation and extraction included.
func (s Scale) applies(b testing.TB, t *Table, kind string, open func(testing.TB) string, m maker) {
	const batch = 100
	name := open(b)
	st := openStore(b, name, m.search)
	batches := max(1, s.Creates/batch)
	_, rate := loop(b, 2*runtime.GOMAXPROCS(0), batches, 0, func(_ *rand.Rand, i int) error {
		units := make([]store.Unit, batch)
		for k := range units {
			n := i*batch + k
			w, err := m.write(observation(n, fmt.Sprintf("p%d", n*7919%1000)), fmt.Sprintf("o-%d", n))
			if err != nil {
				return err
			}
			units[k].Writes = []store.Write{w}
		}
		for _, out := range st.Apply(context.Background(), units...) {
			if out.Err != nil {
				return out.Err
			}
		}
		return nil
	})
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
	raw(b, t, "Apply in batches of 100, parse and validation included", kind, name, open(b), "Observations", batches*batch, rate*batch, "60 %")
}

// parsing measures what is done to an Observation before it is stored beside
// encoding/json reading the same text into maps.
func parsing(b testing.TB, t *Table, m maker, rounds int) {
	text := observation(1, "p1")
	timed := func(do func() error) float64 {
		began := time.Now()
		for range rounds {
			if err := do(); err != nil {
				b.Fatal(err)
			}
		}
		return float64(rounds) / time.Since(began).Seconds()
	}
	all := func() error {
		_, err := m.write(text, "x")
		return err
	}
	std := func() error {
		var v any
		return json.Unmarshal(text, &v)
	}
	timed(all) // warm
	ours, theirs := timed(all), timed(std)
	t.rate(fmt.Sprintf("parse, validate, extract one Observation of %d bytes: %.1f us", len(text), 1e6/ours), "", "Observations", ours, theirs, "encoding/json into maps", "< 20 us for 2 KB")
}
