// Package shape makes resources smaller: _summary and _elements (R4 search
// §3.1.1.5.9, §3.1.1.5.10), which count for reads, too.
package shape

import (
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
)

// The tag of a resource of which something was left out (R4 resource §2.26.3.4).
const (
	subsettedSystem = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
	subsettedCode   = "SUBSETTED"
)

// maxDepth bounds how deep elements are looked at; what lies deeper stays whole.
const maxDepth = 32

// Shaper leaves out what was not asked for.
type Shaper struct {
	// Definitions may be nil when Shape is Whole.
	Definitions definition.Structures
	Shape       search.Shape
}

// Apply gives a resource with what the shape keeps, marked as SUBSETTED; the
// resource itself when nothing is to be left out. What was given is not changed,
// and shares its parts with the answer. A type without a definition stays whole.
func (s Shaper) Apply(resource *fhir.Element) *fhir.Element {
	if s.Shape.Whole() {
		return resource
	}
	typ := resource.Get("resourceType").Text()
	structure, err := s.Definitions.Structure(typ)
	if err != nil {
		return resource
	}
	root := structure.Root()
	out := fhir.NewObject()
	for _, m := range resource.Members() {
		if value := s.keep(typ, root, m); value != nil {
			out.Set(m.Name, value)
		}
	}
	return marked(out)
}

// keep gives what is kept of a member of a resource; nil for nothing.
func (s Shaper) keep(typ string, root *definition.Element, m fhir.Member) *fhir.Element {
	switch m.Name {
	case "resourceType", "id", "meta":
		return m.Value
	}
	e, typeName := child(root, strings.TrimPrefix(m.Name, "_"))
	mandatory := e != nil && e.Min > 0
	switch {
	case len(s.Shape.Elements) > 0 && s.named(typ, m.Name, e):
		return m.Value
	case len(s.Shape.Elements) > 0:
		if mandatory || e != nil && e.IsModifier {
			return m.Value
		}
		return nil
	}
	switch s.Shape.Summary {
	case "text":
		if m.Name == "text" || mandatory {
			return m.Value
		}
		return nil
	case "data":
		if m.Name == "text" {
			return nil
		}
		return m.Value
	}
	if e == nil || !e.IsSummary && !e.IsModifier && !mandatory {
		return nil // what modifies is never left out silently
	}
	return s.summary(e, typeName, m.Value, 0)
}

// named reports whether _elements names a member, as it is written in JSON or in
// the definition, perhaps with its type before a dot.
func (s Shaper) named(typ, member string, e *definition.Element) bool {
	member = strings.TrimPrefix(member, "_")
	for _, name := range s.Shape.Elements {
		if of, rest, ok := strings.Cut(name, "."); ok {
			if of != typ {
				continue
			}
			name = rest
		}
		if name == member || e != nil && name == e.Name {
			return true
		}
	}
	return false
}

// summary keeps of a value what its definition marks as summary or demands.
func (s Shaper) summary(e *definition.Element, typ string, value *fhir.Element, depth int) *fhir.Element {
	switch value.Kind() {
	case fhir.Array:
		out := fhir.NewArray()
		for _, item := range value.Items() {
			if kept := s.summary(e, typ, item, depth); kept != nil {
				out.Append(kept)
			}
		}
		return out
	case fhir.Object:
	default:
		return value
	}
	if typ == "Extension" { // such as a modifierExtension: it says something whole, or nothing
		return value
	}
	if e.Content != nil {
		e = e.Content
	}
	if len(e.Children) == 0 {
		structure, err := s.Definitions.Structure(typ)
		if err != nil || depth > maxDepth {
			return value
		}
		e = structure.Root()
	}
	out := fhir.NewObject()
	for _, m := range value.Members() {
		inner, innerType := child(e, strings.TrimPrefix(m.Name, "_"))
		if inner == nil || !inner.IsSummary && inner.Min == 0 {
			continue
		}
		out.Set(m.Name, s.summary(inner, innerType, m.Value, depth+1))
	}
	if out.Len() == 0 { // such as a type of which nothing is marked
		return value
	}
	return out
}

// child finds the element of a JSON member below another, and its type.
func child(parent *definition.Element, name string) (*definition.Element, string) {
	for _, e := range parent.Children {
		if !e.Choice && e.Name == name {
			typ := ""
			if len(e.Types) > 0 {
				typ = e.Types[0].Code
			}
			return e, typ
		}
		if !e.Choice || !strings.HasPrefix(name, e.Name) {
			continue
		}
		for _, t := range e.Types {
			if t.Code != "" && name == e.Name+strings.ToUpper(t.Code[:1])+t.Code[1:] {
				return e, t.Code
			}
		}
	}
	return nil, ""
}

// marked adds the tag SUBSETTED to a copy of meta.
func marked(resource *fhir.Element) *fhir.Element {
	meta := fhir.NewObject()
	for _, m := range resource.Get("meta").Members() {
		meta.Set(m.Name, m.Value)
	}
	tags := fhir.NewArray()
	for _, tag := range meta.Get("tag").Items() {
		if tag.Get("code").Text() == subsettedCode && tag.Get("system").Text() == subsettedSystem {
			continue
		}
		tags.Append(tag)
	}
	tags.Append(fhir.NewObject(fhir.S("system", subsettedSystem), fhir.S("code", subsettedCode), fhir.S("display", "subsetted")))
	meta.Set("tag", tags)
	out := fhir.NewObject()
	for _, m := range resource.Members() {
		out.Set(m.Name, m.Value)
		if m.Name == "id" {
			out.Set("meta", meta)
		}
	}
	out.Set("meta", meta)
	return out
}
