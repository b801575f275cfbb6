package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/internal/spawn"
)

// freePort is an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// pulse is message n of monitor w; the value is n.
func pulse(w, n int) string {
	at := time.Date(2026, 11, 20, 0, 0, n, 0, time.UTC).Format("20060102150405") + "+0000"
	return fmt.Sprintf("\x0BMSH|^~\\&|MON^00A1C9000000080%d^EUI-64|W|||%s||ORU^R01^ORU_R01|%d|P|2.6|||AL|NE\rOBR|1|x|x|1^x^L|||%s\r"+
		"OBX|1|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.1.1.1|%d|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R\r\x1C\r", w, at, n, at, n)
}

// TestMLLP_Killed kills the server with SIGKILL while monitors send, and starts it
// again: what was acknowledged is stored, and nothing twice, although each monitor
// sends again what was not acknowledged.
func TestMLLP_Killed(t *testing.T) {
	const monitors = 3
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			address := freePort(t)
			p := spawn.Start(t, open(t), "--mllp", address)
			if status, _, answer := exchange(http.MethodPut, p.Base+"/Patient/p", `{"resourceType":"Patient","id":"p"}`); status != http.StatusCreated {
				t.Fatal(answer)
			}
			root := strings.TrimSuffix(p.Base, "/fhir")
			for w := range monitors {
				body := fmt.Sprintf(`{"device":"00A1C9000000080%d","patient":"Patient/p","start":"2026-11-19T00:00:00Z"}`, w)
				if status, _, answer := exchange(http.MethodPost, root+"/ingest/associations", body, "Content-Type", "application/json"); status != http.StatusCreated {
					t.Fatal(answer)
				}
			}
			acknowledged := make([]int, monitors) // all up to here
			var answered atomic.Int64             // of all monitors
			for range 4 {
				var running sync.WaitGroup
				for w := range monitors {
					running.Go(func() {
						c, err := net.Dial("tcp", address)
						if err != nil {
							t.Error(err)
							return
						}
						defer c.Close()
						_ = c.SetDeadline(time.Now().Add(20 * time.Second))
						in := bufio.NewReader(c)
						for {
							n := acknowledged[w] + 1
							if _, err := io.WriteString(c, pulse(w, n)); err != nil {
								return
							}
							text, err := in.ReadString(0x1C)
							if err != nil {
								return // the server is gone
							}
							if !strings.Contains(text, fmt.Sprintf("MSA|CA|%d\r", n)) {
								t.Errorf("message %d of %d: %q", n, w, text)
								return
							}
							_, _ = in.ReadByte()
							acknowledged[w] = n
							answered.Add(1)
						}
					})
				}
				// A slow machine gets the time it takes; no client waits for ever.
				for until, goal := time.Now().Add(15*time.Second), answered.Load()+1+rand.Int64N(20); answered.Load() < goal && time.Now().Before(until); {
					time.Sleep(time.Millisecond)
				}
				p.Kill(t)
				running.Wait()
				p.Restart(t)
			}
			checkPulses(t, p.Base, acknowledged)
		})
	}
}

// checkPulses reads all Observations.
func checkPulses(t *testing.T, base string, acknowledged []int) {
	t.Helper()
	seen := map[string]int{}
	for next := base + "/Observation?code=149530&_count=1000"; next != ""; {
		status, _, answer := exchange(http.MethodGet, next, "")
		if status != http.StatusOK {
			t.Fatal(answer)
		}
		var page struct {
			Link  []struct{ Relation, URL string }
			Entry []struct {
				Resource struct {
					Identifier    []struct{ Value string }
					ValueQuantity struct{ Value json.Number }
				}
			}
		}
		if err := json.Unmarshal([]byte(answer), &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entry {
			seen[e.Resource.Identifier[0].Value[:16]+"/"+e.Resource.ValueQuantity.Value.String()]++
		}
		next = ""
		for _, l := range page.Link {
			if l.Relation == "next" {
				next = l.URL
			}
		}
	}
	total := 0
	for w, last := range acknowledged {
		if last == 0 {
			t.Error("nothing was tried")
		}
		for n := 1; n <= last; n++ {
			if got := seen[fmt.Sprintf("00A1C9000000080%d/%d", w, n)]; got != 1 {
				t.Errorf("reading %d of monitor %d is there %d times", n, w, got)
			}
		}
		total += last
	}
	for name, times := range seen {
		if times != 1 {
			t.Errorf("%s is there %d times", name, times)
		}
	}
	if len(seen) > total+len(acknowledged) { // each may have one stored and not acknowledged
		t.Errorf("%d readings of %d acknowledged", len(seen), total)
	}
	t.Logf("%d acknowledged, %d stored", total, len(seen))
}
