package choice

import (
	"html"
	"strings"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
)

func object(members ...fhir.Member) *fhir.Element { return fhir.NewObject(members...) }

func list(items ...*fhir.Element) *fhir.Element { return fhir.NewArray(items...) }

func coding(c consent.Coding) *fhir.Element {
	return object(fhir.S("system", c.System), fhir.S("code", c.Code))
}

func concept(c consent.Coding) *fhir.Element { return object(fhir.M("coding", list(coding(c)))) }

func rule(typ string, members ...fhir.Member) *fhir.Element {
	return object(append([]fhir.Member{fhir.S("type", typ)}, members...)...)
}

// actors are who receives information (R4 wants a role; IRCP is that of IHE PCF).
func actors(of []fhir.Key) fhir.Member {
	all := list()
	for _, key := range of {
		all.Append(object(fhir.M("role", concept(consent.Coding{System: participation, Code: "IRCP"})),
			fhir.M("reference", object(fhir.S("reference", key.String())))))
	}
	return fhir.M("actor", all)
}

func purposes(codes ...string) fhir.Member {
	all := list()
	for _, code := range codes {
		all.Append(coding(consent.Coding{System: consent.ActReason, Code: code}))
	}
	return fhir.M("purpose", all)
}

func labels(of []consent.Coding) fhir.Member {
	all := list()
	for _, one := range of {
		all.Append(coding(one))
	}
	return fhir.M("securityLabel", all)
}

// narrative is the text of a resource (R4 narrative).
func narrative(words []string) *fhir.Element {
	var b strings.Builder
	b.WriteString(`<div xmlns="http://www.w3.org/1999/xhtml">`)
	for _, sentence := range words {
		b.WriteString("<p>" + html.EscapeString(sentence) + "</p>")
	}
	b.WriteString("</div>")
	return object(fhir.S("status", "generated"), fhir.S("div", b.String()))
}
