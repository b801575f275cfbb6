package shape_test

import (
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/shape"
)

const tag = `"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED","display":"subsetted"}]`

const patient = `{"resourceType":"Patient","id":"p","meta":{"versionId":"1"},"text":{"status":"generated","div":"<div/>"},"contained":[{"resourceType":"Device","id":"d"}],` +
	`"extension":[{"url":"u","valueString":"x"}],"modifierExtension":[{"url":"m","valueBoolean":true}],"active":true,"name":[{"family":"A","extension":[{"url":"u","valueString":"x"}]}],` +
	`"birthDate":"1970","_birthDate":{"id":"b"},"photo":[{"contentType":"image/png","data":"AAAA"}],"communication":[{"language":{"text":"de"}}],"link":[{"other":{"reference":"Patient/q"},"type":"seealso"}]}`

// R4 search §3.1.1.5.9 (_summary) and §3.1.1.5.10 (_elements).
func TestApply(t *testing.T) {
	const observation = `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"c"},"valueSampledData":{"origin":{"value":0},"period":1,"dimensions":1,"data":"1 2"},"note":[{"text":"n"}],` +
		`"component":[{"code":{"text":"x"},"valueQuantity":{"value":1},"referenceRange":[{"text":"r"}]}]}`
	for name, c := range map[string]struct {
		given string
		shape search.Shape
		want  string
	}{
		"false": {patient, search.Shape{Summary: "false"}, patient},
		"true": {patient, search.Shape{Summary: "true"}, `{"resourceType":"Patient","id":"p","meta":{"versionId":"1",` + tag + `},"modifierExtension":[{"url":"m","valueBoolean":true}],` +
			`"active":true,"name":[{"family":"A"}],"birthDate":"1970","_birthDate":{"id":"b"},"link":[{"other":{"reference":"Patient/q"},"type":"seealso"}]}`},
		"text":                        {patient, search.Shape{Summary: "text"}, `{"resourceType":"Patient","id":"p","meta":{"versionId":"1",` + tag + `},"text":{"status":"generated","div":"<div/>"}}`},
		"text with what is mandatory": {observation, search.Shape{Summary: "text"}, `{"resourceType":"Observation","id":"o","meta":{` + tag + `},"status":"final","code":{"text":"c"}}`},
		"summary of types": {observation, search.Shape{Summary: "true"}, `{"resourceType":"Observation","id":"o","meta":{` + tag + `},"status":"final","code":{"text":"c"},` +
			`"valueSampledData":{"origin":{"value":0},"period":1,"dimensions":1},"component":[{"code":{"text":"x"},"valueQuantity":{"value":1}}]}`},
		"elements": {observation, search.Shape{Elements: []string{"value", "Patient.note"}}, `{"resourceType":"Observation","id":"o","meta":{` + tag + `},"status":"final","code":{"text":"c"},` +
			`"valueSampledData":{"origin":{"value":0},"period":1,"dimensions":1,"data":"1 2"}}`},
		"elements with a type": {patient, search.Shape{Elements: []string{"Patient.birthDate", "Observation.name"}}, `{"resourceType":"Patient","id":"p","meta":{"versionId":"1",` + tag + `},` +
			`"modifierExtension":[{"url":"m","valueBoolean":true}],"active":true,"birthDate":"1970","_birthDate":{"id":"b"},"link":[{"other":{"reference":"Patient/q"},"type":"seealso"}]}`},
	} {
		given, err := fhir.ParseElement([]byte(c.given))
		if err != nil {
			t.Fatal(err)
		}
		got := string(shape.Shaper{Definitions: profiles.R4(), Shape: c.shape}.Apply(given).AppendJSON(nil))
		if got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
		if after := string(given.AppendJSON(nil)); after != c.given {
			t.Errorf("%s changed what was given", name)
		}
	}
	data := shape.Shaper{Definitions: profiles.R4(), Shape: search.Shape{Summary: "data"}}
	given, _ := fhir.ParseElement([]byte(patient))
	if got := data.Apply(given); got.Get("text") != nil || got.Get("photo") == nil || got.Path("meta", "tag") == nil {
		t.Errorf("data gives %s", got.AppendJSON(nil))
	}
}
