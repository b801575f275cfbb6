package search

import "testing"

// An absolute URI is no text to read (RFC 3986 §4.3); one inside a text is.
func TestAddress_RFC3986_3_1(t *testing.T) {
	for text, want := range map[string]bool{
		"http://loinc.org":                         true,
		"urn:oid:1.2.3":                            true,
		"coap+tcp://gateway.example/1":             true,
		"Observation?code=http://loinc.org|1975-2": false,
		"see http://loinc.org":                     false,
		"10://11":                                  false,
		"://":                                      false,
		"Authorization: Bearer secret-token-abc-123": false,
		"ratio 1:2": false,
	} {
		if got := address(text); got != want {
			t.Errorf("address(%q) = %v", text, got)
		}
	}
}
