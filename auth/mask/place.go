package mask

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
)

// apart are the types nothing can be hidden of: a Binary is given as it is, Consents and
// AuditEvents say who may see what and who saw it, and by the others the server itself
// works, whoever asks.
var apart = []string{"AuditEvent", "Binary", "CapabilityStatement", "CodeSystem", "CompartmentDefinition", "ConceptMap", "Consent", "GraphDefinition", "ImplementationGuide",
	"MessageDefinition", "NamingSystem", "OperationDefinition", "OperationOutcome", "Parameters", "SearchParameter", "StructureDefinition", "StructureMap", "Subscription",
	"TerminologyCapabilities", "ValueSet"}

// everyType stands for all types that have the element.
const everyType = "*"

// places are the elements that a path of the file names.
func (r *Rules) places(text string) ([]place, error) {
	typ, path, ok := strings.Cut(text, ".")
	switch {
	case !ok:
		return nil, errors.New("it is a type and an element, such as Patient.telecom, or * for every type that has the element")
	case typ != everyType && !fhir.IsResourceType(typ):
		return nil, fmt.Errorf("%s is no resource type of R4", typ)
	case slices.Contains(apart, typ):
		return nil, fmt.Errorf("nothing of a %s can be masked", typ)
	}
	if typ != everyType {
		p, err := r.place(typ, path)
		return []place{p}, err
	}
	var list []place
	err := errors.New("no type has such an element")
	for _, typ := range fhir.ResourceTypes() {
		if slices.Contains(apart, typ) {
			continue
		}
		switch p, no := r.place(typ, path); {
		case no == nil:
			list = append(list, p)
		case !errors.Is(no, errNone):
			return nil, fmt.Errorf("of %s: %w", typ, no)
		}
	}
	if len(list) == 0 {
		return nil, err
	}
	return list, nil
}

// errNone: the type has no such element.
var errNone = errors.New("there is no such element")

// place finds an element that may be hidden.
func (r *Rules) place(typ, path string) (place, error) {
	names := strings.Split(path, ".")
	for i := range names {
		names[i] = strings.TrimSuffix(names[i], "[x]")
	}
	switch names[0] {
	case "id", "meta", "implicitRules", "modifierExtension":
		return place{}, fmt.Errorf("%s cannot be masked: nobody could tell what the rest means", names[0])
	}
	at, e, err := r.resolve(typ, names)
	if err != nil {
		return place{}, err
	}
	if e.Name == "modifierExtension" {
		return place{}, errors.New("what modifies the meaning of an element cannot be masked")
	}
	p := place{typ, at}
	if c := r.known.Compartment("Patient"); c != nil {
		if clause, ok := c.Clause(typ, "x"); ok && slices.ContainsFunc(clause.Param.Union, func(param *search.Param) bool { return r.touches(p, param, search.ByValue) }) {
			return place{}, errors.New("it places the resource in the compartment of a patient, which must be known of every resource; of a reference, display and identifier can be masked")
		}
	}
	return p, nil
}

// resolve finds the element of a type by the names that lead to it, and its path with
// what repeats another element's content called as that.
func (r *Rules) resolve(typ string, names []string) (path string, e *definition.Element, err error) {
	s, err := r.structures.Structure(typ)
	if err != nil {
		return "", nil, errNone
	}
	here := []*definition.Element{s.Root()}
	for i, name := range names {
		var next []*definition.Element
		for _, parent := range here {
			for _, c := range r.children(parent) {
				if c.Name == name {
					next = append(next, c)
				}
			}
		}
		if len(next) == 0 {
			return "", nil, fmt.Errorf("%w: %s", errNone, typ+"."+strings.Join(names[:i+1], "."))
		}
		here = next
		path = below(path, next[0], typ)
	}
	return path, here[0], nil
}

// below is the path of an element below another path of a type.
func below(path string, e *definition.Element, typ string) string {
	if e.Content != nil {
		if same, ok := strings.CutPrefix(e.Content.Path, typ+"."); ok {
			return strings.ReplaceAll(same, "[x]", "")
		}
	}
	if path == "" {
		return e.Name
	}
	return path + "." + e.Name
}

// children are the elements below one: its own, or those of the types that it may have.
// A primitive has none: it is hidden as a whole.
func (r *Rules) children(e *definition.Element) []*definition.Element {
	if e.Content != nil {
		e = e.Content
	}
	if len(e.Children) > 0 {
		return e.Children
	}
	var list []*definition.Element
	for i := range e.Types {
		if primitive(e.Types[i].Code) {
			continue
		}
		if s, err := r.structures.Structure(e.Types[i].Code); err == nil {
			list = append(list, s.Root().Children...)
		}
	}
	return list
}

// primitive reports whether a type is a primitive of FHIR, by its name: those begin with
// a small letter, also the system types of FHIRPath as definitions write them.
func primitive(typ string) bool { return typ != "" && typ[0] >= 'a' && typ[0] <= 'z' }
