package mask

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
)

// maxDepth bounds how deep is looked; what lies deeper is hidden.
const maxDepth = 64

// Apply gives the JSON of a resource without what is hidden of it, and of all that is
// contained in it; changed is false when nothing is. meets is asked whether the resource
// lies in a View, for rules by label.
func (m *Mask) Apply(typ string, body []byte, meets func(search.View) (bool, error)) (shown []byte, changed bool, err error) {
	nested := bytes.Count(body, []byte(`"resourceType":`)) > 1
	bits := m.always
	for i := range m.rules.list {
		one := &m.rules.list[i]
		if one.about == nil || m.all&(1<<i) == 0 || !nested && !slices.ContainsFunc(one.paths, func(p place) bool { return p.typ == typ }) {
			continue
		}
		compiler := consent.Compiler{Search: m.rules.known, Codes: m.rules.codes}
		met, err := meets(compiler.View(*one.about, typ))
		if err != nil {
			return nil, false, err
		}
		if met {
			bits |= 1 << i
		}
	}
	w := walk{rules: m.rules, set: m.rules.set(bits)}
	if w.set[typ] == nil && (!nested || len(w.set) == 0) {
		return body, false, nil
	}
	root, err := fhir.ParseElement(body)
	if err != nil {
		return nil, false, fmt.Errorf("a resource to be masked: %w", err)
	}
	out := w.resource(root, 0)
	if out == root {
		return body, false, nil
	}
	return out.AppendJSON(nil), true, nil
}

// walk makes a copy of a resource without what is hidden. Parts that are the same are
// shared.
type walk struct {
	rules *Rules
	set   set
}

// resource gives the resource itself when nothing of it is hidden.
func (w *walk) resource(e *fhir.Element, depth int) *fhir.Element {
	typ := e.Get("resourceType").Text()
	s, err := w.rules.structures.Structure(typ)
	if err != nil {
		return e // of no type that has obligations
	}
	hides := w.set[typ]
	if hides == nil {
		hides = &hidden{}
	}
	out := w.object(e, at{typ, "", s.Root(), hides}, depth+1)
	if out == e && (w.set[typ] == nil || e.Get("text") == nil) {
		return e
	}
	return marked(out)
}

// at is where a walk is: at an element of a type, by its path below that.
type at struct {
	typ, path string
	def       *definition.Element
	hides     *hidden
}

// object hides members of an object, and what is in them.
func (w *walk) object(e *fhir.Element, here at, depth int) *fhir.Element {
	if depth > maxDepth {
		return fhir.NewObject(absent())
	}
	owner := here.def
	if owner.Content != nil {
		owner = owner.Content
	}
	out, changed := fhir.NewObject(), false
	for _, m := range e.Members() {
		name := strings.TrimPrefix(m.Name, "_")
		def, typ := owner.Child(name)
		if def == nil {
			value := w.unknown(m.Value, depth)
			changed = changed || value != m.Value
			out.Set(m.Name, value)
			continue
		}
		there := at{here.typ, below(here.path, def, here.typ), def, here.hides}
		if here.hides.paths[there.path] {
			changed = true
			if what, value := w.instead(def, typ, name, m.Value); value != nil && out.Get(what) == nil {
				out.Set(what, value)
			}
			continue
		}
		value := w.value(m.Value, there, typ, depth)
		changed = changed || value != m.Value
		out.Set(m.Name, value)
	}
	if !changed {
		return e
	}
	return out
}

// value hides what is in a value.
func (w *walk) value(e *fhir.Element, here at, typ *definition.Type, depth int) *fhir.Element {
	switch e.Kind() {
	case fhir.Array:
		out, changed := fhir.NewArray(), false
		for _, item := range e.Items() {
			kept := w.value(item, here, typ, depth+1)
			changed = changed || kept != item
			out.Append(kept)
		}
		if changed {
			return out
		}
	case fhir.Object:
		if typ != nil && typ.Code == "Resource" { // no other object is one, whatever it says
			return w.resource(e, depth)
		}
		if here.def.Content != nil || len(here.def.Children) > 0 {
			return w.object(e, here, depth+1)
		}
		if typ == nil || !here.hides.leads[here.path] {
			return e
		}
		if s, err := w.rules.structures.Structure(typ.Code); err == nil {
			here.def = s.Root()
			return w.object(e, here, depth+1)
		}
	}
	return e
}

// unknown hides what is in resources in a value that no definition tells of, which a
// server that does not validate may store.
func (w *walk) unknown(e *fhir.Element, depth int) *fhir.Element {
	if !e.Is(fhir.Object) && !e.Is(fhir.Array) {
		return e
	}
	if depth > maxDepth {
		return fhir.NewObject(absent())
	}
	if e.Get("resourceType") != nil {
		return w.resource(e, depth)
	}
	members, changed := slices.Clone(e.Members()), false
	for i, m := range members {
		members[i].Value = w.unknown(m.Value, depth+1)
		changed = changed || members[i].Value != m.Value
	}
	switch {
	case !changed:
		return e
	case e.Is(fhir.Object):
		return fhir.NewObject(members...)
	}
	out := fhir.NewArray()
	for _, m := range members {
		out.Append(m.Value)
	}
	return out
}

// instead is what stands in the place of a member that is hidden: that a value is masked
// where it is a primitive, or where there must be one, or where it would change the
// meaning to leave it out. Nil is nothing.
func (w *walk) instead(def *definition.Element, typ *definition.Type, name string, was *fhir.Element) (string, *fhir.Element) {
	code := ""
	if typ != nil {
		code = typ.Code
	}
	var value *fhir.Element
	switch {
	case primitive(code):
		name, value = "_"+name, fhir.NewObject(absent())
	case def.Min > 0 || def.IsModifier:
		value = w.filled(def, code, 0)
	default:
		return "", nil
	}
	if was.Is(fhir.Array) {
		value = fhir.NewArray(value)
	}
	return name, value
}

// filled is an element of which no more is said than what must be, and that is masked.
func (w *walk) filled(def *definition.Element, typ string, depth int) *fhir.Element {
	out := fhir.NewObject(absent())
	if def.Content != nil {
		def = def.Content
	}
	children := def.Children
	if len(children) == 0 {
		if s, err := w.rules.structures.Structure(typ); err == nil {
			children = s.Root().Children
		}
	}
	for _, c := range children {
		if c.Min == 0 || len(c.Types) == 0 || depth > 4 {
			continue
		}
		code := c.Types[0].Code
		name, value := c.JSONName(code), fhir.NewObject(absent())
		if primitive(code) {
			name = "_" + name
		} else {
			value = w.filled(c, code, depth+1)
		}
		if c.Repeats() {
			value = fhir.NewArray(value)
		}
		out.Set(name, value)
	}
	return out
}

// absent says that a value is there and not told (R4 extension-data-absent-reason).
func absent() fhir.Member {
	return fhir.M("extension", fhir.NewArray(fhir.NewObject(fhir.S("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason"), fhir.S("valueCode", "masked"))))
}

// observationValue is the code system of what was done to the information in a resource.
const observationValue = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"

// marked is a resource without its narrative, which may say what was masked, and with
// the labels MASKED (DS4P) and SUBSETTED (R4 resource §2.26.3.4).
func marked(e *fhir.Element) *fhir.Element {
	meta := fhir.NewObject(slices.Clone(e.Get("meta").Members())...)
	if !e.Get("meta").Is(fhir.Object) {
		meta = fhir.NewObject()
	}
	label(meta, "security", "MASKED", "masked")
	label(meta, "tag", "SUBSETTED", "subsetted")
	out, placed := fhir.NewObject(), e.Get("meta") != nil
	for _, m := range e.Members() {
		switch m.Name {
		case "text":
			continue
		case "meta":
			m.Value = meta
		}
		out.Set(m.Name, m.Value)
		if m.Name == "id" && !placed { // the identity of a stored body comes first
			out.Set("meta", meta)
			placed = true
		}
	}
	if !placed {
		out.Set("meta", meta)
	}
	return out
}

func label(meta *fhir.Element, list, code, display string) {
	items := fhir.NewArray()
	for _, one := range meta.Get(list).Items() {
		if one.Get("system").Text() != observationValue || one.Get("code").Text() != code {
			items.Append(one)
		}
	}
	items.Append(fhir.NewObject(fhir.S("system", observationValue), fhir.S("code", code), fhir.S("display", display)))
	meta.Set(list, items)
}
