package graphql

import (
	"context"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// node is an element of a resource.
type node struct {
	value *fhir.Element
	extra *fhir.Element // its "_name" sibling, of a primitive
	typ   string        // type code; a resource's type
	def   *definition.Element
	root  *fhir.Element // the resource it is in, for contained ones
}

func resourceNode(r *fhir.Element) node {
	return node{value: r, typ: r.Get("resourceType").Text(), root: r}
}

// is reports whether a fragment on a type is meant for the node.
func (n node) is(typ string) bool {
	resource := n.value.Get("resourceType") != nil
	return n.typ == typ || resource && (typ == "Resource" || typ == "DomainResource") || typ == "Element" && !resource
}

// structure is the root element of a type; nil when it is not known.
func (x *run) structure(typ string) *definition.Element {
	root, ok := x.roots[typ]
	if !ok {
		if s, err := x.structures.Structure(typ); err == nil {
			root = s.Root()
		}
		x.roots[typ] = root
	}
	return root
}

// child finds the definition of a field of a node, and its type.
func (x *run) child(n node, name string) (*definition.Element, string) {
	def := n.def
	if def == nil || len(def.Children) == 0 && def.Content == nil {
		def = x.structure(n.typ)
	}
	if def == nil {
		return nil, ""
	}
	child, typ := def.Child(name)
	switch {
	case child == nil:
		return nil, ""
	case typ == nil:
		return child, "BackboneElement"
	}
	return child, typ.Code
}

// primitive reports whether a type code is a primitive's: they begin in lower case.
func primitive(code string) bool { return code != "" && code[0] >= 'a' && code[0] <= 'z' }

// object gives the fields selected of a node.
func (x *run) object(ctx context.Context, n node, p place, out *object) error {
	fields, err := x.collect(p, n.is)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if err := cost(&x.fields, maxFields, "fields"); err != nil {
			return err
		}
		if err := x.field(ctx, n, f, p, out); err != nil {
			return err
		}
	}
	return nil
}

func (x *run) field(ctx context.Context, n node, f *chosen, p place, out *object) error {
	name := f.Name
	child, code := x.child(n, name)
	if child == nil && strings.HasPrefix(name, "_") {
		if of, ofCode := x.child(n, name[1:]); of != nil && primitive(ofCode) {
			return x.values(ctx, x.extras(n, name), f, p, of.Repeats(), out)
		}
	}
	isResource := n.value.Get("resourceType") != nil
	switch {
	case child != nil:
		list, err := x.filter(ctx, x.items(n, name, child, code), f)
		if err != nil {
			return err
		}
		return x.values(ctx, list, f, p, child.Repeats(), out)
	case name == "__typename", name == "resourceType" && isResource:
		return out.add(f, f.Alias+p.suffix, fhir.NewString(n.typ), p.inherited)
	case name == "resource" && n.typ == "Reference":
		return x.resolve(ctx, n, f, p, out)
	case isResource:
		if typ, connection, ok := searchField(name); ok {
			return x.search(ctx, typ, connection, f, p, out, n.value)
		}
	}
	return wrong(f.Position, "%s has no field %s", n.typ, name)
}

// items are the values of a field.
func (x *run) items(n node, name string, child *definition.Element, code string) []node {
	var list []node
	value, extra := n.value.Get(name), n.value.Get("_"+name)
	for i, item := range value.Items() {
		if item.Is(fhir.Null) {
			continue // a primitive that has extensions only
		}
		one := node{value: item, typ: code, def: child, root: n.root, extra: extra}
		if value.Is(fhir.Array) {
			one.extra = extra.At(i)
		}
		if typ := item.Get("resourceType").Text(); typ != "" {
			one.typ, one.def = typ, nil
			if name != "contained" {
				one.root = item
			}
		}
		list = append(list, one)
	}
	return list
}

// extras are the ids and extensions of a primitive (R4 json §2.6.2.3).
func (x *run) extras(n node, name string) []node {
	var list []node
	for _, item := range n.value.Get(name).Items() {
		if item.Is(fhir.Object) {
			list = append(list, node{value: item, typ: "Element", def: x.structure("Element"), root: n.root})
		}
	}
	return list
}

// values gives the values of a field.
func (x *run) values(ctx context.Context, list []node, f *chosen, p place, repeats bool, out *object) error {
	first := f.Directives.ForName("first") != nil
	slice, err := x.sliceBy(f)
	if err != nil {
		return err
	}
	if first && len(list) > 1 {
		list = list[:1]
	}
	flatten := f.Directives.ForName("flatten") != nil
	for i, n := range list {
		suffix := p.suffix
		if slice != nil {
			part, err := slice(ctx, i, n)
			if err != nil {
				return err
			}
			suffix += "." + part
		}
		selected := 0
		for _, set := range f.sets {
			selected += len(set)
		}
		if !n.value.Is(fhir.Object) {
			if selected > 0 {
				return wrong(f.Position, "%s is a %s and has no fields", f.Name, n.typ)
			}
			if err := out.add(f, f.Alias+suffix, n.value, repeats || p.inherited); err != nil {
				return err
			}
			continue
		}
		if selected == 0 {
			return wrong(f.Position, "%s is a %s: name the fields that are wanted of it", f.Name, n.typ)
		}
		below := place{sets: f.sets, depth: p.depth + 1}
		if flatten {
			// Its fields stand in its place (R4 graphql §3.1.8.8).
			below.inherited, below.suffix = p.inherited || repeats && !first && slice == nil, suffix
			if err := x.object(ctx, n, below, out); err != nil {
				return err
			}
			continue
		}
		inner := newObject()
		if err := x.object(ctx, n, below, inner); err != nil {
			return err
		}
		if err := out.add(f, f.Alias+suffix, inner.element(), repeats || p.inherited); err != nil {
			return err
		}
	}
	return nil
}

// sliceBy is what @slice puts behind names: the index, or the value of a FHIRPath.
func (x *run) sliceBy(f *chosen) (func(context.Context, int, node) (string, error), error) {
	d := f.Directives.ForName("slice")
	if d == nil {
		return nil, nil
	}
	arg := d.Arguments.ForName("path")
	if arg == nil {
		return nil, wrong(d.Position, "@slice has no argument path")
	}
	text, err := x.json(arg.Value)
	if err != nil {
		return nil, err
	}
	if text.Text() == "$index" {
		return func(_ context.Context, i int, _ node) (string, error) { return strconv.Itoa(i), nil }, nil
	}
	expression, err := x.compile(arg.Position, text.Text())
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ int, n node) (string, error) {
		found, err := expression.Eval(ctx, environment(), x.item(n))
		if err != nil {
			return "", wrong(arg.Position, "the path of @slice cannot be evaluated: %.200s", err)
		}
		if len(found) != 1 {
			return "", wrong(arg.Position, "the path of @slice gives %d values", len(found))
		}
		part, _ := found[0].Text()
		return part, nil
	}, nil
}

// resolve follows a reference (R4 graphql §3.1.8.5).
func (x *run) resolve(ctx context.Context, n node, f *chosen, p place, out *object) error {
	args, err := x.arguments(f.Field, "optional", "type")
	if err != nil {
		return err
	}
	target, err := x.target(ctx, n)
	if err != nil {
		return err
	}
	if target == nil {
		if args["optional"].Text() == "true" {
			return nil
		}
		return wrong(f.Position, "the reference leads to no resource of this server; resource(optional: true) goes on without it")
	}
	to := resourceNode(target)
	if contained := strings.HasPrefix(n.value.Get("reference").Text(), "#"); contained {
		to.root = n.root
	}
	if typ := args["type"].Text(); typ != "" && typ != to.typ {
		return nil
	}
	return x.values(ctx, []node{to}, f, p, false, out)
}

func (x *run) target(ctx context.Context, n node) (*fhir.Element, error) {
	text := n.value.Get("reference").Text()
	if id, ok := strings.CutPrefix(text, "#"); ok {
		if id == "" {
			return n.root, nil
		}
		for _, r := range n.root.Get("contained").Items() {
			if r.Get("id").Text() == id {
				return r, nil
			}
		}
		return nil, nil
	}
	key, ok := x.host.Local(text)
	if !ok {
		return nil, nil
	}
	r, err := x.resource(ctx, key)
	switch fhir.SituationOf(err) {
	case fhir.SituationNotFound, fhir.SituationDeleted:
		if err != nil {
			return nil, nil //nolint:nilerr // what cannot be found is null
		}
	}
	if err != nil {
		return nil, err
	}
	return r.Root(), nil
}

// resource reads a resource once.
func (x *run) resource(ctx context.Context, key fhir.Key) (*fhir.Resource, error) {
	if r := x.read[key]; r != nil {
		return r, nil
	}
	if err := cost(&x.lookups, maxLookups, "resources"); err != nil {
		return nil, err
	}
	r, err := x.host.Read(ctx, key)
	if err == nil {
		x.read[key] = r
	}
	return r, err
}

// arguments are the values of those named; any other is an error.
func (x *run) arguments(f *ast.Field, names ...string) (map[string]*fhir.Element, error) {
	values := map[string]*fhir.Element{}
	for _, arg := range f.Arguments {
		known := false
		for _, name := range names {
			known = known || name == arg.Name
		}
		if !known {
			return nil, wrong(arg.Position, "%s has no argument %s; it has %s", f.Name, arg.Name, strings.Join(names, ", "))
		}
		value, err := x.json(arg.Value)
		if err != nil {
			return nil, err
		}
		values[arg.Name] = value
	}
	return values, nil
}
