package blegatt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
	"vitalwire/internal/golden"
)

// only gives the one report of a result.
func only(t *testing.T, result adapters.Result) acom.Report {
	t.Helper()
	if len(result.Reports) != 1 {
		t.Fatalf("want one report, got %d", len(result.Reports))
	}
	if result.Reports[0].Device.SystemID != testDevice {
		t.Errorf("device is %+v", result.Reports[0].Device)
	}
	return result.Reports[0]
}

// of gives the measurements of a type.
func of(report acom.Report, code acom.Code) []acom.Measurement {
	var out []acom.Measurement
	for _, m := range report.Measurements {
		if m.Type == code {
			out = append(out, m)
		}
	}
	return out
}

// text is the decimal of the first measurement of a type in a unit, nil without.
func text(t *testing.T, report acom.Report, code, unit acom.Code) any {
	t.Helper()
	found := of(report, code)
	if len(found) == 0 || found[0].Value.Number == nil {
		return nil
	}
	if found[0].Value.Unit != unit {
		t.Errorf("%d has unit %d, not %d", code, found[0].Value.Unit, unit)
	}
	return found[0].Value.Number.Text
}

func put(f facts, key string, value any) {
	if value != nil {
		f[key] = value
	}
}

// stamp writes a wall time the way the vectors do.
func stamp(w *acom.Wall) string {
	return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d", w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second)
}

// parts splits a wall time whose year is unknown.
func parts(w *acom.Wall) facts {
	f := facts{"time": fmt.Sprintf("%02d:%02d:%02d", w.Hour, w.Minute, w.Second)}
	for key, n := range map[string]int{"year": w.Year, "month": w.Month, "day": w.Day} {
		if n != 0 {
			f[key] = n
		}
	}
	return f
}

func instant(t *testing.T, w *acom.Wall) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05", stamp(w))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// gattBits turns MDC bits into the field GATT sent, which counts from the other end.
func gattBits(b *acom.Bits) uint32 { return bits.Reverse32(b.Value) >> (32 - b.Width) }

func foundDateTime(t *testing.T, c vectorCase, raw []byte) (any, error) {
	received := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	result, err := Adapter.New(nil).Decode(adapters.Frame{Bytes: raw, Device: testDevice, Characteristic: "2A08", Received: received})
	if err != nil {
		return nil, err
	}
	clock := only(t, result).Clock
	if clock == nil || clock.Gateway != "2026-01-02T03:04:05+01:00" {
		t.Fatalf("clock %+v", clock)
	}
	if w := clock.Device.Wall; w.Year == 0 && w.Month == 0 && w.Day == 0 {
		return parts(w), nil
	}
	return stamp(clock.Device.Wall), nil
}

var sampleTypeNames = map[acom.Code]string{
	160184: "capillary whole blood(1)", 160188: "capillary plasma(2)", 160204: "arterial plasma(6)", 160212: "ISF(9)", 160208: "control(10)",
}

var sampleLocationNames = map[acom.Code]string{8417848: "finger(1)", 8417852: "alternate(2)"}

func foundGlucose(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2A18", raw)
	if err != nil {
		return nil, err
	}
	report := only(t, result)
	m := report.Measurements[0]
	f := facts{}
	seq, ok := strings.CutPrefix(m.Key, "glucose/")
	if !ok {
		t.Fatalf("key %q", m.Key)
	}
	f["seq"] = seq
	effective := instant(t, m.Time.Wall)
	f["effective_local"] = stamp(m.Time.Wall)
	// Base time and offset are not kept apart: each is checked with the other.
	f["base_time"] = f["effective_local"]
	if offset, ok := c.want(t, "time_offset_min").(json.Number); ok {
		minutes, _ := offset.Int64()
		f["base_time"] = effective.Add(-time.Duration(minutes) * time.Minute).Format("2006-01-02T15:04:05")
		base, err := time.Parse("2006-01-02T15:04:05", c.want(t, "base_time").(string))
		if err != nil {
			t.Fatal(err)
		}
		f["time_offset_min"] = int(effective.Sub(base) / time.Minute)
	}
	if m.Value.Number != nil {
		if m.Value.Unit != 264274 {
			t.Errorf("unit %d", m.Value.Unit)
		}
		mgdl, _ := new(big.Rat).SetString(m.Value.Number.Text)
		f["concentration_kg_per_L"] = mgdl.Quo(mgdl, big.NewRat(100000, 1)).RatString()
		f["concentration"] = f["concentration_kg_per_L"]
		f["type"] = sampleTypeNames[m.Type]
	}
	for _, m := range of(report, 8417844) {
		f["location"] = sampleLocationNames[m.Value.Coded[0]]
	}
	for _, m := range of(report, 8417752) {
		status := gattBits(m.Value.Bits)
		if m.Time.Unreliable {
			status |= 1 << 11
		}
		f["status_hex"] = fmt.Sprintf("%04X", status)
	}
	// A context that follows finds the time of its measurement.
	known := golden.Memory{}
	known.Commit(result.Remember)
	n, _ := strconv.Atoi(seq)
	follow, err := decode(known, "2A34", append(binary.LittleEndian.AppendUint16([]byte{2}, uint16(n)), 1))
	if err != nil {
		t.Fatal(err)
	}
	f["context_follows"] = stamp(follow.Reports[0].Measurements[0].Time.Wall) == f["effective_local"]
	return f, nil
}

func foundTemperature(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2A1C", raw)
	if err != nil {
		return nil, err
	}
	return temperatureFacts(t, only(t, result)), nil
}

func temperatureFacts(t *testing.T, report acom.Report) facts {
	t.Helper()
	m := of(report, 150364)[0]
	f := facts{"value": m.Value.Number.Text, "unit": map[acom.Code]string{268192: "Cel", 266560: "[degF]"}[m.Value.Unit]}
	if m.Time.Wall != nil {
		f["timestamp"] = stamp(m.Time.Wall)
	}
	put(f, "type", map[acom.Code]any{188432: "finger(4)", 188428: "ear(3)"}[m.Site])
	return f
}

func foundContext(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2A34", raw)
	if err != nil {
		return nil, err
	}
	f := facts{}
	f["seq"] = (&reader{Cursor: cursor.New(raw), report: &acom.Report{}}).glucoseContext()
	if len(result.Reports) == 0 {
		return f, nil
	}
	report := only(t, result)
	for _, m := range report.Measurements {
		if want := []string{fmt.Sprintf("glucose/%v", f["seq"])}; !slices.Equal(m.DerivedFrom, want) {
			t.Errorf("derived from %v, not %v", m.DerivedFrom, want)
		}
		if !m.Time.IsZero() {
			t.Errorf("a time from nowhere: %+v", m.Time)
		}
	}
	for _, m := range of(report, 8417864) {
		f["meal"] = map[acom.Code]string{8417868: "preprandial(1)", 8417872: "postprandial(2)"}[m.Value.Coded[0]]
	}
	for _, m := range of(report, 8417760) {
		f["exercise_duration_s"] = m.Duration
		f["exercise_intensity_pct"] = m.Value.Number.Text
		if m.Value.Unit != 262688 {
			t.Errorf("unit %d", m.Value.Unit)
		}
	}
	return f, nil
}

func foundBloodPressure(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2A35", raw)
	if err != nil {
		return nil, err
	}
	return pressureFacts(t, only(t, result)), nil
}

func pressureFacts(t *testing.T, report acom.Report) facts {
	t.Helper()
	m := of(report, 150020)[0]
	f := facts{}
	for i, part := range []struct {
		code acom.Code
		keys []string
	}{{150021, []string{"systolic", "sys"}}, {150022, []string{"diastolic", "dia"}}, {150023, []string{"map"}}} {
		component := m.Components[i]
		if component.Type != part.code {
			t.Errorf("component %d is %d", i, component.Type)
		}
		for _, key := range part.keys {
			f[key] = component.Value.Number.Text
		}
		f["unit"] = map[acom.Code]string{266016: "mm[Hg]", 265987: "kPa"}[component.Value.Unit]
	}
	if m.Time.Wall != nil {
		f["timestamp"] = parts(m.Time.Wall)
	}
	if m.Person != 0 {
		f["user_id"], f["user"] = m.Person, m.Person
	}
	put(f, "pulse_rate", text(t, report, 149546, 264864))
	for _, m := range of(report, 8410608) {
		status := gattBits(m.Value.Bits)
		limits := "in-range"
		if m.Value.Bits.Value&0x1000 != 0 { // 8410608.3
			limits = "above-upper-limit"
		} else if m.Value.Bits.Value&0x0800 != 0 { // 8410608.4
			limits = "below-lower-limit"
		}
		f["status"] = facts{"hex": fmt.Sprintf("%04X", status), "pulse_rate_range": limits,
			"body_movement":     m.Value.Bits.Value&0x8000 != 0, // 8410608.0
			"cuff_too_loose":    m.Value.Bits.Value&0x4000 != 0,
			"irregular_pulse":   m.Value.Bits.Value&0x2000 != 0,
			"improper_position": m.Value.Bits.Value&0x0400 != 0}
	}
	return f
}

func foundEnhancedBloodPressure(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2B34", raw)
	if err != nil {
		return nil, err
	}
	report := only(t, result)
	f := pressureFacts(t, report)
	if w := report.Measurements[0].Time.Wall; w != nil {
		seconds := instant(t, w).Unix() - time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		f["timestamp_u32"] = fmt.Sprintf("0x%08X", seconds)
	}
	return f, nil
}

func foundHeartRate(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2A37", raw)
	if err != nil {
		return nil, err
	}
	report := only(t, result)
	f := facts{"hr": text(t, report, 147842, 264864)}
	for _, m := range of(report, 8410584) {
		f["contact"] = m.Value.Bits.Value&0x8000 == 0
	}
	put(f, "energy_kJ", text(t, report, 8454263, 266115))
	var ticks []any
	for _, m := range of(report, 147240) {
		ms, _ := new(big.Rat).SetString(m.Value.Number.Text)
		ticks = append(ticks, ms.Mul(ms, big.NewRat(1024, 1000)).RatString()) // exact or a fraction
	}
	f["rr_1024ths"] = ticks
	return f, nil
}

func foundRecordAccess(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2A52", raw)
	if err != nil {
		return nil, err
	}
	if result.Reports != nil {
		t.Errorf("a dialogue gave facts: %+v", result.Reports)
	}
	ra := (&reader{Cursor: cursor.New(raw), report: &acom.Report{}}).recordAccess()
	f := facts{"request": ra.request, "records": ra.records}
	switch ra.response {
	case 1:
		f["response"] = "success"
	case 6:
		f["response"] = "no records found"
	default:
		f["error"] = ra.response
	}
	return f, nil
}

func foundBodyComposition(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2A9C", raw)
	if err != nil {
		return nil, err
	}
	report := only(t, result)
	f := facts{}
	for _, field := range []struct {
		key        string
		code, unit acom.Code
	}{
		{"fat_pct", 188748, 262688}, {"basal_metabolism_kJ", 188768, 266115}, {"muscle_pct", 188772, 262688},
		{"muscle_mass_kg", 188776, 263875}, {"fat_free_mass_kg", 188756, 263875}, {"soft_lean_mass_kg", 188760, 263875},
		{"body_water_mass_kg", 188764, 263875}, {"impedance_ohm", 188780, 266432}, {"weight_kg", 188736, 263875}, {"height_m", 188740, 263424},
	} {
		put(f, field.key, text(t, report, field.code, field.unit))
	}
	if w := report.Measurements[0].Time.Wall; w != nil {
		f["timestamp"] = stamp(w)
	}
	f["user"] = report.Measurements[0].Person
	// The unit shows only in a mass: add a weight to the same value.
	heavier := append(bytes.Clone(raw), 0x10, 0x27)
	if heavier[1]&0x0C == 0 {
		heavier[1] |= 0x04
		result, err := decode(nil, "2A9C", heavier)
		if err != nil {
			t.Fatal(err)
		}
		f["imperial"] = of(result.Reports[0], 188736)[0].Value.Unit == 263904
	}
	return f, nil
}

func foundWeight(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2A9D", raw)
	if err != nil {
		return nil, err
	}
	report := only(t, result)
	units := map[acom.Code]string{263875: "kg", 263904: "[lb_av]", 263424: "m", 263520: "[in_i]"}
	m := of(report, 188736)[0]
	f := facts{"weight": m.Value.Number.Text, "unit": units[m.Value.Unit], "user": m.Person}
	if m.Time.Wall != nil {
		f["timestamp"] = stamp(m.Time.Wall)
	}
	put(f, "bmi", text(t, report, 188752, 264096))
	for _, m := range of(report, 188740) {
		f["height"], f["height_unit"] = m.Value.Number.Text, units[m.Value.Unit]
	}
	return f, nil
}

// bit tells whether MDC bit n of a 32-bit string is set.
func bit(b *acom.Bits, n int) bool { return b.Value>>(31-n)&1 == 1 }
