package store

import "vitalwire/fhir/search"

// Seeing is a Reader that asks with a Sight where a query has none: with what may
// be found, and with what may be included (search.Query.Brings; nil is sight).
func Seeing(r Reader, sight, brings search.Sight) Reader { return seeing{r, sight, brings} }

type seeing struct {
	Reader
	sight, brings search.Sight
}

func (s seeing) seen(q *search.Query) *search.Query {
	if q.Sight != nil {
		return q
	}
	seen := *q
	seen.Sight, seen.Brings = s.sight, s.brings
	return &seen
}

// Search answers a query.
func (s seeing) Search(q *search.Query) (Result, error) { return s.Reader.Search(s.seen(q)) }

// Facts gives what the index knows of the matches.
func (s seeing) Facts(q *search.Query, give func(Fact) error) error {
	return s.Reader.Facts(s.seen(q), give)
}

// Explain answers a query and says how, as far as the Reader tells.
func (s seeing) Explain(q *search.Query) (Result, Plan, error) {
	if explainer, ok := s.Reader.(Explainer); ok {
		return explainer.Explain(s.seen(q))
	}
	result, err := s.Search(q)
	return result, Plan{}, err
}
