package ingest

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Collecting says whether patients let what devices measure be recorded (R4 consentaction
// collect).
type Collecting interface {
	// Collects judges a resource that would be stored, by the Consents that a reader
	// sees; ctx is that of the frame. Else refuses is a patient who does not agree.
	Collects(ctx context.Context, r store.Reader, resource *fhir.Resource) (ok bool, refuses string, err error)
	// Uncollected is told of each reading that is not stored, once it is certain.
	Uncollected(ctx context.Context, patient string)
}

// collects reports whether a reading may be stored. One that may not is dropped, and the
// receipt says so to those who may know.
func (s *Service) collects(ctx context.Context, r store.Reader, p *plan, key fhir.Key, resource *fhir.Resource) (bool, error) {
	if s.Collecting == nil {
		return true, nil
	}
	ok, refuses, err := s.Collecting.Collects(ctx, r, resource.WithIdentity(key.ID))
	if err != nil || ok {
		return ok, err
	}
	p.refused = append(p.refused, refuses)
	p.receipt.add(Reading{Refused: true, write: -1})
	return false, nil
}

// uncollected has those who count know of the readings that a plan dropped.
func (s *Service) uncollected(ctx context.Context, p *plan) {
	for _, patient := range p.refused {
		s.Collecting.Uncollected(ctx, patient)
	}
}
