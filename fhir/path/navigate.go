package path

import (
	"strings"
	"sync/atomic"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// member is a step to the children of a name (FHIRPath §3.1 path selection).
type member struct {
	name, under string
	only        *typeTest // of a choice, the type that is wanted
	last        atomic.Pointer[lastElement]
}

// lastElement is the type a step met last and the element it found there: a
// step nearly always meets the same type again.
type lastElement struct {
	typ  *Type
	elem *element
}

func newMember(name string) *member { return &member{name: name, under: "_" + name} }

// element is the element of that name in a type, nil when it has none.
func (m *member) element(t *Type) *element {
	if l := m.last.Load(); l != nil && l.typ == t {
		return l.elem
	}
	l := &lastElement{t, t.elems[m.name]}
	m.last.Store(l)
	return l.elem
}

// step appends the children of that name. A choice such as value finds
// valueQuantity (R4 fhirpath §2.9.1: polymorphism); value, asked of a primitive
// is its System value.
func (m *member) step(s *session, it *Item, out []Item) ([]Item, error) {
	n := it.node
	if n == nil {
		if it.kind == KindTypeInfo {
			return typeInfoMember(it, m.name, out), nil
		}
		return out, nil
	}
	before := len(out)
	switch t := n.typ; {
	case t == nil || t.open:
		out = m.open(s, n, out)
	case t.kind == definition.Primitive:
		out = m.ofPrimitive(s, it, out)
	default:
		e := m.element(t)
		if e == nil {
			return out, nil
		}
		if e.choice {
			out = m.choice(s, n, e, out)
			break
		}
		l := e.types[0]
		v := n.el.Get(m.name)
		var x *fhir.Element
		if l.system != KindNode {
			x = n.el.Get(m.under)
		}
		if v != nil || x != nil {
			out = s.children(n, v, x, l, m.name, out)
		}
	}
	return out, s.spend(1 + len(out) - before)
}

// ofPrimitive finds id and extension in the "_name" sibling.
func (m *member) ofPrimitive(s *session, it *Item, out []Item) []Item {
	n := it.node
	if m.name == "value" {
		if v, ok := it.value(); ok {
			out = append(out, v)
		}
		return out
	}
	e := n.typ.elems[m.name]
	if e == nil {
		return out
	}
	return s.children(n, n.ext.Get(m.name), nil, e.types[0], m.name, out)
}

// choice finds the one member that is the name and a type's name.
func (m *member) choice(s *session, n *Node, e *element, out []Item) []Item {
	members := n.el.Members()
	for i := range members {
		json := members[i].Name
		under := len(json) > 0 && json[0] == '_'
		if under {
			json = json[1:]
		}
		if len(json) <= len(m.name) || json[0] != m.name[0] || json[:len(m.name)] != m.name {
			continue
		}
		known, ok := n.typ.json[json]
		if !ok || known.elem != e {
			continue
		}
		if under && n.el.Get(json) != nil {
			continue // goes with its sibling
		}
		if m.only != nil && !m.only.may(known.typ) {
			return out
		}
		if !under {
			var x *fhir.Element
			if known.typ.system != KindNode {
				x = n.el.Get(known.typ.under)
			}
			return s.children(n, members[i].Value, x, known.typ, m.name, out)
		}
		return s.children(n, nil, members[i].Value, known.typ, m.name, out)
	}
	return out
}

// children appends the items of a member and its "_name" sibling, which in
// lists belong together by place (R4 json §2.6.2.3).
func (s *session) children(parent *Node, v, x *fhir.Element, l *typeLink, name string, out []Item) []Item {
	if !v.Is(fhir.Array) && !x.Is(fhir.Array) {
		return s.child(parent, v, x, l, name, -1, out)
	}
	for i := range max(v.Len(), x.Len()) {
		out = s.child(parent, v.At(i), x.At(i), l, name, int32(i), out)
	}
	return out
}

func (s *session) child(parent *Node, v, x *fhir.Element, l *typeLink, name string, index int32, out []Item) []Item {
	if v.Kind() == fhir.Null {
		v = nil
	}
	if x.Kind() == fhir.Null {
		x = nil
	}
	if v == nil && x == nil {
		return out
	}
	n := s.node()
	n.el, n.ext, n.parent, n.name, n.index = v, x, parent, name, index
	if l != nil {
		n.typ = l.typeOf(v)
	} else {
		n.typ = s.model.TypeOf(v, nil)
	}
	return append(out, Item{node: n})
}

// open is a step where there are no definitions: by name, or by name and a
// capital letter.
func (m *member) open(s *session, n *Node, out []Item) []Item {
	if n.typ != nil && n.typ.open && m.name == "resourceType" {
		return out
	}
	if !n.el.Is(fhir.Object) {
		return s.children(n, n.ext.Get(m.name), nil, nil, m.name, out)
	}
	if v, x := n.el.Get(m.name), n.el.Get(m.under); v != nil || x != nil {
		return s.children(n, v, x, nil, m.name, out)
	}
	for _, c := range n.el.Members() {
		rest, ok := strings.CutPrefix(c.Name, m.name)
		if !ok || rest == "" || rest[0] < 'A' || rest[0] > 'Z' {
			continue
		}
		name, kind := rest, definition.Complex
		if c.Value.Kind() != fhir.Object && c.Value.Kind() != fhir.Array {
			name, kind = strings.ToLower(rest[:1])+rest[1:], definition.Primitive
		}
		typ := s.model.Type(name)
		if typ == nil {
			typ = openType(name, kind)
		}
		l := &typeLink{code: name, model: s.model, system: typ.system}
		l.link.Store(typ)
		return s.children(n, c.Value, n.el.Get("_"+c.Name), l, m.name, out)
	}
	return out
}

// allChildren appends every child (FHIRPath §5.8.1).
func (s *session) allChildren(it *Item, out []Item) ([]Item, error) {
	n := it.node
	if n == nil {
		return out, nil
	}
	before := len(out)
	for _, c := range n.ext.Members() {
		out = s.namedChild(n, n.ext, c, out)
	}
	if n.el.Is(fhir.Object) {
		for _, c := range n.el.Members() {
			out = s.namedChild(n, n.el, c, out)
		}
	}
	return out, s.spend(1 + len(out) - before)
}

func (s *session) namedChild(n *Node, in *fhir.Element, c fhir.Member, out []Item) []Item {
	name, under := c.Name, false
	if name == "resourceType" || name == "" {
		return out
	}
	if name[0] == '_' {
		name, under = name[1:], true
		if in.Get(name) != nil {
			return out // goes with its sibling
		}
	}
	var l *typeLink
	if n.typ != nil && !n.typ.open {
		known, ok := n.typ.json[name]
		if !ok {
			return out
		}
		l, name = known.typ, known.elem.name
	}
	if under {
		return s.children(n, nil, c.Value, l, name, out)
	}
	var x *fhir.Element
	if l == nil {
		x = in.Get("_" + c.Name)
	} else if l.system != KindNode {
		x = in.Get(l.under)
	}
	return s.children(n, c.Value, x, l, name, out)
}

// typeInfoMember is the members of what type() answers.
func typeInfoMember(it *Item, name string, out []Item) []Item {
	space, local, _ := strings.Cut(it.s, ".")
	switch name {
	case "namespace":
		return append(out, String(space))
	case "name":
		return append(out, String(local))
	}
	return out
}
