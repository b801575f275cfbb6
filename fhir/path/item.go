package path

import (
	"strconv"
	"strings"

	"vitalwire/fhir"
)

// Kind is what an Item is: a node of a resource, or a value of a System type
// (FHIRPath §2.1, §4.1).
type Kind uint8

// The kinds of item.
const (
	KindNode Kind = iota
	KindBoolean
	KindString
	KindInteger
	KindDecimal
	KindDate
	KindDateTime
	KindTime
	KindQuantity
	KindTypeInfo // what type() answers (FHIRPath §10.2)
)

// String is the name in the System namespace.
func (k Kind) String() string {
	return [...]string{"element", "Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity", "TypeInfo"}[k]
}

func systemKind(name string) (Kind, bool) {
	for k := KindBoolean; k <= KindQuantity; k++ {
		if k.String() == name {
			return k, true
		}
	}
	return 0, false
}

// Item is one member of a Collection.
type Item struct {
	kind Kind
	n    int64  // Boolean: 0 or 1; Integer
	s    string // String; TypeInfo: namespace.name
	node *Node
	box  *box
}

// box holds the values that are too big for an Item.
type box struct {
	dec  Decimal
	unit string // Quantity: UCUM code or calendar word
	code string // Quantity: system|code of a unit that is not UCUM's; unit is for people then
	cal  bool   // Quantity: unit is a calendar word
	fhir bool   // Quantity: of an element; its UCUM years and months are calendar ones in date arithmetic
	when Temporal
}

// Collection is an ordered list of items (FHIRPath §3).
type Collection []Item

// Node is an element of a resource with its place in it.
type Node struct {
	el     *fhir.Element // nil for a primitive that has only extensions
	ext    *fhir.Element // the "_name" sibling of a primitive, with id and extension
	parent *Node
	typ    *Type
	name   string
	index  int32 // in the list, -1 for an element that does not repeat
}

// Boolean, String, Integer, DecimalItem and NodeItem make items.
func Boolean(b bool) Item {
	if b {
		return Item{kind: KindBoolean, n: 1}
	}
	return Item{kind: KindBoolean}
}

// String makes a System.String.
func String(s string) Item { return Item{kind: KindString, s: s} }

// Integer makes a System.Integer.
func Integer(n int64) Item { return Item{kind: KindInteger, n: n} }

// DecimalItem makes a System.Decimal.
func DecimalItem(d Decimal) Item { return Item{kind: KindDecimal, box: &box{dec: d}} }

// QuantityItem makes a System.Quantity; unit is a UCUM code, "1" for none.
func QuantityItem(value Decimal, unit string) Item {
	return Item{kind: KindQuantity, box: &box{dec: value, unit: unit}}
}

// TemporalItem makes a System.Date, DateTime or Time.
func TemporalItem(t Temporal) Item { return Item{kind: t.kind, box: &box{when: t}} }

func nodeItem(n *Node) Item { return Item{node: n} }

// Root makes the item of a whole resource.
func (m *Model) Root(r *fhir.Resource) Item { return m.Item(nil, r.Root(), nil, nil, "", -1) }

// Item makes the item of an element inside a resource, for callers that walk
// resources themselves: el is the value, ext the "_name" sibling of a
// primitive, parent the node it is in (nil for a resource of its own), typ its
// type (nil for a resource), index its place in a list or -1.
func (m *Model) Item(parent *Node, el, ext *fhir.Element, typ *Type, name string, index int) Item {
	if typ == nil {
		typ = m.TypeOf(el, nil)
	}
	return nodeItem(&Node{el: el, ext: ext, parent: parent, typ: typ, name: name, index: int32(index)})
}

// Kind is the kind of item.
func (it Item) Kind() Kind { return it.kind }

// Node is the node, nil for a computed value.
func (it Item) Node() *Node { return it.node }

// Element is the JSON of a node, nil for a computed value and for a primitive
// that has only extensions.
func (it Item) Element() *fhir.Element {
	if it.node == nil {
		return nil
	}
	return it.node.el
}

// TypeName is the full name of the type, such as "FHIR.Patient" or "System.Integer".
func (it Item) TypeName() string {
	if it.kind != KindNode {
		return "System." + it.kind.String()
	}
	return "FHIR." + it.node.typ.Name()
}

// Element is the JSON value.
func (n *Node) Element() *fhir.Element { return n.el }

// Extras is the "_name" sibling of a primitive, nil when there is none.
func (n *Node) Extras() *fhir.Element { return n.ext }

// Type is the FHIR type, nil when it is not known.
func (n *Node) Type() *Type { return n.typ }

// Parent is the node this one is in; nil for a resource.
func (n *Node) Parent() *Node { return n.parent }

// Name is the FHIRPath name: "value", not "valueQuantity"; "" for a resource.
func (n *Node) Name() string { return n.name }

// Location is the FHIRPath of the node from its outermost resource, as
// OperationOutcome.issue.expression wants it: "Patient.name[1].given[0]".
func (n *Node) Location() string {
	var parts []*Node
	for ; n != nil; n = n.parent {
		parts = append(parts, n)
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		p := parts[i]
		if p.name == "" {
			b.WriteString(p.typ.Name())
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(p.name)
		if p.index >= 0 {
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(int(p.index)))
			b.WriteByte(']')
		}
	}
	return b.String()
}

// Location is the place of a node, "" for a computed value.
func (it Item) Location() string {
	if it.node == nil {
		return ""
	}
	return it.node.Location()
}

// resource is the innermost resource the node is in or is.
func (n *Node) resource() *Node {
	for ; n != nil; n = n.parent {
		if n.el.Get("resourceType") != nil {
			return n
		}
	}
	return nil
}

// container is the outermost resource that a contained resource is in, or the
// resource itself. A resource in a Bundle or Parameters is its own container
// (R4 fhirpath: %rootResource).
func (n *Node) container() *Node {
	n = n.resource()
	for n != nil && n.name == "contained" {
		up := n.parent.resource()
		if up == nil {
			break
		}
		n = up
	}
	return n
}
