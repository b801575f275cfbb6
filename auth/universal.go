package auth

// universal are the types whose resources lie in no Patient's compartment and carry no
// patient's data: who is confined to a patient sees all of them, as far as his scopes
// name the type. It is a list, so that a type nobody has thought about is hidden. Not on
// it, though in no compartment, are among others Binary, Bundle, DeviceMetric,
// Linkage, MessageHeader, Subscription and VerificationResult.
var universal = map[string]bool{
	// Who provides care, where, and by what.
	"Organization": true, "OrganizationAffiliation": true, "Practitioner": true, "PractitionerRole": true,
	"Location": true, "HealthcareService": true, "Endpoint": true, "InsurancePlan": true,
	// What is given, and what is used.
	"Medication": true, "MedicationKnowledge": true, "Substance": true, "DeviceDefinition": true,
	"ObservationDefinition": true, "SpecimenDefinition": true, "CatalogEntry": true,
	// Terminology and conformance.
	"CodeSystem": true, "ValueSet": true, "ConceptMap": true, "NamingSystem": true, "TerminologyCapabilities": true,
	"StructureDefinition": true, "StructureMap": true, "SearchParameter": true, "OperationDefinition": true,
	"CapabilityStatement": true, "CompartmentDefinition": true, "GraphDefinition": true, "ImplementationGuide": true,
	"MessageDefinition": true, "ExampleScenario": true,
	// Knowledge and forms.
	"ActivityDefinition": true, "PlanDefinition": true, "Library": true, "Measure": true, "Questionnaire": true,
	"EventDefinition": true, "Evidence": true, "EvidenceVariable": true, "EffectEvidenceSynthesis": true,
	"RiskEvidenceSynthesis": true, "ResearchDefinition": true, "ResearchElementDefinition": true,
	"ChargeItemDefinition": true,
}
