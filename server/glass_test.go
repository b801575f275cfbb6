package server_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"vitalwire/auth"
	"vitalwire/server"
)

// breakGlass asks for a token with the glass broken.
func (a asker) breakGlass(t *testing.T, reason string) (int, asker) {
	t.Helper()
	status, _, answer := a.ask(t, "POST", "/auth/break-glass", url.Values{"reason": {reason}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		t.Fatalf("%d %v %s", status, err, answer)
	}
	return status, asker{a.base, got.Token}
}

// glassCase is a record, and who is to break the glass in it.
type glassCase struct {
	root, member, other asker
}

// pcfRecord is the record of IHE PCF's examples.
func pcfRecord(t *testing.T, s *server.Server, store string) glassCase {
	t.Helper()
	c := glassCase{root: asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}}
	labels := func(codes ...string) string {
		for i, code := range codes {
			system, code, _ := strings.Cut(code, "|")
			codes[i] = `{"system":"http://terminology.hl7.org/CodeSystem/` + system + `","code":"` + code + `"}`
		}
		return `"meta":{"security":[` + strings.Join(codes, ",") + `]},`
	}
	normal := labels("v3-Confidentiality|N")
	for _, body := range []string{
		`{"resourceType":"Patient","id":"ex-patient"}`, `{"resourceType":"Practitioner","id":"member"}`, `{"resourceType":"Practitioner","id":"other"}`,
		`{"resourceType":"Group","id":"ex-privilegedUsers","active":true,"type":"practitioner","actual":true,"member":[{"entity":{"reference":"Practitioner/member"}}]}`,
		measured("aU", "ex-patient", "74013-4", labels("v3-Confidentiality|R", "v3-ActCode|ETHUD")),
		measured("bS", "ex-patient", "2339-0", normal), measured("bP", "ex-patient", "85354-9", normal),
		measured("w", "ex-patient", "29463-7", normal), measured("w2", "ex-patient", "29463-7", normal),
	} {
		c.root.put(t, body)
	}
	for _, who := range []struct {
		name string
		to   *asker
	}{{"member", &c.member}, {"other", &c.other}} {
		command(t, store, "user", "add", who.name, "--role", "practitioner", "--fhir-user", "Practitioner/"+who.name, "--break-glass")
		token, err := s.Mint(t.Context(), auth.Access{User: who.name, FHIRUser: "Practitioner/" + who.name, Role: auth.Practitioner, Scopes: auth.ParseScopes("user/Observation.rs")})
		if err != nil {
			t.Fatal(err)
		}
		*who.to = asker{s.Base, token}
	}
	return c
}

// put stores a resource under its id.
func (a asker) put(t *testing.T, body string) {
	t.Helper()
	var r struct{ ResourceType, ID string }
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if status, _, answer := a.ask(t, "PUT", "/"+r.ResourceType+"/"+r.ID, body); status/100 != 2 {
		t.Fatalf("%s/%s: %d %s", r.ResourceType, r.ID, status, answer)
	}
}

// IHE PCF's examples with break-glass, over HTTP: who may break it sees what the
// Consent lets him, as long as he says so, and others what they saw.
func TestPCF_BreakGlass(t *testing.T) {
	const (
		system   = "http://terminology.hl7.org/CodeSystem/"
		treat    = `"purpose":[{"system":"` + system + `v3-ActReason","code":"TREAT"},{"system":"` + system + `v3-ActReason","code":"HPAYMT"},{"system":"` + system + `v3-ActReason","code":"HOPERAT"}]`
		members  = `"purpose":[{"system":"` + system + `v3-ActReason","code":"BTG"}],"actor":[{"role":{"coding":[{"system":"` + system + `v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"Group/ex-privilegedUsers"}}]`
		dissent  = `{"type":"deny",` + treat + `,"provision":[{"type":"permit",` + members + `}]}`
		focused  = `{"type":"permit",` + treat + `,"securityLabel":[{"system":"` + system + `v3-Confidentiality","code":"N"}],"provision":[{"type":"permit",` + members + `,"securityLabel":[{"system":"` + system + `v3-Confidentiality","code":"R"}]}]}`
		path     = "/Observation?_total=accurate"
		none     = " #0"
		ordinary = "bP bS w w2 #4"
		all      = "aU bP bS w w2 #5"
	)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			s := start(t, store, consenting)
			c := pcfRecord(t, s, store)
			status, broken := c.member.breakGlass(t, "found unconscious")
			if status != 200 {
				t.Fatal(status)
			}
			status, others := c.other.breakGlass(t, "found unconscious")
			if status != 200 {
				t.Fatal(status)
			}
			_, _, metrics := asker{s.Root, c.root.token}.ask(t, "GET", "/metrics", "")
			if !strings.Contains(metrics, `vitalwire_break_glass_total{purpose="TREAT",role="practitioner"} 2`) || strings.Contains(metrics, "ex-patient") || strings.Contains(metrics, "unconscious") {
				t.Errorf("the metrics are %s", metrics)
			}
			is := func(what string, who asker, want string) {
				t.Helper()
				if got := seen(t, who, path); got != want {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
			}
			c.root.put(t, consentOf("c", "ex-patient", dissent))
			is("dissent", c.member, none)
			is("dissent, broken by a member", broken, all)
			is("dissent, broken by another", others, none)
			c.root.put(t, consentOf("c", "ex-patient", focused))
			is("break-glass-restricted", c.member, ordinary)
			is("break-glass-restricted, broken by a member", broken, all)
			is("break-glass-restricted, broken by another", others, ordinary)
			for header, want := range map[string]int{"TREAT": 404, "BTG": 200, "TREAT, BTG": 200, "HRESCH": 403, "": 400} {
				if status, _, answer := broken.ask(t, "GET", "/Observation/aU", "", auth.PurposeHeader, header); status != want {
					t.Errorf("%q: %d %s", header, status, answer)
				}
			}
			if status, _, _ := c.member.ask(t, "GET", "/Observation/aU", "", auth.PurposeHeader, "BTG"); status != 403 {
				t.Errorf("BTG without breaking the glass: %d", status)
			}
			// It opens no other type, and lets nobody write.
			if status, _, _ := broken.ask(t, "GET", "/Condition", ""); status != 403 {
				t.Errorf("a type without a scope: %d", status)
			}
			if status, _, _ := broken.ask(t, "DELETE", "/Observation/aU", ""); status != 403 {
				t.Errorf("a right without a scope: %d", status)
			}
			c.root.put(t, consentOf("c", "ex-patient", `{"type":"deny"}`))
			is("what nobody may see", broken, none)
			command(t, store, "user", "set", "other", "--no-break-glass")
			if status, _ := c.other.breakGlass(t, "found unconscious"); status != 403 {
				t.Errorf("without the privilege: %d", status)
			}
			auditor := asker{s.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}
			told := 0
			for range 1200 { // it is stored a moment later
				_, _, answer := auditor.ask(t, "GET", "/AuditEvent?_count=200", "")
				if told = strings.Count(answer, "found unconscious"); told == 2 {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if told != 2 {
				t.Errorf("the glass was broken twice, and the audit tells of %d", told)
			}
		})
	}
}

// Policy-break-glass-only (IHE PCF): without a Consent there is nothing to see but in
// an emergency.
func TestPCF_BreakGlassOnly(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			s := start(t, store, func(c *server.Config) { c.Auth, c.Consent = "required", "break-glass-only" })
			c := pcfRecord(t, s, store)
			if got := seen(t, c.other, "/Observation?_total=accurate"); got != " #0" {
				t.Errorf("to treat: %q", got)
			}
			_, broken := c.other.breakGlass(t, "found unconscious")
			if got := seen(t, broken, "/Observation?_total=accurate"); got != "bP bS w w2 #4" {
				t.Errorf("glass broken: %q", got)
			}
		})
	}
}
