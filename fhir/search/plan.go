package search

import "vitalwire/fhir/path"

// plan is how the values of a resource type are found: one walk for all
// expressions that only go from element to element, and for the others where they
// begin, so that what a resource does not have costs nothing. Parameters are
// known by their Bit.
type plan struct {
	walk *path.Walk
	// alone are the parameters whose expression is evaluated by itself, once the
	// walk finds its first steps; always those of which it cannot tell.
	alone  []bool
	always []int
	// parts are the components of composites, by the type of what they are about.
	parts []map[*path.Type]parts
}

// parts find the two components of a composite in the element it is about.
type parts [2]*path.Walk

func (g *Registry) plan(typ string, indexed []*Param) *plan {
	pl := &plan{walk: path.NewWalk(g.model, typ), alone: make([]bool, len(indexed)), parts: make([]map[*path.Type]parts, len(indexed))}
	for i, p := range indexed {
		if pl.walks(g.model, i, typ, p) {
			continue
		}
		pl.alone[i] = true
		if pl.walk == nil || !pl.walk.AddLeading(i, p.expression) {
			pl.always = append(pl.always, i)
		}
	}
	return pl
}

// walks takes a parameter into the walk, a composite with both its components.
func (pl *plan) walks(m *path.Model, i int, typ string, p *Param) bool {
	if pl.walk == nil {
		return false
	}
	if p.Type != CompositeType {
		return pl.walk.Add(i, p.expression)
	}
	probe := path.NewWalk(m, typ)
	if !probe.Add(i, p.expression) {
		return false
	}
	byType := map[*path.Type]parts{}
	for _, t := range probe.Types(i) {
		var both parts
		for side, c := range p.Components {
			both[side] = path.NewWalk(m, t.Path())
			if both[side] == nil || !both[side].Add(side, c.expression) {
				return false
			}
		}
		byType[t] = both
	}
	pl.parts[i] = byType
	return pl.walk.Add(i, p.expression)
}
