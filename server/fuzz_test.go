package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/server"
)

// TestFuzz sends requests made from /openapi.json to a live server: its paths,
// methods and parameters with values, headers and bodies that are right, nearly
// right or nonsense. Nothing may be answered with 500, nothing may hang, no panic
// may be logged, and memory must stay flat.
//
// VITALWIRE_TEST_FUZZ says for how long (3s); VITALWIRE_TEST_SEED repeats a run's
// choices.
func TestFuzz(t *testing.T) {
	length := 3 * time.Second
	if text := os.Getenv("VITALWIRE_TEST_FUZZ"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("VITALWIRE_TEST_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatal(err)
		}
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			log := &lockedBuffer{}
			s := startWith(t, server.Config{Store: open(t), MaxBody: 1 << 20, LogLevel: "error", AsyncQueue: 8}, log)
			f := newFuzzer(t, s)
			count := f.run(t, seed, length/10) // until caches are full
			before := heap()
			count += f.run(t, seed+1, length)
			if grown := heap() - before; grown > 96<<20 {
				t.Errorf("the heap grew by %d MB", grown>>20)
			}
			t.Logf("%d requests, seed %d; statuses %v", count, seed, f.statuses)
			for line := range strings.Lines(log.String()) {
				t.Errorf("%.3000s", line)
			}
			if count == 0 {
				t.Error("no request was sent")
			}
		})
	}
}

// heap is what is in use after the garbage is gone.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write keeps what is wrong.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	if !bytes.Contains(p, []byte(`"msg":"panic`)) && !bytes.Contains(p, []byte(`"msg":"internal error"`)) {
		return len(p), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fuzzer makes requests from a document.
type fuzzer struct {
	base, root string
	targets    []target
	core       []target
	client     *http.Client

	mu       sync.Mutex
	statuses map[int]int
}

// target is a path and method with the names of its query parameters.
type target struct {
	url, method string
	query       []string
}

func newFuzzer(t *testing.T, s *server.Server) *fuzzer {
	f := &fuzzer{base: s.Base, root: s.Root, statuses: map[int]int{}, client: &http.Client{
		Timeout: 60 * time.Second, Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	d := openAPI(t, s)
	for path, item := range d.Paths {
		root := s.Base
		if item["servers"] != nil {
			root = s.Root
		}
		for method, raw := range item {
			if method == "servers" {
				continue
			}
			var o struct {
				Parameters []struct {
					Ref  string `json:"$ref"`
					Name string `json:"name"`
					In   string `json:"in"`
				} `json:"parameters"`
			}
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			one := target{url: root + path, method: strings.ToUpper(method)}
			for _, p := range o.Parameters {
				if p.In == "query" {
					one.query = append(one.query, p.Name)
				} else if name := p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]; strings.HasPrefix(name, "_") {
					one.query = append(one.query, name)
				}
			}
			f.targets = append(f.targets, one)
		}
	}
	slices.SortFunc(f.targets, func(a, b target) int { return strings.Compare(a.url+a.method, b.url+b.method) })
	for _, one := range f.targets {
		switch strings.TrimPrefix(one.url, f.base) {
		case "/", "/Patient", "/Patient/{id}", "/Patient/{id}/_history", "/Observation", "/Observation/{id}", "/Binary", "/Binary/{id}", "/Patient/{id}/$everything":
			f.core = append(f.core, one)
		}
	}
	return f
}

// run sends requests for a while and gives their number.
func (f *fuzzer) run(t *testing.T, seed uint64, length time.Duration) int {
	end := time.Now().Add(length)
	var workers sync.WaitGroup
	counts := make([]int, 4)
	for w := range counts {
		workers.Go(func() {
			r := grammar{rand.New(rand.NewPCG(seed, uint64(w)))}
			for time.Now().Before(end) && !t.Failed() {
				f.one(t, r)
				counts[w]++
			}
		})
	}
	workers.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}

func (f *fuzzer) one(t *testing.T, r grammar) {
	one := f.targets[r.IntN(len(f.targets))]
	switch r.IntN(4) {
	case 0: // the life of a resource, and bundles
		one = f.core[r.IntN(len(f.core))]
	case 1: // the types with the most to them
		for !strings.Contains(one.url, "/Patient") && !strings.Contains(one.url, "/Observation") && !strings.HasPrefix(one.url, f.root+"/ingest") && one.url != f.base+"/" {
			one = f.targets[r.IntN(len(f.targets))]
		}
	}
	if one.method == "POST" && strings.HasSuffix(one.url, "/admin/packages") {
		return // what is loaded stays loaded
	}
	link := r.path(one.url) + r.query(one.query)
	typ := strings.TrimPrefix(one.url, f.base+"/")
	typ, _, _ = strings.Cut(typ, "/")
	method := one.method
	if r.IntN(20) == 0 {
		method = r.pick("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")
	}
	var body []byte
	if method != "GET" && method != "HEAD" {
		body = r.body(typ)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, link, bytes.NewReader(body))
	if err != nil {
		return // no URL at all
	}
	for name, value := range r.headers(body) {
		request.Header.Set(name, value)
	}
	response, err := f.client.Do(request)
	if err != nil {
		if t.Context().Err() == nil && !strings.Contains(err.Error(), "invalid") {
			t.Errorf("%s %s: %v\n%.2000s", method, link, err, body)
		}
		return
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	f.mu.Lock()
	f.statuses[response.StatusCode]++
	f.mu.Unlock()
	if err != nil || response.StatusCode == http.StatusInternalServerError || response.StatusCode > 500 && response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s %s: %s %v\nheaders %v\nbody %.3000q\nanswer %.2000s", method, link, response.Status, err, request.Header, body, answer)
	}
	plainJSON := strings.Contains(response.Header.Get("Content-Type"), "json") && response.Header.Get("Content-Encoding") == ""
	if plainJSON && method != "HEAD" && response.Header.Get("Content-Disposition") == "" && !json.Valid(answer) {
		t.Errorf("%s %s: the answer is no JSON: %.500s", method, link, answer)
	}
}

// grammar makes parts of requests.
type grammar struct{ *rand.Rand }

func (r grammar) pick(list ...string) string { return list[r.IntN(len(list))] }

var fuzzIDs = []string{"a", "b", "c", "p1", "01a20402-f0a7-71bb-81eb-e23118b71c98", "nosuch", "a_b", "%2e%2e", "x%00y", "é", "$x", strings.Repeat("a", 65), "1", ""}

func (r grammar) path(template string) string {
	for _, part := range []string{"{id}", "{vid}", "{compartment}", "{adapter}"} {
		for strings.Contains(template, part) {
			value := r.pick(fuzzIDs[:4]...)
			switch {
			case part == "{vid}":
				value = r.pick("1", "2", "0", "-1", "99999999999999999999", "x")
			case part == "{compartment}":
				value = r.pick("Patient", "Device", "Encounter", "Observation", "Nonsense")
			case part == "{adapter}":
				value = r.pick("blegatt", "phd20601", "nosuch")
			case r.IntN(4) == 0:
				value = r.pick(fuzzIDs...)
			}
			template = strings.Replace(template, part, value, 1)
		}
	}
	return template
}

var fuzzValues = []string{
	"", "a", "Patient/a", "http://x/y|1.0", "http://loinc.org|8867-4", "|x", "x|", "|", "2020", "ge2020-01-01", "lt2020-13-45", "ap2020-02-30T25:00:00Z", "5.4", "gt5.40|http://unitsofmeasure.org|mg", "1e400", "-0", "0x1",
	"true", "false", "a,b,c", `a\,b`, `\`, "a$b", "$", "%00", "é☃", "Observation:subject", "*", "-date,code", "_id", "accurate", "none", "text", "count", "id,name", "Patient.where(true)", "name eq 'x'", "xyz|", "''", "\"", "{PatientList{id}}", "{a", "json", "xml", "ttl", "10", "0", "-5", "99999999999", "hourly", strings.Repeat("x", 300),
}

func (r grammar) query(names []string) string {
	var pairs []string
	for range r.IntN(4) * r.IntN(2) {
		name := r.pick("_id", "_lastUpdated", "_tag", "_has:Observation:patient:code", "_filter", "_text", "_content", "_summary", "_elements", "_type", "_list", "_at", "_contained", "nosuch", "query", "url", "code", "system", "_cursor")
		if len(names) > 0 && r.IntN(4) > 0 {
			name = r.pick(names...)
		}
		switch r.IntN(10) {
		case 0:
			name += r.pick(":missing", ":not", ":exact", ":contains", ":text", ":in", ":above", ":below", ":of-type", ":identifier", ":iterate", ":Patient", ":nosuch")
		case 1:
			name += r.pick(".name", ".identifier", ".subject.name", ":Patient.name", ".nosuch")
		}
		value := r.pick(fuzzValues...)
		switch {
		case name == "_format" && r.IntN(10) > 0:
			value = r.pick("json", "xml", "application/fhir+xml")
		case name == "_pretty" && r.IntN(10) > 0:
			value = "true"
		}
		if strings.HasSuffix(name, ":missing") {
			value = r.pick("true", "false", "x")
		}
		pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	if r.IntN(30) == 0 {
		pairs = append(pairs, r.pick("%zz", "a=%", "&&", "=x", ";", "a;b=c", "_count=1&_count=2"))
	}
	if len(pairs) == 0 {
		return ""
	}
	return "?" + strings.Join(pairs, "&")
}

var fuzzSeeds = []string{
	`{"resourceType":"%s","id":"a"}`,
	`{"resourceType":"%s"}`,
	`{"resourceType":"Patient","id":"a","name":[{"family":"Chalmers","given":["Peter"]}],"birthDate":"1974-12-25","identifier":[{"system":"urn:x","value":"1"}]}`,
	`{"resourceType":"Observation","id":"b","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/a"},"effectiveDateTime":"2026-01-02T03:04:05+01:00","valueQuantity":{"value":72.50,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"},"component":[{"code":{"text":"x"},"valueSampledData":{"origin":{"value":0},"period":10,"dimensions":1,"data":"1 2 E U"}}]}`,
	`{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}},{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"}},"request":{"method":"POST","url":"Observation","ifNoneExist":"code=x"}},{"request":{"method":"GET","url":"Patient?_count=1"}}]}`,
	`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/a/_history"}},{"request":{"method":"DELETE","url":"Patient/c"}},{"request":{"method":"PATCH","url":"Patient/a"},"resource":{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W10="}},{"request":{"method":"PUT","url":"Patient/c"},"resource":{"resourceType":"Patient","id":"c"}},{"request":{"method":"GET","url":"metadata"}}]}`,
	`{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.birthDate"},{"name":"value","valueDate":"1930-01-01"}]}]}`,
	`{"resourceType":"Parameters","parameter":[{"name":"resource","resource":{"resourceType":"Patient","active":true}},{"name":"mode","valueCode":"create"},{"name":"url","valueUri":"http://hl7.org/fhir/ValueSet/administrative-gender"},{"name":"code","valueCode":"male"},{"name":"system","valueUri":"http://hl7.org/fhir/administrative-gender"},{"name":"query","valueString":"{PatientList{id name{family}}}"}]}`,
	`[{"op":"replace","path":"/active","value":false},{"op":"add","path":"/name/-","value":{"family":"x"}},{"op":"test","path":"/id","value":"a"}]`,
	`{"resourceType":"ValueSet","url":"urn:v","status":"active","compose":{"include":[{"system":"http://hl7.org/fhir/administrative-gender","filter":[{"property":"concept","op":"is-a","value":"male"}]}]}}`,
	`{"query":"query($a: String){Patient(id: $a){id}}","variables":{"a":"x"}}`,
	`{"deviceId":"00-A1-C9-00-00-00-02-01","gatewayId":"00-A1-C9-FF-FE-00-F0-01","receivedAt":"2026-11-20T07:42:13+01:00","characteristic":"2A35","hex":"0280004F005F00EA070B14072A0A"}`,
	`{"device":"00-A1-C9-00-00-00-02-01","patient":"Patient/a","start":"2026-11-01T00:00:00Z"}`,
	`<Patient xmlns="http://hl7.org/fhir"><id value="a"/><active value="true"/><name><family value="x"/></name></Patient>`,
	`<!DOCTYPE x [<!ENTITY a "b">]><Patient xmlns="http://hl7.org/fhir">&a;</Patient>`,
	`name=x&_id=a&_count=5`, ``, `null`, `[]`, `{}`, "\x00\xff\xfe",
}

func (r grammar) body(typ string) []byte {
	seed := r.pick(fuzzSeeds...)
	if r.IntN(2) == 0 { // one of that type, when there is one
		for _, other := range fuzzSeeds {
			if typ != "" && strings.Contains(other, `{"resourceType":"`+typ+`",`) {
				seed = other
			}
		}
	}
	seed = strings.Replace(seed, "%s", typ, 1)
	b := []byte(seed)
	for range max(0, r.IntN(6)-2) {
		if len(b) == 0 {
			break
		}
		at := r.IntN(len(b))
		switch r.IntN(6) {
		case 0:
			b[at] = byte(r.IntN(256))
		case 1:
			b = slices.Delete(b, at, min(len(b), at+1+r.IntN(8)))
		case 2:
			b = slices.Insert(b, at, []byte(r.pick(`{`, `"`, `[`, `,`, `null`, `1e999`, `"\ud800"`, `"extension":[{"url":"x"}],`, `"_id":{},`, `"contained":[{"resourceType":"Patient"}],`, "\\u0000", `<`, `&`))...)
		case 3:
			b = b[:at]
		case 4:
			b = bytes.Replace(b, []byte(r.pick(`"Patient"`, `"code"`, `true`, `"x"`, `"1"`, `"value"`, `"a"`)), []byte(r.pick(`1`, `{}`, `[]`, `""`, `" "`, `null`, `"Patient/b"`, `"#x"`, `"urn:uuid:1"`, `12345678901234567890.123`)), 1)
		case 5:
			b = append(bytes.Repeat([]byte(r.pick(`[`, `{"a":`, `<a>`)), r.IntN(300)), b...)
		}
	}
	return b
}

func (r grammar) headers(body []byte) map[string]string {
	h := map[string]string{"Content-Type": "application/fhir+json"}
	switch {
	case r.IntN(12) == 0:
		h["Content-Type"] = r.pick("application/json", "application/fhir+xml", "application/json-patch+json", "application/x-www-form-urlencoded", "text/plain", "application/octet-stream", "application/graphql", "x", "")
	case bytes.HasPrefix(body, []byte("<")):
		h["Content-Type"] = "application/fhir+xml"
	case bytes.HasPrefix(body, []byte(`[{"op"`)):
		h["Content-Type"] = "application/json-patch+json"
	case bytes.HasPrefix(body, []byte("name=")):
		h["Content-Type"] = "application/x-www-form-urlencoded"
	case bytes.HasPrefix(body, []byte(`{"device`)) || bytes.HasPrefix(body, []byte(`{"query`)):
		h["Content-Type"] = "application/json"
	}
	maybe := func(name string, values ...string) {
		if r.IntN(6) == 0 {
			h[name] = r.pick(values...)
		}
	}
	maybe("Accept", "application/fhir+json", "application/json", "*/*", "application/fhir+xml, */*;q=0.1", "application/fhir+xml", "application/fhir+xml", "*/*;q=0.1", "text/html", "image/png", "x", "application/fhir+json;q=2, ,;")
	maybe("Prefer", "return=minimal", "return=OperationOutcome", "return=representation", "handling=lenient", "respond-async", "respond-async, return=minimal", ";;=,")
	maybe("If-Match", `W/"1"`, `W/"2"`, `"x"`, `*`, `W/`)
	maybe("If-None-Match", `*`, `W/"1"`, `x`)
	maybe("If-None-Exist", "identifier=urn:x|1", "nosuch=1", "%zz", "_id=a")
	maybe("If-Modified-Since", "Thu, 01 Jan 2015 00:00:00 GMT", "x")
	maybe("Accept-Encoding", "gzip", "br", "zstd", "identity;q=0", "*;q=0", ";q=,")
	maybe("X-Security-Context", "Patient/a", "x")
	maybe("Accept-Language", "de", "x;q=y")
	if r.IntN(30) == 0 {
		h["Content-Encoding"] = r.pick("gzip", "br", "zstd", "deflate", "x")
	}
	return h
}
