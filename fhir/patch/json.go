package patch

import (
	"context"
	"fmt"

	"vitalwire/fhir"
)

// JSON is a JSON Patch (RFC 6902). It is never changed once read.
type JSON struct{ ops []jsonOp }

type jsonOp struct {
	op         string
	path, from pointer
	value      *fhir.Element // of the patch: cloned before it goes anywhere
}

// ParseJSON reads a JSON Patch document. The error is Malformed: no JSON, no
// list of operations, an operation unknown or without what it needs; or
// TooCostly past MaxOperations.
func ParseJSON(data []byte) (*JSON, error) {
	doc, err := fhir.ParseElement(data)
	if err != nil {
		return nil, err
	}
	return JSONFrom(doc)
}

// JSONFrom takes the JSON value of a JSON Patch document.
func JSONFrom(doc *fhir.Element) (*JSON, error) {
	if !doc.Is(fhir.Array) {
		return nil, fhir.Malformed("", "a JSON Patch is a list of operations, this is a JSON %s", doc.Kind())
	}
	if doc.Len() > MaxOperations {
		return nil, fhir.TooCostly("a patch may have %d operations, this one has %d", MaxOperations, doc.Len())
	}
	p := &JSON{ops: make([]jsonOp, doc.Len())}
	for i, item := range doc.Items() {
		op, reason := readOp(item)
		if reason != "" {
			return nil, fhir.Malformed("", "operation %d: %s", i, reason)
		}
		p.ops[i] = op
	}
	return p, nil
}

// readOp reads one operation object; members it does not define are ignored
// (RFC 6902 §4).
func readOp(item *fhir.Element) (op jsonOp, reason string) {
	if !item.Is(fhir.Object) {
		return op, "an operation is an object, this is a JSON " + item.Kind().String()
	}
	name := item.Get("op")
	if !name.Is(fhir.String) {
		return op, "op is missing"
	}
	var from, value bool
	switch op.op = name.Text(); op.op {
	case "add", "replace", "test":
		value = true
	case "move", "copy":
		from = true
	case "remove":
	default:
		return op, fmt.Sprintf("op %q is none of add, remove, replace, move, copy, test", clip(op.op))
	}
	if op.path, reason = readPointer(item, "path"); reason != "" {
		return op, reason
	}
	if from {
		if op.from, reason = readPointer(item, "from"); reason != "" {
			return op, reason
		}
	}
	if op.value = item.Get("value"); value && op.value == nil {
		return op, op.op + " needs a value"
	}
	return op, ""
}

func readPointer(item *fhir.Element, name string) (pointer, string) {
	text := item.Get(name)
	if !text.Is(fhir.String) {
		return pointer{}, name + " is missing"
	}
	p, reason := parsePointer(text.Text())
	if reason != "" {
		return p, fmt.Sprintf("%s %q %s", name, clip(text.Text()), reason)
	}
	return p, ""
}

// Apply gives the patched resource; see Patch. What an operation leaves empty is
// taken away at the end, because FHIR has no empty list or object (R4 json
// §2.6.2).
func (p *JSON) Apply(_ context.Context, r *fhir.Resource) (*fhir.Resource, error) {
	root, emptied, err := p.apply(r.Root())
	if err != nil {
		return nil, err
	}
	if len(emptied) > 0 {
		prune(root, emptied)
	}
	return finish(r, root)
}

// ApplyElement gives the patched value, for JSON that need not be a resource:
// RFC 6902 to the letter.
func (p *JSON) ApplyElement(e *fhir.Element) (*fhir.Element, error) {
	root, _, err := p.apply(e)
	return root, err
}

func (p *JSON) apply(e *fhir.Element) (*fhir.Element, map[*fhir.Element]bool, error) {
	d := document{root: e.Clone()}
	for i := range p.ops {
		op := &p.ops[i]
		reason := d.run(op)
		switch {
		case reason == "":
			continue
		case d.costly:
			return nil, nil, fhir.TooCostly("operation %d (%s %s): %s", i, op.op, clip(op.path.text), reason)
		}
		at := op.path
		if d.inFrom {
			at = op.from
		}
		err := fhir.Unprocessable(at.expression(d.root), "operation %d (%s %s): %s", i, op.op, clip(op.path.text), reason)
		if op.op == "test" {
			// FHIR http (R5 on; R4 is silent): a failing test is a 422. The code tells
			// it from an operation that does not fit.
			err = err.WithCode(fhir.CodeConflict)
		}
		return nil, nil, err
	}
	return d.root, d.emptied, nil
}

// document is a value under change.
type document struct {
	root    *fhir.Element
	emptied map[*fhir.Element]bool // lists and objects that lost their last child
	growth  int
	work    int
	costly  bool // the reason is a bound
	inFrom  bool // the reason is about from
}

// run does one operation, or says why not.
func (d *document) run(op *jsonOp) (reason string) {
	switch op.op {
	case "add":
		return d.add(op.path, op.value.Clone())
	case "remove":
		_, reason = d.remove(op.path)
		return reason
	case "replace":
		return d.replace(op.path, op.value.Clone())
	case "test":
		e, reason := op.path.find(d.root)
		if reason == "" && !equal(e, op.value) {
			reason = "the value is another one"
		}
		return reason
	}
	d.inFrom = true
	e, reason := op.from.find(d.root)
	if reason != "" {
		return "from " + clip(op.from.text) + ": " + reason
	}
	d.inFrom = false
	if op.op == "copy" {
		if reason = d.grow(e); reason != "" {
			return reason
		}
		return d.add(op.path, e.Clone())
	}
	if op.from.contains(op.path) {
		return "a value cannot be moved into itself"
	}
	if op.from.text == op.path.text {
		return ""
	}
	if e, reason = d.remove(op.from); reason != "" {
		return reason
	}
	return d.add(op.path, e)
}

// grow counts what is to be added, before it is.
func (d *document) grow(e *fhir.Element) string {
	if d.growth += size(e); d.growth > MaxGrowth {
		d.costly = true
		return fmt.Sprintf("the patch adds more than %d bytes", MaxGrowth)
	}
	return ""
}

// spend counts the items that a change of a container moves.
func (d *document) spend(in *fhir.Element) string {
	if d.work += in.Len(); d.work > maxWork {
		d.costly = true
		return "the patch takes too much work on long lists"
	}
	return ""
}

func (d *document) add(p pointer, value *fhir.Element) (reason string) {
	if len(p.tokens)+depth(value) > fhir.MaxDepth {
		return fmt.Sprintf("the result would be nested deeper than %d levels", fhir.MaxDepth)
	}
	if len(p.tokens) == 0 {
		d.root = value
		return ""
	}
	in, token, reason := p.parent(d.root)
	if reason == "" {
		reason = d.spend(in)
	}
	if reason != "" {
		return reason
	}
	if in.Is(fhir.Object) {
		in.Set(token, value)
		return ""
	}
	at := in.Len()
	if token != "-" {
		if at, reason = index(token, at); reason != "" {
			return reason
		}
	}
	insertItem(in, at, value)
	return ""
}

func (d *document) replace(p pointer, value *fhir.Element) (reason string) {
	if len(p.tokens)+depth(value) > fhir.MaxDepth {
		return fmt.Sprintf("the result would be nested deeper than %d levels", fhir.MaxDepth)
	}
	e, reason := p.find(d.root)
	if reason == "" {
		*e = *value
		delete(d.emptied, e)
	}
	return reason
}

// remove takes the value out of its container and gives it back.
func (d *document) remove(p pointer) (e *fhir.Element, reason string) {
	if len(p.tokens) == 0 {
		return nil, "the whole resource cannot be removed"
	}
	in, token, reason := p.parent(d.root)
	if reason == "" {
		reason = d.spend(in)
	}
	if reason == "" {
		e, reason = child(in, token)
	}
	if reason != "" {
		return nil, reason
	}
	if in.Is(fhir.Object) {
		in.Set(token, nil)
	} else {
		at, _ := index(token, in.Len())
		removeItem(in, at)
	}
	if in.Len() == 0 {
		if d.emptied == nil {
			d.emptied = make(map[*fhir.Element]bool)
		}
		d.emptied[in] = true
	}
	return e, ""
}
