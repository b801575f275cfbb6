package server_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/shared"
)

// A package posted to the running server is used by the next validation.
func TestPackages_LoadedWithoutRestart(t *testing.T) {
	s := start(t, stores["sqlite"](t))
	root := "http://" + s.Addr
	patient := `{"resourceType":"Patient","meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"]}}`
	if status, answer := postAs(t, s.Base+"/Patient/$validate", "application/fhir+json", patient); status != http.StatusOK || strings.Contains(answer, `"required"`) {
		t.Fatalf("before: %d %s", status, answer)
	}
	archive, err := os.ReadFile(shared.Path(t, "data", "igs", "hl7.fhir.us.core-6.1.0.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := postAs(t, root+"/admin/packages", "application/gzip", string(archive)); status != http.StatusCreated || !strings.Contains(answer, `"hl7.fhir.us.core"`) {
		t.Fatalf("load: %d %s", status, answer)
	}
	status, answer := postAs(t, s.Base+"/Patient/$validate", "application/fhir+json", patient)
	if status != http.StatusOK || !strings.Contains(answer, "Patient.identifier") {
		t.Errorf("after: %d %s", status, answer)
	}
	if status, answer := postAs(t, s.Base+"/Patient", "application/fhir+json", patient); status != http.StatusUnprocessableEntity {
		t.Errorf("a write: %d %s", status, answer)
	}
	response, err := http.Get(root + "/admin/packages")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Error(response.Status)
	}
	for name, body := range map[string]string{"not a package": "hello", "cut short": string(archive[:1000])} {
		status, answer := postAs(t, root+"/admin/packages", "application/gzip", body)
		if outcome, err := fhir.ParseElement([]byte(answer)); status < 400 || status > 499 || err != nil || outcome.Get("resourceType").Text() != "OperationOutcome" {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}
