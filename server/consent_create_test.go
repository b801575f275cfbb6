package server_test

import (
	"strings"
	"testing"

	"vitalwire/auth"
)

// TestD6_L39_WhoIsBoundCreatesByPost: who is bound by Consents cannot create by PUT, told
// alike for an id that nobody has, one that is hidden and one that was deleted, and is told
// how he can: by POST, and once by If-None-Exist (R4 http §3.1.0.8.1), whatever is hidden.
func TestD6_L39_WhoIsBoundCreatesByPost(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			running := start(t, open(t), consenting)
			root := as(t, running, auth.Access{Scopes: auth.ParseScopes("system/*.cruds")})
			numbered := `"identifier":[{"system":"urn:n","value":"1"}],`
			root.put(t, `{"resourceType":"Patient","id":"p"}`)
			root.put(t, measured("hidden", "p", "29463-7", restricted+numbered))
			root.put(t, measured("gone", "p", "29463-7", restricted))
			if status, _, answer := root.ask(t, "DELETE", "/Observation/gone", ""); status >= 300 {
				t.Fatal(status, answer)
			}
			doctor := as(t, running, auth.Access{FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.cruds"), Purposes: []string{"TREAT"}})
			put := func(id string) string {
				return `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"Observation/` + id + `"},"resource":` + measured(id, "p", "29463-7", "") + `}]}`
			}
			for _, header := range [][]string{nil, {"If-None-Match", "*"}} {
				for _, id := range []string{"new", "hidden", "gone"} {
					status, _, answer := doctor.ask(t, "PUT", "/Observation/"+id, measured(id, "p", "29463-7", ""), header...)
					if status != 404 || !strings.Contains(answer, "Observation/"+id+" is not known") || !strings.Contains(answer, "create with POST, and with If-None-Exist") {
						t.Errorf("%s: %d %s", id, status, answer)
					}
				}
			}
			for _, id := range []string{"new", "hidden", "gone"} {
				if status, _, answer := doctor.ask(t, "POST", "", put(id)); status != 404 || !strings.Contains(answer, "create with POST") {
					t.Errorf("%s in a transaction: %d %s", id, status, answer)
				}
				if status, _, answer := doctor.ask(t, "PUT", "/Observation/"+id, measured(id, "p", "29463-7", ""), "If-Match", `W/"1"`); status != 404 || strings.Contains(answer, "POST") {
					t.Errorf("%s by If-Match: %d %s", id, status, answer)
				}
			}
			if status, _, answer := doctor.ask(t, "PUT", "/Observation?identifier=urn:n|1", strings.Replace(measured("", "p", "29463-7", numbered), `"id":"",`, "", 1)); status != 404 || !strings.Contains(answer, "create with POST") {
				t.Errorf("by condition: %d %s", status, answer)
			}
			body := strings.Replace(measured("", "p", "29463-7", numbered), `"id":"",`, "", 1)
			for _, want := range []int{201, 200} {
				if status, _, answer := doctor.ask(t, "POST", "/Observation", body, "If-None-Exist", "identifier=urn:n|1"); status != want {
					t.Errorf("by If-None-Exist: %d %s, want %d", status, answer, want)
				}
			}
			if _, _, answer := doctor.ask(t, "GET", "/metadata", ""); !strings.Contains(answer, "cannot create by PUT") {
				t.Error("the CapabilityStatement says nothing of it")
			}
		})
	}
}
