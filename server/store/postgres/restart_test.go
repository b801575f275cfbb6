package postgres_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
	"vitalwire/server/store/postgres"
	"vitalwire/server/store/postgres/pgtest"
	"vitalwire/server/store/storetest"
)

// TestRestart crashes and restarts the database server in the middle of writes
// and reads: each call succeeds or is Unavailable, nothing acknowledged is lost,
// and the store goes on by itself when the database is back.
func TestRestart(t *testing.T) {
	ctx := t.Context()
	url, restart := pgtest.Own(t)
	s, err := postgres.Open(ctx, url, postgres.Options{Search: storetest.Parameters()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const writers = 6
	var acknowledged [writers]int64
	var good, failed atomic.Int64
	stop := make(chan struct{})
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			key := fhir.Key{Type: "Patient", ID: fmt.Sprintf("w%d", w)}
			body := []byte(`{"resourceType":"Patient","id":"` + key.ID + `"}`)
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := s.Apply(ctx, store.Unit{Writes: []store.Write{{Op: store.Put, Key: key, Body: body}}})[0].Err
				if err == nil {
					acknowledged[w]++
					good.Add(1)
					err = s.View(ctx, func(r store.Reader) error {
						v, err := r.Read(key)
						if err == nil && v.VersionID < acknowledged[w] {
							t.Errorf("writer %d was told of version %d and reads %d", w, acknowledged[w], v.VersionID)
						}
						return err
					})
				}
				if err != nil {
					failed.Add(1)
					if fhir.SituationOf(err) != fhir.SituationUnavailable {
						t.Errorf("while the database restarts: %v", err)
					}
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	// more waits until so many more calls were counted.
	more := func(of *atomic.Int64, n int64) {
		t.Helper()
		for began, at := time.Now(), of.Load(); of.Load() < at+n; time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > 2*time.Minute {
				t.Fatal("the store does not go on")
			}
		}
	}
	more(&good, 50)
	for _, signal := range []string{"QUIT", "INT"} {
		restart(signal) // calls may fail meanwhile, and need not
		more(&good, 50)
	}
	close(stop)
	work.Wait()
	for w, want := range acknowledged {
		if err := s.View(ctx, func(r store.Reader) error {
			n, err := r.CountVersions(store.Selection{Type: "Patient", ID: fmt.Sprintf("w%d", w)}, 1<<20)
			if n < want {
				t.Errorf("writer %d was told of %d versions, there are %d", w, want, n)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d writes acknowledged, %d calls refused in between", good.Load(), failed.Load())
}
