package validate_test

import (
	"context"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/validate"
)

// found lists what a validation finds as "severity code expression", errors only
// unless a warning is asked for.
func found(issues []fhir.Issue, warnings bool) []string {
	var out []string
	for _, is := range issues {
		if is.Severity == fhir.ErrorLevel || is.Severity == fhir.Fatal {
			out = append(out, string(is.Code)+" "+is.Expression)
		} else if warnings && is.Severity == fhir.Warning {
			out = append(out, "warning "+string(is.Code)+" "+is.Expression)
		}
	}
	return out
}

func check(t *testing.T, v *validate.Validator, name, text string, profiles []string, opts validate.Options, want ...string) {
	t.Helper()
	root, err := fhir.ParseElement([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	issues := v.Element(context.Background(), root, profiles, opts)
	got := found(issues, true)
	var errors []string
	for _, g := range got {
		if !strings.HasPrefix(g, "warning ") || contains(want, g) {
			errors = append(errors, g)
		}
	}
	if strings.Join(unique(errors), "\n") != strings.Join(want, "\n") {
		t.Errorf("%s: found\n\t%s\nwant\n\t%s", name, strings.Join(errors, "\n\t"), strings.Join(want, "\n\t"))
		for _, is := range issues {
			t.Logf("%s %s %s: %s", is.Severity, is.Code, is.Expression, is.Text)
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func TestBase(t *testing.T) {
	v := newR4()
	deep := strings.Repeat(`{"url":"http://x/e","extension":[`, 25) + `{"url":"http://x/e","valueString":"end"}` + strings.Repeat(`]}`, 25)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		// Structure (R4 json §2.6.2).
		{"empty resource", `{"resourceType":"Patient"}`, nil},
		{"unknown type", `{"resourceType":"Pat"}`, []string{"structure Pat"}},
		{"abstract type", `{"resourceType":"DomainResource"}`, []string{"structure DomainResource"}},
		{"no type", `{"id":"x"}`, []string{"required "}},
		{"unknown element", `{"resourceType":"Patient","naem":[]}`, []string{"structure Patient"}},
		{"unknown element below", `{"resourceType":"Patient","name":[{"familyname":"x"}]}`, []string{"structure Patient.name[0]"}},
		{"array missing", `{"resourceType":"Patient","name":{"family":"x"}}`, []string{"structure Patient.name"}},
		{"array where none is", `{"resourceType":"Patient","gender":["male"]}`, []string{"structure Patient.gender"}},
		{"empty array", `{"resourceType":"Patient","name":[]}`, []string{"structure Patient.name"}},
		{"empty object", `{"resourceType":"Patient","name":[{}]}`, []string{"invariant Patient.name[0]"}},
		{"only an id", `{"resourceType":"Patient","name":[{"id":"a"}]}`, []string{"invariant Patient.name[0]"}},
		{"null", `{"resourceType":"Patient","gender":null}`, []string{"invariant Patient.gender", "code-invalid Patient.gender"}},
		{"string for object", `{"resourceType":"Patient","name":["x"]}`, []string{"structure Patient.name[0]"}},
		{"null in a list of objects", `{"resourceType":"Patient","name":[null]}`, []string{"structure Patient.name[0]"}},
		{"two types of a choice", `{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}`, []string{"structure Patient"}},
		{"type not of the choice", `{"resourceType":"Patient","deceasedString":"x"}`, []string{"structure Patient"}},
		{"missing elements", `{"resourceType":"Observation"}`, []string{"required Observation"}},
		{"missing below", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"component":[{"valueString":"x"}]}`, []string{"required Observation.component[0]"}},
		{"content of another element", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"component":[{"code":{"text":"y"},"referenceRange":[{"foo":1}]}]}`,
			[]string{"structure Observation.component[0].referenceRange[0]", "invariant Observation.component[0].referenceRange[0]"}},
		// Primitives (R4 datatypes §2.24.0.1).
		{"boolean as string", `{"resourceType":"Patient","active":"true"}`, []string{"value Patient.active"}},
		{"date with a 31st", `{"resourceType":"Patient","birthDate":"2023-02-29"}`, []string{"value Patient.birthDate"}},
		{"number as string", `{"resourceType":"Patient","multipleBirthInteger":"2"}`, []string{"value Patient.multipleBirth.ofType(integer)"}},
		{"fraction for integer", `{"resourceType":"Patient","multipleBirthInteger":2.5}`, []string{"value Patient.multipleBirth.ofType(integer)"}},
		{"dateTime without offset", `{"resourceType":"Patient","deceasedDateTime":"2020-01-01T10:00:00"}`, []string{"value Patient.deceased.ofType(dateTime)"}},
		{"uri with a blank", `{"resourceType":"Patient","implicitRules":"a b"}`, []string{"value Patient.implicitRules"}},
		{"uuid in capitals", `{"resourceType":"Patient","implicitRules":"urn:uuid:C757873D-EC9A-4326-A141-556F43239520"}`, []string{"value Patient.implicitRules"}},
		{"bad id", `{"resourceType":"Patient","id":"a_b"}`, []string{"value Patient.id"}},
		{"blank string", `{"resourceType":"Patient","name":[{"family":"  "}]}`, []string{"value Patient.name[0].family"}},
		// Primitive extensions (R4 json §2.6.2.3).
		{"extension for a value", `{"resourceType":"Patient","_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}}`, nil},
		{"extension beside a value", `{"resourceType":"Patient","birthDate":"1970","_birthDate":{"id":"b","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1970-01-01T00:00:00Z"}]}}`, nil},
		{"only an id beside nothing", `{"resourceType":"Patient","_birthDate":{"id":"b"}}`, []string{"invariant Patient.birthDate"}},
		{"lists beside each other", `{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}]}]}`, nil},
		{"null on both sides", `{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,null]}]}`, []string{"invariant Patient.name[0].given[1]"}},
		{"something else in it", `{"resourceType":"Patient","birthDate":"1970","_birthDate":{"value":"x"}}`, []string{"structure Patient.birthDate"}},
		{"on an object", `{"resourceType":"Patient","_name":[{"id":"x"}]}`, []string{"structure Patient"}},
		// Bindings and codes (R4 terminologies §4.1.2).
		{"code not in the value set", `{"resourceType":"Patient","gender":"man"}`, []string{"code-invalid Patient.gender"}},
		{"extensible warns", `{"resourceType":"Patient","maritalStatus":{"coding":[{"system":"http://example.org/x","code":"X"}]}}`, []string{"warning code-invalid Patient.maritalStatus"}},
		{"code not in its system", `{"resourceType":"Patient","maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"nope"}]}}`,
			[]string{"code-invalid Patient.maritalStatus.coding[0].code", "warning code-invalid Patient.maritalStatus"}},
		{"system relative", `{"resourceType":"Patient","maritalStatus":{"coding":[{"system":"x","code":"M"}]}}`, []string{"invalid Patient.maritalStatus.coding[0].system", "warning code-invalid Patient.maritalStatus"}},
		{"system a value set", `{"resourceType":"Basic","code":{"coding":[{"system":"http://hl7.org/fhir/ValueSet/basic-resource-type","code":"referral"}]}}`, []string{"invalid Basic.code.coding[0].system"}},
		{"unknown system", `{"resourceType":"Basic","code":{"coding":[{"system":"http://loinc.org","code":"anything"}]}}`, nil},
		{"no SNOMED CT identifier", `{"resourceType":"Basic","code":{"coding":[{"system":"http://snomed.info/sct","code":"12"}]}}`, []string{"code-invalid Basic.code.coding[0].code"}},
		{"unit without system", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"component":[{"code":{"text":"x"},"valueQuantity":{"value":1,"code":"x"}}]}`,
			[]string{"invariant Observation.component[0].value.ofType(Quantity)"}},
		{"wrong display warns", `{"resourceType":"Patient","maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"Wed"}]}}`, []string{"warning invalid Patient.maritalStatus.coding[0].display"}},
		// Extensions (R4 extensibility §2.4).
		{"no url", `{"resourceType":"Patient","extension":[{"valueString":"x"}]}`, []string{"required Patient.extension[0]"}},
		{"value and extension", `{"resourceType":"Patient","extension":[{"url":"http://x/e","valueString":"x","extension":[{"url":"http://x/f","valueString":"x"}]}]}`, []string{"invariant Patient.extension[0]"}},
		{"wrong place", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"2020"}]}`, []string{"extension Observation"}},
		{"wrong type", `{"resourceType":"Patient","birthDate":"1970","_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueString":"x"}]}}`, []string{"invalid Patient.birthDate.extension[0]"}},
		{"unknown passes", `{"resourceType":"Patient","extension":[{"url":"http://x/e","valueString":"x"}]}`, nil},
		{"with a version", `{"resourceType":"Patient","extension":[{"url":"http://x/e|1","valueString":"x"}]}`, []string{"extension Patient.extension[0]"}},
		{"relative url outside", `{"resourceType":"Patient","extension":[{"url":"e","valueString":"x"}]}`, []string{"extension Patient.extension[0]"}},
		{"nested deep", `{"resourceType":"Patient","extension":[` + deep + `]}`, nil},
		// References (R4 references §2.3.0).
		{"relative reference with no type", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"123"}}`, []string{"invalid Observation.subject"}},
		{"target of another type", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Practitioner/1"}}`, []string{"invalid Observation.subject"}},
		{"absolute target of another type", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"http://h/fhir/Practitioner/1"}}`, []string{"invalid Observation.subject"}},
		{"type contradicts", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1","type":"Device"}}`, []string{"invalid Observation.subject.type"}},
		{"contained not there", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"#p"}}`, []string{"invariant Observation.subject", "invalid Observation.subject"}},
		{"contained of another type", `{"resourceType":"Observation","contained":[{"resourceType":"Practitioner","id":"p"}],"status":"final","code":{"text":"x"},"subject":{"reference":"#p"}}`, []string{"invalid Observation.subject"}},
		{"conditional reference", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient?identifier=x|y"}}`, nil},
		// Contained resources.
		{"contained and nobody refers", `{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"x"}]}`, []string{"invariant Patient.contained[0]"}},
		{"contained without id", `{"resourceType":"Patient","contained":[{"resourceType":"Organization","name":"x"}]}`, []string{"required Patient.contained[0]"}},
		{"contained in contained", `{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"x","contained":[{"resourceType":"Organization","id":"i","name":"y"}],"partOf":{"reference":"#i"}}],"managingOrganization":{"reference":"#o"}}`,
			[]string{"invariant Patient.contained[0].partOf", "invalid Patient.contained[0].partOf", "invariant Patient"}},
		{"contained errors have their place", `{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":5}],"managingOrganization":{"reference":"#o"}}`, []string{"value Patient.contained[0].name"}},
		// Narrative (R4 narrative §2.4.1).
		{"good narrative", `{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x &lt; y</p><br/></div>"}}`, nil},
		{"script", `{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>x</script></div>"}}`, []string{"invariant Patient.text.div"}},
		{"nothing in it", `{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"> </div>"}}`, []string{"invariant Patient.text.div"}},
		// Invariants.
		{"obs-6", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueString":"x","dataAbsentReason":{"text":"x"}}`, []string{"invariant Observation"}},
		{"per-1", `{"resourceType":"Encounter","status":"planned","class":{"code":"AMB"},"period":{"start":"2021","end":"2020"}}`, []string{"invariant Encounter.period"}},
		{"pat-1", `{"resourceType":"Patient","contact":[{"gender":"male"}]}`, []string{"invariant Patient.contact[0]"}},
		{"same element id twice", `{"resourceType":"Patient","name":[{"id":"a","family":"x"},{"id":"a","family":"y"}]}`, []string{"business-rule Patient.name[1]"}},
	} {
		check(t, v, c.name, c.text, nil, validate.Options{}, c.want...)
	}
}

func TestBundle(t *testing.T) {
	v := newR4()
	entry := func(url, resource string) string {
		return `{"fullUrl":"` + url + `","resource":` + resource + `}`
	}
	patient := `{"resourceType":"Patient","id":"p"}`
	obs := func(ref string) string {
		return `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"` + ref + `"}}`
	}
	composition := func(ref string) string {
		return `{"resourceType":"Composition","id":"c","status":"final","type":{"text":"x"},"date":"2020","author":[{"display":"x"}],"title":"x","subject":{"reference":"` + ref + `"}}`
	}
	for _, c := range []struct {
		name, typ, rest string
		entries         []string
		want            []string
	}{
		{"collection", "collection", "", []string{entry("http://h/Patient/p", patient), entry("http://h/Observation/o", obs("Patient/p"))}, nil},
		{"no fullUrl", "collection", "", []string{`{"resource":` + patient + `}`}, []string{"invalid Bundle.entry[0]"}},
		{"relative fullUrl", "collection", "", []string{entry("Patient/p", patient)}, []string{"invalid Bundle.entry[0]"}},
		{"fullUrl of another", "collection", "", []string{entry("http://h/Patient/q", patient)}, []string{"invalid Bundle.entry[0]"}},
		{"same fullUrl twice", "collection", "", []string{entry("http://h/Patient/p", patient), entry("http://h/Patient/p", patient)}, []string{"invariant Bundle"}},
		{"transaction without request", "transaction", "", []string{entry("urn:uuid:3f1c8a52-8a6a-4d5c-9d0e-1f2a3b4c5d6e", patient)}, []string{"invariant Bundle"}},
		{"wrong type in the Bundle", "collection", "", []string{entry("http://h/Practitioner/p", `{"resourceType":"Practitioner","id":"p"}`), entry("http://h/Observation/o", obs("Practitioner/p"))}, []string{"invalid Bundle.entry[1].resource.subject"}},
		{"urn of another type", "collection", "", []string{entry("urn:uuid:3f1c8a52-8a6a-4d5c-9d0e-1f2a3b4c5d6e", `{"resourceType":"Practitioner"}`), entry("http://h/Observation/o", obs("urn:uuid:3f1c8a52-8a6a-4d5c-9d0e-1f2a3b4c5d6e"))}, []string{"invalid Bundle.entry[1].resource.subject"}},
		{"error below", "collection", "", []string{entry("http://h/Patient/p", `{"resourceType":"Patient","id":"p","gender":5}`)}, []string{"value Bundle.entry[0].resource.gender"}},
		{"search result of another type", "searchset", `,"link":[{"relation":"self","url":"http://h/Observation?code=x"}]`, []string{`{"fullUrl":"http://h/Patient/p","search":{"mode":"match"},"resource":` + patient + `}`}, []string{"invalid Bundle.entry[0].resource"}},
		{"search result without id", "searchset", "", []string{entry("http://h/x", `{"resourceType":"Patient"}`)}, []string{"invalid Bundle.entry[0].resource"}},
		{"message", "message", "", []string{entry("http://h/MessageHeader/m", `{"resourceType":"MessageHeader","id":"m","eventUri":"http://x","source":{"endpoint":"http://x"},"focus":[{"reference":"Patient/p"}]}`), entry("http://h/Patient/p", patient)}, nil},
		{"message about something else", "message", "", []string{entry("http://h/MessageHeader/m", `{"resourceType":"MessageHeader","id":"m","eventUri":"http://x","source":{"endpoint":"http://x"},"focus":[{"reference":"Patient/q"}]}`), entry("http://h/Patient/p", patient)}, []string{"not-found Bundle.entry[0].resource.focus[0]"}},
		{"document", "document", `,"identifier":{"system":"http://x","value":"1"},"timestamp":"2020-01-01T00:00:00Z"`, []string{entry("http://h/Composition/c", composition("Patient/p")), entry("http://h/Patient/p", patient)}, nil},
		{"document whose subject is elsewhere", "document", `,"identifier":{"system":"http://x","value":"1"},"timestamp":"2020-01-01T00:00:00Z"`, []string{entry("http://h/Composition/c", composition("Patient/q")), entry("http://h/Patient/p", patient)},
			[]string{"not-found Bundle.entry[0].resource.subject", "informational Bundle.entry[1]"}},
	} {
		text := `{"resourceType":"Bundle","type":"` + c.typ + `"` + c.rest + `,"entry":[` + strings.Join(c.entries, ",") + `]}`
		check(t, v, c.name, text, nil, validate.Options{}, c.want...)
	}
}
