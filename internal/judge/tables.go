package judge

import "slices"

// Systems.
const (
	actReason       = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	actCode         = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	participation   = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	actions         = "http://terminology.hl7.org/CodeSystem/consentaction"
	inlineLabel     = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
	loinc           = "http://loinc.org"
	snomed          = "http://snomed.info/sct"
	policies        = "https://profiles.ihe.net/ITI/PCF/Policy-"
)

// below are codes that subsume others, read off R4's v3-ActReason and v3-ActCode, and
// of ETH what its definition says (alcohol, drugs and opioids).
var below = map[Coding][]string{
	{actReason, "TREAT"}:    {"BTG", "CLINTRL", "COC", "ERTREAT", "ETREAT", "POPHLTH"},
	{actReason, "ETREAT"}:   {"BTG", "ERTREAT"},
	{actReason, "HRESCH"}:   {"BIORCH", "CLINTRCH", "CLINTRCHNPC", "CLINTRCHPC", "DSRCH", "POARCH", "PRECLINTRCH", "TRANSRCH"},
	{actReason, "CLINTRCH"}: {"CLINTRCHNPC", "CLINTRCHPC", "PRECLINTRCH"},
	{actReason, "HPAYMT"}:   {"CLMATTCH", "COVAUTH", "COVERAGE", "ELIGDTRM", "ELIGVER", "ENROLLM", "MILDCRG", "REMITADV"},
	{actReason, "HOPERAT"}:  {"CAREMGT", "HQUALIMP", "PATSFTY", "TRAIN"}, // of those that worlds have
	{actReason, "PUBHLTH"}:  {"DISASTER", "THREAT"},
	{actCode, "SUD"}:        {"ETHUD", "OPIOIDUD"},
	{actCode, "ETH"}:        {"SUD", "ETHUD", "OPIOIDUD"},
}

func subsumes(wide, narrow Coding) bool {
	return wide == narrow || wide.System == narrow.System && slices.Contains(below[wide], narrow.Code)
}

// memberships are the elements that put a resource into the compartment of a patient
// (R4 CompartmentDefinition/patient, by the expressions of its parameters), and
// Device.patient.
var memberships = map[string][]string{
	"Patient":            {"link.other"},
	"Observation":        {"subject", "performer"},
	"Condition":          {"subject", "asserter"},
	"Encounter":          {"subject"},
	"MedicationRequest":  {"subject"},
	"DiagnosticReport":   {"subject"},
	"Procedure":          {"subject", "performer.actor"},
	"DocumentReference":  {"subject", "author"},
	"Provenance":         {"target"},
	"List":               {"subject", "source"},
	"Device":             {"patient"},
	"Communication":      {"subject", "sender", "recipient"},
	"AllergyIntolerance": {"patient", "recorder", "asserter"},
	"Basic":              {"subject", "author"},
	"Group":              {"member.entity"},
	"RelatedPerson":      {"patient"},
	"CareTeam":           {"subject", "participant.member"},
	"Consent":            {"patient"},
	"Composition":        {"subject", "author", "attester.party"},
}

// authorships name who or what made the information.
var authorships = map[string][]string{
	"Observation":        {"performer", "device"},
	"Condition":          {"asserter", "recorder"},
	"MedicationRequest":  {"requester", "recorder"},
	"DiagnosticReport":   {"performer", "resultsInterpreter"},
	"Procedure":          {"performer.actor", "recorder", "asserter"},
	"DocumentReference":  {"author"},
	"List":               {"source"},
	"Communication":      {"sender"},
	"AllergyIntolerance": {"recorder", "asserter"},
	"Basic":              {"author"},
	"Composition":        {"author"},
	"Provenance":         {"agent.who"},
}

// clinicalTimes are the elements that say when what a resource reports took place.
var clinicalTimes = map[string][]string{
	"Observation":        {"effectiveDateTime", "effectivePeriod"},
	"Condition":          {"onsetDateTime", "onsetPeriod"},
	"Encounter":          {"period"},
	"MedicationRequest":  {"authoredOn"},
	"DiagnosticReport":   {"effectiveDateTime", "effectivePeriod"},
	"Procedure":          {"performedDateTime", "performedPeriod"},
	"DocumentReference":  {"date"},
	"Provenance":         {"recorded"},
	"List":               {"date"},
	"Communication":      {"sent"},
	"AllergyIntolerance": {"recordedDate"},
	"Basic":              {"created"},
	"Consent":            {"dateTime"},
	"Composition":        {"date"},
}
