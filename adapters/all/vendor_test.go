package all_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/all"
	"vitalwire/internal/conformance"
	"vitalwire/internal/golden"
	"vitalwire/internal/shared"
)

// vendorVectors is what the index of the vectors says of each file of a vendor's
// service: the adapter that reads it, with the frame's profile, and facts that must be
// there, as beginnings of lines.
var vendorVectors = map[string]struct {
	adapter, profile string
	// body gives the frames in a file that is itself a table of cases.
	body  func(t *testing.T, file []byte) [][]byte
	has   []string
	count int // readings in all
}{
	"dexcom_v3_egvs.json": {adapter: "dexcom", count: 1, has: []string{"160212 101 264274 2025-01-30T15:49:55-08:00 offset record record-id", "+trend concept flat"}},
	"dexcom_clarity.csv": {adapter: "clarity", count: 6, has: []string{"160212 112 264274 2024-06-01T00:03:00 unknown", "160212 108 ", "160212 <40 264274 2024-06-01T03:00:00", "160212 >400 264274",
		"8417800 5 267616 2024-06-01T10:00:00", "160184 120 264274 2024-06-01T11:00:00"}},
	"libreview_us_mgdl.csv": {adapter: "libreview", count: 4, profile: "zone=+00:00", has: []string{"160212 95 264274 2026-06-24T08:15:00+00:00 user", "160212 102 264274 2026-06-24T08:30:00", "160212 140 264274 2026-06-24T12:00:00", "8417800 2.5 267616", "skipped a note"}},
	"withings-body-measures.json": {adapter: "withings", count: 8, has: []string{"150020  2015-05-30T23:06:23-07:00 user record 366956482", "+150021 104 266016", "+150022 68 266016", "188736 74.126 263875 2015-05-30T23:06:23-07:00",
		"188736 74.128 263875 2015-04-20T10:13:56-07:00", "149546 41 264864", "149514 47 264864 2015-02-26T13:57:17-08:00 user record 321858727 manual", "149514 note a few minutes after a walk",
		"188740 1.930 263424 2015-02-23T11:24:49-08:00 user record 320419189 manual", "150364 37 268192 2015-02-23T11:24:49-08:00 user record 320419189 manual"}},
	"withings-body-measures-only-goal.json":       {adapter: "withings", has: []string{"skipped a group that is no measurement but a goal"}},
	"fitbit-body-log-weight.json":                 {adapter: "fitbit", count: 8, has: []string{"188736 56.7 263875 2015-05-13T18:28:59 unknown record 1431541739000", "188736 55.9 263875 2015-05-14T11:51:57", "188736 58.1 ", "188736 57.2 ", "188752 21.48 264096"}},
	"fitbit-activities-heart-1d-1m-intraday.json": {adapter: "fitbit", count: 5, profile: "zone=+02:00", has: []string{"149514 64 264864 2015-08-21T00:01:00+02:00 user for 60", "149514 63 264864 2015-08-21T00:02:00+02:00 user for 60", "149514 65 264864 2015-08-21T00:05:00+02:00"}},
	"fitbit_ecg_facts.json":                       {adapter: "fitbit", body: fitbitECG, count: 1, has: []string{"131329 3 samples every 1/250 s 2026-01-01T00:00:00"}},
	"ihealth-bp.json":                             {adapter: "ihealth", count: 4, has: []string{"150020  2015-09-17T12:04:23-08:00 offset record c62b84d9d4b7480a8ff2aef1465aa454", "+150021 120 266016", "+150022 90 266016", "150020  2015-09-17T14:07:45-06:00 offset record d6c08fb0bde6dc50db5c5f305a76c455 manual", "+150021 130 ", "+150022 95 ", "+IsArr not detected"}},
	"ihealth-glucose.json":                        {adapter: "ihealth", count: 2, has: []string{"160184 60 264274 2015-09-17T12:03:27-08:00 offset", "+8417864 concept Before_breakfast", "160184 70 264274 2015-09-24T14:44:40-06:00 offset record b0d61f8df4214f938a8d05d0ac583baa manual", "+8417864 concept After_breakfast"}},
	"ihealth-weight.json":                         {adapter: "ihealth", count: 6, has: []string{"188736 77.5643875134944 263875 2015-09-17T12:04:09-08:00", "188736 77.56438446044922 263875 2015-09-17T14:07:57-06:00 offset record b702a3a5e998f2fca268df6daaa69871 manual", "188748 10 262688", "WaterValue 25 262688"}},
	"ihealth-timezone-cases.json": {adapter: "ihealth", body: ihealthZones, count: 8, has: []string{"149530 1 264864 2015-11-17T18:24:23+00:00 offset", "149530 2 264864 2015-11-17T18:24:23+01:00 offset", "149530 3 264864 2015-11-17T18:24:23-08:00",
		"149530 4 264864 2015-11-17T18:24:23+01:00", "149530 5 264864 2015-11-17T18:24:23-07:00", "149530 6 264864 2015-11-17T18:24:23+00:00", "149530 7 264864 2015-11-17T18:24:23 unknown", "149530 8 264864 2015-11-17T18:24:23 unknown"}},
	"omron_connect.csv":           {adapter: "omron", count: 2, has: []string{"150020  2025-01-12T08:15:00 unknown", "+150021 128 266016", "+150022 82 266016", "149546 64 264864 2025-01-12T08:15:00", "skipped the pressures are no numbers"}},
	"tidepool_cbg.json":           {adapter: "tidepool", body: tidepoolPayloads, count: 3, has: []string{"160212 3.996538553552784 266866 2018-05-14T18:17:07.384+10:00 device record b8858168bd4e447184ee7c7743ffe303", "160212 note Tidepool made these mmol/L from 72 mg/dL", "160212 421 264274 2018-05-14T18:17:07.385+10:00", "160212 note Tidepool made these mmol/L from 491 mg/dL"}},
	"nightscout_entry_facts.json": {adapter: "nightscout", body: nightscoutDirections, count: 12, has: []string{"160212 112 264274 2026-03-01T09:05:07.384+01:00 device record x0", "+direction concept NONE", "+direction concept NOT COMPUTABLE", "+direction concept TripleDown"}},
	"apple_export.xml": {adapter: "applehealth", count: 5, has: []string{"HKQuantityTypeIdentifierStepCount 1000 262656 2026-09-28T09:00:00+08:00 offset for 600", "HKQuantityTypeIdentifierStepCount 1100 262656 2026-09-28T09:01:00+08:00 offset for 600",
		"150456 96 262688 2026-09-28T03:00:00+08:00", "HKQuantityTypeIdentifierRestingHeartRate 58 264672 2026-09-28T00:01:00+08:00 offset for 86280", "HKCategoryTypeIdentifierSleepAnalysis concept HKCategoryValueSleepAnalysisAsleepCore 2026-09-27T23:30:00+08:00 offset for 14400"}},
	"mobile_sdk_sync_samsung.json": {adapter: "healthconnect", count: 1, has: []string{"150020  2026-02-24T09:30:00+01:00 offset record abc-xyz-123", "+150021 122.0 266016", "+150022 absent unknown"}},
	"percent_scaling_gotcha.json": {adapter: "healthconnect", body: percentages, count: 4, has: []string{"188748 30.4 262688 2026-01-01T00:00:00+00:00 offset record c0", "188748 30.4 262688 2026-01-01T00:00:00+00:00 offset record c1",
		"150456 98 262688 2026-01-01T00:00:00+00:00 offset record c2", "150456 98 262688 2026-01-01T00:00:00+00:00 offset record c3"}},
	"garmin_health_misc.json": {adapter: "garmin", count: 20, has: []string{"lastNightAvg 44 264338", "lastNight5MinHigh 72 264338", "hrvValues 32 264338 2025-10-09T03:58:20-05:00", "hrvValues 24 264338 2025-10-09T04:03:20-05:00", "stressLevel 18 ", "stressLevel 51 ",
		"188736 75.450 263875", "151562 14.63 264928", "151562 14.4 264928", "150020  2025-10-09T03:53:20-05:00 device record bp-1 manual", "+150021 120 266016", "+150022 80 266016", "149546 62 264864", "avgDeviationCelsius -1.6 268192"}},
	"garmin_health_pulseox.json":        {adapter: "garmin", count: 2, has: []string{"150456 96 262688 2025-10-09T09:54:20+01:00 device record pulseox/1760000000+60:continuous", "150456 93 262688 2025-10-10T01:22:20+01:00 device record pulseox/1760000000+55740:on_demand"}},
	"garmin_webhook_openwearables.json": {adapter: "garmin", count: 22, has: []string{"150020  2026-06-16T16:00:00-05:00 device record sd60a3665-6a31b950 manual", "+150021 112 ", "+150022 73 ", "muscleMassInGrams 35.000 263875 2024-01-15T12:00:00+00:00", "hrvValues 70 ", "hrvValues 73 ", "hrvValues 68 ", "lastNightAvg 84 ", "149514 65 264864 2024-01-15T00:15:00+00:00"}},
	"googlefit-merge-heart-rate.json":   {adapter: "googlefit", count: 2, has: []string{"149514 54 264864 2015-01-30T15:37:48.186+00:00", "149514 58.0 264864 2015-07-10T14:34:32.914+00:00 offset for 1.001"}},
	"googlefit-merge-height.json":       {adapter: "googlefit", count: 2, has: []string{"188740 1.8287990093231201 263424 2015-07-08T03:17:06.03+00:00 offset manual"}},
	"oura_sleep.json": {adapter: "oura", count: 15, has: []string{"time_in_bed 28800 264320 2024-01-15T23:00:00+00:00 offset record sleep-abc123", "time_in_bed note The source gives an end before the start", "efficiency 88 262688", "deep_sleep_duration 5400 ", "light_sleep_duration 14400 ",
		"rem_sleep_duration 7200 ", "awake_time 1800 ", "sleep_phase concept deep 2024-01-15T23:00:00+00:00 offset for 120", "sleep_phase concept rem 2024-01-15T23:02:00+00:00 offset for 60", "sleep_phase concept deep 2024-01-15T23:00:00+00:00 offset for 300", "sleep_phase concept awake 2024-01-15T23:05:00+00:00 offset for 300"}},
	"polar_sleep.json":   {adapter: "polar", count: 13, has: []string{"deep_sleep 5400 264320 2024-01-14T23:00:00+02:00 offset for 28800", "light_sleep 14400 ", "rem_sleep 7200 ", "total_interruption_duration 1800 ", "149514 58 264864 2024-01-14T23:30:00+02:00", "149514 54 264864 2024-01-15T00:00:00+02:00", "149514 52 264864 2024-01-15T00:30:00+02:00", "hypnogram concept 4 2024-01-15T00:30:00+02:00"}},
	"cms50e_serial.json": {adapter: "cms50e", body: pulseFrames, count: 10, has: []string{"150456 98 262688 never", "149530 72 264864", "150456 95 ", "149530 70 ", "150456 absent temp-unknown", "149530 absent temp-unknown", "149530 68 ", "150456 97 ", "149530 60 "}},
	"libreview_edge_cases.json": {adapter: "libreview", body: libreviewEdges, count: 9, has: []string{"160212 100 264274 2026-06-24T00:00:00", "160212 101 264274 2026-06-24T12:00:00", "160212 102 264274 2026-06-24T23:30:00",
		"160212 103 264274 2026-06-24T08:15:30", "160212 104 264274 2026-06-24T08:15:00", "160212 105 264274 2025-01-15T23:30:00", "160212 106 264274 2025-01-15T23:30:00", "160212 112 264274 2024-02-29T08:00:00",
		"refused no record of it can be read; the first: the device timestamp is no time", "refused day and month of its dates cannot be told apart", "refused no header row", "refused it has no column"}},
}

// libreviewEdges are files of one row for each timestamp, then the ambiguous one, then
// the two faults of structure.
func libreviewEdges(t *testing.T, file []byte) (frames [][]byte) {
	var edges struct {
		Cases     [][]*string `json:"timestamp_cases"`
		Ambiguous struct {
			Text string `json:"text"`
		} `json:"ambiguous"`
	}
	unmarshal(t, file, &edges)
	const header = "Device,Serial Number,Device Timestamp,Record Type,Historic Glucose mg/dL\n"
	for i, c := range edges.Cases {
		profile := ""
		if *c[1] != "auto" {
			profile = "profile: order=" + strings.ToLower(*c[1]) + "\n"
		}
		frames = append(frames, fmt.Appendf(nil, "%s%sLibre,x,%s,0,%d\n", profile, header, *c[0], 100+i))
	}
	frames = append(frames, fmt.Appendf(nil, "%sLibre,x,%s,0,100\n", header, edges.Ambiguous.Text),
		fmt.Appendf(nil, "profile: order=dmy\n%sLibre,x,%s,0,120\n", header, edges.Ambiguous.Text),
		[]byte("Device,Serial Number\nx,y\n"), []byte("Device Timestamp,Record Type\n01-01-2026 00:00,0\n"))
	return frames
}

// fitbitECG is a reading made of the facts of the file.
func fitbitECG(t *testing.T, file []byte) [][]byte {
	var facts struct {
		Fields struct {
			Hertz int `json:"samplingFrequencyHz"`
			Scale int `json:"scalingFactor"`
		} `json:"fields"`
	}
	unmarshal(t, file, &facts)
	return [][]byte{fmt.Appendf(nil, `{"ecgReadings":[{"startTime":"2026-01-01T00:00:00","samplingFrequencyHz":%d,"scalingFactor":%d,"waveformSamples":[0,10922,-5]}]}`, facts.Fields.Hertz, facts.Fields.Scale)}
}

// ihealthZones are pages of one pressure whose pulse is the number of the case.
func ihealthZones(t *testing.T, file []byte) (frames [][]byte) {
	var zones struct {
		MDate int64
		Cases []struct {
			TimeZone json.RawMessage
		}
	}
	unmarshal(t, file, &zones)
	for i, c := range zones.Cases {
		frames = append(frames, fmt.Appendf(nil, `{"BODataList":[{"BO":0,"HR":%d,"MDate":%d,"TimeZone":%s}]}`, i+1, zones.MDate, c.TimeZone))
	}
	return frames
}

// pulseFrames are the bytes of each case.
func pulseFrames(t *testing.T, file []byte) (frames [][]byte) {
	var table struct{ Cases []struct{ Hex string } }
	unmarshal(t, file, &table)
	for _, c := range table.Cases {
		frames = append(frames, golden.Hex(t, c.Hex))
	}
	return frames
}

// percentages are batches of one record for each case.
func percentages(t *testing.T, file []byte) (frames [][]byte) {
	var table struct {
		Cases []struct {
			Provider, Type string
			Value          json.RawMessage
		}
	}
	unmarshal(t, file, &table)
	for i, c := range table.Cases {
		frames = append(frames, fmt.Appendf(nil, `{"provider":%q,"data":{"records":[{"id":"c%d","type":%q,"startDate":"2026-01-01T00:00:00Z","zoneOffset":"Z","value":%s,"unit":"%%"}]}}`, c.Provider, i, c.Type, c.Value))
	}
	return frames
}

// tidepoolPayloads are the examples of the file.
func tidepoolPayloads(t *testing.T, file []byte) (frames [][]byte) {
	var examples struct {
		Examples []struct{ Payload json.RawMessage }
	}
	unmarshal(t, file, &examples)
	for _, e := range examples.Examples {
		frames = append(frames, e.Payload)
	}
	return frames
}

// nightscoutDirections are entries with each direction that the file lists.
func nightscoutDirections(t *testing.T, file []byte) [][]byte {
	var facts struct{ Fields []string }
	unmarshal(t, file, &facts)
	var list []map[string]any
	for _, field := range facts.Fields {
		words, ok := strings.CutPrefix(field, "direction enum ")
		for i, word := range strings.Split(words, ",") {
			if ok {
				list = append(list, map[string]any{"identifier": fmt.Sprintf("x%d", i), "type": "sgv", "sgv": 112 + i, "date": 1772352307384, "utcOffset": 60, "direction": word})
			}
		}
	}
	data, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{data}
}

func unmarshal(t *testing.T, file []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(file, into); err != nil {
		t.Fatal(err)
	}
}

// facts writes what a frame gave, a line for each fact.
func facts(result adapters.Result) (lines []string) {
	for _, r := range result.Reports {
		lines = append(lines, strings.TrimSpace("device "+r.Device.Local+" "+r.Device.Model))
		for _, m := range r.Measurements {
			name := typeName(m.Type, metricOf(m).Codings)
			line := name + " " + value(m.Value) + " " + moment(m.Time)
			if m.Duration != "" {
				line += " for " + m.Duration
			}
			if m.Record != "" {
				line += " record " + m.Record
			}
			if method := metricOf(m).Method; method != nil {
				line += " " + method.Code
			}
			lines = append(lines, line)
			for _, c := range m.Components {
				lines = append(lines, "+"+typeName(c.Type, c.Codings)+" "+value(c.Value))
			}
			for _, n := range metricOf(m).Notes {
				lines = append(lines, name+" note "+n)
			}
		}
	}
	for _, s := range result.Skipped {
		lines = append(lines, "skipped "+s.Reason)
	}
	return lines
}

func metricOf(m acom.Measurement) acom.Metric {
	if m.Metric == nil {
		return acom.Metric{}
	}
	return *m.Metric
}

func typeName(typ acom.Code, codings []acom.Coding) string {
	if typ == 0 && len(codings) > 0 {
		return codings[0].Code
	}
	return fmt.Sprint(typ)
}

func value(v acom.Value) string {
	switch {
	case v.Number != nil:
		unit := fmt.Sprint(v.Unit)
		if v.Foreign != nil {
			unit = v.Foreign.Code + v.Foreign.Display
		}
		return v.Comparator.String() + v.Number.Text + v.Number.Special.String() + " " + unit
	case v.Samples != nil:
		return fmt.Sprintf("%d samples every %s s", len(v.Samples.Decimals)+len(v.Samples.Raw), v.Samples.Period)
	case len(v.Concept) > 0:
		return "concept " + v.Concept[0].Code
	case len(v.Coded) > 0:
		return fmt.Sprintf("code %d", v.Coded[0])
	case v.Absent != 0:
		return "absent " + v.Absent.String()
	}
	return v.Text
}

func moment(t acom.Time) string {
	w := t.Wall
	if w == nil {
		return "never"
	}
	text := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d", w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second)
	if w.Fraction != "" {
		text += "." + w.Fraction
	}
	if o := w.OffsetMinutes; o != nil {
		sign := map[bool]string{true: "-", false: "+"}[*o < 0]
		text += fmt.Sprintf("%s%02d:%02d", sign, max(*o, -*o)/60, max(*o, -*o)%60)
	}
	return text + " " + t.Zone.String()
}

// TestVendorVectors holds every file of the shared folder to what its index says.
func TestVendorVectors(t *testing.T) {
	entries, err := os.ReadDir(shared.Path(t, "vectors", "vendor-cloud"))
	if err != nil {
		t.Fatal(err)
	}
	speaks := map[string]adapters.Adapter{}
	for _, a := range all.Adapters() {
		speaks[a.Name] = a
	}
	var rows [][]string
	for _, entry := range entries {
		want, known := vendorVectors[entry.Name()]
		if !known {
			rows = append(rows, []string{entry.Name(), "none", "not read yet"})
			continue
		}
		file := shared.Read(t, "vectors", "vendor-cloud", entry.Name())
		frames := [][]byte{file}
		if want.body != nil {
			frames = want.body(t, file)
		}
		var lines []string
		count := 0
		for _, data := range frames {
			frame := adapters.Frame{Bytes: data, Profile: want.profile, Device: "00A1C90000000001"}
			if head, rest, ok := strings.Cut(string(data), "\n"); ok && strings.HasPrefix(head, "profile: ") {
				frame.Profile, frame.Bytes = strings.TrimPrefix(head, "profile: "), []byte(rest)
			}
			result, err := speaks[want.adapter].New(golden.Memory{}).Decode(frame)
			var refused *adapters.Error
			if errors.As(err, &refused) {
				lines = append(lines, "refused "+refused.Reason)
			} else if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, facts(result)...)
			for _, r := range result.Reports {
				count += len(r.Measurements)
			}
		}
		for _, fact := range want.has {
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, fact) }) {
				t.Errorf("%s: no %q in\n%s", entry.Name(), fact, strings.Join(lines, "\n"))
			}
		}
		if count != want.count {
			t.Errorf("%s: %d readings, not %d:\n%s", entry.Name(), count, want.count, strings.Join(lines, "\n"))
		}
		rows = append(rows, []string{entry.Name(), want.adapter, fmt.Sprintf("as the index says: %d facts compared, %d readings", len(want.has), count)})
	}
	conformance.Table(t, "vendor-cloud", "Vectors of vendors' services and files", "Every file of `../shared/vectors/vendor-cloud`, decoded by its adapter. What is \"not read yet\" has no adapter.",
		[]string{"file", "adapter", "result"}, rows)
}
