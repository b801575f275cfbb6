package fhir

import "strings"

// Reference is a parsed Reference.reference or uri that may name a resource
// (R4 references §2.3.0.1).
type Reference struct {
	// Key is set for a relative or absolute literal reference that ends in Type/id.
	Key Key
	// Version is the versionId of a version-specific reference, or "".
	Version string
	// Base is what stands before Type/id in an absolute URL, without the slash; "" when relative.
	Base string
	// Contained is the id after '#', for a reference into the same resource.
	Contained string
	// URI is the whole text when it is none of these, such as urn:uuid:...
	URI string
}

// ParseReference reads the text of a reference. It never fails: what has no
// other meaning is a URI.
func ParseReference(text string) Reference {
	if id, ok := strings.CutPrefix(text, "#"); ok {
		return Reference{Contained: id}
	}
	base, rest := "", text
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		// The last Type/id of the path, with /_history/vid behind it or not.
		head, _, _ := strings.Cut(text, "/_history/")
		if strings.Count(head, "/") < 4 {
			return Reference{URI: text}
		}
		id := strings.LastIndexByte(head, '/')
		typ := strings.LastIndexByte(head[:id], '/')
		base, rest = text[:typ], text[typ+1:]
	}
	key, ok := ParseKey(rest)
	if !ok {
		return Reference{URI: text}
	}
	_, version, _ := strings.Cut(rest, "/_history/")
	return Reference{Key: key, Version: version, Base: base}
}
