package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitalwire/auth"
	"vitalwire/server"
)

func consenting(c *server.Config) { c.Auth, c.Consent = "required", "all-normal" }

// consentOf is a Consent of a patient with a provision.
func consentOf(id, patient, provision string) string {
	return fmt.Sprintf(`{"resourceType":"Consent","id":%q,"status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},`+
		`"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":{"reference":"Patient/%s"},"policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]},"provision":%s}`,
		id, patient, provision)
}

const restricted = `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]},`

func measured(id, patient, code, extra string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,%s"status":"final","code":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":"Patient/%s"},"effectiveDateTime":"2026-01-01"}`, id, extra, code, patient)
}

// seen are the ids of the matches of a search, and its total.
func seen(t *testing.T, who asker, path string) string {
	t.Helper()
	status, _, answer := who.ask(t, "GET", path, "")
	var b struct {
		Total *int
		Entry []struct{ Resource struct{ ID string } }
	}
	if err := json.Unmarshal([]byte(answer), &b); err != nil || status != 200 {
		t.Fatalf("%s: %d %v %.500s", path, status, err, answer)
	}
	var ids []string
	for _, e := range b.Entry {
		ids = append(ids, e.Resource.ID)
	}
	slices.Sort(ids)
	text := strings.Join(ids, " ")
	if b.Total != nil {
		text += fmt.Sprint(" #", *b.Total)
	}
	return text
}

// What a Consent denies is gone with the next request, on whatever server of the
// database, and comes back with it; the rest stays.
func TestConsent_TakesEffectAtOnce(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			first, second := start(t, store, consenting), start(t, store, consenting)
			root := asker{first.Base, command(t, store, "token", "--scope", "system/*.cruds")}
			put := func(body string) {
				t.Helper()
				var r struct{ ResourceType, ID string }
				if err := json.Unmarshal([]byte(body), &r); err != nil {
					t.Fatal(err)
				}
				if status, _, answer := root.ask(t, "PUT", "/"+r.ResourceType+"/"+r.ID, body); status/100 != 2 {
					t.Fatalf("%s/%s: %d %s", r.ResourceType, r.ID, status, answer)
				}
			}
			for _, p := range []string{"a", "b", "c"} {
				put(`{"resourceType":"Patient","id":"` + p + `","name":[{"family":"f` + p + `"}]}`)
				put(measured("hr-"+p, p, "8867-4", ""))
				put(measured("bp-"+p, p, "85354-9", ""))
				put(measured("secret-"+p, p, "8867-4", restricted))
			}
			put(`{"resourceType":"Device","id":"nobodys"}`)
			put(strings.Replace(measured("two", "a", "8867-4", ""), `"status"`, `"performer":[{"reference":"Patient/b"}],"status"`, 1))
			put(`{"resourceType":"Practitioner","id":"doc"}`)
			scopes := auth.ParseScopes("user/*.cruds")
			token, err := first.Mint(t.Context(), auth.Access{Client: "", User: "", FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: scopes, Purposes: []string{"TREAT"}})
			if err != nil {
				t.Fatal(err)
			}
			here, there := asker{first.Base, token}, asker{second.Base, token}
			want := func(path, ids string) {
				t.Helper()
				for i, who := range []asker{here, there} {
					if got := seen(t, who, path); got != ids {
						t.Errorf("server %d: %s: %q, want %q", i+1, path, got, ids)
					}
				}
			}
			is := func(key string, want int) {
				t.Helper()
				for i, who := range []asker{here, there} {
					if got, _, answer := who.ask(t, "GET", "/"+key, ""); got != want {
						t.Errorf("server %d: %s: %d, want %d: %.200s", i+1, key, got, want, answer)
					}
				}
			}
			const all = "/Observation?_total=accurate&_count=50"
			want(all, "bp-a bp-b bp-c hr-a hr-b hr-c two #7")
			is("Observation/secret-a", 404)
			is("Device/nobodys", 200)
			put(consentOf("ca", "a", `{"type":"deny"}`))
			want(all, "bp-b bp-c hr-b hr-c #4")
			want("/Patient?_total=accurate", "b c #2")
			want("/Observation?subject.family=fa&_total=accurate", " #0")
			is("Patient/a", 404)
			is("Observation/two", 404)
			is("Consent/ca", 404)
			put(consentOf("cb", "b", `{"type":"permit","provision":[{"type":"deny","code":[{"coding":[{"system":"http://loinc.org","code":"8867-4"}]}]}]}`))
			want(all, "bp-b bp-c hr-c #3")
			put(consentOf("cc", "c", `{"type":"permit","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}`))
			want(all, "bp-b bp-c hr-c secret-c #4")
			want("/Observation/_history?_count=50", "bp-b bp-c hr-c secret-c #4")
			put(consentOf("ca", "a", `{"type":"permit"}`))
			want(all, "bp-a bp-b bp-c hr-a hr-c secret-a secret-c #7")
			if status, _, _ := root.ask(t, "DELETE", "/Consent/cb", ""); status != 204 {
				t.Fatal(status)
			}
			want(all, "bp-a bp-b bp-c hr-a hr-b hr-c secret-a secret-c two #9")
			// Two Consents of one patient: a deny in any denies.
			put(consentOf("ca2", "a", `{"type":"permit","provision":[{"type":"deny","code":[{"coding":[{"system":"http://loinc.org","code":"85354-9"}]}]}]}`))
			want(all, "bp-b bp-c hr-a hr-b hr-c secret-a secret-c two #8")
		})
	}
}
