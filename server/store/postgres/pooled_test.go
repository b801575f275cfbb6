package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
	"vitalwire/server/store/postgres"
	"vitalwire/server/store/postgres/pgtest"
	"vitalwire/server/store/storetest"
)

// TestPooled has a store work behind pgbouncer in transaction mode, where each
// transaction may meet another session: no prepared statement, no setting of a
// session is there when it is looked for. Many write and search at once, and a
// store with a connection of its own must see the same.
func TestPooled(t *testing.T) {
	ctx := t.Context()
	direct := pgtest.Start(t)
	pooled := pgtest.Bouncer(t, direct)
	open := func(url string) store.Store {
		s, err := postgres.Open(ctx, url, postgres.Options{Search: storetest.Parameters()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	through := [2]store.Store{open(pooled), open(pooled)} // two servers, one pool
	const writers, each = 12, 25
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			s := through[w%2]
			for n := range each {
				r, err := fhir.ParseResource(fmt.Appendf(nil, `{"resourceType":"Patient","id":"p%d-%d","identifier":[{"system":"urn:w","value":"%d"}],"name":[{"family":"Writer%d"}],"birthDate":"19%02d-01-01"}`, w, n, w, w, 10+n))
				if err != nil {
					t.Error(err)
					return
				}
				write := store.Write{Op: store.Create, Key: r.Key(), Body: r.JSON(), Resource: r}
				if n%5 == 4 {
					err = s.Update(ctx, func(tx store.Tx) error {
						_, err := tx.Write(write)
						return err
					})
				} else {
					err = s.Apply(ctx, store.Unit{Writes: []store.Write{write}})[0].Err
				}
				if err != nil {
					t.Errorf("write: %v", err)
					return
				}
				for _, query := range []string{fmt.Sprintf("identifier=urn:w%%7C%d", w), fmt.Sprintf("family=writer%d&birthdate=lt%d", w, 1911+n), fmt.Sprintf("family:exact=Writer%d&_sort=-birthdate", w)} {
					if got := count(t, s, query); got < n+1 {
						t.Errorf("%s finds %d after %d writes", query, got, n+1)
					}
				}
			}
		})
	}
	work.Wait()
	own := open(direct)
	for w := range writers {
		query := fmt.Sprintf("identifier=urn:w%%7C%d", w)
		if a, b := count(t, own, query), count(t, through[0], query); a != each || b != each {
			t.Errorf("writer %d: %d by a connection of its own, %d by the pool, %d written", w, a, b, each)
		}
	}
}

func count(t *testing.T, s store.Store, query string) int {
	t.Helper()
	parsed, err := storetest.Parameters().Parse("Patient", query, search.Options{Base: "http://here/fhir", Zone: time.UTC, DefaultCount: 1000, MaxCount: 1000})
	if err != nil {
		t.Error(err)
		return 0
	}
	parsed.Query.Sight = search.Everything
	n := 0
	if err := s.View(context.Background(), func(r store.Reader) error {
		result, err := r.Search(parsed.Query)
		n = len(result.Matches)
		return err
	}); err != nil {
		t.Errorf("%s: %v", query, err)
	}
	return n
}
