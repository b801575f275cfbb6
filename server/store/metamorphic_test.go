package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
	"vitalwire/server/store/postgres"
	"vitalwire/server/store/postgres/pgtest"
	"vitalwire/server/store/sqlite"
	"vitalwire/server/store/storetest"
)

// steps is how many operations one run does.
const steps = 600

// TestSameAnswers does one random list of operations on a model in plain maps, on
// SQLite and on PostgreSQL: every answer must be the same. VITALWIRE_SEED repeats
// a run.
func TestSameAnswers(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("VITALWIRE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			clock := int64(1_700_000_000_000_000)
			now := func() time.Time { return time.UnixMicro(clock) }
			tested := openNamed(t, name, now)
			truth := newModel()
			for step, o := range operations(seed, steps) {
				clock += o.later
				truth.now = clock
				want, got := o.do(truth), o.do(tested)
				if got != want {
					t.Fatalf("VITALWIRE_SEED=%d, step %d (%s):\ngot  %s\nwant %s", seed, step, o.name, got, want)
				}
			}
		})
	}
	t.Logf("seed %d", seed)
}

func openNamed(t *testing.T, name string, now func() time.Time) store.Store {
	return openAt(t, name, newDatabase(t, name), now, 0)
}

// newDatabase is a path or URL of an empty one.
func newDatabase(t *testing.T, name string) string {
	if name == "sqlite" {
		return filepath.Join(t.TempDir(), "store.db")
	}
	return pgtest.Start(t)
}

// openAt opens a database; gather is that of the options.
func openAt(t *testing.T, name, database string, now func() time.Time, gather int64) store.Store {
	t.Helper()
	var s store.Store
	var err error
	if name == "sqlite" {
		s, err = sqlite.Open(context.Background(), database, sqlite.Options{Search: storetest.Parameters(), Now: now, Gather: gather})
	} else {
		s, err = postgres.Open(context.Background(), database, postgres.Options{Search: storetest.Parameters(), Now: now, Gather: gather})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// operation is one thing to do to a store; its answer is text to compare.
type operation struct {
	name  string
	later int64 // how far the clock moves before it
	do    func(store.Store) string
}

func operations(seed uint64, n int) []operation {
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	list := make([]operation, n)
	for i := range list {
		list[i] = g.operation()
		list[i].later = g.Int64N(3) * g.Int64N(1000) // often not at all; sometimes back below the position
	}
	return list
}

type generator struct{ *rand.Rand }

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

func (g generator) operation() operation {
	ctx := context.Background()
	switch g.IntN(11) {
	case 10:
		return g.history()
	case 0, 1, 2, 3:
		units := make([]store.Unit, 1+g.IntN(3))
		for i := range units {
			units[i] = g.unit()
		}
		return operation{name: "apply", do: func(s store.Store) string {
			var b strings.Builder
			for _, out := range s.Apply(ctx, units...) {
				fmt.Fprintf(&b, "[%s %s]", versions(out.Versions...), problem(out.Err))
			}
			return b.String()
		}}
	case 4:
		unit, fail, all := g.unit(), g.IntN(4) == 0, g.IntN(2) == 0
		if all {
			return operation{name: "update all", do: func(s store.Store) string { return updateAll(ctx, s, unit.Writes, fail) }}
		}
		return operation{name: "update", do: func(s store.Store) string { return update(ctx, s, unit, fail) }}
	case 5, 6, 7:
		query, size := g.query(), 1+g.IntN(4)
		return operation{name: "search " + query, do: func(s store.Store) string { return searchPages(ctx, s, query, size) }}
	}
	return g.reads()
}

func update(ctx context.Context, s store.Store, unit store.Unit, fail bool) string {
	var b strings.Builder
	err := s.Update(ctx, func(tx store.Tx) error {
		b.Reset()
		for _, w := range unit.Writes {
			v, err := tx.Write(w)
			if err != nil {
				return err
			}
			now, err := tx.Read(w.Key)
			fmt.Fprint(&b, versions(v, now), problem(err))
		}
		for _, w := range unit.Records {
			if err := tx.PutRecord(w); err != nil {
				return err
			}
		}
		position, err := tx.Position()
		fmt.Fprint(&b, position)
		if fail {
			return errors.New("given up")
		}
		return err
	})
	return b.String() + problem(err)
}

// updateAll does the same with all writes at once.
func updateAll(ctx context.Context, s store.Store, writes []store.Write, fail bool) string {
	var b strings.Builder
	err := s.Update(ctx, func(tx store.Tx) error {
		b.Reset()
		out := tx.WriteAll(writes)
		fmt.Fprint(&b, versions(out.Versions...), problem(out.Err), out.Failed)
		if fail {
			return errors.New("given up")
		}
		return out.Err
	})
	return b.String() + problem(err)
}

func searchPages(ctx context.Context, s store.Store, query string, size int) string {
	typ, rest, _ := strings.Cut(query, "?")
	p, err := storetest.Parameters().Parse(typ, rest, search.Options{Zone: time.UTC, DefaultCount: size, MaxCount: 100})
	if err != nil {
		panic(err)
	}
	q := *p.Query
	q.Total, q.Sight = true, search.Everything
	var b strings.Builder
	for {
		var result store.Result
		err := s.View(ctx, func(r store.Reader) (err error) {
			result, err = r.Search(&q)
			return err
		})
		fmt.Fprintf(&b, "{%d: %s%s}", result.Total, versions(result.Matches...), problem(err))
		if result.Next == nil {
			return b.String()
		}
		for _, key := range result.Next.Keys {
			if key != nil {
				fmt.Fprint(&b, *key, " ")
			}
		}
		q.After = result.Next
	}
}

func (g generator) reads() operation {
	k, id, limit, after := g.key(), int64(g.IntN(5)), g.IntN(5), g.Int64N(2_000_000)
	rec, prefix := g.recordKey(), pick(g, "", "a", "a\x00", "b", "\xff")
	view := pick(g, store.Store.View, store.Store.Glance) // nobody writes meanwhile, so they are alike
	return operation{name: fmt.Sprintf("reads %v %d", k, id), do: func(s store.Store) string {
		var b strings.Builder
		err := view(s, context.Background(), func(r store.Reader) error {
			position, err := r.Position()
			fmt.Fprint(&b, position, problem(err))
			v, err := r.Read(k)
			fmt.Fprint(&b, versions(v), problem(err))
			v, err = r.ReadVersion(k, id)
			fmt.Fprint(&b, versions(v), problem(err))
			list, err := r.Changes(1_700_000_000_000_000+after, limit)
			fmt.Fprint(&b, versions(list...), problem(err))
			value, ok, err := r.Record("c", rec)
			fmt.Fprintf(&b, "%q %v %s", value, ok, problem(err))
			records, err := r.Records("c", prefix, rec, limit)
			fmt.Fprintf(&b, "%q %s", records, problem(err))
			last, ok, err := r.LastRecord("c", prefix, rec)
			fmt.Fprintf(&b, "%q %v %s", last, ok, problem(err))
			return nil
		})
		return b.String() + problem(err)
	}}
}

func (g generator) key() fhir.Key {
	return fhir.Key{Type: pick(g, "Patient", "Observation"), ID: pick(g, "a", "b", "c", "d", "e", "f", "A")}
}

func (g generator) recordKey() string {
	return pick(g, "a", "aa", "a\x00", "ab", "b", "\xff", "\xff\xff")
}

func (g generator) unit() store.Unit {
	var u store.Unit
	for range g.IntN(4) {
		u.Writes = append(u.Writes, g.write())
	}
	for range g.IntN(2) {
		w := store.RecordWrite{Collection: "c", Key: g.recordKey(), IfAbsent: g.IntN(4) == 0}
		w.Value = pick(g, nil, []byte{}, []byte("x"), []byte("y"))
		if g.IntN(3) == 0 {
			w.IfValue = pick(g, []byte{}, []byte("x"), []byte("y"))
		}
		u.Records = append(u.Records, w)
	}
	return u
}

func (g generator) write() store.Write {
	w := store.Write{Op: pick(g, store.Create, store.Put, store.Put, store.Put, store.Delete), Key: g.key(), Shard: g.Int64()}
	if g.IntN(4) == 0 {
		w.IfMatch = 1 + g.Int64N(4)
	}
	w.IfAbsent = g.IntN(5) == 0
	if w.Op == store.Delete {
		return w
	}
	if g.IntN(3) == 0 {
		w.Unless = &store.Identifier{System: pick(g, nil, ptr(""), ptr("urn:s"), ptr("urn:t")), Value: pick(g, "1", "2", "3")}
	}
	r := fhir.NewResource(w.Key.Type)
	r.Root().Set("id", fhir.NewString(w.Key.ID))
	identifiers := fhir.NewArray()
	for range g.IntN(3) {
		one := fhir.NewObject(fhir.S("value", pick(g, "1", "2", "3")))
		if system := pick(g, "", "urn:s", "urn:t"); system != "" {
			one.Set("system", fhir.NewString(system))
		}
		identifiers.Append(one)
	}
	if identifiers.Len() > 0 {
		r.Root().Set("identifier", identifiers)
	}
	if w.Key.Type == "Observation" {
		r.Root().Set("status", fhir.NewString(pick(g, "final", "amended")))
		r.Root().Set("subject", fhir.NewObject(fhir.S("reference", pick(g, "Patient/a", "Patient/b", "Device/a"))))
		if date := pick(g, "", "2020", "2020-01", "2020-01-31", "2021-06-01T00:00:00Z"); date != "" {
			r.Root().Set("effectiveDateTime", fhir.NewString(date))
		}
	}
	r = r.WithIdentity(w.Key.ID)
	w.Body, w.Resource = r.JSON(), r
	return w
}

func ptr(s string) *string { return &s }

func (g generator) query() string {
	if g.IntN(3) == 0 {
		return "Patient?" + pick(g, "", "identifier=1", "identifier=urn:s|1", "identifier=|2", "identifier=urn:t|", "_id=a,b,A", "identifier=1,urn:s|2&identifier=3,2")
	}
	return "Observation?" + pick(g, "", "status=final", "subject=a", "subject=Patient/a", "patient=a,b", "date=2020", "date=ge2020-01-31", "date=2020-01,2021") +
		"&" + pick(g, "", "identifier=1", "status=amended", "subject=Patient/b,Device/a", "_id=a,c,e") +
		"&_sort=" + pick(g, "", "date", "-date")
}

// versions and problem make answers comparable.
func versions(list ...store.Version) string {
	var b strings.Builder
	for _, v := range list {
		fmt.Fprintf(&b, "(%v %d %d %d %v %s)", v.Key, v.VersionID, v.Position, v.Op, v.Deleted, v.Body)
	}
	return b.String()
}

func problem(err error) string {
	var exists *store.Exists
	switch {
	case err == nil:
		return ""
	case errors.As(err, &exists):
		return fmt.Sprintf("exists %d %s", exists.Write, versions(exists.Matches...))
	case fhir.SituationOf(err) != fhir.SituationException:
		return fmt.Sprintf("situation %d", fhir.SituationOf(err))
	}
	return err.Error()
}
