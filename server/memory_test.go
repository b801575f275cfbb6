package server_test

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"vitalwire/server"
)

// largest is the memory that the largest transaction of the default settings may
// hold at any moment, in bytes for each byte of its body, on either store. It is
// in memory as text, parsed, as its bodies plain and packed, and as the rows of its
// indexes, which for a measurement are several times its text.
const largest = 11

// TestTransaction_Memory posts 10,000 entries (the default --max-entries) and
// watches what is alive meanwhile.
func TestTransaction_Memory(t *testing.T) {
	const entries = 10_000
	body := manyEntries(entries)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			base := start(t, open(t), func(c *server.Config) { c.MaxBody = 1 << 25 }).Base
			// Caches and pools are filled by a small one.
			postBundle(t, base, manyEntries(200))
			runtime.GC()
			before := live()
			peak := watchLive(t)
			answers := postBundle(t, base, body)
			grown := peak() - before
			if len(answers) != entries {
				t.Fatalf("%d answers", len(answers))
			}
			t.Logf("%.1f MB of body, at most %.1f MB alive", float64(len(body))/(1<<20), float64(grown)/(1<<20))
			if grown > largest*int64(len(body)) {
				t.Errorf("%d bytes were alive for a body of %d: more than %d for each", grown, len(body), largest)
			}
		})
	}
}

// live is what the last garbage collection found alive.
func live() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// watchLive watches until the function that it gives is called, which gives the most
// that was alive.
func watchLive(t *testing.T) func() int64 {
	t.Helper()
	// Collected often, so that little passes unseen.
	restore := debug.SetGCPercent(10)
	most, stop := live(), make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				most = max(most, live())
			}
		}
	})
	return func() int64 {
		close(stop)
		watch.Wait()
		debug.SetGCPercent(restore)
		return most
	}
}

// manyEntries is a transaction of blood pressures of a hundred patients.
func manyEntries(n int) []byte {
	const patients = 100
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		urn := func(i int) string { return fmt.Sprintf("urn:uuid:00000000-0000-4000-8000-%012d", i) }
		if i < patients {
			fmt.Fprintf(&b, `{"fullUrl":"%s","resource":{"resourceType":"Patient","identifier":[{"system":"urn:x","value":"p%d"}],"name":[{"family":"F%d"}]},"request":{"method":"POST","url":"Patient"}}`, urn(i), i, i)
			continue
		}
		pressure := func(code, display string, value int) string {
			return fmt.Sprintf(`{"code":{"coding":[{"system":"http://loinc.org","code":"%s","display":"%s"}]},"valueQuantity":{"value":%d,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}`, code, display, value)
		}
		fmt.Fprintf(&b, `{"fullUrl":"%s","resource":{"resourceType":"Observation","identifier":[{"system":"urn:obs","value":"o%d"}],"status":"final",`+
			`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],`+
			`"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel with all children optional"}],"text":"Blood pressure"},`+
			`"subject":{"reference":"%s"},"effectiveDateTime":"2026-01-%02dT08:%02d:00.000+01:00","component":[%s,%s]},"request":{"method":"POST","url":"Observation"}}`,
			urn(i), i, urn(i%patients), 1+i%28, i%60, pressure("8480-6", "Systolic blood pressure", 120+i%30), pressure("8462-4", "Diastolic blood pressure", 70+i%20))
	}
	b.WriteString(`]}`)
	return b.Bytes()
}
