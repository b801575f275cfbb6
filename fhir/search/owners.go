package search

import "vitalwire/fhir"

// OwnersOf are the Owners of a subject, of whose values no more are made than that takes.
func (g *Registry) OwnersOf(s *Subject) []string {
	if params, _ := g.OwnerParams(s.Type); len(params) > 0 {
		s.need(params)
	}
	return g.Owners(fhir.Key{Type: s.Type, ID: s.ID}, s.Values)
}
