package proto_test

import (
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/proto"
)

func codec(t testing.TB) *proto.Codec {
	t.Helper()
	c, err := proto.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func resource(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCodec_GoesThereAndBack(t *testing.T) {
	c := codec(t)
	for _, text := range []string{
		`{"resourceType":"Observation","code":{"text":"c"},"status":"final","valueQuantity":{"value":1.50}}`,
		`{"resourceType":"Patient","_birthDate":{"extension":[{"url":"u","valueCode":"c"}]},"birthDate":"1970","contained":[{"resourceType":"Basic","code":{"text":"c"},"id":"b"}]}`,
		`{"resourceType":"Patient","name":[{"given":["A",null,"C"],"_given":[{"id":"a"},{"extension":[{"url":"http://x","valueCode":"y"}],"id":"b"},null]},{"given":["A","B"],"_given":[null,{"id":"b"}]}]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","resource":{"resourceType":"Basic","code":{"text":"c"}}}]},{"name":"c","valueString":"d"},{"name":"e","resource":{"resourceType":"Parameters","parameter":[{"name":"f","resource":{"resourceType":"Basic","code":{"text":"c"}}}]}}]}`,
		`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Basic","code":{"text":"c"}}},{"resource":{"resourceType":"Parameters","parameter":[{"name":"f","resource":{"resourceType":"Basic","code":{"text":"c"}}}]}},{"fullUrl":"urn:uuid:c9b6f3c5-3b4e-4d3a-8f0e-111111111111","resource":{"resourceType":"Bundle","type":"collection"}}],"type":"collection"}`,
	} {
		in := resource(t, text)
		data, err := c.Marshal(in)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		back, err := c.Unmarshal(data)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if found := differ("", canonical(t, back.JSON()), canonical(t, in.JSON()), nil); len(found) > 0 {
			t.Errorf("%s came back as %s", text, back.JSON())
		}
		if string(in.JSON()) != text {
			t.Errorf("%s was changed to %s", text, in.JSON())
		}
	}
}

func TestCheck_IsASecondOpinion(t *testing.T) {
	c := codec(t)
	for text, ok := range map[string]bool{
		`{"resourceType":"Observation","status":"final","code":{"text":"c"}}`:                                                 true,
		`{"resourceType":"Observation","code":{"text":"c"}}`:                                                                  false,
		`{"resourceType":"Observation","status":"finished","code":{"text":"c"}}`:                                              false,
		`{"resourceType":"Observation","status":"final","code":{"text":"c"},"foo":1}`:                                         false,
		`{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"Observation/1"}}`:         false,
		`{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueString":"a","valueBoolean":true}`:           false,
		`{"resourceType":"Observation","status":"final","code":{"text":"c"},"effectiveDateTime":"2020-13-01"}`:                false,
		`{"resourceType":"Parameters","parameter":[{"name":"f","resource":{"resourceType":"Observation","code":{}}}]}`:        false,
		`{"resourceType":"Parameters","parameter":[{"name":"f","resource":{"resourceType":"Basic","code":{"text":"text"}}}]}`: true,
	} {
		if err := c.Check(resource(t, text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCodec_RefusesWithoutPanic(t *testing.T) {
	c := codec(t)
	deep := `{"resourceType":"Basic","code":{"text":"c"}}`
	for range 15 {
		deep = `{"resourceType":"Parameters","parameter":[{"name":"a","resource":` + deep + `}]}`
	}
	if _, err := c.Marshal(resource(t, deep)); err != nil {
		t.Error(err)
	}
	for _, text := range []string{
		`{"resourceType":"Nothing"}`,
		`{"resourceType":"Patient","name":{"family":"x"}}`,
		`{"resourceType":"Patient","active":"x"}`,
		`{"resourceType":"Parameters","parameter":[5]}`,
		`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Parameters","parameter":5}}]}`,
		`{"resourceType":"Bundle","entry":[5]}`,
	} {
		if _, err := c.Marshal(resource(t, text)); fhir.SituationOf(err) != fhir.SituationUnprocessable {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := c.Unmarshal([]byte(strings.Repeat("\xff", 20))); fhir.SituationOf(err) != fhir.SituationMalformed {
		t.Error(err)
	}
	if _, err := c.Unmarshal(nil); err == nil {
		t.Error("nothing was taken for a resource")
	}
}
