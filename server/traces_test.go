package server_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/server"
	"vitalwire/server/telemetry"
)

// otlp is a receiver of OTLP over HTTP.
type otlp struct {
	*httptest.Server
	mu      sync.Mutex
	refuse  int // so many requests more
	refused int
	bodies  [][]byte
	faults  []string
}

func newOTLP(t *testing.T) *otlp {
	o := &otlp{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		o.mu.Lock()
		defer o.mu.Unlock()
		if err != nil || r.URL.Path != "/base/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("Api-Key") != "a b=c" {
			o.faults = append(o.faults, fmt.Sprint(err, r.URL, r.Header))
		}
		if o.refuse > 0 {
			o.refuse--
			o.refused++
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		o.bodies = append(o.bodies, body)
	}))
	t.Cleanup(o.Close)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	return o
}

func (o *otlp) configure(c *server.Config) {
	c.OTLPEndpoint, c.OTLPHeaders = o.URL+"/base", "Api-Key=a%20b=c"
}

// span is what a receiver gets of one.
type span struct{ name, trace, id, parent, attributes string }

// spans are those received so far.
func (o *otlp) spans(t *testing.T) (list []span) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, fault := range o.faults {
		t.Error("not a request of OTLP: ", fault)
	}
	for _, body := range o.bodies {
		// ExportTraceServiceRequest.resource_spans.scope_spans.spans
		for _, resource := range fields(t, body)[1] {
			for _, scope := range fields(t, resource)[2] {
				for _, raw := range fields(t, scope)[2] {
					f := fields(t, raw)
					s := span{name: string(f[5][0]), trace: hex.EncodeToString(f[1][0]), id: hex.EncodeToString(f[2][0])}
					if len(f[4]) > 0 {
						s.parent = hex.EncodeToString(f[4][0])
					}
					for _, attribute := range f[9] {
						s.attributes += string(attribute)
					}
					list = append(list, s)
				}
			}
		}
	}
	return list
}

// await waits until a span has come, and gives it.
func (o *otlp) await(t *testing.T, what string, is func(span) bool) span {
	t.Helper()
	for range 500 {
		if list := o.spans(t); slices.ContainsFunc(list, is) {
			return list[slices.IndexFunc(list, is)]
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no span %s came; these did: %+v", what, o.spans(t))
	return span{}
}

// fields reads a message of protobuf: the bytes of its length-delimited fields.
func fields(t *testing.T, message []byte) map[int][][]byte {
	t.Helper()
	found := map[int][][]byte{}
	number := func() uint64 {
		n, size := binary.Uvarint(message)
		if size <= 0 {
			t.Fatal("not a message of protobuf")
		}
		message = message[size:]
		return n
	}
	skip := func(n uint64) []byte {
		if n > uint64(len(message)) {
			t.Fatal("a field of protobuf is cut off")
		}
		value := message[:n]
		message = message[n:]
		return value
	}
	for len(message) > 0 {
		tag := number()
		switch tag & 7 {
		case 0:
			number()
		case 1:
			skip(8)
		case 2:
			found[int(tag>>3)] = append(found[int(tag>>3)], skip(number()))
		case 5:
			skip(4)
		default:
			t.Fatalf("wire type %d", tag&7)
		}
	}
	return found
}

// traced sends a request below a span of W3C Trace Context.
func traced(t *testing.T, method, url, traceparent, body string, more ...string) http.Header {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	request.Header.Set("Traceparent", traceparent)
	for i := 0; i < len(more); i += 2 {
		request.Header.Set(more[i], more[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
	_ = response.Body.Close()
	return response.Header
}

// TestTraces: spans go to an OTLP receiver, below the span of the client (W3C Trace
// Context), and hold nothing of a patient.
func TestTraces(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			o := newOTLP(t)
			base := start(t, open(t), o.configure).Base
			const (
				trace  = "4bf92f3577b34da6a3ce929d0e0e4736"
				parent = "00f067aa0ba902b7"
			)
			in := func(n int) (id, header string) {
				id = fmt.Sprintf("%s%02x", trace[:30], n)
				return id, "00-" + id + "-" + parent + "-01"
			}
			child := func(traceID, name string) func(span) bool {
				return func(s span) bool { return s.trace == traceID && s.name == name }
			}

			id, header := in(1)
			created := traced(t, http.MethodPost, base+"/Patient", header, `{"resourceType":"Patient","name":[{"family":"Geheimrat"}]}`)
			location := created.Get("Location")
			patient := strings.Split(strings.TrimPrefix(location, base+"/Patient/"), "/")[0]
			root := o.await(t, "create", child(id, "create Patient"))
			if root.parent != parent {
				t.Errorf("the span's parent is %q", root.parent)
			}
			for _, name := range []string{"validate", "store commit"} {
				if s := o.await(t, name, child(id, name)); s.parent != root.id {
					t.Errorf("%s is not below the request", name)
				}
			}

			id, header = in(2)
			traced(t, http.MethodGet, base+"/Patient?family=Geheimrat", header, "")
			root = o.await(t, "search", child(id, "search-type Patient"))
			if s := o.await(t, "store search", child(id, "store search")); s.parent != root.id || !strings.Contains(s.attributes, "Patient") {
				t.Errorf("store search: %+v", s)
			}

			id, header = in(3)
			traced(t, http.MethodPut, base+"/Patient/"+patient, header, `{"resourceType":"Patient","id":"`+patient+`","name":[{"family":"Geheimrat"}],"gender":"wrong-Geheimrat"}`)
			o.await(t, "update", child(id, "update Patient"))

			// A request that is answered later belongs to the trace of who asked.
			id, header = in(4)
			traced(t, http.MethodGet, base+"/Patient?family=Geheimrat", header, "", "Prefer", "respond-async")
			asked := o.await(t, "async", child(id, "async-request"))
			if later := o.await(t, "the search done later", child(id, "search-type Patient")); later.parent != asked.id {
				t.Error("the search done later is not below the request")
			}

			// What the client does not sample is not sampled here.
			id, header = in(5)
			traced(t, http.MethodGet, base+"/Patient/"+patient, strings.TrimSuffix(header, "1")+"0", "")
			_, header = in(6)
			traced(t, http.MethodGet, base+"/Patient/"+patient, header, "")
			o.await(t, "the last read", func(s span) bool { return strings.HasSuffix(s.trace, "06") })
			if slices.ContainsFunc(o.spans(t), func(s span) bool { return s.trace == id }) {
				t.Error("a trace that is not sampled has a span")
			}

			o.mu.Lock()
			defer o.mu.Unlock()
			for _, body := range o.bodies {
				for _, secret := range []string{"Geheimrat", patient, "family"} {
					if bytes.Contains(body, []byte(secret)) {
						t.Errorf("the spans hold %q", secret)
					}
				}
			}
		})
	}
}

// TestTraces_Retry: a receiver that is not well gets the spans once more (OTLP/HTTP
// Failures), and a server whose receiver is gone stops all the same.
func TestTraces_Retry(t *testing.T) {
	o := newOTLP(t)
	o.refuse = 1
	base := start(t, "sqlite:"+t.TempDir()+"/t.db", o.configure).Base
	traced(t, http.MethodGet, base+"/Patient/none", "", "")
	o.await(t, "read", func(s span) bool { return s.name == "read Patient" })
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refused != 1 {
		t.Errorf("%d requests were refused", o.refused)
	}
	o.refuse = 1 << 30
}

// TestTraces_Off: without a receiver the trace of a request is in the log lines.
func TestTraces_Off(t *testing.T) {
	var log bytes.Buffer
	c := server.Config{Listen: "127.0.0.1:0", Store: "sqlite:" + t.TempDir() + "/t.db", Zone: "UTC", MaxBody: 1 << 20}
	s, err := server.Start(t.Context(), c, all.Adapters(), slog.New(telemetry.LogHandler(slog.NewJSONHandler(&log, nil))))
	if err != nil {
		t.Fatal(err)
	}
	traced(t, http.MethodGet, s.Base+"/Patient/none", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "")
	traced(t, http.MethodGet, s.Base+"/Observation/none", "00-4bf92f3577b34da6a3ce929d0e0e4736; DROP-00f067aa0ba902b7-01", "")
	if err := s.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(log.String()) {
		switch {
		case strings.Contains(line, `"type":"Patient"`) && !strings.Contains(line, `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`):
			t.Error("no trace in ", line)
		case strings.Contains(line, `"type":"Observation"`) && strings.Contains(line, "trace_id"):
			t.Error("a header that is no traceparent was taken over: ", line)
		}
	}
	if !strings.Contains(log.String(), `"type":"Patient"`) {
		t.Error("the request is not in the log")
	}
}

// The settings of traces are checked before anything is opened.
func TestTraces_Settings(t *testing.T) {
	for _, args := range [][]string{
		{"--otlp-endpoint", "localhost:4317"}, {"--otlp-endpoint", "ftp://x"}, {"--otlp-endpoint", "http://user:secret@x"},
		{"--otlp-endpoint", "http://x", "--otlp-headers", "secret"},
	} {
		status, _, errs := run(nil, append([]string{"config", "check", "--store", "sqlite:" + t.TempDir() + "/none.db"}, args...)...)
		if status != 1 || !strings.Contains(errs, "--otlp-endpoint") || strings.Contains(errs, "secret") {
			t.Errorf("%v: %d %s", args, status, errs)
		}
	}
}
