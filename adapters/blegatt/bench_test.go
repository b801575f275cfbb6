package blegatt

import (
	"testing"

	"vitalwire/adapters"
	"vitalwire/internal/golden"
)

// BenchmarkDecode reads a blood pressure with its time, pulse, user and status: each in
// a decoder of its own, as frames of many gateways come.
func BenchmarkDecode(b *testing.B) {
	frame := adapters.Frame{Bytes: golden.Hex(b, "1E 7800 5000 5D00 EA070B16 0A1E00 4800 01 0000"), Device: testDevice, Characteristic: "2A35"}
	b.SetBytes(int64(len(frame.Bytes)))
	b.ReportAllocs()
	for b.Loop() {
		result, err := Adapter.New(nil).Decode(frame)
		if err != nil || len(result.Reports) != 1 {
			b.Fatal(result, err)
		}
	}
}
