package rest

import (
	"net/http"
	"net/netip"
	"testing"
)

// D6: X-Forwarded-For counts from trusted proxies alone, and from the right.
func TestFromProxy(t *testing.T) {
	s := &Server{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"10.0.0.1:55", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"[::1]:55", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"[::ffff:10.0.0.1]:55", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"10.0.0.1:55", []string{"1.2.3.4, 203.0.113.9"}, "203.0.113.9:0"},
		{"10.0.0.1:55", []string{"1.2.3.4", "203.0.113.9, 10.0.0.2"}, "203.0.113.9:0"},
		{"10.0.0.1:55", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"10.0.0.1:55", []string{"[2001:db8::7]"}, "[2001:db8::7]:0"},
		{"10.0.0.1:55", []string{"1.2.3.4, nonsense"}, "10.0.0.1:55"},
		{"10.0.0.1:55", []string{""}, "10.0.0.1:55"},
		{"10.0.0.1:55", nil, "10.0.0.1:55"},
		{"198.51.100.1:55", []string{"203.0.113.9"}, "198.51.100.1:55"},
		{"127.0.0.1:55", []string{"203.0.113.9"}, "127.0.0.1:55"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		if s.fromProxy(r); r.RemoteAddr != c.want {
			t.Errorf("%+v: %s", c, r.RemoteAddr)
		}
	}
	r := &http.Request{RemoteAddr: "10.0.0.1:5", Header: http.Header{"X-Forwarded-For": {"203.0.113.9"}}}
	if (&Server{}).fromProxy(r); r.RemoteAddr != "10.0.0.1:5" {
		t.Errorf("without proxies: %s", r.RemoteAddr)
	}
}
