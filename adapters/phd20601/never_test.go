package phd20601

import (
	"strings"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/internal/golden"
)

// valueSafety is what is never a number (F.8, 6.3.3, A.3): the words a value may
// have, the status beside it, and the reason FHIR gives in its place.
var valueSafety = []struct {
	name          string
	sfloat, float string // as sent
	status        uint16
	special       acom.Special
	reason, state string
}{
	{"NaN", "07FF", "007FFFFF", 0, acom.NaN, "not-a-number", "final"},
	{"not at this resolution", "0800", "00800000", 0, acom.NRes, "error", "final"},
	{"reserved", "0801", "00800001", 0, acom.Reserved, "error", "final"},
	{"+INFINITY", "07FE", "007FFFFE", 0, acom.PosInfinity, "positive-infinity", "final"},
	{"-INFINITY", "0802", "00800002", 0, acom.NegInfinity, "negative-infinity", "final"},
	{"invalid", "F3CF", "FF0003CF", uint16(acom.Invalid), 0, "error", "entered-in-error"},
	{"not available", "F3CF", "FF0003CF", uint16(acom.NotAvailable), 0, "not-performed", "final"},
}

// F.8: no value that stands for none becomes a number, in any attribute that has
// values, and what takes its place says why.
func TestNeverANumber_F8(t *testing.T) {
	agent := adapters.Frame{Device: "7C1EB3FFFE000001"}
	forms := []struct {
		name string
		id   uint16
		body func(sfloat, float string, status uint16) []byte
	}{
		{"basic", attrBasicNu, func(s, _ string, _ uint16) []byte { return golden.Hex(t, s) }},
		{"simple", attrSimpleNu, func(_, f string, _ uint16) []byte { return golden.Hex(t, f) }},
		{"full", attrNu, func(_, f string, status uint16) []byte {
			return append(message(nil).u16(0, status, dimPercent), golden.Hex(t, f)...)
		}},
		{"compound basic", attrCompoundBasic, func(s, _ string, _ uint16) []byte {
			return append(message(nil).u16(1, 2), golden.Hex(t, s)...)
		}},
		{"compound simple", attrCompoundSimple, func(_, f string, _ uint16) []byte {
			return append(message(nil).u16(1, 4), golden.Hex(t, f)...)
		}},
	}
	for _, row := range valueSafety {
		for _, form := range forms {
			d := Adapter.New(golden.Memory{})
			config := message(nil).u16(0x4001, 1, 4+4+8+6+6+10, classNumeric, 1, 4, 8+6+6+10).
				u16(attrType, 4, 2, termSpO2).u16(attrMetricSpec, 2, 0).u16(attrUnit, 2, dimPercent).u16(attrMetricIDList, 6, 1, 2, termSpO2)
			report := append(message(nil).u16(0).u32(relativeTimeNone).u16(notiConfig, uint16(len(config))), config...)
			agent.Bytes = prst(1, roivConfirmedEvent, report)
			if _, err := d.Decode(agent); err != nil {
				t.Fatal(err)
			}
			value := form.body(row.sfloat, row.float, row.status)
			attrs := append(message(nil).u16(form.id, uint16(len(value))), value...)
			count := uint16(1)
			if row.status != 0 {
				attrs, count = attrs.u16(attrStatus, 2, row.status), 2
			}
			scan := append(message(nil).u16(0xF000, 0, 1, uint16(len(attrs))+6, 1, count, uint16(len(attrs))), attrs...)
			event := append(message(nil).u16(0).u32(relativeTimeNone).u16(3358, uint16(len(scan))), scan...)
			agent.Bytes = prst(2, roivConfirmedEvent, event)
			result, err := d.Decode(agent)
			if err != nil || len(result.Reports) != 1 {
				t.Fatalf("%s, %s: %v, %d reports", row.name, form.name, err, len(result.Reports))
			}
			m := result.Reports[0].Measurements[0]
			v := m.Value
			if len(m.Components) > 0 {
				v = m.Components[0].Value
			}
			if row.special != 0 && (v.Number.Special != row.special || v.Number.Text != "") {
				t.Errorf("%s, %s: %+v", row.name, form.name, v.Number)
			}
			observations, err := mapping.Observations(result.Reports[0], mapping.Context{
				Patient: fhir.Key{Type: "Patient", ID: "p"}, Device: fhir.Key{Type: "Device", ID: "d"},
				Received: time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC), FrameHash: "00"})
			if err != nil {
				t.Fatal(err)
			}
			text := string(observations[0].Resource.JSON())
			if strings.Contains(text, "valueQuantity") || !strings.Contains(text, `"code":"`+row.reason+`"`) ||
				!strings.Contains(text, `"status":"`+row.state+`"`) {
				t.Errorf("%s, %s: %s", row.name, form.name, text)
			}
		}
	}
}

// 10406 and PHD 2.0, "Mapping Numerics to FHIR": ticks become milliseconds by the
// MDS's Tick-Resolution, if they do so exactly.
func TestTicks_10406(t *testing.T) {
	for _, c := range []struct {
		ticks      string
		resolution uint16
		want       string
		unit       acom.Code
	}{
		{"845", 1024, "825.1953125", unitMillisecond},
		{"3092", 2048, "1509.765625", unitMillisecond},
		{"250", 250, "1000", unitMillisecond},
		{"1.5", 1000, "1.5", unitMillisecond},
		{"100", 300, "100", unitTick}, // 333.3... is no decimal
		{"100", 0, "100", unitTick},   // nobody told
	} {
		v := acom.Value{Number: &acom.Number{Text: c.ticks}, Unit: unitTick}
		if untick(&v, c.resolution); v.Number.Text != c.want || v.Unit != c.unit {
			t.Errorf("%s ticks at %d/s: %s in %d, want %s in %d", c.ticks, c.resolution, v.Number.Text, v.Unit, c.want, c.unit)
		}
	}
	v := acom.Value{Number: &acom.Number{Special: acom.NaN}, Unit: unitTick}
	if untick(&v, 1024); v.Number.Special != acom.NaN || v.Number.Text != "" || v.Unit != unitTick {
		t.Errorf("NaN ticks became %+v", v)
	}
}
