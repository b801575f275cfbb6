package blegatt

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vitalwire/adapters"
	"vitalwire/internal/conformance"
	"vitalwire/internal/golden"
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

func decode(m golden.Memory, characteristic string, raw []byte) (adapters.Result, error) {
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
