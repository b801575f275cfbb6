package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
	"vitalwire/server"
)

type object = map[string]any

// A fault of the US Core bundle: its three patients A, B and C (an x stands for the
// letter) share each. HL7's Java validator refuses those that are no JSON of R4,
// too; what a reference may lead to and what a code of SNOMED CT looks like it asks
// servers about, which the definitions answer as well.
type fault struct {
	resource, path, why string
	issues              int            // of each patient
	mend                func(r object) // makes it what R4 allows
}

var usCoreFaults = []fault{
	{"DiagnosticReport/DiagnosticReportLabx", "category[0].coding[1].code", "LP29708-2 and LP7839-6 are LOINC parts, said to be of SNOMED CT, whose codes are digits (R4 snomedct, Coding.code)", 1,
		func(r object) {
			for _, coding := range at(r, "category", 0, "coding").([]any)[1:] {
				coding.(object)["system"] = "http://loinc.org"
			}
		}},
	{"DiagnosticReport/DiagnosticReportLabx", "category[0].coding[2].code", "as before", 1, nil},
	{"DiagnosticReport/DiagnosticReportLabx", "encounter", "an array where R4 has one value (json), and a reference to an Organization where only an Encounter may be", 2,
		func(r object) { delete(r, "encounter") }},
	{"DiagnosticReport/DiagnosticReportNotex", "encounter", "an array where R4 has one value, and a reference to a Practitioner where only an Encounter may be", 2,
		func(r object) { delete(r, "encounter") }},
	{"DocumentReference/DocumentReferencex", "context.encounter", "one value where R4 has an array (json)", 1,
		func(r object) {
			context := r["context"].(object)
			context["encounter"] = []any{context["encounter"]}
		}},
	{"Encounter/Encounterx", "participant[0].individual", "a reference to a Patient where a Practitioner, PractitionerRole or RelatedPerson may be", 1,
		func(r object) { delete(at(r, "participant", 0).(object), "individual") }},
	{"Organization/Organizationx", "identifier[0].type", "an array where R4 has one value", 1, firstType},
	{"Organization/OrganizationAcmeLabx", "identifier[0].type", "an array where R4 has one value", 1, firstType},
}

func firstType(r object) {
	identifier := at(r, "identifier", 0).(object)
	identifier["type"] = identifier["type"].([]any)[0]
}

// at follows names and places into JSON.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			value = value.(object)[step]
		case int:
			value = value.([]any)[step]
		}
	}
	return value
}

func usCore(t *testing.T) []byte {
	return shared.Read(t, "data", "uscore", "us-core-3.1.1-compliant-resources.json")
}

// The US Core bundle as it is loads where validation only warns, and everything
// in it reads back equal.
func TestTransaction_USCore(t *testing.T) {
	loadAll(t, [][]byte{usCore(t)}, func(c *server.Config) { c.Validate = "warn" })
}

// With nothing set, the bundle is refused for its faults and for nothing else.
func TestTransaction_USCore_faults(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			outcome := refusedBundle(t, start(t, open(t)).Base, usCore(t))
			sent, err := fhir.ParseResource(usCore(t))
			if err != nil {
				t.Fatal(err)
			}
			found, texts := map[string]int{}, map[string]string{}
			for _, issue := range outcome.Get("issue").Items() {
				if issue.Get("severity").Text() != "error" {
					continue
				}
				var entry int
				expression := issue.Get("expression").At(0).Text()
				path, err := entryPath(expression, &entry)
				if err != nil {
					t.Fatalf("%s: %v", expression, err)
				}
				r := sent.Get("entry").At(entry).Get("resource")
				place := r.Get("resourceType").Text() + "/" + r.Get("id").Text() + " " + path
				found[place]++
				texts[place] = issue.Get("diagnostics").Text()
			}
			var rows [][]string
			for _, f := range usCoreFaults {
				for _, patient := range []string{"A", "B", "C"} {
					place := strings.Replace(f.resource, "x", patient, 1) + " " + f.path
					if found[place] != f.issues {
						t.Errorf("%s: %d issues, want %d", place, found[place], f.issues)
					}
					delete(found, place)
				}
				rows = append(rows, []string{f.resource, f.path, f.why})
			}
			for place, n := range found {
				t.Errorf("%s: %d issues that are no fault of the bundle's: %s", place, n, texts[place])
			}
			conformance.Table(t, "uscore", "The US Core bundle",
				"`us-core-3.1.1-compliant-resources.json` is loaded as a transaction, and everything in it reads back equal, with `--validate warn`. "+
					"With nothing set it is refused for what follows, each in the resources of its three patients A, B and C (x stands for the letter); "+
					"with these places mended it loads with nothing set, too.",
				[]string{"Resource", "Element", "What R4 does not allow"}, rows)
		})
	}
}

// With its faults mended, and nothing else changed, the bundle loads with nothing set.
func TestTransaction_USCore_mended(t *testing.T) {
	var bundle object
	numbers := json.NewDecoder(bytes.NewReader(usCore(t)))
	numbers.UseNumber()
	if err := numbers.Decode(&bundle); err != nil {
		t.Fatal(err)
	}
	mended := 0
	for _, entry := range bundle["entry"].([]any) {
		r := entry.(object)["resource"].(object)
		place := r["resourceType"].(string) + "/" + r["id"].(string)
		for _, f := range usCoreFaults {
			if f.mend != nil && slices.ContainsFunc([]string{"A", "B", "C"}, func(patient string) bool {
				return strings.Replace(f.resource, "x", patient, 1) == place
			}) {
				f.mend(r)
				mended++
			}
		}
	}
	if mended != 21 {
		t.Errorf("%d places were mended, want 21", mended)
	}
	data, err := json.Marshal(bundle)
	if err != nil {
		t.Fatal(err)
	}
	loadAll(t, [][]byte{data}, func(*server.Config) {})
}

// entryPath is what an expression says below Bundle.entry[entry].resource.
func entryPath(expression string, entry *int) (string, error) {
	if _, err := fmt.Sscanf(expression, "Bundle.entry[%d].resource", entry); err != nil {
		return "", err
	}
	_, path, _ := strings.Cut(expression, ".resource.")
	return path, nil
}

// refusedBundle posts a bundle that must be refused, and gives the outcome.
func refusedBundle(t *testing.T, base string, bundle []byte) *fhir.Resource {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base, bytes.NewReader(bundle))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusBadRequest {
		t.Fatalf("status %d, want 400", response.StatusCode)
	}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := fhir.ParseResource(data)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}
