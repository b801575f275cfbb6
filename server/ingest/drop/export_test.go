package drop_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
	"vitalwire/server/ingest/drop"
)

// export is an Apple Health export of n weights, each of its own second; most of it are
// records that nothing is made of, as in a real one.
func export(n, between int) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\"?>\n<HealthData locale=\"en\">\n")
	for i := range n {
		at := time.Date(2026, 3, 1, 0, 0, i, 0, time.UTC).Format("2006-01-02 15:04:05 +0000")
		fmt.Fprintf(&b, " <Record type=\"HKQuantityTypeIdentifierBodyMass\" sourceName=\"S\" unit=\"kg\" startDate=%q value=\"%d.5\"/>\n", at, 40+i)
		for range between {
			b.WriteString(" <Workout a=\"" + strings.Repeat("x", 900) + "\"/>\n")
		}
	}
	b.WriteString("</HealthData>\n")
	return b.Bytes()
}

// wearer begins the name of a file: the device that its readings are of.
const wearer = "00A1C90000000909_"

func place(t *testing.T, f *drop.Folder, adapter, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.Dir, adapter, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDrop_ExportOfManyFrames takes files that are longer than a frame, plain and packed,
// twice, and with an end that is missing.
func TestDrop_ExportOfManyFrames(t *testing.T) {
	f, s, watch := begin(t)
	ward.Wear(t, s, strings.TrimSuffix(wearer, "_"), "a")
	data := export(200, 12)
	if len(data) < ingest.MaxFrame {
		t.Fatal(len(data))
	}
	place(t, f, "applehealth", wearer+"export.xml", data)
	watch(func() bool { done, failed, _ := f.Totals(); return done+failed == 1 })
	weights := func() int {
		n := 0
		for value, times := range ward.Values(t, s, "29463-7") {
			if n++; times != 1 {
				t.Errorf("%s kg is there %d times", value, times)
			}
		}
		return n
	}
	if n := weights(); n != 200 {
		t.Fatalf("%d weights", n)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(data)
	_ = z.Close()
	place(t, f, "applehealth", wearer+"again.xml.gz", packed.Bytes())
	place(t, f, "applehealth", wearer+"cut.xml.gz", packed.Bytes()[:packed.Len()/2])
	place(t, f, "applehealth", wearer+"cut.xml", data[:len(data)-20])
	watch(func() bool { done, failed, _ := f.Totals(); return done == 2 && failed == 2 })
	if n := weights(); n != 200 {
		t.Errorf("%d weights", n)
	}
}

// TestDrop_ExportInterrupted ends the watch in the middle of a file: what begins after it
// stores the rest, and nothing twice.
func TestDrop_ExportInterrupted(t *testing.T) {
	f, s, watch := begin(t)
	ward.Wear(t, s, strings.TrimSuffix(wearer, "_"), "a")
	place(t, f, "applehealth", wearer+"export.xml", export(3000, 1))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { f.Watch(ctx); close(ended) }()
	for until := time.Now().Add(20 * time.Second); len(ward.Values(t, s, "29463-7")) == 0 && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-ended
	part := len(ward.Values(t, s, "29463-7"))
	t.Logf("%d of 3000 before the end", part)
	watch(func() bool { done, failed, _ := f.Totals(); return done+failed >= 1 })
	got := ward.Values(t, s, "29463-7")
	for value, times := range got {
		if times != 1 {
			t.Errorf("%s kg is there %d times", value, times)
		}
	}
	if len(got) != 3000 {
		t.Errorf("%d weights of 3000", len(got))
	}
}

// TestDrop_ExportMemory takes a file of 64 MiB; what is alive meanwhile does not grow with it.
func TestDrop_ExportMemory(t *testing.T) {
	f, s, watch := begin(t)
	ward.Wear(t, s, strings.TrimSuffix(wearer, "_"), "a")
	data := export(200, 350)
	size := len(data)
	place(t, f, "applehealth", wearer+"export.xml", data)
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := live(), uint64(0)
	watch(func() bool {
		most = max(most, live())
		done, failed, _ := f.Totals()
		return done+failed == 1
	})
	t.Logf("a file of %d MiB: %d MiB more alive", size>>20, int64(most-before)>>20)
	if !raced && most > before+24<<20 { // with the race detector much is allocated while the collector runs, and counts
		t.Errorf("%d bytes were alive at most, %d before", most, before)
	}
	if n := len(ward.Values(t, s, "29463-7")); n != 200 {
		t.Errorf("%d weights", n)
	}
}
