package search

import (
	"slices"

	"vitalwire/fhir"
)

// Source is a resource whose values are made as they are needed.
type Source struct {
	Registry *Registry
	Resource *fhir.Resource

	have []*Param
	all  bool
}

// fewParams are so few that to look for them alone is quicker than to look for all.
const fewParams = 8

// asks has the values made that a clause asks for.
func (s *Subject) asks(c Clause) {
	if s.From == nil {
		return
	}
	params := c.Param.Indexed()
	if c.By != ByValue || slices.ContainsFunc(params, func(p *Param) bool { return !p.alone() }) {
		s.needAll()
		return
	}
	s.need(params)
}

// alone reports whether the values of a parameter can be made without those of others.
func (p *Param) alone() bool {
	switch p.Type {
	case ID, LastUpdated:
		return true
	case Token, ReferenceType, Date:
		return p.Code[0] != '_' || p.Code == "_security" || p.labels != nil
	}
	return false
}

// need has the values of some parameters made.
func (s *Subject) need(params []*Param) {
	if s.From == nil || s.From.all {
		return
	}
	var more []*Param
	for _, p := range params {
		if p.Type != ID && p.Type != LastUpdated && !slices.Contains(s.From.have, p) {
			more = append(more, p)
		}
	}
	switch {
	case len(more) == 0:
	case len(more)+len(s.From.have) > fewParams:
		s.needAll()
	default:
		s.Values = append(s.Values, s.From.Registry.ExtractOf(s.From.Resource, more)...)
		s.From.have = append(s.From.have, more...)
	}
}

// needAll has all values made.
func (s *Subject) needAll() {
	if !s.From.all {
		s.Values, s.From.all = s.From.Registry.Extract(s.From.Resource), true
	}
}
