package search_test

import (
	"slices"
	"testing"

	"vitalwire/fhir"
)

// R4 compartmentdefinition-patient: 66 types have parameters, and every one of
// those parameters that is a reference counts.
func TestCompartment_Patient(t *testing.T) {
	c := registry.Compartment("Patient")
	if len(c.Types) != 66 {
		t.Errorf("%d types: %v", len(c.Types), c.Types)
	}
	for _, typ := range []string{"Practitioner", "Organization", "Location", "Medication", "Device"} {
		if _, ok := c.Clause(typ, "p"); ok {
			t.Errorf("%s is in the patient compartment", typ)
		}
	}
	for text, want := range map[string][]string{
		`{"resourceType":"Patient","id":"a"}`: {"a"},
		`{"resourceType":"Patient","id":"a","link":[{"other":{"reference":"Patient/b"},"type":"seealso"}]}`:                                 {"a", "b"},
		`{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/p"},"performer":[{"reference":"Patient/q"}]}`:               {"p", "q"},
		`{"resourceType":"Observation","id":"o","subject":{"reference":"http://h/fhir/Patient/p"},"performer":[{"reference":"Patient/p"}]}`: {"p"},
		`{"resourceType":"Observation","id":"o","subject":{"reference":"http://other/fhir/Patient/p"},"focus":[{"reference":"Patient/q"}]}`: nil,
		`{"resourceType":"Observation","id":"o","subject":{"reference":"Group/p"}}`:                                                         nil,
		`{"resourceType":"Condition","id":"o","subject":{"reference":"Patient/p"},"asserter":{"reference":"Practitioner/q"}}`:               {"p"},
		`{"resourceType":"AuditEvent","id":"o","agent":[{"who":{"reference":"Patient/p"}}],"entity":[{"what":{"reference":"Patient/q"}}]}`:  {"p", "q"},
		`{"resourceType":"Device","id":"d","patient":{"reference":"Patient/p"}}`:                                                            nil,
	} {
		r, err := fhir.ParseResource([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got := c.Owners(r.Key(), registry.Extract(r))
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestCompartment_Others(t *testing.T) {
	for typ, want := range map[string]bool{"Encounter": true, "RelatedPerson": true, "Practitioner": true, "Device": true, "Patient": true, "Observation": false, "": false, "Nothing": false} {
		if got := registry.Compartment(typ) != nil; got != want {
			t.Errorf("%s: %v", typ, got)
		}
	}
}
