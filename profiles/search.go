package profiles

import (
	"cmp"
	"slices"

	"vitalwire/fhir/definition"
)

// SearchParameters are the search parameters of a resource type, those of
// Resource and DomainResource included, by code and then canonical: the newest
// version of each. Different definitions of one code are all there; that of R4
// comes first. A definition that cannot be used is left out.
func (s *Set) SearchParameters(resourceType string) []*definition.SearchParameter {
	if known, ok := s.search.Load(resourceType); ok {
		return known.([]*definition.SearchParameter)
	}
	bases := []string{resourceType}
	for name := resourceType; name != "" && len(bases) < 8; {
		st, err := s.Structure(name)
		if err != nil || st.Base == "" {
			break
		}
		name = definition.TypeName(st.Base)
		bases = append(bases, name)
	}
	type found struct {
		*definition.SearchParameter
		shelf int32
	}
	var refs []ref
	for _, versions := range s.byURL {
		newest := slices.IndexFunc(versions, func(r ref) bool { return s.entry(r).Type == "SearchParameter" })
		if newest < 0 {
			continue
		}
		r := versions[newest]
		if slices.ContainsFunc(s.entry(r).On, func(base string) bool { return slices.Contains(bases, base) }) {
			refs = append(refs, r)
		}
	}
	// What lies together is decoded together.
	slices.SortFunc(refs, func(a, b ref) int {
		return cmp.Or(cmp.Compare(a.shelf, b.shelf), cmp.Compare(a.entry, b.entry))
	})
	var list []found
	for _, r := range refs {
		if resource, err := s.shelves[r.shelf].Resource(int(r.entry)); err == nil {
			if p, err := definition.SearchParameterFrom(resource); err == nil {
				list = append(list, found{p, min(r.shelf, 1)})
			}
		}
	}
	slices.SortFunc(list, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.shelf, b.shelf), cmp.Compare(a.URL, b.URL))
	})
	out := make([]*definition.SearchParameter, len(list))
	for i, f := range list {
		out[i] = f.SearchParameter
	}
	known, _ := s.search.LoadOrStore(resourceType, out)
	return known.([]*definition.SearchParameter)
}
