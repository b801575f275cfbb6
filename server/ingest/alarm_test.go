package ingest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
	"vitalwire/server/store"
)

// alarm is a PCD-04 message about alarm-77, at a second of 2026-11-20 10:00.
func alarm(second int, phase, state string) ingest.Submission {
	at := fmt.Sprintf("202611201000%02d+0100", second)
	eui := "00A1C90000000711^^00A1C90000000711^EUI-64"
	lines := []string{
		`MSH|^~\&|MON^00A1C90000000701^EUI-64|WARD|||` + at + `||ORU^R40^ORU_R40|a` + at + phase + `|P|2.6|||AL|NE`,
		"OBR|1||0^alarm-77^00A1C90000000701^EUI-64|196616^MDC_EVT_ALARM^MDC|||" + at + strings.Repeat("|", 22) + "^0&alarm-77&00A1C90000000701&EUI-64",
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||" + eui,
		"OBX|2|ST|196670^MDC_EVT_LO^MDC|1.2.1.1.1|SpO2 low||||||R|||" + at + "||||" + eui,
		"OBX|3|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.2.1.1.3|" + phase + "||||||R|||||||" + eui,
		"OBX|4|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.2.1.1.4|" + state + "||||||R|||||||" + eui,
	}
	return ingest.Submission{Adapter: "hl7pcd04", Bytes: []byte(strings.Join(lines, "\r") + "\r")}
}

// TestAlarm_StatesInAnyOrder_PCD04: what is over stays over, whatever comes late or twice;
// every state that came is kept as a frame.
func TestAlarm_StatesInAnyOrder_PCD04(t *testing.T) {
	s := ward.Open(t)
	ward.Wear(t, s, "00A1C90000000711", "a")
	alarms := func() (status string, versions, all int) {
		t.Helper()
		err := s.Store.View(t.Context(), func(r store.Reader) error {
			list, err := r.Versions(store.Selection{Type: "Observation"}, 100)
			ids := map[fhir.Key]bool{}
			for i, v := range list {
				o, err := fhir.ParseResource(v.Body)
				if err != nil {
					return err
				}
				if ids[v.Key] = true; i == 0 { // newest first
					status = o.Get("status").Text()
				}
			}
			versions, all = len(list), len(ids)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return status, versions, all
	}
	for _, step := range []struct {
		name         string
		second       int
		phase, state string
		status       string
		versions     int
	}{
		{"starts", 0, "start", "active", "preliminary", 1},
		{"the same again", 0, "start", "active", "preliminary", 1},
		{"is latched", 20, "end", "latched", "preliminary", 2},
		{"an update from before, late", 10, "update", "active", "preliminary", 2},
		{"ends", 30, "end", "inactive", "final", 3},
		{"ends, again", 30, "end", "inactive", "final", 3},
		{"the start again, late", 0, "start", "active", "final", 3},
		{"an update from before, late", 25, "update", "active", "final", 3},
		{"another of the second it ended in", 30, "continue", "active", "final", 3},
	} {
		if _, err := s.Submit(t.Context(), alarm(step.second, step.phase, step.state)); err != nil {
			t.Fatal(step.name, err)
		}
		if status, versions, all := alarms(); status != step.status || versions != step.versions || all != 1 {
			t.Errorf("%s: %s, %d versions of %d alarms; not %s, %d of 1", step.name, status, versions, all, step.status, step.versions)
		}
	}
	frames, _, err := s.Kept(t.Context(), ingest.Frames{}, "", 100)
	if err != nil || len(frames) != 6 {
		t.Errorf("%d frames are kept, not 6: %v", len(frames), err)
	}
}

// TestAlarm_DeviceOnAnotherPatient_PCD04: an alarm that goes on while its device is put on
// another patient stays with whom it began, and one that is over is not woken by the next
// patient's, though the device gives its name again.
func TestAlarm_DeviceOnAnotherPatient_PCD04(t *testing.T) {
	s := ward.Open(t)
	const device, moved = "00A1C90000000711", "2026-11-20T09:00:10Z"
	for _, a := range []ingest.Association{{Device: device, Patient: "Patient/a", Start: "2020-01-01T00:00:00Z", End: moved}, {Device: device, Patient: "Patient/b", Start: moved}} {
		if _, _, _, err := s.Associate(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	alarms := func() (all []string) {
		t.Helper()
		err := s.Store.View(t.Context(), func(r store.Reader) error {
			list, err := r.Versions(store.Selection{Type: "Observation"}, 100)
			newest := map[fhir.Key]bool{}
			for _, v := range list {
				o, err := fhir.ParseResource(v.Body)
				if err != nil {
					return err
				}
				if !newest[v.Key] {
					newest[v.Key] = true
					all = append(all, fmt.Sprintf("%s %s %d", o.Path("subject", "reference").Text(), o.Get("status").Text(), v.VersionID))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(all)
		return all
	}
	for _, step := range []struct {
		name         string
		second       int
		phase, state string
		want         string
	}{
		{"starts", 0, "start", "active", "Patient/a preliminary 1"},
		{"goes on after the device moved", 20, "continue", "active", "Patient/a preliminary 2"},
		{"ends", 30, "end", "inactive", "Patient/a final 3"},
		{"an update from before, late", 25, "update", "active", "Patient/a final 3"},
		{"the name again, of the next patient", 40, "start", "active", "Patient/a final 3,Patient/b preliminary 1"},
		{"the same again", 40, "start", "active", "Patient/a final 3,Patient/b preliminary 1"},
		{"ends", 50, "end", "inactive", "Patient/a final 3,Patient/b final 2"},
		{"the first start, late", 0, "start", "active", "Patient/a final 3,Patient/b final 2"},
	} {
		if _, err := s.Submit(t.Context(), alarm(step.second, step.phase, step.state)); err != nil {
			t.Fatal(step.name, err)
		}
		if got := strings.Join(alarms(), ","); got != step.want {
			t.Errorf("%s: %s, not %s", step.name, got, step.want)
		}
	}
}
