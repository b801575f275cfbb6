package server_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/server"
)

type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Log lines hold nothing of a patient: no name, identifier, id, value or query,
// whatever goes right or wrong; and each names its request.
func TestLog_NoPatientData(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			log := &syncBuffer{}
			s := startWith(t, server.Config{Store: open(t)}, log)
			const family, mrn, id, birth = "Zyxwvutsky", "MRN-778899", "patient-id-4711", "1931-07-19"
			patient := `{"resourceType":"Patient","id":"` + id + `","identifier":[{"system":"urn:mrn","value":"` + mrn + `"}],"name":[{"family":"` + family + `"}],"birthDate":"` + birth + `"}`
			n := 0
			send := func(method, path, body string, headers ...string) {
				n++
				ask(t, plain, method, s.Base+path, []byte(body), append(headers, "Content-Type: application/fhir+json", fmt.Sprintf("X-Request-Id: req-%d", n))...)
			}
			send("PUT", "/Patient/"+id, patient)
			send("PUT", "/Patient/"+id, patient, `If-Match: W/"9"`)
			send("POST", "/Patient", strings.Replace(patient, "}", "", 1))
			send("POST", "/Patient", strings.Replace(patient, birth, family, 1))
			send("POST", "/Patient", patient, "If-None-Exist: identifier=urn:mrn|"+mrn)
			send("GET", "/Patient/"+id, "")
			send("GET", "/Patient?family="+family+"&identifier=urn:mrn|"+mrn, "")
			send("GET", "/Patient?nosuch="+family, "")
			send("GET", "/Patient?birthdate="+family, "")
			send("GET", "/Patient/"+id+"/$everything", "")
			send("GET", "/"+family+"/"+id, "")
			send("POST", "/Patient/$validate", patient)
			send("POST", "", `{"resourceType":"Bundle","type":"batch","entry":[{"resource":`+patient+`,"request":{"method":"PUT","url":"Patient/`+id+`"}},{"request":{"method":"GET","url":"Patient?family=`+family+`"}}]}`)
			send("GET", "/Patient?family="+family, "", "Prefer: respond-async")
			send("DELETE", "/Patient/"+id, "")
			send("GET", "/Patient/"+id, "")
			for i := 1; i <= n; i++ {
				if !strings.Contains(log.String(), fmt.Sprintf(`"request":"req-%d"`, i)) {
					t.Errorf("no line names request %d", i)
				}
			}
			for _, secret := range []string{family, mrn, id, birth} {
				for line := range strings.Lines(log.String()) {
					if strings.Contains(strings.ToLower(line), strings.ToLower(secret)) {
						t.Errorf("%s is in the log: %s", secret, line)
					}
				}
			}
		})
	}
}

// Metrics say what was done.
func TestMetrics(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			s := startWith(t, server.Config{Store: open(t), Validate: "enforce"}, nil)
			ask(t, plain, "PUT", s.Base+"/Patient/m", []byte(`{"resourceType":"Patient","id":"m"}`), "Content-Type: application/fhir+json")
			ask(t, plain, "PUT", s.Base+"/Patient/m", []byte(`{"resourceType":"Patient","id":"m","gender":"nosuch"}`), "Content-Type: application/fhir+json")
			ask(t, plain, "GET", s.Base+"/Nonsense/secret-id", nil)
			ask(t, plain, "GET", s.Base+"/Patient/$nosuch-operation", nil)
			_, _, body := ask(t, plain, "GET", s.Root+"/metrics", nil)
			text := string(body)
			for _, want := range []string{
				`vitalwire_requests_total{interaction="update",status="201"} 1`, `vitalwire_requests_total{interaction="update",status="422"} 1`,
				`vitalwire_request_seconds_count{interaction="update"} 2`, `vitalwire_unknown_codes_total 1`, "vitalwire_commit_writes_count ", "vitalwire_store_waiting 0",
				"vitalwire_async_waiting 0", "vitalwire_store_bytes ", "go_goroutines", `vitalwire_requests_total{interaction="other",status="404"}`,
			} {
				if !strings.Contains(text, want) {
					t.Errorf("/metrics lacks %s", want)
				}
			}
			for _, never := range []string{"secret-id", "nosuch-operation", "NaN", "vitalwire_store_bytes 0\n", "vitalwire_commit_writes_count 0\n"} {
				if strings.Contains(text, never) {
					t.Errorf("/metrics has %s", never)
				}
			}
		})
	}
}

// A stop answers what was accepted, and says meanwhile that nothing more should come.
func TestStop_AnswersWhatItAccepted(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			path := open(t)
			s, err := server.Start(t.Context(), server.Config{Listen: "127.0.0.1:0", Zone: "UTC", Store: path}, all.Adapters(), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			var made []string
			var mu sync.Mutex
			var clients sync.WaitGroup
			begun := make(chan struct{})
			var once sync.Once
			for w := range 8 {
				clients.Go(func() {
					for i := 0; ; i++ {
						id := fmt.Sprintf("w%d-%d", w, i)
						r, err := http.NewRequestWithContext(t.Context(), "PUT", s.Base+"/Patient/"+id, strings.NewReader(`{"resourceType":"Patient","id":"`+id+`"}`))
						if err != nil {
							t.Error(err)
							return
						}
						r.Header.Set("Content-Type", "application/fhir+json")
						response, err := plain.Do(r)
						if err != nil {
							return // the door is closed
						}
						response.Body.Close()
						if response.StatusCode != http.StatusCreated {
							t.Errorf("%s: %s", id, response.Status)
							return
						}
						mu.Lock()
						made = append(made, id)
						mu.Unlock()
						if i == 2 {
							once.Do(func() { close(begun) })
						}
					}
				})
			}
			<-begun
			if err := s.Stop(30 * time.Second); err != nil {
				t.Error(err)
			}
			clients.Wait()
			again := startWith(t, server.Config{Store: path}, nil)
			for _, id := range made {
				if status, _, _ := ask(t, plain, "GET", again.Base+"/Patient/"+id, nil); status != 200 {
					t.Errorf("%s was answered with 201 and is not there: %d", id, status)
				}
			}
			t.Logf("%d writes were answered before the stop was done", len(made))
		})
	}
}

// `vitalwire config check` says whether a start would work, and makes nothing.
func TestConfigCheck(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none.db")
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte("this is no database at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--store", "sqlite:" + none}, 0, "will be made"},
		{[]string{"--store", stores["postgres"](t)}, 0, "can be reached"},
		{[]string{"--store", "sqlite:" + text}, 1, "no SQLite database"},
		{[]string{"--store", "postgres://x@127.0.0.1:1/none?sslmode=disable"}, 1, "--store"},
		{[]string{"--cors-origin", "https://*.example.org"}, 1, "--cors-origin"},
		{[]string{"--cors-origin", "https://a.example/"}, 1, "--cors-origin"},
		{[]string{"--max-depth", "65"}, 1, "--max-depth"},
		{[]string{"--tls-cert", text}, 1, "go together"},
		{[]string{"--tls-cert", text, "--tls-key", text}, 1, "--tls-cert"},
		{[]string{"--enforce", "Nonsense=x"}, 1, "--enforce"},
		{[]string{"--zone", "Mars/X"}, 1, "--zone"},
	} {
		status, out, errs := run(nil, append([]string{"config", "check"}, c.args...)...)
		if status != c.status || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: %d %s %s", c.args, status, out, errs)
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("the check made a store")
	}
	if status, out, _ := run(nil, "version"); status != 0 || !strings.HasPrefix(out, "vitalwire "+server.Version) || !strings.Contains(out, "FHIR 4.0.1") {
		t.Errorf("version: %d %s", status, out)
	}
}
