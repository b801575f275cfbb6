package interaction

import (
	"context"
	"net/url"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/query"
	"vitalwire/server/store"
)

// condition is a search that decides what an interaction does.
type condition struct {
	typ   string
	text  string // the search as it was written
	query *search.Query
	known *search.Registry
	// identifier is set when the condition is one identifier: the store finds its
	// holders by one seek, and guards it until the commit.
	identifier *store.Identifier
}

// condition reads a search for a type; what names its place for the error. A
// parameter that is not known is always an error: without it the search would
// find more.
func (e *Engine) condition(ctx context.Context, typ, text, what string) (*condition, error) {
	text = strings.TrimPrefix(text, "?")
	o := e.searchOptions(false)
	if e.Terms != nil {
		o.Terms = e.Terms(ctx)
	}
	parsed, err := e.Understood(ctx, func() (*search.Parsed, error) { return e.Search.Parse(typ, text, o) })
	if err != nil {
		return nil, err
	}
	if len(parsed.Query.Filter) == 0 {
		return nil, fhir.PreconditionFailed("%s names no search criterion", what)
	}
	asked := parsed.Query
	asked.Include, asked.Sort, asked.Total = nil, nil, false
	return &condition{typ: typ, text: text, query: asked, known: e.Search, identifier: oneIdentifier(text)}, nil
}

// find gives the matches; more than one are not all of them.
func (c *condition) find(s store.Reader) ([]store.Version, error) {
	if c.identifier != nil {
		return s.Holders(c.typ, *c.identifier)
	}
	return c.all(s, 2)
}

// all gives the matches, at most limit.
func (c *condition) all(s store.Reader, limit int) ([]store.Version, error) {
	q := *c.query
	q.Count = limit
	result, err := query.Searcher{Reader: s, Search: c.known}.One(&q)
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

// manyMatches is the error of a condition that must find one resource at most (R4
// http §3.1.0.8.1).
func manyMatches(c *condition) error {
	return fhir.ManyMatches("the condition matches more than one %s", c.typ)
}
