package choice

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/auth/consent"
	"vitalwire/auth/label"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/fhir/term"
	"vitalwire/profiles"
)

var registry = search.NewRegistry(profiles.R4(), "http://h/fhir")

// r4Codes are the code systems of R4; what was asked once is known.
type r4Codes struct {
	terms *term.Service
	known map[consent.Coding]narrower
}

type narrower struct {
	codes []string
	ok    bool
}

func (c r4Codes) Below(system, code string) ([]string, bool) {
	of := consent.Coding{System: system, Code: code}
	b, known := c.known[of]
	if !known {
		b.codes, b.ok = c.ask(system, code)
		c.known[of] = b
	}
	return slices.Clone(b.codes), b.ok
}

func (c r4Codes) ask(system, code string) ([]string, bool) {
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

var codes = r4Codes{term.New(profiles.R4()), map[consent.Coding]narrower{}}

func builtin(t *testing.T) []Kind {
	t.Helper()
	rules, err := label.Default(nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds := Kinds(rules)
	if words := len(kinds); words != 5 {
		t.Fatalf("the kinds are %v", kinds)
	}
	// One of an operator, which is less than confidential.
	return append(kinds, Kind{consent.Coding{System: "https://example.org/sensitivity", Code: "STAFF"}, "N"})
}

var parties = []fhir.Key{{Type: "Practitioner", ID: "a"}, {Type: "Practitioner", ID: "b"}, {Type: "Organization", ID: "c"}}

// random are any choices that a form may send.
func random(r *rand.Rand, kinds []Kind) Choices {
	yes := func() bool { return r.IntN(2) == 0 }
	c := Choices{Who: []Who{Everybody, Named, Nobody}[r.IntN(3)], Restricted: yes(), Running: yes(), Acting: yes(), Research: yes(), Glass: yes(), Silent: yes()}
	for _, key := range parties {
		switch as := r.IntN(4); {
		case as == 0:
			c.Barred = append(c.Barred, key)
		case as == 1 && c.Who == Named:
			c.Alone = append(c.Alone, key)
		}
	}
	if c.Who == Named && c.Alone == nil {
		c.Alone = []fhir.Key{{Type: "Practitioner", ID: "d"}}
	}
	for _, k := range kinds {
		switch r.IntN(3) {
		case 0:
			c.Kept = append(c.Kept, k.Coding)
		case 1:
			c.Open = append(c.Open, k.Coding)
		}
	}
	if yes() {
		c.End = "2999-12-31"
	}
	return c
}

func policy(t *testing.T, c Choices, f Form) (*fhir.Resource, *consent.Policy) {
	t.Helper()
	made := c.Consent("p", time.Now(), f, []string{"a & b"})
	again, err := fhir.ParseResource(made.JSON())
	if err != nil {
		t.Fatal(err)
	}
	p, err := consent.Read(again, "http://h/fhir")
	if err != nil {
		t.Fatal(err)
	}
	return again, p
}

// The choices are read back from the Consent that was made of them; the provision says no
// more than them.
func TestRead_IsWhatWasChosen(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	kinds := builtin(t)
	for range 1000 {
		c, f := random(r, kinds), Form{Verified: r.IntN(2) == 0, Self: r.IntN(2) == 0}
		made, _ := policy(t, c, f)
		got, ok := Read(made, f)
		if !ok || !Owns(made) {
			t.Fatalf("seed %d: %+v is not read back: %s", seed, c, made.JSON())
		}
		want := c.sorted()
		if want.Who == Nobody && !want.Running && !want.Acting {
			// Nothing is said of what nobody sees.
			want.Open, want.Restricted, got.Open, got.Restricted = nil, false, nil, false
			if !want.Research {
				want.Kept, got.Kept = nil, nil
			}
		}
		if !reflect.DeepEqual(normal(got), normal(want)) {
			t.Fatalf("seed %d: %+v is read as %+v: %s", seed, want, got, made.JSON())
		}
		// Another form, or a provision more, is not what the page made.
		if _, ok := Read(made, Form{Verified: f.Verified, Self: !f.Self}); ok {
			t.Fatalf("seed %d: the form does not matter: %s", seed, made.JSON())
		}
		provision := made.Get("provision")
		if inner := provision.Get("provision"); inner != nil {
			inner.Append(rule("permit"))
		} else {
			provision.Set("provision", list(rule("permit")))
		}
		if _, ok := Read(made, f); ok {
			t.Fatalf("seed %d: more is read as choices: %s", seed, made.JSON())
		}
	}
}

// normal has no empty lists.
func normal(c Choices) Choices {
	for _, keys := range []*[]fhir.Key{&c.Alone, &c.Barred} {
		if len(*keys) == 0 {
			*keys = nil
		}
	}
	for _, codings := range []*[]consent.Coding{&c.Kept, &c.Open} {
		if len(*codings) == 0 {
			*codings = nil
		}
	}
	return c
}

// asking is who asks in the oracle, and data what for.
type asking struct {
	purposes []string
	actors   []fhir.Key
}

type data struct {
	kinds           []Kind
	confidentiality string
}

// means is what choices mean to somebody, said without a Consent.
func (c Choices) means(by asking, d data, f Form) bool {
	has := func(purpose string) bool { return slices.Contains(by.purposes, purpose) }
	is := func(list []fhir.Key) bool {
		return slices.ContainsFunc(by.actors, func(k fhir.Key) bool { return slices.Contains(list, k) })
	}
	kept := slices.ContainsFunc(d.kinds, func(k Kind) bool { return slices.Contains(c.Kept, k.Coding) })
	open := slices.ContainsFunc(d.kinds, func(k Kind) bool { return slices.Contains(c.Open, k.Coding) })
	confidential := strings.Contains("RV", d.confidentiality)
	plain := c.Who == Everybody && has("TREAT") || c.Who == Named && has("TREAT") && is(c.Alone) || c.Running && (has("HPAYMT") || has("HOPERAT")) || c.Acting && has("PATRQT")
	switch {
	case is(c.Barred):
		return false
	case c.Glass && has("BTG"), f.Self && is([]fhir.Key{{Type: "Patient", ID: "p"}}):
		return true
	case kept:
		return false
	case plain && confidential && !c.Restricted:
		return open
	case plain:
		return true
	}
	return c.Research && has("HRESCH") && !confidential
}

// The Consent means what was chosen, to whoever asks for whatever: random choices, by an
// oracle that knows no provisions.
func TestConsent_MeansWhatWasChosen(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	kinds := builtin(t)
	compiler := consent.Compiler{Search: registry, Codes: codes}
	counted := map[bool]int{}
	for range 150 {
		c, f := random(r, kinds), Form{Self: r.IntN(2) == 0}
		made, p := policy(t, c, f)
		for range 40 {
			by := asking{}
			for _, purpose := range []string{"TREAT", "HPAYMT", "HOPERAT", "PATRQT", "HRESCH", "BTG", "HMARKT"} {
				if r.IntN(4) == 0 {
					by.purposes = append(by.purposes, purpose)
				}
			}
			if slices.Contains(by.purposes, "BTG") && !slices.Contains(by.purposes, "TREAT") {
				by.purposes = append(by.purposes, "TREAT") // no token is for BTG alone, and BTG is treatment
			}
			for _, key := range append(slices.Clone(parties), fhir.Key{Type: "Patient", ID: "p"}) {
				if r.IntN(4) == 0 {
					by.actors = append(by.actors, key)
				}
			}
			d := data{confidentiality: []string{"N", "N", "R", "V", "L"}[r.IntN(5)]}
			for _, k := range kinds {
				if r.IntN(5) == 0 {
					d.kinds = append(d.kinds, k)
				}
			}
			want := c.means(by, d, f)
			counted[want]++
			if got := decides(t, compiler, p, by, d); got != want {
				t.Fatalf("seed %d: %+v to %+v of %+v is %v, not %v: %s", seed, c, by, d, got, want, made.JSON())
			}
		}
		// Measurements are recorded unless they are not to be, whoever brings them; all else is.
		for _, purposes := range [][]string{nil, {"TREAT"}, {"HOPERAT"}, {"BTG", "TREAT"}} {
			refused := consent.Uncollected([]*consent.Policy{p}, requester(asking{purposes: purposes}), codes, consent.Options{})
			for typ, want := range map[string]bool{"Observation": c.Silent, "Condition": false} {
				s := sample(t, typ, data{confidentiality: "N"})
				if got, err := compiler.View(refused, typ).Sees(s); err != nil || got != want {
					t.Fatalf("seed %d: %+v: %s is refused: %v %v: %s", seed, c, typ, got, err, made.JSON())
				}
			}
		}
	}
	if counted[true] < 300 || counted[false] < 300 {
		t.Errorf("seen and hidden were %v", counted)
	}
}

func requester(by asking) consent.Requester {
	asks := consent.Requester{Now: time.Now(), Actors: by.actors, Actions: []string{"access", "disclose"}, Treating: true}
	for _, code := range by.purposes {
		asks.Purposes = append(asks.Purposes, consent.Coding{System: consent.ActReason, Code: code})
	}
	return asks
}

func decides(t *testing.T, compiler consent.Compiler, p *consent.Policy, by asking, d data) bool {
	t.Helper()
	sees, err := compiler.View(consent.Decide([]*consent.Policy{p}, requester(by), codes, consent.Options{}).Formula, "Observation").Sees(sample(t, "Observation", d))
	if err != nil {
		t.Fatal(err)
	}
	return sees
}

func sample(t *testing.T, typ string, d data) *search.Subject {
	t.Helper()
	r := fhir.NewResource(typ)
	marks := []consent.Coding{{System: consent.Confidentiality, Code: d.confidentiality}}
	for _, k := range d.kinds {
		marks = append(marks, k.Coding)
	}
	security := list()
	for _, m := range marks {
		security.Append(coding(m))
	}
	r.Root().Set("meta", object(fhir.M("security", security)))
	return &search.Subject{Type: typ, ID: "x", Values: registry.Extract(r)}
}

// Known answers: the Consents of some choices, whole.
func TestConsent_Known(t *testing.T) {
	at := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	const head = `{"resourceType":"Consent","identifier":[{"system":"urn:vitalwire:privacy-page","value":"p"}],"status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},` +
		`"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":{"reference":"Patient/p"},"dateTime":"2026-11-23T02:00:00Z","performer":[{"reference":"Patient/p"}],` +
		`"policy":[{"uri":"https://profiles.ihe.net/ITI/PCF/Policy-deny"}],"provision":`
	const (
		reason  = `"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":`
		actCode = `"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":`
		r       = `{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}`
		btg     = `{"type":"permit","purpose":[{` + reason + `"BTG"}]}`
	)
	hiv, psy := consent.Coding{System: consent.ActCode, Code: "HIV"}, consent.Coding{System: consent.ActCode, Code: "PSY"}
	for _, c := range []struct {
		Choices
		want string
	}{
		{Choices{Who: Nobody}, `{"type":"deny"}}`},
		{Choices{Who: Everybody, Restricted: true}, `{"type":"deny","provision":[{"type":"permit","purpose":[{` + reason + `"TREAT"}]}]}}`},
		{Choices{Who: Everybody, Kept: []consent.Coding{hiv}, Open: []consent.Coding{psy}, Glass: true, End: "2027-01-01"}, `{"type":"deny","period":{"end":"2027-01-01"},"provision":[` + btg +
			`,{"type":"permit","purpose":[{` + reason + `"TREAT"}],"provision":[{"type":"deny","securityLabel":[{` + actCode + `"HIV"}],"provision":[` + btg +
			`]},{"type":"deny","securityLabel":[` + r + `],"provision":[{"type":"permit","securityLabel":[{` + actCode + `"PSY"}]},` + strings.Replace(btg, `}]}`, `}],"securityLabel":[`+strings.Replace(r, `"R"`, `"V"`, 1)+`]}`, 1) + `]}]}]}}`},
	} {
		if got := string(c.Consent("p", at, Form{}, nil).JSON()); got != head+c.want {
			t.Errorf("%+v:\n%s\nnot\n%s", c.Choices, got, head+c.want)
		}
	}
}

// What is wrong with choices is said.
func TestCheck(t *testing.T) {
	today := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		Choices
		says string
	}{
		{Choices{}, "Please choose"}, {Choices{Who: "all"}, "Please choose"}, {Choices{Who: Named}, "name at least one"}, {Choices{Who: Everybody, Alone: parties}, "Only those"},
		{Choices{Who: Nobody, Barred: make([]fhir.Key, 101)}, "too many"}, {Choices{Who: Nobody, End: "2026-11-22"}, "over"}, {Choices{Who: Nobody, End: "tomorrow"}, "is a date"},
		{Choices{Who: Nobody, End: "2026-11-31"}, "is a date"}, {Choices{Who: Nobody, End: "0001-01-01"}, "is a date"},
		{Choices{Who: Nobody, End: "2026-11-23"}, ""}, {Choices{Who: Named, Alone: parties, Barred: parties}, ""},
	} {
		if got := c.Check(today); c.says == "" && got != "" || !strings.Contains(got, c.says) {
			t.Errorf("%+v: %q", c.Choices, got)
		}
	}
}

// The words name everything that a Consent of somebody else says, inner rules below outer
// ones; whatever stands in it.
func TestRules_Words(t *testing.T) {
	read := func(members string) *consent.Policy {
		r, err := fhir.ParseResource([]byte(`{"resourceType":"Consent","id":"c","status":"active","patient":{"reference":"Patient/p"},` + members + `}`))
		if err != nil {
			t.Fatal(err)
		}
		p, err := consent.Read(r, "http://h/fhir")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	names := Names(func(key fhir.Key) string { return map[string]string{"Practitioner/1": "Dr One"}[key.String()] })
	const v3 = "http://terminology.hl7.org/CodeSystem/v3-"
	for _, c := range []struct {
		members string
		want    []Rule
	}{
		{`"provision":{"type":"permit","purpose":[{"system":"` + v3 + `ActReason","code":"TREAT"},{"system":"` + v3 + `ActReason","code":"FOO"}],"securityLabel":[{"system":"` + v3 + `Confidentiality","code":"N"}],"provision":[
			{"type":"deny","actor":[{"role":{},"reference":{"reference":"Practitioner/1"}},{"role":{},"reference":{"identifier":{"value":"77"}}}],"period":{"start":"2026-01-01","end":"2026-12-31"}},
			{"type":"deny","securityLabel":[{"system":"` + v3 + `ActCode","code":"HIV"}],"provision":[{"type":"permit","purpose":[{"system":"` + v3 + `ActReason","code":"BTG"}]}]}]}`, []Rule{
			{0, "It is allowed to see what is no more than normally confidential, for treatment and the purpose FOO."},
			{1, "But: Dr One or who has the identifier 77 may not see all data, from 1 January 2026, until 31 December 2026."},
			{1, "But: It is forbidden to see what is about HIV and AIDS."}, {2, "But: It is allowed to see all data, for an emergency, by breaking the glass."}}},
		{`"policyRule":{"coding":[{"system":"` + v3 + `ActCode","code":"OPTIN"}]},"provision":{"provision":[{"type":"deny","class":[{"code":"Observation"}],"code":[{"coding":[{"code":"8867-4"}]}],"dataPeriod":{"end":"2020"},
			"action":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":"collect"}]}],"data":[{"meaning":"authoredby","reference":{"reference":"Practitioner/1"}}]}]}`, []Rule{
			{0, "Everybody may see everything."},
			{1, "But: It is forbidden to record records of the type Observation, records with the code 8867-4, what Dr One made, until 31 December 2020."}}},
		{`"status":"active"`, []Rule{{0, "What is not said below goes by what holds without a consent."}}},
	} {
		if c.members == `"status":"active"` {
			c.members = `"language":"en"`
		}
		if got := Rules(read(c.members), names); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v", c.members, got)
		}
	}
}
