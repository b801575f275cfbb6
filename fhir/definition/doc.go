// Package definition is the compiled form of R4 StructureDefinitions: a
// snapshot as a tree of typed elements that validation and FHIRPath walk
// without reading JSON again (R4 structuredefinition §5.3, elementdefinition
// §2.25).
//
// It holds types and the way from a resource to them. It has no definitions of
// its own and does no look-up: a Source answers by canonical, and the package
// profiles is one. Documentation texts other than short, mappings and aliases
// are left out.
package definition
