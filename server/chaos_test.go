package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"vitalwire/internal/spawn"
)

// simulated is a device that sends readings 1, 2, 3 ... and goes on to the next when
// one is acknowledged; what is not, it sends again.
type simulated struct {
	eui          string
	connect      func(d *simulated) (send func(n int) bool, hang func(), err error)
	acknowledged int // all up to here
}

// run sends until stop; answered counts the acknowledgements of all devices.
func (d *simulated) run(stop *atomic.Bool, answered *atomic.Int64) {
	for !stop.Load() {
		send, hang, err := d.connect(d)
		for err == nil && !stop.Load() && send(d.acknowledged+1) {
			d.acknowledged++
			answered.Add(1)
			time.Sleep(20 * time.Millisecond) // a device has more to do
		}
		if err == nil {
			hang()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func secondOf(n int) time.Time { return time.Date(2026, 11, 20, 0, 0, n, 0, time.UTC) }

// patience is how long a device waits for an acknowledgement.
const patience = 20 * time.Second

func overMLLP(address string) func(*simulated) (func(int) bool, func(), error) {
	return func(d *simulated) (func(int) bool, func(), error) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return nil, nil, err
		}
		in := bufio.NewReader(c)
		return func(n int) bool {
			at := secondOf(n).Format("20060102150405") + "+0000"
			_ = c.SetDeadline(time.Now().Add(patience))
			fmt.Fprintf(c, "\x0BMSH|^~\\&|MON^%s^EUI-64|W|||%s||ORU^R01^ORU_R01|%d|P|2.6|||AL|NE\rOBR|1|x|x|1^x^L|||%s\r"+
				"OBX|1|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.1.1.1|%d|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R\r\x1C\r", d.eui, at, n, at, n)
			text, err := in.ReadString(0x1C)
			if err == nil {
				_, _ = in.ReadByte()
			}
			return err == nil && strings.Contains(text, fmt.Sprintf("MSA|CA|%d\r", n))
		}, func() { _ = c.Close() }, nil
	}
}

// heartRate is an envelope with reading n.
func heartRate(d *simulated, n int) string {
	return fmt.Sprintf(`{"deviceId":"%s","receivedAt":"%s","characteristic":"2A37","hex":"01%02X%02X"}`, d.eui, secondOf(n).Format(time.RFC3339), n&0xFF, n>>8)
}

func overMQTT(address string) func(*simulated) (func(int) bool, func(), error) {
	return func(d *simulated) (func(int) bool, func(), error) {
		c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID(d.eui).SetAutoReconnect(false).SetConnectTimeout(patience))
		if token := c.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
			return nil, nil, io.ErrUnexpectedEOF
		}
		return func(n int) bool {
			token := c.Publish("ingest/blegatt/"+d.eui+"/envelope", 1, false, heartRate(d, n))
			// paho gives up a token without an error when it loses its connection
			// in some ways; a lost connection is no acknowledgement.
			return token.WaitTimeout(patience) && token.Error() == nil && c.IsConnectionOpen()
		}, func() { c.Disconnect(0) }, nil
	}
}

func overHTTP(root string, client *http.Client) func(*simulated) (func(int) bool, func(), error) {
	return func(d *simulated) (func(int) bool, func(), error) {
		return func(n int) bool {
			answer, err := client.Post(root+"/ingest/blegatt", "application/json", strings.NewReader(heartRate(d, n)))
			if err != nil {
				return false
			}
			defer answer.Body.Close()
			_, err = io.Copy(io.Discard, answer.Body)
			return err == nil && (answer.StatusCode == http.StatusCreated || answer.StatusCode == http.StatusOK)
		}, func() {}, nil
	}
}

// TestChaos has 200 devices send by three wires while the server is killed with
// SIGKILL ten times (VITALWIRE_TEST_CHAOS kills it as often as it says): what was
// acknowledged is stored, exactly once, and nothing else but what may have been on its
// way.
func TestChaos(t *testing.T) {
	const many = 200
	kills := 10
	if text := os.Getenv("VITALWIRE_TEST_CHAOS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			byMLLP, byMQTT := freePort(t), freePort(t)
			p := spawn.Start(t, open(t), "--mllp", byMLLP, "--mqtt", byMQTT)
			root := strings.TrimSuffix(p.Base, "/fhir")
			if status, _, answer := exchange(http.MethodPut, p.Base+"/Patient/p", `{"resourceType":"Patient","id":"p"}`); status != http.StatusCreated {
				t.Fatal(answer)
			}
			client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: many}}
			wires := []func(*simulated) (func(int) bool, func(), error){overMLLP(byMLLP), overMQTT(byMQTT), overHTTP(root, client)}
			fleet := make([]*simulated, many)
			for i := range fleet {
				fleet[i] = &simulated{eui: fmt.Sprintf("00A1C9000000%04X", 0x4000+i), connect: wires[i%len(wires)]}
				body := fmt.Sprintf(`{"device":"%s","patient":"Patient/p","start":"2026-11-19T00:00:00Z"}`, fleet[i].eui)
				if status, _, answer := exchange(http.MethodPost, root+"/ingest/associations", body, "Content-Type", "application/json"); status != http.StatusCreated {
					t.Fatal(answer)
				}
			}
			var stop atomic.Bool
			var answered atomic.Int64
			var running sync.WaitGroup
			for _, d := range fleet {
				running.Go(func() { d.run(&stop, &answered) })
			}
			goOn := func(by int64) {
				for until, goal := time.Now().Add(30*time.Second), answered.Load()+by; answered.Load() < goal && time.Now().Before(until); {
					time.Sleep(time.Millisecond)
				}
			}
			for round := range kills {
				goOn(int64(20 + 31*round%97))
				p.Kill(t)
				p.Restart(t)
			}
			goOn(100)
			stop.Store(true)
			running.Wait()
			checkFleet(t, p.Base, fleet)
		})
	}
}

// checkFleet reads all Observations.
func checkFleet(t *testing.T, base string, fleet []*simulated) {
	t.Helper()
	seen := map[string]int{}
	for next := base + "/Observation?_count=1000"; next != ""; {
		status, _, answer := exchange(http.MethodGet, next, "")
		var page struct {
			Link  []struct{ Relation, URL string }
			Entry []struct {
				Resource struct {
					Identifier    []struct{ Value string }
					ValueQuantity struct{ Value json.Number }
				}
			}
		}
		if err := json.Unmarshal([]byte(answer), &page); err != nil || status != http.StatusOK {
			t.Fatal(err, answer)
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
	total, silent := 0, 0
	for _, d := range fleet {
		for n := 1; n <= d.acknowledged; n++ {
			if got := seen[fmt.Sprintf("%s/%d", d.eui, n)]; got != 1 {
				t.Errorf("reading %d of %s was acknowledged and is there %d times", n, d.eui, got)
			}
		}
		if d.acknowledged == 0 {
			silent++
		}
		total += d.acknowledged
	}
	for name, times := range seen {
		if times != 1 {
			t.Errorf("%s is there %d times", name, times)
		}
	}
	if len(seen) > total+len(fleet) { // of each one may be stored and not acknowledged
		t.Errorf("%d readings of %d acknowledged", len(seen), total)
	}
	if silent > len(fleet)/2 {
		t.Errorf("%d devices were never answered", silent)
	}
	t.Logf("%d acknowledged, %d stored, %d devices never answered", total, len(seen), silent)
}
