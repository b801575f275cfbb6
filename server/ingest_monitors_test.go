package server_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"vitalwire/adapters"
	"vitalwire/internal/golden"
)

// monitors are serial monitors: a golden case of the adapter whose frames are sent as they
// are, what is charted then (code, value and how many Observations), and one that is refused.
var monitors = []struct {
	adapter, frames, device, model string
	code, value, unit              string
	broken, reason                 string
	status                         int
}{
	{"intellivue", "MDS-create-then-numerics-by-the-running-clock", "0009FB010203", "M8105A", "147842", "80", `,"unit":"{beat}/min","system":"http://unitsofmeasure.org","code":"/min"`, "error-list-longer-than-its-bytes", "remote operation needs 94 bytes, 91 left", 400},
	{"medibus", "one-poll", "00A1C90000000050", "EVITA XL", "150456", "97", "", "error-no-answer", "no whole answer from SOH to CR whose checksum is right", 400},
	{"ivy450c", "one-message", "00A1C90000000450", "450C", "147842", "72", `,"unit":"{beat}/min","system":"http://unitsofmeasure.org","code":"/min"`, "error-no-whole-message", "no whole message from FF ANSAR-B to FE", 400},
}

// TestIngest_Monitors: what a serial monitor said becomes Observations of who wears it, once,
// and of nobody else; before that it waits; and what is broken is refused and kept.
func TestIngest_Monitors(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, open(t))
			for _, m := range monitors {
				cases := map[string][]adapters.Frame{}
				for _, c := range golden.Cases(t, "../adapters/"+m.adapter) {
					cases[c.Name()] = c.Frames
				}
				if len(cases[m.frames]) == 0 || len(cases[m.broken]) == 0 {
					t.Fatalf("%s has no such cases", m.adapter)
				}
				send := func(f adapters.Frame) (int, string) {
					body := fmt.Sprintf(`{"deviceId":%q,"hex":%q,"receivedAt":%q}`, m.device, hex.EncodeToString(f.Bytes), "2026-11-20T08:00:00+01:00")
					status, _, answer := exchange(http.MethodPost, s.Root+"/ingest/"+m.adapter, body, "Content-Type", "application/json")
					return status, answer
				}
				frames := cases[m.frames]
				last := frames[len(frames)-1]
				for _, f := range frames {
					if status, answer := send(f); status/100 != 2 {
						t.Fatalf("%s: %d %s", m.adapter, status, answer)
					}
				}
				if status, answer := send(last); status != http.StatusAccepted {
					t.Errorf("%s: of nobody: %d %s", m.adapter, status, answer)
				}
				for _, id := range []string{m.adapter, m.adapter + "-other"} {
					if status, _, answer := exchange(http.MethodPut, s.Base+"/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`"}`); status != http.StatusCreated {
						t.Fatal(answer)
					}
				}
				// Until 2026 another patient had it.
				for _, wear := range []string{`"patient":"Patient/` + m.adapter + `-other","start":"2020-01-01T00:00:00Z","end":"2026-01-01T00:00:00Z"`, `"patient":"Patient/` + m.adapter + `","start":"2026-01-01T00:00:00Z"`} {
					if status, _, answer := exchange(http.MethodPost, s.Root+"/ingest/associations", `{"device":"`+m.device+`",`+wear+`}`, "Content-Type", "application/json"); status != http.StatusCreated {
						t.Fatal(answer)
					}
				}
				if status, answer := send(last); status != http.StatusOK {
					t.Errorf("%s: once more: %d %s", m.adapter, status, answer)
				}
				_, _, found := exchange(http.MethodGet, s.Base+"/Observation?_count=1000&_include=Observation:device&_include:iterate=DeviceMetric:source&patient="+m.adapter+"&code=urn:iso:std:iso:11073:10101%7C"+m.code, "")
				for _, want := range []string{`"value":` + m.value + m.unit, `"modelNumber":"` + m.model + `"`} {
					if !strings.Contains(found, want) {
						t.Errorf("%s: no %s in %s", m.adapter, want, found)
					}
				}
				if _, _, others := exchange(http.MethodGet, s.Base+"/Observation?_summary=count&patient="+m.adapter+"-other", ""); !strings.Contains(others, `"total":0`) {
					t.Errorf("%s: who had the monitor before has its readings: %s", m.adapter, others)
				}
				status, answer := send(cases[m.broken][0])
				if status != m.status || !strings.Contains(answer, m.reason) {
					t.Errorf("%s: broken: %d %s", m.adapter, status, answer)
				}
				if _, _, refused := exchange(http.MethodGet, s.Root+"/ingest/refused", ""); !strings.Contains(refused, m.reason) {
					t.Errorf("%s: what was refused is not kept: %s", m.adapter, refused)
				}
			}
		})
	}
}
