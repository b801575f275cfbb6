package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/spawn"
)

func TestMain(m *testing.M) {
	spawn.Serve()
	m.Run()
}

// TestPlay sends temperatures to a server of its own and reads them back.
func TestPlay(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := socket.Addr().String()
	_ = socket.Close()
	p := spawn.Start(t, "sqlite:"+t.TempDir()+"/v.db", "--phd-tcp", address)
	send := func(method, url, body, media string) (int, string) {
		request, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", media)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(answer)
	}
	if status, answer := send("PUT", p.Base+"/Patient/p", `{"resourceType":"Patient","id":"p"}`, "application/fhir+json"); status != 201 {
		t.Fatal(answer)
	}
	wear := `{"device":"00A1C9FFFE000801","patient":"Patient/p","start":"2020-01-01T00:00:00Z"}`
	if status, answer := send("POST", strings.TrimSuffix(p.Base, "/fhir")+"/ingest/associations", wear, "application/json"); status != 201 {
		t.Fatal(answer)
	}
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for range 2 { // sent again, they are there once
		if err := play(address, []string{"36.80", "37.10", "38"}, at); err != nil {
			t.Fatal(err)
		}
	}
	status, answer := send("GET", p.Base+"/Observation?code=150364&_total=accurate", "", "")
	if status != 200 || !strings.Contains(answer, `"total":3`) || !strings.Contains(answer, `"value":36.80`) || !strings.Contains(answer, `"value":38.00`) {
		t.Error(status, answer)
	}
	if err := play(address, []string{"warm"}, at); err == nil {
		t.Error("a word was sent")
	}
}
