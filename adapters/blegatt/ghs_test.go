package blegatt

import (
	"encoding/binary"
	"reflect"
	"runtime"
	"testing"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/internal/golden"
)

// observationOf lays out a health observation of a class (GHSS 3.1.2).
func observationOf(class uint8, flags uint16, rest ...byte) []byte {
	body := append(binary.LittleEndian.AppendUint16(nil, flags), rest...)
	return append(binary.LittleEndian.AppendUint16([]byte{class}, uint16(len(body))), body...)
}

var spO2 = []byte{0xB8, 0x4B, 2, 0} // MDC 150456

// GHSS 3.1.2.11: no FLOAT that stands for none becomes a number, alone or in a compound.
func TestHealthObservationsAreNeverNumbers_GHSS3_1_2(t *testing.T) {
	for raw, want := range map[uint32]acom.Special{0x7FFFFF: acom.NaN, 0x800000: acom.NRes, 0x7FFFFE: acom.PosInfinity, 0x800002: acom.NegInfinity, 0x800001: acom.Reserved} {
		value := binary.LittleEndian.AppendUint32([]byte{0x20, 2}, raw)
		alone := append([]byte{3}, observationOf(classNumeric, 1, append(spO2[:4:4], value...)...)...)
		part := append(append(append(spO2[:4:4], 1), spO2...), append([]byte{classNumeric}, value...)...)
		compound := append([]byte{3}, observationOf(classCompound, 1, part...)...)
		for _, frame := range [][]byte{alone, compound} {
			result, err := decode(nil, "2B8B", frame)
			if err != nil {
				t.Fatal(err)
			}
			m := result.Reports[0].Measurements[0]
			v := m.Value
			if len(m.Components) == 1 {
				v = m.Components[0].Value
			}
			if v.Number == nil || v.Number.Special != want || v.Number.Text != "" {
				t.Errorf("%06X: %+v, want %s", raw, v.Number, want)
			}
		}
	}
}

// GHSS 3.1.2.4: what a sensor says of a value's worth reaches the measurement, and a
// test or a setting is never a patient's.
func TestMeasurementStatus_GHSS3_1_2(t *testing.T) {
	for bit, want := range map[int]acom.Status{0: acom.Invalid, 1: acom.Questionable, 2: acom.NotAvailable, 3: acom.CalibrationOngoing,
		4: acom.TestData, 5: acom.EarlyIndication, 6: 0, 7: 0, 14: acom.InAlarm, 15: acom.AlarmInhibited} {
		status := binary.LittleEndian.AppendUint16(spO2[:4:4], 1<<bit)
		result, err := decode(nil, "2B8B", append([]byte{3}, observationOf(classNumeric, 1|8, append(status, 0x20, 2, 97, 0, 0, 0)...)...))
		if err != nil {
			t.Fatal(err)
		}
		if m := result.Reports[0].Measurements[0]; m.Status != want || m.Setting != (bit == 7) {
			t.Errorf("bit %d: status %04X, setting %v", bit, m.Status, m.Setting)
		}
	}
}

// GHSS 3.1.1: cut into parts of any size, an observation is what it is in one, and
// nothing is left remembered.
func TestSegmentsOfEverySize_GHSS3_1_1(t *testing.T) {
	whole := observationOf(classSampleArray, 1, append(append(spO2[:4:4],
		0xB2, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 1, 0, 0, 0, 1, 1, 200, 0, 0, 0), make([]byte, 200)...)...)
	want, err := decode(nil, "2B8B", append([]byte{3}, whole...))
	if err != nil {
		t.Fatal(err)
	}
	for size := 1; size <= len(whole); size++ {
		memory, counter := golden.Memory{}, byte(60)
		var last adapters.Result
		for at := 0; at < len(whole); at += size {
			header := counter << 2
			if at == 0 {
				header |= segmentFirst
			}
			if at+size >= len(whole) {
				header |= segmentLast
			}
			if last, err = decode(memory, "2B8B", append([]byte{header}, whole[at:min(at+size, len(whole))]...)); err != nil {
				t.Fatalf("size %d, at %d: %v", size, at, err)
			}
			memory.Commit(last.Remember)
			counter = (counter + 1) % segmentCount
		}
		if !reflect.DeepEqual(last.Reports, want.Reports) || len(memory) != 0 {
			t.Fatalf("size %d: %+v, %d keys left", size, last.Reports, len(memory))
		}
	}
}

// No value makes the decoder take more than 64 times its size in memory.
func TestMemoryIsBounded(t *testing.T) {
	many := observationOf(classNumeric, 0, 0x20, 2, 97, 0, 0, 0)
	bundle := append(spO2[:4:4], maxCodes)
	for range maxCodes {
		bundle = append(bundle, spO2...)
	}
	bundle = append(bundle, 28)
	for range 28 {
		bundle = append(bundle, many...)
	}
	frames := map[string][]byte{
		"bundle of many": append([]byte{3}, observationOf(classBundle, 1|64, bundle...)...),
		"samples": append([]byte{3}, observationOf(classSampleArray, 1, append(append(spO2[:4:4],
			0xB2, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0xB0, 1, 0, 0), make([]byte, 0x1B0)...)...)...),
	}
	for name, frame := range frames {
		if _, err := decode(nil, "2B8B", frame); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const times = 100
		for range times {
			_, _ = decode(nil, "2B8B", frame)
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 64*uint64(len(frame)) {
			t.Errorf("%s: %d bytes for a value of %d", name, each, len(frame))
		}
	}
}
