package fhir_test

import (
	"testing"

	"vitalwire/fhir"
)

func TestParseReference(t *testing.T) {
	patient := fhir.Key{Type: "Patient", ID: "1"}
	for text, want := range map[string]fhir.Reference{
		"Patient/1":                          {Key: patient},
		"Patient/1/_history/2":               {Key: patient, Version: "2"},
		"http://h/fhir/Patient/1":            {Key: patient, Base: "http://h/fhir"},
		"https://h/Patient/1/_history/2":     {Key: patient, Base: "https://h", Version: "2"},
		"#c":                                 {Contained: "c"},
		"urn:uuid:3f1c":                      {URI: "urn:uuid:3f1c"},
		"http://h":                           {URI: "http://h"},
		"http://h/x":                         {URI: "http://h/x"},
		"Patient":                            {URI: "Patient"},
		"patient/1":                          {URI: "patient/1"},
		"Patient/a b":                        {URI: "Patient/a b"},
		"Patient?identifier=x":               {URI: "Patient?identifier=x"},
		"http://hl7.org/fhir/ValueSet/a/b_c": {URI: "http://hl7.org/fhir/ValueSet/a/b_c"},
		"Patient/1/_history/":                {URI: "Patient/1/_history/"},
		"":                                   {},
	} {
		if got := fhir.ParseReference(text); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}
