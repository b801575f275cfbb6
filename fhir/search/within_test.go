package search_test

import (
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
)

// R4 consent.html, Consent.provision.code and data: what a rule is about may stand where
// there is no search parameter. Internal ones find it there, and nothing a second time.
func TestWithin_WhatNoSearchParameterFinds(t *testing.T) {
	g := search.NewRegistry(profiles.R4(), "http://h/fhir")
	for text, want := range map[string]string{
		`{"resourceType":"MedicationRequest","id":"m","meta":{"tag":[{"system":"t","code":"tag"}]},"status":"active","intent":"order","subject":{"reference":"Patient/p"},
		  "contained":[{"resourceType":"Medication","id":"c","code":{"coding":[{"system":"rx","code":"1"}]},"manufacturer":{"reference":"Organization/o"}}],"medicationReference":{"reference":"#c"},
		  "reasonCode":[{"coding":[{"system":"s","code":"hiv"}]}],"reasonReference":[{"reference":"http://h/fhir/Condition/c"},{"reference":"http://other/Condition/d"}],
		  "requester":{"reference":"Practitioner/r"},"recorder":{"reference":"Practitioner/q/_history/2"},
		  "extension":[{"url":"u","valueCoding":{"system":"x","code":"e"}}],"dispenseRequest":{"quantity":{"value":5,"system":"ucum","code":"mg"}}}`: "_codes=rx|1 _codes=s|hiv _codes=x|e _references=Condition/c _references=Organization/o _references=Practitioner/q _authors=Practitioner/q",
		`{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"c","code":"1"}]},"category":[{"coding":[{"system":"c","code":"1"}]}],"subject":{"reference":"Patient/p"},"performer":[{"reference":"Practitioner/d"}],
		  "interpretation":[{"coding":[{"system":"i","code":"H"}]}],"component":[{"code":{"coding":[{"system":"c","code":"2"}]},"interpretation":[{"coding":[{"system":"i","code":"H"},{"code":"bare"}]}]}]}`: "_codes=|bare _codes=i|H",
		`{"resourceType":"AllergyIntolerance","id":"a","patient":{"reference":"Patient/p"},"recorder":{"reference":"Practitioner/d"}}`:                                                                                                                                                                     "",
		`{"resourceType":"CarePlan","id":"c","status":"active","intent":"plan","subject":{"reference":"Patient/p"},"author":{"reference":"Practitioner/d"}}`:                                                                                                                                               "_references=Practitioner/d _authors=Practitioner/d",
		`{"resourceType":"Consent","id":"c","status":"active","patient":{"reference":"Patient/p"},"provision":{"code":[{"coding":[{"system":"c","code":"1"}]}],"provision":[{"type":"deny","data":[{"meaning":"instance","reference":{"reference":"Observation/o"}}]}]}}`:                                  "",
		`{"resourceType":"Bundle","id":"b","type":"collection","entry":[{"resource":{"resourceType":"Basic","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"c","code":"1"}]}}},{"resource":{"resourceType":"Patient","id":"q","generalPractitioner":[{"reference":"Practitioner/d"}]}}]}`: "_codes=c|1 _patients=Patient/p _patients=Patient/q",
	} {
		r, err := fhir.ParseResource([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var got, alone []string
		show := func(v search.Value) string {
			if v.Param.Type == search.Token {
				return v.Param.Code + "=" + v.System + "|" + v.Code
			}
			return v.Param.Code + "=" + v.Target.Type + "/" + v.Target.ID
		}
		for _, v := range g.Extract(r) {
			if v.Param.Internal() {
				got = append(got, show(v))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", r.Type(), strings.Join(got, " "), want)
		}
		// One by itself finds that, and what others find as well.
		if w := g.Within(r.Type()); w.Codes != nil {
			for _, p := range []*search.Param{w.Codes, w.References, w.Authors, w.Patients} {
				if p == nil {
					continue
				}
				for _, v := range g.ExtractOf(r, []*search.Param{p}) {
					alone = append(alone, show(v))
				}
			}
		}
		for _, one := range got {
			if !slices.Contains(alone, one) {
				t.Errorf("%s: %s is not found alone, but %v", r.Type(), one, alone)
			}
		}
		for _, p := range g.Params(r.Type()) {
			if p.Internal() {
				t.Errorf("%s.%s is served", r.Type(), p.Code)
			}
		}
	}
}

// A provision on codes is not asked of what is true or false.
func TestCoded_IsNoBoolean(t *testing.T) {
	g := search.NewRegistry(profiles.R4(), "http://h/fhir")
	for name, want := range map[string]bool{"active": false, "deceased": false, "identifier": false, "gender": true, "language": true} {
		if got := g.Lookup("Patient", name).Coded(); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
