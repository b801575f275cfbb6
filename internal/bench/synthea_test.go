package bench

import (
	"bytes"
	"testing"

	"vitalwire/fhir"
)

// TestSynthea_PatientsAreOthers: each re-based patient has ids of its own, keeps
// its references whole and the shared ones as they are.
func TestSynthea_PatientsAreOthers(t *testing.T) {
	s := LoadSynthea(t, 200)
	seen := map[string]int{}
	for k := range 3 * len(s.patients) {
		text, entries := s.Patient(k)
		bundle, err := fhir.ParseElement(text)
		if err != nil {
			t.Fatal(err)
		}
		defined := map[string]bool{}
		for _, e := range bundle.Get("entry").Items() {
			id := e.Path("resource", "id").Text()
			if other, ok := seen[id]; ok {
				t.Fatalf("patients %d and %d share %s", other, k, id)
			}
			seen[id] = k
			defined[id] = true
			if !fhir.ValidID(id) || e.Get("fullUrl").Text() != "urn:uuid:"+id {
				t.Fatalf("patient %d has an entry %s %s", k, e.Get("fullUrl").Text(), id)
			}
		}
		if len(defined) != entries {
			t.Fatalf("patient %d has %d entries, %d are told", k, len(defined), entries)
		}
		for _, part := range bytes.Split(text, []byte(`"urn:uuid:`))[1:] {
			if id := string(part[:36]); !defined[id] {
				t.Fatalf("patient %d refers to %s, which it does not define", k, id)
			}
		}
		if k >= len(s.patients) && bytes.Count(text, []byte("Practitioner?identifier=")) != bytes.Count(s.patients[k%len(s.patients)].text, []byte("Practitioner?identifier=")) {
			t.Fatalf("patient %d lost practitioners", k)
		}
	}
}
