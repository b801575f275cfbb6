package search

import (
	"slices"
	"strings"

	"vitalwire/fhir"
)

// ParseMany reads a search of several types (R4 search §3.1.1.1): those of _type,
// or all given. Each parameter must be one of all of them.
func (g *Registry) ParseMany(types []string, rawQuery string, o Options) (*Parsed, error) {
	given, err := Split(rawQuery)
	if err != nil {
		return nil, err
	}
	for _, a := range given {
		if a.Name == "_type" && a.Value != "" {
			if types, err = chosen(types, a.Value); err != nil {
				return nil, err
			}
		}
	}
	if o.Compartment.ID != "" {
		types = slices.DeleteFunc(slices.Clone(types), func(typ string) bool { return !g.InCompartment(typ, o.Compartment.Type) })
	}
	if len(types) == 0 {
		return nil, fhir.BadSearch("no type is left to search")
	}
	var warnings []fhir.Issue
	for {
		out, err := g.parseEach(types, given, o)
		if err != nil {
			return nil, err
		}
		if len(out.Warnings) == 0 {
			out.Warnings = warnings
			return out, nil
		}
		// A lenient search leaves out for all types what one does not know.
		warnings, given = append(warnings, out.Warnings...), out.Applied
	}
}

// parseEach reads the same parameters for each type, and stops at the first that
// has a warning.
func (g *Registry) parseEach(types []string, given []Applied, o Options) (*Parsed, error) {
	var out *Parsed
	for _, typ := range types {
		one, err := g.parse(typ, given, o, types)
		if err != nil || len(one.Warnings) > 0 {
			return one, err
		}
		if out == nil {
			out = one
		} else {
			out.Queries = append(out.Queries, one.Query)
		}
	}
	return out, nil
}

// chosen are the types of _type, each once.
func chosen(served []string, value string) ([]string, error) {
	var types []string
	for typ := range strings.SplitSeq(value, ",") {
		if typ = strings.TrimSpace(typ); typ == "" || slices.Contains(types, typ) {
			continue
		}
		if !slices.Contains(served, typ) {
			return nil, fhir.BadSearch("_type: %q is no type of resource that is searched here", typ)
		}
		types = append(types, typ)
	}
	return types, nil
}

// inCompartment narrows a search to what belongs to o.Compartment: what its
// CompartmentDefinition says, and the resource itself (R4 compartmentdefinition).
func (p *parse) inCompartment() *fhir.Error {
	owner := p.o.Compartment
	if owner.ID == "" {
		return nil
	}
	if !p.reg.InCompartment(p.typ, owner.Type) {
		return fhir.BadSearch("%s is not in the compartment of a %s", p.typ, owner.Type)
	}
	var either []Clause
	if c, ok := p.reg.Compartment(owner.Type).Clause(p.typ, owner.ID); ok {
		either = append(either, c)
	}
	if p.typ == owner.Type {
		either = append(either, Clause{Param: p.reg.Lookup(p.typ, "_id"), Operands: []Operand{{Code: &owner.ID}}})
	}
	p.out.Query.Filter = append(p.out.Query.Filter, anyOf(either...))
	return nil
}

// InCompartment reports whether resources of a type can belong to the compartment
// of another type, such as that of a Patient.
func (g *Registry) InCompartment(typ, owner string) bool {
	c := g.Compartment(owner)
	return c != nil && (typ == owner || slices.Contains(c.Types, typ))
}
