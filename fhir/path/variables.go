package path

import "strings"

// variable compiles %name (FHIRPath §8; R4 fhirpath §2.9.2: %resource,
// %rootResource, %context, %ucum, %sct, %loinc, %vs-[name], %ext-[name]).
func variable(n *node) evalFn {
	if text, ok := knownURL(n.text); ok {
		it := String(text)
		return func(s *session, f *frame, out []Item) ([]Item, error) {
			if given, ok := s.env.Variables[n.text]; ok {
				return append(out, given...), nil
			}
			return append(out, it), nil
		}
	}
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		if given, ok := s.env.Variables[n.text]; ok {
			return append(out, given...), s.spend(len(given))
		}
		switch n.text {
		case "context":
			if s.env.Context != nil {
				return append(out, s.env.Context...), nil
			}
			return append(out, s.root...), nil
		case "resource":
			if s.env.Resource != nil {
				return append(out, s.env.Resource...), nil
			}
			return appendNode(out, s.home(false)), nil
		case "rootResource":
			if s.env.RootResource != nil {
				return append(out, s.env.RootResource...), nil
			}
			return appendNode(out, s.home(true)), nil
		}
		return nil, errAt(Execution, n.pos, "the variable %%%s is not known", clip(n.text, 40))
	}
}

func appendNode(out []Item, n *Node) []Item {
	if n == nil {
		return out
	}
	return append(out, nodeItem(n))
}

// home is the resource of the input, or its container.
func (s *session) home(outermost bool) *Node {
	for i := range s.root {
		n := s.root[i].node
		if n == nil {
			continue
		}
		if outermost {
			return n.container()
		}
		return n.resource()
	}
	return nil
}

func knownURL(name string) (string, bool) {
	switch name {
	case "ucum":
		return ucumSystem, true
	case "sct":
		return "http://snomed.info/sct", true
	case "loinc":
		return "http://loinc.org", true
	}
	if rest, ok := strings.CutPrefix(name, "vs-"); ok {
		return "http://hl7.org/fhir/ValueSet/" + rest, true
	}
	if rest, ok := strings.CutPrefix(name, "ext-"); ok {
		return "http://hl7.org/fhir/StructureDefinition/" + rest, true
	}
	return "", false
}
