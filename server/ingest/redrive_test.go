package ingest_test

import (
	"errors"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
)

// Refused frames are forgotten when they are older than they are kept, and one that was
// refused again since is not old.
func TestRefused_Retention(t *testing.T) {
	s := ward.Open(t)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s.Now = func() time.Time { return now }
	send := func(b byte) {
		if _, err := s.Submit(t.Context(), ingest.Submission{Adapter: "blegatt", Device: ward.Cuff, Characteristic: "2A35", Bytes: []byte{b}}); !refused(err) {
			t.Fatal(err)
		}
	}
	send(6)
	send(7)
	now = now.Add(48 * time.Hour)
	send(7)
	send(14)
	for _, c := range []struct {
		keep         time.Duration
		pruned, left int
	}{{72 * time.Hour, 0, 3}, {24 * time.Hour, 1, 2}, {24 * time.Hour, 0, 2}} {
		pruned, err := s.PruneRefused(t.Context(), c.keep)
		list, failed := s.Refusals(t.Context(), "", 10)
		if err != nil || failed != nil || pruned != c.pruned || len(list) != c.left {
			t.Errorf("kept for %s: %d pruned, %d left; %v %v", c.keep, pruned, len(list), err, failed)
		}
	}
}

// A replay that is cancelled ends, writes nothing more, cannot be applied or cancelled
// again, and lets the next one begin.
func TestReplay_Cancel(t *testing.T) {
	s := ward.Open(t)
	ward.Wear(t, s, ward.Cuff, "a")
	if _, err := s.Submit(t.Context(), ward.Pulse(61, 1)); err != nil {
		t.Fatal(err)
	}
	// Nobody performs replays here, so that it stands where it began.
	run, err := s.Dry(t.Context(), ingest.Frames{})
	if err != nil || run.State != ingest.Running {
		t.Fatal(run, err)
	}
	if _, err := s.Dry(t.Context(), ingest.Frames{}); fhir.SituationOf(err) != fhir.SituationConflict {
		t.Error("two at once:", err)
	}
	if run, err = s.CancelReplay(t.Context(), run.ID); err != nil || run.State != ingest.Cancelled || run.Ended == "" {
		t.Error(run, err)
	}
	if _, err := s.CancelReplay(t.Context(), run.ID); fhir.SituationOf(err) != fhir.SituationConflict {
		t.Error("cancelled twice:", err)
	}
	if _, err := s.Reapply(t.Context(), run.ID, false); fhir.SituationOf(err) != fhir.SituationConflict {
		t.Error("what was cancelled is applied:", err)
	}
	if _, err := s.CancelReplay(t.Context(), "none"); !errors.Is(err, fhir.NotFound(fhir.Key{})) {
		t.Error(err)
	}
	if next, err := s.Dry(t.Context(), ingest.Frames{}); err != nil || next.State != ingest.Running {
		t.Error(next, err)
	}
}
