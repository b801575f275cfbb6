package ivy450c_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/ivy450c"
	"vitalwire/internal/conformance"
	"vitalwire/internal/golden"
	"vitalwire/internal/shared"
)

// The capture of a real monitor: 27 messages, of which the index states the first.
func TestVectors_Capture(t *testing.T) {
	const name = "ivy450c_capture.data"
	frame := adapters.Frame{Bytes: shared.Read(t, "vectors", "serial", name), Device: "00A1C90000000450",
		Received: time.Date(2014, 10, 7, 9, 33, 0, 0, time.UTC)}
	result, err := ivy450c.Adapter.New(golden.Memory{}).Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(result.Reports); n != 27 {
		t.Fatalf("%d messages, not 27", n)
	}
	if len(result.Skipped) != 1 || result.Skipped[0].Offset != 0 {
		t.Errorf("skipped %v; the capture begins in the middle of a message and ends with one", result.Skipped)
	}
	var found []string
	for _, m := range result.Reports[0].Measurements {
		what := fmt.Sprint(m.Type)
		if m.Type == 0 {
			what = m.Metric.Codings[0].Code
		}
		switch v := m.Value; {
		case v.Number != nil:
			what += " " + v.Number.Text
		case v.Samples != nil:
			what += fmt.Sprintf(" %d samples every %s s", len(v.Samples.Raw), v.Samples.Period)
		default:
			what += " " + v.Absent.String()
		}
		for _, note := range m.Metric.Notes {
			if v := m.Value; v.Samples == nil {
				what += " " + note
			}
		}
		found = append(found, what)
	}
	const shown = " The monitor shows: "
	want := []string{"147842 80" + shown + "ECG-II-DIAG.", "151562 35" + shown + "APNEA: 20 SEC.", "ETCO2 temp-unknown", "150456 100", "149530 80",
		"150021 121", "150022 75", "150023 92", "149546 80", "150017 111", "150018 73", "150019 88",
		"150017 temp-unknown" + shown + "NO TRANSDUCER.", "150018 temp-unknown" + shown + "NO TRANSDUCER.", "150019 temp-unknown" + shown + "NO TRANSDUCER.",
		"T1 temp-unknown", "T2 temp-unknown",
		"131330 200 samples every 0.005 s", "RESP 50 samples every 0.02 s", "150452 50 samples every 0.02 s", "150016 50 samples every 0.02 s"}
	if !slices.Equal(found, want) {
		t.Errorf("%q, want %q", found, want)
	}
	conformance.Table(t, "serial-ivy450c", "Ivy 450C serial capture", "`../shared/vectors/serial/"+name+"`, decoded by `adapters/ivy450c`.",
		[]string{"file", "expected", "result"}, [][]string{{name, "27 messages; HR 80, RR 35, SpO2 100, PR 80, NIBP 121/75 (92), P1 111/73 (88), P2 without transducer; it begins in a message", "as expected, with 4 waves a message"}})
}
