package definition

import (
	"errors"
	"strings"

	"vitalwire/fhir"
)

// ErrUnknown is what Structure answers, wrapped, for a canonical that names
// nothing the source holds.
var ErrUnknown = errors.New("definition is not known")

// Structures answers for structures. Implementations are safe for concurrent use.
type Structures interface {
	// Structure finds a StructureDefinition by type name ("Observation"),
	// canonical, or canonical|version; without a version the newest. The error
	// wraps ErrUnknown when there is none, and is another one when the
	// definition is there and cannot be used.
	Structure(canonical string) (*Structure, error)
}

// Source answers for everything that validation, search and terminology look
// up by canonical or canonical|version. Implementations are safe for concurrent
// use; what they return must not be changed.
type Source interface {
	Structures
	// ValueSet and CodeSystem find a resource by its canonical.
	ValueSet(canonical string) (*fhir.Resource, bool)
	CodeSystem(canonical string) (*fhir.Resource, bool)
	// Find finds a resource of a type, of any type when typ is "".
	Find(typ, canonical string) (*fhir.Resource, bool)
}

// TypeURL is the canonical of an R4 type or resource.
func TypeURL(name string) string { return "http://hl7.org/fhir/StructureDefinition/" + name }

// TypeName is the name in the canonical of an R4 type; other text unchanged.
func TypeName(canonical string) string {
	return strings.TrimPrefix(canonical, "http://hl7.org/fhir/StructureDefinition/")
}

// Split parts a canonical into url and version; the version is "" when there is none.
func Split(canonical string) (url, version string) {
	url, version, _ = strings.Cut(canonical, "|")
	return url, version
}

// Descends reports whether the type or profile is ancestor or derives from it,
// at any distance. Both are type names or canonicals. What the source does not
// know derives from nothing.
func Descends(src Structures, canonical, ancestor string) bool {
	wantURL, wantVersion := Split(ancestor)
	if !strings.Contains(wantURL, "/") {
		wantURL = TypeURL(wantURL)
	}
	// A chain of derivations is short; the bound ends a circle of definitions.
	for range 32 {
		s, err := src.Structure(canonical)
		if err != nil {
			return false
		}
		if s.URL == wantURL && (wantVersion == "" || wantVersion == s.Version) {
			return true
		}
		if s.Base == "" {
			return false
		}
		canonical = s.Base
	}
	return false
}
