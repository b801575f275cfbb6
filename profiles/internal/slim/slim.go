// Package slim takes out of definitions what the server never uses, so that R4
// fits into the binary: narrative and meta; the long texts, mappings, aliases
// and examples of elements, of which short is kept; XPath; contacts; and the
// differential of what is not a profile, since it says the same as the snapshot.
// Copyright statements and the definitions of concepts stay.
package slim

import "vitalwire/fhir"

// everywhere are members left out of every definition.
var everywhere = []string{"text", "meta", "contact"}

// byType are members left out of definitions of a type.
var byType = map[string][]string{
	"StructureDefinition": {"mapping"},
	"SearchParameter":     {"xpath"},
}

// ofElement are members left out of every ElementDefinition.
var ofElement = []string{"definition", "comment", "requirements", "alias", "mapping", "example"}

// Definition changes r, which must be a definition, in place.
func Definition(r *fhir.Resource) {
	root := r.Root()
	drop(root, everywhere)
	drop(root, byType[r.Type()])
	if r.Type() != "StructureDefinition" {
		return
	}
	if r.Get("derivation").Text() != "constraint" && r.Get("snapshot") != nil {
		root.Set("differential", nil)
	}
	for _, part := range []string{"snapshot", "differential"} {
		for _, e := range r.Get(part).Get("element").Items() {
			drop(e, ofElement)
			for _, c := range e.Get("constraint").Items() {
				c.Set("xpath", nil)
			}
		}
	}
}

func drop(e *fhir.Element, names []string) {
	for _, name := range names {
		e.Set(name, nil)
	}
}
