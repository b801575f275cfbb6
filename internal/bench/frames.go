package bench

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/spawn"
)

// start is the time of the first frames.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// onOneCore does a thing again and again, the garbage collector on the same core,
// and gives how often in all and in a second; 0 when it failed.
func onOneCore(limit time.Duration, do func(i int) error) (n int, rate float64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	runtime.GC()
	began := time.Now()
	for ; n%64 != 0 || time.Since(began) < limit; n++ {
		if do(n) != nil {
			return 0, 0
		}
	}
	return n, float64(n) / time.Since(began).Seconds()
}

// frames measures the ingest of device frames over HTTP, each a request, from decoding
// to the commit of Observations and their provenance; the yardstick are the same rows,
// without those that were there before the first of these frames.
func (s Scale) frames(b testing.TB, t *Table, kind string, open func(testing.TB) string, w wire) {
	const devices = 100
	name := open(b)
	profile := ""
	if s.Profiles != "" {
		profile = filepath.Join(s.Profiles, "ingest-"+w.adapter.Name+"-"+kind+".pprof")
	}
	p := spawn.Profiled(b, name, profile)
	root := strings.TrimSuffix(p.Base, "/fhir")
	ingest := func(device string, at time.Time, frame []byte) error {
		fields := map[string]string{"deviceId": device, "receivedAt": at.Add(time.Second).Format(time.RFC3339), "hex": hex.EncodeToString(frame)}
		if w.characteristic != "" {
			fields["characteristic"] = w.characteristic
		}
		body, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		status, _, answer, err := send("POST", root+"/ingest/"+w.adapter.Name, "application/json", body)
		if err == nil && status/100 != 2 {
			err = fmt.Errorf("%d %.200s", status, answer)
		}
		return err
	}
	for i := range devices {
		id := fmt.Sprintf("p%d", i)
		if _, err := want(201, "PUT", p.Base+"/Patient/"+id, fmt.Appendf(nil, `{"resourceType":"Patient","id":"%s"}`, id)); err != nil {
			b.Fatal(err)
		}
		body := fmt.Appendf(nil, `{"device":"%s","patient":"Patient/%s","start":"2020-01-01T00:00:00Z"}`, deviceOf(i), id)
		if status, _, answer, err := send("POST", root+"/ingest/associations", "application/json", body); err != nil || status != 201 {
			b.Fatal(status, string(answer), err)
		}
		if w.begin != nil {
			if err := ingest(deviceOf(i), start, w.begin(deviceOf(i))); err != nil {
				b.Fatal(err)
			}
		}
	}
	before, used := rowsOf(b, kind, database(b, name)), p.CPU()
	times, rate := loop(b, s.Clients, s.Frames, s.For, func(_ *rand.Rand, i int) error {
		at := start.Add(time.Duration(i/devices) * time.Minute)
		return ingest(deviceOf(i%devices), at, w.frame(deviceOf(i%devices), at, i))
	})
	n := len(times)
	if n == 0 {
		b.Fatal("no frame was taken")
	}
	used = p.CPU() - used
	found, err := want(200, "GET", p.Base+"/Observation?_summary=count", nil)
	if err != nil {
		b.Fatal(err)
	}
	var counted struct{ Total int }
	if err := json.Unmarshal(found, &counted); err != nil || counted.Total < n {
		b.Errorf("%d frames made %d Observations: %v", n, counted.Total, err)
	}
	p.Stop(b)
	t.value("processor time of the server: "+w.name, kind, short(used/time.Duration(n))+" a frame", "")
	raw(b, t, fmt.Sprintf("ingest over HTTP, %d clients: %s (%d Observations each; %s)", s.Clients, w.name, counted.Total/n, times), kind, name, open(b), "frames", n, rate, "50 %", before...)
}
