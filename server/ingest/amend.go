package ingest

import (
	"context"

	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// amend plans what becomes of an Observation that is there already: nothing, when
// the same reading came again; a new version, when its sender corrects it or takes
// it back. The versions before stay in its history.
func (s *Service) amend(ctx context.Context, p *plan, o mapping.Observation, found *store.Version) error {
	if !o.Amends {
		p.receipt.add(Reading{Version: found, write: -1})
		return nil
	}
	now, err := fhir.ParseResource(found.Body)
	if err != nil {
		return err
	}
	amended := o.Resource
	if sameReading(now, amended) {
		p.receipt.add(Reading{Version: found, write: -1})
		return nil
	}
	if err := s.check(ctx, amended); err != nil {
		return err
	}
	w := interaction.NewWrite(store.Put, found.Key, amended)
	w.IfMatch = found.VersionID
	p.receipt.add(Reading{Created: true, write: p.write(w)})
	return nil
}

// sameReading reports whether a version says what the amended one would.
func sameReading(now, amended *fhir.Resource) bool {
	for _, name := range []string{"status", "valueQuantity", "valueCodeableConcept", "valueString", "valueDateTime", "valueSampledData", "dataAbsentReason", "component", "interpretation"} {
		a, b := now.Get(name), amended.Get(name)
		if (a == nil) != (b == nil) || a != nil && !a.Equal(b) {
			return false
		}
	}
	return true
}
