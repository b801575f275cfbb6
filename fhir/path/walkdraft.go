package path

import "vitalwire/fhir/definition"

// The bounds of what is made for one Walk: beyond them an expression is evaluated
// by itself.
const (
	maxStates  = 4096
	maxChoices = 63
)

// drafting makes the states of a Walk.
type drafting struct{ left int }

// compile makes the states for the goals; nil where a pass cannot follow one.
func (w *Walk) compile(goals []goal, states int) *state {
	d := drafting{left: states}
	return d.state(Place{w.typ, w.typ.path}, goals)
}

func (d *drafting) state(at Place, goals []goal) *state {
	if d.left--; d.left < 0 {
		return nil
	}
	s := &state{at: at}
	members, ok := d.sort(s, goals)
	if !ok {
		return nil
	}
	if len(members) == 0 {
		return s
	}
	named := map[string]*edge{}
	choices := uint(0)
	for name, onward := range members {
		e := at.Type.elems[name]
		if e == nil {
			continue // the type has no such element: nothing is found
		}
		if e.choice {
			choices++
		}
		if choices > maxChoices || !d.member(s.at, named, e, choices, onward) {
			return nil
		}
	}
	s.edges = newEdges(named)
	return s
}

// sort puts goals where they belong at a state: those that end, those that go on
// through a filter, and by name those that go on to a member.
func (d *drafting) sort(s *state, goals []goal) (members map[string][]goal, ok bool) {
	t := s.at.Type
	filtered := map[filter][]goal{}
	var filters []*filter
	for _, g := range goals {
		for len(g.steps) > 0 && g.steps[0].only != nil && g.steps[0].only.fits(t) {
			g.steps = g.steps[1:]
		}
		if len(g.steps) == 0 {
			s.ends = append(s.ends, g.id)
			continue
		}
		next := g.steps[0]
		g.steps = g.steps[1:]
		switch {
		case next.only != nil: // never of that type
		case t.open:
			return nil, false
		case next.test != nil:
			if !next.test.usable(t) {
				return nil, false
			}
			if filtered[*next.test] == nil {
				filters = append(filters, next.test)
			}
			filtered[*next.test] = append(filtered[*next.test], g)
		case t.kind == definition.Primitive && (next.name == "value" || t.elems[next.name] != nil):
			return nil, false // its value is no element, its children are in another member
		default:
			if members == nil {
				members = map[string][]goal{}
			}
			members[next.name] = append(members[next.name], g)
		}
	}
	for _, f := range filters {
		next := d.state(s.at, filtered[*f])
		if next == nil {
			return nil, false
		}
		s.filters = append(s.filters, filtering{f, next})
	}
	return members, true
}

// member makes the edges to an element; all types of a choice have one, since the
// first that is met counts.
func (d *drafting) member(at Place, named map[string]*edge, e *element, choice uint, goals []goal) bool {
	for _, l := range e.types {
		t := l.typ()
		if t == nil || t.kind == definition.Resource || t.open {
			return false // the data say what it is
		}
		next := d.state(Place{t, at.Type.path + "." + e.name}, goals)
		if next == nil {
			return false
		}
		made := &edge{name: l.name, next: next}
		if next.empty() {
			made.next = nil
		}
		if e.choice {
			made.choice = choice
			named[l.under] = &edge{name: l.under, choice: choice, plain: l.name}
		}
		if made.next != nil || e.choice {
			named[l.name] = made
		}
	}
	return true
}

func (s *state) empty() bool { return len(s.ends) == 0 && len(s.filters) == 0 && s.edges.slots == nil }

// fits reports whether as holds for all elements of a type.
func (t *typeTest) fits(typ *Type) bool {
	if t.fhir == "" {
		return false
	}
	if t.primitive {
		return typ.Name() == t.fhir
	}
	return typ.is(t.fhir)
}

// usable reports whether the filter can be told on elements of a type.
func (f *filter) usable(t *Type) bool {
	if f.name == "" {
		return true
	}
	e := t.elems[f.name]
	return e != nil && !e.choice && e.types[0].system == KindString
}
