package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// D9: the CapabilityStatement says what the SMART configuration says.
func TestSMART22_D9_CapabilityStatement(t *testing.T) {
	s := start(t, stores["sqlite"](t), required)
	get := func(path string, to any) {
		t.Helper()
		status, _, answer := (asker{base: s.Base}).ask(t, "GET", path, "")
		if err := json.Unmarshal([]byte(answer), to); err != nil || status != 200 {
			t.Fatalf("%s: %d %v", path, status, err)
		}
	}
	var smart map[string]any
	get("/.well-known/smart-configuration", &smart)
	var statement struct {
		Rest []struct {
			Security struct {
				CORS    bool
				Service []struct {
					Coding []struct{ System, Code string }
				}
				Extension []struct {
					URL       string
					Extension []struct {
						URL      string
						ValueURI string `json:"valueUri"`
					}
				}
			}
		}
	}
	get("/metadata", &statement)
	security := statement.Rest[0].Security
	if !security.CORS || security.Service[0].Coding[0].Code != "SMART-on-FHIR" || security.Service[0].Coding[0].System != "http://terminology.hl7.org/CodeSystem/restful-security-service" {
		t.Errorf("%+v", security)
	}
	names := map[string]string{"authorize": "authorization_endpoint", "token": "token_endpoint", "introspect": "introspection_endpoint", "revoke": "revocation_endpoint", "manage": "management_endpoint"}
	if security.Extension[0].URL != "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris" || len(security.Extension[0].Extension) != len(names) {
		t.Fatalf("%+v", security.Extension)
	}
	for _, e := range security.Extension[0].Extension {
		if smart[names[e.URL]] != e.ValueURI {
			t.Errorf("%s: %s, and in the SMART configuration %v", e.URL, e.ValueURI, smart[names[e.URL]])
		}
	}
}

// A.7 CORS: any origin for what is public, registered ones elsewhere, refusals as well.
func TestSMART22_A7_CORS(t *testing.T) {
	store := stores["sqlite"](t)
	s := start(t, store, required)
	command(t, store, "client", "add", "app", "--public", "--scope", "openid", "--redirect", "https://app.example.org/done")
	command(t, store, "client", "add", "native", "--public", "--native", "--scope", "openid", "--redirect", "http://127.0.0.1/callback")
	const app, stranger = "https://app.example.org", "https://evil.example"
	for _, c := range []struct {
		method, path, origin string
		status               int
		allowed              bool
	}{
		{"GET", "/.well-known/smart-configuration", stranger, 200, true},
		{"GET", "/.well-known/openid-configuration", stranger, 200, true},
		{"GET", "/auth/keys", stranger, 200, true},
		{"GET", "/metadata", stranger, 200, true},
		{"OPTIONS", "/metadata", stranger, 204, true},
		{"POST", "/auth/token", app, 400, true},
		{"OPTIONS", "/auth/token", app, 204, true},
		{"POST", "/auth/token", stranger, 400, false},
		{"OPTIONS", "/auth/token", stranger, 204, false},
		{"GET", "/Patient/1", app, 401, true},
		{"OPTIONS", "/Patient/1", app, 204, true},
		{"GET", "/Patient/1", "http://127.0.0.1:8090", 401, true},
		{"POST", "/auth/token", "http://127.0.0.1:50123", 400, true},
		{"GET", "/Patient/1", "http://127.0.0.1.evil.example", 401, false},
		{"GET", "/Patient/1", "http://localhost:8090", 401, false},
		{"GET", "/Patient/1", stranger, 401, false},
		{"OPTIONS", "/Patient/1", stranger, 204, false},
		{"GET", "/Patient/1", "null", 401, false},
		{"GET", "/auth/login", app, 200, false},
		{"GET", "/auth/authorize", app, 400, false},
	} {
		status, header, _ := (asker{base: s.Base}).ask(t, c.method, c.path, "", "Origin", c.origin, "Access-Control-Request-Method", "GET")
		got := header.Get("Access-Control-Allow-Origin")
		if status != c.status || c.allowed != (got == c.origin || got == "*") || !c.allowed && got != "" {
			t.Errorf("%s %s from %s: %d %q", c.method, c.path, c.origin, status, got)
		}
		if header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: credentials", c.path)
		}
		if c.allowed && got != "*" && !strings.Contains(strings.Join(header.Values("Vary"), ","), "Origin") {
			t.Errorf("%s: no Vary: %v", c.path, header.Values("Vary"))
		}
	}
	if status, _, _ := (asker{base: s.Base}).ask(t, http.MethodGet, "/auth/token", ""); status != http.StatusMethodNotAllowed {
		t.Errorf("a token by GET: %d", status)
	}
}
