package blegatt

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"math/bits"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
)

// vectorFile is a file of vectors/ble-gatt.
type vectorFile struct {
	UUID  string       `json:"uuid"`
	Cases []vectorCase `json:"cases"`
}

type vectorCase struct {
	ID     string          `json:"id"`
	Hex    string          `json:"hex"`
	Type   string          `json:"type"`
	Valid  *bool           `json:"valid"`
	Expect json.RawMessage `json:"expect"`
}

// want gives an expected member, for what can only be told together with another.
func (c vectorCase) want(t *testing.T, key string) any {
	t.Helper()
	m, _ := decodeJSON(t, c.Expect).(map[string]any)
	return m[key]
}

// facts are what a case was found to say, under the names its file uses.
type facts = map[string]any

const testDevice = "00A0500D2E3F4455"

// memory is a Memory for tests.
type memory map[string][]byte

func (m memory) Recall(key string) ([]byte, bool) { v, ok := m[key]; return v, ok }

func (m memory) commit(memos []adapters.Memo) {
	for _, memo := range memos {
		if memo.Value == nil {
			delete(m, memo.Key)
		} else {
			m[memo.Key] = memo.Value
		}
	}
}

func decode(m memory, characteristic string, raw []byte) (adapters.Result, error) {
	return Adapter.New(m).Decode(adapters.Frame{Bytes: raw, Device: testDevice, Characteristic: characteristic})
}

// found answers one case: its facts, or the refusal.
type found func(t *testing.T, c vectorCase, raw []byte) (any, error)

// vectorReaders has one entry for each file; a file without one fails the test.
var vectorReaders = map[string]found{
	"2A08_date_time.json":                          foundDateTime,
	"2A18_glucose_measurement.json":                foundGlucose,
	"2A1C_temperature_measurement.json":            foundTemperature,
	"2A34_glucose_context.json":                    foundContext,
	"2A35_blood_pressure_measurement.json":         foundBloodPressure,
	"2A37_heart_rate_measurement.json":             foundHeartRate,
	"2A52_racp.json":                               foundRecordAccess,
	"2A9C_body_composition.json":                   foundBodyComposition,
	"2A9D_weight_measurement.json":                 foundWeight,
	"2AA7_cgm_measurement.json":                    foundCGM,
	"2AA8_cgm_feature.json":                        foundCGMFeature,
	"2AA9_cgm_status.json":                         foundCGMStatus,
	"2AAA_cgm_session_start.json":                  foundSessionStart,
	"2AAC_cgm_ops_cp.json":                         foundCGMOps,
	"2B34_enhanced_blood_pressure.json":            foundEnhancedBloodPressure,
	"bad_library_vectors_DO_NOT_USE_AS_TRUTH.json": foundBadLibrary,
	"crc16.json":                                   foundCRC,
	"misc_small_characteristics.json":              foundSmall,
	"sfloat_float_le.json":                         foundFloats,
}

func TestVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared.Path(t, "vectors", "ble-gatt"), "*"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var rows [][]string
	for _, path := range files {
		name := filepath.Base(path)
		read, ok := vectorReaders[name]
		if !ok {
			t.Errorf("%s is not read by this test", name)
			continue
		}
		seen[name] = true
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file vectorFile
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(file.Cases) == 0 {
			t.Errorf("%s has no cases", name)
		}
		for i, c := range file.Cases {
			id := fmt.Sprintf("%d", i+1)
			if c.ID != "" {
				id += " " + c.ID
			}
			t.Run(strings.TrimSuffix(name, ".json")+"/"+id, func(t *testing.T) {
				expected, result := runVector(t, read, c)
				rows = append(rows, []string{strings.TrimSuffix(name, ".json"), id, expected, result})
			})
		}
	}
	for name := range vectorReaders {
		if !seen[name] {
			t.Errorf("%s is gone", name)
		}
	}
	conformance.Table(t, "ble-gatt", "Bluetooth GATT vectors",
		"Every case of `../shared/vectors/ble-gatt`, decoded by `adapters/blegatt`; for the library vectors that are wrong, the correct reading counts.",
		[]string{"file", "case", "expected", "result"}, rows)
}

func runVector(t *testing.T, read found, c vectorCase) (expected, result string) {
	t.Helper()
	raw, err := hex.DecodeString(c.Hex)
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(t, c, raw)
	if c.Valid != nil && !*c.Valid {
		var refused *adapters.Error
		if !errors.As(err, &refused) || refused.Reason == "" || refused.Offset > len(raw) {
			t.Errorf("want a refusal, got %v, %v", got, err)
			return "refused", "NOT refused"
		}
		return "refused", "refused at " + err.Error()
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, c.Expect); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Errorf("refused: %v", err)
		return compact.String(), "REFUSED"
	}
	if differences := compare("", decodeJSON(t, c.Expect), got); len(differences) > 0 {
		t.Error(strings.Join(differences, "\n"))
		return compact.String(), "DIFFERENT"
	}
	return compact.String(), "as expected"
}

func decodeJSON(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// compare lists where got is not what want says. A string must be the same text, a
// number the same value, null is nothing found, and every member must be there.
func compare(path string, want, got any) []string {
	wrong := []string{fmt.Sprintf("%s: want %v, got %v", path, want, got)}
	switch want := want.(type) {
	case map[string]any:
		members, ok := got.(facts)
		if !ok {
			return wrong
		}
		var out []string
		for _, key := range slices.Sorted(maps.Keys(want)) {
			value, ok := members[key]
			if !ok && want[key] != nil {
				out = append(out, fmt.Sprintf("%s.%s: nothing found for %v", path, key, want[key]))
				continue
			}
			out = append(out, compare(path+"."+key, want[key], value)...)
		}
		return out
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return wrong
		}
		var out []string
		for i := range want {
			out = append(out, compare(fmt.Sprintf("%s[%d]", path, i), want[i], list[i])...)
		}
		return out
	case json.Number:
		w, _ := new(big.Rat).SetString(want.String())
		g, ok := new(big.Rat).SetString(fmt.Sprint(got))
		if !ok || w.Cmp(g) != 0 {
			return wrong
		}
	case nil:
		if got != nil {
			return wrong
		}
	default:
		if want != got {
			return wrong
		}
	}
	return nil
}

func TestCompareCanFail(t *testing.T) {
	want := facts{"a": json.Number("1.5"), "b": "1.50", "c": nil, "d": []any{true}}
	for _, got := range []facts{
		{"a": "1.6", "b": "1.50", "d": []any{true}},
		{"a": "1.5", "b": "1.5", "d": []any{true}},
		{"a": "1.5", "b": "1.50", "c": "x", "d": []any{true}},
		{"a": "1.5", "b": "1.50", "d": []any{}},
		{"b": "1.50", "d": []any{true}},
	} {
		if len(compare("", want, got)) == 0 {
			t.Errorf("%v passes for %v", got, want)
		}
	}
	if d := compare("", want, facts{"a": "1.50", "b": "1.50", "d": []any{true}}); d != nil {
		t.Error(d)
	}
}

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
	known := memory{}
	known.commit(result.Remember)
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
	f["seq"] = (&reader{Cursor: cursor.New(raw)}).glucoseContext()
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
	ra := (&reader{Cursor: cursor.New(raw)}).recordAccess()
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

func foundCGM(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2AA7", raw)
	if err != nil {
		return nil, err
	}
	report := only(t, result)
	var records []any
	for _, m := range of(report, 160212) {
		if m.Value.Unit != 264274 {
			t.Errorf("unit %d", m.Value.Unit)
		}
		r := facts{"glucose_mg_dl": m.Value.Number.Text, "time_offset_min": m.Time.Ticks.Micros / 60_000_000}
		if m.Quality != nil {
			r["quality_pct"] = m.Quality.Text
		}
		records = append(records, r)
	}
	f := facts{"records": records}
	if len(records) != 1 {
		return f, nil
	}
	maps.Copy(f, records[0].(facts))
	f["size"] = len(raw)
	for _, m := range of(report, 8418008) {
		// g/L/min back to mg/dL/min, two decimals fewer.
		_, decimals, _ := strings.Cut(m.Value.Number.Text, ".")
		n, _ := new(big.Rat).SetString(m.Value.Number.Text)
		f["trend"] = n.Mul(n, big.NewRat(100, 1)).FloatString(len(decimals) - 2)
	}
	var told []any
	for _, m := range of(report, 8408608) {
		if bit(m.Value.Bits, 25) {
			told = append(told, "device battery low")
		}
	}
	for _, m := range of(report, 8418060) {
		if bit(m.Value.Bits, 8) {
			told = append(told, "calibration recommended")
		}
		if bit(m.Value.Bits, 10) {
			told = append(told, "sensor temperature too high")
		}
		if m.Value.Bits.Value>>12&0xFF == 0xFF { // bits 12..19
			told = append(told, "warning octet FF: all")
		}
		if other := m.Value.Bits.Value &^ (1<<23 | 1<<21 | 0xFF<<12); other != 0 {
			t.Errorf("other bits %08X", other)
		}
	}
	f["annunciation"] = told
	// The CRC holds, and no other would.
	if len(raw) > cgmRecordMin {
		f["crc"] = fmt.Sprintf("%04X", crc16(raw[:len(raw)-2]))
		broken := bytes.Clone(raw)
		broken[len(broken)-1] ^= 0x10
		_, err := decode(nil, "2AA7", broken)
		f["crc_ok"] = err != nil
	}
	return f, nil
}

func foundCGMFeature(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2AA8", raw)
	if err != nil {
		return nil, err
	}
	known := memory{}
	known.commit(result.Remember)
	r := &reader{memory: known, prefix: testDevice + "/"}
	features, ok := r.cgmFeatures()
	if !ok || result.Reports != nil {
		t.Fatalf("not remembered, or facts: %+v", result)
	}
	f := facts{"features_hex": fmt.Sprintf("%06X", features.bits), "type": sampleTypeNames[features.code],
		"location": sampleLocationNames[features.location], "crc_ok": features.crc()}
	if !features.crc() {
		f["crc"] = "FFFF means CRC unsupported"
	}
	return f, nil
}

func foundCGMStatus(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2AA9", raw)
	if err != nil {
		return nil, err
	}
	report := only(t, result)
	sensor, device := of(report, 8418060)[0], of(report, 8408608)[0]
	s, d := sensor.Value.Bits, device.Value.Bits
	return facts{
		"time_offset_min":                 sensor.Time.Ticks.Micros / 60_000_000,
		"all_flags":                       s.Value == s.Mask && d.Value == d.Mask && bits.OnesCount32(s.Value)+bits.OnesCount32(d.Value) == 20,
		"crc_ok":                          len(raw) == 7,
		"session_stopped":                 bit(s, 0),
		"time_sync_required":              bit(d, 16),
		"result_lower_than_patient_low":   bit(s, 12),
		"result_higher_than_patient_high": bit(s, 13),
	}, nil
}

func foundSessionStart(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2AAA", raw)
	if err != nil {
		return nil, err
	}
	// What a measurement at minute 0 makes of it.
	known := memory{}
	known.commit(result.Remember)
	result, err = decode(known, "2AA7", []byte{6, 0, 100, 0, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	w := only(t, result).Measurements[0].Time.Wall
	f := parts(w)
	f["local"] = stamp(w)
	f["crc_ok"] = len(raw) == 11
	tz, _ := c.want(t, "tz_raw").(json.Number).Int64()
	dst, _ := c.want(t, "dst_raw").(json.Number).Int64()
	f["tz_raw"], f["dst_raw"] = *w.OffsetMinutes/15-int(dst), *w.OffsetMinutes/15-int(tz)
	return f, nil
}

func foundCGMOps(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2AAC", raw)
	if err != nil {
		return nil, err
	}
	if result.Reports != nil {
		t.Errorf("a dialogue gave facts: %+v", result.Reports)
	}
	r := &reader{Cursor: cursor.New(raw)}
	o := r.cgmOps()
	f := facts{"crc_ok": len(raw) > 3 && o.op != cgmOpCalibration}
	switch o.op {
	case 0x1C:
		f["request"], f["success"] = o.request, o.response == 1
		if o.response != 1 {
			f["error"] = o.response
		}
	case 0x03:
		f["comm_interval_min"] = o.interval
	case 0x06:
		f["cal_glucose_mg_dl"], f["cal_time_min"], f["next_cal_min"], f["record"] = o.glucose.Text, o.time, o.next, o.record
		f["type_loc"], f["status"] = fmt.Sprintf("%02X", o.sample), fmt.Sprintf("%02X", o.calibration)
	default:
		f[map[uint8]string{0x09: "patient_high", 0x0C: "patient_low", 0x0F: "hypo", 0x12: "hyper", 0x15: "rate_decrease", 0x18: "rate_increase"}[o.op]] = o.level.Text
	}
	return f, nil
}

// scientific finds numbers such as 1.20E-6 in the prose of the wrong vectors.
var scientific = regexp.MustCompile(`(\d+)(?:\.(\d+))?E-(\d+)`)

// plain writes mantissa digits, decimals and negative exponent out.
func plain(m []string) string {
	exponent, _ := strconv.Atoi(m[3])
	digits := m[1] + m[2]
	decimals := len(m[2]) + exponent
	return "0." + strings.Repeat("0", decimals-len(digits)) + digits
}

func foundBadLibrary(t *testing.T, c vectorCase, raw []byte) (any, error) {
	claim := c.want(t, "correct_decode").(string)
	var numbers []string
	for _, m := range scientific.FindAllStringSubmatch(claim, -1) {
		numbers = append(numbers, plain(m))
	}
	var got []string
	var err error
	var result adapters.Result
	switch c.ID {
	case "BP":
		if result, err = decode(nil, "2A35", raw); err == nil {
			for _, component := range only(t, result).Measurements[0].Components {
				got = append(got, component.Value.Number.Text)
			}
		}
	case "PLX spot":
		if result, err = decode(nil, "2A5E", raw); err == nil {
			report := only(t, result)
			got = append(got, text(t, report, 150456, 262688).(string), text(t, report, 149530, 264864).(string))
		}
	case "temperature":
		numbers = []string{"3700000" + strings.Repeat("0", 123)}
		if result, err = decode(nil, "2A1C", raw); err == nil {
			got = append(got, text(t, only(t, result), 150364, 268192).(string))
		}
	}
	if err != nil {
		return nil, err
	}
	// A trailing zero of the mantissa is a digit sent: 90e-8 is 0.00000090. The
	// prose writes it 9.0E-7, which has the same.
	if !slices.Equal(got, numbers) || len(got) == 0 {
		t.Errorf("want %v, got %v", numbers, got)
		return facts{}, nil
	}
	return facts{"correct_decode": claim, "library_claims": c.want(t, "library_claims")}, nil
}

func foundCRC(t *testing.T, c vectorCase, raw []byte) (any, error) {
	// The other two show that the vector's bytes are read as its author meant.
	var kermit, ccitt uint16 = 0, 0xFFFF
	for _, b := range raw {
		kermit ^= uint16(b)
		ccitt ^= uint16(b) << 8
		for range 8 {
			kermit = kermit>>1 ^ 0x8408*(kermit&1)
			ccitt = ccitt<<1 ^ 0x1021*(ccitt>>15)
		}
	}
	return facts{"mcrf4xx": fmt.Sprintf("%04X", crc16(raw)), "kermit": fmt.Sprintf("%04X", kermit), "ccitt_false": fmt.Sprintf("%04X", ccitt)}, nil
}

// smallCharacteristics tells which characteristic each case is about, by the
// beginning of its id.
var smallCharacteristics = []struct{ prefix, uuid string }{
	{"battery", "2A19"}, {"temp type", "2A1D"}, {"measurement interval", "2A21"}, {"interval", "2A21"},
	{"time zone", "2A0E"}, {"dst", "2A0D"}, {"glucose feature", "2A51"}, {"CGM run time", "2AAB"},
}

func foundSmall(t *testing.T, c vectorCase, raw []byte) (any, error) {
	uuid := ""
	for _, s := range smallCharacteristics {
		if strings.HasPrefix(c.ID, s.prefix) {
			uuid = s.uuid
		}
	}
	result, err := decode(nil, uuid, raw)
	if err != nil {
		return nil, err
	}
	r := &reader{Cursor: cursor.New(raw)}
	switch uuid {
	case "2A19":
		return only(t, result).Device.Battery, nil
	case "2A1D":
		name, _ := temperatureTypeOf(result.Remember[0].Value[0])
		// And a measurement without a type takes it.
		known := memory{}
		known.commit(result.Remember)
		result, err := decode(known, "2A1C", []byte{0, 0x6F, 1, 0, 0xFF})
		if err != nil || result.Reports[0].Measurements[0].Site != mdcTempEar {
			t.Errorf("%+v, %v", result, err)
		}
		return name, nil
	case "2A21":
		return int(r.measurementInterval()), nil
	case "2A0E":
		if minutes, ok := r.timeZone(); ok {
			return facts{"minutes": minutes}, nil
		}
		return nil, nil
	case "2A0D":
		minutes, ok := r.dstOffset()
		switch {
		case !ok:
			return nil, nil
		case minutes == 0:
			return "standard", nil
		}
		return fmt.Sprintf("+%d", minutes), nil
	case "2A51":
		feature := binary.LittleEndian.Uint16(result.Remember[0].Value)
		mask := meterStatusSupport(feature)
		both := func(two uint32) bool { return mask&two == two }
		return facts{"strip_type_error": both(1 << 4), "result_high_low": both(1<<5 | 1<<6), "temp_high_low": both(1<<7 | 1<<8),
			"read_interrupt": both(1 << 9), "general_fault": both(1 << 10), "time_fault": flag(feature, 9), "multiple_bond": flag(feature, 10)}, nil
	case "2AAB":
		report := only(t, result)
		return facts{"hours": text(t, report, 8418040, 264384)}, nil
	}
	t.Fatalf("which characteristic is %q?", c.ID)
	return nil, nil
}

func foundFloats(t *testing.T, c vectorCase, raw []byte) (any, error) {
	cur := cursor.New(raw)
	var n acom.Number
	switch c.Type {
	case "sfloat":
		n = cur.SFLOATLE("sfloat")
	case "float":
		n = cur.FLOATLE("float")
	default:
		t.Fatalf("type %q", c.Type)
	}
	cur.Close(c.Type)
	return n.Text, cur.Err()
}
