package knowledge_test

import (
	"errors"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/server/knowledge"
)

func check(t *testing.T, mode knowledge.Mode, demand []string, text string) ([]fhir.Issue, error) {
	t.Helper()
	b, err := knowledge.New(mode, demand)
	if err != nil {
		t.Fatal(err)
	}
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b.Check(t.Context(), r)
}

func TestCheck_SituationOfWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		text string
		want fhir.Situation
		says string
	}{
		{`{"resourceType":"Patient","colour":"red"}`, fhir.SituationMalformed, "colour"},
		{`{"resourceType":"Patient","birthDate":"1958-13-01"}`, fhir.SituationMalformed, "Patient.birthDate"},
		{`{"resourceType":"Patient","gender":"none"}`, fhir.SituationUnprocessable, "Patient.gender"},
		{`{"resourceType":"Observation","status":"final"}`, fhir.SituationUnprocessable, "Observation"},
		{`{"resourceType":"Patient","contact":[{"gender":"male"}]}`, fhir.SituationUnprocessable, "pat-1"},
		{`{"resourceType":"ChargeItem","status":"billed","code":{"text":"x"},"subject":{"reference":"Patient/1"},"priceOverride":{"value":1,"currency":"XYZ"}}`, fhir.SituationUnprocessable, "currency"},
	} {
		_, err := check(t, knowledge.Enforce, nil, c.text)
		if fhir.SituationOf(err) != c.want || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.text, err)
		}
		if issues, err := check(t, knowledge.Warn, nil, c.text); err != nil || len(issues) == 0 {
			t.Errorf("%s with warn: %v, %d issues", c.text, err, len(issues))
		}
		if issues, err := check(t, knowledge.Off, nil, c.text); err != nil || issues != nil {
			t.Errorf("%s with off: %v, %d issues", c.text, err, len(issues))
		}
	}
}

func TestCheck_TakesWhatIsRight(t *testing.T) {
	for _, text := range []string{
		`{"resourceType":"Patient"}`,
		`{"resourceType":"CapabilityStatement","status":"active","date":"2026","kind":"requirements","fhirVersion":"4.0.1","format":["json","application/fhir+xml"],"description":"x","rest":[{"mode":"server"}]}`,
		`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"},{"system":"http://snomed.info/sct","code":"364075005"}]},"valueQuantity":{"value":72.0,"system":"http://unitsofmeasure.org","code":"/min"}}`,
	} {
		if _, err := check(t, knowledge.Enforce, nil, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNew_DemandedProfiles(t *testing.T) {
	vitals := "Observation=http://hl7.org/fhir/StructureDefinition/vitalsigns"
	if _, err := check(t, knowledge.Enforce, []string{vitals}, `{"resourceType":"Observation","status":"final","code":{"text":"x"}}`); err == nil {
		t.Error("a demanded profile is not enforced")
	}
	if _, err := check(t, knowledge.Enforce, []string{vitals}, `{"resourceType":"Patient"}`); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "Observation", "Nothing=http://x", "Observation="} {
		if _, err := knowledge.New(knowledge.Enforce, []string{bad}); err == nil || errors.Is(err, fhir.Malformed("", "")) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
