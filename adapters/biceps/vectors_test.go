package biceps

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/internal/conformance"
	"vitalwire/internal/golden"
	"vitalwire/internal/shared"
)

// facts writes what a frame gave, a line for each fact.
func facts(result adapters.Result) (lines []string) {
	for _, r := range result.Reports {
		lines = append(lines, fmt.Sprintf("device %s%s type %d", r.Device.SystemID, r.Device.Local, r.Device.Type))
		if r.Device.Parent != "" {
			lines = append(lines, "parent "+r.Device.Parent)
		}
		if s := r.Bedside.Subject; s != nil {
			lines = append(lines, "patient "+s.Name)
		}
		if r.Bedside.Place != "" {
			lines = append(lines, "place "+r.Bedside.Place)
		}
		for _, o := range r.Bedside.Objects {
			line := fmt.Sprintf("object %s %s %s", name(o.Type, o.Codings), o.Kind, o.Category)
			if o.Unit != nil {
				line += " " + o.Unit.Code
			}
			if o.Limits != nil {
				line += " limits " + o.Limits.Low + "-" + o.Limits.High
			}
			lines = append(lines, line)
		}
		for _, m := range r.Measurements {
			line := name(m.Type, m.Metric.Codings) + " " + shown(m.Value) + " " + at(m.Time)
			if m.Status != 0 {
				line += fmt.Sprintf(" status %04X", uint16(m.Status))
			}
			lines = append(lines, line)
			for _, n := range m.Metric.Notes {
				lines = append(lines, name(m.Type, m.Metric.Codings)+" note "+n)
			}
			for _, c := range m.Components {
				lines = append(lines, fmt.Sprintf("part %d %s", c.Type, shown(c.Value)))
			}
			if m.Metric.Event != "" {
				lines = append(lines, "event "+m.Metric.Event+" "+m.Metric.Stage.String())
			}
		}
	}
	for _, s := range result.Skipped {
		lines = append(lines, "skipped "+s.Reason)
	}
	return lines
}

func name(code acom.Code, codings []acom.Coding) string {
	if code == 0 && len(codings) > 0 {
		return codings[0].Code + codings[0].Display
	}
	return fmt.Sprint(code)
}

func shown(v acom.Value) string {
	switch {
	case v.Number != nil:
		return fmt.Sprintf("%s%s%s %d", v.Comparator, v.Number.Text, v.Number.Special, v.Unit)
	case v.Samples != nil:
		return fmt.Sprintf("%d samples from %s every %s s", len(v.Samples.Decimals), v.Samples.Decimals[0], v.Samples.Period)
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
	text := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%s", w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second, w.Fraction)
	if t.Step != 0 {
		text += fmt.Sprintf(" step %d", t.Step)
	}
	return text
}

// expected is what the index of the vectors says of each: facts that must be there, as
// beginnings of lines, and how many lines of a kind there are.
var expected = map[string]struct {
	device, refused string
	has             []string
	counts          map[string]int
}{
	"tutorial_mdib.xml":  {device: "00A1C90000000801", has: []string{"object 130637 ", "object 196174 numeric setting 262656", "object 196075 coded-enumeration calculation 262656"}, counts: map[string]int{"device": 1, "object": 14}},
	"reference_mdib.xml": {device: "00A1C90000000801", has: []string{"object 130737 ", "object 196275 coded-enumeration setting 262656", "object 196074 numeric measurement 262656"}, counts: map[string]int{"device": 1, "object": 14}},
	"mdib_two_mds.xml": {has: []string{"device MDIB urn:uuid:4ed313b2-f925-418a-8476-6f3b4d06ee3e:mds0 type 130535", "device MDIB urn:uuid:4ed313b2-f925-418a-8476-6f3b4d06ee3e:mds_1 type 67108866", "place LD1^^TopBunk^sdcri", "object DN_METRIC coded-enumeration setting 262656",
		"196174 36 262656 2020-01-16T10:27:22.498", "196175 code 192834 never", "196176 STATIC never", "196074 108 262656 2020-01-29T15:30:25.199 status 0400", "196075 code 192835 2020-01-29T15:30:25.199 status 0400", "196076 UPPERCASE 2020-01-29T15:30:25.199 status 0400",
		"196076 100 samples from 25.000000000000000 every 1 s 2020-01-29T15:30:26.584", "262108  2020-01-16T10:27:22.508", "262108 note dummy condition", "event biceps/ac0.mds0@1579170442508 preliminary", "object 157784 numeric setting 265266"},
		counts: map[string]int{"device": 2, "event": 1, "patient": 0, "object": 21}},
	"plugathon_mdib_v2.xml":           {has: []string{"object 67108880 numeric measurement 262656", "object 67108883 rtsa measurement 262656", "object 157784 numeric setting 265266"}, counts: map[string]int{"device": 2, "event": 0, "object": 19}},
	"sdpi_inter-mds-relationship.xml": {has: []string{"parent MDIB urn:uuid:09578906-7efd-43a7-8344-8bf37b674524:mds_parent"}, counts: map[string]int{"device": 3, "parent": 2}},
	"sdpi_report-sequence.xml":        {refused: "no MDIB of the sequence"},
	"sdpi_timestamp-version.xml": {has: []string{"67108871 0 262656 2024-12-04T04:00:00.000 step 3600000", "67108871 0 262656 2024-12-04T00:00:00.000", "67108871 note The device's clock was set after this time", "67108871 0 262656 2024-12-04T14:00:00.000"},
		counts: map[string]int{"device": 1, "object": 6}},
}

// TestVectors holds every file of the shared folder to what its index says.
func TestVectors(t *testing.T) {
	entries, err := os.ReadDir(shared.Path(t, "vectors", "sdc-biceps"))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, entry := range entries {
		file := entry.Name()
		want, known := expected[file]
		if !known {
			t.Errorf("%s is not judged", file)
		}
		result, err := Adapter.New(golden.Memory{}).Decode(adapters.Frame{Bytes: shared.Read(t, "vectors", "sdc-biceps", file), Device: want.device})
		var refused *adapters.Error
		if errors.As(err, &refused) || err != nil {
			if want.refused == "" || refused == nil || !strings.Contains(refused.Reason, want.refused) {
				t.Errorf("%s: %v", file, err)
			}
			rows = append(rows, []string{file, "refused: " + err.Error()})
			continue
		}
		lines := facts(result)
		for _, fact := range want.has {
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, fact) }) {
				t.Errorf("%s: no %q in\n%s", file, fact, strings.Join(lines, "\n"))
			}
		}
		for kind, n := range want.counts {
			found := 0
			for _, l := range lines {
				if strings.HasPrefix(l, kind+" ") {
					found++
				}
			}
			if found != n {
				t.Errorf("%s: %d lines of %s, not %d:\n%s", file, found, kind, n, strings.Join(lines, "\n"))
			}
		}
		rows = append(rows, []string{file, fmt.Sprintf("as the index says: %d facts compared", len(want.has)+len(want.counts))})
	}
	conformance.Table(t, "sdc-biceps", "SDC vectors", "Every file of `../shared/vectors/sdc-biceps`, decoded by `adapters/biceps`.", []string{"file", "result"}, rows)
}

// TestPoCD_StatusMaps holds validities, activations, categories and calibrations to the
// guide's tables (page "Mapping SDC"), through FHIR.
func TestPoCD_StatusMaps(t *testing.T) {
	var table struct {
		Validity    [][4]string       `json:"validity"`
		Reason      map[string]string `json:"component_activation_to_Device.statusReason"`
		Operational map[string]string `json:"component_activation_to_DeviceMetric.operationalStatus"`
		Category    map[string]string `json:"metric_category"`
		State       map[string]string `json:"calibration_state"`
		Type        map[string]string `json:"calibration_type"`
	}
	if err := json.Unmarshal(shared.Read(t, "vectors", "fhir-pocd-ig", "sdc_status_maps.json"), &table); err != nil {
		t.Fatal(err)
	}
	for _, row := range table.Validity {
		_, o := played(t, "Msrmt", "On", "On", "Cal", "TP", row[0])
		got := [4]string{row[0], o.Path("meta", "security", "code").Text(), o.Path("dataAbsentReason", "coding", "code").Text(), o.Path("interpretation", "coding", "code").Text()}
		if got != row {
			t.Errorf("%q, the guide says %q", got, row)
		}
	}
	compare := func(what string, table map[string]string, got func(word string) string) {
		for word, want := range table {
			if found := got(word); found != want {
				t.Errorf("%s %s is %q, the guide says %q", what, word, found, want)
			}
		}
	}
	compare("activation", table.Reason, func(w string) string {
		parts, _ := played(t, "Msrmt", "On", w, "Cal", "TP", "Vld")
		return parts["Device"].Path("statusReason", "coding", "code").Text()
	})
	compare("activation", table.Operational, func(w string) string {
		parts, _ := played(t, "Msrmt", w, "On", "Cal", "TP", "Vld")
		return parts["DeviceMetric"].Get("operationalStatus").Text()
	})
	compare("category", table.Category, func(w string) string {
		parts, _ := played(t, w, "On", "On", "Cal", "TP", "Vld")
		return parts["DeviceMetric"].Get("category").Text()
	})
	compare("calibration state", table.State, func(w string) string {
		parts, _ := played(t, "Msrmt", "On", "On", w, "TP", "Vld")
		return parts["DeviceMetric"].Path("calibration", "state").Text()
	})
	compare("calibration type", table.Type, func(w string) string {
		parts, _ := played(t, "Msrmt", "On", "On", "Cal", w, "Vld")
		return parts["DeviceMetric"].Path("calibration", "type").Text()
	})
}

// played is a small MDIB in FHIR: the last of its parts of each type, and its Observation.
func played(t *testing.T, category, metric, channel, calibrated, kind, validity string) (parts map[string]*fhir.Resource, o *fhir.Resource) {
	t.Helper()
	document := `<m:Mdib xmlns:m="` + msg + `" xmlns="` + pm + `" xmlns:xsi="` + xsi + `" SequenceId="urn:uuid:7f1c0000-0000-4000-8000-000000000001"><MdDescription><Mds Handle="s"><Vmd Handle="v"><Channel Handle="c"><Metric Handle="n" xsi:type="NumericMetricDescriptor" MetricCategory="` + category + `"><Type Code="150456"/><Unit Code="262688"/></Metric></Channel></Vmd></Mds></MdDescription>` +
		`<MdState><State xsi:type="ChannelState" DescriptorHandle="c" ActivationState="` + channel + `"><CalibrationInfo ComponentCalibrationState="` + calibrated + `" Type="` + kind + `"/></State><State xsi:type="NumericMetricState" DescriptorHandle="n" ActivationState="` + metric + `"><MetricValue Value="97" DeterminationTime="1795510800000"><MetricQuality Validity="` + validity + `"/></MetricValue></State></MdState></m:Mdib>`
	result, err := Adapter.New(golden.Memory{}).Decode(adapters.Frame{Bytes: []byte(document)})
	if err != nil {
		t.Fatal(err)
	}
	key := fhir.Key{Type: "Device", ID: "d"}
	parts = map[string]*fhir.Resource{}
	for _, p := range mapping.Parts(result.Reports[0], "d") {
		if parts[p.Type], err = p.Resource(key, key); err != nil {
			t.Fatal(err)
		}
	}
	list, err := mapping.Observations(result.Reports[0], mapping.Context{Device: key, Received: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		return parts, nil
	}
	return parts, list[0].Resource
}

func FuzzBiceps(f *testing.F) { golden.Fuzz(f, Adapter) }
