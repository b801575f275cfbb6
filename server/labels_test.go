package server_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vitalwire/auth"
	"vitalwire/server"
)

// Where nothing above normal may be seen (Policy-all-normal of IHE PCF), what a code
// makes restricted is on no path: by the rules inside, by those of a file that another
// server of the database brings, and by none. All the while nobody sees what the rules
// of now hide (security.md D.5).
func TestLabels_BindConsents(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			first := start(t, store, consenting)
			root := asker{first.Base, command(t, store, "token", "--scope", "system/*.cruds")}
			for path, body := range map[string]string{
				"/Patient/a":               `{"resourceType":"Patient","id":"a"}`,
				"/Practitioner/doc":        `{"resourceType":"Practitioner","id":"doc"}`,
				"/Observation/drinks":      measured("drinks", "a", "74013-4", ""),
				"/Observation/weight":      measured("weight", "a", "29463-7", ""),
				"/MedicationRequest/rx":    `{"resourceType":"MedicationRequest","id":"rx","status":"active","intent":"order","subject":{"reference":"Patient/a"},"medicationReference":{"reference":"#m"},"contained":[{"resourceType":"Medication","id":"m","code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"3554"}]}}]}`,
				"/QuestionnaireResponse/q": `{"resourceType":"QuestionnaireResponse","id":"q","status":"completed","subject":{"reference":"Patient/a"},"item":[{"linkId":"1","answer":[{"valueCoding":{"system":"http://snomed.info/sct","code":"7200002"}}]}]}`,
			} {
				if status, _, answer := root.ask(t, "PUT", path, body); status != 201 {
					t.Fatalf("%s: %d %s", path, status, answer)
				}
			}
			token, err := first.Mint(t.Context(), auth.Access{FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.cruds"), Purposes: []string{"TREAT"}})
			if err != nil {
				t.Fatal(err)
			}
			doctor := asker{first.Base, token}
			want := func(path, ids string) {
				t.Helper()
				if got := seen(t, doctor, path); got != ids {
					t.Errorf("%s: %q, want %q", path, got, ids)
				}
			}
			const all = "/Observation?_total=accurate&_count=50"
			want(all, "weight #1")
			want("/Observation?code=74013-4&_total=accurate", " #0")
			want("/Observation/_history", "weight #1")
			want("/MedicationRequest?_total=accurate", " #0")
			want("/QuestionnaireResponse?_total=accurate", " #0")
			want("/Patient/a/$everything", "a weight #2")
			for _, hidden := range []string{"Observation/drinks", "Observation/drinks/_history/1", "MedicationRequest/rx", "QuestionnaireResponse/q"} {
				status, _, _ := doctor.ask(t, "GET", "/"+hidden, "")
				if status != 404 {
					t.Errorf("%s: %d, want 404", hidden, status)
				}
			}

			file := filepath.Join(t.TempDir(), "rules.json")
			if err := os.WriteFile(file, []byte(`{"sensitivities":[{"code":"BODY","system":"http://mine","confidentiality":"V","codes":[{"systems":["http://loinc.org"],"codes":["29463-7"]}]}]}`), 0o600); err != nil {
				t.Fatal(err)
			}
			second := start(t, store, consenting, func(c *server.Config) { c.Labels = file })
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
				got := seen(t, asker{second.Base, token}, all)
				if got == "drinks #1" {
					break
				}
				if got != " #0" || time.Now().After(deadline) {
					t.Fatalf("by the new rules %q", got)
				}
			}
			want(all, "drinks #1") // on the first server, too
			want("/MedicationRequest?_total=accurate", "rx #1")

			start(t, store, consenting, func(c *server.Config) { c.Labels = "off" })
			want(all, "drinks weight #2")
		})
	}
}

// Rules that cannot be read keep the server from starting, and say why.
func TestLabels_BadFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.json")
	if err := os.WriteFile(file, []byte(`{"sensitivities":[{"code":"X"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]string{file: "sensitivities[0].confidentiality", file + ".none": "--labels"} {
		c := server.Config{Listen: "127.0.0.1:0", Store: "sqlite:" + filepath.Join(t.TempDir(), "x.db"), Zone: "UTC", Labels: flag}
		s, err := server.Start(t.Context(), c, nil, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--labels %s: %v, want %q", flag, err, want)
		}
		if err == nil {
			_ = s.Stop(time.Second)
		}
	}
}
