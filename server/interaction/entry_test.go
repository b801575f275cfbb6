package interaction

import "testing"

// An expression of the lone request is told as one on the bundle.
func TestWithin(t *testing.T) {
	for expression, want := range map[string]string{
		"":                        "Bundle.entry[2]",
		"Patient.name[0].family":  "Bundle.entry[2].resource.name[0].family",
		"Patient":                 "Bundle.entry[2].resource",
		"resourceType":            "Bundle.entry[2].resource.resourceType",
		"request.url":             "Bundle.entry[2].request.url",
		"fullUrl":                 "Bundle.entry[2].fullUrl",
		"Parameters.parameter[1]": "Bundle.entry[2].resource.parameter[1]",
	} {
		if got := within(2, expression); got != want {
			t.Errorf("%q: %s, want %s", expression, got, want)
		}
	}
}

// Only a condition of one identifier, and nothing else, may be left to the
// store's guard: it would be wrong for any other.
func TestOneIdentifier(t *testing.T) {
	for query, want := range map[string]string{
		"identifier=urn:x|1":             "urn:x 1",
		"identifier=urn%3Ax%7C1":         "urn:x 1",
		"identifier=|1":                  " 1",
		"identifier=1":                   "any 1",
		"identifier=urn:x|":              "",
		"identifier=urn:x|1,urn:x|2":     "",
		"identifier=urn:x%7C1%2C2":       "",
		`identifier=urn:x|a\|b`:          "",
		"identifier=urn:x|1&active=true": "",
		"identifier:of-type=a|b|c":       "",
		"identifier=a|b|c":               "",
		"name=x":                         "",
	} {
		got := ""
		if id := oneIdentifier(query); id != nil {
			got = "any " + id.Value
			if id.System != nil {
				got = *id.System + " " + id.Value
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}
