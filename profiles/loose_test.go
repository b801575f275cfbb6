package profiles_test

import (
	"testing"

	"vitalwire/fhir"
	"vitalwire/profiles"
)

// Definitions that came in no package are used like those of one.
func TestLoose(t *testing.T) {
	read := func(text string) *fhir.Resource {
		r, err := fhir.ParseResource([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	p, err := profiles.Loose("stored", []*fhir.Resource{
		read(`{"resourceType":"StructureDefinition","url":"http://x.test/dated","name":"D","status":"draft","kind":"resource","abstract":false,"type":"Patient",
			"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint","differential":{"element":[{"path":"Patient.birthDate","min":1}]}}`),
		read(`{"resourceType":"StructureDefinition","url":"http://hl7.org/fhir/StructureDefinition/Patient","version":"9","name":"P","status":"draft","kind":"resource","abstract":false,"type":"Patient"}`),
		read(`{"resourceType":"StructureDefinition","url":"http://x.test/r5","fhirVersion":"5.0.0","name":"N","status":"draft","kind":"resource","abstract":false,"type":"Patient"}`),
		read(`{"resourceType":"Patient"}`),
	})
	if err != nil || len(p.Entries()) != 2 || len(p.Notes) != 1 {
		t.Fatalf("%v, %d entries, notes %q", err, len(p.Entries()), p.Notes)
	}
	set := profiles.R4().With(p)
	if s, err := set.Structure("http://x.test/dated"); err != nil || s.ByPath("Patient.birthDate").Min != 1 {
		t.Errorf("%v", err)
	}
	if s, err := set.Structure("Patient"); err != nil || s.Version != "4.0.1" {
		t.Errorf("Patient of R4 is replaced: %v", err)
	}
	if p, err := profiles.Loose("stored", nil); p != nil || err != nil {
		t.Errorf("of nothing: %v, %v", p, err)
	}
}
