package graphql

import (
	"context"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

// filter narrows the values of a field by its arguments (R4 graphql §3.1.8.4): a
// FHIRPath condition, values of its own fields, and _offset and _count at last.
func (x *run) filter(ctx context.Context, list []node, f *chosen) ([]node, error) {
	offset, count := 0, len(list)
	for _, arg := range f.Arguments {
		value, err := x.json(arg.Value)
		if err != nil {
			return nil, err
		}
		if value == nil || value.Is(fhir.Null) {
			continue // a variable without a value
		}
		switch arg.Name {
		case "_offset":
			offset, err = whole(arg, value)
		case "_count":
			count, err = whole(arg, value)
		case "fhirpath":
			list, err = x.byPath(ctx, list, arg, value.Text())
		default:
			list, err = x.byField(list, arg, value)
		}
		if err != nil {
			return nil, err
		}
	}
	offset = min(offset, len(list))
	return list[offset:min(len(list), offset+min(count, len(list)))], nil
}

func whole(arg *ast.Argument, value *fhir.Element) (int, error) {
	n, err := strconv.Atoi(value.Text())
	if err != nil || n < 0 {
		return 0, wrong(arg.Position, "%s must be a whole number from 0", arg.Name)
	}
	return n, nil
}

// byField keeps the values that have the value in a field.
func (x *run) byField(list []node, arg *ast.Argument, value *fhir.Element) ([]node, error) {
	var kept []node
	for _, n := range list {
		child, code := x.child(n, arg.Name)
		if child == nil || !primitive(code) {
			return nil, wrong(arg.Position, "%s has no field %s that values can be chosen by", n.typ, arg.Name)
		}
		has := false
		for _, item := range n.value.Get(arg.Name).Items() {
			for _, wanted := range value.Items() { // a list: any of them
				has = has || item.Text() == wanted.Text() && !item.Is(fhir.Null)
			}
		}
		if has {
			kept = append(kept, n)
		}
	}
	return kept, nil
}

// byPath keeps the values for which a FHIRPath is true.
func (x *run) byPath(ctx context.Context, list []node, arg *ast.Argument, text string) ([]node, error) {
	expression, err := x.compile(arg.Position, text)
	if err != nil {
		return nil, err
	}
	var kept []node
	for _, n := range list {
		ok, err := expression.EvalBool(ctx, environment(), x.item(n))
		if err != nil {
			return nil, wrong(arg.Position, "the FHIRPath cannot be evaluated: %.200s", err)
		}
		if ok {
			kept = append(kept, n)
		}
	}
	return kept, nil
}

func (x *run) compile(at *ast.Position, text string) (*path.Expression, error) {
	if e := x.compiled[text]; e != nil {
		return e, nil
	}
	e, err := path.Compile(text, path.WithModel(x.model))
	if err != nil {
		return nil, wrong(at, "it is not FHIRPath: %.200s", err)
	}
	x.compiled[text] = e
	return e, nil
}

// maxSteps bounds the evaluation of one FHIRPath on one value.
const maxSteps = 100_000

func environment() *path.Env { return &path.Env{Limits: path.Limits{Steps: maxSteps}} }

// item is a node as FHIRPath sees it.
func (x *run) item(n node) path.Item {
	typ := x.model.Type(n.typ)
	if n.def != nil && len(n.def.Children) > 0 {
		if backbone := x.model.Type(n.def.Path); backbone != nil {
			typ = backbone
		}
	}
	return x.model.Item(nil, n.value, n.extra, x.model.TypeOf(n.value, typ), "", -1)
}
