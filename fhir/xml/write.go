package xml

import (
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// Append appends the resource as application/fhir+xml: elements in the order of
// the definitions, values as they are. An Unprocessable error names an element
// that XML cannot carry: one the definitions do not know, a value of another
// shape, a character that XML lacks, a narrative that is no XHTML.
func Append(b []byte, r *fhir.Resource, src definition.Structures) ([]byte, error) {
	return appendDocument(b, r, src, false)
}

// AppendIndented is Append for human eyes (_pretty, R4 http §3.1.0.1.12).
func AppendIndented(b []byte, r *fhir.Resource, src definition.Structures) ([]byte, error) {
	return appendDocument(b, r, src, true)
}

func appendDocument(b []byte, r *fhir.Resource, src definition.Structures, indent bool) ([]byte, error) {
	w := writer{b: append(b, `<?xml version="1.0" encoding="UTF-8"?>`...), schema: newSchema(src), indent: indent}
	if err := w.resource(r.Root(), &frame{name: r.Type(), index: -1}, 0); err != nil {
		return nil, err
	}
	if indent {
		w.b = append(w.b, '\n')
	}
	return w.b, nil
}

type writer struct {
	schema
	b      []byte
	indent bool
}

func fault(f *frame, format string, args ...any) error {
	return fhir.Unprocessable(f.String(), "cannot be written as XML: "+format, args...).WithCode(fhir.CodeStructure)
}

func (w *writer) line(depth int) {
	if w.indent {
		w.b = append(w.b, '\n')
		for range depth {
			w.b = append(w.b, ' ', ' ')
		}
	}
}

func (w *writer) open(name string, depth int) {
	w.line(depth)
	w.b = append(append(w.b, '<'), name...)
}

func (w *writer) close(name string) { w.b = append(append(append(w.b, "</"...), name...), '>') }

func (w *writer) attribute(name string, value *fhir.Element, f *frame) error {
	if value.Is(fhir.Object) || value.Is(fhir.Array) {
		return fault(f, "a primitive value was expected, this is a JSON %s", value.Kind())
	}
	if c, found := unwritable(value.Text()); found {
		return fault(f, "XML has no character U+%04X", c)
	}
	w.b = append(append(append(w.b, ' '), name...), `="`...)
	w.b = append(appendAttribute(w.b, value.Text()), '"')
	return nil
}

func (w *writer) resource(e *fhir.Element, f *frame, depth int) error {
	typ := e.Get("resourceType").Text()
	st := w.schema.resource(typ)
	if st == nil {
		return fault(f, "%q is no resource type of R4", clip(typ))
	}
	w.open(typ, depth)
	if depth == 0 {
		w.b = append(w.b, ` xmlns="`+nsFHIR+`"`...)
	}
	return w.body(typ, e, st.Root(), f, depth)
}

// child is a JSON member pair: a value and its shadow _name, one of them nil at
// most.
type child struct {
	def    *definition.Element
	typ    *definition.Type
	name   string
	value  *fhir.Element
	shadow *fhir.Element
}

// body writes the attributes and children of an open tag, and closes it.
func (w *writer) body(tag string, e *fhir.Element, owner *definition.Element, f *frame, depth int) error {
	children, err := w.children(e, owner, f)
	if err != nil {
		return err
	}
	inside := false
	for _, c := range children {
		if !isAttribute(c.def) {
			inside = true
			continue
		}
		if c.shadow != nil {
			return fault(f, "the attribute %s has no place for an extension", c.name)
		}
		if err := w.attribute(c.name, c.value, &frame{f, c.name, -1}); err != nil {
			return err
		}
	}
	if !inside {
		w.b = append(w.b, "/>"...)
		return nil
	}
	w.b = append(w.b, '>')
	for i := range children {
		if !isAttribute(children[i].def) {
			if err := w.child(&children[i], f, depth+1); err != nil {
				return err
			}
		}
	}
	w.line(depth)
	w.close(tag)
	return nil
}

// children pairs the members of an object and puts them in the order of the
// definition; members of one element, such as two types of a choice, stay as
// they were.
func (w *writer) children(e *fhir.Element, owner *definition.Element, f *frame) ([]child, error) {
	out := make([]child, 0, e.Len())
	for _, m := range e.Members() {
		if m.Name == "resourceType" && owner.Parent == nil && !strings.Contains(owner.Path, ".") && w.schema.resource(owner.Path) != nil {
			continue
		}
		name, isShadow := strings.CutPrefix(m.Name, "_")
		def, typ := owner.Child(name)
		if def == nil {
			return nil, fault(f, "element %q is not known here", clip(m.Name))
		}
		at := slices.IndexFunc(out, func(c child) bool { return c.name == name })
		if at < 0 {
			at = len(out)
			out = append(out, child{def: def, typ: typ, name: name})
		}
		if isShadow {
			out[at].shadow = m.Value
		} else {
			out[at].value = m.Value
		}
	}
	slices.SortStableFunc(out, func(a, b child) int { return a.def.Index - b.def.Index })
	return out, nil
}

func (w *writer) child(c *child, f *frame, depth int) error {
	how, owner := w.shape(c.def, c.typ)
	if c.shadow != nil && how != primitiveShape {
		return fault(&frame{f, c.def.Name, -1}, "only a primitive has %q", clip("_"+c.name))
	}
	values, shadows := c.value.Items(), c.shadow.Items()
	for i := range max(len(values), len(shadows)) {
		here := frame{parent: f, name: c.def.Name, index: -1}
		if c.def.Choice {
			here.name += ".ofType(" + c.typ.Code + ")"
		}
		if c.def.Repeats() {
			here.index = i
		}
		var value, shadow *fhir.Element
		if i < len(values) && values[i].Kind() != fhir.Null {
			value = values[i]
		}
		if i < len(shadows) && shadows[i].Kind() != fhir.Null {
			shadow = shadows[i]
		}
		if err := w.content(c.name, how, owner, value, shadow, &here, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) content(tag string, how shape, owner *definition.Element, value, shadow *fhir.Element, f *frame, depth int) error {
	switch how {
	case primitiveShape:
		return w.primitive(tag, owner, value, shadow, f, depth)
	case xhtmlShape:
		if !value.Is(fhir.String) {
			return fault(f, "a narrative is a string of XHTML, this is a JSON %s", value.Kind())
		}
		w.line(depth)
		var err error
		w.b, err = appendXHTML(w.b, value.Text(), f.String())
		return err
	case unknownShape:
		return fault(f, "its type is not known to the definitions")
	}
	if !value.Is(fhir.Object) {
		return fault(f, "an object was expected, this is a JSON %s", value.Kind())
	}
	w.open(tag, depth)
	if how == complexShape {
		return w.body(tag, value, owner, f, depth)
	}
	w.b = append(w.b, '>')
	if err := w.resource(value, f, depth+1); err != nil {
		return err
	}
	w.line(depth)
	w.close(tag)
	return nil
}

// primitive writes a value, and its id and extensions, which JSON keeps apart.
func (w *writer) primitive(tag string, owner *definition.Element, value, shadow *fhir.Element, f *frame, depth int) error {
	switch {
	case value == nil && shadow == nil:
		return fault(f, "it has neither a value nor an extension")
	case shadow != nil && !shadow.Is(fhir.Object):
		return fault(f, "id and extensions of a primitive are an object, this is a JSON %s", shadow.Kind())
	}
	w.open(tag, depth)
	// A shadow that brings a value of its own would put the attribute there twice.
	if shadow.Get("value") != nil {
		return fault(f, "id and extensions of a primitive have no value")
	}
	if value != nil {
		if err := w.attribute("value", value, f); err != nil {
			return err
		}
	}
	if shadow == nil {
		w.b = append(w.b, "/>"...)
		return nil
	}
	return w.body(tag, shadow, owner, f, depth)
}
