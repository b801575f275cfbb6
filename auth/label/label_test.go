package label

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"vitalwire/fhir"
)

func labelsOf(t *testing.T, r *Rules, text string) string {
	t.Helper()
	resource, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	r.Labels(resource, func(system, code string) {
		if system != ActCode && system != Confidentiality {
			code = system + "|" + code
		}
		list = append(list, code)
	})
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

func defaults(t testing.TB) *Rules {
	t.Helper()
	r, err := Default(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Known answers of the default rules (IHE PCF 1.1, SlsSensitive value sets), for codes
// of every code system, in every place of a resource.
func TestDefault_PCF_Sensitivities(t *testing.T) {
	r := defaults(t)
	if len(r.Missing()) != 6 {
		t.Errorf("missing are %q, want PCF's six value sets", r.Missing())
	}
	coded := func(system, code string) string {
		return fmt.Sprintf(`{"resourceType":"Condition","code":{"coding":[{"system":"http://other","code":"x"},{"system":%q,"code":%q}]}}`, system, code)
	}
	const (
		sct, loinc, icd10, icd9 = "http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-9-cm"
		gm                      = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
	)
	for _, c := range []struct{ system, code, want string }{
		{loinc, "74013-4", "ETH ETHUD R"}, // PCF's ex-alcoholUse
		{icd10, "F10.20", "ETH ETHUD R"},
		{gm, "F10.2", "ETH ETHUD R"},
		{"http://hl7.org/fhir/sid/icd-10", "F10", "ETH ETHUD R"},
		{icd10, "F11.10", "ETH OPIOIDUD R"},
		{icd10, "F19.9", "ETH OPIOIDUD R"},
		{icd10, "F32.1", "PSY R"},
		{icd10, "T74.11XA", "R SDV"},
		{icd10, "B20", "HIV R"},
		{icd10, "Z21", "HIV R"},
		{icd9, "042", "HIV R"},
		{icd9, "303.90", "ETH ETHUD R"},
		{icd9, "305.1", ""}, // tobacco
		{icd10, "F17.2", ""},
		{icd10, "I10", ""},
		{icd10, "Z2", ""},
		{sct, "7200002", "ETH ETHUD R"},
		{sct, "75544000", "ETH OPIOIDUD R"},
		{sct, "35489007", "PSY R"},
		{sct, "706893006", "R SDV"},
		{sct, "86406008", "HIV R"},
		{"urn:oid:2.16.840.1.113883.6.96", "86406008", "HIV R"},
		{sct, "38341003", ""}, // hypertension
		{"http://www.nlm.nih.gov/research/umls/rxnorm", "7243", "ETH ETHUD OPIOIDUD R"}, // naltrexone
		{loinc, "29463-7", ""},
		{loinc, "F10.2", ""}, // of another system
		{"", "F10.2", ""},
	} {
		if got := labelsOf(t, r, coded(c.system, c.code)); got != c.want {
			t.Errorf("%s|%s: %q, want %q", c.system, c.code, got, c.want)
		}
	}
}

// Every element counts, and what is inside: what no search parameter finds, extensions,
// contained resources (dom-2) and the entries of a stored Bundle with their labels.
func TestLabels_AnywhereInAResource(t *testing.T) {
	r := defaults(t)
	const drinks = `{"system":"http://loinc.org","code":"74013-4"}`
	const restricted = `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}`
	for text, want := range map[string]string{
		`{"resourceType":"Patient","id":"a"}`: "",
		`{"resourceType":"QuestionnaireResponse","item":[{"item":[{"answer":[{"valueCoding":` + drinks + `}]}]}]}`:                                                              "ETH ETHUD R",
		`{"resourceType":"ExplanationOfBenefit","diagnosis":[{"diagnosisCodeableConcept":{"coding":[` + drinks + `]}}]}`:                                                        "ETH ETHUD R",
		`{"resourceType":"Patient","extension":[{"url":"x","valueCodeableConcept":{"coding":[` + drinks + `]}}]}`:                                                               "ETH ETHUD R",
		`{"resourceType":"Patient","_birthDate":{"extension":[{"url":"x","valueCoding":` + drinks + `}]}}`:                                                                      "ETH ETHUD R",
		`{"resourceType":"MedicationRequest","contained":[{"resourceType":"Medication","id":"m","code":{"coding":[` + drinks + `]}}]}`:                                          "ETH ETHUD R",
		`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient",` + restricted + `}}]}`:                                                    "R",
		`{"resourceType":"DocumentReference","securityLabel":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}]}]}`:                  "V",
		`{"resourceType":"Composition","confidentiality":"R"}`:                                                                                                                  "R",
		`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Composition","confidentiality":"R"}}]}}]}`:                "R",
		`{"resourceType":"Consent","provision":{"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}]}}`:                           "",
		`{"resourceType":"Patient",` + restricted + `}`:                                                                                                                         "R",
		`{"resourceType":"Patient","meta":{"security":[{"system":"http://mine","code":"x"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"NORDSCLCD"}]}}`: "NORDSCLCD http://mine|x",
		`{"resourceType":"Patient","meta":{"tag":[` + drinks + `]}}`:                                                                                                            "",
		`{"resourceType":"Observation","valueQuantity":{"system":"http://loinc.org","value":1},"code":{"coding":[{"code":"74013-4"}]}}`:                                         "",
	} {
		if got := labelsOf(t, r, text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestDS4P_InlineLabels: the label of an element is one of the resource that judges it
// (FHIR DS4P 1.0.0, inline security labels; high-water mark), wherever the element stands,
// whether it is announced (PROCESSINLINELABEL) or not; and it makes nothing less confidential.
func TestDS4P_InlineLabels(t *testing.T) {
	r := defaults(t)
	inline := func(system, code string) string {
		return `"extension":[{"url":"http://example.org/other","valueCoding":{"system":"s","code":"V"}},{"url":"` + Inline + `","valueCoding":{"system":"` + system + `","code":"` + code + `"}}]`
	}
	meta := func(code string) string {
		return `"meta":{"security":[{"system":"` + Confidentiality + `","code":"` + code + `"},{"system":"` + ActCode + `","code":"PROCESSINLINELABEL"}]},`
	}
	high := inline(Confidentiality, "R")
	for text, want := range map[string]string{
		`{"resourceType":"Patient","telecom":[{` + inline(ActCode, "LOCIS") + `,"value":"1"}]}`:                                "LOCIS",
		`{"resourceType":"Patient",` + meta("N") + `"telecom":[{` + high + `,"value":"1"}]}`:                                   "N PROCESSINLINELABEL R",
		`{"resourceType":"Patient","gender":"male","_gender":{` + high + `}}`:                                                  "R",
		`{"resourceType":"Patient","name":[{"given":["a","b"],"_given":[null,{` + high + `}]}]}`:                               "R",
		`{"resourceType":"Patient",` + high + `}`:                                                                              "R",
		`{"resourceType":"Patient","meta":{"profile":["x"],"_profile":[{` + high + `}]}}`:                                      "R",
		`{"resourceType":"Observation","code":{"coding":[{` + high + `,"system":"x","code":"y"}]}}`:                            "R",
		`{"resourceType":"Observation","component":[{"valueQuantity":{"value":1,` + high + `}}]}`:                              "R",
		`{"resourceType":"Basic","contained":[{"resourceType":"Patient","_birthDate":{` + high + `}}]}`:                        "R",
		`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","_birthDate":{` + high + `}}}]}`:              "R",
		`{"resourceType":"Basic","code":{"text":"x"},"extension":[{"url":"http://a","extension":[{"url":"b",` + high + `}]}]}`: "R",
		`{"resourceType":"Patient","_gender":{` + inline(Confidentiality, "L") + `}}`:                                          "L N",
		`{"resourceType":"Patient",` + meta("M") + `"_gender":{` + inline(Confidentiality, "L") + `}}`:                         "L M PROCESSINLINELABEL",
		`{"resourceType":"Patient","_gender":{` + inline(ActCode, "HIV") + `}}`:                                                "HIV",
		`{"resourceType":"Basic","contained":[{"resourceType":"Patient",` + strings.TrimSuffix(meta("U"), ",") + `}]}`:         "N PROCESSINLINELABEL U",
		`{"resourceType":"Patient","_gender":{"extension":[{"url":"` + Inline + `","valueString":"R"}]}}`:                      "V",
		`{"resourceType":"Patient","_gender":{"extension":[{"url":"` + Inline + `x","valueCoding":{"code":"R"}}]}}`:            "",
		`{"resourceType":"Patient","_gender":{"extension":[{"url":"` + strings.ReplaceAll(Inline, "/", `\/`) + `"}]}}`:         "V",
	} {
		if got := labelsOf(t, r, text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		resource, err := fhir.ParseResource([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if want != "" && r.Silent(resource.JSON()) {
			t.Errorf("%s is silent", text)
		}
	}
}

// The highest confidentiality of the sensitivities wins, and a sensitivity may be of
// another code system.
func TestRead_HighestWins(t *testing.T) {
	r, err := Read([]byte(`{"sensitivities":[
		{"code":"LOW","confidentiality":"L","codes":[{"systems":["s"],"codes":["a","c"]}]},
		{"code":"HIGH","system":"http://mine","confidentiality":"V","codes":[{"systems":["s"],"prefixes":["b","c"]}]},
		{"code":"BOTH","confidentiality":"N","includes":["LOW","HIGH"]}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]string{"a": "BOTH LOW N", "b9": "BOTH V http://mine|HIGH", "c": "BOTH LOW V http://mine|HIGH", "d": "", "ab": ""} {
		if got := labelsOf(t, r, `{"resourceType":"Basic","code":{"coding":[{"system":"s","code":"`+code+`"}]}}`); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

// Value sets are taken in when they are known; what came of it is told by the name and
// can be read again without them.
func TestRead_ValueSets(t *testing.T) {
	file := []byte(`{"sensitivities":[{"code":"X","confidentiality":"R","valueSets":["http://a","http://b"]}]}`)
	without, err := Read(file, nil)
	if err != nil || !slices.Equal(without.Missing(), []string{"http://a", "http://b"}) {
		t.Fatal(without, err)
	}
	with, err := Read(file, func(url string) ([]Coding, bool) {
		return []Coding{{"s2", "2"}, {"s1", "1"}, {"s2", "2"}}, url == "http://a"
	})
	if err != nil || !slices.Equal(with.Missing(), []string{"http://b"}) || with.Name() == without.Name() {
		t.Fatal(with, err)
	}
	again, err := Read(with.Text(), nil)
	if err != nil || again.Name() != with.Name() || again.Missing() != nil {
		t.Fatal(again, err)
	}
	const text = `{"resourceType":"Basic","code":{"coding":[{"system":"s2","code":"2"}]}}`
	if got := labelsOf(t, again, text); got != "R X" {
		t.Error(got)
	}
	if got := labelsOf(t, without, text); got != "" {
		t.Error(got)
	}
}

// A file that is wrong is refused, and the error says where.
func TestRead_Refuses(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                     "rules: it is not an object",
		`{`:                      "",
		`{"sensitivity":[]}`:     `rules: "sensitivity" is not known`,
		`{"sensitivities":{}}`:   "sensitivities: it is not a list",
		`{"sensitivities":[1]}`:  "sensitivities[0]: it is not an object",
		`{"sensitivities":[{}]}`: "sensitivities[0].code: it is missing",
		`{"sensitivities":[{"code":"X","confidentiality":"Q"}]}`:                                                                          "sensitivities[0].confidentiality: it is one of",
		`{"sensitivities":[{"code":"X","confidentiality":"R","prefix":[]}]}`:                                                              `sensitivities[0]: "prefix" is not known`,
		`{"sensitivities":[{"code":"X","confidentiality":"R"},{"code":"X","confidentiality":"R"}]}`:                                       "sensitivities[1].code: X is there twice",
		`{"sensitivities":[{"code":"X","confidentiality":"R","includes":["Y"]}]}`:                                                         "sensitivities[0].includes[0]: the file has no sensitivity Y",
		`{"sensitivities":[{"code":"X","confidentiality":"R","codes":[{"codes":["1"]}]}]}`:                                                "sensitivities[0].codes[0].systems: a code system is missing",
		`{"sensitivities":[{"code":"X","confidentiality":"R","codes":[{"systems":["s"]}]}]}`:                                              "sensitivities[0].codes[0]: it has neither",
		`{"sensitivities":[{"code":"X","confidentiality":"R","codes":[{"systems":["s"],"codes":[""]}]}]}`:                                 "sensitivities[0].codes[0].codes[0]: it is a text",
		`{"sensitivities":[{"code":"X","confidentiality":"R","codes":[{"systems":["s"],"prefixes":[""]}]}]}`:                              "sensitivities[0].codes[0].prefixes[0]: it is a text",
		`{"sensitivities":[{"code":"X","confidentiality":"R","codes":[{"systems":["s"],"codes":["` + strings.Repeat("x", 300) + `"]}]}]}`: "codes[0].codes[0]: it is a text",
		`{"sensitivities":[` + strings.Repeat(`{},`, 64) + `{}]}`:                                                                         "sensitivities: at most 64",
	} {
		if _, err := Read([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: error %v, want %q", text, err, want)
		}
	}
}

// TestRead_IncludesInACircle ends, and all of the circle get all codes.
func TestRead_IncludesInACircle(t *testing.T) {
	r, err := Read([]byte(`{"sensitivities":[{"code":"A","confidentiality":"L","includes":["B"]},{"code":"B","confidentiality":"N","includes":["A"],"codes":[{"systems":["s"],"codes":["1"]}]}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := labelsOf(t, r, `{"resourceType":"Basic","code":{"coding":[{"system":"s","code":"1"}]}}`); got != "A B N" {
		t.Error(got)
	}
}

// observation is a blood pressure.
func observation(b *testing.B) *fhir.Resource {
	b.Helper()
	resource, err := fhir.ParseResource([]byte(`{"resourceType":"Observation","id":"o","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/vitalsigns"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9"},{"system":"urn:iso:std:iso:11073:10101","code":"150020"}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-01-01T00:00:00Z","performer":[{"reference":"Practitioner/d"}],"device":{"reference":"Device/d"},"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`))
	if err != nil {
		b.Fatal(err)
	}
	return resource
}

func BenchmarkLabels_ObservationWithoutAny(b *testing.B) {
	r, resource := defaults(b), observation(b)
	b.ReportAllocs()
	for b.Loop() {
		r.Labels(resource, func(string, string) { b.Error("a label") })
	}
}

// What is Silent has no labels, whatever the code; what is not need not have any.
func TestSilent(t *testing.T) {
	r := defaults(t)
	silent := 0
	for _, code := range []string{"74013-4", "F10.2", "F10", "F1", "Z21", "29463-7", "x", `F10\"`, "F\u00e4", "86406008", "8640600"} {
		for _, system := range []string{"http://loinc.org", "http://hl7.org/fhir/sid/icd-10", "http://snomed.info/sct", "s"} {
			for _, shape := range []string{
				`{"resourceType":"Basic","code":{"coding":[{"system":%[1]q,"code":%[2]q}]}}`,
				`{"resourceType":"Basic","code":{"coding":[{"code":%[2]q,"system":%[1]q}]}}`,
				`{"resourceType":"Basic","meta":{"security":[{"system":%[1]q,"code":%[2]q}]}}`,
				`{"resourceType":"Basic","meta":{"tag":[{"system":%[1]q,"code":%[2]q}]}}`,
			} {
				resource, err := fhir.ParseResource(fmt.Appendf(nil, shape, system, code))
				if err != nil {
					t.Fatal(err)
				}
				labels := labelsOf(t, r, string(resource.JSON()))
				if r.Silent(resource.JSON()) {
					silent++
					if labels != "" {
						t.Errorf("%s is silent and has %q", resource.JSON(), labels)
					}
				}
			}
		}
	}
	if silent < 40 {
		t.Errorf("only %d were silent", silent)
	}
}

func BenchmarkSilent_Observation(b *testing.B) {
	r := defaults(b)
	body := observation(b).JSON()
	for b.Loop() {
		if !r.Silent(body) {
			b.Fatal("a label")
		}
	}
}

// What is read is read again from its own text, and gives the same labels by any text.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"sensitivities":[{"code":"A","confidentiality":"L","includes":["B"]},{"code":"B","confidentiality":"N","codes":[{"systems":["s"],"codes":["1"],"prefixes":["2"]}]}]}`), "s", "23")
	f.Add(builtin, "http://loinc.org", "74013-4")
	f.Fuzz(func(t *testing.T, file []byte, system, code string) {
		r, err := Read(file, nil)
		if err != nil {
			return
		}
		again, err := Read(r.Text(), nil)
		if err != nil || again.Name() != r.Name() {
			t.Fatalf("%s: read again %v", r.Text(), err)
		}
		if system == "" || code == "" || !utf8.ValidString(system+code) {
			return
		}
		body := fhir.NewObject(fhir.S("resourceType", "Basic"), fhir.M("code", fhir.NewObject(fhir.S("system", system), fhir.S("code", code)))).AppendJSON(nil)
		one, other := labelsOf(t, r, string(body)), labelsOf(t, again, string(body))
		if one != other || one != "" && r.Silent(body) {
			t.Fatalf("%s: %q, again %q, silent %v", body, one, other, r.Silent(body))
		}
	})
}
