package interaction

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// condition is a search that decides what an interaction does.
type condition struct {
	query *search.Query
	// identifier is set when the condition is one identifier: the store finds its
	// holders by one seek, and guards it until the commit.
	typ        string
	identifier *store.Identifier
}

// condition reads a search for a type; what names its place for the error.
func (e *Engine) condition(typ, text, what string) (condition, error) {
	text = strings.TrimPrefix(text, "?")
	parsed, err := e.Search.Parse(typ, text, e.searchOptions(false))
	if err != nil {
		return condition{}, err
	}
	if len(parsed.Query.Filter) == 0 {
		return condition{}, fhir.PreconditionFailed("%s names no search criterion", what)
	}
	query := parsed.Query
	query.Count, query.Include, query.Sort, query.Total = 2, nil, nil, false
	return condition{query: query, typ: typ, identifier: oneIdentifier(text)}, nil
}

// find gives the matches; more than one are not all of them.
func (c condition) find(s store.Reader) ([]store.Version, error) {
	if c.identifier != nil {
		return s.Holders(c.typ, *c.identifier)
	}
	result, err := s.Search(c.query)
	return result.Matches, err
}

// oneIdentifier reads identifier=system|value or identifier=value; nil for any
// other search.
func oneIdentifier(query string) *store.Identifier {
	value, ok := strings.CutPrefix(query, "identifier=")
	if !ok || strings.ContainsAny(value, `&,\$`) {
		return nil
	}
	value, err := url.QueryUnescape(value)
	if err != nil || strings.ContainsAny(value, `,\$`) {
		return nil
	}
	system, code, ok := strings.Cut(value, "|")
	switch {
	case !ok:
		return &store.Identifier{Value: value}
	case code == "" || strings.Contains(code, "|"):
		return nil
	}
	return &store.Identifier{System: &system, Value: code}
}

// conditionalCreate is R4 http §3.1.0.8.1: no match creates, one match answers
// 200 with it, several are 412.
func (e *Engine) conditionalCreate(ctx context.Context, r Request, write store.Write) (Response, error) {
	c, err := e.condition(r.Key.Type, r.IfNoneExist, "If-None-Exist")
	if err != nil {
		return Response{}, err
	}
	if c.identifier != nil {
		return e.createUnless(ctx, write, c)
	}
	var response Response
	err = e.Store.Update(ctx, func(tx store.Tx) error {
		found, err := c.find(tx)
		if err != nil {
			return err
		}
		switch len(found) {
		case 0:
			v, err := tx.Write(write)
			response = Response{Created: true, Stored: true, Version: &v}
			return err
		case 1:
			response = Response{Stored: true, Matched: true, Version: &found[0]}
			return nil
		}
		return manyMatches(r.Key.Type)
	})
	if err == nil && response.Created {
		e.wrote(write.Key)
	}
	return response, err
}

// createUnless creates what has no holder of the identifier; the store guards it,
// and the write shares a commit with others.
func (e *Engine) createUnless(ctx context.Context, write store.Write, c condition) (Response, error) {
	write.Unless = c.identifier
	outcome := e.Store.Apply(ctx, store.Unit{Writes: []store.Write{write}})[0]
	exists := (*store.Exists)(nil)
	switch {
	case outcome.Err == nil:
		e.wrote(write.Key)
		return Response{Created: true, Stored: true, Version: &outcome.Versions[0]}, nil
	case !errors.As(outcome.Err, &exists):
		return Response{}, outcome.Err
	case len(exists.Matches) > 1:
		return Response{}, manyMatches(c.typ)
	}
	return Response{Stored: true, Matched: true, Version: &exists.Matches[0]}, nil
}

func manyMatches(typ string) error {
	return fhir.ManyMatches("If-None-Exist matches more than one %s", typ)
}
