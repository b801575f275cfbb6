package consent_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

const everything = "aU bP bS w w2"

// TestImplicit: what holds without a consent, and with one that is not in force.
func TestImplicit(t *testing.T) {
	nurse := clinician
	nurse.Treating = false
	expired := given(t, `{"type":"permit",`+treat+`,"period":{"end":"2022-12-31"}}`)
	for _, c := range []struct {
		name     string
		implicit consent.Implicit
		by       consent.Requester
		want     string
	}{
		{"nothing is said", "", clinician, ""},
		{"deny", consent.DenyAll, clinician, ""},
		{"all normal", consent.AllNormal, nurse, "bP bS w w2"},
		{"basic normal, who treats", consent.BasicNormal, clinician, "bP bS w w2"},
		{"basic normal, who does not", consent.BasicNormal, nurse, ""},
		{"basic normal, for research", consent.BasicNormal, purpose(clinician, "HRESCH"), ""},
		{"break-glass only", consent.BreakGlassOnly, clinician, ""},
		{"break-glass only, broken", consent.BreakGlassOnly, purpose(clinician, "BTG"), "bP bS w w2"},
	} {
		for name, policies := range map[string][]*consent.Policy{"none": nil, "expired": {expired}} {
			if got := seen(t, observations, c.by, consent.Options{Implicit: c.implicit}, policies...); got != c.want {
				t.Errorf("%s, consent %s: seen %q, want %q", c.name, name, got, c.want)
			}
		}
	}
}

// TestApplicable: which consents count.
func TestApplicable(t *testing.T) {
	permit := `"provision":{"type":"permit",` + treat + `}`
	for _, c := range []struct {
		name, members, want string
		o                   consent.Options
	}{
		{"active", `"status":"active",` + permit, everything, consent.Options{}},
		{"draft", `"status":"draft",` + permit, "", consent.Options{}},
		{"entered-in-error", `"status":"entered-in-error",` + permit, "", consent.Options{}},
		{"inactive", `"status":"inactive",` + permit, "", consent.Options{}},
		{"not verified where that is wanted", `"status":"active",` + permit, "", consent.Options{Verified: true}},
		{"verified", `"status":"active","verification":[{"verified":false},{"verified":true}],` + permit, everything, consent.Options{Verified: true}},
		{"not begun", `"status":"active","provision":{"type":"permit","period":{"start":"2030-01-01"}}`, "", consent.Options{}},
		{"the last day counts", `"status":"active","provision":{"type":"permit","period":{"end":"2024-05-01"}}`, everything, consent.Options{}},
		{"a period that is none", `"status":"active","provision":{"type":"permit","period":{"end":"soon"}}`, "", consent.Options{}},
		{"no root type, opted in", `"status":"active","policyRule":{"coding":[{"code":"OPTIN"}]},"provision":{"provision":[{"type":"deny",` + onlyR + `}]}`, "bP bS w w2", consent.Options{}},
		{"no root type, opted out", `"status":"active","policyRule":{"coding":[{"code":"OPTOUT"}]},"provision":{"provision":[{"type":"permit",` + onlyN + `}]}`, "bP bS w w2", consent.Options{}},
		{"no root type, PCF policy", `"status":"active","policy":[{"uri":"https://profiles.ihe.net/ITI/PCF/Policy-all-normal"}]`, "bP bS w w2", consent.Options{}},
		{"no root type, nothing known", `"status":"active","policy":[{"uri":"http://example.org/mine"}]`, "", consent.Options{}},
	} {
		if got := seen(t, observations, clinician, c.o, with(t, c.members)); got != c.want {
			t.Errorf("%s: seen %q, want %q", c.name, got, c.want)
		}
	}
	self := clinician
	self.Self = true
	deny := with(t, `"status":"active","provision":{"type":"deny"}`)
	if got := seen(t, observations, self, consent.Options{}, deny); got != everything {
		t.Errorf("the patient sees %q of himself", got)
	}
	if got := seen(t, observations, self, consent.Options{SelfToo: true}, deny); got != "" {
		t.Errorf("the patient, bound too, sees %q of himself", got)
	}
}

// TestSeveral: a deny in one of several consents denies, unless the newest alone counts.
func TestSeveral(t *testing.T) {
	older := with(t, `"status":"active","dateTime":"2020-01-01","provision":{"type":"deny",`+in2022+`}`)
	newer := with(t, `"status":"active","dateTime":"2023-01-01","provision":{"type":"permit",`+treat+`}`)
	for _, both := range [][]*consent.Policy{{older, newer}, {newer, older}} {
		if got := seen(t, observations, clinician, consent.Options{}, both...); got != "bP bS w w2" {
			t.Errorf("deny overrides: seen %q", got)
		}
		if got := seen(t, observations, clinician, consent.Options{MostRecent: true}, both...); got != everything {
			t.Errorf("the newest counts: seen %q", got)
		}
	}
}

// TestDoubt: what is not understood goes against a permit and for a deny.
func TestDoubt(t *testing.T) {
	for _, constraint := range []string{
		`"code":[{"text":"all my secrets"}]`,
		`"class":[{"system":"http://hl7.org/fhir/consent-content-class","code":"http-less CDA thing"}]`,
		`"securityLabel":[{"display":"secret"}]`,
		`"dataPeriod":{"start":"soon"}`,
		`"period":{"start":"soon"}`,
		`"data":[{"meaning":"instance","reference":{"display":"my letter"}}]`,
		`"data":[{"meaning":"instance","reference":{"reference":"http://elsewhere/fhir/Observation/ex-weight"}}]`,
		`"data":[{"meaning":"nearby","reference":{"reference":"Observation/ex-weight"}}]`,
		`"data":[{"meaning":"related","reference":{"reference":"Composition/unknown"}}]`,
		`"action":[{"text":"look at"}]`,
		`"action":[{"coding":[{"system":"http://example.org","code":"peek"}]}]`,
		`"actor":[{"role":{"text":"who"},"reference":{"display":"Dr. Who"}}]`,
		`"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"NOSUCH"}]`,
	} {
		if got := seen(t, observations, clinician, consent.Options{}, given(t, `{"type":"permit",`+constraint+`}`)); got != "" {
			t.Errorf("permit with %s shows %q", constraint, got)
		}
		if got := seen(t, observations, clinician, consent.Options{}, given(t, `{"type":"permit","provision":[{"type":"deny",`+constraint+`}]}`)); got != "" {
			t.Errorf("deny with %s shows %q", constraint, got)
		}
	}
}

// TestConstraints: each element of a provision that is about the resource.
func TestConstraints(t *testing.T) {
	from := map[string]*search.Subject{
		"plain":    subject(`{"resourceType":"Observation","id":"plain","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p"},"device":{"reference":"Device/pump"},"effectivePeriod":{"start":"2021-12-31","end":"2022-01-02"}}`),
		"timeless": subject(`{"resourceType":"Observation","id":"timeless","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"hasMember":[{"reference":"Observation/plain"}]}`),
		"low":      subject(`{"resourceType":"Observation","id":"low","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"L"}],"profile":["http://example.org/p"]},"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1"}]},"effectiveDateTime":"2023"}`),
		"veryR":    subject(`{"resourceType":"Observation","id":"veryR","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"},{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}]},"status":"final","code":{"text":"x"},"effectiveDateTime":"2021"}`),
		"hiv":      subject(`{"resourceType":"Condition","id":"hiv","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"86406008"}]},"subject":{"reference":"Patient/p"},"onsetDateTime":"2022-06"}`),
		"person":   subject(`{"resourceType":"Patient","id":"p"}`),
	}
	for _, s := range from {
		s.Position = time.Date(2023, 7, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	}
	conf := func(code string) string {
		return `"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"` + code + `"}]`
	}
	for _, c := range []struct{ constraint, permit, deny string }{
		{conf("U"), "", "hiv low person plain timeless veryR"},
		{conf("L"), "low", "hiv low person plain timeless veryR"},
		{conf("N"), "hiv low person plain timeless", "hiv person plain timeless veryR"},
		{conf("R"), "hiv low person plain timeless", "veryR"},
		{conf("V"), "hiv low person plain timeless veryR", "veryR"},
		{sensitive("HIV"), "hiv", "hiv"},
		{`"class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]`, "low plain timeless veryR", "low plain timeless veryR"},
		{`"class":[{"system":"urn:ietf:rfc:3986","code":"http://example.org/p"}]`, "low", "low"},
		{`"code":[{"coding":[{"system":"http://loinc.org","code":"29463-7"},{"system":"http://loinc.org","code":"8867-4"}]}]`, "plain timeless", "plain timeless"},
		{`"code":[{"coding":[{"system":"http://snomed.info/sct","code":"86406008"}]}]`, "hiv", "hiv"},
		{`"code":[{"coding":[{"code":"86406008"}]}]`, "", "hiv"},
		{in2022, "hiv plain", "hiv plain timeless"}, // a Patient has no clinical time: when it was written counts
		{`"dataPeriod":{"start":"2023"}`, "low person", "low person timeless"},
		{`"dataPeriod":{"end":"2021-12-31"}`, "plain veryR", "plain timeless veryR"},
		{data("instance", "Observation/plain", "Patient/p"), "person plain", "person plain"},
		{data("dependents", "Patient/p"), "hiv person plain", "hiv person plain"},
		{data("dependents", "Observation/plain"), "plain timeless", "plain timeless"},
		{data("authoredby", "Device/pump"), "plain", "plain"},
	} {
		for effect, want := range map[string]string{"permit": c.permit, "deny": c.deny} {
			provision := `{"type":"permit",` + c.constraint + `}`
			if effect == "deny" {
				provision = `{"type":"permit","provision":[{"type":"deny",` + c.constraint + `}]}`
			}
			got := seen(t, from, clinician, consent.Options{}, given(t, provision))
			if effect == "deny" {
				got = without("hiv low person plain timeless veryR", got)
			}
			if got != want {
				t.Errorf("%s %s: holds for %q, want %q", effect, c.constraint, got, want)
			}
		}
	}
}

func without(all, some string) string {
	var rest []string
	for _, name := range strings.Fields(all) {
		if !strings.Contains(" "+some+" ", " "+name+" ") {
			rest = append(rest, name)
		}
	}
	return strings.Join(rest, " ")
}

// TestRead_Bounds: a Consent that is too large is refused, naming where.
func TestRead_Bounds(t *testing.T) {
	deep := strings.Repeat(`{"type":"permit","provision":[`, 8) + `{"type":"deny"}` + strings.Repeat(`]}`, 8)
	wide := `{"type":"permit","provision":[` + strings.TrimSuffix(strings.Repeat(`{"type":"deny"},`, 600), ",") + `]}`
	many := `{"type":"permit","code":[{"coding":[` + strings.TrimSuffix(strings.Repeat(`{"code":"x"},`, 2001), ",") + `]}]}`
	for provision, where := range map[string]string{
		deep: "Consent.provision" + strings.Repeat(".provision[0]", 8), wide: "Consent.provision.provision[499]", many: "Consent.provision",
		`{"type":"permit","provision":[{}]}`: "Consent.provision.provision[0].type", `{"type":"maybe"}`: "Consent.provision.type",
	} {
		r, err := fhir.ParseResource([]byte(`{"resourceType":"Consent","status":"active","provision":` + provision + `}`))
		if err != nil {
			t.Fatal(err)
		}
		_, err = consent.Read(r, base)
		var refused *fhir.Error
		if !errors.As(err, &refused) || refused.Situation != fhir.SituationUnprocessable || refused.Issues[0].Expression != where {
			t.Errorf("%.60s: %v, want 422 at %s", provision, err, where)
		}
	}
}

// TestDecide_Random: random consents are judged like a plain reading of D.2 does:
// a resource at a time, without formulas.
func TestDecide_Random(t *testing.T) {
	g := rand.New(rand.NewPCG(7, 7))
	constraints := []string{treat, research, onlyN, onlyR, in2022, sensitive("ETH"), data("instance", "Observation/ex-weight"), recipient("Practitioner/someone"), recipient("Practitioner/other"),
		`"code":[{"coding":[{"system":"http://loinc.org","code":"29463-7"}]}]`, `"class":[{"system":"http://hl7.org/fhir/resource-types","code":"Patient"}]`}
	var provision func(depth int) string
	provision = func(depth int) string {
		parts := []string{`"type":"` + []string{"permit", "deny"}[g.IntN(2)] + `"`}
		used := map[string]bool{}
		for range g.IntN(3) {
			c := constraints[g.IntN(len(constraints))]
			if name, _, _ := strings.Cut(c, ":"); !used[name] {
				used[name] = true
				parts = append(parts, c)
			}
		}
		if n := g.IntN(3); depth < 4 && n > 0 {
			var inner []string
			for range n {
				inner = append(inner, provision(depth+1))
			}
			parts = append(parts, `"provision":[`+strings.Join(inner, ",")+`]`)
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	shown := 0
	for i := range 3000 {
		text := provision(1)
		policy := given(t, text)
		var want []string
		for _, name := range strings.Fields(everything) {
			if permit, deny := plainly(policy.Root, observations[name]); permit && !deny {
				want = append(want, name)
			}
		}
		got := seen(t, observations, clinician, consent.Options{}, policy)
		if got != strings.Join(want, " ") {
			t.Fatalf("case %d: %s\nseen %q, want %q", i, text, got, want)
		}
		if got != "" {
			shown++
		}
	}
	if shown < 300 {
		t.Errorf("only %d of 3000 consents show anything", shown)
	}
}

// plainly judges one resource by one provision: the deepest that matches wins, of
// several beside each other a deny.
func plainly(p consent.Provision, s *search.Subject) (permit, deny bool) {
	for _, inner := range p.Provisions {
		if inner.Purposes == nil {
			inner.Purposes = p.Purposes
		}
		if inner.Actors == nil {
			inner.Actors = p.Actors
		}
		if inner.Labels == nil {
			inner.Labels = p.Labels
		}
		if inner.Codes == nil {
			inner.Codes = p.Codes
		}
		if inner.Classes == nil {
			inner.Classes = p.Classes
		}
		if inner.DataPeriod == nil {
			inner.DataPeriod = p.DataPeriod
		}
		if inner.Data == nil {
			inner.Data = p.Data
		}
		a, b := plainly(inner, s)
		permit, deny = permit || a, deny || b
	}
	if permit || deny {
		return permit && !deny, deny
	}
	has := func(system, code string) bool {
		for _, v := range s.Values {
			if v.System == system && v.Code == code {
				return true
			}
		}
		return false
	}
	is := p.Purposes == nil || p.Purposes[0].Code == "TREAT"
	is = is && (p.Actors == nil || p.Actors[0].Key.ID == "someone")
	is = is && (p.Classes == nil || s.Type == "Patient")
	is = is && (p.Codes == nil || has("http://loinc.org", "29463-7"))
	is = is && (p.Data == nil || s.ID == "ex-weight")
	is = is && (p.DataPeriod == nil || s.ID == "ex-alcoholUse")
	if p.Labels != nil {
		restricted := s.ID == "ex-alcoholUse" // also of alcohol
		switch {
		case p.Labels[0].Code == "ETH":
			is = is && restricted
		case p.Effect == consent.Permit:
			is = is && (p.Labels[0].Code == "R" || !restricted)
		default:
			is = is && (p.Labels[0].Code == "N" || restricted)
		}
	}
	return is && p.Effect == consent.Permit, is && p.Effect == consent.Deny
}

// TestLife: a decision ends when a period does.
func TestLife(t *testing.T) {
	p := given(t, `{"type":"permit","period":{"start":"2020","end":"2024-05-02"},"provision":[{"type":"deny","period":{"start":"2024-05-01T13:00:00Z"}}]}`)
	for now, want := range map[string]string{"2024-05-01T12:00:00Z": "2024-05-01T13:00:00Z", "2024-05-01T14:00:00Z": "2024-05-03T00:00:00Z", "2024-05-04T00:00:00Z": ""} {
		at, _ := time.Parse(time.RFC3339, now)
		got := ""
		if end := consent.Life([]*consent.Policy{p}, at); !end.IsZero() {
			got = end.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("at %s: until %q, want %q", now, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"resourceType":"Consent","provision":{"type":"permit","data":[{"meaning":"related","reference":{"reference":"Encounter/e"}}],"provision":[{"type":"deny"}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := fhir.ParseResource([]byte(text))
		if err != nil {
			return
		}
		p, err := consent.Read(r, base)
		if err != nil {
			return
		}
		p.Status, p.Scope = "active", "patient-privacy"
		residual := consent.Decide([]*consent.Policy{p}, clinician, codes, consent.Options{})
		for _, s := range observations {
			if _, err := compiler.View(residual.Formula, s.Type).Sees(s); err != nil {
				t.Fatal(fmt.Errorf("%s: %w", text, err))
			}
		}
	})
}
