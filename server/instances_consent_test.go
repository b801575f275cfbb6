package server_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/auth"
	"vitalwire/internal/spawn"
)

// D.2 rule 15: two processes on one database. A Consent is changed at one of them; every
// request to the other that begins after the answer to that obeys, while others ask there
// all the time and have it keep what it knows. How long that takes is only told.
func TestConsent_ChangeBindsOtherProcessAtOnce(t *testing.T) {
	const changes, askers = 50, 3
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := open(t)
			minting := start(t, database, consenting)
			flags := []string{"--auth", "required", "--consent", "all-normal", "--audit-dir", t.TempDir(), "--base-url", minting.Base}
			here, there := spawn.Start(t, database, flags...), spawn.Start(t, database, flags...)
			root := asker{here.Base, command(t, database, "token", "--scope", "system/*.cruds")}
			for _, body := range []string{`{"resourceType":"Patient","id":"p"}`, measured("o", "p", "8867-4", ""), `{"resourceType":"Practitioner","id":"doc"}`} {
				root.put(t, body)
			}
			token, err := minting.Mint(t.Context(), auth.Access{FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.rs"), Purposes: []string{"TREAT"}})
			if err != nil {
				t.Fatal(err)
			}
			ask := func(path string) (status int, sees bool) {
				status, _, answer := exchange(http.MethodGet, there.Base+path, "", "Authorization", "Bearer "+token)
				return status, status == http.StatusOK && strings.Contains(answer, `"id":"o"`)
			}
			// The number of the change that is answered, and of the one that is on its way: what
			// holds in between is known when they are the same before and after a request.
			var answered, begun, asked atomic.Int64
			stop := make(chan struct{})
			var clients sync.WaitGroup
			for range askers {
				clients.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						is := answered.Load()
						status, sees := ask("/Observation?patient=p&code=8867-4")
						if status != http.StatusOK || begun.Load() == is && sees != (is%2 == 0) {
							t.Errorf("after change %d: %d, sees %v", is, status, sees)
						}
						asked.Add(1)
					}
				})
			}
			var took []time.Duration
			for n := int64(1); n <= changes; n++ {
				provision := `{"type":"permit"}`
				if n%2 == 1 {
					provision = `{"type":"deny"}`
				}
				begun.Store(n)
				root.put(t, consentOf("c", "p", provision))
				at := time.Now()
				answered.Store(n)
				path := []string{"/Observation/o", "/Observation?patient=p&code=8867-4"}[n/2%2]
				_, sees := ask(path)
				took = append(took, time.Since(at))
				if sees != (n%2 == 0) {
					t.Errorf("change %d: GET %s sees %v", n, path, sees)
				}
				for before := asked.Load(); asked.Load() < before+askers+1 && !t.Failed(); {
					time.Sleep(time.Millisecond)
				}
			}
			close(stop)
			clients.Wait()
			slices.Sort(took)
			t.Logf("%s: from the answer to a change to the first answer elsewhere that obeys it: median %s, longest %s of %d, while %d requests were answered",
				name, took[len(took)/2].Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond), changes, asked.Load())
		})
	}
}
