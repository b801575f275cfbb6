package validate_test

import (
	"fmt"
	"strings"
	"testing"

	"vitalwire/fhir/term"
	"vitalwire/fhir/validate"
	"vitalwire/profiles"
)

// withProfiles is a validator that knows these differentials, each "type name elements".
func withProfiles(t testing.TB, definitions ...[3]string) *validate.Validator {
	t.Helper()
	var resources [][]byte
	for _, d := range definitions {
		if d[1] == "" {
			resources = append(resources, []byte(d[2]))
			continue
		}
		kind := "resource"
		context := ""
		if d[0] == "Extension" || d[0] == "Address" {
			kind = "complex-type"
		}
		if d[0] == "Extension" {
			context = `"context":[{"type":"element","expression":"Patient"}],`
		}
		resources = append(resources, []byte(fmt.Sprintf(`{"resourceType":"StructureDefinition","url":"http://x/%s","name":"%s","status":"active","kind":"%s",%s
			"abstract":false,"type":"%s","baseDefinition":"http://hl7.org/fhir/StructureDefinition/%s","derivation":"constraint","differential":{"element":[%s]}}`,
			d[1], d[1], kind, context, d[0], d[0], d[2])))
	}
	set := profiles.R4().With(readPackage(t, archive(t, resources), "profiles.tgz"))
	return validate.New(set, validate.Terms(term.New(set)))
}

func TestProfile(t *testing.T) {
	v := withProfiles(t,
		[3]string{"Patient", "card", `{"id":"Patient","path":"Patient"},{"id":"Patient.name","path":"Patient.name","min":1,"max":"1"},{"id":"Patient.name.family","path":"Patient.name.family","min":1},{"id":"Patient.photo","path":"Patient.photo","max":"0"}`},
		[3]string{"Patient", "fixed", `{"id":"Patient","path":"Patient"},{"id":"Patient.gender","path":"Patient.gender","fixedCode":"female"},{"id":"Patient.maritalStatus","path":"Patient.maritalStatus","patternCodeableConcept":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M"}]}}`},
		[3]string{"Patient", "value", `{"id":"Patient","path":"Patient"},{"id":"Patient.identifier","path":"Patient.identifier","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":"closed","ordered":true},"min":1},
			{"id":"Patient.identifier:a","path":"Patient.identifier","sliceName":"a","min":1,"max":"1"},{"id":"Patient.identifier:a.system","path":"Patient.identifier.system","min":1,"fixedUri":"http://a"},
			{"id":"Patient.identifier:a.value","path":"Patient.identifier.value","min":1},
			{"id":"Patient.identifier:b","path":"Patient.identifier","sliceName":"b","max":"1"},{"id":"Patient.identifier:b.system","path":"Patient.identifier.system","min":1,"fixedUri":"http://b"}`},
		[3]string{"Patient", "end", `{"id":"Patient","path":"Patient"},{"id":"Patient.identifier","path":"Patient.identifier","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":"openAtEnd"}},
			{"id":"Patient.identifier:a","path":"Patient.identifier","sliceName":"a"},{"id":"Patient.identifier:a.system","path":"Patient.identifier.system","min":1,"fixedUri":"http://a"}`},
		[3]string{"Observation", "pattern", `{"id":"Observation","path":"Observation"},{"id":"Observation.component","path":"Observation.component","slicing":{"discriminator":[{"type":"pattern","path":"code"}],"rules":"open"},"min":1},
			{"id":"Observation.component:s","path":"Observation.component","sliceName":"s","min":1,"max":"1"},{"id":"Observation.component:s.code","path":"Observation.component.code","patternCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]}},
			{"id":"Observation.component:s.value[x]","path":"Observation.component.value[x]","min":1,"type":[{"code":"Quantity"}]}`},
		[3]string{"Observation", "type", `{"id":"Observation","path":"Observation"},{"id":"Observation.value[x]","path":"Observation.value[x]","slicing":{"discriminator":[{"type":"type","path":"$this"}],"rules":"closed"}},
			{"id":"Observation.value[x]:valueQuantity","path":"Observation.value[x]","sliceName":"valueQuantity","type":[{"code":"Quantity"}]},{"id":"Observation.value[x]:valueQuantity.code","path":"Observation.value[x].code","min":1}`},
		[3]string{"Patient", "exists", `{"id":"Patient","path":"Patient"},{"id":"Patient.name","path":"Patient.name","slicing":{"discriminator":[{"type":"exists","path":"period"}],"rules":"open"}},
			{"id":"Patient.name:old","path":"Patient.name","sliceName":"old","max":"1"},{"id":"Patient.name:old.period","path":"Patient.name.period","min":1},
			{"id":"Patient.name:now","path":"Patient.name","sliceName":"now","min":1},{"id":"Patient.name:now.period","path":"Patient.name.period","max":"0"}`},
		[3]string{"Observation", "byprofile", `{"id":"Observation","path":"Observation"},{"id":"Observation.hasMember","path":"Observation.hasMember","slicing":{"discriminator":[{"type":"profile","path":"resolve()"}],"rules":"open"}},
			{"id":"Observation.hasMember:q","path":"Observation.hasMember","sliceName":"q","min":1,"type":[{"code":"Reference","targetProfile":["http://x/type"]}]}`},
		[3]string{"Patient", "ext", `{"id":"Patient","path":"Patient"},{"id":"Patient.extension","path":"Patient.extension","slicing":{"discriminator":[{"type":"value","path":"url"}],"rules":"open"}},
			{"id":"Patient.extension:e","path":"Patient.extension","sliceName":"e","min":1,"max":"1","type":[{"code":"Extension","profile":["http://x/e"]}]}`},
		[3]string{"Extension", "e", `{"id":"Extension","path":"Extension"},{"id":"Extension.url","path":"Extension.url","fixedUri":"http://x/e"},{"id":"Extension.value[x]","path":"Extension.value[x]","min":1,"type":[{"code":"code"}]}`},
		[3]string{"Patient", "inv", `{"id":"Patient","path":"Patient","constraint":[{"key":"x-1","severity":"error","human":"a name","expression":"name.exists()"},{"key":"x-2","severity":"warning","human":"a birth date","expression":"birthDate.exists()"}]},
			{"id":"Patient.contact","path":"Patient.contact","constraint":[{"key":"x-3","severity":"error","human":"two names","expression":"name.given.count() = 2"}]}`},
		[3]string{"Observation", "target", `{"id":"Observation","path":"Observation"},{"id":"Observation.subject","path":"Observation.subject","min":1,"type":[{"code":"Reference","targetProfile":["http://x/card"]}]}`},
		[3]string{"Observation", "bounds", `{"id":"Observation","path":"Observation"},{"id":"Observation.value[x]","path":"Observation.value[x]","maxValueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"kg"}},{"id":"Observation.note","path":"Observation.note"},{"id":"Observation.note.text","path":"Observation.note.text","maxLength":5}`},
		[3]string{"Observation", "binding", `{"id":"Observation","path":"Observation"},{"id":"Observation.code","path":"Observation.code","binding":{"strength":"required","valueSet":"http://x/vs"}}`},
		[3]string{"", "", `{"resourceType":"ValueSet","url":"http://x/vs","status":"active","compose":{"include":[{"system":"http://loinc.org","concept":[{"code":"8480-6"}]}]}}`},
	)
	obs := func(rest string) string {
		return `{"resourceType":"Observation","status":"final","code":{"text":"x"}` + rest + `}`
	}
	component := func(code, value string) string {
		return `{"code":{"coding":[{"system":"http://loinc.org","code":"` + code + `"}]},` + value + `}`
	}
	for _, c := range []struct {
		name, profile, text string
		want                []string
	}{
		{"meets cardinality", "card", `{"resourceType":"Patient","name":[{"family":"x"}]}`, nil},
		{"misses elements", "card", `{"resourceType":"Patient"}`, []string{"required Patient"}},
		{"misses elements below", "card", `{"resourceType":"Patient","name":[{"text":"x"}]}`, []string{"required Patient.name[0]"}},
		{"too many and prohibited", "card", `{"resourceType":"Patient","name":[{"family":"x"},{"family":"y"}],"photo":[{"title":"x"}]}`, []string{"invalid Patient"}},
		{"another type", "card", obs(""), []string{"invalid Observation"}},
		{"unknown profile", "none", `{"resourceType":"Patient"}`, []string{"not-found Patient"}},
		{"fixed and pattern", "fixed", `{"resourceType":"Patient","gender":"female","maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","userSelected":true}],"text":"more"}}`, nil},
		{"not fixed", "fixed", `{"resourceType":"Patient","gender":"male","maritalStatus":{"text":"x"}}`, []string{"invalid Patient.gender", "invalid Patient.maritalStatus"}},
		{"slices by value", "value", `{"resourceType":"Patient","identifier":[{"system":"http://a","value":"1"},{"system":"http://b"}]}`, nil},
		{"slice missing", "value", `{"resourceType":"Patient","identifier":[{"system":"http://b"}]}`, []string{"required Patient"}},
		{"slice twice", "value", `{"resourceType":"Patient","identifier":[{"system":"http://a","value":"1"},{"system":"http://a","value":"1"}]}`, []string{"invalid Patient"}},
		{"closed", "value", `{"resourceType":"Patient","identifier":[{"system":"http://a","value":"1"},{"system":"http://c"}]}`, []string{"invalid Patient.identifier[1]"}},
		{"ordered", "value", `{"resourceType":"Patient","identifier":[{"system":"http://b"},{"system":"http://a","value":"1"}]}`, []string{"invalid Patient.identifier[1]"}},
		{"in the slice", "value", `{"resourceType":"Patient","identifier":[{"system":"http://a"}]}`, []string{"required Patient.identifier[0]"}},
		{"open at the end", "end", `{"resourceType":"Patient","identifier":[{"system":"http://a"},{"system":"http://c"}]}`, nil},
		{"not at the end", "end", `{"resourceType":"Patient","identifier":[{"system":"http://c"},{"system":"http://a"}]}`, []string{"invalid Patient.identifier[1]"}},
		{"slices by pattern", "pattern", obs(`,"component":[` + component("8480-6", `"valueQuantity":{"value":1}`) + `,` + component("1-8", `"valueString":"x"`) + `]`), nil},
		{"type in a slice", "pattern", obs(`,"component":[` + component("8480-6", `"valueString":"x"`) + `]`), []string{"invalid Observation.component[0].value.ofType(string)"}},
		{"value missing in a slice", "pattern", obs(`,"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]}}]`), []string{"required Observation.component[0]"}},
		{"slices by type", "type", obs(`,"valueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"kg"}`), nil},
		{"closed by type", "type", obs(`,"valueString":"x"`), []string{"invalid Observation.value.ofType(string)"}},
		{"in a slice by type", "type", obs(`,"valueQuantity":{"value":1}`), []string{"required Observation.value.ofType(Quantity)"}},
		{"slices by existence", "exists", `{"resourceType":"Patient","name":[{"text":"x"},{"text":"y","period":{"start":"2000"}}]}`, nil},
		{"only one exists", "exists", `{"resourceType":"Patient","name":[{"text":"y","period":{"start":"2000"}}]}`, []string{"required Patient"}},
		{"slices by profile", "byprofile", `{"resourceType":"Observation","contained":[` + strings.Replace(obs(`,"valueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"kg"}`), `"status"`, `"id":"o","status"`, 1) + `],"status":"final","code":{"text":"x"},"hasMember":[{"reference":"#o"}]}`, nil},
		{"not of the profile", "byprofile", `{"resourceType":"Observation","contained":[` + strings.Replace(obs(`,"valueString":"x"`), `"status"`, `"id":"o","status"`, 1) + `],"status":"final","code":{"text":"x"},"hasMember":[{"reference":"#o"}]}`, []string{"required Observation"}},
		{"extension there", "ext", `{"resourceType":"Patient","extension":[{"url":"http://x/e","valueCode":"x"}]}`, nil},
		{"extension missing", "ext", `{"resourceType":"Patient","extension":[{"url":"http://x/f","valueCode":"x"}]}`, []string{"required Patient"}},
		{"extension of another type", "ext", `{"resourceType":"Patient","extension":[{"url":"http://x/e","valueString":"x"}]}`, []string{"invalid Patient.extension[0]"}},
		{"constraints", "inv", `{"resourceType":"Patient","contact":[{"name":{"given":["x"]}}]}`, []string{"invariant Patient", "warning invariant Patient", "invariant Patient.contact[0]"}},
		{"target meets", "target", `{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p","name":[{"family":"x"}]}],"status":"final","code":{"text":"x"},"subject":{"reference":"#p"}}`, nil},
		{"target does not", "target", `{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p"}],"status":"final","code":{"text":"x"},"subject":{"reference":"#p"}}`, []string{"invalid Observation.subject"}},
		{"target of another type", "target", obs(`,"subject":{"reference":"Group/1"}`), []string{"invalid Observation.subject"}},
		{"within bounds", "bounds", obs(`,"valueQuantity":{"value":900,"system":"http://unitsofmeasure.org","code":"g"},"note":[{"text":"short"}]`), nil},
		{"beyond bounds", "bounds", obs(`,"valueQuantity":{"value":1100,"system":"http://unitsofmeasure.org","code":"g"},"note":[{"text":"longer"}]`), []string{"invalid Observation.value.ofType(Quantity)", "too-long Observation.note[0].text"}},
		{"bound", "binding", `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]}}`, nil},
		{"not bound", "binding", `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]}}`, []string{"code-invalid Observation.code"}},
	} {
		check(t, v, c.profile+": "+c.name, c.text, []string{"http://x/" + c.profile}, validate.Options{}, c.want...)
		declared := strings.Replace(c.text, `{"resourceType":"Patient"`, `{"resourceType":"Patient","meta":{"profile":["http://x/`+c.profile+`"]}`, 1)
		if declared != c.text && strings.HasPrefix(c.text, `{"resourceType":"Patient"`) && c.profile != "none" {
			check(t, v, c.profile+" declared: "+c.name, declared, nil, validate.Options{}, c.want...)
		}
	}
}
