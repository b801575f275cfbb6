package server

import (
	"context"

	"vitalwire/auth"
	"vitalwire/fhir/search"
	"vitalwire/server/audit"
	"vitalwire/server/store"
)

// glassesAtOnce is how many broken glasses a page has.
const glassesAtOnce = 20

// Glasses is a page of the glasses that were broken. To look is audited.
func (p privacy) Glasses(ctx context.Context, after string) (*auth.BrokenPage, error) {
	log := p.engine.Audit
	if log == nil {
		return &auth.BrokenPage{}, nil
	}
	ctx = audit.Amid(ctx, audit.Circumstances{Name: privacyPage})
	if err := log.Tell(ctx, audit.Done{Kind: audit.SearchType, Query: p.engine.Base + "/AuditEvent?subtype=" + audit.GlassKind}); err != nil {
		return nil, err
	}
	log.Flush(ctx)
	mine, err := p.engine.As(ctx)
	if err != nil {
		return nil, err
	}
	const bound = "glasses"
	var from *search.Cursor
	if after != "" {
		from = &search.Cursor{}
		if mine.Seal.Open(after, bound, from) != nil {
			from = nil // of another page: the first is shown
		}
	}
	var list []audit.BrokenGlass
	err = p.engine.Store.Glance(ctx, func(r store.Reader) (err error) {
		list, from, err = audit.Glasses(r, p.engine.Search, from, glassesAtOnce)
		return err
	})
	if err != nil {
		return nil, err
	}
	t := p.tells(ctx, "")
	page := &auth.BrokenPage{Audited: true}
	for _, g := range list {
		one := auth.Broken{When: g.When, Reason: g.Reason, More: g.More}
		if one.Who, err = t.who(g.Sighting); err != nil {
			return nil, err
		}
		if one.App, err = t.app(g.Sighting); err != nil {
			return nil, err
		}
		for _, id := range g.Patients {
			one.Patients = append(one.Patients, "Patient/"+id)
		}
		page.List = append(page.List, one)
	}
	if from != nil {
		page.Next, err = mine.Seal.Seal(from, bound)
	}
	return page, err
}
