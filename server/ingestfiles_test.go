package server_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/spawn"
	"vitalwire/server"
)

const wornDevice = "00A1C90000000201"

// wear makes Patient/p, on whom the device is.
func wear(t testing.TB, base, root string) {
	t.Helper()
	if status, _, answer := exchange(http.MethodPut, base+"/Patient/p", `{"resourceType":"Patient","id":"p"}`); status != http.StatusCreated {
		t.Fatal(answer)
	}
	worn := `{"device":"` + wornDevice + `","patient":"Patient/p","start":"2020-01-01T00:00:00Z"}`
	if status, _, answer := exchange(http.MethodPost, root+"/ingest/associations", worn, "Content-Type", "application/json"); status != http.StatusCreated {
		t.Fatal(answer)
	}
}

// statuses are those of the entries of a batch-response and of the bundles in it.
func statuses(answer string) string {
	var got []string
	for _, part := range strings.Split(answer, `"response":{"status":"`)[1:] {
		got = append(got, part[:3])
	}
	return strings.Join(got, " ")
}

// mixedPart is a part of multipart/mixed with headers of its own.
func mixedPart(w *multipart.Writer, body []byte, headers ...string) {
	h := textproto.MIMEHeader{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	p, _ := w.CreatePart(h)
	_, _ = p.Write(body)
}

// TestIngest_Multipart sends frames as parts (RFC 2046 §5.1.3, RFC 7578 §5.2): raw ones,
// envelopes, the same twice, bad ones; each has its own answer.
func TestIngest_Multipart(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			s := start(t, open(t), func(c *server.Config) { c.MaxBody = 4 << 20 })
			wear(t, s.Base, s.Root)
			send := func(path, media string, write func(w *multipart.Writer)) (int, string) {
				var b bytes.Buffer
				w := multipart.NewWriter(&b)
				write(w)
				_ = w.Close()
				status, _, answer := exchange(http.MethodPost, s.Root+path, b.String(), "Content-Type", media+"; boundary="+w.Boundary())
				return status, answer
			}
			raw := func(text string) []byte { data, _ := hex.DecodeString(text); return data }
			status, answer := send("/ingest/blegatt?characteristic=2A37&deviceId="+wornDevice, "multipart/mixed", func(w *multipart.Writer) {
				mixedPart(w, raw("0041"), "Received-At", "2026-11-20T00:00:01Z")
				mixedPart(w, raw("0042"), "Received-At", "2026-11-20T00:00:02Z", "Content-Type", "application/octet-stream")
				mixedPart(w, raw("0041"), "Received-At", "2026-11-20T00:00:01Z")
				mixedPart(w, raw("0043"), "Received-At", "2026-11-20T00:00:03Z", "Device-Id", "00A1C90000000202")
				mixedPart(w, []byte(`{"deviceId":"`+wornDevice+`","receivedAt":"2026-11-20T00:00:04Z","characteristic":"2A37","hex":"0044"}`), "Content-Type", "application/json")
				mixedPart(w, []byte(base64.StdEncoding.EncodeToString(raw("0045"))), "Received-At", "2026-11-20T00:00:05Z", "Content-Transfer-Encoding", "base64")
				mixedPart(w, raw("01"), "Received-At", "2026-11-20T00:00:06Z")
				mixedPart(w, nil)
				mixedPart(w, []byte("{"), "Content-Type", "application/json")
				mixedPart(w, bytes.Repeat([]byte("x"), 1<<20+1))
				mixedPart(w, bytes.Repeat([]byte("x"), 5<<18), "Device-Id", "nonsense")
			})
			if want := "201 201 201 201 200 200 202 202 201 201 201 201 400 400 400 413 413"; status != http.StatusOK || statuses(answer) != want {
				t.Errorf("%d %s, not %s: %s", status, statuses(answer), want, answer)
			}
			status, answer = send("/ingest/blegatt", "multipart/form-data", func(w *multipart.Writer) {
				file := func(data []byte) { p, _ := w.CreateFormFile("frame", "f.bin"); _, _ = p.Write(data) }
				_ = w.WriteField("deviceId", "00-A1-C9-00-00-00-02-01")
				_ = w.WriteField("characteristic", "2A37")
				_ = w.WriteField("receivedAt", "2026-11-20T00:01:01Z")
				file(raw("0051"))
				_ = w.WriteField("receivedAt", "2026-11-20T00:01:02Z")
				file(raw("0052"))
				_ = w.WriteField("deviceId", "00A1C90000000202")
				file(raw("0053"))
			})
			if want := "201 201 201 201 202 202"; status != http.StatusOK || statuses(answer) != want {
				t.Errorf("%d %s, not %s: %s", status, statuses(answer), want, answer)
			}
			if status, _, answer := exchange(http.MethodGet, s.Base+"/Observation?_summary=count", ""); status != http.StatusOK || !strings.Contains(answer, `"total":6`) {
				t.Error(status, answer)
			}
			// What is no whole body of parts stores nothing.
			for body, media := range map[string]string{
				"--b\r\nReceived-At: 2026-11-21T00:00:01Z\r\n\r\n\x00\x41\r\n": "multipart/mixed; boundary=b",
				"--b--\r\n": "multipart/mixed; boundary=b",
				"x":         "multipart/form-data; boundary=b",
				"--b\r\nContent-Transfer-Encoding: rot13\r\n\r\nx\r\n--b--":  "multipart/mixed; boundary=b",
				"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n*\r\n--b--": "multipart/mixed; boundary=b",
				"--b--": "multipart/mixed",
			} {
				if status, _, answer := exchange(http.MethodPost, s.Root+"/ingest/blegatt?characteristic=2A37&deviceId="+wornDevice, body, "Content-Type", media); status/100 != 4 {
					t.Errorf("%q: %d %s", body, status, answer)
				}
			}
			if status, answer := send("/ingest/blegatt", "multipart/mixed", func(w *multipart.Writer) {
				for range 10001 {
					mixedPart(w, raw("0041"))
				}
			}); status != http.StatusRequestEntityTooLarge {
				t.Errorf("10001 parts: %d %.200s", status, answer)
			}
			if status, _, answer := exchange(http.MethodGet, s.Base+"/Observation?_summary=count", ""); status != http.StatusOK || !strings.Contains(answer, `"total":6`) {
				t.Error(status, answer)
			}
		})
	}
}

// bigExport is an Apple Health export of n weights, a second apart, with `between` bytes of
// what nothing is made of after each; it is never in memory as a whole.
func bigExport(n, between int) io.Reader {
	r, w := io.Pipe()
	go func() {
		fmt.Fprintln(w, "<?xml version=\"1.0\"?>\n<HealthData locale=\"en\">")
		filler := strings.Repeat(" <Workout a=\""+strings.Repeat("x", 900)+"\"/>\n", between/900)
		for i := range n {
			at := time.Date(2026, 3, 1, 0, 0, i, 0, time.UTC).Format("2006-01-02 15:04:05 +0000")
			if _, err := fmt.Fprintf(w, " <Record type=\"HKQuantityTypeIdentifierBodyMass\" sourceName=\"S\" unit=\"kg\" startDate=%q value=\"%d.5\"/>\n%s", at, 40+i, filler); err != nil {
				return
			}
		}
		fmt.Fprintln(w, "</HealthData>")
		_ = w.Close()
	}()
	return r
}

// upload posts an export; it gives 0 when no answer came.
func uploadExport(url string, body io.Reader, headers ...string) (int, string) {
	request, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		return 0, err.Error()
	}
	request.Header.Set("Content-Type", "application/xml")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	data, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(data)
}

// TestIngest_Export sends files that are longer than --max-body, plain and packed: what is
// alive does not grow with them, and a file sent twice is there once.
func TestIngest_Export(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			s := start(t, open(t), func(c *server.Config) { c.MaxExport = 40 << 20 })
			wear(t, s.Base, s.Root)
			url := s.Root + "/ingest/applehealth?deviceId=" + wornDevice
			if status, answer := uploadExport(url, bigExport(100, 20_000)); status != http.StatusOK || !strings.Contains(answer, "100 readings were made, 0 were there") {
				t.Fatal(status, answer)
			}
			before, peak := live(), watchLive(t)
			status, answer := uploadExport(url, bigExport(200, 160_000))
			grown := peak() - before
			if status != http.StatusOK || !strings.Contains(answer, "100 readings were made, 100 were there already, 0 wait") {
				t.Error(status, answer)
			}
			t.Logf("a file of 30 MiB: at most %.1f MiB more alive", float64(grown)/(1<<20))
			if grown > 24<<20 {
				t.Errorf("%d bytes were alive", grown)
			}
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, _ = io.Copy(z, bigExport(200, 20_000))
			_ = z.Close()
			whole := packed.Bytes()
			if status, answer := uploadExport(url, bytes.NewReader(whole), "Content-Encoding", "gzip"); status != http.StatusOK || !strings.Contains(answer, "0 readings were made, 200 were there") {
				t.Error(status, answer)
			}
			if status, answer := uploadExport(url, bytes.NewReader(whole[:len(whole)/2]), "Content-Encoding", "gzip"); status != http.StatusBadRequest || !strings.Contains(answer, "gzip") {
				t.Error(status, answer)
			}
			// A file that ends early: what came before is stored, and that is told.
			if status, answer := uploadExport(url, io.LimitReader(bigExport(1200, 900), 1_200_000)); status != http.StatusBadRequest || !strings.Contains(answer, "1 frames of the file are stored") {
				t.Error(status, answer)
			}
			if status, answer := uploadExport(url, bigExport(400, 120_000)); status != http.StatusRequestEntityTooLarge || !strings.Contains(answer, "--max-export") {
				t.Error(status, answer)
			}
			if status, answer := uploadExport(url, strings.NewReader("<Other>"+strings.Repeat(" ", 2<<20))); status != http.StatusBadRequest {
				t.Error(status, answer)
			}
			// An adapter of single frames keeps its bound, and so do envelopes.
			if status, answer := uploadExport(s.Root+"/ingest/blegatt?characteristic=2A37", bytes.NewReader(make([]byte, 2<<20))); status != http.StatusRequestEntityTooLarge {
				t.Error(status, answer)
			}
			if status, answer := uploadExport(url, bytes.NewReader(make([]byte, 2<<20)), "Content-Type", "application/json"); status != http.StatusRequestEntityTooLarge {
				t.Error(status, answer)
			}
		})
	}
}

// TestIngest_ExportKilled kills the server in the middle of a file; sent again it is there
// as a whole, and nothing of it twice.
func TestIngest_ExportKilled(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			p := spawn.Start(t, open(t))
			root := strings.TrimSuffix(p.Base, "/fhir")
			wear(t, p.Base, root)
			path := "/ingest/applehealth?deviceId=" + wornDevice
			count := func() string {
				_, _, answer := exchange(http.MethodGet, p.Base+"/Observation?_summary=count", "")
				_, total, _ := strings.Cut(answer, `"total":`)
				total, _, _ = strings.Cut(total, ",")
				return strings.TrimSpace(total)
			}
			gone := make(chan int)
			go func() {
				status, _ := uploadExport(root+path, bigExport(3000, 2000))
				gone <- status
			}()
			for until := time.Now().Add(20 * time.Second); count() == "0" && time.Now().Before(until); {
				time.Sleep(5 * time.Millisecond)
			}
			p.Kill(t)
			status := <-gone
			p.Restart(t)
			root = strings.TrimSuffix(p.Base, "/fhir")
			t.Logf("answered %d; %s of 3000 were there after the kill", status, count())
			if status, answer := uploadExport(root+path, bigExport(3000, 2000)); status != http.StatusOK {
				t.Fatal(status, answer)
			}
			if got := count(); got != "3000" {
				t.Errorf("%s readings of 3000", got)
			}
		})
	}
}
