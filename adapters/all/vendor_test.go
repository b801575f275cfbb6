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
	if err := json.Unmarshal(file, &edges); err != nil {
		t.Fatal(err)
	}
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
		return v.Comparator + v.Number.Text + string(v.Number.Special) + " " + unit
	case v.Samples != nil:
		return fmt.Sprintf("%d samples every %s s", len(v.Samples.Decimals)+len(v.Samples.Raw), v.Samples.Period)
	case len(v.Concept) > 0:
		return "concept " + v.Concept[0].Code
	case len(v.Coded) > 0:
		return fmt.Sprintf("code %d", v.Coded[0])
	case v.Absent != "":
		return "absent " + string(v.Absent)
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
	return text + " " + string(t.Zone)
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
