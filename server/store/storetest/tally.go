package storetest

import (
	"context"
	"errors"
	"testing"

	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// testTally: the total of a whole type is exact after creates, updates, deletes, units
// that failed, transactions that were given up and what was expunged; and a search begun
// before goes on with the total that it began with.
func testTally(t *testing.T, s *suite) {
	total := func(typ string, after *search.Cursor) (n int64, next *search.Cursor) {
		t.Helper()
		s.view(func(r store.Reader) error {
			q := parse(t, typ, "_count=1")
			q.Total, q.After = true, after
			result, err := r.Search(q)
			n, next = result.Total, result.Next
			return err
		})
		return n, next
	}
	expect := func(when string, patients, observations int64) {
		t.Helper()
		s.view(func(r store.Reader) error { // by a clause that all meet: asked twice, counted once
			for range 2 {
				q := parse(t, "Patient", "_count=0&gender:missing=true")
				q.Total = true
				if result, err := r.Search(q); err != nil || result.Total != patients {
					t.Errorf("patients without a gender %s: %d, %v", when, result.Total, err)
				}
			}
			return nil
		})
		p, _ := total("Patient", nil)
		o, _ := total("Observation", nil)
		equal(t, "patients "+when, p, patients)
		equal(t, "observations "+when, o, observations)
	}
	expect("of an empty store", 0, 0)
	s.must(put(patient("a", "")), put(patient("b", "")), put(observation("a", "")))
	s.must(put(patient("c", "")))
	expect("after creates", 3, 1)
	_, begun := total("Patient", nil)
	s.must(put(patient("a", ",'active':true")), put(patient("a", ",'active':false")), put(patient("d", "")))
	expect("after updates, two in one unit", 4, 1)
	s.must(remove("Patient", "b"), put(patient("e", "")), remove("Patient", "e"))
	expect("after deletes", 3, 1)
	if n, _ := total("Patient", begun); n != 3 {
		t.Errorf("a search begun with 3 patients goes on with %d", n)
	}
	stale := put(patient("a", ""))
	stale.IfMatch = 1
	if out := s.Apply(context.Background(), unit(put(patient("f", "")), stale), unit(put(observation("b", "")))); out[0].Err == nil || out[1].Err != nil {
		t.Fatalf("the units gave %v", out)
	}
	expect("after a unit that failed beside one that did not", 3, 2)
	given := errors.New("given up")
	if err := s.Update(context.Background(), func(tx store.Tx) error {
		if _, err := tx.Write(put(patient("g", ""))); err != nil {
			return err
		}
		return given
	}); !errors.Is(err, given) {
		t.Fatal(err)
	}
	expect("after a transaction that was given up", 3, 2)
	v := s.must(put(patient("h", "")))
	expect("before it is expunged", 4, 2)
	s.expunge(v...)
	expect("after it was expunged", 3, 2)
}
