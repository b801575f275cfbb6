package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/query"
	"vitalwire/server/store"
	"vitalwire/server/store/storetest"
)

// TestSightIsAbsence: a store under a Sight answers as a store that never had what is
// hidden (security.md D.6, the test of indistinguishability): matches and their order,
// pages, totals, what is included and in which order.
func TestSightIsAbsence(t *testing.T) {
	const sights = 4
	queries := int(numberFrom(t, "VITALWIRE_QUERIES", 300)) / sights
	seed := numberFrom(t, "VITALWIRE_SEED", rand.Uint64())
	t.Logf("VITALWIRE_SEED=%d", seed)
	truth := newOracle(t, oracleResources(t))
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			database := newDatabase(t, name)
			all := openAt(t, name, database, time.Now, 0)
			truth.load(t, all)
			walking := openAt(t, name, database, time.Now, 1)
			g := generator{rand.New(rand.NewPCG(seed, 4))}
			for range sights {
				seen := truth.under(g)
				less := openNamed(t, name, time.Now)
				seen.load(t, less)
				for i, q := range seen.questions(g, queries) {
					hidden := q.answer(t, []store.Store{all, walking}[i%2], q.sight)
					if absent := q.answer(t, less, search.Everything); hidden != absent {
						t.Fatalf("VITALWIRE_SEED=%d %s?%s %s\nhidden %s\nabsent %s", seed, q.typ, q.query, q.view, hidden, absent)
					}
				}
			}
		})
	}
}

// answer is all that a search tells, page by page.
func (q question) answer(t *testing.T, s store.Store, sight search.Sight) string {
	t.Helper()
	o := search.Options{Base: oracleBase, Zone: time.UTC, DefaultCount: q.page, MaxCount: 1000}
	parsed, err := storetest.Parameters().Parse(q.typ, q.query, o)
	if q.types != nil {
		parsed, err = storetest.Parameters().ParseMany(q.types, q.query, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range parsed.Queries {
		each.Total, each.Sight = true, sight
	}
	var b strings.Builder
	for pages := 0; pages < 20; pages++ {
		var result query.Result
		err = s.View(context.Background(), func(r store.Reader) (err error) {
			result, err = query.Searcher{Reader: r, Search: storetest.Parameters()}.Find(parsed.Queries)
			return err
		})
		fmt.Fprintf(&b, "[%d", result.Total)
		for _, m := range result.Matches {
			inner := ""
			if m.Inner != nil {
				inner = m.Inner.ID()
			}
			fmt.Fprintf(&b, " %v#%s %d", m.Key, inner, len(m.Body))
		}
		b.WriteString(" with")
		for _, v := range result.Included {
			fmt.Fprint(&b, " ", v.Key)
		}
		fmt.Fprintf(&b, " more %v %s]", result.Next != nil, problem(err))
		for _, each := range parsed.Queries {
			each.After = result.Next
		}
		if result.Next == nil {
			break
		}
	}
	return b.String()
}

// TestSightHierarchies: a hierarchy ends at what is hidden (R4 search §3.1.1.5.7.1), as
// do orders by what a reference names, and hidden resources hold no contained ones
// (security.md D.6, L23, L30).
func TestSightHierarchies(t *testing.T) {
	resources := []string{
		`{"resourceType":"Location","id":"a","name":"a"}`, `{"resourceType":"Location","id":"b","name":"0","partOf":{"reference":"Location/a"}}`,
		`{"resourceType":"Location","id":"c","name":"c","partOf":{"reference":"Location/b"}}`, `{"resourceType":"Location","id":"d","name":"d","partOf":{"reference":"Location/a"}}`,
		`{"resourceType":"Location","id":"e","name":"e","partOf":{"reference":"Location/d"},"contained":[{"resourceType":"Organization","id":"o","name":"x"}],"managingOrganization":{"reference":"#o"}}`,
		`{"resourceType":"Location","id":"f","name":"f","status":"suspended","contained":[{"resourceType":"Organization","id":"o","name":"x"}],"managingOrganization":{"reference":"#o"}}`,
	}
	hidden := func(typ string) search.View {
		p, err := storetest.Parameters().Parse(typ, "_filter=not (_id eq b or _id eq f)", search.Options{Zone: time.UTC})
		if err != nil || typ != "Location" {
			return search.View{Whole: true}
		}
		return search.View{Any: p.Query.Filter}
	}
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			s := openNamed(t, name, time.Now)
			for _, text := range resources {
				r, err := fhir.ParseResource([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				if out := s.Apply(context.Background(), store.Unit{Writes: []store.Write{put(r)}})[0]; out.Err != nil {
					t.Fatal(out.Err)
				}
			}
			for _, c := range []struct{ typ, query, all, seen string }{
				{"Location", "partof:below=Location/a&_sort=_id", "b c d e", "d e"}, {"Location", "partof:below=Location/b&_sort=_id", "c", "c"},
				{"Location", "partof:above=Location/c&_sort=_id", "b c d", "c"}, {"Location", "partof:above=Location/e&_sort=_id", "b d e", "d e"},
				{"Location", "_has:Location:partof:partof:below=Location/a&_sort=_id", "a b d", "a d"}, {"Location", "partof:Location.partof:below=Location/a&_sort=_id", "c e", "e"},
				{"Location", "partof:missing=false&_sort=partof.name", "c d b e", "d e c"}, {"Location", "partof:missing=false&_sort=-partof.name", "e d b c", "e d c"},
				{"Organization", "name=x&_contained=true", "f e", "e"}, {"Organization", "name=x&_contained=both&_sort=name", "f e", "e"},
				{"Location", "_list=none", "", ""},
			} {
				for _, of := range []struct {
					sight search.Sight
					want  string
				}{{search.Everything, c.all}, {hidden, c.seen}} {
					q := question{typ: c.typ, query: c.query, page: 100}
					var got []string
					for _, part := range strings.Fields(q.answer(t, s, of.sight)) {
						if key, ok := strings.CutPrefix(part, "Location/"); ok {
							got = append(got, strings.TrimSuffix(key, "#"))
						}
					}
					if strings.Join(got, " ") != of.want {
						t.Errorf("%s?%s finds %v, not %s", c.typ, c.query, got, of.want)
					}
				}
			}
		})
	}
}
