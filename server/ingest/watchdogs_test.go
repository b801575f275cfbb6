package ingest_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
	"vitalwire/server/store"
)

// TestWatchdogs_SeveralServers_PCD04: servers of one store expect the signs of all devices. One
// that another server hears is not silent, and one that only a dead server heard is not forgotten.
func TestWatchdogs_SeveralServers_PCD04(t *testing.T) {
	a := ward.Open(t)
	var offset atomic.Int64 // seconds
	began := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	a.Now = func() time.Time { return began.Add(time.Duration(offset.Load()) * time.Second) }
	server := func() (*ingest.Service, *written) {
		log := &written{}
		return &ingest.Service{Store: a.Store, Adapters: a.Adapters, Zone: a.Zone, Now: a.Now, Log: slog.New(slog.NewTextHandler(log, nil)), Intake: a.Intake}, log
	}
	keep := func(s *ingest.Service) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.KeepWatch(ctx) })
		return sync.OnceFunc(func() { cancel(); running.Wait() })
	}
	until := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	say := func(s *ingest.Service, device string) {
		t.Helper()
		if receipt, err := s.Submit(t.Context(), watchdog(device, "5", "continue")); err != nil || !strings.Contains(string(receipt.Reply), "MSA|CA|w") {
			t.Fatal(receipt, err)
		}
	}
	booked := func(device, heard string) func() bool {
		return func() (found bool) {
			err := a.Store.View(t.Context(), func(r store.Reader) error {
				data, _, err := r.Record("watchdog", device)
				found = strings.Contains(string(data), heard)
				return err
			})
			return err == nil && found
		}
	}
	const moving, silent = "00A1C90000000721", "00A1C90000000722"
	first, firstLog := server()
	stopFirst := keep(first)
	defer func() { stopFirst() }()
	say(first, moving)
	say(first, silent)
	until("what was heard is not written", booked(moving, "2026-11-20T09:00:00Z"))
	second, secondLog := server()
	stopSecond := keep(second)
	defer func() { stopSecond() }()
	until("the second server does not expect what the first heard", func() bool { expected, _ := second.Watchdogs(); return expected == 2 })

	offset.Store(4)
	say(second, moving)
	until("the second server does not write what it heard", booked(moving, "2026-11-20T09:00:04Z"))
	offset.Store(6)
	for name, s := range map[string]*ingest.Service{"first": first, "second": second} {
		if expected, overdue := s.Watchdogs(); expected != 2 || overdue != 1 {
			t.Errorf("%s server: %d of %d overdue", name, overdue, expected)
		}
	}
	until("the log says nothing", func() bool {
		return firstLog.count("device="+silent) > 0 && secondLog.count("device="+silent) > 0
	})
	if firstLog.count("device="+moving) != 0 {
		t.Error("a device that another server hears is called silent")
	}

	stopFirst()
	say(second, silent)
	offset.Store(10)
	if expected, overdue := second.Watchdogs(); expected != 2 || overdue != 1 {
		t.Errorf("after the first server died: %d of %d overdue", overdue, expected)
	}
	until("the log of the second says nothing", func() bool { return secondLog.count("device="+moving) > 0 })
	if secondLog.count("heard again") != 1 {
		t.Error("the log does not say that one is back")
	}
}
