package patch

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
)

// evalSteps is the budget of all paths of a patch together.
const evalSteps = 5_000_000

// FHIRPath is a FHIRPath Patch (R4 fhirpatch §3.1.8). It is never changed once
// read.
type FHIRPath struct {
	ops   []pathOp
	model *path.Model
	src   definition.Structures
}

type pathOp struct {
	typ                        string
	text                       string // of the path
	at                         *path.Expression
	collection                 *collection // of insert: where an empty list would be
	name                       string
	value                      *value
	index, source, destination int
}

// ParseFHIRPath reads a patch from a Parameters resource. The error is Malformed
// and names the parameter: none called operation, an unknown type or part, one
// missing, a path that is no FHIRPath; or TooCostly past MaxOperations. model
// must be one of src.
func ParseFHIRPath(params *fhir.Resource, src definition.Structures, model *path.Model) (*FHIRPath, error) {
	if params.Type() != "Parameters" {
		return nil, fhir.Malformed("", "a FHIRPath Patch is a Parameters resource, this is a %s", params.Type())
	}
	list := params.Get("parameter").Items()
	if len(list) > MaxOperations {
		return nil, fhir.TooCostly("a patch may have %d operations, this one has %d", MaxOperations, len(list))
	}
	p := &FHIRPath{ops: make([]pathOp, len(list)), model: model, src: src}
	for i, item := range list {
		if reason := p.ops[i].read(item, model); reason != "" {
			return nil, fhir.Malformed(fmt.Sprintf("Parameters.parameter[%d]", i), "operation %d: %s", i, reason)
		}
	}
	return p, nil
}

// parts says which parts an operation needs beside type and path.
var parts = map[string][]string{
	"add":     {"name", "value"},
	"insert":  {"value", "index"},
	"delete":  {},
	"replace": {"value"},
	"move":    {"source", "destination"},
}

func (op *pathOp) read(item *fhir.Element, model *path.Model) (reason string) {
	if name := item.Get("name").Text(); name != "operation" {
		return fmt.Sprintf("a parameter is called operation, not %q", clip(name))
	}
	given := make(map[string]*fhir.Element)
	for _, part := range item.Get("part").Items() {
		name := part.Get("name").Text()
		if given[name] != nil {
			return fmt.Sprintf("part %q is there twice", clip(name))
		}
		given[name] = part
	}
	op.typ = textOf(given["type"])
	needs, ok := parts[op.typ]
	if !ok {
		return fmt.Sprintf("type %q is none of add, insert, delete, replace, move", clip(op.typ))
	}
	for _, name := range needs {
		if given[name] == nil {
			return op.typ + " needs the part " + name
		}
	}
	delete(given, "type")
	for name, part := range given {
		switch name {
		case "path":
			op.text = textOf(part)
		case "name":
			op.name = textOf(part)
		case "value":
			op.value, reason = readValue(part, 0)
		case "index":
			op.index, reason = count(part)
		case "source":
			op.source, reason = count(part)
		case "destination":
			op.destination, reason = count(part)
		default:
			reason = "it is not known"
		}
		if reason != "" {
			return fmt.Sprintf("part %q: %s", clip(name), reason)
		}
	}
	return op.compile(model)
}

func (op *pathOp) compile(model *path.Model) string {
	if op.text == "" {
		return op.typ + " needs the part path"
	}
	if len(op.text) > maxText {
		return fmt.Sprintf("path is longer than %d bytes", maxText)
	}
	var err error
	text := quoteDiv(op.text)
	if op.at, err = path.Compile(text, path.WithModel(model)); err != nil {
		return fmt.Sprintf("path %q: %s", clip(op.text), err)
	}
	if op.typ == "insert" {
		op.collection = splitCollection(text, model)
	}
	return ""
}

// quoteDiv writes .div as .`div`. div is an operator, so FHIRPath wants the name
// of a narrative's element delimited; HL7's own suite writes Patient.text.div.
func quoteDiv(text string) string {
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '`' || c == '"':
			quote = c
		case strings.HasPrefix(text[i:], ".div") && (i+4 == len(text) || text[i+4] == '.' || text[i+4] == ' '):
			text = text[:i] + ".`div`" + text[i+4:]
			i += len(".`div`") - 1
		}
	}
	return text
}

// textOf is the text of a part's string, code or uri.
func textOf(part *fhir.Element) string {
	for _, m := range part.Members() {
		switch m.Name {
		case "valueString", "valueCode", "valueUri", "valueMarkdown", "valueId":
			return m.Value.Text()
		}
	}
	return ""
}

// count is the number of a part's integer.
func count(part *fhir.Element) (n int, reason string) {
	for _, m := range part.Members() {
		switch m.Name {
		case "valueInteger", "valueUnsignedInt", "valuePositiveInt":
			n, err := strconv.Atoi(m.Value.Text())
			if err != nil || n < 0 {
				return 0, "a place in a list is 0 or more"
			}
			return n, ""
		}
	}
	return 0, "an integer is needed"
}

// Apply gives the patched resource; see Patch.
func (p *FHIRPath) Apply(ctx context.Context, r *fhir.Resource) (*fhir.Resource, error) {
	t := target{FHIRPath: p, work: r.Clone()}
	if len(p.ops) > 0 {
		t.env.Limits.Steps = max(evalSteps/len(p.ops), 5000)
	}
	for i := range p.ops {
		op := &p.ops[i]
		if err := t.run(ctx, op); err != nil {
			if err.fatal != nil {
				return nil, fmt.Errorf("operation %d (%s %s): %w", i, op.typ, clip(op.text), err.fatal)
			}
			return nil, fhir.Unprocessable(err.at, "operation %d (%s %s): %s", i, op.typ, clip(op.text), err.reason)
		}
	}
	return finish(r, t.work.Root())
}

// failure says why an operation was not done, and at which element.
type failure struct {
	at, reason string
	fatal      error // a bound or a cancelled context
}

func because(at, format string, args ...any) *failure {
	return &failure{at: at, reason: fmt.Sprintf(format, args...)}
}

// target is a resource under change.
type target struct {
	*FHIRPath
	work *fhir.Resource
	env  path.Env
}

// eval finds the elements that a path selects, all of them inside the resource.
func (t *target) eval(ctx context.Context, x *path.Expression) ([]*path.Node, *failure) {
	found, err := x.Eval(ctx, &t.env, t.model.Root(t.work))
	if err != nil {
		return nil, evalFailure(ctx, err)
	}
	nodes := make([]*path.Node, len(found))
	for i, item := range found {
		n := item.Node()
		for up := n; up != nil; up = up.Parent() {
			if up.Parent() == nil && up.Element() == t.work.Root() {
				nodes[i] = n
			}
		}
		if nodes[i] == nil {
			return nil, because("", "the path selects a computed value, not an element of the resource")
		}
	}
	return nodes, nil
}

// one is the only element of a path; nil where there is none.
func (t *target) one(ctx context.Context, op *pathOp) (*path.Node, *failure) {
	nodes, f := t.eval(ctx, op.at)
	if f != nil || len(nodes) == 0 {
		return nil, f
	}
	if len(nodes) > 1 {
		return nil, because("", "the path selects %d elements, it must select one", len(nodes))
	}
	return nodes[0], nil
}

func (t *target) run(ctx context.Context, op *pathOp) *failure {
	switch op.typ {
	case "insert", "move":
		return t.list(ctx, op)
	}
	n, f := t.one(ctx, op)
	switch {
	case f != nil:
		return f
	case n == nil && op.typ == "delete":
		return nil // R4 fhirpatch: the element to delete, if found
	case n == nil:
		return because("", "the path selects nothing")
	case op.typ == "add":
		return t.add(n, op.name, op.value)
	case n.Parent() == nil:
		return because("", "the resource itself can be neither deleted nor replaced")
	case op.typ == "delete":
		return t.delete(n)
	}
	return t.replace(n, op.value)
}
