package validate_test

import (
	"context"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/validate"
	"vitalwire/internal/shared"
)

// FuzzResource: whatever bytes come, validation ends soon, keeps to its bound of
// issues and says something of each.
func FuzzResource(f *testing.F) {
	for _, seed := range []string{
		observation,
		`{"resourceType":"Bundle","type":"document","entry":[{"fullUrl":"urn:uuid:x","resource":{"resourceType":"Composition","section":[{"entry":[{"reference":"#"}]}]}}]}`,
		`{"resourceType":"QuestionnaireResponse","questionnaire":"#q","contained":[{"resourceType":"Questionnaire","id":"q","item":[{"linkId":"a","enableWhen":[{"question":"a","operator":"exists","answerBoolean":true}]}]}],"item":[{"linkId":"a","answer":[{"item":[{}]}]}]}`,
		`{"resourceType":"Patient","text":{"div":"<div xmlns='x'><a href=\"javascript:\"/>&#x0;</div>"},"_birthDate":{"extension":[{"url":"x"}]}}`,
		`{"resourceType":"StructureDefinition","type":"Patient","derivation":"constraint","differential":{"element":[{"path":"Patient.name.given"}]}}`,
		`{"resourceType":"ValueSet","compose":{"include":[{"system":"http://snomed.info/sct","filter":[{"property":"constraint","value":"<<"}]}]}}`,
		`{"resourceType":"Parameters","parameter":[{"name":"x","resource":{"resourceType":"Parameters"}}]}`,
		`{"resourceType":5}`, `[]`, `null`, `{"resourceType":"Patient","contained":[{"resourceType":"Patient","contained":[]}]}`,
	} {
		f.Add([]byte(seed))
	}
	n := 0
	files(f, shared.Read(f, "data", "r4", "r4-examples.tgz"), ".json", func(_ string, data []byte) {
		if n++; n%9 == 0 && len(data) < 8000 {
			f.Add(data)
		}
	})
	v := newR4()
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := fhir.ParseElement(data)
		if err != nil {
			return
		}
		start := time.Now()
		issues := v.Element(context.Background(), root, []string{"http://hl7.org/fhir/StructureDefinition/vitalsigns"}, validate.Options{BestPractice: true, UnknownExtensions: validate.Refuse})
		if spent := time.Since(start); spent > 20*time.Second {
			t.Errorf("%d bytes took %s", len(data), spent)
		}
		if len(issues) > 201 {
			t.Errorf("%d issues", len(issues))
		}
		for _, is := range issues {
			if is.Text == "" || is.Code == "" || is.Severity == "" || len(is.Text) > 4000 {
				t.Errorf("issue %+v", is)
			}
		}
	})
}
