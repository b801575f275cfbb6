package mask

import (
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
)

var known = search.NewRegistry(profiles.R4(), "https://h/fhir")

// codes are a part of v3-ActReason.
type codes struct{}

func (codes) Below(system, code string) ([]string, bool) {
	if system != actReason {
		return []string{code}, true
	}
	of := map[string][]string{"TREAT": {"TREAT", "ETREAT", "BTG"}, "HRESCH": {"HRESCH", "CLINTRCH"}, "CLINTRCH": {"CLINTRCH"}, "BTG": {"BTG"}, "ETREAT": {"ETREAT", "BTG"}}
	list, ok := of[code]
	return list, ok
}

func read(t *testing.T, rules string) *Rules {
	t.Helper()
	r, err := Read([]byte(`{"obligations":[`+rules+`]}`), profiles.R4(), known, codes{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func never(search.View) (bool, error) { return false, nil }

func apply(t *testing.T, m *Mask, body string, meets func(search.View) (bool, error)) string {
	t.Helper()
	r, err := fhir.ParseResource([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	shown, changed, err := m.Apply(r.Type(), []byte(body), meets)
	if err != nil {
		t.Fatal(err)
	}
	if changed == (string(shown) == body) {
		t.Errorf("changed is %v of %s", changed, shown)
	}
	return string(shown)
}

const (
	absence = `{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}`
	labels  = `"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"MASKED","display":"masked"}],"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED","display":"subsetted"}]`
)

// D.5: what is masked is taken away, with the narrative, wherever it is; where there must
// be a value, or it is a primitive, it is said that there is one.
func TestD5_Apply(t *testing.T) {
	for name, c := range map[string]struct{ mask, given, want string }{
		"complex": {`"Patient.telecom"`, `{"resourceType":"Patient","id":"a","meta":{"profile":["p"]},"text":{"status":"generated","div":"<div/>"},"active":true,"telecom":[{"value":"5"}]}`,
			`{"resourceType":"Patient","id":"a","meta":{"profile":["p"],` + labels + `},"active":true}`},
		"primitive": {`"Patient.birthDate"`, `{"resourceType":"Patient","id":"a","birthDate":"1970-01-01","_birthDate":{"id":"x","extension":[{"url":"u","valueDateTime":"1970-01-01T01:02:03Z"}]}}`,
			`{"resourceType":"Patient","id":"a","meta":{` + labels + `},"_birthDate":` + absence + `}`},
		"primitives that repeat, deep": {`"Patient.name.given","Patient.address.line"`, `{"resourceType":"Patient","id":"a","name":[{"family":"F","given":["A","B"],"_given":[null,{"id":"x"}]},{"family":"G"}],"address":[{"line":["l"],"city":"c"}]}`,
			`{"resourceType":"Patient","id":"a","meta":{` + labels + `},"name":[{"family":"F","_given":[` + absence + `]},{"family":"G"}],"address":[{"_line":[` + absence + `],"city":"c"}]}`},
		"choice": {`"Observation.value[x]"`, `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"c"},"valueString":"v","component":[{"code":{"text":"c"},"valueQuantity":{"value":1.50}}]}`,
			`{"resourceType":"Observation","id":"o","meta":{` + labels + `},"status":"final","code":{"text":"c"},"_valueString":` + absence + `,"component":[{"code":{"text":"c"},"valueQuantity":{"value":1.50}}]}`},
		"inside a choice": {`"Observation.value.unit"`, `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.50,"unit":"kg"}}`,
			`{"resourceType":"Observation","id":"o","meta":{` + labels + `},"status":"final","code":{"text":"c"},"valueQuantity":{"value":1.50,"_unit":` + absence + `}}`},
		"required": {`"Observation.code"`, `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"c"}}`,
			`{"resourceType":"Observation","id":"o","meta":{` + labels + `},"status":"final","code":` + absence + `}`},
		"required, with what it requires": {`"Claim.insurance"`, `{"resourceType":"Claim","id":"c","insurance":[{"sequence":1,"focal":true,"coverage":{"reference":"Coverage/1"}}]}`,
			`{"resourceType":"Claim","id":"c","meta":{` + labels + `},"insurance":[` + strings.TrimSuffix(absence, "}") + `,"_sequence":` + absence + `,"_focal":` + absence + `,"coverage":` + absence + `}]}`},
		"what changes the meaning": {`"AllergyIntolerance.verificationStatus"`, `{"resourceType":"AllergyIntolerance","id":"a","verificationStatus":{"text":"refuted"},"patient":{"reference":"Patient/a"}}`,
			`{"resourceType":"AllergyIntolerance","id":"a","meta":{` + labels + `},"verificationStatus":` + absence + `,"patient":{"reference":"Patient/a"}}`},
		"the narrative alone": {`"Patient.telecom"`, `{"resourceType":"Patient","id":"a","text":{"status":"additional","div":"<div>phone 5</div>"},"active":true}`,
			`{"resourceType":"Patient","id":"a","meta":{` + labels + `},"active":true}`},
		"content of another element": {`"Composition.section.title"`, `{"resourceType":"Composition","id":"c","title":"t","section":[{"title":"A","section":[{"title":"B","code":{"text":"x"}}]}]}`,
			`{"resourceType":"Composition","id":"c","meta":{` + labels + `},"title":"t","section":[{"_title":` + absence + `,"section":[{"_title":` + absence + `,"code":{"text":"x"}}]}]}`},
		"contained": {`"Patient.telecom"`, `{"resourceType":"Observation","id":"o","text":{"status":"generated","div":"<div>5</div>"},"contained":[{"resourceType":"Patient","id":"p","telecom":[{"value":"5"}]},{"resourceType":"Device","id":"d"}],"status":"final"}`,
			`{"resourceType":"Observation","id":"o","meta":{` + labels + `},"contained":[{"resourceType":"Patient","id":"p","meta":{` + labels + `}},{"resourceType":"Device","id":"d"}],"status":"final"}`},
		"in a Bundle in a Bundle": {`"Patient.telecom"`, `{"resourceType":"Bundle","id":"b","type":"collection","entry":[{"fullUrl":"urn:x","resource":{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","telecom":[{"value":"5"}]}}]}}]}`,
			`{"resourceType":"Bundle","id":"b","meta":{` + labels + `},"type":"collection","entry":[{"fullUrl":"urn:x","resource":{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","meta":{` + labels + `}}}],"meta":{` + labels + `}}}]}`},
		"every type": {`"*.note"`, `{"resourceType":"Condition","id":"c","note":[{"text":"n"}],"subject":{"reference":"Patient/a"}}`, `{"resourceType":"Condition","id":"c","meta":{` + labels + `},"subject":{"reference":"Patient/a"}}`},
		"what only says it is a resource": {`"Patient.contact.telecom"`, `{"resourceType":"Patient","id":"a","contact":[{"resourceType":"Basic","telecom":[{"value":"5"}]}]}`,
			`{"resourceType":"Patient","id":"a","meta":{` + labels + `},"contact":[{"resourceType":"Basic"}]}`},
		"where no definition tells of it": {`"Patient.telecom"`, `{"resourceType":"Basic","id":"a","x":[{"y":{"resourceType":"Patient","telecom":[{"value":"5"}]}}]}`,
			`{"resourceType":"Basic","id":"a","meta":{` + labels + `},"x":[{"y":{"resourceType":"Patient","meta":{` + labels + `}}}]}`},
		"nothing":      {`"Patient.telecom"`, `{"resourceType":"Patient","id":"a","active":true}`, `{"resourceType":"Patient","id":"a","active":true}`},
		"another type": {`"Patient.telecom"`, `{"resourceType":"Practitioner","id":"a","text":{"status":"generated","div":"<div/>"},"telecom":[{"value":"5"}]}`, `{"resourceType":"Practitioner","id":"a","text":{"status":"generated","div":"<div/>"},"telecom":[{"value":"5"}]}`},
		"an extension": {`"Patient.extension"`, `{"resourceType":"Patient","id":"a","extension":[{"url":"u","valueString":"x"}],"_active":{"extension":[{"url":"u","valueString":"y"}]}}`, `{"resourceType":"Patient","id":"a","meta":{` + labels + `},"_active":{"extension":[{"url":"u","valueString":"y"}]}}`},
	} {
		m := read(t, `{"mask":[`+c.mask+`]}`).For(Caller{})
		if got := apply(t, m, c.given, never); !sameMembers(t, got, c.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		} else if again := apply2(t, m, got); again != got {
			t.Errorf("%s: masked twice it is\n%s\nonce\n%s", name, again, got)
		}
	}
}

func apply2(t *testing.T, m *Mask, body string) string {
	t.Helper()
	r, err := fhir.ParseResource([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	shown, _, err := m.Apply(r.Type(), []byte(body), never)
	if err != nil {
		t.Fatal(err)
	}
	return string(shown)
}

func sameMembers(t *testing.T, a, b string) bool {
	t.Helper()
	x, err1 := fhir.ParseElement([]byte(a))
	y, err2 := fhir.ParseElement([]byte(b))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return string(sorted(x).AppendJSON(nil)) == string(sorted(y).AppendJSON(nil))
}

func sorted(e *fhir.Element) *fhir.Element {
	switch e.Kind() {
	case fhir.Array:
		out := fhir.NewArray()
		for _, item := range e.Items() {
			out.Append(sorted(item))
		}
		return out
	case fhir.Object:
		members := slices.Clone(e.Members())
		slices.SortFunc(members, func(a, b fhir.Member) int { return strings.Compare(a.Name, b.Name) })
		out := fhir.NewObject()
		for _, m := range members {
			out.Set(m.Name, sorted(m.Value))
		}
		return out
	}
	return e
}

// Whom rules bind: all lists of "for" must fit, and "unless" lets go; of purposes also
// those that a rule's subsume, and that subsume it.
func TestD5_For(t *testing.T) {
	r := read(t, `{"for":{"roles":["practitioner","service"],"purposes":["HRESCH"]},"mask":["Patient.telecom"]},
		{"for":{"clients":["app"]},"unless":{"purposes":["BTG"]},"mask":["Patient.birthDate"]},
		{"for":{"roles":["patient"]},"labels":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}],"mask":["Observation.note"]}`)
	for _, c := range []struct {
		by  Caller
		all uint64
	}{
		{Caller{"practitioner", "x", []string{"TREAT"}}, 0},
		{Caller{"practitioner", "x", []string{"TREAT", "HRESCH"}}, 1},
		{Caller{"practitioner", "x", []string{"CLINTRCH"}}, 1},
		{Caller{"", "x", []string{"HRESCH"}}, 1},
		{Caller{"admin", "x", []string{"HRESCH"}}, 0},
		{Caller{"admin", "app", []string{"TREAT"}}, 2},
		{Caller{"admin", "app", []string{"TREAT", "BTG"}}, 0},
		{Caller{"practitioner", "app", []string{"HRESCH"}}, 3},
		{Caller{"patient", "x", []string{"PATRQT"}}, 4},
	} {
		m := r.For(c.by)
		if m == nil && c.all != 0 || m != nil && m.all != c.all {
			t.Errorf("%+v is bound by %+v, want %b", c.by, m, c.all)
		}
	}
	if (*Rules)(nil).For(Caller{}) != nil {
		t.Error("no rules bind somebody")
	}
}

// Rules by label ask whether the resource lies in the View of the label, and only then.
func TestD5_ByLabel(t *testing.T) {
	m := read(t, `{"labels":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}],"mask":["Observation.note"]},{"mask":["Observation.issued"]}`).For(Caller{})
	if !m.Labelled() {
		t.Error("it does not go by labels")
	}
	const body = `{"resourceType":"Observation","id":"o","status":"final","issued":"2020-01-01T00:00:00Z","note":[{"text":"n"}]}`
	meets := func(is bool) func(search.View) (bool, error) {
		return func(v search.View) (bool, error) {
			if v.Whole || len(v.Any) == 0 {
				t.Errorf("the view is %+v", v)
			}
			return is, nil
		}
	}
	if got := apply(t, m, body, meets(false)); !strings.Contains(got, `"note"`) || strings.Contains(got, `"issued"`) {
		t.Errorf("unlabelled: %s", got)
	}
	if got := apply(t, m, body, meets(true)); strings.Contains(got, `"note"`) || strings.Contains(got, `"issued"`) {
		t.Errorf("labelled: %s", got)
	}
}

// What is wrong with a file is said, and where.
func TestD5_ReadRefuses(t *testing.T) {
	for file, want := range map[string]string{
		`[]`:                 "not an object",
		`{"obligations":[]}`: "obligations: there are 1 to 64",
		`{"obligations":[{"mask":["Patient.telecom"]}],"x":1}`:                       `"x" is not known`,
		`{"obligations":[{"masks":["Patient.telecom"]}]}`:                            `obligations[0]: "masks" is not known`,
		`{"obligations":[{"mask":[]}]}`:                                              "obligations[0].mask: it names 1 to",
		`{"obligations":[{"mask":["Patient.telecom","Patient.tel"]}]}`:               "obligations[0].mask[1]: Patient.tel: there is no such element: Patient.tel",
		`{"obligations":[{"mask":["Patient.name.giver"]}]}`:                          "Patient.name.giver",
		`{"obligations":[{"mask":["Patient.birthDate.value"]}]}`:                     "there is no such element",
		`{"obligations":[{"mask":["Observation.valueQuantity"]}]}`:                   "there is no such element",
		`{"obligations":[{"mask":["Pacient.name"]}]}`:                                "no resource type",
		`{"obligations":[{"mask":["Patient"]}]}`:                                     "it is a type and an element",
		`{"obligations":[{"mask":["*.nothing"]}]}`:                                   "no type has",
		`{"obligations":[{"mask":["Patient.meta"]}]}`:                                "cannot be masked",
		`{"obligations":[{"mask":["Patient.id"]}]}`:                                  "cannot be masked",
		`{"obligations":[{"mask":["Patient.contact.modifierExtension"]}]}`:           "cannot be masked",
		`{"obligations":[{"mask":["Binary.data"]}]}`:                                 "nothing of a Binary",
		`{"obligations":[{"mask":["AuditEvent.entity"]}]}`:                           "nothing of a AuditEvent",
		`{"obligations":[{"mask":["Observation.subject"]}]}`:                         "compartment",
		`{"obligations":[{"mask":["*.subject"]}]}`:                                   "compartment",
		`{"obligations":[{"mask":["Observation.performer.reference"]}]}`:             "compartment",
		`{"obligations":[{"for":{},"mask":["Patient.telecom"]}]}`:                    "names nobody",
		`{"obligations":[{"for":{"roles":[]},"mask":["Patient.telecom"]}]}`:          "names nobody",
		`{"obligations":[{"for":{"roles":["doctor"]},"mask":["Patient.telecom"]}]}`:  `obligations[0].for.roles[0]: "doctor" is no role`,
		`{"obligations":[{"unless":{"purposes":["X"]},"mask":["Patient.telecom"]}]}`: "v3-ActReason",
		`{"obligations":[{"labels":[],"mask":["Patient.telecom"]}]}`:                 "names no label",
		`{"obligations":[{"labels":[{"code":"R"}],"mask":["Patient.telecom"]}]}`:     "labels[0]: it has a system and a code",
		`{"obligations":[{"mask":"Patient.telecom"}]}`:                               "mask: it is not a list",
		`{"obligations":[{"mask":[1]}]}`:                                             "mask[0]: it is a text",
	} {
		_, err := Read([]byte(file), profiles.R4(), known, codes{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
	for _, good := range []string{`"*.text"`, `"*.note"`, `"Observation.performer.display"`, `"Patient.contact.name.family"`, `"Observation.value"`, `"Provenance.entity.agent.onBehalfOf"`, `"*.subject.display"`, `"Patient.identifier"`} {
		read(t, `{"mask":[`+good+`]}`)
	}
}

func BenchmarkApply(b *testing.B) {
	r, err := Read([]byte(`{"obligations":[{"mask":["Patient.telecom","Patient.address.line","*.note"]}]}`), profiles.R4(), known, codes{})
	if err != nil {
		b.Fatal(err)
	}
	m := r.For(Caller{})
	for name, body := range map[string]string{
		"masked": `{"resourceType":"Patient","id":"a","name":[{"family":"F","given":["A","B"]}],"telecom":[{"system":"phone","value":"5"}],"birthDate":"1970-01-01","address":[{"line":["x"],"city":"c"}]}`,
		"other":  `{"resourceType":"Medication","id":"a","code":{"text":"x"}}`,
	} {
		typ := strings.Split(body, `"`)[3]
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := m.Apply(typ, []byte(body), never); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
