package validate_test

import (
	"fmt"
	"testing"

	"vitalwire/fhir/validate"
)

// A link from data into the narrative of a document finds one element of it (R4
// extension narrativeLink).
func TestNarrativeLink(t *testing.T) {
	v := newR4()
	const doc, patient = "urn:uuid:0f1d7e2a-9b5c-4a54-8f5c-1f1f3d1c5a01", "urn:uuid:0f1d7e2a-9b5c-4a54-8f5c-1f1f3d1c5a02"
	for link, want := range map[string][]string{
		doc + "#one":                nil,
		doc + "#named":              nil,
		doc + "#part":               nil,
		doc + "#none":               {"not-found Bundle"},
		doc + "#two":                {"invalid Bundle"},
		"http://x.test/elsewhere#a": nil,
		doc:                         nil,
	} {
		text := fmt.Sprintf(`{"resourceType":"Bundle","type":"document","timestamp":"2024-01-01T00:00:00Z","identifier":{"system":"http://x.test","value":"1"},"entry":[
			{"fullUrl":%q,"resource":{"resourceType":"Composition","status":"final","type":{"text":"x"},"date":"2024","title":"x","author":[{"display":"x"}],"subject":{"reference":%q},
				"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p id=\"one\">x</p><a name=\"named\">x</a><p id=\"two\">x</p><p id='two'>x</p></div>"},
				"section":[{"title":"x","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p id=\"part\">x</p></div>"}}]}},
			{"fullUrl":%q,"resource":{"resourceType":"Patient","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/narrativeLink","valueUrl":%q}]}}]}`, doc, patient, patient, link)
		check(t, v, link, text, nil, validate.Options{}, want...)
	}
}
