package operation

import (
	"context"
	"math"

	"vitalwire/fhir/search"
	"vitalwire/server/query"
	"vitalwire/server/store"
)

// batchSize is how many resources are held at once where many are read.
const batchSize = 100

// page answers a query in a snapshot of its own. An answer of many pages pins
// them to one position by the cursor, so no snapshot is held between pages.
func (s *Set) page(ctx context.Context, q *search.Query) (store.Result, error) {
	var result store.Result
	err := s.Engine.Store.View(ctx, func(r store.Reader) (err error) {
		result, err = query.Searcher{Reader: r, Search: s.Engine.Search}.One(q)
		return err
	})
	return result, err
}

// position is the newest position that can be seen now.
func (s *Set) position(ctx context.Context) (int64, error) {
	var at int64
	err := s.Engine.Store.View(ctx, func(r store.Reader) (err error) {
		at, err = r.Position()
		return err
	})
	return at, err
}

// from is the cursor before the first match, newest first, at a position.
func from(at int64) *search.Cursor { return &search.Cursor{Snapshot: at, Row: math.MaxInt64} }

// eachMatch calls fn for every match of a query, batch by batch.
func (s *Set) eachMatch(ctx context.Context, query *search.Query, fn func(store.Version) error) error {
	return eachOf(query, func(q *search.Query) (store.Result, error) { return s.page(ctx, q) }, fn)
}

// eachOf calls fn for every match of a query that search answers page by page.
func eachOf(query *search.Query, search func(*search.Query) (store.Result, error), fn func(store.Version) error) error {
	q := *query
	for {
		result, err := search(&q)
		if err != nil {
			return err
		}
		for _, v := range result.Matches {
			if err := fn(v); err != nil {
				return err
			}
		}
		if q.After = result.Next; q.After == nil {
			return nil
		}
	}
}
