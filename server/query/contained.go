package query

import (
	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// contained answers a search of resources that are contained in others, and with
// AlsoContained of those that are not (R4 search §3.1.1.5.13). What contains a
// resource of the type is found by an index, the filter is tried on each.
func (s Searcher) contained(queries []*search.Query, snapshot int64) (Result, error) {
	var list []candidate
	seen := map[fhir.Key]bool{}
	for _, q := range queries {
		if q.Contained == search.AlsoContained {
			found, err := s.gather(q, snapshot)
			if err != nil {
				return Result{}, err
			}
			for _, c := range found {
				seen[c.Key] = true
			}
			list = append(list, found...)
		}
	}
	for _, q := range queries {
		for _, typ := range fhir.ResourceTypes() {
			within := s.Search.Containing(typ, q.Type)
			if within == nil {
				continue
			}
			holders, err := s.gather(&search.Query{Type: typ, Filter: []search.Clause{*within}}, snapshot)
			if err != nil {
				return Result{}, err
			}
			for _, h := range holders {
				inner, err := s.matchesIn(h, q)
				if err != nil {
					return Result{}, err
				}
				for _, c := range inner {
					if q.Inner || !seen[c.Key] {
						seen[c.Key] = true
						list = append(list, c)
					}
				}
			}
			if len(list) > gathered {
				return Result{}, tooMany()
			}
		}
	}
	return s.page(queries, list, snapshot)
}

// matchesIn are the contained resources that meet a query: each by itself when it
// is asked for, else the first stands for what contains them.
func (s Searcher) matchesIn(holder candidate, q *search.Query) ([]candidate, error) {
	var list []candidate
	for _, e := range holder.resource.Get("contained").Items() {
		r, err := fhir.AsResource(e)
		if err != nil || r.Type() != q.Type {
			continue
		}
		subject := search.Subject{Type: r.Type(), ID: r.ID(), Position: holder.Position, Values: s.Search.Extract(r)}
		ok, err := search.Meets(&subject, q.Filter)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		c := candidate{Match: Match{Version: holder.Version}, resource: r}
		if !q.Inner {
			return append(list, c), nil
		}
		c.Inner = r
		list = append(list, c)
	}
	return list, nil
}
