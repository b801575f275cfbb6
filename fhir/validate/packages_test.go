package validate_test

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/validate"
	"vitalwire/fhir/validate/codes"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// The examples of implementation guides must meet the profiles that they
// declare, but for those listed with the reason.
func TestPackages_ExamplesMeetTheirProfiles(t *testing.T) {
	names := []string{"hl7.fhir.us.core-6.1.0.tgz", "hl7.fhir.uv.phd-2.0.0-rebuilt.tgz", "hl7.fhir.uv.pocd-1.0.0-ballot3-rebuilt.tgz", "hl7.fhir.uv.ips-1.1.0.tgz", "ihe.iti.balp-1.1.4-rebuilt.tgz", "ihe.iti.pcf-1.1.1-current-rebuilt.tgz"}
	if only := os.Getenv("PACK"); only != "" {
		names = []string{only}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			data := shared.Read(t, "data", "igs", name)
			set := profiles.R4().With(readPackage(t, shared.Read(t, "data", "igs", "hl7.terminology.r4-7.0.1.tgz"), "t"), readPackage(t, shared.Read(t, "data", "igs", "hl7.fhir.uv.extensions.r4-5.2.0.tgz"), "x"), readPackage(t, data, name))
			v := validate.New(set, codes.New(set))
			found, n, bad := map[string]int{}, 0, 0
			files(t, data, ".json", func(file string, body []byte) {
				if !strings.Contains(file, "example/") || strings.Contains(file, ".index") || strings.Contains(file, "._") {
					return
				}
				res, err := fhir.ParseResource(body)
				if err != nil {
					return
				}
				n++
				wrong := false
				for _, is := range v.Resource(context.Background(), res, nil, validate.Options{ErrorsOnly: true}) {
					wrong = true
					found[fmt.Sprintf("%s: %s %s: %s", file, is.Code, is.Expression, is.Text)]++
				}
				if wrong {
					bad++
				}
			})
			var lines []string
			for l := range found {
				lines = append(lines, l)
			}
			sort.Strings(lines)
			t.Logf("%d examples, %d with errors\n%.12000s", n, bad, strings.Join(lines, "\n"))
		})
	}
}
