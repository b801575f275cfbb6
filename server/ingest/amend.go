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
	late := false
	if o.Event {
		same = same && sameMembers(now, state, "note") // the words to people: a limit, what to do
		if late, err = p.comesLate(r, found.Key.ID, now, state, same); err != nil {
			return false, err
		}
	}
	if same || late {
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

// told are the elements of an Observation that say what was read.
var told = []string{"status", "valueQuantity", "valueCodeableConcept", "valueString", "valueDateTime", "valueSampledData", "dataAbsentReason", "component", "interpretation"}

// sameReading reports whether a version says what the amended one would.
func sameReading(now, amended *fhir.Resource) bool { return sameMembers(now, amended, told...) }

func sameMembers(now, amended *fhir.Resource, names ...string) bool {
	for _, name := range names {
		a, b := now.Get(name), amended.Get(name)
		if (a == nil) != (b == nil) || a != nil && !a.Equal(b) {
			return false
		}
	}
	return true
}
