package script

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// recorder is a testing.TB that keeps what a script run complains about.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) { r.said += fmt.Sprintf(format, args...) }

// fake is a small server: it keeps bodies with versions, and has some fixed pages.
type fake struct {
	mu       sync.Mutex
	bodies   map[string]string
	versions map[string]int
	calls    int
}

func serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(&fake{bodies: map[string]string{}, versions: map[string]int{}})
	t.Cleanup(server.Close)
	return server.URL
}

const bundle = `{"resourceType":"Bundle","type":"searchset","total":2,"entry":[
 {"resource":{"resourceType":"Observation","id":"o1","valueQuantity":{"value":1.50}},"search":{"mode":"match"}},
 {"resource":{"resourceType":"Observation","id":"o2","component":[{"code":{"text":"a=b"},"valueString":"x"},{"code":{"text":"dia"},"valueString":"y z"}]},"search":{"mode":"match"}},
 {"resource":{"resourceType":"Patient","id":"p1"},"search":{"mode":"include"}},
 {"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"not-supported","details":{"text":"no such parameter"}}]},"search":{"mode":"outcome"}}]}`

const history = `{"resourceType":"Bundle","type":"history","entry":[
 {"fullUrl":"http://x/Patient/p9","request":{"method":"DELETE","url":"Patient/p9"},"response":{"status":"204","outcome":{"resourceType":"OperationOutcome","issue":[{"code":"informational"}]}}},
 {"resource":{"resourceType":"Patient","id":"p9"}}]}`

const outcome = `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"conflict","diagnostics":"version 7 is not current"}]}`

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	data, _ := io.ReadAll(r.Body)
	key := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case key == "echo":
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.Header().Set("X-Seen", strings.Join(r.Header.Values("X-Say"), "+"))
		w.Header().Set("X-Query", r.URL.RawQuery)
		_, _ = w.Write(data)
	case key == "bundle":
		_, _ = io.WriteString(w, bundle)
	case key == "history":
		_, _ = io.WriteString(w, history)
	case key == "slow":
		if f.calls < 4 {
			w.WriteHeader(202)
			return
		}
		_, _ = io.WriteString(w, "done")
	case key == "binary":
		_, _ = w.Write([]byte{0, 1, 0xff})
	case key == "once":
		if f.bodies[key] != "" {
			w.WriteHeader(412)
			_, _ = io.WriteString(w, outcome)
			return
		}
		f.bodies[key] = "taken"
		w.Header().Set("Location", "http://"+r.Host+"/Patient/77/_history/1")
		w.WriteHeader(201)
	case key == "moved":
		w.Header().Set("Location", "/echo")
		w.WriteHeader(302)
	case r.Method == "PUT":
		status := 200
		if f.versions[key] == 0 {
			status = 201
		}
		if match := r.Header.Get("If-Match"); match != "" && match != fmt.Sprintf(`W/"%d"`, f.versions[key]) {
			w.WriteHeader(412)
			_, _ = io.WriteString(w, outcome)
			return
		}
		f.versions[key]++
		f.bodies[key] = string(data)
		w.Header().Set("ETag", fmt.Sprintf(`W/"%d"`, f.versions[key]))
		w.WriteHeader(status)
		_, _ = w.Write(data)
	case f.bodies[key] != "":
		_, _ = io.WriteString(w, f.bodies[key])
	default:
		w.WriteHeader(404)
	}
}

// playText plays a script text on a fresh server and gives what it complains about.
func playText(t *testing.T, text string) string {
	t.Helper()
	sections, err := parse("case.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	p := newPlayer(serve(t), "testdata")
	r := &recorder{}
	for _, s := range sections {
		if s.name == "" {
			p.play(r, s.steps)
			continue
		}
		p.fork().play(r, s.steps)
	}
	return r.said
}
