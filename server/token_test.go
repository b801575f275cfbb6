package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vitalwire/server"
)

// command runs a command of the program on a store and gives the last line it printed.
func command(t *testing.T, store string, args ...string) string {
	t.Helper()
	status, out, errs := run(nil, append(args, "--store", store)...)
	if status != 0 {
		t.Fatalf("%v: %d %s", args, status, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

// asker sends requests with a token.
type asker struct{ base, token string }

func (a asker) ask(t *testing.T, method, path, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/fhir+json")
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(data)
}

func required(c *server.Config) { c.Auth = "required" }

const heart = `{"resourceType":"Observation","status":"final","code":{"text":"heart rate"},"subject":{"reference":"Patient/p"}}`

// SMART 2.2 scopes, on each interaction and each way round them.
func TestSMART22_ScopesAreEnforced(t *testing.T) {
	bundle := func(typ string, entries ...string) string {
		return `{"resourceType":"Bundle","type":"` + typ + `","entry":[` + strings.Join(entries, ",") + `]}`
	}
	entry := func(method, url, resource string) string {
		if resource != "" {
			resource = `,"resource":` + resource
		}
		return fmt.Sprintf(`{"request":{"method":%q,"url":%q}%s}`, method, url, resource)
	}
	cases := []struct {
		scope, method, path, body string
		status                    int
	}{
		{"system/Observation.r", "GET", "/Observation/o", "", 200},
		{"system/Observation.r", "GET", "/Observation/o/_history/1", "", 200},
		{"system/Observation.r", "GET", "/Observation/o/_history", "", 200},
		{"system/Observation.r", "HEAD", "/Observation/o", "", 200},
		{"system/Observation.r", "GET", "/Patient/p", "", 403},
		{"system/Observation.r", "GET", "/Patient/none", "", 403},
		{"system/Observation.r", "GET", "/Observation", "", 403},
		{"system/Observation.r", "GET", "/Observation/_history", "", 403},
		{"system/Observation.s", "GET", "/Observation", "", 200},
		{"system/Observation.s", "GET", "/Observation/_history", "", 200},
		{"system/Observation.s", "GET", "/Observation/o", "", 403},
		{"system/Observation.s", "POST", "/Observation/_search", "", 200},
		{"system/Observation.rs", "GET", "/Observation?subject=Patient/p", "", 200},
		{"system/Observation.rs", "GET", "/Observation?subject.family=x", "", 403},
		{"system/Observation.rs", "GET", "/Observation?subject:Patient.family=x", "", 403},
		{"system/Observation.rs", "GET", "/Observation?subject%2Efamily=x", "", 403},
		{"system/Observation.rs", "POST", "/Observation/_search?subject%2Efamily=x", "", 403},
		{"system/Observation.rs", "POST", "/Observation/_search", "subject.family=x", 403},
		{"system/Observation.rs", "GET", "/Observation?_include=Observation:subject", "", 200},
		{"system/Observation.rs", "GET", "/Observation?_revinclude=Provenance:target", "", 200},
		{"system/Observation.rs", "GET", "/Observation?_include:iterate=Observation:subject", "", 200},
		{"system/Observation.rs", "GET", "/Observation?%5Finclude=Observation:subject", "", 200},
		{"system/Observation.rs", "GET", "/Observation?_sort=subject.family", "", 403},
		{"system/Observation.rs", "GET", "/Observation?_sort=subject%2Efamily", "", 403},
		{"system/Observation.rs", "GET", "/Observation?_list=42", "", 403},
		{"system/Observation.rs", "GET", "/Observation?_filter=subject.family%20eq%20x", "", 403},
		{"system/Patient.rs", "GET", "/Patient?_has:Observation:subject:code=x", "", 403},
		{"system/Observation.rs", "GET", "/Patient/p/Observation", "", 200},
		{"system/Observation.rs system/Patient.r", "GET", "/Patient/p/Observation", "", 200},
		{"system/Observation.rs", "GET", "/Patient/p/*", "", 200},
		{"system/Observation.rs", "GET", "/_history", "", 200},
		{"system/Observation.rs", "GET", "/?_type=Observation", "", 200},
		{"system/*.rs", "GET", "/Observation?subject:Patient.family=x&_include=Observation:subject", "", 200},
		{"system/Observation.rs", "GET", "/?_type=Patient", "", 403},
		{"system/Observation.rs", "GET", "/?_type=Observation,Patient", "", 403},
		{"system/Observation.rs", "GET", "/Observation?_explain=1", "", 403},
		{"system/Observation.rs", "GET", "/Observation?%5Fexplain=1", "", 403},
		{"system/Observation.r", "GET", "/_history", "", 403},
		{"system/Observation.r", "GET", "/?_lastUpdated=gt2000", "", 403},
		{"system/*.rs", "GET", "/_history", "", 200},
		{"system/*.rs", "POST", "/Observation", heart, 403},
		{"system/*.rs", "DELETE", "/Observation/none", "", 403},
		{"system/*.rs", "GET", "/Patient/p/$everything", "", 200},
		{"system/*.r", "GET", "/Patient/p/$everything", "", 403},
		{"system/Patient.cruds", "GET", "/Patient/p/$everything", "", 200},
		{"system/*.rs", "POST", "/Patient/p/$meta-add", `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{}}]}`, 403},
		{"system/Observation.c", "POST", "/Observation", heart, 201},
		{"system/Observation.c", "PUT", "/Observation/new1", strings.Replace(heart, "{", `{"id":"new1",`, 1), 403},
		{"system/Observation.u", "PUT", "/Observation/new2", strings.Replace(heart, "{", `{"id":"new2",`, 1), 201},
		{"system/Observation.u", "PUT", "/Observation?code=x", heart, 403},
		{"system/Observation.c", "POST", "/Patient", `{"resourceType":"Patient"}`, 403},
		{"system/Observation.d", "DELETE", "/Observation?code=x", "", 403},
		{"system/Observation.d", "DELETE", "/Observation/none", "", 204},
		{"system/Observation.write", "PUT", "/Observation/new3", strings.Replace(heart, "{", `{"id":"new3",`, 1), 201},
		{"system/Observation.c", "POST", "/", bundle("transaction", entry("POST", "Observation", heart)), 200},
		{"system/Observation.c", "POST", "/", bundle("transaction", entry("POST", "Observation", heart), entry("GET", "Patient/p", "")), 403},
		{"system/Observation.c", "POST", "/", bundle("transaction", entry("POST", "Observation", heart), entry("GET", "Patient/p/$everything", "")), 403},
		{"system/Observation.c", "POST", "/", bundle("transaction", entry("POST", "Observation", strings.Replace(heart, "Patient/p", "Patient?identifier=x", 1))), 403},
		{"system/Observation.c", "GET", "/metadata", "", 200},
		{"system/Observation.c", "GET", "/.well-known/smart-configuration", "", 200},
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			s := start(t, store, required)
			tokens := map[string]string{}
			as := func(scope string) asker {
				if tokens[scope] == "" {
					tokens[scope] = command(t, store, "token", "--scope", scope)
				}
				return asker{s.Base, tokens[scope]}
			}
			full := as("system/*.cruds")
			for path, body := range map[string]string{
				"/Patient/p":     `{"resourceType":"Patient","id":"p","name":[{"family":"x"}]}`,
				"/Observation/o": strings.Replace(heart, "{", `{"id":"o",`, 1),
			} {
				if status, _, answer := full.ask(t, "PUT", path, body); status != 201 {
					t.Fatalf("%s: %d %s", path, status, answer)
				}
			}
			for _, c := range cases {
				var header []string
				if strings.HasSuffix(strings.SplitN(c.path, "?", 2)[0], "/_search") {
					header = []string{"Content-Type", "application/x-www-form-urlencoded"}
				}
				status, _, answer := as(c.scope).ask(t, c.method, c.path, c.body, header...)
				if status != c.status {
					t.Errorf("%s: %s %s: %d, want %d: %.300s", c.scope, c.method, c.path, status, c.status, answer)
				}
				if status == 403 && !strings.Contains(answer, `"forbidden"`) {
					t.Errorf("%s: %s %s: %s", c.scope, c.method, c.path, answer)
				}
			}
			t.Run("a batch judges each entry", func(t *testing.T) {
				_, _, answer := as("system/Observation.r").ask(t, "POST", "/", bundle("batch",
					entry("GET", "Observation/o", ""), entry("GET", "Patient/p", ""), entry("POST", "Observation", heart), entry("GET", "Patient/p/$everything", "")))
				var b struct {
					Entry []struct{ Response struct{ Status string } }
				}
				if err := json.Unmarshal([]byte(answer), &b); err != nil || len(b.Entry) != 4 {
					t.Fatalf("%v %s", err, answer)
				}
				for i, want := range []string{"200", "403", "403", "403"} {
					if !strings.HasPrefix(b.Entry[i].Response.Status, want) {
						t.Errorf("entry %d: %s, want %s", i, b.Entry[i].Response.Status, want)
					}
				}
			})
			t.Run("who may not read is not shown what was written (L46)", func(t *testing.T) {
				status, header, answer := as("system/Observation.u").ask(t, "PUT", "/Observation/o", strings.Replace(heart, "{", `{"id":"o",`, 1), "Prefer", "return=representation")
				if status != 200 || answer != "" || header.Get("ETag") == "" {
					t.Errorf("%d %v %s", status, header, answer)
				}
				if _, _, answer := as("system/Observation.c").ask(t, "POST", "/", bundle("transaction", entry("POST", "Observation", heart)), "Prefer", "return=representation"); strings.Contains(answer, "heart rate") {
					t.Errorf("the transaction shows %s", answer)
				}
			})
		})
	}
}

// RFC 6750 §3, E.3: who has no good token gets nothing, and no byte of the body is read.
func TestRFC6750_NobodyGetsInWithoutToken(t *testing.T) {
	store := stores["sqlite"](t)
	s := start(t, store, required)
	good := command(t, store, "token", "--scope", "system/*.cruds")
	root := strings.TrimSuffix(s.Base, "/fhir")
	for _, path := range []string{
		"/fhir", "/fhir/", "/fhir/Patient", "/fhir/Patient/p", "/fhir//metadata/", "/fhir/metadata/x", "/fhir/metadata%2Fx", "/fhir/$meta", "/fhir/_history",
		"/fhir/_async/1", "/fhir/nope", "/fhir/.well-known/nope", "/nope", "/metrics", "/admin/packages", "/ingest/blegatt", "/ingest/quarantine", "/ingest/refused",
		"/ingest/associations", "/FHIR/Patient", "/fhir/Patient?access_token=" + good,
	} {
		for _, authorization := range []string{"", "Bearer", "Bearer ", "Bearer x", "Basic " + good, "Bearer " + good[:42] + "_", "Bearer " + good + "x", good,
			"Bearer " + strings.Repeat("A", 20_000), "Bearer '; DROP TABLE record; --"} {
			header := []string{}
			if authorization != "" {
				header = []string{"Authorization", authorization}
			}
			status, got, answer := asker{base: root}.ask(t, "GET", path, "", header...)
			if status != 401 || !strings.HasPrefix(got.Get("WWW-Authenticate"), `Bearer realm="vitalwire"`) || strings.Contains(answer, good) {
				t.Errorf("%s with %.20q: %d %v %s", path, authorization, status, got["Www-Authenticate"], answer)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/fhir/metadata", "/fhir/.well-known/smart-configuration"} {
		if status, _, answer := (asker{base: root}).ask(t, "GET", path, ""); status != 200 {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
	status, got, answer := (asker{base: root, token: good}).ask(t, "GET", "/fhir/Patient", "")
	if status != 200 {
		t.Errorf("with a good token: %d %s", status, answer)
	}
	// L63: no cache gives one caller's answer to another.
	if !strings.Contains(got.Get("Cache-Control"), "no-store") || !strings.Contains(strings.Join(got.Values("Vary"), ","), "Authorization") {
		t.Errorf("with a good token: Cache-Control %q, Vary %q", got.Get("Cache-Control"), got.Values("Vary"))
	}
}

// SMART Backend Services for a gateway: registered by command, a token by its
// secret, a frame with it, and nothing else.
func TestGatewayGetsTokenAndSubmits(t *testing.T) {
	store := stores["sqlite"](t)
	s := start(t, store, required)
	secret := command(t, store, "client", "add", "gw", "--scope", "system/Observation.c system/Device.cu", "--secret")
	answer, err := http.PostForm(s.Base+"/auth/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"system/*.cruds"}, "client_id": {"gw"}, "client_secret": {secret}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var token struct {
		Token string `json:"access_token"`
		Scope string `json:"scope"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil || token.Scope != "system/Observation.c system/Device.cu" {
		t.Fatalf("%v %+v", err, token)
	}
	gateway := asker{strings.TrimSuffix(s.Base, "/fhir"), token.Token}
	frame := "/ingest/blegatt?deviceId=0022092258080001&characteristic=2A37&receivedAt=2026-01-01T00:00:00Z"
	if status, _, answer := gateway.ask(t, "POST", frame, "\x00\x48", "Content-Type", "application/octet-stream"); status != 202 {
		t.Errorf("a heart rate without a patient: %d %s", status, answer)
	}
	for _, path := range []string{"/fhir/Observation", "/ingest/quarantine", "/metrics", "/admin/packages"} {
		if status, _, answer := gateway.ask(t, "GET", path, ""); status != 403 {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
	command(t, store, "client", "remove", "gw")
}
