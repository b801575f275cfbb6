package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"vitalwire/adapters/all"
	"vitalwire/server"
)

// TestTapper runs the program with the adapter and sends it a frame.
func TestTapper(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- server.Main(server.Program{Context: ctx, Stdout: in, Stderr: io.Discard, Adapters: append(all.Adapters(), tapper),
			Args: []string{"--listen", "127.0.0.1:0", "--store", "sqlite:" + t.TempDir() + "/v.db"}})
		_ = in.Close()
	}()
	lines, root := bufio.NewScanner(out), ""
	for root == "" && lines.Scan() {
		if found := regexp.MustCompile(`POST (\S+)/ingest`).FindStringSubmatch(lines.Text()); found != nil {
			root = found[1]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	send := func(frame string) (int, string) {
		response, err := http.Post(root+"/ingest/tapper?deviceId=00A1C90000000901&receivedAt=2026-11-20T08:00:00Z", "application/octet-stream", strings.NewReader(frame))
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
	if status, answer := send("T\x00\x48"); status != http.StatusAccepted {
		t.Error(status, answer)
	}
	for _, frame := range []string{"X\x00\x48", "T\x00", "T\x00\x48\x00"} {
		if status, answer := send(frame); status != http.StatusBadRequest {
			t.Error(status, answer)
		}
	}
	stop()
	if status := <-ended; status != 0 {
		t.Error("exit status", status)
	}
}
