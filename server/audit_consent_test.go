package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitalwire/auth"
	"vitalwire/server"
)

// decisions are the AuditEvents of decisions by Consents among some, each in one line.
func decisions(list []auditEvent) []string {
	var lines []string
	for _, e := range list {
		if e.Subtype[0].Code != "AuthZ-Consent" {
			continue
		}
		words := []string{e.OutcomeDesc}
		for _, entity := range e.Entity {
			if entity.What.Reference != "" {
				words = append(words, entity.What.Reference)
			}
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

// BALP 1.1.4 AuthZconsent: what Consents decide of a request is audited, by which Consents,
// as they were when they decided; one event for each patient of a request, none when no
// Consent decided, and each by its profile.
func TestBALP_AuthZConsent(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := balpCheck(t)
			store := open(t)
			s := start(t, store, consenting, func(c *server.Config) { c.Audited.Decisions = "request" })
			root := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
			officer := asker{s.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}
			for _, p := range []string{"a", "b", "c", "d"} {
				root.put(t, `{"resourceType":"Patient","id":"`+p+`"}`)
				root.put(t, measured("hr-"+p, p, "8867-4", ""))
				root.put(t, measured("secret-"+p, p, "8867-4", restricted))
			}
			root.put(t, strings.Replace(measured("two", "a", "8867-4", ""), `"status"`, `"performer":[{"reference":"Patient/b"}],"status"`, 1))
			root.put(t, `{"resourceType":"Practitioner","id":"doc"}`)
			root.put(t, `{"resourceType":"Device","id":"nobodys"}`)
			token, err := s.Mint(t.Context(), auth.Access{FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.cruds"), Purposes: []string{"TREAT"}})
			if err != nil {
				t.Fatal(err)
			}
			doc := asker{s.Base, token}
			root.put(t, consentOf("ca", "a", `{"type":"permit"}`))
			root.put(t, consentOf("cb", "b", `{"type":"deny"}`))
			root.put(t, consentOf("cc", "c", `{"type":"permit","provision":[{"type":"deny","action":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":"collect"}]}]}]}`))
			seen := len(audited(t, officer, ""))
			const permitA, denyB, policyD = "permitted by Consent Patient/a Consent/ca/_history/1", "denied by Consent Patient/b Consent/cb/_history/1", "denied by the policy for patients without a Consent Patient/d"
			for _, step := range []struct {
				method, path, body string
				status             int
				want               []string
			}{
				{"GET", "/Observation/hr-a", "", 200, []string{permitA}},
				{"GET", "/Observation/hr-a/_history/1", "", 200, []string{permitA}},
				{"GET", "/Patient/a", "", 200, []string{permitA}},
				{"GET", "/Observation/hr-b", "", 404, []string{denyB}},
				{"HEAD", "/Observation/hr-b", "", 404, []string{denyB}},
				{"GET", "/Observation/hr-b/_history/1", "", 404, []string{denyB}},
				{"GET", "/Observation/hr-b/_history", "", 404, []string{denyB}},
				{"GET", "/Observation/two", "", 404, []string{permitA, denyB}},
				{"GET", "/Observation/none", "", 404, nil},
				{"GET", "/Device/nobodys", "", 200, nil},
				{"GET", "/Observation/hr-d", "", 200, nil},
				{"GET", "/Observation/secret-d", "", 404, []string{policyD}},
				{"PUT", "/Observation/hr-a", measured("hr-a", "a", "8867-4", ""), 200, []string{permitA}},
				{"PUT", "/Observation/hr-b", measured("hr-b", "b", "8867-4", ""), 404, []string{denyB}},
				{"DELETE", "/Observation/hr-b", "", 204, []string{denyB}},
				{"POST", "/Observation", measured("x", "c", "8867-4", ""), 403, []string{"denied by Consent Patient/c Consent/cc/_history/1"}},
				{"GET", "/Observation?code=8867-4&patient=a", "", 200, []string{permitA}},
				{"GET", "/Observation?code=8867-4&patient=b", "", 200, []string{denyB}},
				{"GET", "/Observation?code=8867-4&patient=d", "", 200, nil},
				{"GET", "/Observation?code=8867-4", "", 200, []string{permitA, "permitted by Consent Patient/c Consent/cc/_history/1"}},
				{"GET", "/Patient/a/$everything", "", 200, []string{permitA}},
				{"GET", "/Patient/b/$everything", "", 404, []string{denyB}},
				{"POST", "", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Observation/hr-a"}},{"request":{"method":"GET","url":"Observation/hr-b"}}]}`, 200, []string{permitA, denyB}},
				{"POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Observation/hr-a"}},{"request":{"method":"GET","url":"Observation?patient=b"}}]}`, 200, []string{permitA, denyB}},
			} {
				status, header, answer := doc.ask(t, step.method, step.path, step.body)
				if status != step.status {
					t.Fatalf("%s %s: %d %s", step.method, step.path, status, answer)
				}
				if status != 200 && strings.Contains(strings.ToLower(answer), "consent/") || header.Get("Warning") != "" {
					t.Errorf("%s %s tells of a decision: %s", step.method, step.path, answer)
				}
				list := audited(t, officer, "")
				got := decisions(list[seen:])
				for _, e := range list[seen:] {
					if check(e.raw); e.Subtype[0].Code == "AuthZ-Consent" && len(e.Agent) != 4 {
						t.Errorf("%s", e.raw)
					}
				}
				seen = len(list)
				slices.Sort(got)
				if want := slices.Sorted(slices.Values(step.want)); !slices.Equal(got, want) {
					t.Errorf("%s %s:\n%s\nwant\n%s", step.method, step.path, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			// L55: who is denied reaches no AuditEvent, by whatever path.
			for _, path := range []string{"/AuditEvent", "/AuditEvent?patient=b", "/_history", "/Patient/a/$everything?_type=AuditEvent", "/Patient/a?_revinclude=AuditEvent:patient", "/Patient?_has:AuditEvent:patient:outcome=4"} {
				if status, _, answer := doc.ask(t, "GET", path, ""); status == 200 && strings.Contains(answer, `"resourceType":"AuditEvent"`) {
					t.Errorf("GET %s: %.200s", path, answer)
				}
			}
		})
	}
}

// By default a permit is told once for each token and what the patient agrees to, a denial
// and what is done under a broken glass each time; and off is off.
func TestAudit_DecisionsOncePerToken(t *testing.T) {
	for choice, want := range map[string][]int{"": {1, 3, 1}, "token": {1, 3, 1}, "request": {3, 3, 3}, "off": {0, 0, 0}} {
		store := stores["sqlite"](t)
		s := start(t, store, consenting, func(c *server.Config) { c.Audited.Decisions = choice })
		root := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
		officer := asker{s.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}
		for _, p := range []string{"a", "b"} {
			root.put(t, `{"resourceType":"Patient","id":"`+p+`"}`)
			root.put(t, measured("hr-"+p, p, "8867-4", ""))
		}
		root.put(t, `{"resourceType":"Practitioner","id":"doc"}`)
		root.put(t, consentOf("ca", "a", `{"type":"permit"}`))
		root.put(t, consentOf("cb", "b", `{"type":"deny"}`))
		minted := func(purposes ...string) asker {
			token, err := s.Mint(t.Context(), auth.Access{FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.rs"), Purposes: purposes})
			if err != nil {
				t.Fatal(err)
			}
			return asker{s.Base, token}
		}
		doc := minted("TREAT")
		told := func(path string) int {
			before := len(decisions(audited(t, officer, "")))
			for range 3 {
				doc.ask(t, "GET", path, "")
			}
			return len(decisions(audited(t, officer, ""))) - before
		}
		got := []int{told("/Observation/hr-a"), told("/Observation/hr-b")}
		root.put(t, consentOf("ca", "a", `{"type":"permit","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]}`))
		if got = append(got, told("/Observation/hr-a")); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", choice, got, want)
		}
		if choice == "" {
			if doc = minted("TREAT", "BTG"); told("/Observation/hr-a") != 3 {
				t.Error("not each use of a broken glass is told")
			}
		}
	}
}

// An event that waits while its Consent is changed and deleted names the version by which
// it was decided.
func TestAudit_DecisionNamesTheVersionThatDecided(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			s := start(t, store, consenting, func(c *server.Config) { c.Audited.Decisions = "request" })
			root := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
			officer := asker{s.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}
			root.put(t, `{"resourceType":"Patient","id":"a"}`)
			token, err := s.Mint(t.Context(), auth.Access{FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.rs"), Purposes: []string{"TREAT"}})
			if err != nil {
				t.Fatal(err)
			}
			doc := asker{s.Base, token}
			var want []string
			for n := 1; n <= 12; n += 3 { // each is read before, between and after, without waiting for the queue
				root.put(t, consentOf("ca", "a", `{"type":"permit"}`))
				doc.ask(t, "GET", "/Patient/a", "")
				root.put(t, consentOf("ca", "a", `{"type":"deny"}`))
				doc.ask(t, "GET", "/Patient/a", "")
				root.ask(t, "DELETE", "/Consent/ca", "")
				doc.ask(t, "GET", "/Patient/a", "")
				want = append(want, fmt.Sprintf("permitted by Consent Patient/a Consent/ca/_history/%d", n), fmt.Sprintf("denied by Consent Patient/a Consent/ca/_history/%d", n+1))
			}
			got := decisions(audited(t, officer, ""))
			if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				t.Errorf("%q", got)
			}
		})
	}
}
