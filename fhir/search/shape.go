package search

import (
	"slices"
	"strings"

	"vitalwire/fhir"
)

// Shape is how much of each resource an answer has (R4 search §3.1.1.5.9 and
// §3.1.1.5.10).
type Shape struct {
	// Summary is true, text, data, count or false; "" is false.
	Summary string
	// Elements are those at the top of a resource that are wanted; empty for all.
	Elements []string
}

// Whole reports whether resources come as they are.
func (s Shape) Whole() bool {
	return len(s.Elements) == 0 && (s.Summary == "" || s.Summary == "false" || s.Summary == "count")
}

// ReadShape reads the value of _summary or _elements into s.
func (s *Shape) ReadShape(name, value string) *fhir.Error {
	switch name {
	case "_summary":
		if !slices.Contains([]string{"true", "text", "data", "count", "false"}, value) {
			return fhir.BadSearch("_summary must be true, text, data, count or false, not %q", value)
		}
		s.Summary = value
		return nil
	case "_elements":
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") != "" || len(s.Elements) == maxElements {
				return fhir.BadSearch("_elements must be at most %d names of elements with commas between them, such as status,subject", maxElements)
			}
			s.Elements = append(s.Elements, name)
		}
		return nil
	}
	return fhir.BadSearch("%s takes no modifier", name)
}

const maxElements = 100

func (p *parse) shape(name, value string) *fhir.Error {
	if err := p.out.Shape.ReadShape(name, value); err != nil {
		return err
	}
	if name == "_elements" {
		return p.knownElements()
	}
	return nil
}

// knownElements refuses elements that no resource of the type has; an included one
// may be of another type, of which nothing is known yet.
func (p *parse) knownElements() *fhir.Error {
	for _, name := range p.out.Shape.Elements {
		typ, element, dotted := strings.Cut(name, ".")
		if !dotted {
			typ, element = p.typ, name
		}
		if !fhir.IsResourceType(typ) {
			return fhir.BadSearch("_elements: %s is not an element at the top of a resource", name)
		}
		if s, err := p.reg.src.Structure(typ); err == nil && !dotted && p.types == nil && !p.includes && s.ByPath(typ+"."+element) == nil && s.ByPath(typ+"."+element+"[x]") == nil {
			return fhir.BadSearch("_elements: %s has no element %s", typ, element)
		}
	}
	return nil
}

// contained reads _contained and _containedType (R4 search §3.1.1.5.13).
func (p *parse) contained(name, value string) *fhir.Error {
	q := p.out.Query
	if name == "_contained" {
		modes := map[string]Contained{"false": NotContained, "true": OnlyContained, "both": AlsoContained}
		mode, ok := modes[value]
		if !ok {
			return fhir.BadSearch("_contained must be false, true or both, not %q", value)
		}
		q.Contained = mode
		return nil
	}
	switch value {
	case "container":
		q.Inner = false
	case "contained":
		q.Inner = true
	default:
		return fhir.BadSearch("%s must be container or contained, not %q", name, value)
	}
	return nil
}

// typed refuses _type where the address has a type already (R4 search §3.1.1.5).
func (p *parse) typed(name, value string) *fhir.Error {
	if p.types != nil || name == "_type" && value == p.typ {
		return nil
	}
	return fhir.BadSearch("_type is for searches of several types, at the base; this one is for %s", p.typ)
}
