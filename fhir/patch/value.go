package patch

import (
	"fmt"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// value is the part "value" of an operation: a value[x], the parts of an
// anonymous type such as Patient.contact, or a resource (R4 fhirpatch: "values
// of anonymous types are parts").
type value struct {
	suffix   string // "Date" of valueDate
	el       *fhir.Element
	shadow   *fhir.Element // "_valueDate"
	resource *fhir.Element
	parts    []namedValue
}

type namedValue struct {
	name string
	value
}

// maxParts is how deep parts may be inside parts.
const maxParts = 20

func readValue(part *fhir.Element, level int) (*value, string) {
	if level > maxParts {
		return nil, fmt.Sprintf("parts nest deeper than %d levels", maxParts)
	}
	var v value
	kinds := make(map[string]bool)
	for _, m := range part.Members() {
		suffix, isShadow := strings.CutPrefix(m.Name, "_")
		suffix, isValue := strings.CutPrefix(suffix, "value")
		switch {
		case m.Name == "name", m.Name == "id", m.Name == "extension", m.Name == "_name":
		case isValue:
			kinds["value"+suffix] = true
			v.suffix = suffix
			if isShadow {
				v.shadow = m.Value
			} else {
				v.el = m.Value
			}
		case m.Name == "resource":
			kinds[m.Name] = true
			v.resource = m.Value
		case m.Name == "part":
			kinds[m.Name] = true
			for _, inner := range m.Value.Items() {
				name := inner.Get("name").Text()
				sub, reason := readValue(inner, level+1)
				if reason != "" {
					return nil, fmt.Sprintf("part %q: %s", clip(name), reason)
				}
				v.parts = append(v.parts, namedValue{name, *sub})
			}
		default:
			return nil, fmt.Sprintf("%q is not known", clip(m.Name))
		}
	}
	if len(kinds) != 1 {
		return nil, fmt.Sprintf("it needs one value, resource or list of parts, it has %d", len(kinds))
	}
	return &v, ""
}

// fitter makes the JSON of values for elements of the definitions.
type fitter struct{ src definition.Structures }

// owner is the element with the children of a type, named by FHIR name or, for
// an anonymous type, by path; nil when the definitions lack it.
func (f fitter) owner(path string) *definition.Element {
	name, _, anonymous := strings.Cut(path, ".")
	if name == "" {
		return nil
	}
	s, err := f.src.Structure(name)
	if err != nil {
		return nil
	}
	if !anonymous {
		return s.Root()
	}
	return s.ByPath(path)
}

// childOf finds the element that a name stands for: a FHIRPath name such as
// "value", one with its type as in JSON, or "value[x]". For a choice the value
// decides the type.
func childOf(owner *definition.Element, name string, v *value) (*definition.Element, *definition.Type, string) {
	if def, typ := owner.Child(name); def != nil {
		return def, typ, ""
	}
	children := owner.Children
	if len(children) == 0 && owner.Content != nil {
		children = owner.Content.Children
	}
	bare := strings.TrimSuffix(name, "[x]")
	for _, c := range children {
		if c.Choice && c.Name == bare {
			if typ := c.ChoiceType(v.suffix); typ != nil {
				return c, typ, ""
			}
			return nil, nil, fmt.Sprintf("%s must not be %s", bare, v.what())
		}
	}
	return nil, nil, fmt.Sprintf("there is no element %q here", clip(name))
}

// what names the kind of value for a message.
func (v *value) what() string {
	switch {
	case v.resource != nil:
		return "a resource"
	case v.suffix != "":
		return "of type " + clip(v.suffix)
	}
	return "a list of parts"
}

// fit gives the JSON of the value for an element, or says why it cannot be one.
func (f fitter) fit(v *value, def *definition.Element, typ *definition.Type) (el, shadow *fhir.Element, reason string) {
	owner := def.Content
	if owner == nil && len(def.Children) > 0 {
		owner = def
	}
	if owner == nil && typ != nil {
		if typ.Code == "Resource" {
			if !v.resource.Is(fhir.Object) {
				return nil, nil, "a resource was expected, the value is " + v.what()
			}
			return v.resource.Clone(), nil, ""
		}
		owner = f.owner(typ.Code)
	}
	if owner == nil {
		return nil, nil, "the type of this element is not known to the definitions"
	}
	if v.parts != nil {
		el, reason = f.build(v.parts, owner)
		return el, nil, reason
	}
	if v.resource != nil || typ == nil || !f.allows(v, def, typ) {
		return nil, nil, fmt.Sprintf("%s was expected, the value is %s", expected(def, typ), v.what())
	}
	return v.el.Clone(), v.shadow.Clone(), ""
}

func expected(def *definition.Element, typ *definition.Type) string {
	if def.Content != nil || len(def.Children) > 0 || typ == nil {
		return "a list of parts"
	}
	return "a value of type " + typ.Code
}

// allows reports whether a value[x] can stand for the type. Among primitives the
// JSON kind decides, since a code or an xhtml is often given as a string;
// whether the text fits is for validation to say.
func (f fitter) allows(v *value, def *definition.Element, typ *definition.Type) bool {
	if def.Content != nil || len(def.Children) > 0 {
		return false
	}
	if s, err := f.src.Structure(typ.Code); err == nil && s.Kind == definition.Primitive || typ.Code == "xhtml" {
		want := fhir.String
		switch typ.Code {
		case "boolean":
			want = fhir.Bool
		case "integer", "positiveInt", "unsignedInt", "decimal":
			want = fhir.Number
		}
		return (v.el == nil || v.el.Is(want)) && (v.shadow == nil || v.shadow.Is(fhir.Object))
	}
	if !v.el.Is(fhir.Object) || v.shadow != nil {
		return false
	}
	return v.suffix == typ.Code || definition.Descends(f.src, v.suffix, typ.Code) ||
		v.suffix == "Quantity" && definition.Descends(f.src, typ.Code, "Quantity")
}

// build makes an object of parts.
func (f fitter) build(parts []namedValue, owner *definition.Element) (*fhir.Element, string) {
	out := fhir.NewObject()
	for i := range parts {
		p := &parts[i]
		def, typ, reason := childOf(owner, p.name, &p.value)
		var el, shadow *fhir.Element
		if reason == "" {
			el, shadow, reason = f.fit(&p.value, def, typ)
		}
		if reason != "" {
			return nil, fmt.Sprintf("part %q: %s", clip(p.name), reason)
		}
		name := jsonName(def, typ)
		at := place{in: out, name: name, index: -1}
		values, shadows := at.lists()
		switch {
		case def.Repeats():
			at.index = max(values.Len(), shadows.Len())
			at.insert(el, shadow)
		case values != nil || shadows != nil:
			return nil, fmt.Sprintf("part %q is there twice and does not repeat", clip(p.name))
		default:
			out.Set(name, el)
			out.Set("_"+name, shadow)
		}
	}
	return out, ""
}

func jsonName(def *definition.Element, typ *definition.Type) string {
	if typ == nil {
		return def.Name
	}
	return def.JSONName(typ.Code)
}
