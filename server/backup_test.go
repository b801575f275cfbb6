package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/internal/spawn"
)

// writers is how many clients write in the test of backups.
const writers = 8

// TestBackup backs a store up while a server process writes to it, kills that
// process in the middle of writes, and looks that everything acknowledged is
// there: in the backup what was answered before it began, in the store all.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "live.db"), filepath.Join(dir, "copy.db")
	p := spawn.Start(t, "sqlite:"+path)
	var answered [writers]atomic.Int64
	var clients sync.WaitGroup
	for w := range writers {
		clients.Go(func() {
			for n := int64(1); ; n++ {
				status, _, answer := exchange("PUT", fmt.Sprintf("%s/Patient/w%d-%d", p.Base, w, n),
					fmt.Sprintf(`{"resourceType":"Patient","id":"w%d-%d","identifier":[{"system":"urn:w","value":"%d"}]}`, w, n, w))
				if status == 0 {
					return // killed
				}
				if status != 201 {
					t.Errorf("%d %s", status, answer)
					return
				}
				answered[w].Store(n)
			}
		})
	}
	await(t, func() bool { return answered[0].Load() >= 20 })
	var before [writers]int64
	for w := range before {
		before[w] = answered[w].Load()
	}
	if status, out, errs := run(nil, "backup", copied, "--store", "sqlite:"+path); status != 0 || !strings.Contains(out, "checked") {
		t.Fatalf("backup: %d %s %s", status, out, errs)
	}
	at := answered[0].Load()
	await(t, func() bool { return answered[0].Load() > at+20 }) // writing went on
	p.Kill(t)
	clients.Wait()

	refused(t, "exists", "backup", copied, "--store", "sqlite:"+path)
	refused(t, "nothing was changed", "restore", copied, "--store", "sqlite:"+path)

	// The store as the kill left it.
	p.Restart(t)
	for w := range writers {
		holds(t, p, w, answered[w].Load())
	}
	refused(t, "in use", "restore", copied, "--force", "--store", "sqlite:"+path)
	p.Kill(t)

	// The backup, in a new place and in the old one.
	other := filepath.Join(dir, "new", "place.db")
	if status, out, errs := run(nil, "restore", copied, "--store", "sqlite:"+other); status != 0 || strings.Contains(out, "kept") {
		t.Fatalf("restore: %d %s %s", status, out, errs)
	}
	q := spawn.Start(t, "sqlite:"+other)
	var had [writers]int64
	for w := range writers {
		had[w] = holds(t, q, w, before[w])
	}
	if status, out, errs := run(nil, "restore", copied, "--force", "--store", "sqlite:"+path); status != 0 || !strings.Contains(out, "kept as "+path+".before-restore-") {
		t.Fatalf("restore --force: %d %s %s", status, out, errs)
	}
	p.Restart(t)
	for w := range writers {
		if n := holds(t, p, w, before[w]); n != had[w] {
			t.Errorf("one backup restored twice holds %d and %d of writer %d", had[w], n, w)
		}
	}
	asides, _ := filepath.Glob(path + ".before-restore-*")
	if len(asides) == 0 {
		t.Error("the old store is gone")
	}
}

// holds looks that what a writer wrote is there without a gap, as far as it was
// answered and at most one further, by read and by search, and gives how much it is.
func holds(t *testing.T, p *spawn.Process, w int, atLeast int64) int64 {
	t.Helper()
	n := int64(0)
	for {
		status, _, _ := exchange("GET", fmt.Sprintf("%s/Patient/w%d-%d", p.Base, w, n+1), "")
		if status != 200 {
			break
		}
		n++
	}
	if n < atLeast {
		t.Errorf("writer %d was answered %d times, %d are there", w, atLeast, n)
	}
	_, _, answer := exchange("GET", fmt.Sprintf("%s/Patient?identifier=urn:w|%d&_count=0&_total=accurate", p.Base, w), "")
	if !strings.Contains(answer, fmt.Sprintf(`"total":%d`, n)) {
		t.Errorf("writer %d: %d can be read, search says %s", w, n, answer)
	}
	return n
}

func refused(t *testing.T, says string, args ...string) {
	t.Helper()
	if status, out, errs := run(nil, args...); status != 1 || !strings.Contains(errs, says) || out != "" {
		t.Errorf("%v: %d %q %q", args, status, out, errs)
	}
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for began := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("what was waited for did not come")
		}
	}
}

// TestRestore_RefusesWhatIsNoBackup: nothing takes the store's place that is not
// a whole store; and a damaged store says what to do.
func TestRestore_RefusesWhatIsNoBackup(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.db")
	s := spawn.Start(t, "sqlite:"+good)
	for n := range 50 {
		if status, _, answer := exchange("PUT", fmt.Sprintf("%s/Patient/p%d", s.Base, n), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, n)); status != 201 {
			t.Fatal(answer)
		}
	}
	copied := filepath.Join(dir, "copy.db")
	if status, _, errs := run(nil, "backup", copied, "--store", "sqlite:"+good); status != 0 {
		t.Fatal(errs)
	}
	whole, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	torn := append([]byte{}, whole...)
	for i := 2 * 4096; i < len(torn); i += 3 * 4096 {
		copy(torn[i:], strings.Repeat("\xA5", 64))
	}
	target := "sqlite:" + filepath.Join(dir, "target.db")
	for path, says := range map[string]string{
		write("text.db", []byte(strings.Repeat("no database", 1000))): "is damaged",
		write("torn.db", torn):                 "is damaged",
		write("half.db", whole[:len(whole)/2]): "is damaged",
		write("empty.db", nil):                 "no store of Vitalwire",
		filepath.Join(dir, "none.db"):          "no such file",
		dir:                                    "",
	} {
		refused(t, says, "restore", path, "--store", target)
		if _, err := os.Stat(strings.TrimPrefix(target, "sqlite:")); err == nil {
			t.Fatalf("%s was restored", path)
		}
	}
	refused(t, "is the store itself", "restore", good, "--store", "sqlite:"+good)
	refused(t, "pg_dump", "backup", filepath.Join(dir, "x"), "--store", "postgres://u:secret@h/d")
	refused(t, "no such file", "backup", filepath.Join(dir, "x"), "--store", target)

	// A store that is torn, and was not closed well, does not start, and says why.
	broken := write("broken.db", torn)
	write("broken.db-wal", []byte("cut off"))
	refused(t, "vitalwire restore FILE --force", "--listen", "127.0.0.1:0", "--store", "sqlite:"+broken)
	if status, out, errs := run(nil, "restore", copied, "--force", "--store", "sqlite:"+broken); status != 0 || !strings.Contains(out, "kept as") {
		t.Fatalf("%d %s %s", status, out, errs)
	}
	q := spawn.Start(t, "sqlite:"+broken)
	if status, _, _ := exchange("GET", q.Base+"/Patient/p49", ""); status != 200 {
		t.Errorf("the restored store lacks a patient: %d", status)
	}
	kept, _ := filepath.Glob(broken + ".before-restore-*")
	if len(kept) == 0 {
		t.Errorf("kept: %v", kept)
	}
}
