package term_test

import (
	"slices"
	"testing"

	"vitalwire/fhir/term"
	"vitalwire/profiles"
)

// R4 search §3.1.1.4.4: what :in, :below and :above of a token stand for.
func TestCodes(t *testing.T) {
	s := term.New(profiles.R4())
	const v3 = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	names := func(codes []term.Code, err error) []string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, c := range codes {
			list = append(list, c.Code)
		}
		slices.Sort(list)
		return list
	}
	if got := names(s.Codes(t.Context(), nil, "http://hl7.org/fhir/ValueSet/administrative-gender", 10)); !slices.Equal(got, []string{"female", "male", "other", "unknown"}) {
		t.Errorf("administrative-gender has %v", got)
	}
	below := names(s.Below(t.Context(), v3, "_ActEncounterCode", 100))
	if !slices.Contains(below, "_ActEncounterCode") || !slices.Contains(below, "AMB") || slices.Contains(below, "_ActCode") {
		t.Errorf("below _ActEncounterCode: %v", below)
	}
	above := names(s.Above(t.Context(), v3, "AMB", 100))
	if !slices.Contains(above, "_ActEncounterCode") || !slices.Contains(above, "AMB") || slices.Contains(above, "EMER") {
		t.Errorf("above AMB: %v", above)
	}
	for name, err := range map[string]error{
		"too many":       second(s.Codes(t.Context(), nil, "http://hl7.org/fhir/ValueSet/administrative-gender", 3)),
		"not known":      second(s.Codes(t.Context(), nil, "http://example.org/none", 3)),
		"unknown code":   second(s.Below(t.Context(), v3, "nothing", 100)),
		"without codes":  second(s.Below(t.Context(), "http://snomed.info/sct", "73211009", 100)),
		"not enumerable": second(s.Codes(t.Context(), nil, "http://hl7.org/fhir/ValueSet/observation-codes", 100)),
	} {
		if err == nil {
			t.Errorf("%s is no error", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

func second(_ []term.Code, err error) error { return err }
