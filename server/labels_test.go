package server_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/auth"
	"vitalwire/auth/label"
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

// TestDS4P_InlineLabelsBindConsents: the label of an element (FHIR DS4P 1.0.0) is one of its
// resource, by Consents as PCF's examples for normal, restricted and sensitive data
// (D.4), on every path; what is announced by PROCESSINLINELABEL and not there hides nothing.
func TestDS4P_InlineLabelsBindConsents(t *testing.T) {
	inline := func(system, code string) string {
		return `"_status":{"extension":[{"url":"` + label.Inline + `","valueCoding":{"system":"` + system + `","code":"` + code + `"}}]},`
	}
	treats := func(code, rest string) string {
		return `{"type":"permit","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}],"securityLabel":[{"system":"` + label.Confidentiality + `","code":"` + code + `"}]` + rest + `}`
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// R4's own v3-ActCode has no code PROCESSINLINELABEL yet.
			running := start(t, open(t), consenting, func(c *server.Config) { c.Validate = "off" })
			root := as(t, running, auth.Access{Scopes: auth.ParseScopes("system/*.cruds")})
			put := func(key, body string) {
				t.Helper()
				if status, _, answer := root.ask(t, "PUT", "/"+key, body); status != 201 && status != 200 {
					t.Fatalf("%s: %d %s", key, status, answer)
				}
			}
			for patient, provision := range map[string]string{
				"none": "", "normal": treats("N", ""), "restricted": treats("R", ""), "low": treats("L", ""),
				"notpsy": treats("R", `,"provision":[{"type":"deny","securityLabel":[{"system":"`+label.ActCode+`","code":"PSY"}]}]`),
			} {
				put("Patient/"+patient, `{"resourceType":"Patient","id":"`+patient+`"}`)
				if provision != "" {
					put("Consent/"+patient, consentOf(patient, patient, provision))
				}
				for id, extra := range map[string]string{
					"plain": "", "high": inline(label.Confidentiality, "R"), "psy": inline(label.ActCode, "PSY"), "less": inline(label.Confidentiality, "L"),
					"said": `"meta":{"security":[{"system":"` + label.ActCode + `","code":"PROCESSINLINELABEL"}]},`,
				} {
					put("Observation/"+patient+"-"+id, measured(patient+"-"+id, patient, "29463-7", extra))
				}
			}
			doctor := as(t, running, auth.Access{FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.cruds"), Purposes: []string{"TREAT"}})
			for patient, want := range map[string]string{
				"none": "less plain psy said", "normal": "less plain psy said", "restricted": "high less plain psy said", "low": "", "notpsy": "high less plain said",
			} {
				ids := strings.Fields(want)
				for i, id := range ids {
					ids[i] = patient + "-" + id
				}
				for _, path := range []string{"/Observation?_total=accurate&patient=" + patient, "/Patient/" + patient + "/Observation?_total=accurate"} {
					if got := seen(t, doctor, path); got != fmt.Sprintf("%s #%d", strings.Join(ids, " "), len(ids)) {
						t.Errorf("%s: %q, want %q", path, got, want)
					}
				}
				for _, id := range []string{"plain", "high", "psy", "less", "said"} {
					status, _, _ := doctor.ask(t, "GET", "/Observation/"+patient+"-"+id, "")
					if (status == 200) != slices.Contains(ids, patient+"-"+id) {
						t.Errorf("%s-%s is %d", patient, id, status)
					}
				}
			}
			// What is labelled later is hidden at once, with its past.
			put("Observation/normal-plain", measured("normal-plain", "normal", "29463-7", inline(label.Confidentiality, "V")))
			for _, path := range []string{"/Observation/normal-plain", "/Observation/normal-plain/_history/1"} {
				if status, _, answer := doctor.ask(t, "GET", path, ""); status != 404 {
					t.Errorf("%s: %d %.300s", path, status, answer)
				}
			}
			// Of a Bundle it is the highest (D.5).
			if _, _, answer := root.ask(t, "GET", "/Observation?_id=none-high,none-less", ""); !strings.Contains(answer, `"code":"R"}]},"entry":`) {
				t.Errorf("the Bundle is %.600s", answer)
			}
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
