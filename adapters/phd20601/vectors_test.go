package phd20601

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
	"vitalwire/internal/conformance"
	"vitalwire/internal/golden"
	"vitalwire/internal/shared"
)

const vectorFolder = "ieee11073-phd"

// vector is a file of the shared folder.
type vector struct {
	Valid    bool            `json:"valid"`
	Hex      string          `json:"hex"`
	Asserted map[string]any  `json:"asserted_by_source"`
	Decoded  map[string]any  `json:"decoded_here"`
	Why      string          `json:"why_invalid"`
	Raw      json.RawMessage `json:"-"`
}

func readVector(t testing.TB, name string) vector {
	t.Helper()
	var v vector
	raw := shared.Read(t, "vectors", vectorFolder, name)
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// vectorNames lists every JSON file of the folder, so that none can be missing.
func vectorNames(t testing.TB) []string {
	t.Helper()
	root := shared.Path(t, "vectors", vectorFolder)
	var names []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".json" {
			name, _ := filepath.Rel(root, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// configurationOf says what a scan report was laid out by: a config report
// vector, or the dev-config-id of a standard configuration.
var configurationOf = map[string]string{
	"h241.json":         "h221.json",
	"h244.json":         "h221.json",
	"h241_id_0190.json": "0190",
	"h241_id_05dc.json": "h221_id_05dc.json",
	"bp_roiv_mds_note_scan_report_mp_fixed.json": "bp_roiv_mdc_noti_config.json",
	"pulseox_buf_scan_report_fixed.json":         "pulseox_noti_config_with_scanner.json",
	"pulseox_buf_scan_report_grouped.json":       "pulseox_noti_config_with_scanner.json",
	"pulseox_buf_scan_report_mp_fixed.json":      "pulseox_noti_config_with_scanner.json",
	"pulseox_buf_scan_report_mp_var.json":        "pulseox_noti_config_with_scanner.json",
	"pulseox_buf_scan_report_var.json":           "pulseox_noti_config_with_scanner.json",
	"pulseox_unbuf_scan_report_mp_grouped.json":  "pulseox_noti_config_with_scanner.json",
	"pulseox_unbuf_scan_report_var.json":         "pulseox_noti_config_with_scanner.json",
	"ua_extendedmeasure10404apdutest.json":       "ua_extendedcfg10404.json",
	"ua_measure10407prstapdutest.json":           "02BC",
	"ua_measure10415prstapdutest.json":           "05DC",
	"ua_realmeasure10415prstapdutest.json":       "05DC",
}

// measured says, in our words, what every scan report vector means; it is typed
// from the standard and the configurations and holds what sources do not assert:
// type, unit, person and time.
var measured = map[string][]string{
	"h241.json":         {"188736 62.4 263875 @20070201121000.00", "188748 25.6 262688 @20070201121000.00"},
	"h244.json":         {"188736 62.4 263875 @20070201121000.00", "188748 25.6 262688 @20070201121000.00"},
	"h241_id_0190.json": {"150456 98 262688 @20071206121000.00", "149530 72 264864 @20071206121000.00"},
	"h241_id_05dc.json": {
		"188736 76.2 263875 @20071206121000.00", "188752 24.3 264096 @20071206121000.00 from 1/20071206121000.00",
		"188736 76.0 263875 @20071206200500.00", "188752 24.2 264096 @20071206200500.00 from 1/20071206200500.00"},
	"bp_roiv_mds_note_scan_report_mp_fixed.json": {
		"150020 (150021 113 266016, 150022 71 266016, 150023 85 266016) @20100721153553.00 person 66",
		"149546 71 264864 @20100721153553.00 person 66", "192530 0 262656 @20100721153553.00 person 66"},
	"pulseox_buf_scan_report_fixed.json": {"150456 98 262688 @20071206121000.00", "149530 72 264864 @20071206121000.00"},
	"pulseox_buf_scan_report_grouped.json": {
		"150456 98 262688 @20080703121000.00", "149530 73 264864", "150456 98 262688 +150580"},
	"pulseox_buf_scan_report_mp_fixed.json": {"150456 98 262688 @20071206121000.00 person 1", "149530 72 264864 @20071206121000.00 person 1"},
	"pulseox_buf_scan_report_mp_var.json":   {"150456 98 262688 @20071206121000.00 person 1", "149530 72 264864 @20071206121000.00 person 1"},
	"pulseox_buf_scan_report_var.json":      {"150456 98 262688 @20071206121000.00", "149530 72 264864 @20071206121000.00"},
	"pulseox_unbuf_scan_report_mp_grouped.json": {
		"150456 97.5 262688 @20100803105111.00 person 1", "149530 80.1 264864 @20100803105111.00 person 1"},
	"pulseox_unbuf_scan_report_var.json":   {"150456 98 262688 @20071206121000.00", "149530 72 264864 @20071206121000.00"},
	"ua_extendedmeasure10404apdutest.json": {"150456 98 262688 @20071206121000.00", "149530 72 264864 @20071206121000.00"},
	"ua_measure10407prstapdutest.json": {
		"150020 (150021 120 266016, 150022 80 266016, 150023 100 266016) @20071206121000.00", "149546 60.0 264864 @20071206121000.00"},
	"ua_measure10415prstapdutest.json": {"188736 76.2 263875 @20071206121000.00"},
	"ua_realmeasure10415prstapdutest.json": {
		"188736 72.60 263875 @20120508150216.00", "188736 72.70 263875 @20120508150412.00", "188736 72.60 263875 @20120508151729.00",
		"188736 72.70 263875 @20120508151937.00", "188736 72.60 263875 @20120508152055.00"},
}

// repliesOf are vectors that are the manager's answer to another vector: the
// reply must begin with exactly those bytes.
var repliesOf = map[string]string{
	"h221.json":                        "h222.json",
	"h241.json":                        "h242.json",
	"ua_measure10415prstapdutest.json": "ua_confirmmeasureprstapdutest.json",
	"bp_roiv_mdc_noti_config.json":     "bp_rors_accepted_config.json",
	"ua_rlrqapdutest.json":             "ua_rlreapdutest.json",
	"rx_rlrq_normal.json":              "rx_rlre_normal.json",
}

const vectorDevice = "0A0B0C0D0E0F0001"

func TestVectors(t *testing.T) {
	var rows [][]string
	for _, name := range vectorNames(t) {
		t.Run(name, func(t *testing.T) {
			if name == "scalars.json" {
				rows = append(rows, checkScalars(t)...)
				return
			}
			v := readVector(t, name)
			frame, err := hex.DecodeString(v.Hex)
			if err != nil {
				t.Fatal(err)
			}
			row := []string{name, "", "", "", ""}
			if !v.Valid {
				row[1], row[2], row[3], row[4] = "1", "malformed on purpose", "refused: "+v.Why, checkRefused(t, frame)
			} else {
				row[1], row[2], row[3], row[4] = "1", whatIs(v), expectation(name, v), checkValid(t, name, v, frame)
			}
			rows = append(rows, row)
		})
	}
	conformance.Table(t, vectorFolder, "IEEE 11073-20601 vectors",
		"Every file of `../shared/vectors/ieee11073-phd`: each APDU is parsed into all its fields and compared with the file's "+
			"`decoded_here` and `asserted_by_source`; scan reports are decoded with their configuration.",
		[]string{"file", "case", "what", "expected", "result"}, rows)
}

func checkRefused(t *testing.T, frame []byte) string {
	decoder := Adapter.New(nil)
	_, err := decoder.Decode(adapters.Frame{Bytes: frame, Device: vectorDevice})
	var refused *adapters.Error
	if !errors.As(err, &refused) || refused.Unprocessable || refused.Reason == "" {
		t.Fatalf("not refused as malformed: %v", err)
	}
	if refused.Offset < 0 || refused.Offset > len(frame) {
		t.Fatalf("offset %d is outside of %d bytes", refused.Offset, len(frame))
	}
	return refused.Error()
}

func whatIs(v vector) string {
	parts := []string{}
	for _, key := range []string{"type", "data_choice", "event"} {
		if s, ok := v.Decoded[key].(string); ok {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " ")
}

func expectation(name string, v vector) string {
	parts := []string{"all fields as decoded"}
	if v.Asserted != nil {
		parts = append(parts, "source assertions")
	}
	if want := measured[name]; want != nil {
		parts = append(parts, strings.Join(want, "; "))
	}
	if repliesOf[name] != "" {
		parts = append(parts, "answered as "+repliesOf[name])
	}
	return strings.Join(parts, "; ")
}

func checkValid(t *testing.T, name string, v vector, frame []byte) string {
	apdus, err := parse(frame)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if len(apdus) != 1 {
		t.Fatalf("%d APDUs", len(apdus))
	}
	got, want := normal(t, describeAPDU(apdus[0])), normal(t, v.Decoded)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("decoded\n got %s\nwant %s", show(got), show(want))
	}

	// What the adapter makes of it, with the configuration where one is needed.
	decoder := Adapter.New(nil)
	device := vectorDevice
	if id, ok := v.Decoded["system_id"].(string); ok {
		device = id
	}
	for _, attr := range anyList(v.Decoded["attrs"]) {
		if m := attr.(map[string]any); m["attr"] == 2436.0 {
			device = strings.ToUpper(m["hex"].(string)[4:])
		}
	}
	want1, isScan := measured[name]
	if isScan != (configurationOf[name] != "") || isScan != hasScan(apdus[0]) {
		t.Fatalf("a scan report needs its configuration and its meaning in this test")
	}
	if isScan {
		decoder = configured(t, configurationOf[name], device)
	}
	result, err := decoder.Decode(adapters.Frame{Bytes: frame, Device: device})
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	var facts []string
	for _, r := range result.Reports {
		for _, m := range r.Measurements {
			facts = append(facts, brief(m))
		}
	}
	if !reflect.DeepEqual(facts, want1) {
		t.Fatalf("measurements\n got %q\nwant %q", facts, want1)
	}
	if answer := repliesOf[name]; answer != "" {
		if want := readVector(t, answer).Hex; !strings.HasPrefix(hex.EncodeToString(result.Reply), want) {
			t.Fatalf("reply %X does not begin with %s", result.Reply, want)
		}
	}
	for key, value := range v.Asserted {
		check, ok := assertions[key]
		if !ok {
			t.Fatalf("nothing here checks %q", key)
		}
		if err := check(value, v, apdus[0], result); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if t.Failed() {
		return "FAIL"
	}
	return "as expected"
}

func hasScan(a apdu) bool {
	d := a.data
	switch {
	case d == nil:
		return false
	case d.event != nil:
		return d.event.scan != nil
	}
	return d.action != nil && d.action.response != nil && d.action.response.event.scan != nil
}

// configured gives a decoder that knows a configuration: from a config report
// vector, or by an association request for a standard configuration.
func configured(t testing.TB, source, device string) adapters.Decoder {
	t.Helper()
	decoder := Adapter.New(nil)
	frame := "E2000032 80000000 0001 002A 5079 0026 80000000 8000 80000000 00000000 00800000 0008" + device + source + "0001 01 00 0000 0000"
	if strings.HasSuffix(source, ".json") {
		frame = readVector(t, source).Hex
	}
	if _, err := decoder.Decode(adapters.Frame{Bytes: golden.Hex(t, frame), Device: device}); err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return decoder
}

// brief writes a measurement in one line.
func brief(m acom.Measurement) string {
	amount := func(v acom.Value) string {
		return v.Number.Text + v.Number.Special.String() + fmt.Sprintf(" %d", v.Unit)
	}
	s := fmt.Sprintf("%d ", m.Type)
	if m.Kind == acom.CompoundNumeric {
		var parts []string
		for _, c := range m.Components {
			parts = append(parts, fmt.Sprintf("%d %s", c.Type, amount(c.Value)))
		}
		s += "(" + strings.Join(parts, ", ") + ")"
	} else {
		s += amount(m.Value)
	}
	if m.Status != 0 {
		s += fmt.Sprintf(" status %04X", uint16(m.Status))
	}
	if !m.Time.IsZero() {
		s += " @" + stampOf(m.Time)
	}
	for _, code := range m.Supplemental {
		s += fmt.Sprintf(" +%d", code)
	}
	if m.Person != 0 {
		s += fmt.Sprintf(" person %d", m.Person)
	}
	for _, key := range m.DerivedFrom {
		s += " from " + key
	}
	return s
}

// --- decoded_here: our model in the words of the files ---

var typeNames = map[uint16]string{choiceAARQ: "AARQ", choiceAARE: "AARE", choiceRLRQ: "RLRQ",
	choiceRLRE: "RLRE", choiceABRT: "ABRT", choicePRST: "PRST"}

var eventNames = map[uint16]string{3356: "CONFIG", 3357: "SCAN_FIXED", 3358: "SCAN_VAR", 3359: "SCAN_MP_FIXED", 3360: "SCAN_MP_VAR",
	3362: "UNBUF_VAR", 3363: "UNBUF_FIXED", 3364: "UNBUF_GROUPED", 3365: "UNBUF_MP_VAR", 3366: "UNBUF_MP_FIXED", 3367: "UNBUF_MP_GROUPED",
	3368: "BUF_VAR", 3369: "BUF_FIXED", 3370: "BUF_GROUPED", 3371: "BUF_MP_VAR", 3372: "BUF_MP_FIXED", 3373: "BUF_MP_GROUPED"}

func hex16(v uint16) string { return fmt.Sprintf("0x%04X", v) }
func hex32(v uint32) string { return fmt.Sprintf("0x%08X", v) }

func describeAPDU(a apdu) map[string]any {
	m := map[string]any{"choice": hex16(a.choice), "len": a.length, "len_ok": true, "type": typeNames[a.choice]}
	switch {
	case a.aarq != nil:
		i := a.aarq.protos[0].info
		m["assoc_version"], m["proto"] = hex32(a.aarq.version), a.aarq.protos[0].id
		m["protocol_version"], m["encoding"], m["nomenclature"] = hex32(i.protocolVersion), hex16(i.encodingRules), hex32(i.nomenclature)
		m["functional_units"], m["sys_type"] = hex32(i.functionalUnits), hex32(i.systemType)
		m["system_id"], m["config_id"], m["data_req_flags"] = i.systemID, hex16(i.configID), hex16(i.dataReqFlags)
		m["init_agent"], m["init_manager"] = i.initAgent, i.initManager
	case a.aare != nil:
		i := a.aare.selected.info
		m["result"], m["proto"], m["encoding"] = a.aare.result, a.aare.selected.id, hex16(i.encodingRules)
		m["sys_type"], m["system_id"], m["config_id"] = hex32(i.systemType), i.systemID, hex16(i.configID)
	case a.data != nil:
		m["prst_len_ok"] = true
		describeDataAPDU(m, a.data)
	default:
		m["reason"] = a.reason
	}
	return m
}

func describeDataAPDU(m map[string]any, d *dataAPDU) {
	m["invoke_id"], m["data_choice"] = hex16(d.invokeID), hex16(d.choice)
	m["handle"] = d.handle
	switch d.choice {
	case roivEvent, roivConfirmedEvent:
		m["event_time"] = hex32(d.event.time)
		describeEvent(m, d.event)
	case rorsConfirmedEvent:
		m["current_time"], m["event"] = d.response.time, eventNames[d.response.eventType]
		m["reply_hex"] = hex.EncodeToString(rest(d.response.info))
	case roivGet: // the files show the count and the length of the list
		m["attr_ids"] = []int{len(d.ids), 2 * len(d.ids)}
	case rorsGet:
		m["attrs"] = describeAttributes(d.attrs)
	case rorsConfirmedSet: // the files show the bytes
		body := message(nil).u16(d.handle, uint16(len(d.attrs)))
		var attrs message
		for _, a := range d.attrs {
			attrs = append(attrs.u16(a.id, uint16(len(a.raw()))), a.raw()...)
		}
		delete(m, "handle")
		m["raw"] = hex.EncodeToString(append(body.u16(uint16(len(attrs))), attrs...))
	case roivConfirmedAction, rorsConfirmedAction:
		m["action"], m["info"] = d.action.kind, hex.EncodeToString(rest(d.action.info))
		if r := d.action.response; r != nil {
			report := map[string]any{}
			describeEvent(report, r.event)
			m["rel_time"], m["result"], m["report"] = r.time, r.result, report
		}
	}
}

func describeEvent(m map[string]any, e *eventReport) {
	m["event"] = eventNames[e.eventType]
	if e.config != nil {
		m["config_id"] = hex16(e.config.id)
		objects := []any{}
		for _, handle := range e.config.parsed.order {
			o := e.config.parsed.objects[handle]
			objects = append(objects, map[string]any{"class": o.class, "handle": o.handle, "attrs": describeAttributes(o.attrs)})
		}
		m["objects"] = objects
		return
	}
	m["data_req_id"], m["report_no"], m["leftover"] = hex16(e.scan.requestID), e.scan.number, ""
	var people []any
	var current map[string]any
	entries := []any{}
	last := -1
	for _, r := range e.scan.records {
		var entry any
		switch e.scan.form.shape {
		case groupedShape:
			entry = hex.EncodeToString(rest(&r.body))
		case fixedShape:
			entry = map[string]any{"handle": r.handle, "obs": hex.EncodeToString(rest(&r.body))}
		default:
			entry = map[string]any{"handle": r.handle, "attrs": describeAttributes(r.attrs)}
		}
		if e.scan.form.people && int(r.person) != last {
			current = map[string]any{"person": r.person, "list": []any{}}
			people, last = append(people, current), int(r.person)
		}
		if e.scan.form.people {
			current["list"] = append(current["list"].([]any), entry)
		} else {
			entries = append(entries, entry)
		}
	}
	if e.scan.form.people {
		m["persons"] = people
	} else {
		m["list"] = entries
	}
}

func describeAttributes(attrs []attribute) []any {
	all := []any{}
	for _, a := range attrs {
		m := map[string]any{"attr": a.id, "hex": hex.EncodeToString(a.raw())}
		c := a.open()
		switch a.id {
		case attrType:
			m["value"] = []any{c.U16(""), c.U16("")}
		case attrUnit:
			m["value"] = c.U16("")
		case attrBasicNu:
			m["value"] = cursor.SFLOAT(c.U16("")).Text
		case attrSimpleNu:
			m["value"] = cursor.FLOAT(c.U32("")).Text
		case attrTimeStamp, attrDateTime:
			m["value"] = isoOf(wallClock(c, ""))
		}
		all = append(all, m)
	}
	return all
}

func isoOf(w *acom.Wall) string {
	return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%s", w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second, w.Fraction)
}

// normal brings a value into the form of decoded JSON and drops the names the
// files give to attributes.
func normal(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "name")
			for _, inner := range v {
				strip(inner)
			}
		case []any:
			for _, inner := range v {
				strip(inner)
			}
		}
	}
	strip(out)
	return out
}

func show(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

func anyList(v any) []any {
	all, _ := v.([]any)
	return all
}

// --- scalars.json ---

func checkScalars(t *testing.T) [][]string {
	var table struct {
		SFLOAT        []map[string]string `json:"sfloat_be"`
		FLOAT         []map[string]string `json:"float_be"`
		SFLOATSpecial []map[string]string `json:"sfloat_special"`
		FLOATSpecial  []map[string]string `json:"float_special"`
		Time          []map[string]string `json:"time"`
	}
	if err := json.Unmarshal(shared.Read(t, "vectors", vectorFolder, "scalars.json"), &table); err != nil {
		t.Fatal(err)
	}
	specials := map[string]acom.Special{"NaN": acom.NaN, "NRes": acom.NRes, "reserved": acom.Reserved,
		"+INFINITY": acom.PosInfinity, "-INFINITY": acom.NegInfinity}
	var rows [][]string
	row := func(kind, hexText, want, got string) {
		result := "as expected"
		if got != want {
			t.Errorf("%s %s: got %q, want %q", kind, hexText, got, want)
			result = "FAIL: " + got
		}
		rows = append(rows, []string{"scalars.json", hexText, kind, want, result})
	}
	for _, c := range table.SFLOAT {
		row("SFLOAT", c["hex"], c["value"], cursor.SFLOAT(cursor.New(golden.Hex(t, c["hex"])).U16("")).Text)
	}
	for _, c := range table.FLOAT {
		row("FLOAT", c["hex"], c["value"], cursor.FLOAT(cursor.New(golden.Hex(t, c["hex"])).U32("")).Text)
	}
	for _, c := range table.SFLOATSpecial {
		row("SFLOAT", c["hex"], specials[c["value"]].String(), cursor.SFLOAT(cursor.New(golden.Hex(t, c["hex"])).U16("")).Special.String())
	}
	for _, c := range table.FLOATSpecial {
		row("FLOAT", c["hex"], specials[c["value"]].String(), cursor.FLOAT(cursor.New(golden.Hex(t, c["hex"])).U32("")).Special.String())
	}
	for _, c := range table.Time {
		in := cursor.New(golden.Hex(t, c["hex"]))
		if ms, ok := c["value_ms"]; ok {
			ticks := relativeTime(in, "")
			row("RelativeTime", c["hex"], ms+" ms", cursor.Decimal(int64(ticks.Micros), -3)+" ms")
			continue
		}
		row("AbsoluteTime", c["hex"], c["value"], isoOf(wallClock(in, "")))
	}
	return rows
}
