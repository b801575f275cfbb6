package term

import (
	"slices"

	"vitalwire/fhir"
)

// Layers is one Source of several, such as stored resources, packages and the
// embedded definitions. The same version is taken from the first that has it;
// without a version the newest of all is meant.
func Layers(sources ...Source) Source { return layers(sources) }

type layers []Source

// Find finds a definition.
func (l layers) Find(typ, name string) (*fhir.Resource, bool) {
	_, version := splitCanonical(name)
	var best *fhir.Resource
	for _, s := range l {
		r, ok := s.Find(typ, name)
		if !ok {
			continue
		}
		if version != "" {
			return r, true
		}
		if best == nil || compareVersions(r.Get("version").Text(), best.Get("version").Text()) > 0 {
			best = r
		}
	}
	return best, best != nil
}

// Versions are those of all layers.
func (l layers) Versions(typ, url string) []string {
	var out []string
	see := func(v string) {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	for _, s := range l {
		if versioned, ok := s.(Versioned); ok {
			for _, v := range versioned.Versions(typ, url) {
				see(v)
			}
		} else if r, ok := s.Find(typ, url); ok {
			see(r.Get("version").Text())
		}
	}
	return out
}

// All goes through the layers that can be gone through.
func (l layers) All(typ string) iterator {
	return func(yield func(*fhir.Resource, error) bool) {
		for _, s := range l {
			for r, err := range allOfType(s, typ) {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// Generation changes when one of the layers does.
func (l layers) Generation() uint64 {
	var sum uint64
	for _, s := range l {
		if c, ok := s.(Changing); ok {
			sum += c.Generation()
		}
	}
	return sum
}
