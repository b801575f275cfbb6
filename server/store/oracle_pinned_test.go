package store_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/query"
	"vitalwire/server/store"
	"vitalwire/server/store/storetest"
)

// TestOraclePinned begins random searches, then deletes, empties and adds
// resources, and then reads the other pages: all pages together must be what the
// plain evaluator said of the beginning.
func TestOraclePinned(t *testing.T) {
	queries := int(numberFrom(t, "VITALWIRE_QUERIES", 300)) / 3
	seed := numberFrom(t, "VITALWIRE_SEED", rand.Uint64())
	t.Logf("VITALWIRE_SEED=%d", seed)
	truth := newOracle(t, oracleResources(t))
	g := generator{rand.New(rand.NewPCG(seed, 3))}
	asked := truth.questions(g, queries)
	for i := range asked {
		asked[i].page = 1 + g.IntN(3)
	}
	asked = slices.DeleteFunc(asked, func(q question) bool { return len(q.want) <= q.page || q.types != nil })
	t.Logf("%d searches have a second page", len(asked))
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			database := newDatabase(t, name)
			s := openAt(t, name, database, time.Now, 0)
			truth.load(t, s)
			both := [...]store.Store{s, openAt(t, name, database, time.Now, 1)}
			begun := make([]*search.Query, len(asked))
			got := make([][]string, len(asked))
			for i, q := range asked {
				parsed, err := storetest.Parameters().Parse(q.typ, q.query, search.Options{Base: oracleBase, Zone: time.UTC, DefaultCount: q.page, MaxCount: 100_000})
				if err != nil {
					t.Fatal(err)
				}
				begun[i] = parsed.Query
				begun[i].Sight = q.sight
				got[i], begun[i].After = onePage(t, both[i%2], begun[i])
			}
			truth.disturb(t, g, s)
			for i, q := range asked {
				begun[i].Count = max(q.page, len(q.want)/10)
				for begun[i].After != nil {
					var more []string
					more, begun[i].After = onePage(t, both[i%2], begun[i])
					got[i] = append(got[i], more...)
				}
				if !q.ordered {
					slices.Sort(got[i])
				}
				if !slices.Equal(got[i], q.want) {
					t.Errorf("VITALWIRE_SEED=%d %s?%s %s by pages of %d\ngot  %.300v\nwant %.300v", seed, q.typ, q.query, q.view, q.page, got[i], q.want)
				}
			}
		})
	}
}

func onePage(t *testing.T, s store.Store, q *search.Query) (ids []string, next *search.Cursor) {
	t.Helper()
	if err := s.View(context.Background(), func(r store.Reader) error {
		result, err := query.Searcher{Reader: r, Search: storetest.Parameters()}.Find([]*search.Query{q})
		for _, v := range result.Matches {
			ids = append(ids, v.Key.ID)
		}
		next = result.Next
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return ids, next
}

// disturb deletes a third of the resources, takes everything out of another third
// but what they are, and copies some to new ids.
func (o *oracle) disturb(t *testing.T, g generator, s store.Store) {
	t.Helper()
	var units []store.Unit
	for _, r := range o.all {
		key := r.resource.Key()
		switch g.IntN(6) {
		case 0, 1:
			units = append(units, store.Unit{Writes: []store.Write{{Op: store.Delete, Key: key}}})
		case 2, 3:
			body := []byte(`{"resourceType":"` + key.Type + `","id":"` + key.ID + `"}`)
			units = append(units, store.Unit{Writes: []store.Write{{Op: store.Put, Key: key, Body: body}}})
		case 4:
			stored := r.resource.WithIdentity("copy-" + key.ID[:min(len(key.ID), 50)])
			units = append(units, store.Unit{Writes: []store.Write{put(stored)}})
		}
	}
	for _, out := range s.Apply(context.Background(), units...) {
		if out.Err != nil {
			t.Fatal(out.Err)
		}
	}
}

func put(r *fhir.Resource) store.Write {
	return store.Write{Op: store.Put, Key: r.Key(), Body: r.JSON(), Resource: r}
}
