package interaction

import (
	"slices"
	"strings"
	"testing"

	"vitalwire/profiles"
)

// mode=normative leaves out what the definition of CapabilityStatement marks as
// trial use (R4 http §3.1.0.9).
func TestNormative_IsWhatTheDefinitionSays(t *testing.T) {
	d, ok := profiles.R4().Find("StructureDefinition", "http://hl7.org/fhir/StructureDefinition/CapabilityStatement")
	if !ok {
		t.Fatal("no definition")
	}
	marked := 0
	for _, e := range d.Path("snapshot", "element").Items() {
		for _, x := range e.Get("extension").Items() {
			if x.Get("url").Text() != "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status" || x.Get("valueCode").Text() != "trial-use" {
				continue
			}
			path := strings.TrimPrefix(e.Get("path").Text(), "CapabilityStatement.")
			at, name := "", path
			if i := strings.LastIndexByte(path, '.'); i >= 0 {
				at, name = path[:i], path[i+1:]
			}
			if at == "implementation" {
				continue // the server gives no custodian
			}
			marked++
			if !slices.Contains(trialUse[at], name) {
				t.Errorf("%s is trial use", path)
			}
		}
	}
	listed := 0
	for _, names := range trialUse {
		listed += len(names)
	}
	if marked != listed {
		t.Errorf("%d are marked, %d listed", marked, listed)
	}
}

// Places lists what Parse serves and nothing else.
func TestPlaces(t *testing.T) {
	for typ, want := range map[string][]string{
		"":        {"GET metadata", "POST ", "GET _history"},
		"Patient": {"GET {type}", "POST {type}", "PUT {type}", "POST {type}/_search", "GET {type}/{id}", "PUT {type}/{id}", "PATCH {type}/{id}", "DELETE {type}/{id}", "GET {type}/{id}/_history/{vid}"},
	} {
		var got []string
		for _, p := range Places(typ) {
			got = append(got, p.Method+" "+p.Path)
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%q: %s is not among %v", typ, w, got)
			}
		}
	}
}
