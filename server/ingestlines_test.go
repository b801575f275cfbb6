package server_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestIngest_Lines sends frames a line each: good ones, the same twice, bad ones.
func TestIngest_Lines(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			s := start(t, open(t))
			if status, _, answer := exchange(http.MethodPut, s.Base+"/Patient/p", `{"resourceType":"Patient","id":"p"}`); status != http.StatusCreated {
				t.Fatal(answer)
			}
			wear := `{"device":"00A1C90000000201","patient":"Patient/p","start":"2026-11-19T00:00:00Z"}`
			if status, _, answer := exchange(http.MethodPost, s.Root+"/ingest/associations", wear, "Content-Type", "application/json"); status != http.StatusCreated {
				t.Fatal(answer)
			}
			line := func(device, second, hex string) string {
				return `{"deviceId":"` + device + `","receivedAt":"2026-11-20T00:00:` + second + `Z","characteristic":"2A37","hex":"` + hex + `"}`
			}
			body := strings.Join([]string{line("00A1C90000000201", "01", "0041"), line("00A1C90000000201", "02", "0042"), "", line("00A1C90000000201", "01", "0041"),
				line("00A1C90000000202", "01", "0043"), line("00A1C90000000201", "03", "01"), "{", line("00A1C90000000201", "04", "")}, "\r\n")
			status, _, answer := exchange(http.MethodPost, s.Root+"/ingest/blegatt", body, "Content-Type", "application/x-ndjson")
			if status != http.StatusOK {
				t.Fatal(status, answer)
			}
			var got []string
			for _, part := range strings.Split(answer, `"response":{"status":"`)[1:] {
				got = append(got, part[:3])
			}
			// Of each bundle its own entries come before its line's answer.
			if want := "201 201 201 201 200 200 202 202 400 400 400"; strings.Join(got, " ") != want {
				t.Errorf("%v, not %s: %s", got, want, answer)
			}
			if status, _, answer := exchange(http.MethodGet, s.Base+"/Observation?_summary=count", ""); status != http.StatusOK || !strings.Contains(answer, `"total":2`) {
				t.Error(status, answer)
			}
			if status, _, answer := exchange(http.MethodPost, s.Root+"/ingest/blegatt", "\n\n", "Content-Type", "application/x-ndjson"); status != http.StatusBadRequest {
				t.Error(status, answer)
			}
		})
	}
}
