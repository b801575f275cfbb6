package server

import (
	"context"
	"sync/atomic"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/audit"
	"vitalwire/server/consents"
	"vitalwire/server/store"
)

// collecting holds devices to what patients let be collected, whoever brings their frames.
type collecting struct {
	book  *consents.Book
	known *search.Registry
	audit *audit.Log
	count atomic.Int64 // of readings that were not stored
}

// ruling is what the Consents say of who brings a frame; of a wire without tokens that is
// nobody who is known, who treats.
func (c *collecting) ruling(ctx context.Context, r store.Reader) (*consents.Ruling, error) {
	access, _ := auth.From(ctx)
	if len(access.Purposes) == 0 {
		access.Purposes = auth.UsualPurposes(access.Role)
	}
	return c.book.For(r, access)
}

// Collects is that of ingest.Collecting.
func (c *collecting) Collects(ctx context.Context, r store.Reader, resource *fhir.Resource) (ok bool, refuses string, err error) {
	ruling, err := c.ruling(ctx, r)
	if err != nil || !ruling.Collecting() {
		return err == nil, "", err
	}
	key := resource.Key()
	return ruling.Collects(&search.Subject{Type: key.Type, ID: key.ID, Values: c.known.Extract(resource)})
}

// Uncollected is that of ingest.Collecting.
func (c *collecting) Uncollected(ctx context.Context, patient string) {
	c.count.Add(1)
	_ = c.audit.Tell(ctx, audit.Done{Kind: audit.Consented, Decided: []audit.Decided{{Patient: patient, Class: c.book.NumberOf(patient)}}, Known: c.book.Known()})
}
