package auth

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// E.3: brute force and floods. Who asks too often is answered 429 with Retry-After,
// by address and by client; after that time he may ask again.
func TestLimits(t *testing.T) {
	p := newPlace(t)
	p.Rate = 0.1
	flood := func(path string, ask func() (int, http.Header)) (through int) {
		t.Helper()
		for range 5000 {
			status, header := ask()
			if status != http.StatusTooManyRequests {
				through++
				continue
			}
			wait, err := strconv.Atoi(header.Get("Retry-After"))
			if err != nil || wait < 1 || wait > 60 {
				t.Errorf("%s: Retry-After %q", path, header.Get("Retry-After"))
			}
			p.clock = p.clock.Add(time.Duration(wait) * time.Second)
			if status, _ := ask(); status == http.StatusTooManyRequests {
				t.Errorf("%s: 429 after the wait", path)
			}
			return through
		}
		t.Errorf("%s: never 429", path)
		return through
	}
	basic := func(r *http.Request) { r.SetBasicAuth("gateway", p.secret) }
	got := flood("token", func() (int, http.Header) {
		w, _ := p.ask(t, "auth/token", basic, "grant_type", "client_credentials", "scope", "system/Observation.c")
		return w.Code, w.Header()
	})
	if got != int(float64(ofClient.burst)*p.Rate) {
		t.Errorf("a client got %d tokens at once", got)
	}
	for path, pairs := range map[string][]string{"auth/introspect": {"token", "x"}, "auth/revoke": {"token", "x"}} {
		flood(path, func() (int, http.Header) {
			w, _ := p.ask(t, path, basic, pairs...)
			return w.Code, w.Header()
		})
	}
	b := p.browser(t)
	for _, page := range []string{"login", "authorize"} {
		other := p.browser(t)
		other.address = "203.0.113.4:1"
		flood(page, func() (int, http.Header) {
			w := b.send(page, url.Values{})
			return w.Code, w.Header()
		})
		if w := other.send(page, url.Values{}); w.Code == http.StatusTooManyRequests {
			t.Errorf("%s: another address waits, too", page)
		}
	}
	p.Rate = 0
	for range 300 {
		if w := b.send("login", url.Values{}); w.Code == http.StatusTooManyRequests {
			t.Fatal("limited without a rate")
		}
	}
}
