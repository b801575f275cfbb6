package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
)

// example is a resource of the guide, the facts it was made from, and what the
// mapping says otherwise with the reason.
type example struct {
	file    string
	report  acom.Report
	context func(c *Context)
	link    map[string]fhir.Key
	// coincident takes the coincident time stamp instead of the reading.
	coincident bool
	except     map[string]string
}

const (
	oximeter = "74E8FFFEFF051C00"
	cuff     = "711000FEFF5F49B0"
	meter    = "00601900010E9234"
)

const (
	reasonIdentifier = "the guide's example has no duplicate-detection identifier"
	reasonPerformer  = "who performed it is not known to a server"
	reasonLOINC      = "the guide's example leaves the LOINC out"
)

// devices of the guide's examples.
func of(device, reference string) func(c *Context) {
	return func(c *Context) {
		c.Patient = fhir.Key{Type: "Patient", ID: "patientExample-1"}
		c.PatientIdentifier = "sisansarahId-urn:oid:2.999.1.2.3.4.5.6.7.8.10"
		c.Device = fhir.Key{Type: "Device", ID: reference}
		c.Gateway = fhir.Key{Type: "Device", ID: "phg-ecde3d4e58532d31.000000000000"}
		c.DeviceID = device
	}
}

var (
	ofOximeter = of(oximeter, "phd-74E8FFFEFF051C00.001C05FFE874")
	ofCuff     = of(cuff, "phd-711000FEFF5F49B0.B0495F001071")
	ofMeter    = of(meter, "phd-00601900010E9234.F45EABA80832")
)

func coincident(id string) map[string]fhir.Key {
	return map[string]fhir.Key{coincidentKey(clockRead): {Type: "Observation", ID: id}}
}

// clock pairs a device clock with a gateway's.
func clock(device, gateway string) *acom.Clock {
	return &acom.Clock{Device: wall(device), Gateway: gateway}
}

func report(k *acom.Clock, m ...acom.Measurement) acom.Report {
	return acom.Report{Clock: k, Measurements: m}
}

func bloodPressure(mean acom.Value) acom.Measurement {
	return acom.Measurement{Kind: acom.CompoundNumeric, Type: 150020, Time: wall("2018-11-11 11:38:15"), Components: []acom.Component{
		{Type: 150021, Value: num("116", 266016)}, {Type: 150022, Value: num("71", 266016)}, {Type: 150023, Value: mean},
	}}
}

// bits is a 16-bit string in which these bits are supported and set.
func bits(set ...int) acom.Value {
	var v uint32
	for _, n := range set {
		v |= 0x8000 >> n
	}
	return acom.Value{Bits: &acom.Bits{Value: v, Mask: v, Width: 16}}
}

func examples() []example {
	same := clock("2018-11-11 11:38:10", "2018-11-11T11:38:10-05:00")
	late := clock("2018-11-11 19:07:40", "2018-11-11T19:07:40-05:00")
	slow := clock("2017-06-02 18:02:30", "2017-06-02T18:02:38-04:00")
	return []example{{
		file: "bits-observation.json", context: ofOximeter, link: coincident("coin-example-1"),
		report: report(late, acom.Measurement{Kind: acom.BitsEnumeration, Type: 150604, Time: wall("2018-11-11 19:07:48"), Value: bits(2, 7, 10, 11, 12)}),
	}, {
		file: "bpm-status.json", context: ofOximeter,
		link: map[string]fhir.Key{coincidentKey(clockRead): {Type: "Observation", ID: "coin-example-1"}, "bp": {Type: "Observation", ID: "compound-numeric-blood-pressure"}},
		report: report(late, acom.Measurement{Kind: acom.BitsEnumeration, Type: 8410608, Time: wall("2018-11-11 19:07:48"), Value: bits(0, 5),
			DerivedFrom: []string{"bp"}}),
	}, {
		file: "coin-20181119174911.json", context: ofCuff, coincident: true,
		report: func() acom.Report {
			r := report(same, bloodPressure(num("86", 266016)))
			r.Device.TimeSync = 532234
			return r
		}(),
	}, {
		file: "coin-example-timefault.json", context: ofCuff, coincident: true,
		report: report(&acom.Clock{Device: acom.Time{Wall: wall("2000-01-01 00:00:00").Wall, Unreliable: true}, Gateway: "2018-11-20T04:50:47-05:00"},
			bloodPressure(num("86", 266016))),
	}, {
		file: "compound-numeric-blood-pressure.json", context: ofCuff, link: coincident("coin-20181119174911"),
		report: report(same, bloodPressure(num("86", 266016))),
		except: map[string]string{
			"- performer[ref].reference=Patient/patientExample-1":             reasonPerformer,
			"+ component[150023].code.coding[8478-0].system=http://loinc.org": reasonLOINC,
			"+ component[150023].code.coding[8478-0].code=8478-0":             reasonLOINC,
		},
	}, {
		file: "compound-numeric-blood-pressure-no-mean.json", context: ofCuff, link: coincident("coin-20181119174911"),
		report: report(same, bloodPressure(special2(acom.NaN, 266016))),
		except: map[string]string{
			"- performer[ref].reference=Patient/patientExample-1":             reasonPerformer,
			"+ component[150023].code.coding[8478-0].system=http://loinc.org": reasonLOINC,
			"+ component[150023].code.coding[8478-0].code=8478-0":             reasonLOINC,
		},
	}, {
		file: "meal-context-observation.json", context: ofMeter, link: coincident("coin-example-1"),
		report: report(slow, acom.Measurement{Kind: acom.CodedEnumeration, Type: 8417864, Time: wall("2017-06-02 15:02:27"), Value: acom.Value{Coded: []acom.Code{8417872}}}),
		except: map[string]string{
			"- identifier[http://hl7.org/fhir/uv/phd/StructureDefinition/PhdBaseObservation].value=" + meter + "-sisansarahId-urn:oid:2.999.1.2.3.4.5.6.7.8.10-8417864-20170602150227.00": "the example has the version 1 form; ours is the second identifier",
		},
	}, {
		file: "numeric-observation-not-a-number.json", context: ofOximeter,
		report: report(nil, acom.Measurement{Kind: acom.Numeric, Type: 150320, Time: wall("2018-11-11 19:07:48"), Value: special2(acom.NaN, 262688)}),
	}, {
		file: "numeric-spotnumeric.json", context: ofOximeter, link: coincident("coin-20181119202022"),
		report: report(clock("2018-11-13 17:59:00", "2018-11-13T17:59:00-05:00"), acom.Measurement{Kind: acom.Numeric, Type: 149530, Supplemental: []acom.Code{150588},
			Time: wall("2018-11-13 17:59:03"), Value: num("48.0", 264864)}),
		except: map[string]string{
			"- performer[ref].reference=Patient/patientExample-1": reasonPerformer,
			"- identifier[http://hl7.org/fhir/uv/phd/StructureDefinition/PhdBaseObservation].value=" + oximeter + "-sisansarahId-urn:oid:2.999.1.2.3.4.5.6.7.8.10-149530-20181113175903.00-150588": "the example has the version 1 form; ours is the second identifier",
			"- extension[http://hl7.org/fhir/uv/phd/StructureDefinition/Accuracy].*": "no adapter tells an accuracy",
		},
	}, {
		file: "rtsa-example.json", context: ofMeter, link: coincident("coin-example-1"),
		report: report(clock("2018-08-02 02:25:20", "2018-08-02T02:25:20-04:00"), acom.Measurement{Kind: acom.RTSA, Type: 150452, Time: wall("2018-08-02 02:25:24"),
			Value: acom.Value{Unit: 262656, Samples: &acom.Samples{Period: "0.002", LowerAbsolute: acom.Number{Text: "-3.4"}, UpperAbsolute: acom.Number{Text: "761.6"},
				LowerScaled: 0, UpperScaled: 255, Raw: []int64{123, 110, 97, 99, 112, 118}}}}),
		except: map[string]string{
			"- performer[ref].reference=Patient/patientExample-1": reasonPerformer,
			"+ valueSampledData.lowerLimit=0":                     "the example leaves the limits out",
			"+ valueSampledData.upperLimit=255":                   "the example leaves the limits out",
		},
	}, {
		file: "rtsa-example-2.json", context: ofMeter, link: coincident("coin-example-1"),
		report: report(clock("2018-08-02 02:25:20", "2018-08-02T02:25:20-04:00"), acom.Measurement{Kind: acom.RTSA, Type: 131329, Time: wall("2018-08-02 02:25:24"),
			Value: acom.Value{Unit: 266418, Samples: &acom.Samples{Period: "0.010", LowerAbsolute: acom.Number{Text: "-3300"}, UpperAbsolute: acom.Number{Text: "3301.14"},
				LowerScaled: 0, UpperScaled: 4095, Raw: ecg}}}),
		except: map[string]string{
			"- performer[ref].reference=Patient/patientExample-1": reasonPerformer,
			"- valueSampledData.lowerLimit=-500":                  "the example's limits lie beside all its samples; the profile asks for the scaled range",
			"- valueSampledData.upperLimit=500":                   "the example's limits lie beside all its samples; the profile asks for the scaled range",
			"+ valueSampledData.lowerLimit=0":                     "the scaled range",
			"+ valueSampledData.upperLimit=4095":                  "the scaled range",
		},
	}, {
		file: "temperature-observation.json", context: ofOximeter, link: coincident("coin-20181119174911"),
		report: report(clock("2025-01-08 19:00:00", "2025-01-08T19:00:00-05:00"), acom.Measurement{Kind: acom.Numeric, Type: 150364,
			Time: wall("2025-01-08 19:07:48"), Value: num("36.5", 268192)}),
		except: map[string]string{
			"- extension[http://hl7.org/fhir/uv/phd/StructureDefinition/Accuracy].*":     "no adapter tells an accuracy",
			"- extension[http://hl7.org/fhir/uv/phd/StructureDefinition/Confidence95].*": "no adapter tells a confidence range",
		},
	}}
}

var ecg = func() []int64 {
	var raw []int64
	for _, w := range strings.Fields("2041 2043 2037 2047 2060 2062 2051 2023 2014 2027 2034 2033 2040 2047 2047 2053 2058 2064 2059 2063 2061 2052 2053 2038 1966 1885 1884 2009 2129 2166 2137 2102 2086 2077 2067 2067 2060 2059 2062 2062 2060 2057 2045 2047 2057 2054 2042 2029 2027 2018 2007 1995 2001 2012 2024 2039 2068 2092 2111 2125 2131 2148 2137 2138 2128 2128 2115 2099 2097 2096 2101 2101 2091 2073 2076 2077 2084 2081 2088 2092 2070 2069 2074 2077 2075 2068 2064 2060 2062 2074 2075 2074 2075 2063 2058 2058 2064 2064 2070 2074 2067 2060 2062 2063 2061 2059 2048 2052 2049 2048 2051 2059 2059 2066 2077 2073") {
		var n int64
		if _, err := fmt.Sscan(w, &n); err != nil {
			panic(err)
		}
		raw = append(raw, n)
	}
	return raw
}()

func TestObservations_GuideExamples(t *testing.T) {
	var rows [][]string
	row := func(file string, guide, own *fhir.Element, except map[string]string) {
		t.Helper()
		rows = append(rows, []string{file, verdict(t, file, guide, own, except)})
	}
	for _, e := range examples() {
		c := someContext
		e.context(&c)
		list, err := Observations(e.report, c)
		if err != nil {
			t.Fatalf("%s: %v", e.file, err)
		}
		o := list[len(list)-1]
		if e.coincident {
			o = list[0]
		}
		o.Link(func(key string) (fhir.Key, bool) { k, ok := e.link[key]; return k, ok })
		row(e.file, parse(t, shared.Read(t, "vectors", "fhir-phd-ig", e.file)), o.Resource.Root(), e.except)
	}
	for _, e := range bundleExamples(t) {
		row(e.name, e.guide, e.own, e.except)
	}
	for _, e := range deviceExamples(t) {
		row(e.name, e.guide, e.own, e.except)
	}
	rows = append(rows,
		[]string{"float_table.json", "all 21 rows (TestNumber_FloatTable)"},
		[]string{"time_mapping_table.json", "all 18 rows (TestTime_GuideTable)"},
		[]string{"conditional_create_identifier_cases.json", "all; the guide's own sum is 30 s off (TestIdentity_GuideCases)"},
		[]string{"bp-devicemetric-example.json", "not made: no DeviceMetric yet"},
	)
	conformance.Table(t, "fhir-phd-ig", "PHD guide examples",
		"Examples of the HL7 PHD guide 2.0, made again from the facts of the device. Displays and texts are not compared.",
		[]string{"Example", "What differs, and why"}, rows)
}

// verdict compares and says what differs; a difference nobody gave a reason for,
// or a reason without a difference, fails the test.
func verdict(t *testing.T, file string, guide, own *fhir.Element, except map[string]string) string {
	t.Helper()
	// Every reading gets an identifier, in the guide's form and in version 1's.
	ours := func(line string) bool {
		return strings.HasPrefix(line, "+ identifier[") && guide.Get("resourceType").Text() == "Observation"
	}
	var reasons []string
	used := map[string]bool{}
	for _, line := range difference(guide, own) {
		if ours(line) {
			continue
		}
		pattern := line
		reason, ok := except[line]
		for p, r := range except {
			if stem, star := strings.CutSuffix(p, "*"); star && strings.HasPrefix(line, stem) {
				reason, ok, pattern = r, true, p
			}
		}
		if !ok {
			t.Errorf("%s: %s", file, line)
			continue
		}
		used[pattern] = true
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	for p := range except {
		if !used[p] {
			t.Errorf("%s: a reason without a difference: %s", file, p)
		}
	}
	if len(reasons) == 0 {
		return "nothing"
	}
	slices.Sort(reasons)
	return strings.Join(reasons, "; ")
}

func parse(t testing.TB, data []byte) *fhir.Element {
	t.Helper()
	e, err := fhir.ParseElement(data)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
