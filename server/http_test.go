package server_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"vitalwire/adapters/all"
	"vitalwire/server"
	"vitalwire/server/telemetry"
)

// startWith runs a server with a configuration of its own; what is left open is
// as in start. The log goes to the writer given, or nowhere.
func startWith(t testing.TB, c server.Config, log io.Writer) *server.Server {
	t.Helper()
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Zone == "" {
		c.Zone = "UTC"
	}
	if c.Store == "" {
		c.Store = stores["sqlite"](t)
	}
	if c.MaxBody == 0 {
		c.MaxBody = 1 << 20
	}
	if log == nil {
		log = io.Discard
	}
	s, err := server.Start(t.Context(), c, all.Adapters(), slog.New(telemetry.LogHandler(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(30e9); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask sends a request whose headers are "Name: value" and gives status, header and body.
func ask(t testing.TB, client *http.Client, method, url string, body []byte, headers ...string) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, data
}

// plain leaves content codings to the test.
var plain = &http.Client{Transport: &http.Transport{DisableCompression: true}}

var packers = map[string]func(io.Writer) io.WriteCloser{
	"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"br":   func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
	"zstd": func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
}

var unpackers = map[string]func(io.Reader) io.Reader{
	"gzip": func(r io.Reader) io.Reader { z, _ := gzip.NewReader(r); return z },
	"br":   func(r io.Reader) io.Reader { return brotli.NewReader(r) },
	"zstd": func(r io.Reader) io.Reader { z, _ := zstd.NewReader(r); return z },
	"":     func(r io.Reader) io.Reader { return r },
}

func packed(t testing.TB, coding string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := packers[coding](&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// RFC 9110 §8.4: bodies packed by every coding are read, up to the limit they
// unpack to, and answers are packed as Accept-Encoding asks.
func TestContentCodings_RFC9110_8_4(t *testing.T) {
	s := startWith(t, server.Config{}, nil)
	text := strings.Repeat("a", 5000)
	patient := []byte(`{"resourceType":"Patient","id":"z","name":[{"family":"` + text + `"}]}`)
	for coding := range packers {
		status, _, body := ask(t, plain, "PUT", s.Base+"/Patient/z", packed(t, coding, patient), "Content-Type: application/fhir+json", "Content-Encoding: "+coding)
		if status != 200 && status != 201 || !bytes.Contains(body, []byte(text)) {
			t.Errorf("%s: %d %.200s", coding, status, body)
		}
		bomb := packed(t, coding, bytes.Repeat([]byte(" "), 64<<20))
		if status, _, body := ask(t, plain, "PUT", s.Base+"/Patient/z", bomb, "Content-Type: application/fhir+json", "Content-Encoding: "+coding); status != 413 || !bytes.Contains(body, []byte("--max-body")) {
			t.Errorf("a %s bomb of %d bytes: %d %.200s", coding, len(bomb), status, body)
		}
		cut := packed(t, coding, patient)
		if status, _, body := ask(t, plain, "PUT", s.Base+"/Patient/z", cut[:len(cut)/2], "Content-Type: application/fhir+json", "Content-Encoding: "+coding); status != 400 {
			t.Errorf("%s cut short: %d %.200s", coding, status, body)
		}
	}
	for accept, want := range map[string]string{
		"gzip": "gzip", "br": "br", "zstd": "zstd", "gzip, br, zstd": "zstd", "gzip;q=1, br;q=0.5": "gzip",
		"*": "zstd", "identity": "", "gzip;q=0": "", "x-gzip": "gzip", "identity;q=1, gzip;q=0.5": "", "deflate": "", "br;q=0, *;q=0.1": "zstd",
	} {
		status, header, body := ask(t, plain, "GET", s.Base+"/Patient/z", nil, "Accept-Encoding: "+accept)
		plainText, err := io.ReadAll(unpackers[header.Get("Content-Encoding")](bytes.NewReader(body)))
		if status != 200 || header.Get("Content-Encoding") != want || err != nil || !bytes.Contains(plainText, []byte(text)) {
			t.Errorf("Accept-Encoding %q: %d, Content-Encoding %q, %v", accept, status, header.Get("Content-Encoding"), err)
		}
		if !strings.Contains(header.Get("Vary"), "Accept-Encoding") || header.Get("ETag") == "" {
			t.Errorf("Accept-Encoding %q: %v", accept, header)
		}
		status, head, _ := ask(t, plain, "HEAD", s.Base+"/Patient/z", nil, "Accept-Encoding: "+accept)
		if status != 200 || head.Get("Content-Encoding") != want {
			t.Errorf("HEAD, Accept-Encoding %q: %d %v", accept, status, head)
		}
	}
	if status, header, _ := ask(t, plain, "GET", s.Base+"/Patient/z", nil, "Accept-Encoding: identity;q=0, compress"); status != 406 || header.Get("Content-Encoding") != "" {
		t.Errorf("nothing acceptable: %d %v", status, header)
	}
	if status, header, body := ask(t, plain, "GET", s.Base+"/Patient/none", nil, "Accept-Encoding: gzip"); status != 404 || header.Get("Content-Encoding") != "" || !json.Valid(body) {
		t.Errorf("a short answer is not packed: %d %v", status, header)
	}
	if status, header, _ := ask(t, plain, "GET", s.Base+"/Patient/none", nil, "Accept-Encoding: gzip, identity;q=0"); status != 404 || header.Get("Content-Encoding") != "gzip" {
		t.Errorf("unless it must be: %d %v", status, header)
	}
}

// Each limit is a setting that its error names.
func TestLimits(t *testing.T) {
	s := startWith(t, server.Config{MaxBody: 10_000, MaxURL: 1000, MaxHeader: 4000, MaxDepth: 10}, nil)
	deep := strings.Repeat(`{"extension":[`, 8) + strings.Repeat(`]}`, 8)
	for name, c := range map[string]struct {
		method, path, body, header string
		status                     int
		says                       string
	}{
		"body":        {"POST", "/Patient", `{"resourceType":"Patient","name":[{"family":"` + strings.Repeat("a", 10_000) + `"}]}`, "", 413, "--max-body"},
		"url":         {"GET", "/Patient?name=" + strings.Repeat("a", 1000), "", "", 414, "--max-url"},
		"header":      {"GET", "/Patient", "", "X-Long: " + strings.Repeat("a", 4000), 431, "--max-header"},
		"depth":       {"POST", "/Patient", `{"resourceType":"Patient","extension":[` + deep + `]}`, "", 400, "--max-depth"},
		"depth xml":   {"POST", "/Patient", `<Patient xmlns="http://hl7.org/fhir">` + strings.Repeat(`<extension url="x">`, 9) + strings.Repeat(`</extension>`, 9) + `</Patient>`, "Content-Type: application/fhir+xml", 400, "--max-depth"},
		"depth op":    {"POST", "/Patient/$validate", `{"resourceType":"Patient","extension":[` + deep + `]}`, "", 400, "--max-depth"},
		"deep enough": {"POST", "/Patient", `{"resourceType":"Patient","maritalStatus":{"coding":[{"system":"urn:x","code":"x"}]}}`, "", 201, ""},
	} {
		headers := []string{"Content-Type: application/fhir+json"}
		if c.header != "" {
			headers = append(headers, c.header)
		}
		status, _, body := ask(t, plain, c.method, s.Base+c.path, []byte(c.body), headers...)
		if status != c.status || !strings.Contains(string(body), c.says) || !strings.Contains(string(body), "resourceType") {
			t.Errorf("%s: %d %.300s", name, status, body)
		}
	}
}

// Fetch standard, CORS protocol: configured origins are answered, others are not.
func TestCORS(t *testing.T) {
	s := startWith(t, server.Config{Origins: []string{"https://app.example.org"}}, nil)
	status, header, _ := ask(t, plain, "OPTIONS", s.Base+"/Patient/1", nil, "Origin: https://app.example.org", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: if-match")
	if status != 204 || header.Get("Access-Control-Allow-Origin") != "https://app.example.org" || !strings.Contains(header.Get("Access-Control-Allow-Methods"), "PATCH") ||
		!strings.Contains(header.Get("Access-Control-Allow-Headers"), "If-Match") || header.Get("Access-Control-Max-Age") == "" || header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %d %v", status, header)
	}
	for _, path := range []string{"/metadata", "/Patient/none"} {
		_, header, _ = ask(t, plain, "GET", s.Base+path, nil, "Origin: https://app.example.org")
		if header.Get("Access-Control-Allow-Origin") != "https://app.example.org" || !strings.Contains(header.Get("Access-Control-Expose-Headers"), "ETag") || !strings.Contains(strings.Join(header.Values("Vary"), ","), "Origin") {
			t.Errorf("%s: %v", path, header)
		}
	}
	for _, origin := range []string{"https://evil.example", "https://app.example.org.evil.example", "http://app.example.org", "null"} {
		_, header, _ = ask(t, plain, "GET", s.Base+"/metadata", nil, "Origin: "+origin)
		if header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is let in: %v", origin, header)
		}
	}
	status, header, _ = ask(t, plain, "OPTIONS", s.Base+"/Patient/1", nil)
	if status != 204 || !strings.Contains(header.Get("Allow"), "PATCH") {
		t.Errorf("an OPTIONS that is no preflight: %d %v", status, header)
	}
}

// RFC 9113: HTTP/2 by TLS always, without TLS when it is configured.
func TestHTTP2(t *testing.T) {
	cert, key := certificate(t)
	secure := startWith(t, server.Config{TLSCert: cert, TLSKey: key}, nil)
	both := startWith(t, server.Config{H2C: true}, nil)
	only1 := startWith(t, server.Config{}, nil)
	overTLS := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	h2c := &http.Client{Transport: &http.Transport{Protocols: new(http.Protocols)}}
	h2c.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	for name, c := range map[string]struct {
		client *http.Client
		base   string
		major  int
	}{"tls": {overTLS, secure.Base, 2}, "h2c": {h2c, both.Base, 2}, "http/1.1 beside h2c": {plain, both.Base, 1}, "http/1.1": {plain, only1.Base, 1}} {
		response, err := c.client.Get(c.base + "/metadata")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		response.Body.Close()
		if response.ProtoMajor != c.major || response.StatusCode != 200 {
			t.Errorf("%s: %s %s", name, response.Proto, response.Status)
		}
		if name == "tls" && (!strings.HasPrefix(c.base, "https://") || response.Header.Get("Strict-Transport-Security") == "") {
			t.Errorf("tls: %s %v", c.base, response.Header)
		}
	}
	if _, err := h2c.Get(only1.Base + "/metadata"); err == nil { //nolint:bodyclose // there is none: it fails
		t.Error("h2c is answered though it is off")
	}
}
