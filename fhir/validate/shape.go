package validate

import (
	"fmt"
	"strings"
	"sync/atomic"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// shape is the compiled form of a base type or backbone element: what members
// its JSON object may have.
type shape struct {
	path     string // "Observation", "Observation.component", "Quantity"
	typ      string // "Observation", "BackboneElement", "Quantity"
	resource bool
	abstract bool
	fields   map[string]*field // by JSON name, "_name" of primitives too
	names    fieldTable        // the same, for the walk
	slots    []slot            // one per element
	needed   mask
	invs     []*invariant
	check    typeCheck // further rules of a datatype
	def      *definition.Structure
}

// slot is an element of a shape, whichever type a choice has.
type slot struct {
	name     string
	min, max int
	def      *definition.Element
}

// field is an element under one of its JSON names.
type field struct {
	name    string // FHIRPath name
	json    string // valueQuantity
	under   string // _valueQuantity
	choice  string // type when the element is a choice
	typ     string // type, or path of the backbone element
	slot    int
	list    bool
	isUnder bool // this entry is found under "_name"
	kind    fieldKind
	prim    primitive
	written fhir.Kind // of a primitive that can be plain, else notPlain
	bound   *binding
	invs    []*invariant // of the element, beyond those of its type
	def     *definition.Element
	types   *definition.Type
	sub     atomic.Pointer[shape]
	base    *field // of a "_name" entry: the entry of the value
}

type fieldKind uint8

const (
	isPrimitiveField fieldKind = iota
	isComplex
	isResource
)

// mask is a set of slots; no R4 type has more than 128 elements.
type mask [2]uint64

func (m *mask) set(i int)      { m[i>>6&1] |= 1 << (i & 63) }
func (m *mask) has(i int) bool { return m[i>>6&1]&(1<<(i&63)) != 0 }

// shape finds the shape of a type or backbone path; nil when it is not known.
func (v *Validator) shape(path string) *shape {
	if sh, ok := v.shapes.Load(path); ok {
		return sh.(*shape)
	}
	sh, err := v.compileShape(path)
	if err != nil {
		return nil
	}
	kept, _ := v.shapes.LoadOrStore(path, sh)
	return kept.(*shape)
}

func (v *Validator) compileShape(path string) (*shape, error) {
	name, _, backbone := strings.Cut(path, ".")
	s, err := v.src.Structure(name)
	if err != nil {
		return nil, err
	}
	if s.IsProfile() || s.Kind == definition.Logical || s.Type != name {
		return nil, fmt.Errorf("%s is no base type", name)
	}
	def := s.Root()
	if backbone {
		if def = s.ByPath(path); def == nil {
			return nil, fmt.Errorf("%s is no element", path)
		}
	}
	sh := &shape{path: path, typ: name, def: s, fields: make(map[string]*field, 3*len(def.Children))}
	if backbone {
		sh.typ = "BackboneElement"
		if len(def.Types) > 0 {
			sh.typ = def.Types[0].Code
		}
	} else {
		sh.resource = s.Kind == definition.Resource
		sh.abstract = s.Abstract
	}
	if len(def.Children) > 128 {
		return nil, fmt.Errorf("%s has more than 128 elements", path)
	}
	for i, c := range def.Children {
		if c.Min > 0 {
			sh.needed.set(i)
		}
		sh.slots = append(sh.slots, slot{name: c.Name, min: c.Min, max: c.Max, def: c})
		sh.add(v, i, c)
	}
	sh.names = newFieldTable(sh.fields)
	sh.invs = v.invariants(def.Constraints, nil)
	sh.check = typeChecks(sh.path)
	return sh, nil
}

func (sh *shape) add(v *Validator, slot int, c *definition.Element) {
	link := func(t *definition.Type, typ, json string) {
		f := &field{name: c.Name, json: json, under: "_" + json, typ: typ, slot: slot, list: c.Repeats(), def: c, types: t}
		if c.Choice {
			f.choice = typ
		}
		f.prim = primitiveOf(typ)
		switch {
		case f.prim != notPrimitive:
			f.kind, f.written = isPrimitiveField, f.prim.plainKind()
			if sh.resource && c.Name == "id" {
				f.prim, f.typ = primID, "id"
			}
			if t != nil && t.System == "" || c.Name != "id" && c.Name != "url" {
				sh.fields[f.under] = &field{isUnder: true, base: f, slot: slot, name: f.name}
			}
		case typ == "Resource" || typ == "DomainResource":
			f.kind = isResource
		default:
			f.kind = isComplex
		}
		if c.Binding != nil {
			f.bound = v.binding(c.Binding)
		}
		if !strings.Contains(typ, ".") {
			f.invs = v.invariants(c.Constraints, v.rootConstraints(typ))
		}
		sh.fields[json] = f
	}
	switch {
	case c.Content != nil:
		link(nil, c.Content.Path, c.Name)
	case len(c.Children) > 0 && len(c.Types) > 0 && (c.Types[0].Code == "BackboneElement" || c.Types[0].Code == "Element"):
		link(&c.Types[0], c.Path, c.Name)
	case c.Choice:
		for i := range c.Types {
			link(&c.Types[i], c.Types[i].Code, c.JSONName(c.Types[i].Code))
		}
	case len(c.Types) > 0:
		link(&c.Types[0], c.Types[0].Code, c.Name)
	}
}

// rootConstraints are those that the type's own shape checks.
func (v *Validator) rootConstraints(typ string) []definition.Constraint {
	s, err := v.src.Structure(typ)
	if err != nil || s.IsProfile() {
		return nil
	}
	return s.Root().Constraints
}

// shape is the shape of the field's values; nil when its type is not known.
func (f *field) shape(v *Validator) *shape {
	if sh := f.sub.Load(); sh != nil {
		return sh
	}
	sh := v.shape(f.typ)
	if sh != nil {
		f.sub.Store(sh)
	}
	return sh
}

// hasChoice reports whether a choice element allows a type.
func (sh *shape) hasChoice(name, typ string) bool {
	for _, f := range sh.fields {
		if f.name == name && f.choice == typ {
			return true
		}
	}
	return false
}
