package phd20601

import (
	"testing"

	"vitalwire/adapters"
	"vitalwire/internal/golden"
)

// BenchmarkDecode reads a scan report with two blood pressures of a device that is
// associated, and whose configuration is known.
func BenchmarkDecode(b *testing.B) {
	decoder := configured(b, "bp_roiv_mdc_noti_config.json", ownDevice)
	frame := adapters.Frame{Bytes: golden.Hex(b, readVector(b, "bp_roiv_mds_note_scan_report_mp_fixed.json").Hex), Device: ownDevice}
	b.SetBytes(int64(len(frame.Bytes)))
	b.ReportAllocs()
	for b.Loop() {
		result, err := decoder.Decode(frame)
		if err != nil || len(result.Reports) == 0 {
			b.Fatal(result, err)
		}
	}
}
