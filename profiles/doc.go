// Package profiles answers for definitions by canonical: R4 (4.0.1), which is
// embedded, and the FHIR NPM packages that were loaded beside it, several
// versions of one if need be.
//
// A Set is an immutable view of both; looking something up decodes just that.
// A Library holds the current Set and loads packages while readers go on.
// Where a StructureDefinition has only a differential its snapshot is made
// (package profiles/snapshot). The package implements definition.Source.
//
// Left out: value set expansion and code validation, which fhir/term does.
package profiles

//go:generate go run ./internal/gen -o r4.pack
