package interaction

import (
	"context"
	"time"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/consents"
	"vitalwire/server/guard"
	"vitalwire/server/store"
)

// As is the engine for the caller in a context: its store is guarded for him, so that
// whatever is done with it is done within what he may, and its cursors are his alone.
// Without an access nothing is done: a path that forgot to let its caller in fails.
func (e *Engine) As(ctx context.Context) (*Engine, error) {
	if e.reach != nil {
		return e, nil
	}
	reach, err := e.Reach(ctx)
	if err != nil {
		return nil, err
	}
	return e.within(reach), nil
}

// For is the engine as it would be for the caller with another access, to explain what
// he may do.
func (e *Engine) For(ctx context.Context, access auth.Access) (*Engine, error) {
	if e.origin != nil {
		e = e.origin
	}
	return e.As(auth.With(ctx, access))
}

// Unbounded is the engine for work of the server itself, whoever had it done.
func (e *Engine) Unbounded() *Engine {
	if e.origin != nil {
		e = e.origin
	}
	return e.within(auth.All())
}

func (e *Engine) within(reach *auth.Reach) *Engine {
	mine := *e
	mine.origin, mine.reach = e, reach
	mine.guarded = guard.New(e.Store, reach, e.Search, e.Base, e.Consents, e.Obligations)
	mine.Store = mine.guarded
	mine.Seal = e.Seal.For(reach.Bound)
	return &mine
}

// Witnessed is the engine with a witness of its own of what Consents decide, if the audit
// log keeps that. What is done in an open transaction has the witness of that.
func (e *Engine) Witnessed() *Engine {
	if e.Consents == nil || !e.Audit.Decides() || e.guarded == nil || e.Store != store.Store(e.guarded) {
		return e
	}
	mine := *e
	mine.witness = &consents.Witness{}
	mine.guarded = e.guarded.Noting(mine.witness)
	mine.Store = mine.guarded
	return &mine
}

// Reach is what the caller in a context may do. fhir.LoginRequired without one,
// fhir.Forbidden for an access that means nobody.
func (e *Engine) Reach(ctx context.Context) (*auth.Reach, error) {
	if e.reach != nil {
		return e.reach, nil
	}
	if !e.Guarded {
		return auth.All(), nil
	}
	access, ok := auth.From(ctx)
	if !ok {
		return nil, fhir.LoginRequired("an access token is needed")
	}
	return e.Rules().Decide(access, world{ctx, e.Store})
}

// Rules decide what an access means on this server.
func (e *Engine) Rules() *auth.Rules {
	return &auth.Rules{Base: e.Base, Search: e.Search, Zone: e.Zone}
}

// world is what auth.Rules must know of the present. It reads the store itself: who a
// caller is does not depend on what he may see.
type world struct {
	ctx   context.Context
	store store.Store
}

// RelatedTo is the patient of a RelatedPerson that is active, in its period.
func (w world) RelatedTo(id string) (patient string, err error) {
	var v store.Version
	err = w.store.Glance(w.ctx, func(r store.Reader) (err error) {
		v, err = r.Read(fhir.Key{Type: "RelatedPerson", ID: id})
		return err
	})
	if err != nil || v.Deleted {
		if fhir.SituationOf(err) == fhir.SituationNotFound {
			err = nil
		}
		return "", err
	}
	r, err := fhir.ParseElement(v.Body)
	if err != nil || r.Get("active").Text() == "false" || !during(r.Get("period"), time.Now()) {
		return "", err
	}
	to := fhir.ParseReference(r.Path("patient", "reference").Text())
	if to.Key.Type != "Patient" || to.Base != "" {
		return "", nil
	}
	return to.Key.ID, nil
}

// during reports whether a moment lies in a Period, of which both ends may be open. A
// period that cannot be read holds nothing.
func during(period *fhir.Element, at time.Time) bool {
	for name, outside := range map[string]func(fhir.DateTime) bool{
		"start": func(d fhir.DateTime) bool { return d.Low().After(at) },
		"end":   func(d fhir.DateTime) bool { return !d.High().After(at) },
	} {
		text := period.Get(name).Text()
		if text == "" {
			continue
		}
		if d, ok := fhir.ParseDateTime(text); !ok || outside(d) {
			return false
		}
	}
	return true
}
