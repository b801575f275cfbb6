package query

import (
	"cmp"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// candidate is a match with what it is sorted by.
type candidate struct {
	Match
	resource *fhir.Resource // that the keys are read from
	keys     []*string      // nil where it has no value
}

// sorted answers a search ordered by what no index keeps: it looks at all matches,
// of which there may not be many.
func (s Searcher) sorted(queries []*search.Query, snapshot int64) (Result, error) {
	var list []candidate
	for _, q := range queries {
		found, err := s.gather(q, snapshot)
		if err != nil {
			return Result{}, err
		}
		if list = append(list, found...); len(list) > gathered {
			return Result{}, tooMany()
		}
	}
	return s.page(queries, list, snapshot)
}

func tooMany() error {
	return fhir.TooCostly("more than %d resources match, which is too many for this _sort or _contained; narrow the search", gathered)
}

// gather gives all matches of a query, at most as many as may be gathered.
func (s Searcher) gather(q *search.Query, snapshot int64) ([]candidate, error) {
	whole := search.Query{Type: q.Type, Filter: q.Filter, Epoch: q.Epoch, Count: gathered, After: before(snapshot), Sight: s.sight}
	found, err := s.Reader.Search(&whole)
	if err != nil {
		return nil, err
	}
	if found.Next != nil {
		return nil, tooMany()
	}
	list := make([]candidate, len(found.Matches))
	for i, v := range found.Matches {
		list[i].Version = v
		if list[i].resource, err = fhir.ParseResource(v.Body); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// page sorts candidates and cuts the page out.
func (s Searcher) page(queries []*search.Query, list []candidate, snapshot int64) (Result, error) {
	q := queries[0]
	result := Result{Total: -1}
	if q.Total {
		result.Total = int64(len(list))
	}
	if q.Count <= 0 {
		return result, nil
	}
	for _, key := range q.Sort {
		if err := s.readKeys(list, key, snapshot); err != nil {
			return result, err
		}
	}
	for i := range list { // the last key tells apart what one resource contains
		id := ""
		if list[i].Inner != nil {
			id = list[i].Inner.ID()
		}
		list[i].keys = append(list[i].keys, &id)
	}
	slices.SortFunc(list, func(a, b candidate) int { return compare(q.Sort, a.keys, b.keys, a.Position, b.Position) })
	if after := q.After; after != nil {
		list = slices.DeleteFunc(list, func(c candidate) bool {
			return len(after.Texts) != len(c.keys) || compare(q.Sort, c.keys, after.Texts, c.Position, after.Row) <= 0
		})
	}
	if len(list) > q.Count {
		list = list[:q.Count]
		last := list[q.Count-1]
		result.Next = &search.Cursor{Snapshot: snapshot, Keys: make([]*int64, len(last.keys)), Texts: last.keys, Row: last.Position}
	}
	for _, c := range list {
		result.Matches = append(result.Matches, c.Match)
	}
	var err error
	result.Included, err = s.included(queries, result.Matches, snapshot)
	return result, err
}

// compare orders by the keys, without a value last; then newest first; then by the
// extra key behind those of the sorts.
func compare(sorts []search.Sort, a, b []*string, positionA, positionB int64) int {
	for i, key := range sorts {
		switch x, y := a[i], b[i]; {
		case x == nil && y == nil:
		case x == nil:
			return 1
		case y == nil:
			return -1
		case *x != *y && key.Descending:
			return strings.Compare(*y, *x)
		case *x != *y:
			return strings.Compare(*x, *y)
		}
	}
	return cmp.Or(cmp.Compare(positionB, positionA), strings.Compare(*a[len(sorts)], *b[len(sorts)]))
}

// readKeys reads the values of one sort key for all candidates.
func (s Searcher) readKeys(list []candidate, key search.Sort, snapshot int64) error {
	if len(key.Targets) > 0 {
		return s.readChained(list, key, snapshot)
	}
	for i := range list {
		c := &list[i]
		param := key.Param
		if param.Resource != c.resource.Type() { // a search of several types has the parameter in each
			param = s.Search.Lookup(c.resource.Type(), param.Code)
		}
		c.keys = append(c.keys, s.keyOf(c.resource, c.Position, param, key.Descending))
	}
	return nil
}

func (s Searcher) keyOf(r *fhir.Resource, position int64, param *search.Param, descending bool) *string {
	var text string
	ok := param != nil
	if ok && param.Type == search.LastUpdated {
		text = search.OrderedInt(position)
	} else if ok {
		text, ok = s.Search.SortText(r, param, descending)
	}
	if !ok {
		return nil
	}
	return &text
}

// readChained reads the values from the resources that a reference names.
func (s Searcher) readChained(list []candidate, key search.Sort, snapshot int64) error {
	ids := map[string][]string{} // by type
	seen := map[fhir.Key]bool{}
	for _, c := range list {
		for _, to := range s.Search.Targets(c.resource, key.Param) {
			if !seen[to] {
				seen[to] = true
				ids[to.Type] = append(ids[to.Type], to.ID)
			}
		}
	}
	values := map[fhir.Key]*string{}
	for _, param := range key.Targets {
		for chunk := range slices.Chunk(ids[param.Resource], 500) {
			found, err := s.Reader.Search(s.ofIDs(param.Resource, chunk, snapshot, nil))
			if err != nil {
				return err
			}
			if err := s.readValues(found.Matches, param, key.Descending, values); err != nil {
				return err
			}
		}
	}
	for i := range list {
		var best *string
		for _, to := range s.Search.Targets(list[i].resource, key.Param) {
			if v := values[to]; v != nil && (best == nil || (*v < *best) != key.Descending) {
				best = v
			}
		}
		list[i].keys = append(list[i].keys, best)
	}
	return nil
}

func (s Searcher) readValues(versions []store.Version, param *search.Param, descending bool, values map[fhir.Key]*string) error {
	for _, v := range versions {
		r, err := fhir.ParseResource(v.Body)
		if err != nil {
			return err
		}
		values[v.Key] = s.keyOf(r, v.Position, param, descending)
	}
	return nil
}
