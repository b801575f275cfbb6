package definition

import "vitalwire/fhir"

// Type is one ElementDefinition.type.
type Type struct {
	// Code is the FHIR type: "Quantity", "string", "Reference", "BackboneElement".
	// Where R4 gives a FHIRPath type (element ids, Extension.url, the value of a
	// primitive) it is the FHIR type of the extension structuredefinition-fhir-type.
	Code string
	// System is the FHIRPath type's name, such as "String", where R4 gives one.
	System string
	// Profiles are canonicals of which the value meets at least one.
	Profiles []string
	// Targets are canonicals of which the target of a Reference or canonical
	// meets at least one; empty for any.
	Targets []string
	// Aggregation limits how a Reference reaches its target: contained,
	// referenced, bundled; empty for all.
	Aggregation []string
	// Versioning is either, independent or specific; "" for either.
	Versioning string
	// Regex is what the text of a primitive matches whole, "" for anything.
	Regex string
}

// Value is a value that a definition demands or allows.
type Value struct {
	Type    string // FHIR type, such as "CodeableConcept" or "uri"
	Element *fhir.Element
}

// Present reports whether there is a value.
func (v Value) Present() bool { return v.Element != nil }

// Strength is a binding strength (R4 binding-strength).
type Strength string

// The strengths of binding.
const (
	Required   Strength = "required"
	Extensible Strength = "extensible"
	Preferred  Strength = "preferred"
	Example    Strength = "example"
)

// Binding is ElementDefinition.binding.
type Binding struct {
	Strength Strength
	// ValueSet is a canonical, "" where the binding has only a description.
	ValueSet    string
	Description string
	// MaxValueSet bounds what an extensible or preferred binding may use
	// (extension elementdefinition-maxValueSet), "" for no bound.
	MaxValueSet string
	// Additional are further bindings with a purpose (extension
	// additional-binding; R5 ElementDefinition.binding.additional).
	Additional []AdditionalBinding
}

// AdditionalBinding is a further binding of an element.
type AdditionalBinding struct {
	Purpose  string // maximum, minimum, required, extensible, current, preferred ...
	ValueSet string
}

// Constraint is one ElementDefinition.constraint.
type Constraint struct {
	Key      string // "obs-6"
	Severity string // error or warning
	Human    string
	// Expression is FHIRPath, "" where the definition has none.
	Expression string
	// Source is the canonical of the structure that stated it first.
	Source string
	// BestPractice is set for a warning that is advice (extension
	// elementdefinition-bestpractice).
	BestPractice bool
}

// Slicing is ElementDefinition.slicing.
type Slicing struct {
	Discriminators []Discriminator
	Ordered        bool
	// Rules is closed, open or openAtEnd.
	Rules       string
	Description string
}

// Discriminator is one ElementDefinition.slicing.discriminator.
type Discriminator struct {
	Type string // value, exists, pattern, type, profile
	Path string // simple FHIRPath, "$this" for the element itself
}
