package search

import (
	"bytes"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// Source is a resource whose values are made as they are needed.
type Source struct {
	Registry *Registry
	Resource *fhir.Resource
	// Body is its canonical JSON; nil makes nothing quicker.
	Body []byte

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

// lacks reports whether a clause on codes holds for nothing of a resource, since none of
// the codes is anywhere in its text. It is not known of a code that may be written in
// another way, or that is not in the text at all, as a computed label is.
func (f *Source) lacks(c Clause) bool {
	if f == nil || f.Body == nil || f.all || c.By != ByValue || c.Missing != nil {
		return false
	}
	for _, p := range c.Param.Indexed() {
		if p.Type != Token || p.labels != nil || p.Index != "" {
			return false
		}
	}
	for _, o := range c.Operands {
		if o.Code == nil || !plain(*o.Code) || bytes.Contains(f.Body, []byte(*o.Code)) {
			return false
		}
	}
	return true
}

// plain reports whether a code is written in JSON as it is, and never makes itself out of
// something else, as true and false do.
func plain(code string) bool {
	return len(code) > 1 && code != "true" && code != "false" && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// alone reports whether the values of a parameter can be made without those of others.
func (p *Param) alone() bool {
	switch p.Type {
	case ID, LastUpdated:
		return true
	case Token, ReferenceType, Date:
		return p.Code[0] != '_' || p.Code == "_security" || p.labels != nil || p.within != nil
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
