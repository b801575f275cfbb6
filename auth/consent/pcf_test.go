package consent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/fhir/term"
	"vitalwire/profiles"
)

const base = "http://h/fhir"

var registry = search.NewRegistry(profiles.R4(), base)

// r4Codes are the code systems of R4.
type r4Codes struct{ terms *term.Service }

func (c r4Codes) Below(system, code string) ([]string, bool) {
	list, err := c.terms.Below(context.Background(), system, code, 1000)
	if err != nil {
		return []string{code}, false
	}
	var codes []string
	for _, one := range list {
		codes = append(codes, one.Code)
	}
	return codes, true
}

var codes = r4Codes{term.New(profiles.R4())}

// observations of IHE PCF's examples: labels, LOINC code, day. All are by
// Practitioner/ex-author in Encounter/ex-encounter.
var observations = map[string]*search.Subject{
	"aU": observation("ex-alcoholUse", "74013-4", "2022-06-13", "v3-Confidentiality|R", "v3-ActCode|ETHUD"),
	"bS": observation("ex-bloodSugar", "2339-0", "2020-12-04T23:50:50-05:00", "v3-Confidentiality|N"),
	"bP": observation("ex-bloodPressure", "85354-9", "2004-12-25T23:50:50-05:00", "v3-Confidentiality|N"),
	"w":  observation("ex-weight", "29463-7", "2004-12-25T23:50:50-05:00", "v3-Confidentiality|N"),
	"w2": observation("ex-weight-2", "29463-7", "2016-03-28", "v3-Confidentiality|N"),
}

func observation(id, code, day string, labels ...string) *search.Subject {
	var security []string
	for _, label := range labels {
		system, code, _ := strings.Cut(label, "|")
		security = append(security, fmt.Sprintf(`{"system":"http://terminology.hl7.org/CodeSystem/%s","code":%q}`, system, code))
	}
	return subject(fmt.Sprintf(`{"resourceType":"Observation","id":%q,"meta":{"security":[%s]},"status":"final",
		"code":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":"Patient/ex-patient"},
		"encounter":{"reference":"Encounter/ex-encounter"},"effectiveDateTime":%q,"performer":[{"reference":"Practitioner/ex-author"}]}`,
		id, strings.Join(security, ","), code, day))
}

func subject(text string) *search.Subject {
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		panic(err)
	}
	return &search.Subject{Type: r.Type(), ID: r.ID(), Values: registry.Extract(r)}
}

// given is a Consent with a provision.
func given(t *testing.T, provision string) *consent.Policy {
	t.Helper()
	return with(t, `"status":"active","provision":`+provision)
}

func with(t *testing.T, members string) *consent.Policy {
	t.Helper()
	text := `{"resourceType":"Consent","id":"c","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},
		"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":{"reference":"Patient/ex-patient"},` + members + `}`
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err, text)
	}
	p, err := consent.Read(r, base)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	treat    = `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HPAYMT"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HOPERAT"}]`
	research = `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HRESCH"}]`
	btg      = `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"}]`
	onlyN    = `"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}]`
	onlyR    = `"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]`
	in2022   = `"dataPeriod":{"start":"2022-01-01","end":"2022-12-31"}`
)

func sensitive(codes ...string) string {
	for i, code := range codes {
		codes[i] = fmt.Sprintf(`{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":%q}`, code)
	}
	return `"securityLabel":[` + strings.Join(codes, ",") + `]`
}

func recipient(reference string) string {
	return `"actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"` + reference + `"}}]`
}

func data(meaning string, references ...string) string {
	for i, reference := range references {
		references[i] = fmt.Sprintf(`{"meaning":%q,"reference":{"reference":%q}}`, meaning, reference)
	}
	return `"data":[` + strings.Join(references, ",") + `]`
}

// The requesters of the matrix.
var (
	day       = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	clinician = consent.Requester{Now: day, Treating: true, Purposes: purposes("TREAT"), Actions: []string{"access", "disclose"},
		Actors: []fhir.Key{{Type: "Practitioner", ID: "someone"}}}
)

func purposes(list ...string) []consent.Coding {
	var out []consent.Coding
	for _, code := range list {
		out = append(out, consent.Coding{System: consent.ActReason, Code: code})
	}
	return out
}

func as(who consent.Requester, actors ...string) consent.Requester {
	who.Actors = nil
	for _, one := range actors {
		key, _ := fhir.ParseKey(one)
		who.Actors = append(who.Actors, key)
	}
	return who
}

func purpose(who consent.Requester, codes ...string) consent.Requester {
	who.Purposes = purposes(codes...)
	return who
}

var compiler = &consent.Compiler{Search: registry, Codes: codes, Refers: func(key fhir.Key) ([]fhir.Key, bool) {
	if key.ID == "ex-encounter" {
		return []fhir.Key{{Type: "Patient", ID: "ex-patient"}, {Type: "Practitioner", ID: "ex-author"}}, true
	}
	return nil, false
}}

// seen are the names of the subjects that a requester sees, sorted.
func seen(t *testing.T, from map[string]*search.Subject, by consent.Requester, o consent.Options, policies ...*consent.Policy) string {
	t.Helper()
	residual := consent.Decide(policies, by, codes, o)
	var names []string
	for name, s := range from {
		ok, err := compiler.View(residual.Formula, s.Type).Sees(s)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestPCF_Matrix is the table of IHE PCF's example consents: who sees which of the
// five Observations.
func TestPCF_Matrix(t *testing.T) {
	const all, normal = "aU bP bS w w2", "bP bS w w2"
	foobar := as(clinician, "Practitioner/someone", "Organization/ex-org-researcher")
	foobar.Purposes = []consent.Coding{{System: "http://example.org/policies/purposeOfUse", Code: "FooBar"}}
	member := as(clinician, "Practitioner/ex-practitioner", "Group/ex-privilegedUsers")
	special := as(clinician, "Practitioner/ex-practitioner")
	dissent := `{"type":"deny",` + treat + `,"provision":[{"type":"permit",` + btg + `,` + recipient("Group/ex-privilegedUsers") + `}]}`
	focused := func(labels string) string {
		return `{"type":"permit",` + treat + `,` + onlyN + `,"provision":[{"type":"permit",` + labels + `,` + recipient("Practitioner/ex-practitioner") + `}]}`
	}
	glass := `{"type":"permit",` + treat + `,` + onlyN + `,"provision":[{"type":"permit",` + btg + `,` + onlyR + `,` + recipient("Group/ex-privilegedUsers") + `}]}`
	for _, c := range []struct {
		name, provision string
		by              consent.Requester
		want            string
	}{
		{"basic-treat", `{"type":"permit",` + treat + `}`, clinician, all},
		{"basic-treat for research", `{"type":"permit",` + treat + `}`, purpose(clinician, "HRESCH"), ""},
		{"basic-reject", `{"type":"deny",` + treat + `}`, clinician, ""},
		{"basic-research", `{"type":"permit",` + research + `}`, clinician, ""},
		{"basic-research for research", `{"type":"permit",` + research + `}`, purpose(clinician, "HRESCH"), all},
		{"basic-research for clinical trial", `{"type":"permit",` + research + `}`, purpose(clinician, "CLINTRCH"), all},
		{"timeframe", `{"type":"permit",` + treat + `,` + in2022 + `}`, clinician, "aU"},
		{"not-timeframe", `{"type":"permit",` + treat + `,"provision":[{"type":"deny",` + in2022 + `}]}`, clinician, normal},
		{"authoredby", `{"type":"permit",` + treat + `,` + data("authoredby", "Practitioner/ex-practitioner") + `}`, clinician, ""},
		{"authoredby the author", `{"type":"permit",` + treat + `,` + data("authoredby", "Practitioner/ex-author") + `}`, clinician, all},
		{"not-authoredby", `{"type":"permit",` + treat + `,"provision":[{"type":"deny",` + data("authoredby", "Practitioner/ex-practitioner") + `}]}`, clinician, all},
		{"encounter", `{"type":"permit",` + treat + `,` + data("related", "Encounter/ex-encounter") + `}`, clinician, all},
		{"not-encounter", `{"type":"permit",` + treat + `,"provision":[{"type":"deny",` + data("related", "Encounter/ex-encounter") + `}]}`, clinician, ""},
		{"data", `{"type":"permit",` + treat + `,` + data("instance", "Encounter/ex-encounter", "Observation/ex-weight-2", "Observation/ex-weight", "Observation/ex-bloodPressure", "Observation/ex-bloodSugar", "Observation/ex-alcoholUse") + `}`, clinician, all},
		{"not-data", `{"type":"permit",` + treat + `,"provision":[{"type":"deny",` + data("instance", "Observation/ex-alcoholUse") + `}]}`, clinician, normal},
		{"purpose", `{"type":"permit","purpose":[{"system":"http://example.org/policies/purposeOfUse","code":"FooBar"}],` + recipient("Organization/ex-org-researcher") + `}`, clinician, ""},
		{"purpose FooBar of the researcher", `{"type":"permit","purpose":[{"system":"http://example.org/policies/purposeOfUse","code":"FooBar"}],` + recipient("Organization/ex-org-researcher") + `}`, foobar, all},
		{"purpose FooBar of another", `{"type":"permit","purpose":[{"system":"http://example.org/policies/purposeOfUse","code":"FooBar"}],` + recipient("Organization/ex-org-researcher") + `}`, as(foobar, "Practitioner/someone"), ""},
		{"dissent", dissent, clinician, ""},
		{"dissent, glass broken by a member", dissent, purpose(member, "BTG"), all},
		{"dissent, glass broken by another", dissent, purpose(clinician, "BTG"), ""},
		{"advanced-normal", `{"type":"permit",` + treat + `,` + onlyN + `}`, clinician, normal},
		{"normal-restricted", `{"type":"permit",` + treat + `,"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"},{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}`, clinician, all},
		{"normal-not-restricted", `{"type":"permit",` + treat + `,` + onlyN + `,"provision":[{"type":"deny",` + onlyR + `}]}`, clinician, normal},
		{"focused-restricted", focused(onlyR), clinician, normal},
		{"focused-restricted, the one named", focused(onlyR), special, all},
		{"focused-psy", focused(sensitive("PSY")), clinician, normal},
		{"focused-psy, the one named", focused(sensitive("PSY")), special, normal},
		{"focused-psy-or-sdv, the one named", focused(sensitive("PSY", "SDV")), special, normal},
		{"focused-eth, the one named", focused(sensitive("ETH")), special, all},
		{"break-glass-restricted", glass, clinician, normal},
		{"break-glass-restricted, glass broken by a member", glass, purpose(member, "BTG", "TREAT"), all},
		{"break-glass-restricted, a member who breaks none", glass, member, normal},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := seen(t, observations, c.by, consent.Options{}, given(t, c.provision)); got != c.want {
				t.Errorf("seen %q, want %q", got, c.want)
			}
		})
	}
}
