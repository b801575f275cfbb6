package search

import (
	"slices"
	"strings"
	"sync"

	"vitalwire/fhir"
)

// Compartment is a CompartmentDefinition as searches use it (R4
// compartmentdefinition §5.7): which resources belong to a Patient, Encounter,
// RelatedPerson, Practitioner or Device.
type Compartment struct {
	// Type is the resource type whose instances have a compartment.
	Type string
	// Types are the resource types that can be in one, sorted.
	Types  []string
	member map[string]*Param
}

// compartments are those of a registry by type; nil for a type without one.
type compartments struct {
	mu    sync.Mutex
	known map[string]*Compartment
}

// Compartment is the compartment of a resource type, nil when R4 defines none.
func (g *Registry) Compartment(typ string) *Compartment {
	g.compartments.mu.Lock()
	defer g.compartments.mu.Unlock()
	if c, ok := g.compartments.known[typ]; ok {
		return c
	}
	if g.compartments.known == nil {
		g.compartments.known = map[string]*Compartment{}
	}
	c := g.newCompartment(typ)
	g.compartments.known[typ] = c
	return c
}

func (g *Registry) newCompartment(typ string) *Compartment {
	if !fhir.IsResourceType(typ) {
		return nil
	}
	d, ok := g.src.Find("CompartmentDefinition", "http://hl7.org/fhir/CompartmentDefinition/"+strings.ToLower(typ[:1])+typ[1:])
	if !ok {
		return nil
	}
	c := &Compartment{Type: typ, member: map[string]*Param{}}
	for _, r := range d.Get("resource").Items() {
		of := r.Get("code").Text()
		member := &Param{Resource: of, Code: "_compartment-" + typ, Type: ReferenceType, Targets: []string{typ}, Bit: -1}
		for _, code := range r.Get("param").Items() {
			// R4 names a few parameters that are not references, or that it does not have.
			if p := g.Lookup(of, code.Text()); p != nil && p.Type == ReferenceType {
				member.Union = append(member.Union, p)
			}
		}
		if member.Union != nil {
			c.member[of] = member
			c.Types = append(c.Types, of)
		}
	}
	slices.Sort(c.Types)
	return c
}

// Clause holds for the resources of a type in the compartment of an id; false
// when that type never is in one. The resource that the compartment is of is in
// it, too, but no clause finds it.
func (c *Compartment) Clause(typ, id string) (Clause, bool) {
	p := c.member[typ]
	return Clause{Param: p, Operands: []Operand{{Target: Target{Type: c.Type, ID: id}}}}, p != nil
}

// Owners are the ids of the compartments that a resource is in, by its key and
// its values (of Extract); each once, in no order.
func (c *Compartment) Owners(key fhir.Key, values []Value) []string {
	var ids []string
	if key.Type == c.Type {
		ids = append(ids, key.ID)
	}
	p := c.member[key.Type]
	if p == nil {
		return ids
	}
	for _, v := range values {
		if v.Target.Type == c.Type && v.Target.ID != "" && slices.Contains(p.Union, v.Param) && !slices.Contains(ids, v.Target.ID) {
			ids = append(ids, v.Target.ID)
		}
	}
	return ids
}
