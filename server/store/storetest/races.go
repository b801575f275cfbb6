package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

const racers = 64

// race runs fn in many goroutines that start together.
func race(n int, fn func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-start
			fn(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// testCreationRaces lets many create one thing: exactly one may, by every way.
func testCreationRaces(t *testing.T, s *suite) {
	ctx := context.Background()
	system := "urn:race"
	kinds := []struct {
		name string
		make func(round, i int) store.Write
		lost func(err error) bool
	}{
		{"Unless", func(round, i int) store.Write {
			value := fmt.Sprintf("v%d", round)
			return unless(withIdentifier(fmt.Sprintf("u%d-%d", round, i), system, value), &system, value)
		}, isExists},
		{"IfAbsent", func(round, _ int) store.Write {
			w := put(patient(fmt.Sprintf("a%d", round), ""))
			w.IfAbsent = true
			return w
		}, isExists},
		{"Create", func(round, _ int) store.Write {
			return write(store.Create, patient(fmt.Sprintf("c%d", round), ""))
		}, func(err error) bool { return fhir.SituationOf(err) == fhir.SituationConflict }},
	}
	for _, kind := range kinds {
		for round := range 4 {
			var mu sync.Mutex
			created := 0
			race(racers, func(i int) {
				var err error
				w := kind.make(round, i)
				if i%4 == 3 { // some by the other lane
					err = s.Update(ctx, func(tx store.Tx) error {
						_, err := tx.Write(w)
						return err
					})
				} else {
					err = s.Apply(ctx, unit(w))[0].Err
				}
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					created++
				} else if !kind.lost(err) {
					t.Errorf("%s: a loser got %v", kind.name, err)
				}
			})
			equal(t, kind.name+": created", created, 1)
		}
	}
	// If-Match likewise: one of many updates of one version.
	s.must(put(patient("m", "")))
	var mu sync.Mutex
	won := 0
	race(racers, func(int) {
		w := put(patient("m", ",'active':true"))
		w.IfMatch = 1
		err := s.Apply(ctx, unit(w))[0].Err
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			won++
		} else if fhir.SituationOf(err) != fhir.SituationPreconditionFailed {
			t.Errorf("a loser got %v", err)
		}
	})
	equal(t, "updates of one version", won, 1)
}

func isExists(err error) bool {
	var e *store.Exists
	return errors.As(err, &e)
}

func testRollback(t *testing.T, s *suite) {
	ctx := context.Background()
	s.must(put(patient("p", "")))
	var before int64
	s.view(func(r store.Reader) (err error) {
		before, err = r.Position()
		return err
	})
	unchanged := func(what string) {
		t.Helper()
		s.view(func(r store.Reader) error {
			position, err := r.Position()
			equal(t, what+": position", position, before)
			changes, err2 := r.Changes(0, 100)
			equal(t, what+": changes", len(changes), 1)
			_, ok, err3 := r.Record("c", "k")
			equal(t, what+": record", ok, false)
			equal(t, what+": found", len(s.search(r, "Patient", "").Matches), 1)
			return errors.Join(err, err2, err3)
		})
	}
	ours := errors.New("ours")
	err := s.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Write(put(withIdentifier("q", "urn:a", "x"))); err != nil {
			return err
		}
		if err := tx.PutRecord(store.RecordWrite{Collection: "c", Key: "k", Value: []byte("v")}); err != nil {
			return err
		}
		return ours
	})
	equal(t, "the closure's error", errors.Is(err, ours), true)
	unchanged("an error")
	// A failed write that the closure keeps to itself still commits nothing.
	err = s.Update(ctx, func(tx store.Tx) error {
		_, _ = tx.Write(put(patient("q", "")))
		_, _ = tx.Write(write(store.Create, patient("p", "")))
		return nil
	})
	equal(t, "a swallowed error", fhir.SituationOf(err), fhir.SituationConflict)
	unchanged("a swallowed error")
	func() {
		defer func() { equal(t, "panic", recover(), any("ours")) }()
		_ = s.Update(ctx, func(tx store.Tx) error {
			if _, err := tx.Write(put(patient("q", ""))); err != nil {
				return err
			}
			panic("ours")
		})
	}()
	unchanged("a panic")
	// A panic in a snapshot does no harm either.
	func() {
		defer func() { _ = recover() }()
		_ = s.View(ctx, func(store.Reader) error { panic("ours") })
	}()
	_ = s.fails(fhir.SituationConflict, put(withIdentifier("q", "urn:a", "x")), write(store.Create, patient("p", "")))
	unchanged("a failed unit")
	out := s.Apply(ctx, store.Unit{
		Writes:  []store.Write{put(patient("q", ""))},
		Records: []store.RecordWrite{{Collection: "c", Key: "k", Value: []byte("v")}, {Collection: "c", Key: "k", Value: []byte("v"), IfAbsent: true}},
	})
	equal(t, "a failed record", fhir.SituationOf(out[0].Err), fhir.SituationConflict)
	unchanged("a failed record")
	s.must(put(patient("q", "")))
}

// testLostUpdate counts up by read and write, with time in between for others.
func testLostUpdate(t *testing.T, s *suite) {
	ctx := context.Background()
	const counters = 50
	s.must(put(patient("n", ",'multipleBirthInteger':0")))
	race(counters, func(i int) {
		err := s.Update(ctx, func(tx store.Tx) error {
			v, err := tx.Read(key("Patient", "n"))
			if err != nil {
				return err
			}
			r, err := fhir.ParseResource(v.Body)
			if err != nil {
				return err
			}
			var n int
			if _, err := fmt.Sscan(r.Get("multipleBirthInteger").Text(), &n); err != nil {
				return err
			}
			raw, _, err := tx.Record("counter", "n")
			if err != nil {
				return err
			}
			equal(t, "record", len(raw), n)
			time.Sleep(5 * time.Millisecond) // the window held open
			if _, err := tx.Write(put(patient("n", fmt.Sprintf(",'multipleBirthInteger':%d", n+1)))); err != nil {
				return err
			}
			return tx.PutRecord(store.RecordWrite{Collection: "counter", Key: "n", Value: make([]byte, n+1)})
		})
		if err != nil {
			t.Errorf("update %d: %v", i, err)
		}
	})
	v := s.mustRead("Patient", "n")
	equal(t, "version", v.VersionID, counters+1)
	r, _ := fhir.ParseResource(v.Body)
	equal(t, "count", r.Get("multipleBirthInteger").Text(), fmt.Sprint(counters))
	// And by the fast lane with IfValue, where losers try again.
	race(16, func(int) {
		for range 1000 {
			var was []byte
			if err := s.View(ctx, func(r store.Reader) (err error) {
				was, _, err = r.Record("counter", "n")
				return err
			}); err != nil {
				t.Error(err)
				return
			}
			out := s.Apply(ctx, store.Unit{Records: []store.RecordWrite{{Collection: "counter", Key: "n", Value: make([]byte, len(was)+1), IfValue: was}}})
			if out[0].Err == nil {
				return
			}
			if fhir.SituationOf(out[0].Err) != fhir.SituationConflict {
				t.Error(out[0].Err)
				return
			}
		}
		t.Error("never won")
	})
	s.view(func(r store.Reader) error {
		was, _, err := r.Record("counter", "n")
		equal(t, "record", len(was), counters+16)
		return err
	})
}

func testLargeUnit(t *testing.T, s *suite) {
	const n = 1000
	s.must(put(patient("taken", "")))
	large := func() []store.Write {
		var writes []store.Write
		for i := range n {
			writes = append(writes, put(withIdentifier(fmt.Sprintf("p%d", i), "urn:large", fmt.Sprint(i))))
		}
		return writes
	}
	bad := append(large(), write(store.Create, patient("taken", "")))
	_ = s.fails(fhir.SituationConflict, bad...)
	count := func() (n int64) {
		s.view(func(r store.Reader) error {
			n = s.search(r, "Patient", "_count=0").Total
			return nil
		})
		return n
	}
	equal(t, "after a failure at the end", count(), 1)
	versions := s.must(large()...)
	equal(t, "after success", count(), n+1)
	for i := range versions[1:] {
		equal(t, "position", versions[i+1].Position > versions[i].Position, true)
	}
	s.must(large()...)
	equal(t, "once more", count(), n+1)
	equal(t, "version", s.mustRead("Patient", "p999").VersionID, 2)
}

// testGroupedUnits puts good and bad units of many callers into common commits.
func testGroupedUnits(t *testing.T, s *suite) {
	s.must(put(patient("taken", "")))
	var units []store.Unit
	for i := range 100 {
		if i%3 == 1 {
			units = append(units, unit(put(patient(fmt.Sprintf("half%d", i), "")), write(store.Create, patient("taken", ""))))
		} else {
			units = append(units, unit(put(patient("shared", "")), put(patient(fmt.Sprintf("own%d", i), ""))))
		}
	}
	good := 0
	for i, out := range s.Apply(context.Background(), units...) {
		if i%3 == 1 {
			equal(t, "failing unit", fhir.SituationOf(out.Err), fhir.SituationConflict)
			equal(t, "failing unit's versions", len(out.Versions), 0)
			continue
		}
		good++
		if out.Err != nil {
			t.Fatal(out.Err)
		}
		equal(t, "version of the shared one", out.Versions[0].VersionID, int64(good))
	}
	race(racers, func(i int) {
		out := s.Apply(context.Background(), units[i%3])
		if (out[0].Err != nil) != (i%3 == 1) {
			t.Errorf("unit %d: %v", i, out[0].Err)
		}
	})
	s.view(func(r store.Reader) error {
		for i := range 100 {
			_, err := r.Read(key("Patient", fmt.Sprintf("half%d", i)))
			equal(t, "half a unit", fhir.SituationOf(err), fhir.SituationNotFound)
		}
		return nil
	})
	// A unit that no store can take fails alone, too.
	broken := unit(store.Write{Op: store.Put, Key: key("Patient", "x"), Body: []byte(`{}`)})
	out := s.Apply(context.Background(), unit(put(patient("ok1", ""))), broken, unit(put(patient("ok2", ""))))
	equal(t, "around a broken unit", out[0].Err == nil && out[1].Err != nil && out[2].Err == nil, true)
}

// testFeed tails the feed while many write: no position may appear behind one
// already seen, and at the end all were seen, once.
func testFeed(t *testing.T, s *suite) {
	ctx := context.Background()
	const writers, each, tails = 8, 60, 3
	var writing, tailing sync.WaitGroup
	stop := make(chan struct{})
	seen := make([][]store.Version, tails)
	for n := range tails {
		tailing.Go(func() {
			last := int64(0)
			for final := false; ; {
				var page []store.Version
				var position int64
				if err := s.View(ctx, func(r store.Reader) (err error) {
					if position, err = r.Position(); err != nil {
						return err
					}
					page, err = r.Changes(last, 7)
					return err
				}); err != nil {
					t.Error(err)
					return
				}
				for _, v := range page {
					if v.Position <= last || v.Position > position {
						t.Errorf("position %d after %d in a snapshot at %d", v.Position, last, position)
					}
					last = v.Position
				}
				seen[n] = append(seen[n], page...)
				if len(page) > 0 {
					continue
				}
				if final {
					return
				}
				select {
				case <-stop:
					final = true
				default:
				}
			}
		})
	}
	var mu sync.Mutex
	made := map[int64]store.Version{}
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				u := unit(put(patient(fmt.Sprintf("w%d", w), "")), put(patient(fmt.Sprintf("w%d-%d", w, i), "")))
				var versions []store.Version
				var err error
				if w%4 == 0 {
					err = s.Update(ctx, func(tx store.Tx) error {
						versions = nil
						for _, one := range u.Writes {
							v, err := tx.Write(one)
							if err != nil {
								return err
							}
							versions = append(versions, v)
						}
						return nil
					})
				} else {
					out := s.Apply(ctx, u)[0]
					versions, err = out.Versions, out.Err
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, v := range versions {
					made[v.Position] = v
				}
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	close(stop)
	tailing.Wait()
	equal(t, "versions made", len(made), writers*each*2)
	for n := range seen {
		equal(t, "versions seen", len(seen[n]), len(made))
		for _, v := range seen[n] {
			same(t, v, made[v.Position])
		}
	}
}
