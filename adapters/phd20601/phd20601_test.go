package phd20601

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
	"vitalwire/internal/golden"
	"vitalwire/internal/shared"
)

const (
	ownDevice = "4C4F57FFFE080011"
	ownAARQ   = "E2000032 80000000 0001002A 50790026 80000000 8000 80000000 00000000 00800000 0008 4C4F57FFFE080011 0320 00010100 00000000"
)

func decode(t testing.TB, d adapters.Decoder, f adapters.Frame, hexText string) adapters.Result {
	t.Helper()
	f.Bytes = golden.Hex(t, hexText)
	result, err := d.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func refusal(t testing.TB, d adapters.Decoder, f adapters.Frame, hexText, word string, unprocessable bool) {
	t.Helper()
	f.Bytes = golden.Hex(t, hexText)
	_, err := d.Decode(f)
	var refused *adapters.Error
	if !errors.As(err, &refused) || !strings.Contains(refused.Reason, word) || refused.Unprocessable != unprocessable {
		t.Fatalf("got %v, want a refusal with %q, unprocessable %v", err, word, unprocessable)
	}
}

// prst builds a PRST for tests that vary one thing.
func prst(invoke, choice uint16, body message) []byte {
	var t turn
	t.sendData(invoke, choice, body)
	return t.result.Reply
}

func fixedReport(handle uint16, values ...[]byte) []byte {
	var records message
	for _, v := range values {
		records = append(records.u16(handle, uint16(len(v))), v...)
	}
	scan := append(message(nil).u16(0xF000, 0, uint16(len(values)), uint16(len(records))), records...)
	body := message(nil).u16(0).u32(relativeTimeNone).u16(3357, uint16(len(scan)))
	return prst(1, roivConfirmedEvent, append(body, scan...))
}

func TestAdapterIsNamedAfterItsFolder(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil || Adapter.Name != filepath.Base(dir) {
		t.Errorf("%q in %s", Adapter.Name, dir)
	}
}

// Nothing but the vectors' facts may come into the project.
func TestGoldensAreNoCopiesOfVectors(t *testing.T) {
	copied := map[string]string{}
	for _, name := range vectorNames(t) {
		if name != "scalars.json" {
			copied[string(golden.Hex(t, readVector(t, name).Hex))] = name
		}
	}
	for _, g := range golden.Cases(t, ".") {
		for _, f := range g.Frames {
			if name := copied[string(f.Bytes)]; name != "" && len(f.Bytes) > 8 {
				t.Errorf("%s copies %s", g.Dir, name)
			}
		}
	}
}

func TestBluetoothAddressFindsTheAssociation(t *testing.T) {
	known := golden.Memory{}
	frame := adapters.Frame{Device: "AABBCCDDEEFF"}
	known.Commit(decode(t, Adapter.New(known), frame, ownAARQ).Remember)
	result, err := Adapter.New(known).Decode(adapters.Frame{Device: "AABBCCDDEEFF",
		Bytes: fixedReport(1, golden.Hex(t, "FF000173 2026033122150000"))})
	if err != nil {
		t.Fatal(err)
	}
	want := acom.Device{SystemID: ownDevice, Address: "AABBCCDDEEFF"}
	if got := result.Reports[0].Device; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestAnotherDeviceInsideAnAssociationIsRefused(t *testing.T) {
	d := Adapter.New(nil)
	decode(t, d, adapters.Frame{}, ownAARQ)
	_, err := d.Decode(adapters.Frame{Device: "4C4F57FFFE080099", Bytes: fixedReport(1, golden.Hex(t, "FF000173 2026033122150000"))})
	var refused *adapters.Error
	if !errors.As(err, &refused) || !refused.Unprocessable {
		t.Fatalf("got %v", err)
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	associated := func() adapters.Decoder {
		d := Adapter.New(nil)
		decode(t, d, adapters.Frame{}, ownAARQ)
		return d
	}
	named := adapters.Frame{Device: ownDevice}
	for _, c := range []struct {
		name, frame, word string
		decoder           adapters.Decoder
		device            adapters.Frame
		unprocessable     bool
	}{
		{"empty frame", "", "APDU choice", Adapter.New(nil), named, false},
		{"unknown APDU", "E800 0000", "E800", Adapter.New(nil), named, false},
		{"unknown message", "E700 0008 0006 0001 0208 0000", "0208", Adapter.New(nil), named, false},
		{"system-id of four bytes", "E200002E 80000000 00010026 50790022 80000000 8000 80000000 00000000 00800000 0004 4C4F57FF 0320 00010100 00000000",
			"system-id has 4 bytes", Adapter.New(nil), adapters.Frame{}, false},
		{"unknown event", "E700 0012 0010 0001 0101 000A 0000 FFFFFFFF 0D40 0000", "event type 3392", associated(), adapters.Frame{}, true},
		{"report, device unknown", "E700 001A 0018 0001 0101 0012 0000 FFFFFFFF 0D1D 0008 F0000000 00000000", "which device", Adapter.New(nil), adapters.Frame{}, true},
		{"configuration, device unknown", "E700 0018 0016 0001 0101 0010 0000 FFFFFFFF 0D1C 0006 4000 0000 0000", "whose configuration", Adapter.New(nil), adapters.Frame{}, true},
		{"MDS, device unknown", "E700 000E 000C 0001 0203 0006 0000 0000 0000", "which device", Adapter.New(nil), adapters.Frame{}, true},
		{"unconfirmed configuration of no use", "E700 0020 001E 0001 0100 0018 0000 FFFFFFFF 0D1C 000E 4000 0001 0008 0025 0001 0000 0000",
			"no numeric", associated(), adapters.Frame{}, true},
		{"value longer than its type", "E700 002A 0028 0001 0101 0022 0000 FFFFFFFF 0D1E 0018 F0000000 0001 0010 0001 0001 000A 0A56 0006 FF0001740000",
			"", associated(), adapters.Frame{}, false},
	} {
		t.Run(c.name, func(t *testing.T) { refusal(t, c.decoder, c.device, c.frame, c.word, c.unprocessable) })
	}
}

func TestAPDUOfMoreThan63KBIsRefused(t *testing.T) {
	frame := append(golden.Hex(t, "E700FBFD FBFB"), make([]byte, 0xFBFB)...)
	_, err := Adapter.New(nil).Decode(adapters.Frame{Bytes: frame})
	if err == nil || !strings.Contains(err.Error(), "64513 bytes") {
		t.Fatalf("got %v", err)
	}
}

func TestFactsAreBounded(t *testing.T) {
	d := Adapter.New(nil)
	decode(t, d, adapters.Frame{}, ownAARQ)
	values := make([][]byte, 4000)
	for i := range values {
		values[i] = golden.Hex(t, "FF000173 2026033122150000")
	}
	one := fixedReport(1, values...)
	var frame []byte
	for range maxFacts/4000 + 1 {
		frame = append(frame, one...)
	}
	if _, err := d.Decode(adapters.Frame{Bytes: frame}); err == nil || !strings.Contains(err.Error(), "facts") {
		t.Fatalf("got %v", err)
	}
	if result, err := d.Decode(adapters.Frame{Bytes: one}); err != nil || len(result.Reports[0].Measurements) != 4000 {
		t.Fatalf("one APDU: %v", err)
	}
}

// Records that cost more than their bytes: zero-size slots, sources of many.
func TestWorkIsBounded(t *testing.T) {
	var body message
	for range 8000 {
		body = body.u16(attrBasicNu, 0)
	}
	slots := append(message(nil).u16(8000, uint16(len(body))), body...)
	attrs := append(message(nil).u16(attrType, 4, 2, 19384, attrValueMap, uint16(len(slots))), slots...)
	object := append(message(nil).u16(classNumeric, 1, 2, uint16(len(attrs))), attrs...)
	config := append(message(nil).u16(0x4000, 1, uint16(len(object))), object...)
	event := append(message(nil).u16(0).u32(relativeTimeNone).u16(notiConfig, uint16(len(config))), config...)
	_, err := Adapter.New(nil).Decode(adapters.Frame{Device: ownDevice, Bytes: prst(1, roivConfirmedEvent, event)})
	if err == nil || !strings.Contains(err.Error(), "no bytes") {
		t.Fatalf("got %v", err)
	}

	// 4000 values, each derived from the first: linear work.
	d := Adapter.New(nil)
	decode(t, d, adapters.Frame{}, ownAARQ)
	m := d.(*manager)
	o := *m.session.config.objects[1]
	o.properties.sources = []uint16{1, 1, 1, 1}
	m.session.config = build(&o)
	values := make([][]byte, 4000)
	for i := range values {
		values[i] = golden.Hex(t, "FF000173 2026033122150000")
	}
	start := time.Now()
	if _, err := d.Decode(adapters.Frame{Bytes: fixedReport(1, values...)}); err != nil {
		t.Fatal(err)
	}
	if spent := time.Since(start); spent > time.Second {
		t.Errorf("%v", spent)
	}
}

// A configuration without objects stands for the standard one (8.8.5).
func TestEmptyConfigReport(t *testing.T) {
	for id, want := range map[uint16]uint16{0x02BC: acceptedConfig, 0x0FFF: standardConfigUnknown, 0x4000: unsupportedConfig} {
		body := message(nil).u16(0).u32(0).u16(notiConfig, 6, id, 0, 0)
		result, err := Adapter.New(nil).Decode(adapters.Frame{Device: ownDevice, Bytes: prst(7, roivConfirmedEvent, body)})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := parse(result.Reply)
		if err != nil || answer[0].data.invokeID != 7 || answer[0].data.response.config.result != want {
			t.Errorf("%04X: answered %X, %v", id, result.Reply, err)
		}
	}
}

func TestEveryStandardConfiguration(t *testing.T) {
	for _, id := range []uint16{0x0190, 0x0191, 0x02BC, 0x0320, 0x05DC, 0x06A4} {
		cfg, ok := standardConfiguration(id)
		if !ok {
			t.Fatalf("%04X is missing", id)
		}
		for _, o := range cfg.objects {
			if o.properties.typ == 0 || o.properties.unit == 0 || len(o.layouts) == 0 {
				t.Errorf("%04X object %d: %+v", id, o.handle, o)
			}
		}
	}
	// The scale's is in the shared folder, sent by an agent.
	var v = readVector(t, "scale_std_config_05dc.json")
	apdus, err := parse(golden.Hex(t, v.Hex))
	if err != nil {
		t.Fatal(err)
	}
	sent := apdus[0].data.event.config.parsed.objects[1]
	ours, _ := standardConfiguration(configScale)
	mine := ours.objects[1]
	if sent.properties.typ != mine.properties.typ || sent.properties.unit != mine.properties.unit || !reflect.DeepEqual(sent.layouts, mine.layouts) {
		t.Errorf("sent %+v, ours %+v", sent, mine)
	}
}

// An empty segment is passed over.
func TestRefusedSegmentTransferAsksForTheNext(t *testing.T) {
	known := golden.Memory{ownDevice + "/segments/0050": golden.Hex(t,
		"0002 0020 0003 0001 000A 0A4E 0006 8000 0000 0000 0007 0001 000A 0A4E 0006 8000 0000 0000")}
	// The answer to action 3100 for segment 3: 3, segment empty.
	result := decode(t, Adapter.New(known), adapters.Frame{Device: ownDevice}, "E700 0012 0010 0002 0207 000A 0050 0C1C 0004 0003 0003")
	if want := prst(1, roivConfirmedAction, message(nil).u16(0x50, actSegmentTrigger, 2, 7)); string(result.Reply) != string(want) {
		t.Errorf("answered %X, want %X", result.Reply, want)
	}
}

func TestTimes(t *testing.T) {
	wallText := func(hexText string) string {
		c := cursor.New(golden.Hex(t, hexText))
		w := wallClock(c, "time")
		if c.Err() != nil {
			return c.Err().Error()
		}
		return isoOf(w)
	}
	for in, want := range map[string]string{
		"2024022923595999": "2024-02-29T23:59:59.99",
		"0000000000000000": "0000-00-00T00:00:00.00",
		"2026050000000000": "2026-05-00T00:00:00.00",
		"2023022900000000": "byte 0: time: 2023-02-29 00:00:00 is no date and time",
		"2026130100000000": "byte 0: time: 2026-13-01 00:00:00 is no date and time",
		"2026010124000000": "byte 0: time: 2026-01-01 24:00:00 is no date and time",
		"2026010100600000": "byte 0: time: 2026-01-01 00:60:00 is no date and time",
		"2026010100006000": "byte 0: time: 2026-01-01 00:00:60 is no date and time",
		"20260101000000A0": "byte 7: time: A0 is no BCD",
		"FFFFFFFFFFFFFFFF": "byte 0: time: FF is no BCD",
		"20260101":         "byte 0: time needs 8 bytes, 4 left",
	} {
		if got := wallText(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	if got := seconds(8000*60 + 1); got != "60.000125" {
		t.Errorf("seconds: %s", got)
	}
	c := cursor.New(golden.Hex(t, "00000000 0001 0348")) // 14 hours
	if w := baseOffsetTime(c, "time"); c.Err() != nil || isoOf(w) != "1900-01-01T14:00:00.000015" || *w.OffsetMinutes != 840 {
		t.Errorf("%+v %v", w, c.Err())
	}
	c = cursor.New(golden.Hex(t, "00000000 0000 0349"))
	if baseOffsetTime(c, "time"); c.Err() == nil {
		t.Error("an offset of 841 minutes was taken")
	}
	if _, ok := after(&acom.Wall{Year: 2026, Month: 0}, 1); ok {
		t.Error("a time was added to an unknown month")
	}
	got, ok := after(&acom.Wall{Year: 2023, Month: 12, Day: 31, Hour: 23, Minute: 59, Second: 59, Fraction: "99"}, 160)
	if !ok || isoOf(got) != "2024-01-01T00:00:00.01" {
		t.Errorf("%+v", got)
	}
}

func TestMeasurementTimeIsNeverInvented(t *testing.T) {
	d := Adapter.New(nil)
	decode(t, d, adapters.Frame{}, ownAARQ)
	result := decode(t, d, adapters.Frame{Received: time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC)},
		"E700 0028 0026 0001 0101 0020 0000 00001F40 0D1E 0016 F0000000 0001 000E 0001 0001 0008 0A56 0004 FF000174")
	if m := result.Reports[0].Measurements[0]; !m.Time.IsZero() || result.Reports[0].Clock != nil {
		t.Errorf("got %+v", m)
	}
}

// The clock of an agent that was never set is no clock.
func TestUnsetClock(t *testing.T) {
	d := Adapter.New(nil)
	decode(t, d, adapters.Frame{}, ownAARQ)
	frame := adapters.Frame{Received: time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC)}
	if r := decode(t, d, frame, "E700 001A 0018 0001 0203 0012 0000 0001 000C 0987 0008 0000000000000000"); r.Reports[0].Clock != nil {
		t.Errorf("got %+v", r.Reports[0].Clock)
	}
	r := decode(t, d, frame, "E700 001A 0018 0001 0203 0012 0000 0001 000C 0987 0008 2026040107595950")
	if r.Reports[0].Clock == nil || r.Reports[0].Clock.Gateway != "2026-04-01T08:00:00Z" {
		t.Errorf("got %+v", r.Reports[0].Clock)
	}
}

// House rule: no file beyond 600 lines, none in the product that reads a clock.
func TestFilesStaySmall(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(shared.Root(t), "adapters", "phd20601", "*.go"))
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(raw), "\n"); n > 600 {
			t.Errorf("%s has %d lines", f, n)
		}
		if !strings.HasSuffix(f, "_test.go") && strings.Contains(string(raw), "time.Now") {
			t.Errorf("%s reads a clock", f)
		}
	}
}
