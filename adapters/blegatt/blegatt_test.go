package blegatt

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/internal/golden"
	"vitalwire/internal/shared"
)

func TestCharacteristicSpellings(t *testing.T) {
	for _, name := range []string{"2A19", "2a19", "0x2A19", " 2A19 ", "00002A19-0000-1000-8000-00805F9B34FB", "00002a19-0000-1000-8000-00805f9b34fb"} {
		if result, err := decode(nil, name, []byte{9}); err != nil || result.Reports[0].Device.Battery != "9" {
			t.Errorf("%q: %v, %v", name, result, err)
		}
	}
	for _, name := range []string{"", "2A", "12342A19-0000-1000-8000-00805F9B34FB", "00002A19-0000-1000-8000-00805F9B34FC", "the name of a patient"} {
		_, err := decode(nil, name, []byte{9})
		var refused *adapters.Error
		if !errors.As(err, &refused) || !refused.Unprocessable || !strings.Contains(refused.Reason, "2A35") {
			t.Errorf("%q: %v", name, err)
		} else if strings.Contains(refused.Reason, "patient") {
			t.Errorf("echoes what was sent: %v", err)
		}
	}
}

func TestClockOfTheGatewayIsPassedOn(t *testing.T) {
	clock := &acom.Clock{Device: acom.Time{Wall: &acom.Wall{Year: 2025, Month: 1, Day: 2}}, Gateway: "2025-01-02T00:00:01Z"}
	for characteristic, raw := range map[string][]byte{"2A9D": {0, 1, 2}, "2A08": {0xE9, 7, 1, 1, 1, 1, 1}} {
		result, err := Adapter.New(nil).Decode(adapters.Frame{Bytes: raw, Device: testDevice, Characteristic: characteristic,
			Clock: clock, Received: time.Unix(1, 0)})
		if err != nil || result.Reports[0].Clock != clock {
			t.Errorf("%s: %+v, %v", characteristic, result, err)
		}
	}
}

func TestClockReadWithoutReceivingTimeIsNoFact(t *testing.T) {
	result, err := decode(nil, "2A08", []byte{0xE9, 7, 1, 1, 1, 1, 1})
	if err != nil || !reflect.DeepEqual(result, adapters.Result{}) {
		t.Errorf("%+v, %v", result, err)
	}
}

// Every special value stays one, in every field that is a float, also where the
// decimal point moves.
func TestSpecialsAreNeverNumbers(t *testing.T) {
	specials := map[uint16]acom.Special{0x07FF: acom.NaN, 0x0800: acom.NRes, 0x07FE: acom.PosInfinity, 0x0802: acom.NegInfinity, 0x0801: acom.Reserved}
	frames := map[string]string{ // ** is the SFLOAT
		"2A35": "00********5D00", "2A5E": "00********", "2A18": "020100E9070101010101****11", "2A34": "11010001****01****",
		"2AA7": "0801****0000****", "2B34": "04780050005D00****",
	}
	for raw, special := range specials {
		le := hex.EncodeToString([]byte{byte(raw), byte(raw >> 8)})
		for characteristic, frame := range frames {
			value, err := hex.DecodeString(strings.ReplaceAll(strings.ReplaceAll(frame, "****", le), "*", "0"))
			if err != nil {
				t.Fatal(err)
			}
			result, err := decode(nil, characteristic, value)
			if err != nil {
				t.Fatalf("%s: %v", characteristic, err)
			}
			out, err := json.Marshal(result)
			if err != nil {
				t.Fatal(err)
			}
			want, err := json.Marshal(acom.Number{Special: special})
			if err != nil {
				t.Fatal(err)
			}
			if got, n := strings.Count(string(out), string(want)), strings.Count(frame, "****"); got != n {
				t.Errorf("%s %04X: %d of %d special in %s", characteristic, raw, got, n, out)
			}
		}
	}
}

// Control solution told by type or by location is test data in every fact.
func TestControlSolutionIsNeverAPatientResult(t *testing.T) {
	for octet := range 256 {
		control := octet&0x0F == 10 || octet>>4 == 4
		raw := []byte{0x0A, 1, 0, 0xE9, 7, 1, 1, 1, 1, 1, 0x64, 0xB0, byte(octet), 0, 0}
		result, err := decode(nil, "2A18", raw)
		if err != nil {
			t.Fatal(err)
		}
		known := golden.Memory{}
		known.Commit(result.Remember)
		context, err := decode(known, "2A34", []byte{2, 1, 0, 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range slices.Concat(result.Reports[0].Measurements, context.Reports[0].Measurements) {
			if (m.Status&acom.TestData != 0) != control {
				t.Errorf("octet %02X: %d has status %04X", octet, m.Type, m.Status)
			}
		}
	}
}

// One status octet alone is the only way to tell which flag announces which.
func TestCGMSingleStatusOctets(t *testing.T) {
	for _, c := range []struct {
		flags       byte
		sensor, dev uint32
	}{{0x80, 1 << 31, 0}, {0x40, 0, 1 << 15}, {0x20, 1 << 19, 0}} {
		result, err := decode(nil, "2AA7", []byte{7, c.flags, 100, 0, 0, 0, 1})
		if err != nil {
			t.Fatal(err)
		}
		report := result.Reports[0]
		sensor, device := of(report, 8418060)[0].Value.Bits.Value, of(report, 8408608)[0].Value.Bits.Value
		if sensor != c.sensor || device != c.dev {
			t.Errorf("flag %02X: %08X, %08X", c.flags, sensor, device)
		}
	}
}

// Every status bit a device can send is told in exactly one place, and bits that
// mean nothing are told nowhere.
func TestEveryPressureStatusBitIsToldOnce(t *testing.T) {
	for i := range 16 {
		status := uint16(1) << i
		result, err := decode(nil, "2A35", []byte{0x10, 120, 0, 80, 0, 93, 0, byte(status), byte(status >> 8)})
		if err != nil {
			t.Fatal(err)
		}
		bits := of(result.Reports[0], 8410608)[0].Value.Bits
		want := uint32(0)
		if i < 6 {
			want = 0x8000 >> i
		}
		if bits.Value != want || bits.Mask != 0xFC00 {
			t.Errorf("bit %d: %+v", i, bits)
		}
	}
}

func TestFeatureLimitsTheMask(t *testing.T) {
	known := golden.Memory{testDevice + "/feature/2A49": {0x01, 0x00}, testDevice + "/feature/2A60": {0x20, 0, 0},
		testDevice + "/feature/2A51": {0x20, 0}}
	for _, c := range []struct {
		characteristic string
		raw            []byte
		code           acom.Code
		mask           uint32
	}{
		{"2A35", []byte{0x10, 120, 0, 80, 0, 93, 0, 0, 0}, 8410608, 0x8000},
		{"2A35", []byte{0x10, 120, 0, 80, 0, 93, 0, 2, 0}, 8410608, 0xC000}, // a bit sent is a bit supported
		{"2A5E", []byte{0x04, 97, 0, 60, 0, 0, 0, 0}, 150604, 0x0020},
		{"2A18", []byte{0x08, 1, 0, 0xE9, 7, 1, 1, 1, 1, 1, 0, 0}, 8417752, 0x0600},
	} {
		result, err := decode(known, c.characteristic, c.raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := of(result.Reports[0], c.code)[0].Value.Bits.Mask; got != c.mask {
			t.Errorf("%s: mask %04X, want %04X", c.characteristic, got, c.mask)
		}
	}
}

// What is remembered badly is as good as not remembered.
func TestBadMemoryIsNoError(t *testing.T) {
	for _, value := range [][]byte{{}, {0xFF}, []byte("{"), make([]byte, 9), {0xE9, 7, 13, 1, 1, 1, 1, 4, 4}} {
		known := golden.Memory{}
		for _, key := range []string{"feature/2A49", "feature/2A51", "feature/2A60", "cgm/session", "thermometer/type", "bca/part", "glucose/1", "production", "specializations"} {
			known[testDevice+"/"+key] = value
		}
		for characteristic, raw := range map[string][]byte{
			"2A35": {0x10, 120, 0, 80, 0, 93, 0, 0, 0}, "2A5E": {0x04, 97, 0, 60, 0, 0, 0, 0}, "2A34": {2, 1, 0, 1},
			"2A18": {0x08, 1, 0, 0xE9, 7, 1, 1, 1, 1, 1, 0, 0}, "2A1C": {0, 0x6F, 1, 0, 0xFF}, "2AA7": {6, 0, 100, 0, 5, 0}, "2A9C": {0, 0x10, 0, 1},
		} {
			if _, err := decode(known, characteristic, raw); err != nil {
				t.Errorf("%s with memory %X: %v", characteristic, value, err)
			}
		}
	}
}

func TestEnhancedTimes(t *testing.T) {
	offset := func(minutes int) *int { return &minutes }
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		utc, local       uint32
		hasUTC, hasLocal bool
		want             acom.Time
	}{
		{0, 0, false, false, acom.Time{}},
		{60, 0, true, false, acom.Time{Wall: &acom.Wall{Year: 2000, Month: 1, Day: 1, Minute: 1, OffsetMinutes: offset(0)}}},
		{0, 60, false, true, acom.Time{Wall: &acom.Wall{Year: 2000, Month: 1, Day: 1, Minute: 1}}},
		{7200, 60, true, true, acom.Time{Wall: &acom.Wall{Year: 2000, Month: 1, Day: 1, Minute: 1, OffsetMinutes: offset(-119)}}},
		// Half a minute apart, or half a month: no offset from UTC.
		{30, 60, true, true, acom.Time{Wall: &acom.Wall{Year: 2000, Month: 1, Day: 1, Second: 30, OffsetMinutes: offset(0)}}},
		{60, 1296060, true, true, acom.Time{Wall: &acom.Wall{Year: 2000, Month: 1, Day: 1, Minute: 1, OffsetMinutes: offset(0)}}},
		{0, 0, true, false, acom.Time{Wall: &acom.Wall{Year: 2000, Month: 1, Day: 1, OffsetMinutes: offset(0)}, Unreliable: true}},
	} {
		if got := enhancedTime(epoch, c.utc, c.hasUTC, c.local, c.hasLocal); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: got %+v", c, got)
		}
	}
}

// A tick is 1/1024 s; what comes out is that many, to the last digit.
func TestMillisecondsAreExact(t *testing.T) {
	for ticks, want := range map[uint16]string{0: "0", 1: "0.9765625", 512: "500", 1024: "1000", 1025: "1000.9765625", 65535: "63999.0234375"} {
		if got := milliseconds(ticks); got != want {
			t.Errorf("%d: %s, want %s", ticks, got, want)
		}
	}
}

// Every characteristic that is read has a golden case.
func TestEveryLayoutHasAGoldenCase(t *testing.T) {
	covered := map[string]bool{}
	for _, c := range golden.Cases(t, ".") {
		for _, f := range c.Frames {
			covered[shortUUID(f.Characteristic)] = true
		}
	}
	for uuid, l := range layouts {
		if !covered[uuid] {
			t.Errorf("no golden case reads %s %s", uuid, l.name)
		}
	}
}

// sampleValue is a value for the robustness tests.
type sampleValue struct {
	characteristic string
	raw            []byte
}

// samples are all goldens and, where the shared folder is present, all vectors
// under the characteristic of their file.
func samples(t testing.TB) []sampleValue {
	t.Helper()
	var out []sampleValue
	for _, g := range golden.Cases(t, ".") {
		for _, f := range g.Frames {
			out = append(out, sampleValue{shortUUID(f.Characteristic), f.Bytes})
		}
	}
	dir := filepath.Join(filepath.Dir(shared.Root(t)), "shared", "vectors", "ble-gatt")
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file vectorFile
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		for _, c := range file.Cases {
			if raw, err := hex.DecodeString(c.Hex); err == nil {
				out = append(out, sampleValue{strings.SplitN(filepath.Base(path), "_", 2)[0], raw})
			}
		}
	}
	return out
}

// everything is a memory with a value under every key.
func everything() golden.Memory {
	return golden.Memory{
		testDevice + "/feature/2A49": {7, 0}, testDevice + "/feature/2A51": {0xFF, 1}, testDevice + "/feature/2A60": {0x20, 8, 0},
		testDevice + "/feature/2AA8": {0x00, 0x81, 0x01, 0x59}, testDevice + "/cgm/session": {0xE9, 7, 10, 26, 0, 30, 0, 4, 4},
		testDevice + "/thermometer/type": {9}, testDevice + "/bca/part": {0xE0, 0, 1, 0xE9, 7, 1, 1, 1, 1, 1},
		testDevice + "/production": []byte(`[{"type":531976,"text":"1"}]`), testDevice + "/specializations": []byte(`[{"type":528391,"version":0}]`),
		testDevice + "/glucose/42": []byte(`{"time":{"wall":{"year":2025}}}`),
		testDevice + "/ghs/live":   {0, 0, 1, 0, 0, 0, 3}, testDevice + "/ghs/live/0": {1, 14, 0},
		testDevice + "/ghs/stored": {7, 0, 2, 0, 0, 0, 9}, testDevice + "/bp/record": {0, 0, 1, 0, 0, 0, 5}, testDevice + "/bp/record/0": {7, 0, 0x34, 0x2B, 0},
	}
}

// mustHold decodes and checks what holds for any bytes whatever: no panic, a
// refusal is an *Error inside the value with nothing else, the same answer twice.
func mustHold(t *testing.T, m golden.Memory, characteristic string, raw []byte) {
	t.Helper()
	result, err := decode(m, characteristic, raw)
	if err != nil {
		var refused *adapters.Error
		if !errors.As(err, &refused) || refused.Reason == "" || refused.Offset < 0 || refused.Offset > len(raw) {
			t.Errorf("%s %X: odd refusal %v", characteristic, raw, err)
		}
		if !reflect.DeepEqual(result, adapters.Result{}) {
			t.Errorf("%s %X: a refusal with a result", characteristic, raw)
		}
		return
	}
	if again, err := decode(m, characteristic, raw); err != nil || !reflect.DeepEqual(result, again) {
		t.Errorf("%s %X: two answers", characteristic, raw)
	}
	out, err := json.Marshal(result)
	if err != nil {
		t.Errorf("%s %X: %v", characteristic, raw, err)
	}
	var back adapters.Result
	if err := json.Unmarshal(out, &back); err != nil || !reflect.DeepEqual(result.Reports, back.Reports) {
		t.Errorf("%s %X: does not survive JSON", characteristic, raw)
	}
}

func TestRobust(t *testing.T) {
	values := samples(t)
	memories := []golden.Memory{nil, everything()}
	for _, s := range values {
		for _, m := range memories {
			for n := range len(s.raw) + 1 {
				mustHold(t, m, s.characteristic, s.raw[:n])
			}
			for i := range len(s.raw) * 8 {
				flipped := slices.Clone(s.raw)
				flipped[i/8] ^= 1 << (i % 8)
				mustHold(t, m, s.characteristic, flipped)
			}
			// Any value may arrive under any characteristic.
			for uuid := range layouts {
				mustHold(t, m, uuid, s.raw)
			}
		}
	}
	if _, err := decode(nil, "2A29", make([]byte, maxValue+1)); err == nil {
		t.Error("a value longer than GATT allows")
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.characteristic, s.raw, []byte{})
	}
	f.Add("2AA7", []byte{6, 0, 100, 0, 5, 0}, []byte{0xE9, 7, 10, 26, 0, 30, 0, 4, 4})
	f.Fuzz(func(t *testing.T, characteristic string, raw, remembered []byte) {
		mustHold(t, nil, characteristic, raw)
		// The same bytes under every key: memory may hold anything.
		known := everything()
		for key := range known {
			known[key] = remembered
		}
		mustHold(t, known, characteristic, raw)
	})
}

// A device with two services keeps both specializations, and a new firmware
// replaces the old.
func TestDeviceFactsAccumulate(t *testing.T) {
	known := golden.Memory{}
	var device acom.Device
	for _, s := range []sampleValue{{"2A9D", []byte{0, 1, 2}}, {"2A26", []byte("1.0")}, {"2A27", []byte("B")}, {"2A26", []byte("1.1")},
		{"2A9C", []byte{0, 0, 1, 0}}, {"2A9D", []byte{0, 1, 2}}} {
		result, err := decode(known, s.characteristic, s.raw)
		if err != nil {
			t.Fatal(err)
		}
		known.Commit(result.Remember)
		told := result.Reports[0].Device
		if told.Production != nil {
			device.Production = told.Production
		}
		if told.Specializations != nil {
			device.Specializations = told.Specializations
		}
	}
	want := acom.Device{
		Specializations: []acom.Specialization{{Type: 528399}, {Type: 528404}},
		Production:      []acom.Production{{Type: 531974, Text: "B"}, {Type: 531976, Text: "1.1"}}}
	if !reflect.DeepEqual(device, want) {
		t.Errorf("%+v", device)
	}
	if result, _ := decode(known, "2A9D", []byte{0, 1, 2}); result.Remember != nil {
		t.Errorf("remembers what it knows: %v", result.Remember)
	}
}
