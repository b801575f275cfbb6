package path

import (
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// step is one step of an expression that only goes from element to element: to
// the children of a name, or to those elements that meet a test.
type step struct {
	name string    // of the children
	only *typeTest // or: those of a type
	test *filter   // or: those that meet this
}

// filter is a test of an element that its JSON alone decides.
type filter struct {
	// name = text, or where name is "" the target of a reference is of type text.
	name, text string
	abstract   bool // the target's type may be one derived from text
}

// lowering turns syntax into steps.
type lowering struct {
	c    compiler
	root *Type
}

// sides are the sides of a union.
func sides(n *node) []*node {
	if n.op == opBinary && n.text == "|" {
		return append(sides(n.kids[0]), n.kids[1])
	}
	return []*node{n}
}

// steps are those of an expression on the root; none says that it gives nothing
// on this root, ok that it is only steps.
func (l *lowering) steps(n *node) (out []step, none, ok bool) {
	if in := inputOf(n); in != nil {
		if out, none, ok = l.steps(in); !ok || none {
			return nil, none, ok
		}
	} else if name, ok := rootType(n); ok {
		return nil, !l.root.is(name), true
	}
	switch n.op {
	case opMember:
		return append(out, step{name: n.text}), false, true
	case opType:
		test, err := l.c.typeTest(n.typ, n.pos)
		return append(out, step{only: &test}), false, err == nil && n.text == "as"
	case opDollar:
		return out, false, n.text == "this"
	case opCall:
		return l.call(n, out)
	}
	return nil, false, false
}

// inputOf is what a member, call or type operator works on; nil for the focus.
func inputOf(n *node) *node {
	switch n.op {
	case opMember, opCall, opType:
		return n.kids[0]
	}
	return nil
}

func (l *lowering) call(n *node, out []step) (_ []step, none, ok bool) {
	args := n.args()
	if len(args) != 1 {
		return nil, false, false
	}
	switch n.text {
	case "as", "ofType":
		name, named := args[0].asType()
		test, err := l.c.typeTest(name, n.pos)
		return append(out, step{only: &test}), false, named && err == nil
	case "extension":
		if args[0].op != opLiteral || args[0].lit.kind != KindString {
			return nil, false, false
		}
		return append(out, step{name: "extension"}, step{test: &filter{name: "url", text: args[0].lit.s}}), false, true
	case "where":
		out, ok = l.where(args[0], out)
		return out, false, ok
	}
	return nil, false, false
}

// where reads conditions such as resolve() is Patient, system = 'phone', and both.
func (l *lowering) where(n *node, out []step) ([]step, bool) {
	switch {
	case n.op == opBinary && n.text == "and":
		out, ok := l.where(n.kids[0], out)
		if !ok {
			return nil, false
		}
		return l.where(n.kids[1], out)
	case n.op == opBinary && n.text == "=":
		name, value := n.kids[0], n.kids[1]
		if name.op != opMember || name.input() != nil || value.op != opLiteral || value.lit.kind != KindString {
			return nil, false
		}
		return append(out, step{test: &filter{name: name.text, text: value.lit.s}}), true
	case n.op == opType && n.text == "is":
		call := n.kids[0]
		if call.op != opCall || call.text != "resolve" || call.input() != nil || len(call.args()) > 0 {
			return nil, false
		}
		t := l.c.model.Type(n.typ.name)
		if t == nil || n.typ.space == "System" || t.kind != definition.Resource || l.root.name == "Bundle" {
			return nil, false // in a Bundle a reference may name an entry
		}
		abstract := t.name == "Resource" || t.name == "DomainResource"
		return append(out, step{test: &filter{text: t.name, abstract: abstract}}), true
	}
	return nil, false
}

// leading are the first steps of an expression that gives nothing where they find
// nothing; nil when that cannot be told.
func (l *lowering) leading(n *node) []step {
	for n != nil {
		if out, none, ok := l.steps(n); ok && !none && len(out) > 0 {
			return out
		}
		switch n.op {
		case opCall:
			switch n.text {
			case "where", "select", "as", "ofType", "extension", "resolve", "first", "last", "tail", "skip", "take", "single", "distinct":
			default:
				return nil
			}
			n = n.input()
		case opMember:
			n = n.input()
		case opIndexer:
			n = n.kids[0]
		case opType:
			if n.text != "as" {
				return nil
			}
			n = n.kids[0]
		default:
			return nil
		}
	}
	return nil
}

// meets applies the filter to an element of the type; root is the resource.
func (f *filter) meets(m *Model, root, e *fhir.Element, typ *Type) bool {
	if f.name == "" {
		return f.refers(m, root, e, typ)
	}
	v, x := e.Get(f.name), e.Get("_"+f.name)
	if v.Is(fhir.Array) || x.Is(fhir.Array) {
		return f.only(v, x)
	}
	return f.same(v)
}

func (f *filter) same(v *fhir.Element) bool {
	k := v.Kind()
	return k != fhir.Null && k < fhir.Array && v.Text() == f.text
}

// only reports whether a list has that one item.
func (f *filter) only(v, x *fhir.Element) bool {
	found, same := 0, false
	for i := range max(v.Len(), x.Len()) {
		if v.At(i).Kind() != fhir.Null || x.At(i).Kind() != fhir.Null {
			found, same = found+1, f.same(v.At(i))
		}
	}
	return found == 1 && same
}

// refers is where(resolve() is T) with Env.StubReferences and nothing to resolve
// with: a contained resource, or what the reference itself names.
func (f *filter) refers(m *Model, root, e *fhir.Element, typ *Type) bool {
	text := e.Text()
	if e.Is(fhir.Object) {
		text = e.Get("reference").Text()
	} else if typ.system != KindString {
		return false
	}
	var name string
	if id, ok := strings.CutPrefix(text, "#"); !ok {
		name = stubName(e, text)
	} else if id == "" {
		name = root.Get("resourceType").Text()
	} else {
		name = containedType(root.Get("contained"), id)
	}
	return name == f.text || f.abstract && m.Type(name).is(f.text)
}

func containedType(list *fhir.Element, id string) string {
	if !list.Is(fhir.Array) {
		list = fhir.NewArray(list)
	}
	for _, c := range list.Members() {
		if c.Value.Get("id").Text() == id {
			return c.Value.Get("resourceType").Text()
		}
	}
	return ""
}
