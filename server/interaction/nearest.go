package interaction

import (
	"slices"

	"github.com/agnivade/levenshtein"

	"vitalwire/fhir"
)

// unknownType is the error for a type that is not served; it names the nearest
// one that is.
func unknownType(typ string) error {
	e := fhir.UnknownType(typ)
	if len(typ) > 64 {
		return e
	}
	types := slices.DeleteFunc(slices.Clone(fhir.ResourceTypes()), func(t string) bool { return !Served(t) })
	nearest := slices.MinFunc(types, func(a, b string) int {
		return levenshtein.ComputeDistance(a, typ) - levenshtein.ComputeDistance(b, typ)
	})
	if levenshtein.ComputeDistance(nearest, typ) <= max(2, len(typ)/3) {
		e.Issues[0].Text += "; did you mean " + nearest + "?"
	}
	return e
}
