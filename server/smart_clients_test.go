package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// jwkFor makes a key for ES384: its JWK, and a file with the set of its public half.
func jwkFor(t *testing.T) (private map[string]string, publicFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	d, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	public := map[string]string{"kty": "EC", "crv": "P-384", "kid": "k1", "x": b64(point[1:49]), "y": b64(point[49:])}
	set, err := json.Marshal(map[string]any{"keys": []any{public}})
	if err != nil {
		t.Fatal(err)
	}
	publicFile = filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(publicFile, set, 0o600); err != nil {
		t.Fatal(err)
	}
	public["d"] = b64(d)
	return public, publicFile
}

// smartHouse registers alice, patients, and the apps of the client tests.
func smartHouse(t *testing.T, store string, full asker) map[string]any {
	t.Helper()
	for path, body := range map[string]string{
		"/Practitioner/alice": `{"resourceType":"Practitioner","id":"alice","name":[{"family":"Liddell"}]}`,
		"/Patient/maria":      `{"resourceType":"Patient","id":"maria","identifier":[{"system":"urn:oid:1.2.3","value":"MRN-7"}],"name":[{"family":"Lindqvist","given":["Maria"]}],"birthDate":"1958-03-14"}`,
		"/Patient/omar":       `{"resourceType":"Patient","id":"omar","name":[{"family":"Haddad"}]}`,
		"/Encounter/e1":       `{"resourceType":"Encounter","id":"e1","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"subject":{"reference":"Patient/maria"}}`,
		"/Observation/o1":     strings.Replace(strings.Replace(heart, "{", `{"id":"o1",`, 1), "Patient/p", "Patient/maria", 1),
		"/Observation/o2":     strings.Replace(strings.Replace(heart, "{", `{"id":"o2",`, 1), "Patient/p", "Patient/maria", 1),
		"/Observation/o3":     strings.Replace(strings.Replace(heart, "{", `{"id":"o3",`, 1), "Patient/p", "Patient/omar", 1),
	} {
		if status, _, answer := full.ask(t, "PUT", path, body); status != 201 {
			t.Fatalf("%s: %d %s", path, status, answer)
		}
	}
	password := command(t, store, "user", "add", "alice", "--role", "practitioner", "--fhir-user", "Practitioner/alice")
	private, keys := jwkFor(t)
	const scope = "launch launch/patient openid fhirUser offline_access online_access patient/*.rs user/*.rs"
	register := func(args ...string) string {
		return command(t, store, append([]string{"client", "add", "--redirect", "http://127.0.0.1:9999/done", "--launch", "http://127.0.0.1:9999/launch", "--scope", scope}, args...)...)
	}
	register("app", "--public")
	register("keys", "--jwks", keys)
	command(t, store, "client", "add", "backend", "--scope", "system/Patient.rs", "--jwks", keys)
	return map[string]any{"base": full.base, "user": "alice", "password": password, "patient": "maria", "secret": register("secret", "--secret"), "jwk": private}
}

// SMART App Launch by two clients that nobody here wrote, on both stores (security.md B.2).
func TestSMART22_ClientsFromNPM(t *testing.T) {
	for name, open := range stores {
		for _, client := range []string{"openid-client", "fhirclient-smart", "smart-app"} {
			t.Run(name+" "+client, func(t *testing.T) {
				store := open(t)
				s := start(t, store, required)
				full := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
				house := smartHouse(t, store, full)
				status, _, answer := full.ask(t, "POST", "/auth/launches", `{"client_id":"app","user":"alice","patient":"maria","encounter":"e1"}`, "Content-Type", "application/json")
				var launch struct {
					URL string `json:"launch_url"`
				}
				if err := json.Unmarshal([]byte(answer), &launch); err != nil || status != 201 {
					t.Fatalf("%d %s", status, answer)
				}
				house["launchURL"] = launch.URL
				given, err := json.Marshal(house)
				if err != nil {
					t.Fatal(err)
				}
				out := node(t, "SMART="+string(given), "--test", "--test-reporter=tap", client+".js")
				for line := range strings.Lines(out) {
					if strings.HasPrefix(line, "# pass ") || strings.HasPrefix(line, "# fail ") {
						t.Log(strings.TrimSpace(line))
					}
				}
			})
		}
	}
}
