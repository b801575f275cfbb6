// Package patch changes resources by JSON Patch (RFC 6902) and FHIRPath Patch
// (R4 fhirpatch §3.1.8): the two patch formats of R4 http §3.1.0.7 that need no
// other model than the resource's own.
//
// A patch is read once and may be applied many times, as a store does that runs
// a transaction again. Applying never changes the resource it is given: it gives
// another one, or an error that names the operation, its path and the reason.
// XML Patch (RFC 5261) is left out.
package patch

import (
	"context"
	"strings"

	"vitalwire/fhir"
)

// Patch is a patch that was read. It is safe for concurrent use.
type Patch interface {
	// Apply gives the patched resource. The *fhir.Error is Unprocessable where an
	// operation does not fit the resource (code business-rule) or a test of JSON
	// Patch does not hold (code conflict), TooCostly past a bound.
	Apply(ctx context.Context, r *fhir.Resource) (*fhir.Resource, error)
}

// The bounds of a patch.
const (
	// MaxOperations is how many operations a patch may have.
	MaxOperations = 1000
	// MaxGrowth is how many bytes a patch may add to a resource.
	MaxGrowth = 16 << 20

	maxWork = 30_000_000 // list items and members moved, in all
	maxText = 4096       // of a path
)

// finish checks that the result is the same resource still: PATCH changes
// neither its type nor its id (R4 http §3.1.0.7).
func finish(was *fhir.Resource, root *fhir.Element) (*fhir.Resource, error) {
	typ := was.Type()
	if root.Get("resourceType").Text() != typ {
		return nil, fhir.Unprocessable("", "a patch must not change the type of the resource")
	}
	if depth(root) > fhir.MaxDepth {
		return nil, fhir.Unprocessable("", "the patched resource is nested deeper than %d levels", fhir.MaxDepth)
	}
	r, err := fhir.AsResource(root)
	if err != nil {
		return nil, fhir.Unprocessable("", "the patched resource is none: %s", err)
	}
	if r.ID() != was.ID() {
		return nil, fhir.Unprocessable(typ+".id", "a patch must not change the id of the resource")
	}
	return r, nil
}

func depth(e *fhir.Element) int {
	deepest := 0
	for _, m := range e.Members() {
		deepest = max(deepest, depth(m.Value))
	}
	if e.Is(fhir.Object) || e.Is(fhir.Array) {
		deepest++
	}
	return deepest
}

// size is about how many bytes an element takes as JSON.
func size(e *fhir.Element) int {
	n := 3 + len(e.Text())
	for _, m := range e.Members() {
		n += 3 + len(m.Name) + size(m.Value)
	}
	return n
}

func clip(s string) string {
	if len(s) <= 100 {
		return s
	}
	return strings.ToValidUTF8(s[:100], "") + "..."
}
