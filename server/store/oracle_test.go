package store_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/internal/shared"
	"vitalwire/server/query"
	"vitalwire/server/store"
	"vitalwire/server/store/storetest"
)

// TestOracle asks random searches of both stores and of a plain evaluator that
// looks at every resource by FHIRPath: ids, order and total must be the same.
// VITALWIRE_SEED repeats a run, VITALWIRE_QUERIES asks more, VITALWIRE_FOR (such
// as 3h) asks on for that time. make oracle does all that without the race detector.
func TestOracle(t *testing.T) {
	asked := &rounds{
		queries: int(numberFrom(t, "VITALWIRE_QUERIES", 300)),
		seed:    numberFrom(t, "VITALWIRE_SEED", rand.Uint64()),
		truth:   newOracle(t, oracleResources(t)),
		asked:   map[int][]question{},
	}
	if text := os.Getenv("VITALWIRE_FOR"); text != "" {
		long, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		asked.until = time.Now().Add(long)
	}
	t.Logf("VITALWIRE_SEED=%d, %d resources", asked.seed, len(asked.truth.all))
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked.ask(t, name)
		})
	}
}

func numberFrom(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// question is a search with the ids that are its true answer.
type question struct {
	typ, query string
	want       []string
	ordered    bool // want is in order
	page       int
	untold     bool     // without a total
	types      []string // of a search of several
	sight      search.Sight
	view       string // sight in words
	includes   bool
	brings     []string // the keys of what is included
}

func (o *oracle) questions(g generator, n int) []question {
	var asked []question
	whole := o
	for len(asked) < n {
		view, sight := "", search.Sight(search.Everything)
		if len(asked)%10 == 0 {
			if o = whole; o.sight == nil && g.IntN(2) == 0 {
				o = whole.under(g)
			}
		}
		if o.sight != nil {
			view, sight = o.view, o.sight
		}
		typ := pick(g, o.types...)
		if g.IntN(2) == 0 {
			typ = pick(g, "Observation", "Patient", "Condition", "Encounter", "Procedure", "ValueSet")
		}
		if o.pool[typ] == nil {
			continue
		}
		var conditions []condition
		for range 1 + g.IntN(2) {
			if c, ok := o.random(g, typ, 0); ok {
				conditions = append(conditions, c)
			}
		}
		if len(conditions) == 0 {
			continue
		}
		q := question{typ: typ, page: 1 + g.IntN(20), sight: sight, view: view}
		if other, ok := o.unusual(g, typ, q); ok {
			asked = append(asked, other)
			continue
		}
		var found []*subject
		for _, r := range slices.Backward(o.byType[typ]) { // newest first
			if !slices.ContainsFunc(conditions, func(c condition) bool { return !c.holds(r) }) {
				found = append(found, r)
			}
		}
		var text []string
		for _, c := range conditions {
			text = append(text, url.QueryEscape(c.name)+"="+url.QueryEscape(c.value))
		}
		if sort := o.sorted(g, typ, found); sort != "" {
			text = append(text, "_sort="+sort)
			q.ordered = true
		} else {
			q.ordered = g.IntN(2) == 0 // by pages, newest first
		}
		q.untold = g.IntN(3) == 0
		for _, r := range found {
			q.want = append(q.want, r.resource.ID())
		}
		if !q.ordered {
			text = append(text, o.including(g, &q, found)...)
		}
		q.query = strings.Join(text, "&")
		if !q.ordered {
			slices.Sort(q.want)
		}
		asked = append(asked, q)
	}
	return asked
}

func (q question) answered(t *testing.T, seed uint64, s store.Store) bool {
	t.Helper()
	o := search.Options{Base: oracleBase, Zone: time.UTC, DefaultCount: 100_000, MaxCount: 100_000}
	parsed, err := storetest.Parameters().Parse(q.typ, q.query, o)
	if q.types != nil {
		parsed, err = storetest.Parameters().ParseMany(q.types, q.query, o)
	}
	if err != nil {
		t.Errorf("VITALWIRE_SEED=%d %s?%s: %v", seed, q.typ, q.query, err)
		return false
	}
	for _, each := range parsed.Queries {
		each.Total, each.Sight = !q.untold, q.sight
		if q.ordered {
			each.Count = max(q.page, len(q.want)/20)
		}
	}
	var result query.Result
	var got []string
	total := int64(-1)
	for {
		err = s.View(context.Background(), func(r store.Reader) (err error) {
			result, err = query.Searcher{Reader: r, Search: storetest.Parameters()}.Find(parsed.Queries)
			return err
		})
		total = result.Total
		for _, v := range result.Matches {
			got = append(got, v.Key.ID)
		}
		for _, each := range parsed.Queries {
			each.After = result.Next
		}
		if result.Next == nil || err != nil {
			break
		}
	}
	if !q.ordered {
		slices.Sort(got)
	}
	if err != nil || !slices.Equal(got, q.want) || !q.untold && total != int64(len(q.want)) {
		t.Errorf("VITALWIRE_SEED=%d %s?%s %s: total %d, %v\ngot  %.300v\nwant %.300v", seed, q.typ, q.query, q.view, total, err, got, q.want)
		return false
	}
	return q.brought(t, seed, result.Included) && q.told(t, seed, s, parsed.Queries)
}

const oracleBase = "http://here/fhir"

// oracleResources are the R4 examples that are not large, and one patient of Synthea.
func oracleResources(t *testing.T) []*fhir.Resource {
	t.Helper()
	var list []*fhir.Resource
	seen := map[fhir.Key]bool{}
	add := func(e *fhir.Element) {
		r, err := fhir.AsResource(e)
		if err == nil && fhir.IsResourceType(r.Type()) && fhir.ValidID(r.ID()) && !seen[r.Key()] {
			seen[r.Key()] = true
			list = append(list, r)
		}
	}
	eachFile(t, shared.Path(t, "data", "r4", "r4-examples.tgz"), func(data []byte) bool {
		if e, err := fhir.ParseElement(data); err == nil && len(data) < 40_000 && e.Get("resourceType").Text() != "Bundle" {
			add(e)
		}
		return true
	})
	eachFile(t, shared.Path(t, "data", "synthea", "synthea-2.7.0-patients.tgz"), func(data []byte) bool {
		if !bytes.Contains(data[:min(len(data), 4000)], []byte(`"Patient"`)) || len(data) > 2_000_000 {
			return true
		}
		e, err := fhir.ParseElement(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range e.Get("entry").Items() {
			add(entry.Get("resource"))
		}
		return false
	})
	return list
}

// eachFile calls fn for the JSON files of an archive until it is false.
func eachFile(t *testing.T, path string, fn func(data []byte) bool) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".json") {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !fn(data) {
			return
		}
	}
}

func (o *oracle) load(t *testing.T, s store.Store) {
	t.Helper()
	for chunk := range slices.Chunk(o.all, 500) {
		var u store.Unit
		for _, r := range chunk {
			stored := r.resource.WithIdentity(r.resource.ID())
			u.Writes = append(u.Writes, store.Write{Op: store.Create, Key: stored.Key(), Body: stored.JSON(), Resource: stored})
		}
		if out := s.Apply(context.Background(), u)[0]; out.Err != nil {
			t.Fatal(out.Err)
		}
	}
}
