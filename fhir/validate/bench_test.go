package validate_test

import (
	"context"
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/fhir/validate"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// observation is a blood pressure as a gateway sends it, 2 KB.
const observation = `{"resourceType":"Observation","id":"bp-2026-11-20-1","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/vitalsigns"]},"identifier":[{"system":"urn:ietf:rfc:3986","value":"urn:uuid:4d2c0b3a-8a41-4f0a-a3d8-0f4a0c2c9d11"}],"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel with all children optional"},{"system":"urn:iso:std:iso:11073:10101","code":"150020","display":"MDC_PRESS_BLD_NONINV"}],"text":"Blood pressure"},"subject":{"reference":"Patient/p-1001"},"effectiveDateTime":"2026-11-20T07:42:10+01:00","issued":"2026-11-20T07:42:13.250+01:00","performer":[{"reference":"Patient/p-1001"}],"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N","display":"Normal"}]}],"device":{"reference":"Device/bpm-77aa12"},"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic blood pressure"},{"system":"urn:iso:std:iso:11073:10101","code":"150021"}]},"valueQuantity":{"value":128,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic blood pressure"},{"system":"urn:iso:std:iso:11073:10101","code":"150022"}]},"valueQuantity":{"value":79,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8478-0","display":"Mean blood pressure"},{"system":"urn:iso:std:iso:11073:10101","code":"150023"}]},"valueQuantity":{"value":95.5,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`

func BenchmarkObservation(b *testing.B) {
	data := []byte(observation)
	base := []byte(strings.Replace(observation, `"meta":{"profile":["http://hl7.org/fhir/StructureDefinition/vitalsigns"]},`, "", 1))
	v := newR4()
	run := func(data []byte, opts validate.Options) func(b *testing.B) {
		return func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			done := processor(b)
			defer done()
			for b.Loop() {
				res, err := fhir.ParseResource(data)
				if err != nil {
					b.Fatal(err)
				}
				if issues := v.Resource(context.Background(), res, nil, opts); !validate.Valid(issues) {
					b.Fatal(issues)
				}
			}
		}
	}
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(base)))
		done := processor(b)
		defer done()
		for b.Loop() {
			if _, err := fhir.ParseResource(base); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("structure", run(base, validate.Options{StructureOnly: true}))
	b.Run("searchable", func(b *testing.B) { // structure, and all that it is found by
		g := search.NewRegistry(profiles.R4(), "http://h/fhir")
		b.SetBytes(int64(len(base)))
		b.ReportAllocs()
		done := processor(b)
		defer done()
		for b.Loop() {
			res, err := fhir.ParseResource(base)
			if err != nil {
				b.Fatal(err)
			}
			if issues := v.Resource(context.Background(), res, nil, validate.Options{StructureOnly: true}); !validate.Valid(issues) {
				b.Fatal(issues)
			}
			if len(g.Extract(res)) == 0 {
				b.Fatal("no values")
			}
		}
	})
	b.Run("everything", run(base, validate.Options{ErrorsOnly: true}))
	b.Run("warnings", run(base, validate.Options{}))
	b.Run("profile", run(data, validate.Options{ErrorsOnly: true}))
	b.Run("encoding_json", func(b *testing.B) {
		b.SetBytes(int64(len(base)))
		b.ReportAllocs()
		done := processor(b)
		defer done()
		for b.Loop() {
			var x any
			if err := json.Unmarshal(base, &x); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// processor reports the processor time of each turn: on a machine that others
// use too it says more than the clock.
func processor(b *testing.B) func() {
	var from, to syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &from); err != nil {
		b.Fatal(err)
	}
	return func() {
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &to); err != nil {
			b.Fatal(err)
		}
		spent := to.Utime.Nano() + to.Stime.Nano() - from.Utime.Nano() - from.Stime.Nano()
		b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/op")
	}
}

// BenchmarkBundle reads and validates the largest of the Synthea bundles at hand.
func BenchmarkBundle(b *testing.B) {
	var data []byte
	files(b, shared.Read(b, "data", "synthea", "synthea-2.7.0-patients.tgz"), ".json", func(name string, d []byte) {
		if len(d) > len(data) {
			data = d
		}
	})
	v := newR4()
	for name, opts := range map[string]validate.Options{
		"structure": {StructureOnly: true}, "everything": {ErrorsOnly: true},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			v.Element(context.Background(), element(b, string(data)), nil, opts)
			done := processor(b)
			defer done()
			for b.Loop() {
				res, err := fhir.ParseResource(data)
				if err != nil {
					b.Fatal(err)
				}
				v.Resource(context.Background(), res, nil, opts)
			}
		})
	}
	b.Run("encoding_json", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		done := processor(b)
		defer done()
		for b.Loop() {
			var x any
			if err := json.Unmarshal(data, &x); err != nil {
				b.Fatal(err)
			}
		}
	})
}
