package mapping

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
	"vitalwire/fhir"
	"vitalwire/fhir/term"
	"vitalwire/internal/shared"
)

func temperature(v acom.Value) acom.Measurement {
	return acom.Measurement{Kind: acom.Numeric, Type: 150364, Time: wall("2026-03-01 09:00:00"), Value: v}
}

func TestNumber_FloatTable(t *testing.T) {
	var table struct {
		Float   [][2]string `json:"float_be"`
		SFloat  [][2]string `json:"sfloat_be"`
		Special [][3]string
	}
	if err := json.Unmarshal(shared.Read(t, "vectors", "fhir-phd-ig", "float_table.json"), &table); err != nil {
		t.Fatal(err)
	}
	rows := 0
	number := func(hex string) *acom.Number {
		raw, err := strconv.ParseUint(hex, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		n := cursor.FLOAT(uint32(raw))
		if len(hex) == 4 {
			n = cursor.SFLOAT(uint16(raw))
		}
		return &n
	}
	for _, row := range append(table.Float, table.SFloat...) {
		rows++
		o := one(t, temperature(acom.Value{Number: number(row[0]), Unit: 268192}), someContext).Resource
		if got := o.Path("valueQuantity", "value").Text(); got != row[1] {
			t.Errorf("%s: %s, want %s", row[0], got, row[1])
		}
	}
	for _, row := range table.Special {
		rows++
		for _, hex := range row[:2] {
			o := one(t, temperature(acom.Value{Number: number(hex), Unit: 268192}), someContext).Resource
			want, _, _ := strings.Cut(row[2], " ")
			if got := o.Path("dataAbsentReason", "coding", "code").Text(); got != want || o.Get("valueQuantity") != nil {
				t.Errorf("%s: %s, want %s", hex, got, want)
			}
		}
	}
	if rows != 21 {
		t.Errorf("%d rows", rows)
	}
}

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		status                            acom.Status
		fhir, absent, interpreted, secure string
	}{
		{0, "final", "", "", ""},
		{acom.Invalid, "entered-in-error", "error", "", ""},
		{acom.NotAvailable, "final", "not-performed", "", ""},
		{acom.Invalid | acom.NotAvailable, "entered-in-error", "error", "", ""},
		{acom.Questionable, "final", "", "questionable", ""},
		{acom.CalibrationOngoing, "final", "", "calibration-ongoing", ""},
		{acom.ValidatedData, "final", "", "validated-data", ""},
		{acom.EarlyIndication, "preliminary", "", "early-indication", ""},
		{acom.MsmtOngoing, "final", "", "msmt-ongoing", ""},
		{acom.TestData, "final", "", "", "HTEST"},
		{acom.DemoData, "final", "", "", "HTEST"},
		{acom.TestData | acom.DemoData | acom.Questionable, "final", "", "questionable", "HTEST"},
		{acom.Invalid | acom.Questionable | acom.DemoData, "entered-in-error", "error", "questionable", "HTEST"},
	} {
		kinds := map[string]acom.Measurement{
			"numeric":  temperature(num("37.60", 268192)),
			"compound": bloodPressure(num("86", 266016)),
			"bits":     {Kind: acom.BitsEnumeration, Type: 8410608, Value: bits(1)},
			"coded":    {Kind: acom.CodedEnumeration, Type: 8417864, Value: acom.Value{Coded: []acom.Code{8417872}}},
			"string":   {Kind: acom.StringEvent, Type: 8454252, Value: acom.Value{Text: "Endurance run"}},
		}
		for kind, m := range kinds {
			m.Status = test.status
			o := one(t, m, someContext).Resource
			name := fmt.Sprintf("%04x %s", test.status, kind)
			if got := o.Get("status").Text(); got != test.fhir {
				t.Errorf("%s: status %s, want %s", name, got, test.fhir)
			}
			if got := o.Path("dataAbsentReason", "coding", "code").Text(); got != test.absent {
				t.Errorf("%s: dataAbsentReason %q, want %q", name, got, test.absent)
			}
			if got := o.Path("interpretation", "coding", "code").Text(); got != test.interpreted {
				t.Errorf("%s: interpretation %q, want %q", name, got, test.interpreted)
			}
			if got := o.Path("meta", "security", "code").Text(); got != test.secure {
				t.Errorf("%s: security %q, want %q", name, got, test.secure)
			}
			shown := strings.Contains(string(o.JSON()), `"value":37.60`) || strings.Contains(string(o.JSON()), `"value":116`) ||
				strings.Contains(string(o.JSON()), "valueBoolean") || strings.Contains(string(o.JSON()), "8417872") || o.Get("valueString") != nil
			if shown == (test.absent != "") {
				t.Errorf("%s: value shown: %v", name, shown)
			}
		}
	}
}

func TestUnits_UnknownStaysMDC(t *testing.T) {
	o := one(t, temperature(num("12.50", 262144+9999)), someContext).Resource
	q := o.Get("valueQuantity")
	if q.Get("value").Text() != "12.50" || q.Get("system").Text() != term.MDCSystem || q.Get("code").Text() != "272143" {
		t.Errorf("quantity %s", q.AppendJSON(nil))
	}
	if got := o.Path("meta", "profile").At(0).Text(); got != phd+"PhdBaseObservation" {
		t.Errorf("profile %s: the numeric profile fixes UCUM", got)
	}
	o = one(t, temperature(num("12.50", 0)), someContext).Resource
	if q := o.Get("valueQuantity"); q.Len() != 1 {
		t.Errorf("no unit sent, quantity %s", q.AppendJSON(nil))
	}
	o = one(t, acom.Measurement{Kind: acom.Numeric, Type: 131072 + 0xF001, Value: num("5", 266016)}, someContext).Resource
	if o.Path("code", "coding", "code").Text() != "192513" || o.Path("code", "text").Text() != "MDC code 192513" || o.Path("valueQuantity", "value").Text() != "5" {
		t.Errorf("an unknown type was dropped or guessed: %s", o.JSON())
	}
}

func TestValue_Details(t *testing.T) {
	o := one(t, acom.Measurement{Kind: acom.Numeric, Type: 160184, Value: func() acom.Value { v := num("600", 264274); v.Comparator = acom.Above; return v }()}, someContext).Resource
	if got := o.Path("valueQuantity", "comparator").Text(); got != ">" {
		t.Errorf("comparator %q", got)
	}
	if got := o.Path("code", "coding").At(1).Get("code").Text(); got != "41653-7" {
		t.Errorf("glucose in mg/dL is LOINC %q", got)
	}
	o = one(t, acom.Measurement{Kind: acom.Numeric, Type: 160184, Value: num("6.3", 266866)}, someContext).Resource
	if got := o.Path("code", "coding").At(1).Get("code").Text(); got != "14743-9" || o.Path("code", "coding").Len() != 2 {
		t.Errorf("glucose in mmol/L is LOINC %q", got)
	}
	control := one(t, acom.Measurement{Kind: acom.Numeric, Type: 160208, Value: num("110", 264274)}, someContext).Resource
	if got := control.Path("subject", "reference").Text(); got != "Device/d1" {
		t.Errorf("control solution became a result of %s", got)
	}
	setting := one(t, acom.Measurement{Kind: acom.Numeric, Type: 8418044, Setting: true, Value: num("5", 264352)}, someContext).Resource
	if got := setting.Path("subject", "reference").Text(); got != "Device/d1" {
		t.Errorf("a setting is of %s", got)
	}
	m := temperature(num("37", 268192))
	m.Site, m.Quality = 188452, &acom.Number{Text: "95"}
	o = one(t, m, someContext).Resource
	if o.Path("bodySite", "coding", "code").Text() != "188452" || o.Path("component", "valueQuantity", "value").Text() != "95" {
		t.Errorf("site or quality lost: %s", o.JSON())
	}
	several := one(t, acom.Measurement{Kind: acom.CodedEnumeration, Type: 8417864, Value: acom.Value{Coded: []acom.Code{8417872, 8417869}}}, someContext).Resource
	if several.Get("component").Len() != 2 || several.Get("valueCodeableConcept") != nil {
		t.Errorf("two codes: %s", several.JSON())
	}
	for _, bad := range []acom.Measurement{
		temperature(num("1.", 268192)), temperature(num("+1", 268192)), temperature(num("NaN", 268192)), temperature(acom.Value{Number: &acom.Number{Special: 99}}),
		temperature(acom.Value{Number: &acom.Number{Text: "1"}, Comparator: 99}), {Kind: 99, Type: 1}, {Kind: acom.Numeric, Duration: "x", Value: num("1", 0)},
		{Kind: acom.RTSA, Type: 150452, Value: acom.Value{Samples: &acom.Samples{Period: "0"}}},
	} {
		if _, err := Observations(acom.Report{Measurements: []acom.Measurement{bad}}, someContext); err == nil {
			t.Errorf("mapped %+v", bad)
		}
	}
}

func TestBits(t *testing.T) {
	// Every supported bit is told, cleared ones too; an undefined bit only when set.
	o := one(t, acom.Measurement{Kind: acom.BitsEnumeration, Type: 8410608, Value: acom.Value{Bits: &acom.Bits{Value: 0x8100, Mask: 0xFF00, Width: 16}}}, someContext).Resource
	var got []string
	for _, c := range o.Get("component").Items() {
		got = append(got, c.Path("code", "coding", "code").Text()+"="+c.Get("valueBoolean").Text())
	}
	if want := "8410608.0=true 8410608.1=false 8410608.2=false 8410608.3=false 8410608.4=false 8410608.5=false 8410608.7=true"; strings.Join(got, " ") != want {
		t.Errorf("%v", got)
	}
	if text := o.Get("component").At(6).Path("code", "text").Text(); text != "MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS bit 7" {
		t.Errorf("undefined bit %q", text)
	}
	none := one(t, acom.Measurement{Kind: acom.BitsEnumeration, Type: 8410608, Value: acom.Value{Bits: &acom.Bits{Width: 16}}}, someContext).Resource
	if none.Path("dataAbsentReason", "coding", "code").Text() != "unsupported" {
		t.Errorf("no bit supported: %s", none.JSON())
	}
}

func TestSamples(t *testing.T) {
	samples := acom.Samples{Period: "1/150", LowerAbsolute: acom.Number{Text: "0"}, UpperAbsolute: acom.Number{Text: "1"}, LowerScaled: 0, UpperScaled: 3,
		Raw: []int64{-1, 0, 3, 4, 2}, Missing: []int{4}}
	m := acom.Measurement{Kind: acom.RTSA, Type: 150452, Value: acom.Value{Unit: 262656, Samples: &samples}}
	o := one(t, m, someContext).Resource
	s := o.Get("valueSampledData")
	if got := s.Get("data").Text(); got != "L 0 3 U E" {
		t.Errorf("data %q", got)
	}
	if got := s.Get("period").Text(); got != "6.666666666666667" {
		t.Errorf("period %s", got)
	}
	if got := string(o.Get("note").AppendJSON(nil)); !strings.Contains(got, "20/3") || !strings.Contains(got, "1/3") {
		t.Errorf("the rounding of 20/3 and 1/3 is silent: %s", got)
	}
	samples.UpperScaled = 0
	if o := one(t, m, someContext).Resource; o.Path("dataAbsentReason", "coding", "code").Text() != "error" || o.Get("valueSampledData") != nil {
		t.Errorf("an empty range: %s", o.JSON())
	}
}

// Whatever decimal a device sends, its text arrives unchanged.
func TestNumber_TextNeverChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		text := cursor.Decimal(random.Int64N(1<<32)-1<<31, -random.IntN(12))
		m := temperature(num(text, 268192))
		m.Quality = &acom.Number{Text: text}
		list, err := Observations(report(nil, m, acom.Measurement{Kind: acom.CompoundNumeric, Type: 150020, Components: []acom.Component{{Type: 150021, Value: num(text, 266016)}}}), someContext)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []*fhir.Element{list[0].Resource.Path("valueQuantity", "value"), list[0].Resource.Path("component", "valueQuantity", "value"), list[1].Resource.Path("component", "valueQuantity", "value")} {
			if e.Text() != text {
				t.Fatalf("%s became %s", text, e.Text())
			}
		}
	}
}

func TestSpecial_NeverAQuantity(t *testing.T) {
	for _, s := range []acom.Special{acom.NaN, acom.NRes, acom.PosInfinity, acom.NegInfinity, acom.Reserved} {
		for status := 0; status < 1<<16; status += 0x120 {
			m := bloodPressure(special2(s, 266016))
			m.Components = m.Components[2:]
			m.Status = acom.Status(status)
			n := temperature(acom.Value{Number: &acom.Number{Text: "1", Special: s}, Unit: 268192})
			n.Status = acom.Status(status)
			list, err := Observations(report(nil, m, n), someContext)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range list {
				if strings.Contains(string(o.Resource.JSON()), "valueQuantity") {
					t.Fatalf("%s, status %04x: %s", s, status, o.Resource.JSON())
				}
			}
		}
	}
}

func TestObservations_SameInputSameBytes(t *testing.T) {
	for _, e := range examples() {
		c := someContext
		e.context(&c)
		write := func() string {
			list, err := Observations(e.report, c)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, o := range list {
				b.Write(o.Resource.JSON())
				b.WriteString(o.Digest)
			}
			return b.String()
		}
		if first, again := write(), write(); first != again {
			t.Errorf("%s differs from time to time", e.file)
		}
		// Quarantine keeps reports as JSON; nothing may be lost by that.
		data, err := json.Marshal(e.report)
		if err != nil {
			t.Fatal(err)
		}
		before := write()
		var kept acom.Report
		if err := json.Unmarshal(data, &kept); err != nil {
			t.Fatal(err)
		}
		e.report = kept
		if write() != before {
			t.Errorf("%s differs after quarantine", e.file)
		}
	}
}
