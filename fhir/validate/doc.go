// Package validate tells whether a resource is valid R4: structure, primitive
// formats, cardinality, choice types, bindings, fixed and pattern values,
// slicing, extensions, references, contained resources, Bundles, narrative and
// invariants (R4 validation §2.18; conformance rules §2.1), against the base
// definitions and against profiles.
//
// A Validator compiles StructureDefinitions into tables when they are first
// needed and walks resources with them: the base tables find each member by its
// JSON name, the tables of a profile hold only what the profile adds. Codes are
// asked of a Codes, definitions of a definition.Source; nothing else is looked up
// unless the caller gives a way to resolve references.
//
// Every issue is returned with its FHIRPath expression. What makes a resource no
// R4 at all, such as an unknown element or a primitive in the wrong form, has the
// code structure or value; what breaks a rule or a profile has others (required,
// invalid, invariant, code-invalid, extension ...), so that a server can answer
// 400 to the one and 422 to the other (R4 http §3.1.0.8.2). The package leaves out
// terminology itself (fhir/term) and the making of snapshots (profiles).
package validate
