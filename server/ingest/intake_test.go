package ingest

import (
	"context"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
)

// held gives the totals once they satisfy want, which others bring about.
func held(t *testing.T, i *Intake, want func(IntakeTotals) bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !want(i.Totals()); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%+v", i.Totals())
		}
	}
}

// TestIntake_AFloodHoldsUpNobodyElse fills the line of one source: it is told so, and
// the others are served next, not after it.
func TestIntake_AFloodHoldsUpNobodyElse(t *testing.T) {
	i := &Intake{Working: 4, WorkingPerSource: 3, Waiting: 40, WaitingPerSource: 10}
	leave := make(chan struct{})
	var flood sync.WaitGroup
	for range 13 {
		flood.Go(func() {
			done, err := i.enter(t.Context(), "flood", 1)
			if err != nil {
				t.Error(err)
				return
			}
			<-leave
			done()
		})
	}
	held(t, i, func(n IntakeTotals) bool { return n.Working == 3 && n.Waiting == 10 })
	if _, err := i.enter(t.Context(), "flood", 1); fhir.SituationOf(err) != fhir.SituationThrottled {
		t.Error(err)
	}
	for range 5 { // the fourth place is never the flood's
		done, err := i.enter(t.Context(), "quiet", 1)
		if err != nil {
			t.Fatal(err)
		}
		done()
	}
	close(leave)
	flood.Wait()
	if n := i.Totals(); n != (IntakeTotals{Throttled: 1}) {
		t.Errorf("%+v", n)
	}
}

// TestIntake_SourcesTakeTurns lets two sources wait for one place.
func TestIntake_SourcesTakeTurns(t *testing.T) {
	i := &Intake{Working: 1, WorkingPerSource: 1}
	first, err := i.enter(t.Context(), "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	order := make(chan string, 8)
	var all sync.WaitGroup
	for n, source := range []string{"a", "a", "a", "b"} {
		all.Go(func() {
			done, err := i.enter(t.Context(), source, 1)
			if err != nil {
				t.Error(err)
				return
			}
			order <- source
			done()
		})
		held(t, i, func(is IntakeTotals) bool { return is.Waiting == n+1 })
	}
	first()
	all.Wait()
	close(order)
	place := 0
	for source := range order {
		place++
		if source == "b" && place > 2 {
			t.Errorf("b came %d. although a had its turn", place)
		}
	}
}

func TestIntake_BoundsBytesAndForgetsWhoGivesUp(t *testing.T) {
	i := &Intake{Working: 1, WorkingPerSource: 1, WaitingBytes: 400}
	done, err := i.enter(t.Context(), "a", 1000)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range 2 {
		waiting.Go(func() {
			if _, err := i.enter(ctx, "b", 50); fhir.SituationOf(err) != fhir.SituationTimeout {
				t.Error(err)
			}
		})
	}
	held(t, i, func(n IntakeTotals) bool { return n.Waiting == 2 })
	if _, err := i.enter(t.Context(), "b", 1); fhir.SituationOf(err) != fhir.SituationThrottled {
		t.Error(err) // its quarter is full
	}
	if _, err := i.enter(t.Context(), "c", 301); fhir.SituationOf(err) != fhir.SituationThrottled {
		t.Error(err) // all is full
	}
	cancel()
	waiting.Wait()
	done()
	if n := i.Totals(); n != (IntakeTotals{Throttled: 2}) {
		t.Errorf("%+v", n)
	}
}

// TestIntake_Race has many sources come and give up; nothing is left, and never more
// at work than may be.
func TestIntake_Race(t *testing.T) {
	i := &Intake{Working: 5, WorkingPerSource: 2, WaitingPerSource: 4}
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			for k := range 50 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(k%3)*time.Millisecond)
				if done, err := i.enter(ctx, string(rune('a'+n%7)), n); err == nil {
					if working := i.Totals().Working; working > 5 {
						t.Errorf("%d at work", working)
					}
					done()
				}
				cancel()
			}
		})
	}
	all.Wait()
	n := i.Totals()
	n.Throttled = 0
	if n != (IntakeTotals{}) {
		t.Errorf("%+v", n)
	}
}
