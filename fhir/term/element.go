package term

import (
	"slices"

	"vitalwire/fhir"
)

// text is the text of a primitive child, "" when absent.
func text(e *fhir.Element, name string) string { return e.Get(name).Text() }

// object is e when it is a JSON object, else nil.
func object(e *fhir.Element) *fhir.Element {
	if e.Is(fhir.Object) {
		return e
	}
	return nil
}

// extensions are the extensions of e with one of the urls.
func extensions(e *fhir.Element, urls ...string) []*fhir.Element {
	var out []*fhir.Element
	for _, ext := range e.Get("extension").Items() {
		if slices.Contains(urls, text(ext, "url")) {
			out = append(out, ext)
		}
	}
	return out
}

// extension is the value of the first extension of that url, nil when absent.
func extension(e *fhir.Element, url string) *fhir.Element {
	for _, ext := range e.Get("extension").Items() {
		if text(ext, "url") == url {
			return value(ext)
		}
	}
	return nil
}

// standardsStatus is the extension structuredefinition-standards-status.
const standardsStatus = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"

func standards(e *fhir.Element) string { return extension(e, standardsStatus).Text() }

// parameter is a Parameters.parameter with a primitive value.
func parameter(name, typ, text string) *fhir.Element {
	return fhir.NewObject(fhir.S("name", name), fhir.M("value"+typ, primitive(typ, text)))
}

func primitive(typ, text string) *fhir.Element {
	switch typ {
	case "Boolean":
		return fhir.NewBool(text == "true")
	case "Integer", "Decimal":
		return fhir.NewNumber(text)
	}
	return fhir.NewString(text)
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
