package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
	"vitalwire/server/store/postgres"
	"vitalwire/server/store/postgres/pgtest"
	"vitalwire/server/store/storetest"
)

// TestLostConnections ends the store's connections again and again while it
// writes. Each write must be there once if it was answered, and at most once if
// its answer was an error.
func TestLostConnections(t *testing.T) {
	ctx := context.Background()
	url := pgtest.Start(t)
	s, err := postgres.Open(ctx, url, postgres.Options{Search: storetest.Parameters()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	db := raw(t, url)
	stop := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(15 * time.Millisecond):
			}
			if _, err := db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
				t.Error(err)
				return
			}
		}
	})
	const writers, each = 4, 50
	var acknowledged [writers]int64
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			id := fmt.Sprintf("w%d", w)
			body := []byte(`{"resourceType":"Patient","id":"` + id + `"}`)
			for range each {
				out := s.Apply(ctx, store.Unit{Writes: []store.Write{{Op: store.Put, Key: fhir.Key{Type: "Patient", ID: id}, Body: body}}})
				if out[0].Err == nil {
					acknowledged[w]++
				} else if fhir.SituationOf(out[0].Err) != fhir.SituationUnavailable {
					t.Errorf("a lost connection gives %v", out[0].Err)
				}
			}
		})
	}
	work.Wait()
	close(stop)
	killer.Wait()
	total := int64(0)
	for w, want := range acknowledged {
		total += want
		if err := s.View(ctx, func(r store.Reader) error {
			n, err := r.CountVersions(store.Selection{Type: "Patient", ID: fmt.Sprintf("w%d", w)}, 1<<20)
			if err == nil && (n < want || n > each) {
				t.Errorf("writer %d was told of %d versions, there are %d", w, want, n)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d of %d writes answered well", total, writers*each)
}

// TestUnreachable: no server is Unavailable, and so is a database taken away.
func TestUnreachable(t *testing.T) {
	ctx := context.Background()
	_, err := postgres.Open(ctx, "postgres://postgres@127.0.0.1:1/none?sslmode=disable", postgres.Options{Search: storetest.Parameters()})
	if fhir.SituationOf(err) != fhir.SituationUnavailable {
		t.Fatalf("no server gives %v", err)
	}
	url := pgtest.Start(t)
	s, err := postgres.Open(ctx, url, postgres.Options{Search: storetest.Parameters()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	db := raw(t, url)
	if _, err := db.Exec(`ALTER TABLE head RENAME TO gone`); err != nil {
		t.Fatal(err)
	}
	out := s.Apply(ctx, store.Unit{Writes: []store.Write{{Op: store.Delete, Key: fhir.Key{Type: "Patient", ID: "p"}}}})
	if out[0].Err == nil || fhir.SituationOf(out[0].Err) != fhir.SituationException {
		t.Fatalf("a missing table gives %v", out[0].Err)
	}
}
