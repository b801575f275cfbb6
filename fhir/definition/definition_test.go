package definition_test

import (
	"errors"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

const observation = `{"resourceType":"StructureDefinition","url":"http://x/obs","version":"1","name":"Obs","kind":"resource",
"abstract":false,"type":"Observation","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Observation","derivation":"constraint",
"snapshot":{"element":[
{"id":"Observation","path":"Observation","min":0,"max":"*","constraint":[{"key":"obs-6","severity":"error","human":"h","expression":"true"}]},
{"id":"Observation.id","path":"Observation.id","min":0,"max":"1","type":[{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type","valueUrl":"string"}],"code":"http://hl7.org/fhirpath/System.String"}]},
{"id":"Observation.category","path":"Observation.category","slicing":{"discriminator":[{"type":"value","path":"coding.code"}],"rules":"open"},"min":1,"max":"1","base":{"path":"Observation.category","min":0,"max":"*"},"type":[{"code":"CodeableConcept"}]},
{"id":"Observation.category:vs","path":"Observation.category","sliceName":"vs","min":1,"max":"1","type":[{"code":"CodeableConcept"}],"patternCodeableConcept":{"coding":[{"code":"vital-signs"}]}},
{"id":"Observation.category:vs.text","path":"Observation.category.text","min":0,"max":"0","type":[{"code":"string"}]},
{"id":"Observation.category:vs/sub","path":"Observation.category","sliceName":"vs/sub","min":0,"max":"1","type":[{"code":"CodeableConcept"}]},
{"id":"Observation.value[x]","path":"Observation.value[x]","min":0,"max":"1","type":[{"code":"Quantity"},{"code":"dateTime"}]},
{"id":"Observation.referenceRange","path":"Observation.referenceRange","min":0,"max":"*","type":[{"code":"BackboneElement"}]},
{"id":"Observation.referenceRange.low","path":"Observation.referenceRange.low","min":0,"max":"1","type":[{"code":"Quantity"}]},
{"id":"Observation.component","path":"Observation.component","min":0,"max":"*","type":[{"code":"BackboneElement"}]},
{"id":"Observation.component.referenceRange","path":"Observation.component.referenceRange","min":0,"max":"*","contentReference":"#Observation.referenceRange"}
]}}`

func compile(t *testing.T, text string) (*definition.Structure, error) {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return definition.FromResource(r)
}

func TestFromResource_BuildsTree(t *testing.T) {
	s, err := compile(t, observation)
	if err != nil {
		t.Fatal(err)
	}
	root := s.Root()
	if got := len(root.Children); got != 5 {
		t.Errorf("root has %d children, want 5", got)
	}
	id, typ := root.Child("id")
	if id == nil || typ.Code != "string" || typ.System != "String" {
		t.Errorf("id: %+v %+v", id, typ)
	}
	value, typ := root.Child("valueDateTime")
	if value == nil || value.Path != "Observation.value[x]" || typ.Code != "dateTime" {
		t.Errorf("valueDateTime: %+v %+v", value, typ)
	}
	if e, _ := root.Child("valueString"); e != nil {
		t.Error("valueString is not allowed and was found")
	}
	if got := value.JSONName("dateTime"); got != "valueDateTime" {
		t.Errorf("JSONName = %s", got)
	}

	category := s.ByPath("Observation.category")
	if len(category.Slices) != 1 || category.Slices[0].SliceName != "vs" || !category.Repeats() {
		t.Fatalf("category: %+v", category)
	}
	vs := category.Slices[0]
	if vs.Sliced != category || vs.Pattern.Type != "CodeableConcept" || len(vs.Children) != 1 {
		t.Errorf("slice: %+v", vs)
	}
	if len(vs.Slices) != 1 || vs.Slices[0].Sliced != vs {
		t.Errorf("reslice: %+v", vs.Slices)
	}
	if s.ByID("Observation.category:vs.text").Parent != vs {
		t.Error("a slice's child has another parent")
	}
	if low, _ := s.ByID("Observation.component.referenceRange").Child("low"); low == nil {
		t.Error("a content reference is not followed")
	}
}

func TestFromResource_Refuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"other type":  {`{"resourceType":"Patient"}`, "no StructureDefinition"},
		"no snapshot": {`{"resourceType":"StructureDefinition","url":"http://x"}`, "no snapshot"},
		"bad max":     {strings.Replace(observation, `"max":"*"`, `"max":"many"`, 1), `"many" is no count`},
		"orphan":      {strings.Replace(observation, `"path":"Observation.id"`, `"path":"Patient.id"`, 1), "no parent"},
	} {
		if _, err := compile(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	_, err := compile(t, `{"resourceType":"StructureDefinition","url":"http://x"}`)
	if !errors.Is(err, definition.ErrNoSnapshot) {
		t.Errorf("%v does not wrap ErrNoSnapshot", err)
	}
}
