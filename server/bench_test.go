package server_test

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

func postAs(b testing.TB, url, media, body string) (int, string) {
	response, err := http.Post(url, media, strings.NewReader(body))
	if err != nil {
		b.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		b.Error(err)
	}
	return response.StatusCode, string(data)
}

// BenchmarkStart measures from nothing to the first answer, and what the process
// holds then.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s := start(b, stores["sqlite"](b))
		response, err := http.Get(s.Base + "/metadata")
		if err != nil {
			b.Fatal(err)
		}
		response.Body.Close()
	}
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				n, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 64)
				b.ReportMetric(n/1024, "MB-resident")
			}
		}
	}
}
