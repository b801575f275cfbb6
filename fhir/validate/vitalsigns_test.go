package validate_test

import (
	"fmt"
	"testing"

	"vitalwire/fhir/validate"
)

// The code of an Observation asks for the profile of its vital sign (R4
// observation-vitalsigns), when the caller wants that.
func TestVitalSigns(t *testing.T) {
	v := newR4()
	observation := func(system, code, more string) string {
		return fmt.Sprintf(`{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
		"code":{"coding":[{"system":%q,"code":%q}]},"subject":{"reference":"Patient/a"},"effectiveDateTime":"2024-01-01",
		"valueQuantity":{"value":95,"unit":"%%","system":"http://unitsofmeasure.org","code":"%%"}%s}`, system, code, more)
	}
	loinc, snomed := "http://loinc.org", "http://snomed.info/sct"
	on := validate.Options{VitalSigns: true}
	check(t, v, "heart rate in percent", observation(loinc, "8867-4", ""), nil, on, "invalid Observation.value.ofType(Quantity).code")
	check(t, v, "not asked for", observation(loinc, "8867-4", ""), nil, validate.Options{})
	check(t, v, "as the profile wants it", observation(loinc, "2708-6", ""), nil, on)
	check(t, v, "another way of measuring, without the code for any way", observation(loinc, "59408-5", ""), nil, on, "required Observation.code")
	check(t, v, "a code of SNOMED CT alone", observation(snomed, "386725007", ""), nil, on,
		"required Observation.code", "code-invalid Observation.value.ofType(Quantity).code")
	check(t, v, "another code", observation(loinc, "2339-0", ""), nil, on)
	check(t, v, "the code of another system", observation("http://x.example/codes", "8867-4", ""), nil, on)
	flow := `,"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"3151-8"}]},"valueQuantity":{"value":6,"unit":"L/min","system":"http://unitsofmeasure.org","code":"L/min"}}]`
	check(t, v, "a component's unit, by code", observation(loinc, "2708-6", flow), nil, on,
		"warning code-invalid Observation.component[0].value.ofType(Quantity)")
	check(t, v, "a component's unit, declared", observation(loinc, "2708-6", flow), []string{"http://hl7.org/fhir/StructureDefinition/oxygensat"}, on,
		"code-invalid Observation.component[0].value.ofType(Quantity)")
	check(t, v, "in a Bundle", `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:0f1d7e2a-9b5c-4a54-8f5c-1f1f3d1c5a01","resource":`+
		observation(loinc, "8867-4", "")+`}]}`, nil, on, "invalid Bundle.entry[0].resource.value.ofType(Quantity).code")
}
