package validate_test

import (
	"fmt"
	"testing"

	"vitalwire/fhir/validate"
)

// The path of a discriminator leads to an element of what is sliced (R4
// profiling §5.1.0.10).
func TestStructureDefinition_DiscriminatorPath(t *testing.T) {
	v := newR4()
	for _, c := range []struct {
		path, discriminator string
		good                bool
	}{
		{"Patient.extension", "url", true},
		{"Patient.extension", "type", false},
		{"Patient.extension", "value.ofType(Coding).code", true},
		{"Patient.identifier", "$this", true},
		{"Patient.identifier", "type.coding.code", true},
		{"Patient.identifier", "type.coding.cod", false},
		{"Patient.contact", "relationship", true},
		{"Patient.contact", "relation", false},
		{"Patient.generalPractitioner", "resolve()", true},
		{"Patient.generalPractitioner", "resolve().anything", true},
		{"Patient.link", "other.resolve().name", true},
		{"Patient.name", "extension('http://x.test/e').value", true},
	} {
		text := fmt.Sprintf(`{"resourceType":"StructureDefinition","url":"http://x.test/p","name":"P","status":"draft","kind":"resource","abstract":false,
			"type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint",
			"differential":{"element":[{"id":%[1]q,"path":%[1]q,"slicing":{"discriminator":[{"type":"value","path":%[2]q}],"rules":"open"}}]}}`, c.path, c.discriminator)
		var want []string
		if !c.good {
			want = []string{"invalid StructureDefinition.differential.element[0].slicing.discriminator[0]"}
		}
		check(t, v, c.path+" by "+c.discriminator, text, nil, validate.Options{}, want...)
	}
}
