package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"vitalwire/server"
)

// alarmState is a state that a monitor tells of an alarm (IHE PCD-04), and what the
// alarm's Observation is after it.
type alarmState struct {
	name string
	// event, phase, state, inactivation and priority as OBR-29 and the attribute rows have
	// them; second of 10:00 on 2026-11-20 and text that people read.
	event, phase, state, inactivation, priority string
	second                                      int
	text                                        string
	// Of the Observation now: its status, versions and newest words.
	status   string
	versions int
	now      string
}

// message is the state as the monitor sends it.
func (a alarmState) message(id string) string {
	at := fmt.Sprintf("202611201000%02d+0100", a.second)
	const eui = "00A1C90000000711^^00A1C90000000711^EUI-64"
	parent := strings.Repeat("|", 22) + "^0&" + a.event + "&00A1C90000000701&EUI-64"
	rows := []string{
		`MSH|^~\&|MON^00A1C90000000701^EUI-64|WARD|||` + at + `||ORU^R40^ORU_R40|` + id + `|P|2.6|||AL|NE||UNICODE UTF-8|||IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.4.1^ISO`,
		"OBR|1||0^" + a.event + "^00A1C90000000701^EUI-64|196616^MDC_EVT_ALARM^MDC|||" + at + parent,
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||" + eui,
		"OBX|2|ST|196670^MDC_EVT_LO^MDC|1.2.1.1.1|" + a.text + "||||||R|||" + at + "||||" + eui,
	}
	for i, part := range [][2]string{{"68480^MDC_ATTR_ALERT_SOURCE", "150456^MDC_PULS_OXIM_SAT_O2^MDC"}, {"68481^MDC_ATTR_EVENT_PHASE", a.phase}, {"68482^MDC_ATTR_ALARM_STATE", a.state},
		{"68483^MDC_ATTR_ALARM_INACTIVATION_STATE", a.inactivation}, {"68484^MDC_ATTR_ALARM_PRIORITY", a.priority}, {"68485^MDC_ATTR_ALARM_TYPE", "SP"}} {
		rows = append(rows, fmt.Sprintf("OBX|%d|ST|%s^MDC|1.2.1.1.%d|%s||||||R|||||||%s", i+3, part[0], i+2, part[1], eui))
	}
	return strings.Join(rows, "\r") + "\r"
}

// alarmLife is every phase and state of inactivation that PCD-04 has, with what comes twice,
// late, or after the end. Nothing that is late changes anything, and nothing is reopened.
var alarmLife = []alarmState{
	{"starts", "a1", "start", "active", "enabled", "PM", 0, "SpO2 84", "preliminary", 1, "start active enabled PM SpO2 84"},
	{"the same again", "a1", "start", "active", "enabled", "PM", 0, "SpO2 84", "preliminary", 1, "start active enabled PM SpO2 84"},
	{"continues", "a1", "continue", "active", "enabled", "PM", 5, "SpO2 84", "preliminary", 2, "continue active enabled PM SpO2 84"},
	{"goes on: no version", "a1", "continue", "active", "enabled", "PM", 15, "SpO2 84", "preliminary", 2, "continue active enabled PM SpO2 84"},
	{"late, of before it last went on", "a1", "update", "active", "audio-paused", "PL", 10, "SpO2 89", "preliminary", 2, "continue active enabled PM SpO2 84"},
	{"other words alone", "a1", "continue", "active", "enabled", "PM", 18, "SpO2 80", "preliminary", 3, "continue active enabled PM SpO2 80"},
	{"escalates", "a1", "escalate", "active", "enabled", "PH", 20, "SpO2 70", "preliminary", 4, "escalate active enabled PH SpO2 70"},
	{"is acknowledged", "a1", "update", "active", "alert-acknowledged", "PH", 22, "SpO2 70", "preliminary", 5, "update active alert-acknowledged PH SpO2 70"},
	{"is paused", "a1", "update", "active", "alarm-paused", "PH", 24, "SpO2 70", "preliminary", 6, "update active alarm-paused PH SpO2 70"},
	{"without sound", "a1", "update", "active", "audio-off", "PH", 26, "SpO2 70", "preliminary", 7, "update active audio-off PH SpO2 70"},
	{"off", "a1", "update", "active", "alarm-off", "PH", 28, "SpO2 70", "preliminary", 8, "update active alarm-off PH SpO2 70"},
	{"deescalates", "a1", "deescalate", "active", "enabled", "PL", 30, "SpO2 88", "preliminary", 9, "deescalate active enabled PL SpO2 88"},
	{"is over, and latched", "a1", "end", "latched", "enabled", "PL", 32, "SpO2 92", "preliminary", 10, "end latched enabled PL SpO2 92"},
	{"the escalation again, late", "a1", "escalate", "active", "enabled", "PH", 20, "SpO2 70", "preliminary", 10, "end latched enabled PL SpO2 92"},
	{"is reset", "a1", "reset", "inactive", "enabled", "PL", 40, "SpO2 92", "final", 11, "reset inactive enabled PL SpO2 92"},
	{"the reset again", "a1", "reset", "inactive", "enabled", "PL", 40, "SpO2 92", "final", 11, "reset inactive enabled PL SpO2 92"},
	{"the start again, late", "a1", "start", "active", "enabled", "PM", 0, "SpO2 84", "final", 11, "reset inactive enabled PL SpO2 92"},
	{"another of its last second", "a1", "continue", "active", "enabled", "PL", 40, "SpO2 92", "final", 11, "reset inactive enabled PL SpO2 92"},
	{"a second alarm, whose end comes first", "a2", "end", "inactive", "enabled", "PM", 50, "SpO2 95", "final", 1, "end inactive enabled PM SpO2 95"},
	{"and then its start", "a2", "start", "active", "enabled", "PM", 45, "SpO2 83", "final", 1, "end inactive enabled PM SpO2 95"},
	{"one that has no duration", "a3", "tpoint", "inactive", "enabled", "PN", 55, "Artefact", "final", 1, "tpoint inactive enabled PN Artefact"},
}

// TestAlarm_Life_PCD04 tells the life of an alarm over each wire to each store.
func TestAlarm_Life_PCD04(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freePort(t)
			s := start(t, open(t), func(c *server.Config) { c.MLLP = address })
			// Two monitors of two patients, so that one server hears both wires.
			for wire, device := range map[string]string{"mllp": "00A1C90000000711", "http": "00A1C90000000712"} {
				if status, _, answer := exchange(http.MethodPut, s.Base+"/Patient/"+wire, `{"resourceType":"Patient","id":"`+wire+`"}`); status != http.StatusCreated {
					t.Fatal(answer)
				}
				wear := `{"device":"` + device + `","patient":"Patient/` + wire + `","start":"2026-11-19T00:00:00Z"}`
				if status, _, answer := exchange(http.MethodPost, s.Root+"/ingest/associations", wear, "Content-Type", "application/json"); status != http.StatusCreated {
					t.Fatal(answer)
				}
			}
			send := map[string]func(message string) string{
				"mllp": func(message string) string { return sent(t, address, "\x0B"+message+"\x1C\r") },
				"http": func(message string) string {
					message = strings.ReplaceAll(message, "00A1C90000000711", "00A1C90000000712")
					status, _, answer := exchange(http.MethodPost, s.Root+"/ingest/hl7pcd04", message, "Content-Type", "application/hl7-v2")
					if status/100 != 2 {
						t.Fatal(status, answer)
					}
					return replied(t, answer)
				},
			}
			for wire, say := range send {
				for i, step := range alarmLife {
					id := fmt.Sprintf("%s-%d-{x}", wire, i)
					if answer := say(step.message(id)); !strings.Contains(answer, "|ACK^R40|") || !strings.Contains(answer, "\rMSA|CA|"+id+"\r") {
						t.Errorf("%s, %s: answered %q", wire, step.name, answer)
					}
					status, versions, now := alarmNow(t, s.Base, wire, step.event)
					if status != step.status || versions != step.versions || now != step.now {
						t.Errorf("%s, %s: %s in %d versions, %q; not %s in %d, %q", wire, step.name, status, versions, now, step.status, step.versions, step.now)
					}
				}
				if _, _, answer := exchange(http.MethodGet, s.Base+"/Observation?patient="+wire+"&_summary=count", ""); !strings.Contains(answer, `"total":3`) {
					t.Errorf("%s: not three alarms: %s", wire, answer)
				}
			}
		})
	}
}

// replied is what a device is told in the answer to a frame that came by HTTP.
func replied(t *testing.T, answer string) string {
	t.Helper()
	var bundle struct {
		Entry []struct {
			Resource struct {
				ResourceType string
				Data         string
			}
		}
	}
	if err := json.Unmarshal([]byte(answer), &bundle); err != nil {
		t.Fatal(err)
	}
	for _, e := range bundle.Entry {
		if e.Resource.ResourceType == "Binary" {
			data, err := base64.StdEncoding.DecodeString(e.Resource.Data)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
	}
	return ""
}

// alarmNow is the Observation of an alarm: its status, how many versions it has, and its
// phase, state, inactivation, priority and words.
func alarmNow(t *testing.T, base, patient, event string) (status string, versions int, now string) {
	t.Helper()
	var found struct {
		Entry []struct {
			Resource struct {
				ID, Status string
				Meta       struct{ VersionID string }
				Identifier []struct{ Value string }
				Component  []struct {
					Code                 struct{ Coding []struct{ Code string } }
					ValueCodeableConcept struct{ Coding []struct{ Code string } }
				}
				Note []struct{ Text string }
			}
		}
	}
	_, _, answer := exchange(http.MethodGet, base+"/Observation?patient="+patient+"&code=urn:iso:std:iso:11073:10101%7C196670", "")
	if err := json.Unmarshal([]byte(answer), &found); err != nil {
		t.Fatal(err)
	}
	for _, e := range found.Entry {
		o := e.Resource
		if !strings.Contains(o.Identifier[0].Value, "^"+event+"^") {
			continue
		}
		if status != "" {
			t.Errorf("%s is two Observations", event)
		}
		words := []string{}
		for _, want := range []string{"68481", "68482", "68483", "68484"} {
			for _, c := range o.Component {
				if c.Code.Coding[0].Code == want {
					words = append(words, c.ValueCodeableConcept.Coding[0].Code)
				}
			}
		}
		for _, n := range o.Note {
			words = append(words, n.Text)
		}
		status, now = o.Status, strings.Join(words, " ")
		if _, err := fmt.Sscan(o.Meta.VersionID, &versions); err != nil {
			t.Fatal(err)
		}
	}
	return status, versions, now
}

// TestAlarm_Watchdog_PCD04: a watchdog is answered and charted nowhere; that it is overdue is
// seen in the list of devices and in the metrics.
func TestAlarm_Watchdog_PCD04(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freePort(t)
			s := start(t, open(t), func(c *server.Config) { c.MLLP = address })
			say := func(within, phase string) {
				t.Helper()
				const eui = "00A1C90000000711^^00A1C90000000711^EUI-64"
				answer := sent(t, address, "\x0B"+strings.Join([]string{
					`MSH|^~\&|MON^00A1C90000000701^EUI-64|WARD|||20261120100000+0100||ORU^R40^ORU_R40|w-1|P|2.6|||AL|NE`,
					"OBR|1||8^watch^00A1C90000000701^EUI-64|196616^MDC_EVT_ALARM^MDC|||20261120100000+0100",
					"OBX|1|ST|196614^MDC_EVT_ACTIVE^MDC|1.0.0.0.1|||||||R|||||||" + eui,
					"OBX|2|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.0.2|" + phase + "||||||R|||||||" + eui,
					"OBX|3|NM|67860^MDC_ATTR_CONFIRM_TIMEOUT^MDC|1.0.0.0.3|" + within + "^MDC||||||R|||||||" + eui}, "\r")+"\r\x1C\r")
				if !strings.Contains(answer, "\rMSA|CA|w-1\r") {
					t.Errorf("answered %q", answer)
				}
			}
			// seen waits until list and metrics say so.
			seen := func(name, list, metric string) {
				t.Helper()
				var devices, metrics string
				for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
					_, _, devices = exchange(http.MethodGet, s.Root+"/ingest/devices?device=00A1C90000000711", "")
					_, _, metrics = exchange(http.MethodGet, s.Root+"/metrics", "")
					if regexp.MustCompile(list).MatchString(devices) && strings.Contains(metrics, metric) {
						return
					}
				}
				t.Errorf("%s: %s\n%s", name, devices, regexp.MustCompile("(?m)^vitalwire_watchdogs.*$").FindAllString(metrics, -1))
			}
			say("1|264338^MDC_DIM_MILLI_SEC", "start") // within a millisecond
			seen("late", `"watchdog":\{"heard":"[^"]*","within":"0.001","overdue":true\}`, "\nvitalwire_watchdogs_overdue 1\n")
			say("60|264352^MDC_DIM_MIN", "continue")
			seen("on time", `"watchdog":\{"heard":"[^"]*","within":"3600"\}`, "\nvitalwire_watchdogs_overdue 0\n")
			say("60|264352^MDC_DIM_MIN", "end")
			seen("stopped", `"watchdog":\{"heard":"[^"]*","within":"3600","ended":true\}`, "\nvitalwire_watchdogs_expected 0\n")
			if _, _, answer := exchange(http.MethodGet, s.Base+"/Observation?_summary=count", ""); !strings.Contains(answer, `"total":0`) {
				t.Errorf("a watchdog is charted: %s", answer)
			}
			if _, _, answer := exchange(http.MethodGet, s.Root+"/ingest/quarantine", ""); !strings.Contains(answer, `"items":[]`) {
				t.Errorf("a watchdog waits: %s", answer)
			}
		})
	}
}
