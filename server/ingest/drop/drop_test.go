package drop_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/blegatt"
	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
	"vitalwire/server/ingest/drop"
)

func begin(t *testing.T) (f *drop.Folder, s *ingest.Service, watch func(done func() bool)) {
	t.Helper()
	s = ward.Open(t)
	ward.Wear(t, s, ward.Cuff, "a")
	f = &drop.Folder{Ingest: s, Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Every: 20 * time.Millisecond}
	if err := f.Prepare(); err != nil {
		t.Fatal(err)
	}
	return f, s, func(done func() bool) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { f.Watch(ctx); close(ended) }()
		for until := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(until) {
				t.Error("it never came to it")
				break
			}
		}
		stop()
		<-ended
	}
}

func put(t *testing.T, f *drop.Folder, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.Dir, "blegatt", path), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func envelope(n int) string {
	return fmt.Sprintf(`{"deviceId":"%s","receivedAt":"2026-11-20T00:00:%02dZ","characteristic":"2A37","hex":"00%02X"}`, ward.Cuff, n, n)
}

func names(t *testing.T, f *drop.Folder, sub string) string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(f.Dir, "blegatt", sub))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range list {
		if !e.IsDir() {
			all = append(all, e.Name())
		}
	}
	return strings.Join(all, " ")
}

// TestDrop_DoneFailedAndLeftAlone puts files of every kind.
func TestDrop_DoneFailedAndLeftAlone(t *testing.T) {
	f, s, watch := begin(t)
	put(t, f, "one.json", envelope(41))
	put(t, f, "two.json", envelope(42))
	put(t, f, "bad.json", `{"hex":"00"`)
	put(t, f, "empty", "")
	put(t, f, "large", strings.Repeat("x", 3<<20))
	put(t, f, ".hidden", envelope(43))
	put(t, f, "writing.json.part", envelope(44))
	if err := os.Symlink("/etc/hostname", filepath.Join(f.Dir, "blegatt", "link")); err != nil {
		t.Fatal(err)
	}
	watch(func() bool { done, failed, _ := f.Totals(); return done == 2 && failed == 3 })
	if got := ward.Values(t, s, "8867-4"); len(got) != 2 || got["41"] != 1 || got["42"] != 1 {
		t.Error(got)
	}
	for sub, want := range map[string]string{"done": "one.json two.json", "failed": "bad.json bad.json.error.txt empty empty.error.txt large large.error.txt", "taken": "", "": ".hidden link writing.json.part"} {
		if got := names(t, f, sub); got != want {
			t.Errorf("%s holds %q, not %q", sub, got, want)
		}
	}
	// The same name again, with another reading.
	put(t, f, "one.json", envelope(45))
	watch(func() bool { done, _, _ := f.Totals(); return done == 3 })
	if got := strings.Fields(names(t, f, "done")); len(got) != 3 {
		t.Error(got)
	}
}

// TestDrop_Templates takes files for an adapter that comes while the folder is watched.
func TestDrop_Templates(t *testing.T) {
	f, s, watch := begin(t)
	own := blegatt.Adapter
	own.Name = "own"
	var there atomic.Bool
	s.Templates = func() []adapters.Adapter {
		if there.Load() {
			return []adapters.Adapter{own}
		}
		return nil
	}
	watch(func() bool {
		there.Store(true)
		_, err := os.Stat(filepath.Join(f.Dir, "own", "taken"))
		return err == nil
	})
	if err := os.WriteFile(filepath.Join(f.Dir, "own", "one.json"), []byte(envelope(47)), 0o600); err != nil {
		t.Fatal(err)
	}
	watch(func() bool { done, failed, _ := f.Totals(); return done+failed == 1 })
	if got := ward.Values(t, s, "8867-4"); got["47"] != 1 {
		t.Error(got)
	}
}

// TestDrop_CrashAtEachStep leaves a file as a kill would at each step of its way: it
// ends in done, and its reading is stored once.
func TestDrop_CrashAtEachStep(t *testing.T) {
	f, s, watch := begin(t)
	put(t, f, "before.json", envelope(51))
	put(t, f, "taken/taken.json", envelope(52))  // moved, not stored
	put(t, f, "taken/stored.json", envelope(53)) // stored, not moved on
	sub, err := ingest.ReadEnvelope("blegatt", []byte(envelope(53)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Submit(t.Context(), sub); err != nil {
		t.Fatal(err)
	}
	watch(func() bool { done, _, _ := f.Totals(); return done == 3 })
	got := ward.Values(t, s, "8867-4")
	if len(got) != 3 || got["51"] != 1 || got["52"] != 1 || got["53"] != 1 || names(t, f, "taken") != "" {
		t.Error(got, names(t, f, "taken"))
	}
}

// TestDrop_StoreAway keeps files while nothing can be stored.
func TestDrop_StoreAway(t *testing.T) {
	f, s, watch := begin(t)
	_ = s.Store.Close()
	put(t, f, "one.json", envelope(46))
	watch(func() bool { _, _, waiting := f.Totals(); return waiting > 1 })
	if names(t, f, "taken") != "one.json" || names(t, f, "done")+names(t, f, "failed") != "" {
		reasons, _ := filepath.Glob(filepath.Join(f.Dir, "blegatt", "failed", "*.txt"))
		for _, name := range reasons {
			why, _ := os.ReadFile(name)
			t.Logf("%s: %s", name, why)
		}
		t.Errorf("a file was given up: %q %q %q %q", names(t, f, ""), names(t, f, "taken"), names(t, f, "done"), names(t, f, "failed"))
	}
}
