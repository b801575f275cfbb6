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
	case len(list) == 0 && g.Op <= search.None:
		return constSource(g.Op != search.Any), nil
	case g.Op == search.All:
		return allSource(list), nil
	case g.Op == search.None:
		return notSource{s.anyOf(list)}, nil
	case g.Op == search.Any:
		return s.anyOf(list), nil
	}
	return nil, fmt.Errorf("store: clauses are not joined by %d", g.Op)
}

// member compiles a clause of a group, where position and id are conditions like
// any others.
func (s *Store) member(c search.Clause) (source, error) {
	if c.Group != nil {
		return s.group(c.Group)
	}
	if c.Owned != nil {
		return s.newOwned(c.Owned)
	}
	if err := askable(c); err != nil {
		return nil, err
	}
	switch {
	case c.Missing != nil:
		return newMissing(c), nil
	case c.Param.Type == search.LastUpdated:
		return timeSource(c.Operands), knownPrefixes(c.Operands)
	case c.Param.Type == search.ID:
		p := plan{}
		err := p.addIDs(c)
		return idSource{c.Param.Resource, p.ids}, err
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

func (s constSource) arms(b *sqlText, _ bool) []arm { return []arm{{"item", s.probe(b)}} }

// drives: nothing is quickly walked.
func (s constSource) drives() bool { return !bool(s) }

func (constSource) once() bool { return false }

func (constSource) only() bool { return false }

// allSource is met by what meets every one of several. One of them may drive.
type allSource []source

func (s allSource) probe(b *sqlText) string {
	every := make([]string, len(s))
	for i, from := range s {
		every[i] = from.probe(b)
	}
	return "(" + strings.Join(every, " AND ") + ")"
}

// best is the likeliest to drive; nil when none can.
func (s allSource) best() source {
	var best source
	for _, from := range s {
		if from.drives() && (best == nil || rank(from) < rank(best)) {
			best = from
		}
	}
	return best
}

func (s allSource) arms(b *sqlText, rough bool) []arm { return s.best().arms(b, rough) }

func (s allSource) drives() bool { return s.best() != nil }

func (s allSource) once() bool { return s.best().once() }

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
type idSource struct {
	typ string
	ids []string
}

func (s idSource) probe(b *sqlText) string {
	if len(s.ids) == 0 {
		return "(1 = 0)"
	}
	return "((SELECT v.id FROM version v WHERE v.pos = d.pos) IN (" + b.list(s.list()) + "))"
}

func (s idSource) list() []any {
	ids := make([]any, len(s.ids))
	for i, id := range s.ids {
		ids[i] = id
	}
	return ids
}

// arms are all versions that there are of the ids.
func (s idSource) arms(b *sqlText, _ bool) []arm {
	if len(s.ids) == 0 {
		return constSource(false).arms(b, false)
	}
	return []arm{{table: "version", where: "c.rtype = " + b.arg(s.typ) + " AND c.id IN (" + b.list(s.list()) + ")"}}
}

func (idSource) drives() bool { return true }

func (idSource) once() bool { return true }

func (idSource) only() bool { return true }
