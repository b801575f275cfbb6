package snapshot_test

import (
	"strings"
	"testing"
)

// What is refused is refused for its own reason.
func TestSuite_Refuses(t *testing.T) {
	reasons := map[string]string{
		"t23a":            "out of order",
		"t29b":            "it constrains OperationOutcome",
		"t43a":            "is named valueQuantity",
		"obs-2-3":         "not among those of the base",
		"obs-5":           "no other can",
		"obs-badfixed":    "fixedUri is of none of the types",
		"ihe1":            "not among those of the base",
		"obs-unit":        "path cannot be used",
		"ext-recursion-1": "refers to itself",
		"obs-ms-bad":      "mustSupport",
	}
	s := openSuite(t)
	for _, c := range s.cases {
		want, ok := reasons[c.ID]
		if !ok {
			continue
		}
		_, err := s.generate(c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", c.ID, err, want)
		}
	}
}
