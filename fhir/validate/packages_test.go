package validate_test

import (
	"context"
	"path"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/term"
	"vitalwire/fhir/validate"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// guides are implementation guides whose examples must meet the profiles they
// declare, but for those named, with the reason.
var guides = []struct {
	archive  string
	examples int
	wrong    map[string]string
}{
	{"hl7.fhir.us.core-6.1.0.tgz", 183, map[string]string{
		"Bundle-66c8856b-ba11-4876-8aa8-467aad8c11a2.json": "a fullUrl ends in another type and id than the resource has",
		"Bundle-docref-example-2.json":                     "a fullUrl ends in another type and id than the resource has",
	}},
	{"hl7.fhir.uv.phd-2.0.0-rebuilt.tgz", 20, nil},
	{"hl7.fhir.uv.pocd-1.0.0-ballot3-rebuilt.tgz", 13, map[string]string{
		"DeviceMetric-CVPSampleArrayDeviceMetric.json":   "decimals written as strings",
		"DeviceMetric-ECGSampleArrayDeviceMetric.json":   "decimals written as strings",
		"DeviceMetric-HeartRateNumericDeviceMetric.json": "decimals written as strings; parts that the extension relation does not define",
		"DeviceMetric-NBPNumericDeviceMetric.json":       "decimals written as strings",
		"Observation-CVPSampleArrayObservation.json":     "decimals written as strings",
		"Observation-NBPCompoundNumericObservation.json": "decimals written as strings",
	}},
	{"hl7.fhir.uv.ips-1.1.0.tgz", 40, map[string]string{
		"Bundle-IPS-examples-Bundle-01.json":                "relative references between entries with urn:uuid fullUrls find nothing",
		"Bundle-IPS-examples-Bundle-with-immunization.json": "relative references between entries with urn:uuid fullUrls find nothing",
		"Bundle-bundle-minimal.json":                        "relative references between entries with urn:uuid fullUrls find nothing",
	}},
	{"ihe.iti.balp-1.1.4-rebuilt.tgz", 41, nil},
	{"ihe.iti.pcf-1.1.1-current-rebuilt.tgz", 28, nil},
}

func TestGuides_ExamplesMeetTheirProfiles(t *testing.T) {
	if testing.Short() {
		t.Skip("reads the large terminology package")
	}
	common := profiles.R4().With(
		readPackage(t, shared.Read(t, "data", "igs", "hl7.terminology.r4-7.0.1.tgz"), ""),
		readPackage(t, shared.Read(t, "data", "igs", "hl7.fhir.uv.extensions.r4-5.2.0.tgz"), ""))
	for _, g := range guides {
		t.Run(g.archive, func(t *testing.T) {
			data := shared.Read(t, "data", "igs", g.archive)
			set := common.With(readPackage(t, data, g.archive))
			v := validate.New(set, validate.Terms(term.New(set)))
			n := 0
			files(t, data, ".json", func(file string, body []byte) {
				if !strings.Contains(file, "example/") || strings.Contains(file, ".index") || strings.Contains(file, "._") {
					return
				}
				res, err := fhir.ParseResource(body)
				if err != nil {
					t.Errorf("%s: %v", file, err)
					return
				}
				n++
				issues := v.Resource(context.Background(), res, nil, validate.Options{ErrorsOnly: true})
				_, wrong := g.wrong[path.Base(file)]
				if wrong && validate.Valid(issues) {
					t.Errorf("%s has no error any more", file)
				}
				for _, is := range issues {
					if !wrong {
						t.Errorf("%s: %s %s: %s", file, is.Code, is.Expression, is.Text)
					}
				}
			})
			if n != g.examples {
				t.Errorf("%d examples were read, want %d", n, g.examples)
			}
		})
	}
}
