package ingest

import (
	"context"
	"slices"

	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// amend plans what becomes of an Observation that is there already: nothing, when
// the same reading came again; a new version, when its sender corrects it or takes
// it back. The versions before stay in its history. anew says that it planned one.
func (s *Service) amend(ctx context.Context, r store.Reader, p *plan, o mapping.Observation, found *store.Version) (anew bool, err error) {
	if !o.Amends {
		p.receipt.add(Reading{Version: found, write: -1})
		return false, nil
	}
	now, err := fhir.ParseResource(found.Body)
	if err != nil {
		return false, err
	}
	state := o.Resource
	same := sameReading(now, state)
	if late := o.Event && overtaken(now, state); same || late {
		p.late = p.late || late && !same
		if p.late && !slices.Contains(p.became, found.Key.ID) {
			p.became = append(p.became, found.Key.ID)
		}
		p.receipt.add(Reading{Version: found, write: -1})
		return false, nil
	}
	if err := s.check(ctx, state); err != nil {
		return false, err
	}
	w := interaction.NewWrite(store.Put, found.Key, state)
	w.IfMatch = found.VersionID
	p.receipt.add(Reading{Created: true, write: p.write(w)})
	p.became = append(p.became, found.Key.ID)
	return true, p.wrote(r, found, nil)
}

// wrote plans the note that this frame makes the next version of an Observation, and what
// it gave if that is not all of the version.
func (p *plan) wrote(r store.Reader, found *store.Version, gave *fhir.Element) error {
	before, ok, err := r.Record(amended, found.Key.ID)
	if err != nil {
		return err
	}
	if !ok {
		before = nil
	}
	return p.put(amended, found.Key.ID, amendment{Frame: p.frame, Version: found.VersionID + 1, Gave: gave}, before)
}

// overtaken reports whether a state of an event is older than the one that is known: it
// came late, and what is over stays over (IHE PCD-04: an alarm's messages may come in
// any order). Of two states of one instant the end is the later.
func overtaken(now, state *fhir.Resource) bool {
	known, ok := stateTime(now)
	told, also := stateTime(state)
	if !ok || !also {
		return false
	}
	at, of := told.Low(), known.Low()
	return at.Before(of) || at.Equal(of) && now.Get("status").Text() == "final" && state.Get("status").Text() == "preliminary"
}

// stateTime is when a state began.
func stateTime(o *fhir.Resource) (fhir.DateTime, bool) {
	text := o.Get("effectiveDateTime").Text()
	for _, end := range []string{"start", "end"} {
		if at := o.Path("effectivePeriod", end).Text(); at != "" {
			text = at
		}
	}
	return fhir.ParseInstant(text)
}

// told are the elements of an Observation that say what was read.
var told = []string{"status", "valueQuantity", "valueCodeableConcept", "valueString", "valueDateTime", "valueSampledData", "dataAbsentReason", "component", "interpretation"}

// sameReading reports whether a version says what the amended one would.
func sameReading(now, amended *fhir.Resource) bool {
	for _, name := range told {
		a, b := now.Get(name), amended.Get(name)
		if (a == nil) != (b == nil) || a != nil && !a.Equal(b) {
			return false
		}
	}
	return true
}
