package blegatt

import (
	"testing"

	"vitalwire/adapters"
	"vitalwire/internal/golden"
)

// BenchmarkDecode reads a blood pressure with its time, pulse, user and status: each in
// a decoder of its own, as frames of many gateways come, with a memory of what was
// committed of the device.
func BenchmarkDecode(b *testing.B) {
	frame := adapters.Frame{Bytes: golden.Hex(b, "1E 7800 5000 5D00 EA070B16 0A1E00 4800 01 0000"), Device: testDevice, Characteristic: "2A35"}
	memory := golden.Memory{}
	first, err := Adapter.New(memory).Decode(frame)
	if err != nil {
		b.Fatal(err)
	}
	memory.Commit(first.Remember)
	b.SetBytes(int64(len(frame.Bytes)))
	b.ReportAllocs()
	for b.Loop() {
		result, err := Adapter.New(memory).Decode(frame)
		if err != nil || len(result.Reports) != 1 {
			b.Fatal(result, err)
		}
	}
}
