package patch

import (
	"context"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
)

// collection is the path of a list, taken apart: the element that has it and the
// list's name. It is for an insert into a list that is empty as yet.
type collection struct {
	parent *path.Expression
	name   string
}

// splitCollection takes apart a path that ends in a name; nil for others.
func splitCollection(text string, model *path.Model) *collection {
	dot := strings.LastIndexByte(text, '.')
	if dot < 0 {
		return nil
	}
	name := strings.TrimSpace(text[dot+1:])
	for i := 0; i < len(name); i++ {
		if c := name[i]; c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return nil
		}
	}
	parent, err := path.Compile(text[:dot], path.WithModel(model))
	if err != nil || name == "" {
		return nil
	}
	return &collection{parent: parent, name: name}
}

// define finds the definition of an element of n.
func (t *target) define(n *path.Node, name string, v *value) (*definition.Element, *definition.Type, string) {
	owner := fitter{t.src}.owner(n.Type().Path())
	if owner == nil {
		return nil, nil, "the type of this element is not known to the definitions"
	}
	return childOf(owner, name, v)
}

// add gives n another child: at the end of a list, or where there is none yet.
func (t *target) add(n *path.Node, name string, v *value) *failure {
	def, typ, reason := t.define(n, name, v)
	if reason != "" {
		return because(n.Location(), "%s", reason)
	}
	el, shadow, reason := fitter{t.src}.fit(v, def, typ)
	if reason != "" {
		return because(n.Location()+"."+def.Name, "%s", reason)
	}
	if !def.Repeats() && present(container(n), def) {
		return because(n.Location()+"."+def.Name, "%s has a value already and does not repeat: use replace", def.Name)
	}
	in := container(n)
	if in == nil || n.Type().Primitive() {
		p, ok := placeOf(n)
		if !ok {
			return because(n.Location(), "this element is not in the resource")
		}
		in = p.extras()
	}
	p := place{in: in, name: jsonName(def, typ), index: -1}
	if def.Repeats() {
		values, shadows := p.lists()
		p.index = max(values.Len(), shadows.Len())
		p.insert(el, shadow)
		return nil
	}
	in.Set(p.name, el)
	in.Set("_"+p.name, shadow)
	return nil
}

// present reports whether an object has the element, in any type of a choice.
func present(in *fhir.Element, def *definition.Element) bool {
	for _, m := range in.Members() {
		name := strings.TrimPrefix(m.Name, "_")
		if name == def.Name && !def.Choice {
			return true
		}
		if rest, ok := strings.CutPrefix(name, def.Name); ok && def.Choice && rest != "" && def.ChoiceType(rest) != nil {
			return true
		}
	}
	return false
}

// delete takes n away, and its parent where that has nothing left.
func (t *target) delete(n *path.Node) *failure {
	p, ok := placeOf(n)
	if !ok {
		return because(n.Location(), "this element is not in the resource")
	}
	p.remove()
	dropEmpty(n.Parent())
	return nil
}

// replace puts another value in the place of n.
func (t *target) replace(n *path.Node, v *value) *failure {
	p, ok := placeOf(n)
	if !ok {
		return because(n.Location(), "this element is not in the resource")
	}
	// By its FHIRPath name, so that a choice may get another type.
	def, typ, reason := t.define(n.Parent(), n.Name(), v)
	var el, shadow *fhir.Element
	if reason == "" {
		el, shadow, reason = fitter{t.src}.fit(v, def, typ)
	}
	if reason != "" {
		return because(n.Location(), "%s", reason)
	}
	p.replace(jsonName(def, typ), el, shadow)
	return nil
}

// list does insert and move, whose path names a whole list.
func (t *target) list(ctx context.Context, op *pathOp) *failure {
	nodes, f := t.eval(ctx, op.at)
	if f != nil {
		return f
	}
	if len(nodes) == 0 {
		return t.emptyList(ctx, op)
	}
	n := nodes[0]
	if n.Parent() == nil {
		return because("", "the path selects the resource, not a list")
	}
	p, ok := placeOf(n)
	if !ok || p.index < 0 {
		return because(n.Location(), "this element is not in a list")
	}
	where := n.Parent().Location() + "." + n.Name()
	values, shadows := p.lists()
	length := max(values.Len(), shadows.Len())
	for _, other := range nodes {
		if other.Parent() == nil || other.Name() != n.Name() || container(other.Parent()) != p.in || len(nodes) != length {
			return because(where, "the path must select the whole of one list")
		}
	}
	if op.typ == "move" {
		if op.source >= length || op.destination >= length {
			return because(where, "source %d and destination %d must be below the list's length of %d", op.source, op.destination, length)
		}
		p.index = op.source
		p.move(op.destination)
		return nil
	}
	if op.index > length {
		return because(where, "index %d is past the end of the list of %d", op.index, length)
	}
	def, typ, reason := t.define(n.Parent(), n.Name(), op.value)
	var el, shadow *fhir.Element
	if reason == "" {
		el, shadow, reason = fitter{t.src}.fit(op.value, def, typ)
	}
	if reason != "" {
		return because(where, "%s", reason)
	}
	p.index = op.index
	p.insert(el, shadow)
	return nil
}

// emptyList inserts the first item of a list: index 0 is its end.
func (t *target) emptyList(ctx context.Context, op *pathOp) *failure {
	if op.typ == "move" || op.collection == nil {
		return because("", "the path selects nothing")
	}
	nodes, f := t.eval(ctx, op.collection.parent)
	if f != nil {
		return f
	}
	if len(nodes) != 1 {
		return because("", "the path selects nothing")
	}
	where := nodes[0].Location() + "." + op.collection.name
	if op.index > 0 {
		return because(where, "index %d is past the end of the list, which is empty", op.index)
	}
	def, _, reason := t.define(nodes[0], op.collection.name, op.value)
	if reason == "" && !def.Repeats() {
		reason = "this element is no list: use add"
	}
	if reason != "" {
		return because(where, "%s", reason)
	}
	return t.add(nodes[0], op.collection.name, op.value)
}
