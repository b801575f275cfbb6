package mapping

import (
	"strings"
	"testing"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
	"vitalwire/fhir"
	"vitalwire/fhir/term"
)

// The contradictions of the two device guides that devices.md D.5 counts, in its order, and
// the others of docs/adr/0004 by their letters: what is written here is what was decided
// there, and changes only with it.

// D.5.1: the numeric profile fixes UCUM, the text allows MDC units.
func TestD5_1_UnitWithoutUCUMStaysMDCAndClaimsTheBaseProfile(t *testing.T) {
	const nobodys = 262144 + 9999 // of partition 4, in no table
	for _, kind := range []acom.Measurement{temperature(num("12.50", nobodys)),
		{Kind: acom.CompoundNumeric, Type: 150020, Components: []acom.Component{{Type: 150021, Value: num("12.50", nobodys)}}}} {
		o := one(t, kind, someContext).Resource
		q := o.Get("valueQuantity")
		if q == nil {
			q = o.Path("component", "valueQuantity")
		}
		if q.Get("value").Text() != "12.50" || q.Get("system").Text() != term.MDCSystem || q.Get("code").Text() != "272143" {
			t.Errorf("quantity %s", q.AppendJSON(nil))
		}
		if got := texts(o.Path("meta", "profile")); got != phd+"PhdBaseObservation" {
			t.Errorf("claims %s", got)
		}
	}
	o := one(t, temperature(num("12.50", 268192)), someContext).Resource
	if o.Path("valueQuantity", "system").Text() != ucumSystem || o.Path("valueQuantity", "code").Text() != "Cel" || texts(o.Path("meta", "profile")) != phd+"PhdNumericObservation" {
		t.Errorf("a unit that UCUM has: %s", o.JSON())
	}
}

// D.5.2: the text computes 690897360.567 for its own 11:56:30.567, which is 30 s later.
func TestD5_2_TimestampIsArithmeticNotTheExample(t *testing.T) {
	o := one(t, acom.Measurement{Kind: acom.Numeric, Type: 149530, Time: wall("2021-11-22 11:56:30.567"), Value: num("48", 264864)}, someContext)
	if !strings.HasSuffix(o.Identifier.Value, "-149530-690897390.567") {
		t.Errorf("identifier %s", o.Identifier.Value)
	}
}

// D.5.3: the FLOAT page has decimal 4098 beside 0x01000002. It is that of the SFLOAT 0x1002;
// both are two times ten.
func TestD5_3_FloatIsItsBytes(t *testing.T) {
	if got := cursor.FLOAT(0x01000002).Text; got != "20" {
		t.Errorf("FLOAT 01000002 is %s", got)
	}
	if got := cursor.FLOAT(4098).Text; got != "4098" {
		t.Errorf("FLOAT 00001002 is %s", got)
	}
	if got := cursor.SFLOAT(4098).Text; got != "20" {
		t.Errorf("SFLOAT 1002 is %s", got)
	}
}

// D.5.4: the limits of SampledData are the scaled range by the profile, the actual one by
// an example.
func TestD5_4_SampleLimitsAreScaled(t *testing.T) {
	s := one(t, acom.Measurement{Kind: acom.RTSA, Type: 131329, Value: acom.Value{Unit: 266418, Samples: &acom.Samples{Period: "0.004",
		LowerAbsolute: acom.Number{Text: "-3300"}, UpperAbsolute: acom.Number{Text: "3300"}, UpperScaled: 4096, Raw: []int64{0, 4096}}}}, someContext).Resource.Get("valueSampledData")
	if s.Get("lowerLimit").Text() != "0" || s.Get("upperLimit").Text() != "4096" || s.Get("data").Text() != "0 4096" {
		t.Errorf("%s", s.AppendJSON(nil))
	}
}

// D.5.5: one guide has the measurement status under pocd, the other under terminology.hl7.org;
// the profile fixes the first. What others wrote with either is stored as it came
// (server/testdata/contradictions.txt).
func TestD5_5_MeasurementStatusHasTheProfilesSystem(t *testing.T) {
	m := temperature(num("37.60", 268192))
	m.Status = acom.Questionable | acom.InAlarm
	for _, bedside := range []*acom.Bedside{nil, {}} {
		list, err := Observations(acom.Report{Bedside: bedside, Measurements: []acom.Measurement{m}}, someContext)
		if err != nil {
			t.Fatal(err)
		}
		for _, coded := range list[0].Resource.Get("interpretation").Items() {
			if got := coded.Path("coding", "system").Text(); got != "http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status" {
				t.Errorf("%s", got)
			}
		}
		if texts(list[0].Resource.Path("interpretation", "coding", "code")) == "" {
			t.Error("no interpretation")
		}
	}
}

// D.5.6: al-inhibited by older text, alarm-inhibited by the code system.
func TestD5_6_AlarmInhibitedIsTheCodeSystemsWord(t *testing.T) {
	m := temperature(num("37.60", 268192))
	m.Status = acom.AlarmInhibited
	list, err := Observations(acom.Report{Bedside: &acom.Bedside{}, Measurements: []acom.Measurement{m}}, someContext)
	if err != nil {
		t.Fatal(err)
	}
	if got := list[0].Resource.Path("interpretation", "coding", "code").Text(); got != "alarm-inhibited" {
		t.Errorf("interpretation %q", got)
	}
}

// D.5.7: the text has the seconds since 2000, the examples the form of version 1: the first
// has the system and is what duplicates are found by, the second is there for old clients.
func TestD5_7_BothFormsOfTheIdentifier(t *testing.T) {
	o := one(t, acom.Measurement{Kind: acom.Numeric, Type: 149530, Supplemental: []acom.Code{150588}, Time: wall("2018-11-13 17:59:03"), Value: num("48.0", 264864)}, someContext)
	ids := o.Resource.Get("identifier")
	own, old := ids.At(0), ids.At(1)
	if ids.Len() != 2 || own.Get("system").Text() != phd+"PhdBaseObservation" || own.Get("value").Text() != "00220922580803CC-p1-149530-595447143-150588" {
		t.Errorf("the text's form: %s", ids.AppendJSON(nil))
	}
	if old.Get("system") != nil || old.Get("value").Text() != "00220922580803CC-p1-149530-20181113175903.00-150588" {
		t.Errorf("the form of version 1: %s", ids.AppendJSON(nil))
	}
	if o.Identifier.Value != own.Get("value").Text() {
		t.Errorf("duplicates are looked for by %s", o.Identifier.Value)
	}
}

// D.5.8: the value set calls 528404 and 528405 body composition; by rule one is the
// peak flow monitor.
func TestD5_8_SpecializationsAreByRule(t *testing.T) {
	for code, want := range map[acom.Code]string{528384 + 20: "MDC_DEV_SPEC_PROFILE_BCA", 528384 + 21: "MDC_DEV_SPEC_PROFILE_PEAK_FLOW"} {
		d, err := SensorDevice(acom.Device{SystemID: oximeter, Specializations: []acom.Specialization{{Type: code, Version: 1}}}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Path("specialization", "systemType", "coding", "display").Text(); got != want {
			t.Errorf("%d is %s", code, got)
		}
	}
}

// D.5.9: 147842 is MDC_ECG_HEART_RATE here and MDC_ECG_CARD_BEAT_RATE there. The number
// counts (LOINC, category, identity), and the name that was sent is kept.
func TestD5_9_HeartRateByNumberWithTheNameSent(t *testing.T) {
	of := func(sent string) Observation {
		m := acom.Measurement{Kind: acom.Numeric, Type: 147842, Time: wall("2026-03-01 09:00:00"), Value: num("60", 264864), Metric: &acom.Metric{}}
		if sent != "" {
			m.Metric.Codings = []acom.Coding{{System: term.MDCSystem, Code: "147842", Display: sent}}
		}
		list, err := Observations(acom.Report{Bedside: &acom.Bedside{}, Measurements: []acom.Measurement{m}}, someContext)
		if err != nil {
			t.Fatal(err)
		}
		return list[0]
	}
	plain := of("")
	for sent, display := range map[string]string{"": "MDC_ECG_HEART_RATE", "MDC_ECG_HEART_RATE": "MDC_ECG_HEART_RATE", "MDC_ECG_CARD_BEAT_RATE": "MDC_ECG_CARD_BEAT_RATE",
		"Herzfrequenz": "MDC_ECG_HEART_RATE"} {
		o := of(sent)
		codings := o.Resource.Path("code", "coding")
		if codings.Len() != 2 || codings.At(0).Get("code").Text() != "147842" || codings.At(0).Get("display").Text() != display || codings.At(1).Get("code").Text() != "8867-4" {
			t.Errorf("sent as %q: %s", sent, codings.AppendJSON(nil))
		}
		if o.Identifier != plain.Identifier || o.Resource.Path("category", "coding", "code").Text() != "vital-signs" {
			t.Errorf("sent as %q it is %s", sent, o.Resource.JSON())
		}
	}
}

// ADR 0004, a: the text has 68225 for a base offset clock, the value set 68226; b: a clock
// without an offset has a string value by the newest text, a dateTime by the profile.
func TestD5_ab_ClocksOfCoincidentTimeStamps(t *testing.T) {
	for name, test := range map[string]struct {
		device      acom.Time
		code, value string
	}{
		"base offset": {offset(wall("2026-03-01 09:54:00"), -300), "68226", "2026-03-01T09:54:00-05:00"},
		"no offset":   {wall("2026-03-01 09:54:00"), "67975", "2026-03-01T09:54:00-05:00"},
	} {
		m := temperature(num("37.60", 268192))
		list, err := Observations(report(&acom.Clock{Device: test.device, Gateway: "2026-03-01T10:00:00-05:00"}, m), someContext)
		if err != nil {
			t.Fatal(err)
		}
		o := list[0].Resource
		if len(list) != 2 || o.Path("code", "coding", "code").Text() != test.code || o.Get("valueDateTime").Text() != test.value || o.Get("valueString") != nil {
			t.Errorf("%s: %s", name, o.JSON())
		}
	}
}

// ADR 0004, c: bits are booleans by the profile, "Y" and "N" by the text; d: those that are
// cleared are told.
func TestD5_cd_BitsAreBooleansAndClearedOnesAreTold(t *testing.T) {
	v := acom.Value{Bits: &acom.Bits{Value: 0x4000, Mask: 0xC000, Width: 16}}
	components := one(t, acom.Measurement{Kind: acom.BitsEnumeration, Type: 150604, Value: v}, someContext).Resource.Get("component")
	if components.Len() != 2 || !components.At(0).Get("valueBoolean").Is(fhir.Bool) || components.At(0).Get("valueBoolean").Text() != "false" || components.At(1).Get("valueBoolean").Text() != "true" {
		t.Errorf("%s", components.AppendJSON(nil))
	}
}

// ADR 0004, e: an example writes the EUI-64 in lower case, the text in capitals. How others
// wrote it, ingest finds the Device (server/testdata/contradictions.txt).
func TestD5_e_EUIsAreCapitals(t *testing.T) {
	d, err := GatewayDevice("ecde3d4e58532d31")
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Path("identifier", "value").Text(); got != "EC-DE-3D-4E-58-53-2D-31" {
		t.Errorf("%s", got)
	}
	if a, b := DeviceID(acom.Device{}, "ec-de-3d-4e-58-53-2d-31"), DeviceID(acom.Device{SystemID: "ecde3d4e58532d31"}, ""); a != b {
		t.Errorf("one device is %s and %s", a, b)
	}
}

// ADR 0004, f: a value that is still being measured has none by the profile's prose, and one
// by the table of status; g: a reading of an earlier clock is thrown away by the table, and
// lost here never; h: a sample beyond its range is U or L by R4, which the prose forbids.
func TestD5_fgh_NothingIsThrownAway(t *testing.T) {
	m := temperature(num("37.60", 268192))
	m.Status = acom.MsmtOngoing
	if o := one(t, m, someContext).Resource; o.Path("valueQuantity", "value").Text() != "37.60" || o.Path("interpretation", "coding", "code").Text() != "msmt-ongoing" {
		t.Errorf("ongoing: %s", o.JSON())
	}
	m = temperature(num("37.60", 268192))
	m.Time.Earlier = true
	o := one(t, m, someContext).Resource
	if o.Path("valueQuantity", "value").Text() != "37.60" || o.Get("effectiveDateTime").Text() != "" || o.Path("_effectiveDateTime", "extension", "valueCode").Text() != "unknown" || o.Get("note") == nil {
		t.Errorf("of an earlier clock: %s", o.JSON())
	}
	s := acom.Samples{Period: "1", LowerAbsolute: acom.Number{Text: "0"}, UpperAbsolute: acom.Number{Text: "10"}, UpperScaled: 10, Raw: []int64{-1, 5, 11, 0}, Missing: []int{3}}
	o = one(t, acom.Measurement{Kind: acom.RTSA, Type: 150452, Value: acom.Value{Unit: 262656, Samples: &s}}, someContext).Resource
	if got := o.Path("valueSampledData", "data").Text(); got != "L 5 U E" {
		t.Errorf("samples %q", got)
	}
}

// texts are the texts of an array, joined by a space.
func texts(array *fhir.Element) string {
	var list []string
	for _, e := range array.Items() {
		list = append(list, e.Text())
	}
	return strings.Join(list, " ")
}
