package hl7pcd01

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
	"vitalwire/internal/conformance"
	"vitalwire/internal/golden"
	"vitalwire/internal/shared"
)

const vectorFolder = "hl7v2-pcd"

// decode reads one message as the adapter does.
func decode(data []byte) (adapters.Result, error) {
	return Adapter.New(golden.Memory{}).Decode(adapters.Frame{Bytes: data})
}

// vectorMessages are the messages of a file: one, or those between MLLP's bytes.
func vectorMessages(t testing.TB, path string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(path) != ".mllp" {
		return [][]byte{data}
	}
	var list [][]byte
	for _, part := range bytes.Split(data, []byte{0x1C}) {
		if _, message, found := bytes.Cut(part, []byte{0x0B}); found {
			list = append(list, message)
		}
	}
	return list
}

// facts writes what reports say, in one line for each fact.
func facts(reports []acom.Report) (lines []string) {
	for _, r := range reports {
		lines = append(lines, "device "+r.Device.SystemID+r.Device.Local)
		if s := r.Bedside.Subject; s != nil {
			for _, id := range s.Identifiers {
				lines = append(lines, "patient "+id.Value+" "+id.Type)
			}
			lines = append(lines, "born "+s.BirthDate)
		}
		lines = append(lines, "place "+r.Bedside.Place)
		for _, o := range r.Bedside.Objects {
			if o.Limits != nil {
				lines = append(lines, fmt.Sprintf("limits %d %s-%s", o.Type, o.Limits.Low, o.Limits.High))
			}
		}
		for _, m := range r.Measurements {
			name := fmt.Sprint(m.Type)
			if m.Type == 0 {
				name = m.Metric.Codings[0].Code
			}
			lines = append(lines, name+" "+shown(m.Value)+" "+at(m.Time))
			for _, c := range m.Components {
				lines = append(lines, fmt.Sprintf("part %d %s", c.Type, shown(c.Value)))
			}
			if m.Metric.Event != "" {
				lines = append(lines, "event "+m.Metric.Event, "stage "+m.Metric.Stage.String())
			}
			if ref := m.Metric.Reference; ref != nil {
				lines = append(lines, fmt.Sprintf("%s reference %s-%s", name, ref.Low, ref.High))
			}
			if m.Status&acom.DemoData != 0 {
				lines = append(lines, name+" demo")
			}
			for _, n := range m.Metric.Notes {
				lines = append(lines, name+" note "+n)
			}
			if m.Metric.Therapy {
				lines = append(lines, name+" therapy")
			}
		}
	}
	return lines
}

func shown(v acom.Value) string {
	switch {
	case v.Number != nil:
		unit := fmt.Sprint(v.Unit)
		if v.Foreign != nil {
			unit = v.Foreign.Code + v.Foreign.Display
		}
		return v.Comparator.String() + v.Number.Text + v.Number.Special.String() + " " + unit
	case v.Samples != nil:
		return strings.Join(v.Samples.Decimals, " ") + " every " + v.Samples.Period + " s"
	case v.Wall != nil:
		return at(acom.Time{Wall: v.Wall})
	case len(v.Coded) > 0:
		return fmt.Sprintf("code %d", v.Coded[0])
	case len(v.Concept) > 0:
		return "concept " + v.Concept[0].Code + v.Concept[0].Display
	case v.Absent != 0:
		return "absent " + v.Absent.String()
	}
	return v.Text
}

func at(t acom.Time) string {
	w := t.Wall
	if w == nil {
		return "never"
	}
	text := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d", w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second)
	if w.OffsetMinutes != nil {
		text += fmt.Sprintf("%+03d:%02d", *w.OffsetMinutes/60, max(*w.OffsetMinutes, -*w.OffsetMinutes)%60)
	}
	return text
}

// expected is what the index of the vectors says of each: facts that must be there,
// as beginnings of lines, and what must be nowhere. A file that is refused says why.
var expected = map[string]struct {
	has, not []string
	refused  string
}{
	"philips_mx500_pic_ix.hl7": {has: []string{"device 0009FBFFFF9B42B3", "patient 12345 MR", "patient 6789 VN", "place My Unit^^Bed1^Institution", "147842 60 264864 2021-04-25T23:03:31-04:00",
		"limits 147842 50-120", "184327 concept MDC_ECG_PACED_RHY", "131329 absent error 2021-04-26T13:20:52-04:00", "131329 note A waveform without a sample rate"}},
	"medtronic_paceart_idco.hl7": {has: []string{"device MDT:PZK000000S", "born 1910", "721025 2016-06-27T04:18:09+00:00", "patient A10000641 Paceart"}, not: []string{"patient MODEL"}},
	"waveform_template_t5.hl7":   {has: []string{"131329 absent error", "150032 absent error", "150456 note The sender calls"}},
	"acm_ack_watchdog.hl7":       {refused: "field MSH-9"},
	"acm_pcd04_alarm.hl7": {has: []string{"device 0000000000000001|IHE_AR:urn:uuid:f9bd67ba-10f9-11ea-bab1-0050b612afeb", "patient 8888 AN", "place CU1^^Bed001^TAM", "196916 ", "196916 note CO2 Sensor unplugged",
		"part 68480 42", "part 68481 concept start", "part 68482 concept active", "part 68483 concept enabled", "part 68484 concept PL", "part 68485 concept SP",
		"event 0^3d313edb-6fab-4718-9d38-82262c83aea5^0000000000000001", "stage preliminary"}},
	"acm_pcd04_watchdog.hl7":                        {has: []string{"alive 0000000000000001|IHE_AR:urn:uuid:f9bd67ba-10f9-11ea-bab1-0050b612afeb within 5"}, not: []string{"device", "196614", "event"}},
	"study-only/draeger_acm_watchdog_old_codes.hl7": {has: []string{"alive "}, not: []string{"device", "258047", "196614", "event"}},
	"study-only/ge_acm_mural_orur40.hl7": {has: []string{"MDCX_EVT_ALERT_ADVISORY ", "part 68481 concept update", "part 68482 concept active", "part 68483 concept enabled", "part 68484 concept PM", "part 68485 concept SA", "patient PID-12345",
		"event 56eb716f-ce7a-3b85-909c-a09d31fe324f", "stage preliminary"}, not: []string{"part 68164", "part 68165", "part 68166", "part 68167"}},
	"study-only/comen_nc5_qry_r02.hl7": {refused: "field MSH-9"}, "study-only/mindray_qry_a19.hl7": {refused: "field MSH-9"},
	"study-only/mindray_egateway_oru.hl7": {has: []string{"device 000F14049B507238", "place ICU^^5^XYZ HOSPITAL", "150456 98 262688 2026-09-12T12:00:00+05:30", "149530 65 ", "150488 1.76 262688", "151658 19 ", "151578 17 ", "148066 1 ", "147842 66 ", "108 0 264864"},
		not: []string{"patient "}},
	"study-only/mindray_vs8_demo.hl7": {has: []string{"150456 demo", "149530 demo", "150488 demo", "151658 demo", "150456 77 262688 2026-07-27T12:44:24+00:00"}},
	"study-only/comen_nc5_oru_sentinel.hl7": {has: []string{"150020  2026-01-01T12:00:00+08:00", "part 150021 128 266016", "part 150022 76 ", "part 150023 93 ", "147842 89 ", "149530 88 ", "150456 97 262688", "150344 36.8 268192", "150456 absent error", "150020 note The sender's number 150017"},
		not: []string{"150017 ", "150021 ", "150022 ", "150023 ", "150456 8388607"}},
	"study-only/xh80x_sentinels_v24.hl7": {has: []string{"150301 absent error 2021-06-11T10:20:47", "150456 absent", "147842 absent", "150344 absent"}, not: []string{"150301 -", "150344 -", "patient "}},
	"study-only/ge_vsp_b1x5_shifted_obx18.hl7": {has: []string{"device 080019FFFE0B4020", "150033 120 266016 2012-11-09T16:09:00+01:00", "150344 36.8", "151594 16", "150033 note The clock of the device and that of the message",
		"patient HED12 MR"}},
	"study-only/bbraun_spaceplus_lvp.hl7": {has: []string{"device 0012210000000000:P52814", "patient TEST0001 PI", "158014 12.5 265266", "157884 50 263762", "157993 7.25 ", "157872 42.75 ", "157916 12312 264320", "184514 Norepinephrine",
		"184519 concept pump-status-infusing", "158014 therapy", "184514 therapy"}},
	"study-only/bbraun_spaceplus_syringe.hl7":       {has: []string{"device 0012210000000000:P52814", "158014 0 265266", "158006 concept pump-stopped-powered-off", "158005 concept pump-delivery-status-not-delivering"}, not: []string{"patient "}},
	"study-only/nist_waveforms.hl7":                 {has: []string{"131329 -0.53714565 -0.54203324 -0.53128055 every 1/150 s 2015-06-17T12:00:00", "131330 1.04980469 1.0546875 1.04003906 every 1/150 s", "150456 1.18 1.17595308 1.17008798 every 1/125 s", "150456 note The sender calls"}},
	"study-only/sdbiosensor_f2400_hba1c.mllp":       {has: []string{"device 70B3D57372500457", "4548-4 6.3 %% (NGSP) 2026-07-13T11:41:38-05:00", "4548-4 note eAG = 134.11 mg/dL, IFCC = 45.36 %", "4548-4 note The sender calls the value by IFCC a percentage", "4548-4 reference 4.00-15.00"}},
	"study-only/mllp_two_messages_one_segment.mllp": {has: []string{"4548-4 6.3 %% (NGSP) 2026-07-13T11:41:38-05:00"}},
}

// TestVectors holds every message of the shared folder to what its index says.
func TestVectors(t *testing.T) {
	root := shared.Path(t, "vectors", vectorFolder)
	var rows [][]string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".json" {
			return err
		}
		name, _ := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		want, known := expected[name]
		if !known {
			t.Errorf("%s is not judged", name)
			return nil
		}
		for i, message := range vectorMessages(t, path) {
			result, err := decode(message)
			if want.refused != "" {
				var refused *adapters.Error
				if !errors.As(err, &refused) || !strings.Contains(refused.Reason, want.refused) {
					t.Errorf("%s: %v", name, err)
					continue
				}
				rows = append(rows, []string{name, fmt.Sprint(i + 1), "refused: " + refused.Reason, kind(refused.Reply)})
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			lines := facts(result.Reports)
			for _, sign := range result.Alive {
				lines = append(lines, "alive "+sign.Device.SystemID+sign.Device.Local+" within "+sign.Within)
			}
			for _, fact := range want.has {
				if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, fact) }) {
					t.Errorf("%s: no %q in\n%s", name, fact, strings.Join(lines, "\n"))
				}
			}
			for _, fact := range want.not {
				if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, fact) }) {
					t.Errorf("%s: %q is there", name, fact)
				}
			}
			sent, err := hl7v2.Parse(message)
			if err != nil {
				t.Fatal(err)
			}
			if id := sent.Segments[0].Field(10).Raw(); !strings.Contains(string(result.Reply), "|"+id+"\r") {
				t.Errorf("%s: MSH-10 %q is not echoed in %q", name, id, result.Reply)
			}
			rows = append(rows, []string{name, fmt.Sprint(i + 1), fmt.Sprintf("as the index says: %d facts compared", len(want.has)+len(want.not)), kind(result.Reply)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	conformance.Table(t, "hl7v2-pcd", "HL7 v2 vectors", "Every message of `../shared/vectors/hl7v2-pcd`, decoded by `adapters/hl7pcd01`. Alarms (ORU^R40) are read as `adapters/hl7pcd04` does; queries and answers are refused by it and kept; `server/hl7query` answers the queries of senders that are listed.",
		[]string{"file", "message", "result", "answer"}, rows)
}

// kind is MSA-1 of an answer.
func kind(reply []byte) string {
	if reply == nil {
		return "none wanted"
	}
	m, err := hl7v2.Parse(reply)
	if err != nil {
		return err.Error()
	}
	msa, _ := m.First("MSA")
	return msa.Field(1).Text()
}

func FuzzDecode(f *testing.F) {
	for _, c := range golden.Cases(f, ".") {
		for _, frame := range c.Frames {
			f.Add(frame.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		result, err := decode(data)
		var refused *adapters.Error
		if err != nil && (!errors.As(err, &refused) || refused.Reason == "" || refused.Offset < 0 || refused.Offset > len(data)) {
			t.Fatalf("%#v", err)
		}
		if err == nil && facts(result.Reports) == nil && len(result.Reports) > 0 {
			t.Fatal("a report without a device")
		}
	})
}

// BenchmarkDecode reads a message with 20 results.
func BenchmarkDecode(b *testing.B) {
	var message strings.Builder
	message.WriteString("MSH|^~\\&|MON^00A1C90000000701^EUI-64|W|||20261120100000+0100||ORU^R01^ORU_R01|1|P|2.6|||AL|NE||UNICODE UTF-8\rPID|||1^^^HOSP^MR||Roe^Rita\rPV1||I|ICU^^7\r" +
		"OBR|1|x|x|182777000^monitoring of patient^SCT|||20261120100000+0100\rOBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X\r")
	for n := range 20 {
		fmt.Fprintf(&message, "OBX|%d|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.1.1.%d|%d|264864^MDC_DIM_BEAT_PER_MIN^MDC|50-120||||R|||20261120100000+0100\r", n+2, n+1, 60+n)
	}
	data := []byte(message.String())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
