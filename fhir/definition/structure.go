package definition

import "strings"

// Kind is the StructureDefinition.kind (R4 structure-definition-kind).
type Kind string

// The kinds of structure.
const (
	Primitive Kind = "primitive-type"
	Complex   Kind = "complex-type"
	Resource  Kind = "resource"
	Logical   Kind = "logical"
)

// Structure is a StructureDefinition with a snapshot. It is never changed after
// it was made and is safe for concurrent use.
type Structure struct {
	URL     string // canonical, without version
	Version string
	Name    string
	Kind    Kind
	// Type is the type it defines or constrains, such as "Observation"; a
	// logical model's may be a URL.
	Type string
	// Base is the canonical of the structure it derives from, "" for Element
	// and Resource.
	Base string
	// Derivation is "specialization" for a type, "constraint" for a profile,
	// "" where there is no base.
	Derivation string
	Abstract   bool
	// Context says where an extension may be used; empty for other structures.
	Context []Context
	// ContextInvariants are FHIRPath expressions that must hold where an
	// extension is used.
	ContextInvariants []string
	// Imposes are canonicals of further profiles that an instance must meet
	// (extension structuredefinition-imposeProfile).
	Imposes []string
	// Elements is the snapshot in order; Elements[0] is the root.
	Elements []*Element

	byID   map[string]*Element
	byPath map[string]*Element
}

// Context is one StructureDefinition.context of an extension.
type Context struct {
	Type       string // fhirpath, element or extension
	Expression string
}

// Root is the element of the structure itself.
func (s *Structure) Root() *Element { return s.Elements[0] }

// ByID is the element of that id, such as "Observation.value[x]:valueQuantity.code";
// nil when there is none.
func (s *Structure) ByID(id string) *Element { return s.byID[id] }

// ByPath is the first element of that path, which is never a slice where an
// element without a slice name exists: "Observation.value[x]". Nil when there is none.
func (s *Structure) ByPath(path string) *Element { return s.byPath[path] }

// IsProfile reports whether the structure constrains another one.
func (s *Structure) IsProfile() bool { return s.Derivation == "constraint" }

// IsExtension reports whether the structure defines an extension.
func (s *Structure) IsExtension() bool { return s.Type == "Extension" && s.IsProfile() }

// Canonical is the url, with "|version" where there is one.
func (s *Structure) Canonical() string {
	if s.Version == "" {
		return s.URL
	}
	return s.URL + "|" + s.Version
}

// Unbounded is the Max of an element that may repeat without limit ("*").
const Unbounded = -1

// Element is one ElementDefinition of a snapshot.
type Element struct {
	ID   string // "Patient.identifier:mrn.system"
	Path string // "Patient.identifier.system"
	// Name is the last part of the path without "[x]"; of the root the type.
	Name string
	// Choice is set for a path that ends in "[x]": in JSON the name is followed
	// by the type, as in valueQuantity.
	Choice bool
	// SliceName is set for a slice; a slice of a slice is "outer/inner".
	SliceName string

	Min int
	Max int // Unbounded for "*"
	// Base is the element this one goes back to, such as "DomainResource.extension".
	Base Base
	// ContentReference is set instead of Types for an element with the content
	// of another: "#Observation.referenceRange". Content is that element when
	// it is in this structure.
	ContentReference string
	Content          *Element
	Types            []Type

	Binding *Binding
	// Fixed, Pattern, MinValue, MaxValue and Default are JSON values; the type
	// name that stood behind "fixed", "pattern" and so on is in Value.Type.
	Fixed    Value
	Pattern  Value
	MinValue Value
	MaxValue Value
	Default  Value
	// MaxLength is in characters, 0 for no limit.
	MaxLength int

	Constraints []Constraint
	// Conditions are keys of constraints elsewhere that involve this element.
	Conditions []string
	Slicing    *Slicing

	IsModifier  bool
	IsSummary   bool
	MustSupport bool
	// SliceIsConstraining is set where a slice narrows one of the base profile.
	SliceIsConstraining bool
	// Representation is how XML writes it, such as "xmlAttr" (R4 property-representation).
	Representation []string
	Short          string

	// Parent is nil for the root.
	Parent *Element
	// Children are the elements directly below, in snapshot order, slices left out.
	// Empty where the snapshot stops at the type: go on in the type's structure.
	Children []*Element
	// Slices are the slices of this element, in snapshot order; slices of a
	// slice are in that slice's Slices.
	Slices []*Element
	// Sliced is the element this one is a slice of; nil for others.
	Sliced *Element
	// Index is the place in Structure.Elements.
	Index int
}

// Base is ElementDefinition.base.
type Base struct {
	Path string
	Min  int
	Max  int
}

// Repeats reports whether JSON writes the element as an array: the maximum of
// the element it goes back to is over one, whatever this profile narrows it to.
func (e *Element) Repeats() bool {
	if e.Base.Path != "" {
		return e.Base.Max == Unbounded || e.Base.Max > 1
	}
	return e.Max == Unbounded || e.Max > 1
}

// Child finds the child that a JSON member of that name stands for, following
// Content. For a choice such as valueQuantity the type is the one the name
// says; for other elements it is the first type, nil when there is none. Both
// are nil where no child has the name.
func (e *Element) Child(name string) (*Element, *Type) {
	owner := e
	if len(owner.Children) == 0 && owner.Content != nil {
		owner = owner.Content
	}
	for _, c := range owner.Children {
		if !c.Choice {
			if c.Name == name {
				return c, c.firstType()
			}
			continue
		}
		rest, ok := strings.CutPrefix(name, c.Name)
		if !ok || rest == "" {
			continue
		}
		if t := c.ChoiceType(rest); t != nil {
			return c, t
		}
	}
	return nil, nil
}

func (e *Element) firstType() *Type {
	if len(e.Types) == 0 {
		return nil
	}
	return &e.Types[0]
}

// ChoiceType is the type whose name with a capital first letter is suffix, as
// in value+"DateTime"; nil when the element does not allow it.
func (e *Element) ChoiceType(suffix string) *Type {
	for i := range e.Types {
		code := e.Types[i].Code
		if len(code) == len(suffix) && code[1:] == suffix[1:] && upper(code[0]) == suffix[0] {
			return &e.Types[i]
		}
	}
	return nil
}

// JSONName is the member name of the element with a value of that type code.
func (e *Element) JSONName(code string) string {
	if !e.Choice || code == "" {
		return e.Name
	}
	return e.Name + string(upper(code[0])) + code[1:]
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}
