package store

import (
	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// Several servers may serve one database, and each keeps in memory what it has made
// of it. The head of the feed, which every commit and every search reads anyway,
// says how new that has to be.

// Marks grow with what servers keep in memory of the store.
type Marks struct {
	// Epoch is that of the search parameters that commits are indexed by, see
	// search.Registry.Epoch: it grows with every change of the records of SearchParameters.
	Epoch int64
	// Terms grows with every write of a resource that IsDefinition names.
	Terms int64
	// Consents grows with every write of a resource that IsConsent names, and with
	// every change of what Consented gives.
	Consents int64
}

// SearchParameters is the collection of the records that a server makes the custom
// parameters of its search.Registry from.
const SearchParameters = "search-parameter"

// IsDefinition reports whether resources of a type are what terminology and $validate
// look up.
func IsDefinition(typ string) bool {
	switch typ {
	case "CodeSystem", "ValueSet", "ConceptMap", "StructureDefinition":
		return true
	}
	return false
}

// Learn brings the registry of a store to the custom parameters that a reader sees,
// with SetCustomAt and the epoch of its Marks. It must not use the store itself: it
// may be called while other writers wait.
type Learn func(Reader) error

// ErrStale is the cause in the error of a search that was understood by other search
// parameters or Consents than those of its snapshot. It may be understood again.
var ErrStale = search.ErrStale

// Stale is the error of such a search.
func Stale() *fhir.Error {
	return fhir.Unavailable("what the search goes by has just changed; try again").WithCause(ErrStale)
}
