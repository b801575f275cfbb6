package server_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vitalwire/server"
)

// E.4: what administrators do is audited, over HTTP, by commands beside a running server
// and by other settings at a start, each by its name and without secrets.
func TestAudit_Administration(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := balpCheck(t)
			store := open(t)
			first := start(t, store, required)
			token := command(t, store, "token", "--scope", "system/*.cruds")
			root := asker{first.Root, token}
			officer := asker{first.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}
			const json = "application/json"
			for _, step := range []struct {
				method, path, body string
				status             int
			}{
				{"POST", "/admin/users", `{"name":"ada","role":"practitioner","password":"cobalt tram 91 lantern"}`, 201},
				{"PUT", "/admin/users/ada", `{"name":"ada","role":"practitioner","disabled":true}`, 200},
				{"POST", "/admin/users/ada/password", `{"password":"cobalt tram 92 lantern"}`, 200},
				{"GET", "/admin/users", "", 200},
				{"DELETE", "/admin/users/ada", "", 204},
				{"POST", "/admin/clients", `{"client_id":"gate","scope":"system/Patient.rs"}`, 201},
				{"POST", "/admin/clients/gate/secret", "", 200},
				{"DELETE", "/admin/clients/gate", "", 204},
				{"GET", "/admin/packages", "", 200},
				{"GET", "/ingest/associations", "", 200},
				{"POST", "/fhir/$reindex", `{"resourceType":"Parameters"}`, 200},
				{"PUT", "/fhir/Patient/p", `{"resourceType":"Patient","id":"p"}`, 201},
				{"POST", "/fhir/Patient/p/$expunge", `{"resourceType":"Parameters","parameter":[{"name":"expungeEverything","valueBoolean":true}]}`, 200},
			} {
				header := []string{"Content-Type", json}
				if strings.HasPrefix(step.path, "/fhir") {
					header = nil
				}
				if status, _, answer := root.ask(t, step.method, step.path, step.body, header...); status != step.status {
					t.Fatalf("%s %s: %d %s", step.method, step.path, status, answer)
				}
			}
			secret := command(t, store, "client", "add", "own", "--secret", "--scope", "system/Patient.rs")
			command(t, store, "client", "remove", "own")
			command(t, store, "user", "add", "omar", "--role", "admin")
			command(t, store, "user", "disable", "omar")
			command(t, store, "keys", "rotate")
			if name == "sqlite" {
				command(t, store, "backup", filepath.Join(t.TempDir(), "copy.db"))
			}
			command(t, store, "verify-audit")
			file := filepath.Join(t.TempDir(), "obligations.json")
			if err := os.WriteFile(file, []byte(masksResearch), 0o600); err != nil {
				t.Fatal(err)
			}
			officer.base = start(t, store, required, func(c *server.Config) { c.Consent, c.Obligations = "deny", file }).Base
			var got []string
			for _, e := range audited(t, officer, "") {
				if check(e.raw); strings.Contains(string(e.raw), secret) || strings.Contains(string(e.raw), "lantern") {
					t.Errorf("a secret: %s", e.raw)
				}
				for _, code := range e.Subtype {
					got = append(got, code.Code)
				}
				if e.Subtype[0].Code == "configuration-changed" && !strings.HasPrefix(e.OutcomeDesc, `consent: "" -> "deny"; obligations: "" -> "`+file+" sha256:") {
					t.Error(e.OutcomeDesc)
				}
			}
			want := []string{"ITI-71", "user-added", "user-changed", "user-removed", "client-added", "client-changed", "client-removed", "listUsers", "listPackages", "listAssociations",
				"reindex", "expunge", "keys-rotated", "audit-verified", "configuration-changed"}
			if name == "sqlite" {
				want = append(want, "backup-made")
			}
			for _, code := range want {
				if !slices.Contains(got, code) {
					t.Errorf("no %s in %v", code, got)
				}
			}
		})
	}
}
