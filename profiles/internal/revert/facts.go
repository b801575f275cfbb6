package revert

// dropped are definitions that R4 does not have, as type and canonical.
var dropped = map[string]bool{
	"StructureDefinition http://hl7.org/fhir/StructureDefinition/SubscriptionStatus":      true,
	"CodeSystem http://hl7.org/fhir/detectedissue-status":                                 true,
	"ValueSet http://hl7.org/fhir/ValueSet/detectedissue-status":                          true,
	"SearchParameter http://hl7.org/fhir/SearchParameter/DetectedIssue-status":            true,
	"SearchParameter http://hl7.org/fhir/SearchParameter/DeviceDefinition-classification": true,
	"SearchParameter http://hl7.org/fhir/SearchParameter/ServiceRequest-order-detail":     true,
}

// regrown are types whose snapshot was edited. Their differential is R4's, by
// itself or after the edits below, and in R4 the differential of a type holds
// every element of its own: the snapshot is made from it again.
var regrown = map[string]bool{
	"Meta": true, "Timing": true, "AuditEvent": true, "Binary": true, "Bundle": true,
	"DetectedIssue": true, "DeviceDefinition": true, "EvidenceVariable": true,
	"HealthcareService": true, "MeasureReport": true, "ObservationDefinition": true,
	"ResearchStudy": true, "RiskAssessment": true,
}

// diffEdit changes one element of a differential.
type diffEdit struct {
	element string
	remove  bool     // the whole element
	without []string // members to take out
	set     []member
}

// member is a member's path below the element and its JSON.
type member struct {
	path []string
	json string
}

func at(json string, path ...string) member { return member{path: path, json: json} }

const (
	actors = `["http://hl7.org/fhir/StructureDefinition/PractitionerRole",
		"http://hl7.org/fhir/StructureDefinition/Practitioner",
		"http://hl7.org/fhir/StructureDefinition/Organization",
		"http://hl7.org/fhir/StructureDefinition/Device",
		"http://hl7.org/fhir/StructureDefinition/Patient",
		"http://hl7.org/fhir/StructureDefinition/RelatedPerson"]`
	// fromSnapshot are members that belong in a snapshot and were left in the
	// differential by the editing.
)

var fromSnapshot = []string{"base", "constraint", "isModifier", "mustSupport"}

// diffEdits are the edits of differentials, by type.
var diffEdits = map[string][]diffEdit{
	"AuditEvent": {
		{element: "AuditEvent.agent.who", set: []member{at(actors, "type", "targetProfile")}},
		{element: "AuditEvent.source.observer", set: []member{at(actors, "type", "targetProfile")}},
	},
	"Bundle": {
		{element: "Bundle.entry", set: []member{at(`"fullUrl.contains('/_history/').not()"`, "constraint:bdl-8", "expression")}},
	},
	"ResearchStudy": {
		{element: "ResearchStudy.studyDesign", remove: true},
		{element: "ResearchStudy.title", without: fromSnapshot},
		{element: "ResearchStudy.status", without: []string{"base", "constraint", "mustSupport"}, set: []member{
			at(`"active | administratively-completed | approved | closed-to-accrual | closed-to-accrual-and-intervention | completed | disapproved | in-review | temporarily-closed-to-accrual | temporarily-closed-to-accrual-and-intervention | withdrawn"`, "short"),
			at(`[{"url":"http://hl7.org/fhir/StructureDefinition/elementdefinition-bindingName","valueString":"ResearchStudyStatus"}]`, "binding", "extension"),
			at(`"Codes that convey the current status of the research study."`, "binding", "description"),
			at(`"http://hl7.org/fhir/ValueSet/research-study-status|4.0.1"`, "binding", "valueSet"),
		}},
		{element: "ResearchStudy.primaryPurposeType", without: fromSnapshot, set: []member{
			at(`"extensible"`, "binding", "strength"),
		}},
		{element: "ResearchStudy.phase", without: fromSnapshot},
		{element: "ResearchStudy.relatedArtifact", without: []string{"isModifier", "isSummary", "mustSupport"}, set: []member{
			at(`"References and dependencies"`, "short"),
		}},
	},
}

// targets are the SearchParameter.target lists of R4 that were edited.
var targets = map[string]string{
	"http://hl7.org/fhir/SearchParameter/MeasureReport-subject": `["Practitioner","Group","Device","Patient","PractitionerRole","RelatedPerson","Location"]`,
	"http://hl7.org/fhir/SearchParameter/clinical-patient":      `["Patient","Group"]`,
}

// An extra parameter of an operation and an extra concept of a code system.
const (
	everything      = "http://hl7.org/fhir/OperationDefinition/Patient-everything"
	everythingExtra = "_offset"

	itemControl       = "http://hl7.org/fhir/questionnaire-item-control"
	itemControlParent = "question"
	itemControlExtra  = "multi-select"
)
