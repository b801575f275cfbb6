package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
)

// watchdog is a sign of life of a monitor, which expects the next within so many seconds.
func watchdog(device, within, phase string) ingest.Submission {
	eui := device + "^^" + device + "^EUI-64"
	lines := []string{
		`MSH|^~\&|MON^00A1C90000000701^EUI-64|WARD|||20261120100000+0100||ORU^R40^ORU_R40|w|P|2.6|||AL|NE`,
		"OBR|1||8^watch^00A1C90000000701^EUI-64|196616^MDC_EVT_ALARM^MDC|||20261120100000+0100",
		"OBX|1|ST|196614^MDC_EVT_ACTIVE^MDC|1.0.0.0.1|||||||R|||||||" + eui,
		"OBX|2|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.0.2|" + phase + "||||||R|||||||" + eui,
	}
	if within != "" {
		lines = append(lines, "OBX|3|NM|67860^MDC_ATTR_CONFIRM_TIMEOUT^MDC|1.0.0.0.3|"+within+"||||||R|||||||"+eui)
	}
	return ingest.Submission{Adapter: "hl7pcd04", Bytes: []byte(strings.Join(lines, "\r") + "\r")}
}

// written is a log that may be read while it is written.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) count(words string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.text.String(), words)
}

// TestWatchdog_Silence_PCD04: a device that announced its next sign of life and gives none is
// overdue, in the list, the count and the log, until it is heard, says that it stops, or is
// blocked; the time the server was away is not held against it.
func TestWatchdog_Silence_PCD04(t *testing.T) {
	s := ward.Open(t)
	var offset atomic.Int64 // seconds
	began := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	s.Now = func() time.Time { return began.Add(time.Duration(offset.Load()) * time.Second) }
	log := &written{}
	s.Log = slog.New(slog.NewTextHandler(log, nil))
	keep := func(s *ingest.Service) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.KeepWatch(ctx) })
		return func() { cancel(); running.Wait() }
	}
	stop := keep(s)
	const monitor, silent, vague = "00A1C90000000711", "00A1C90000000712", "00A1C90000000713"
	say := func(device, within, phase string) {
		t.Helper()
		if receipt, err := s.Submit(t.Context(), watchdog(device, within, phase)); err != nil || !strings.Contains(string(receipt.Reply), "MSA|CA|w") {
			t.Fatal(receipt, err)
		}
	}
	expect := func(name, want string) {
		t.Helper()
		expected, overdue := s.Watchdogs()
		got := fmt.Sprintf("%d of %d", overdue, expected)
		list, err := s.Devices(t.Context(), "", "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range list {
			if k.Watchdog != nil && k.Watchdog.Overdue {
				got += " " + k.Device
			}
		}
		if got != want {
			t.Errorf("%s: %s overdue, not %s", name, got, want)
		}
	}
	say(monitor, "5", "start")
	say(silent, "5", "start")
	say(vague, "", "continue")
	expect("at first", "0 of 2")
	offset.Store(5)
	expect("on time", "0 of 2")
	say(monitor, "5", "continue")
	offset.Store(6)
	expect("one is late", "1 of 2 "+silent)
	for deadline := time.Now().Add(20 * time.Second); log.count("no sign of life") == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the log says nothing")
		}
	}
	if log.count("device="+silent) != 1 || log.count("device="+monitor) != 0 {
		t.Errorf("%s", log.text.String())
	}
	say(silent, "60", "continue")
	if log.count("heard again") != 1 {
		t.Error("the log does not say that it is back")
	}
	expect("is back", "0 of 2")
	say(monitor, "5", "end")
	offset.Store(40)
	expect("one has said that it stops", "0 of 1")

	// The server stops, and is away for an hour.
	stop()
	offset.Store(3600)
	again := &ingest.Service{Store: s.Store, Adapters: s.Adapters, Zone: s.Zone, Now: s.Now, Log: s.Log, Intake: s.Intake}
	s = again
	stop = keep(s)
	defer func() { stop() }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if expected, _ := s.Watchdogs(); expected == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("what was expected is forgotten")
		}
	}
	expect("the server is back", "0 of 1")
	offset.Store(3661)
	expect("and does not hear it", "1 of 1 "+silent)
	list, err := s.Devices(t.Context(), silent, "", 1)
	if err != nil || len(list) != 1 || list[0].Watchdog.Heard != "2026-11-20T09:00:06Z" || list[0].Watchdog.Within != "60" {
		t.Errorf("%+v %v", list, err)
	}
	if _, _, _, err := s.Enrol(t.Context(), ingest.Enrolment{Device: silent, State: ingest.Blocked}, false); err != nil {
		t.Fatal(err)
	}
	expect("it is blocked", "0 of 0")
	if _, err := s.Submit(t.Context(), watchdog(silent, "60", "continue")); err == nil {
		t.Error("a blocked device's sign of life was taken")
	}
	for _, within := range []string{"0", "-5", "1e9", "999999", "soon", strings.Repeat("9", 4000)} {
		say(vague, within, "continue")
		expect("announced "+within[:1], "0 of 0")
	}
}
