package knowledge

import (
	"context"
	"errors"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/fhir/term"
	"vitalwire/server/store"
)

// concepts answers the modifiers of token searches that ask terminology.
type concepts struct {
	ctx  context.Context //nolint:containedctx // lives as long as the search it is made for
	base *Base
}

// Concepts is the terminology that a search may ask, until ctx ends.
func (b *Base) Concepts(ctx context.Context) search.Terms { return concepts{ctx, b} }

// Members are the codes of a value set, by canonical or by ValueSet/id.
func (c concepts) Members(valueSet string, limit int) ([]search.Coding, error) {
	key, ok := fhir.ParseKey(valueSet)
	if !ok || key.Type != "ValueSet" {
		return codings(c.base.Terms().Codes(c.ctx, nil, valueSet, limit))
	}
	var body []byte
	err := c.base.Store.View(c.ctx, func(r store.Reader) error {
		v, err := r.Read(key)
		if err == nil && !v.Deleted {
			body = v.AppendJSON(nil)
		}
		return err
	})
	if fhir.SituationOf(err) == fhir.SituationNotFound || err == nil && body == nil {
		return nil, fhir.BadSearch("%s is not known here", key)
	}
	if err != nil {
		return nil, err
	}
	vs, err := fhir.ParseResource(body)
	if err != nil {
		return nil, err
	}
	return codings(c.base.Terms().Codes(c.ctx, vs, "", limit))
}

// Below are a code and all it subsumes.
func (c concepts) Below(system, code string, limit int) ([]search.Coding, error) {
	return codings(c.base.Terms().Below(c.ctx, system, code, limit))
}

// Above are a code and all that subsume it.
func (c concepts) Above(system, code string, limit int) ([]search.Coding, error) {
	return codings(c.base.Terms().Above(c.ctx, system, code, limit))
}

// codings turns what terminology says into the words of a search: a search that
// cannot be answered is a bad one (400), whatever kept it from being.
func codings(codes []term.Code, err error) ([]search.Coding, error) {
	var known *fhir.Error
	switch {
	case err == nil:
	case !errors.As(err, &known) || known.Situation == fhir.SituationTimeout:
		return nil, err
	case known.Situation == fhir.SituationTooCostly:
		return nil, fhir.TooCostly("%s", known.Error())
	default:
		return nil, fhir.BadSearch("%s", known.Error()).WithCause(err)
	}
	list := make([]search.Coding, len(codes))
	for i, code := range codes {
		list[i] = search.Coding(code)
	}
	return list, err
}
