package pack

import (
	"strings"

	"vitalwire/fhir"
)

// Describe makes the index entry of a definition; its texts are copies.
func Describe(r *fhir.Resource) Entry {
	text := func(names ...string) string { return strings.Clone(r.Path(names...).Text()) }
	e := Entry{
		Type: strings.Clone(r.Type()), ID: text("id"), URL: text("url"), Version: text("version"),
		Name: text("name"), Title: text("title"), Status: text("status"),
	}
	list := func(name string) {
		for _, item := range r.Get(name).Items() {
			e.On = append(e.On, strings.Clone(item.Text()))
		}
	}
	switch e.Type {
	case "StructureDefinition":
		e.Kind, e.Derivation, e.Of, e.Base = text("kind"), text("derivation"), text("type"), text("baseDefinition")
	case "SearchParameter":
		e.Kind, e.Of = text("type"), text("code")
		list("base")
	case "OperationDefinition":
		e.Kind, e.Of = text("kind"), text("code")
		list("resource")
	case "CompartmentDefinition":
		e.Of = text("code")
	case "CodeSystem":
		e.Kind, e.Of = text("content"), text("valueSet")
	}
	return e
}
