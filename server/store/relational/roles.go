package relational

import (
	"slices"

	"vitalwire/fhir/search"
)

// A role is what a search parameter is to nearly all resources of its type: whom
// they are about, what they are, how they stand, when it was. Each has columns in
// the one row that a version has in table item, so that the clauses asked most
// are answered by that row and its few trees, and most resources need no other.
type role uint8

// The roles.
const (
	noRole role = iota
	subjectRole
	codeRole
	statusRole
	categoryRole
	dateRole
)

// naming says by which parameter of a type a role is filled.
type naming struct{ code, status, category, date string }

// usual is the naming of the types that are not in named.
var usual = naming{"code", "status", "category", "date"}

// named are the types with other names. It is data of the schema: what changes
// here needs a migration that has everything indexed again.
var named = map[string]naming{
	"AllergyIntolerance":       {"code", "clinical-status", "category", "date"},
	"Appointment":              {"appointment-type", "status", "service-type", "date"},
	"AuditEvent":               {"type", "outcome", "action", "date"},
	"CarePlan":                 {"category", "status", "intent", "date"},
	"CareTeam":                 {"category", "status", "", "date"},
	"Claim":                    {"use", "status", "priority", "created"},
	"Communication":            {"", "status", "category", "sent"},
	"Composition":              {"type", "status", "category", "date"},
	"Condition":                {"code", "clinical-status", "category", "onset-date"},
	"Consent":                  {"category", "status", "scope", "date"},
	"Device":                   {"type", "status", "", ""},
	"DeviceMetric":             {"type", "", "category", ""},
	"DeviceRequest":            {"code", "status", "intent", "authored-on"},
	"DocumentReference":        {"type", "status", "category", "date"},
	"Encounter":                {"type", "status", "class", "date"},
	"EpisodeOfCare":            {"type", "status", "", "date"},
	"ExplanationOfBenefit":     {"", "status", "", "created"},
	"Goal":                     {"category", "lifecycle-status", "", "start-date"},
	"ImagingStudy":             {"modality", "status", "", "started"},
	"Immunization":             {"vaccine-code", "status", "", "date"},
	"Location":                 {"type", "status", "", ""},
	"MedicationAdministration": {"code", "status", "", "effective-time"},
	"MedicationDispense":       {"code", "status", "type", "whenhandedover"},
	"MedicationRequest":        {"code", "status", "intent", "authoredon"},
	"MedicationStatement":      {"code", "status", "category", "effective"},
	"Organization":             {"type", "active", "", ""},
	"Patient":                  {"gender", "active", "language", "birthdate"},
	"Practitioner":             {"gender", "active", "communication", ""},
	"PractitionerRole":         {"role", "active", "specialty", "date"},
	"Provenance":               {"", "", "", "recorded"},
	"QuestionnaireResponse":    {"", "status", "", "authored"},
	"ServiceRequest":           {"code", "status", "category", "authored"},
	"Slot":                     {"appointment-type", "status", "service-type", "start"},
	"Specimen":                 {"type", "status", "", "collected"},
	"Task":                     {"code", "status", "intent", "authored-on"},
}

// roleOf is the role that a parameter fills; noRole for most.
func roleOf(p *search.Param) role {
	if p.Index != "" {
		return noRole // what a custom parameter means may change
	}
	names, other := named[p.Resource]
	if !other {
		names = usual
	}
	switch p.Type {
	case search.ReferenceType:
		// A reference without a type is looked for as one of each target.
		if (p.Code == "subject" || p.Code == "patient") && len(p.Targets) > 0 && len(p.Targets) <= maxTargets {
			return subjectRole
		}
	case search.Token:
		switch p.Code {
		case names.code:
			return codeRole
		case names.status:
			return statusRole
		case names.category:
			return categoryRole
		}
	case search.Date:
		if p.Code == names.date {
			return dateRole
		}
	}
	return noRole
}

const maxTargets = 16

// The bits of item.marks. "held" says of which parameter the column subject is a
// value: of subject, of patient, mostly of both. "more" says that a parameter has
// values which the column does not hold: the further ones are in the generic
// tables (those of code in item_code); of several dates all are.
const (
	heldSubject int64 = 1 << iota
	heldPatient
	moreSubject
	morePatient
	moreCode
	moreStatus
	moreCategory
	moreDate
	// moreComposite: the composites have rows (composite.go).
	moreComposite
	// moreOwner: it is in the compartments of several patients, who all are in ix.
	moreOwner
	// labelled: it has security labels (search.Registry.Label).
	labelled
	// coded and referring: it has codes, or references, that no parameter of R4 finds
	// (search.Within).
	coded
	referring
)

// markBit is the bit of a parameter that has no role and no bit of column present; 0 of
// one without a mark.
func markBit(p *search.Param) int64 {
	switch {
	case p.Labels():
		return labelled
	case p.Internal() && p.Type == search.Token:
		return coded
	case p.Internal():
		return referring
	}
	return 0
}

func heldBit(p *search.Param) int64 {
	if p.Code == "patient" {
		return heldPatient
	}
	return heldSubject
}

// moreBit is the bit of a parameter that has a role.
func moreBit(p *search.Param) int64 {
	switch roleOf(p) {
	case subjectRole:
		if p.Code == "patient" {
			return morePatient
		}
		return moreSubject
	case codeRole:
		return moreCode
	case statusRole:
		return moreStatus
	case categoryRole:
		return moreCategory
	}
	return moreDate
}

// subjectKey is the value of column subject: the resource's type is in it, so that
// the tree of subjects keeps the types apart.
func subjectKey(typ string, t search.Target) int64 { return hash("subject", typ, t.Type, t.ID) }

// isTarget reports whether a value may stand in the column.
func isTarget(p *search.Param, t search.Target) bool {
	return t.ID != "" && slices.Contains(p.Targets, t.Type)
}
