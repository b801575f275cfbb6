package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/internal/spawn"
)

// kills is how often TestTransaction_Killed kills the server, uploaders how many
// clients post to it.
const (
	kills     = 6
	uploaders = 4
)

// TestTransaction_Killed kills the server with SIGKILL while clients post
// transactions, and starts it again (R4 http §3.1.0.11.2: all or nothing). Of each
// transaction everything is there or nothing, and everything if it was answered.
// Every other one has a condition that is no identifier, and so goes the way of one
// that must look before it writes.
func TestTransaction_Killed(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			p := spawn.Start(t, open(t))
			answered := make([]map[int]bool, uploaders)
			begun := make([]int, uploaders)
			for w := range answered {
				answered[w] = map[int]bool{}
			}
			for range kills {
				var clients sync.WaitGroup
				stop := make(chan struct{})
				var done atomic.Int64 // however slow the machine is, some are answered
				for w := range uploaders {
					clients.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
							}
							n := begun[w] + 1
							begun[w] = n
							status, _, answer := exchange(http.MethodPost, p.Base, upload(w, n))
							switch {
							case status == http.StatusOK:
								answered[w][n] = true
								done.Add(1)
							case status != 0:
								t.Errorf("upload %d of %d: %d %s", n, w, status, answer)
								return
							default:
								return // the server is gone
							}
						}
					})
				}
				await(t, func() bool { return done.Load() > int64(uploaders) })
				time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
				p.Kill(t)
				close(stop)
				clients.Wait()
				p.Restart(t)
				for w := range uploaders {
					checkUploads(t, p.Base, w, begun[w], answered[w])
				}
			}
			for w, numbers := range answered {
				t.Logf("client %d: %d of %d transactions were answered", w, len(numbers), begun[w])
				if len(numbers) == 0 {
					t.Error("nothing was tried")
				}
			}
		})
	}
}

// upload is transaction n of a client: a new patient with two observations, the
// next version of the client's device, and the end of the previous upload's list.
func upload(w, n int) string {
	unless := fmt.Sprintf("identifier=urn:upload|%d-%d", w, n)
	if n%2 == 0 {
		unless = fmt.Sprintf("family=upload-%d-%d", w, n)
	}
	return fmt.Sprintf(`{"resourceType":"Bundle","type":"transaction","entry":[
		{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{"resourceType":"Patient","identifier":[{"system":"urn:upload","value":"%[1]d-%[2]d"}],"name":[{"family":"upload-%[1]d-%[2]d"}]},
		 "request":{"method":"POST","url":"Patient","ifNoneExist":"%[3]s"}},
		{"resource":{"resourceType":"Observation","status":"final","code":{"text":"a"},"identifier":[{"system":"urn:upload","value":"%[1]d-%[2]d"}],"subject":{"reference":"urn:uuid:00000000-0000-4000-8000-000000000001"}},
		 "request":{"method":"POST","url":"Observation"}},
		{"resource":{"resourceType":"Observation","status":"final","code":{"text":"b"},"identifier":[{"system":"urn:upload","value":"%[1]d-%[2]d"}],"subject":{"reference":"urn:uuid:00000000-0000-4000-8000-000000000001"}},
		 "request":{"method":"POST","url":"Observation"}},
		{"resource":{"resourceType":"Device","id":"d%[1]d","lotNumber":"%[2]d"},"request":{"method":"PUT","url":"Device/d%[1]d"}},
		{"resource":{"resourceType":"Basic","id":"b%[1]d-%[2]d","code":{"text":"x"}},"request":{"method":"PUT","url":"Basic/b%[1]d-%[2]d"}}%[4]s]}`,
		w, n, unless, ended(w, n-1))
}

// ended deletes what the previous upload made.
func ended(w, n int) string {
	if n%2 == 0 {
		return "" // a delete beside a condition would never go the plain way
	}
	return fmt.Sprintf(`,{"request":{"method":"DELETE","url":"Basic/b%d-%d"}}`, w, n)
}

func checkUploads(t *testing.T, base string, w, begun int, answered map[int]bool) {
	t.Helper()
	for n := max(1, begun-20); n <= begun; n++ {
		patients := total(t, base, fmt.Sprintf("Patient?identifier=urn:upload|%d-%d", w, n))
		observations := total(t, base, fmt.Sprintf("Observation?identifier=urn:upload|%d-%d&subject:Patient.identifier=urn:upload|%d-%d", w, n, w, n))
		basics, _, _ := exchange(http.MethodGet, fmt.Sprintf("%s/Basic/b%d-%d", base, w, n), "")
		there := patients == 1
		if answered[n] && !there || patients > 1 {
			t.Fatalf("upload %d of client %d: %d patients, %d observations, Basic %d; answered: %v", n, w, patients, observations, basics, answered[n])
		}
		wantObservations, wantBasic := 0, http.StatusNotFound
		if there {
			wantObservations, wantBasic = 2, http.StatusOK
		}
		// The next upload deletes the list of an odd one.
		if later := total(t, base, fmt.Sprintf("Patient?identifier=urn:upload|%d-%d", w, n+1)); there && n%2 == 1 && later == 1 {
			wantBasic = http.StatusGone
		}
		_, _, device := exchange(http.MethodGet, fmt.Sprintf("%s/Device/d%d/_history?_count=1000", base, w), "")
		if n > begun-5 && strings.Contains(device, fmt.Sprintf(`"lotNumber":"%d"`, n)) != there {
			t.Fatalf("upload %d of client %d is there by half: %d patients, and the device otherwise", n, w, patients)
		}
		if observations != wantObservations || basics != wantBasic {
			t.Fatalf("upload %d of client %d is there by half: %d patients, %d observations, Basic %d", n, w, patients, observations, basics)
		}
	}
}
