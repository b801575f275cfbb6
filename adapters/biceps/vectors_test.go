package biceps

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
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
				lines = append(lines, "event "+m.Metric.Event+" "+string(m.Metric.Stage))
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
	case v.Absent != "":
		return "absent " + string(v.Absent)
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

func FuzzBiceps(f *testing.F) { golden.Fuzz(f, Adapter) }
