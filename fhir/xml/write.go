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
	w.push(r.Type(), -1)
	if err := w.resource(r.Root(), 0); err != nil {
		return nil, err
	}
	if indent {
		w.b = append(w.b, '\n')
	}
	return w.b, nil
}

type writer struct {
	schema
	trail
	b        []byte
	indent   bool
	children []child // of the elements being written, outermost first
}

// fault says why the current element, or a child of it, cannot be written.
func (w *writer) fault(child, format string, args ...any) error {
	return fhir.Unprocessable(w.expression(child), "cannot be written as XML: "+format, args...).WithCode(fhir.CodeStructure)
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

func (w *writer) attribute(name string, value *fhir.Element, child string) error {
	if value.Is(fhir.Object) || value.Is(fhir.Array) {
		return w.fault(child, "a primitive value was expected, this is a JSON %s", value.Kind())
	}
	if c, found := unwritable(value.Text()); found {
		return w.fault(child, "XML has no character U+%04X", c)
	}
	w.b = append(append(append(w.b, ' '), name...), `="`...)
	w.b = append(appendAttribute(w.b, value.Text()), '"')
	return nil
}

func (w *writer) resource(e *fhir.Element, depth int) error {
	typ := e.Get("resourceType").Text()
	st := w.schema.resource(typ)
	if st == nil {
		return w.fault("", "%q is no resource type of R4", clip(typ))
	}
	w.open(typ, depth)
	if depth == 0 {
		w.b = append(w.b, ` xmlns="`+nsFHIR+`"`...)
	}
	return w.body(typ, e, st.Root(), depth)
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
func (w *writer) body(tag string, e *fhir.Element, owner *definition.Element, depth int) error {
	from := len(w.children)
	if err := w.gather(e, owner); err != nil {
		return err
	}
	to := len(w.children)
	inside := false
	for _, c := range w.children[from:] {
		if !isAttribute(c.def) {
			inside = true
			continue
		}
		if c.shadow != nil {
			return w.fault("", "the attribute %s has no place for an extension", c.name)
		}
		if err := w.attribute(c.name, c.value, c.name); err != nil {
			return err
		}
	}
	if !inside {
		w.children = w.children[:from]
		w.b = append(w.b, "/>"...)
		return nil
	}
	w.b = append(w.b, '>')
	for i := from; i < to; i++ {
		if !isAttribute(w.children[i].def) {
			if err := w.child(w.children[i], depth+1); err != nil {
				return err
			}
		}
	}
	w.children = w.children[:from]
	w.line(depth)
	w.close(tag)
	return nil
}

// gather pairs the members of an object on w.children, in the order of the
// definition; members of one element, such as two types of a choice, stay as
// they were.
func (w *writer) gather(e *fhir.Element, owner *definition.Element) error {
	from := len(w.children)
	for _, m := range e.Members() {
		if m.Name == "resourceType" && owner.Parent == nil && w.schema.resource(owner.Path) != nil {
			continue
		}
		name, isShadow := strings.CutPrefix(m.Name, "_")
		def, typ := owner.Child(name)
		if def == nil {
			return w.fault("", "element %q is not known here", clip(m.Name))
		}
		out := w.children[from:]
		at := slices.IndexFunc(out, func(c child) bool { return c.name == name })
		if at < 0 {
			at = len(out)
			w.children = append(w.children, child{def: def, typ: typ, name: name})
			out = w.children[from:]
		}
		if isShadow {
			out[at].shadow = m.Value
		} else {
			out[at].value = m.Value
		}
	}
	slices.SortStableFunc(w.children[from:], func(a, b child) int { return a.def.Index - b.def.Index })
	return nil
}

func (w *writer) child(c child, depth int) error {
	how, owner := w.shape(c.def, c.typ)
	if c.shadow != nil && how != primitiveShape {
		return w.fault(c.def.Name, "only a primitive has %q", clip("_"+c.name))
	}
	step := c.def.Name
	if c.def.Choice {
		step += ".ofType(" + c.typ.Code + ")"
	}
	repeats := c.def.Repeats()
	for i := range max(length(c.value), length(c.shadow)) {
		index := -1
		if repeats {
			index = i
		}
		w.push(step, index)
		if err := w.content(c.name, how, owner, at(c.value, i), at(c.shadow, i), depth); err != nil {
			return err
		}
		w.pop()
	}
	return nil
}

// length is how many items a member stands for.
func length(e *fhir.Element) int {
	switch {
	case e == nil:
		return 0
	case e.Is(fhir.Array):
		return e.Len()
	}
	return 1
}

// at is item i of an array, or the value itself; nil for null.
func at(e *fhir.Element, i int) *fhir.Element {
	if e.Is(fhir.Array) {
		e = e.At(i)
	} else if i > 0 {
		return nil
	}
	if e.Kind() == fhir.Null {
		return nil
	}
	return e
}

func (w *writer) content(tag string, how shape, owner *definition.Element, value, shadow *fhir.Element, depth int) error {
	switch how {
	case primitiveShape:
		return w.primitive(tag, owner, value, shadow, depth)
	case xhtmlShape:
		if !value.Is(fhir.String) {
			return w.fault("", "a narrative is a string of XHTML, this is a JSON %s", value.Kind())
		}
		w.line(depth)
		var err error
		w.b, err = appendXHTML(w.b, value.Text(), w.expression(""))
		return err
	case unknownShape:
		return w.fault("", "its type is not known to the definitions")
	}
	if !value.Is(fhir.Object) {
		return w.fault("", "an object was expected, this is a JSON %s", value.Kind())
	}
	w.open(tag, depth)
	if how == complexShape {
		return w.body(tag, value, owner, depth)
	}
	w.b = append(w.b, '>')
	if err := w.resource(value, depth+1); err != nil {
		return err
	}
	w.line(depth)
	w.close(tag)
	return nil
}

// primitive writes a value, and its id and extensions, which JSON keeps apart.
func (w *writer) primitive(tag string, owner *definition.Element, value, shadow *fhir.Element, depth int) error {
	switch {
	case value == nil && shadow == nil:
		return w.fault("", "it has neither a value nor an extension")
	case shadow != nil && !shadow.Is(fhir.Object):
		return w.fault("", "id and extensions of a primitive are an object, this is a JSON %s", shadow.Kind())
	}
	w.open(tag, depth)
	// A shadow that brings a value of its own would put the attribute there twice.
	if shadow.Get("value") != nil {
		return w.fault("", "id and extensions of a primitive have no value")
	}
	if value != nil {
		if err := w.attribute("value", value, ""); err != nil {
			return err
		}
	}
	if shadow == nil {
		w.b = append(w.b, "/>"...)
		return nil
	}
	return w.body(tag, shadow, owner, depth)
}
