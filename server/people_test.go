package server_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// Clients and users are managed by the JSON API, on both stores, by who may do
// everything and by nobody else.
func TestAdminAPI_ClientsAndUsers(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			s := start(t, store, required)
			plain := []string{"Content-Type", "application/json"}
			all := asker{s.Root, command(t, store, "token", "--scope", "system/*.cruds")}
			for _, c := range []struct {
				method, path, body string
				status             int
				says               string
			}{
				{"GET", "/admin/clients", "", 200, `{"items":[]}`},
				{"POST", "/admin/clients", `{"client_id":"gw","client_name":"Ward","scope":"system/Observation.c"}`, 201, `"client_secret":"`},
				{"POST", "/admin/clients", `{"client_id":"gw","scope":"system/Observation.c"}`, 422, "taken"},
				{"POST", "/admin/clients", `{"client_id":"g2","scope":"system/Observation.c","client_secret":"mine"}`, 422, "never given"},
				{"POST", "/admin/clients", `{"client_id":"g2","scope":"system/Observation.c","secret_hash":"abc"}`, 422, "never given"},
				{"POST", "/admin/clients", `{"client_id":"g2","scope":"system/Observation.c","unknown":1}`, 400, "unknown"},
				{"POST", "/admin/clients", `{"client_id":"g2","scope":"nonsense"}`, 422, "scope"},
				{"POST", "/admin/clients", `{"client_id":"../g","scope":"system/Observation.c"}`, 422, "client_id"},
				{"POST", "/admin/clients", `{"client_id":"app","scope":"launch openid","public":true,"redirect_uris":["https://a.example/back"],"launch_uri":"https://a.example/launch"}`, 201, `"redirect_uris":["https://a.example/back"]`},
				{"GET", "/admin/clients/gw", "", 200, `"client_name":"Ward"`},
				{"PUT", "/admin/clients/gw", `{"client_name":"Ward 8","scope":"system/Observation.c","disabled":true}`, 200, `"disabled":true`},
				{"PUT", "/admin/clients/gw", `{"client_id":"other","scope":"system/Observation.c"}`, 422, "another"},
				{"PUT", "/admin/clients/none", `{"scope":"system/Observation.c"}`, 404, "not known"},
				{"POST", "/admin/clients/gw/secret", "", 200, `"client_secret":"`},
				{"POST", "/admin/clients/app/secret", "", 422, "one of"},
				{"POST", "/admin/clients/none/secret", "", 404, ""},
				{"GET", "/admin/clients?count=1", "", 200, `"next":"app"`},
				{"DELETE", "/admin/clients/gw", "", 204, ""},
				{"DELETE", "/admin/clients/gw", "", 404, ""},
				{"GET", "/admin/clients/gw", "", 404, ""},
				{"POST", "/admin/users", `{"name":"Alice","role":"practitioner","fhirUser":"Practitioner/1"}`, 201, `"password":"`},
				{"POST", "/admin/users", `{"name":"alice","role":"practitioner"}`, 422, "taken"},
				{"POST", "/admin/users", `{"name":"bob","role":"practitioner","password":"short"}`, 422, "12 to 256"},
				{"POST", "/admin/users", `{"name":"bob","role":"patient","password":"cobalt tram 91 lantern"}`, 422, "Patient"},
				{"POST", "/admin/users", `{"name":"bob","role":"admin","hash":"x"}`, 400, "hash"},
				{"GET", "/admin/users/alice", "", 200, `"role":"practitioner"`},
				{"PUT", "/admin/users/alice", `{"role":"practitioner","breakGlass":true}`, 200, `"breakGlass":true`},
				{"POST", "/admin/users", `{"name":"carl","role":"patient","fhirUser":"Patient/1","breakGlass":true}`, 422, "glass"},
				{"PUT", "/admin/users/alice", `{"role":"admin","display":"A"}`, 200, `"role":"admin"`},
				{"PUT", "/admin/users/alice", `{"role":"admin","password":"cobalt tram 91 lantern"}`, 422, "/password"},
				{"POST", "/admin/users/alice/password", `{}`, 200, `"password":"`},
				{"POST", "/admin/users/alice/password", `{"password":"cobalt tram 91 lantern"}`, 200, `"name":"alice"`},
				{"POST", "/admin/users/none/password", `{}`, 404, ""},
				{"GET", "/admin/users", "", 200, `"name":"alice"`},
				{"DELETE", "/admin/users/alice", "", 204, ""},
				{"DELETE", "/admin/users/alice", "", 404, ""},
			} {
				status, header, body := all.ask(t, c.method, c.path, c.body, plain...)
				if status != c.status || !strings.Contains(body, c.says) {
					t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, body)
				}
				if strings.Contains(body, "secret_hash") && status < 300 || strings.Contains(body, "argon2id") {
					t.Errorf("%s %s shows a hash: %s", c.method, c.path, body)
				}
				if status < 300 && header.Get("Cache-Control") != "no-store" && status != 204 {
					t.Errorf("%s %s may be kept: %s", c.method, c.path, header.Get("Cache-Control"))
				}
			}
			// Whoever may do less gets nowhere, and before the body is read.
			for _, scope := range []string{"", "system/*.rs", "system/*.crud", "system/Patient.cruds"} {
				other := asker{base: s.Root}
				want := 401
				if scope != "" {
					other.token, want = command(t, store, "token", "--scope", scope), 403
				}
				for _, path := range []string{"/admin/clients", "/admin/users", "/admin/clients/app/secret", "/admin/users/root/password"} {
					if status, _, body := other.ask(t, "POST", path, "{", plain...); status != want {
						t.Errorf("%s by %q: %d %s", path, scope, status, body)
					}
				}
			}
			var document struct {
				Paths map[string]json.RawMessage `json:"paths"`
			}
			if _, _, body := all.ask(t, "GET", "/openapi.json", ""); json.Unmarshal([]byte(body), &document) != nil || document.Paths["/admin/users/{id}"] == nil {
				t.Error("/openapi.json does not describe it")
			}
		})
	}
	if status, _, _ := (asker{base: start(t, stores["sqlite"](t)).Root}).ask(t, "GET", "/admin/users", ""); status != 404 {
		t.Errorf("without tokens: %d", status)
	}
}
