package server_test

import (
	"strings"
	"testing"

	"vitalwire/server"
)

// What the server says of itself is valid R4, by its own $validate.
func TestMetadata_IsValid(t *testing.T) {
	s := startWith(t, server.Config{MaxBody: 16 << 20}, nil)
	for mode, typ := range map[string]string{"full": "CapabilityStatement", "normative": "CapabilityStatement", "terminology": "TerminologyCapabilities"} {
		_, _, statement := ask(t, plain, "GET", s.Base+"/metadata?mode="+mode, nil)
		status, _, outcome := ask(t, plain, "POST", s.Base+"/"+typ+"/$validate", statement, "Content-Type: application/fhir+json")
		if status != 200 || strings.Contains(string(outcome), `"severity":"error"`) || strings.Contains(string(outcome), `"severity":"fatal"`) {
			t.Errorf("%s: %d %.2000s", mode, status, outcome)
		}
		t.Logf("%s: %d bytes", mode, len(statement))
	}
}
