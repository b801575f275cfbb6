package mapping

import (
	"strings"
	"unicode"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
)

// performer is the responsible observer (OBX-16) as a logical reference: a message is no
// register of people, so that none is made of him.
func performer(o acom.Observer) samply.Reference {
	r := samply.Reference{Type: ptr("Practitioner"), Display: some(o.Name)}
	if o.ID.Value == "" {
		return r
	}
	r.Identifier = &samply.Identifier{Value: ptr(o.ID.Value), System: some(authoritySystem(o.ID))}
	if o.ID.Type != "" {
		r.Identifier.Type = &samply.CodeableConcept{Text: ptr(o.ID.Type)}
	}
	if r.Identifier.System == nil && o.ID.Namespace != "" {
		r.Identifier.Assigner = &samply.Reference{Display: ptr(o.ID.Namespace)}
	}
	return r
}

// authoritySystem is the identifier system of an assigning authority that is named by an
// OID, UUID or URI; "" for one that has a local name only.
func authoritySystem(id acom.SubjectID) string {
	switch {
	case id.Universal == "", strings.ContainsFunc(id.Universal, unicode.IsSpace):
	case id.UniversalType == "ISO" && strings.Trim(id.Universal, "0123456789.") == "":
		return "urn:oid:" + id.Universal
	case id.UniversalType == "UUID":
		return "urn:uuid:" + strings.ToLower(id.Universal)
	case id.UniversalType == "URI":
		return id.Universal
	}
	return ""
}
