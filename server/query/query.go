// Package query answers searches on a store: what one store.Reader.Search does
// not do by itself. That is searches of several types, hierarchies of references,
// orders that no index keeps, and resources contained in others.
package query

import (
	"cmp"
	"math"
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Searcher answers searches on one snapshot of a store.
type Searcher struct {
	Reader store.Reader
	// Search are the parameters that the store was indexed by.
	Search *search.Registry

	// sight and brings are those of the queries answered: of all that is asked for them, too.
	sight, brings search.Sight
}

// Match is a resource found.
type Match struct {
	// Version is the resource, or what contains it.
	store.Version
	// Inner is the contained resource that was asked for by itself; nil otherwise.
	Inner *fhir.Resource
}

// Result is one page of a search.
type Result struct {
	Matches  []Match
	Included []store.Version // each once, none that is also a match
	// Total is the exact number of matches over all pages; -1 when not asked for.
	Total int64
	// Next continues after the last match; nil on the last page.
	Next *search.Cursor
}

// gathered is how many matches are looked at in memory: more are too costly.
const gathered = 10_000

// Find answers a search of one type, or of several that share all but type and
// filter (search.Parsed.Queries). Errors are those of store.Reader.Search.
func (s Searcher) Find(queries []*search.Query) (Result, error) {
	s.sight, s.brings = queries[0].Sight, queries[0].Brings
	snapshot, err := s.snapshot(queries[0])
	if err != nil {
		return Result{}, err
	}
	resolved := make([]*search.Query, len(queries))
	for i, q := range queries {
		one := *q
		if one.Filter, err = s.withoutTrees(q.Filter, snapshot); err != nil {
			return Result{}, err
		}
		resolved[i] = &one
	}
	first := resolved[0]
	switch {
	case first.Contained != search.NotContained:
		return s.contained(resolved, snapshot)
	case slices.ContainsFunc(first.Sort, func(k search.Sort) bool { return !k.Native() }), len(resolved) > 1 && !byPosition(first.Sort):
		return s.sorted(resolved, snapshot)
	case len(resolved) > 1:
		return s.merged(resolved, snapshot)
	}
	found, err := s.Reader.Search(first)
	result := Result{Included: found.Included, Total: found.Total, Next: found.Next}
	for _, v := range found.Matches {
		result.Matches = append(result.Matches, Match{Version: v})
	}
	return result, err
}

// One answers a search of one type as a store does. What is contained in others is
// not found by it: it is no resource by itself.
func (s Searcher) One(q *search.Query) (store.Result, error) {
	if q.Contained != search.NotContained {
		return store.Result{}, fhir.BadSearch("_contained cannot be asked here").WithCode(fhir.CodeNotSupported)
	}
	found, err := s.Find([]*search.Query{q})
	result := store.Result{Included: found.Included, Total: found.Total, Next: found.Next}
	for _, m := range found.Matches {
		result.Matches = append(result.Matches, m.Version)
	}
	return result, err
}

// snapshot is the position that a search is pinned to.
func (s Searcher) snapshot(q *search.Query) (int64, error) {
	if q.After != nil {
		return q.After.Snapshot, nil
	}
	return s.Reader.Position()
}

// byPosition reports whether an order is that of positions.
func byPosition(keys []search.Sort) bool {
	return len(keys) == 0 || keys[0].Param.Type == search.LastUpdated && len(keys[0].Targets) == 0
}

// before is the cursor of the first page at a snapshot.
func before(snapshot int64) *search.Cursor {
	return &search.Cursor{Snapshot: snapshot, Row: math.MaxInt64}
}

// merged answers a search of several types that is ordered by position.
func (s Searcher) merged(queries []*search.Query, snapshot int64) (Result, error) {
	first := queries[0]
	result := Result{Total: -1}
	more := false
	for _, q := range queries {
		one := *q
		one.Include = nil
		one.Sort = first.Sort[:min(len(first.Sort), 1)]
		found, err := s.Reader.Search(&one)
		if err != nil {
			return result, err
		}
		for _, v := range found.Matches {
			result.Matches = append(result.Matches, Match{Version: v})
		}
		if more = more || found.Next != nil; found.Total >= 0 {
			result.Total = max(result.Total, 0) + found.Total
		}
	}
	oldest := len(first.Sort) > 0 && !first.Sort[0].Descending
	slices.SortFunc(result.Matches, func(a, b Match) int {
		if oldest {
			return cmp.Compare(a.Position, b.Position)
		}
		return cmp.Compare(b.Position, a.Position)
	})
	if more = more || len(result.Matches) > first.Count; more && first.Count > 0 {
		result.Matches = result.Matches[:first.Count]
		last := result.Matches[first.Count-1].Position
		result.Next = &search.Cursor{Snapshot: snapshot, Row: last}
		if len(first.Sort) > 0 {
			result.Next.Keys = []*int64{&last}
		}
	}
	var err error
	result.Included, err = s.included(queries, result.Matches, snapshot)
	return result, err
}

// included are what a page gathered from several searches includes.
func (s Searcher) included(queries []*search.Query, page []Match, snapshot int64) ([]store.Version, error) {
	seen := map[fhir.Key]bool{}
	for _, m := range page {
		seen[m.Key] = true
	}
	var list []store.Version
	for _, q := range queries {
		var ids []string
		for _, m := range page {
			if m.Key.Type == q.Type && m.Inner == nil {
				ids = append(ids, m.Key.ID)
			}
		}
		if len(q.Include) == 0 || len(ids) == 0 {
			continue
		}
		found, err := s.Reader.Search(s.ofIDs(q.Type, ids, snapshot, q.Include))
		if err != nil {
			return nil, err
		}
		for _, v := range found.Included {
			if !seen[v.Key] {
				seen[v.Key] = true
				list = append(list, v)
			}
		}
	}
	return list, nil
}

// ofIDs asks for resources of one type by their ids, as they were at a position.
func (s Searcher) ofIDs(typ string, ids []string, snapshot int64, include []search.Include) *search.Query {
	clause := search.Clause{Param: s.Search.Lookup(typ, "_id")}
	for i := range ids {
		clause.Operands = append(clause.Operands, search.Operand{Code: &ids[i]})
	}
	return &search.Query{Type: typ, Filter: []search.Clause{clause}, Count: len(ids), Include: include, After: before(snapshot), Sight: s.sight, Brings: s.brings}
}
