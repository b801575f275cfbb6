package relational

import (
	"fmt"
	"strings"

	"vitalwire/fhir/search"
)

// group compiles clauses joined by and, or, not (search.Group).
func (s *Store) group(g *search.Group) (source, error) {
	list := make([]source, len(g.Clauses))
	for i, c := range g.Clauses {
		var err error
		if list[i], err = s.member(c); err != nil {
			return nil, err
		}
	}
	switch {
	case len(list) == 0:
		return constSource(g.Op != search.Any), nil
	case g.Op == search.All:
		return allSource(list), nil
	case g.Op == search.None:
		return notSource{anySource(list)}, nil
	}
	return anySource(list), nil
}

// member compiles a clause of a group, where position and id are conditions like
// any others.
func (s *Store) member(c search.Clause) (source, error) {
	switch {
	case c.Group != nil:
		return s.group(c.Group)
	case c.Tree != search.NoTree:
		return nil, fmt.Errorf("store: the hierarchy of %s is not resolved", c.Param.Code)
	case c.Missing != nil:
		return newMissing(c), nil
	case len(c.Operands) == 0:
		return nil, fmt.Errorf("store: a clause of %s without operands", c.Param.Code)
	case c.Param.Type == search.LastUpdated:
		return timeSource(c.Operands), knownPrefixes(c.Operands)
	case c.Param.Type == search.ID:
		p := plan{}
		err := p.addIDs(c)
		return idSource(p.ids), err
	}
	return s.newSource(c)
}

// constSource is met by everything or by nothing.
type constSource bool

func (s constSource) probe(*sqlText) string {
	if s {
		return "(1 = 1)"
	}
	return "(1 = 0)"
}

func (constSource) arms(*sqlText, bool) []arm { return nil }

func (constSource) drives() bool { return false }

func (constSource) once() bool { return false }

func (constSource) only() bool { return false }

// allSource is met by what meets every one of several. It does not drive: at the
// top of a query its members stand by themselves.
type allSource []source

func (s allSource) probe(b *sqlText) string {
	every := make([]string, len(s))
	for i, from := range s {
		every[i] = from.probe(b)
	}
	return "(" + strings.Join(every, " AND ") + ")"
}

func (allSource) arms(*sqlText, bool) []arm { return nil }

func (allSource) drives() bool { return false }

func (allSource) once() bool { return false }

func (allSource) only() bool { return false }

// timeSource is _lastUpdated.
type timeSource []search.Operand

func (s timeSource) probe(b *sqlText) string {
	either := make([]string, len(s))
	for i, o := range s {
		either[i] = timeCondition(b, o, "+d.pos")
	}
	return anyOf(either)
}

func (timeSource) arms(*sqlText, bool) []arm { return nil }

func (timeSource) drives() bool { return false }

func (timeSource) once() bool { return false }

func (timeSource) only() bool { return false }

// idSource is _id.
type idSource []string

func (s idSource) probe(b *sqlText) string {
	if len(s) == 0 {
		return "(1 = 0)"
	}
	ids := make([]any, len(s))
	for i, id := range s {
		ids[i] = id
	}
	return "((SELECT v.id FROM version v WHERE v.pos = d.pos) IN (" + b.list(ids) + "))"
}

func (idSource) arms(*sqlText, bool) []arm { return nil }

func (idSource) drives() bool { return false }

func (idSource) once() bool { return false }

func (idSource) only() bool { return false }
