package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// RFC 7517 and SMART 2.2: which keys may verify an assertion.
func TestRFC7517_KeySets(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "rsa1024min=0")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := jwk("k", &ec.PublicKey)
	change := func(name, value string) json.RawMessage {
		k := jwk("k", &ec.PublicKey)
		k[name] = value
		return jwks(t, k)
	}
	many := make([]map[string]string, 100)
	for i := range many {
		many[i] = good
	}
	for name, data := range map[string]json.RawMessage{
		"no JSON":          json.RawMessage(`{`),
		"no keys":          json.RawMessage(`{"keys":[]}`),
		"P-256":            jwks(t, jwk("k", &p256.PublicKey)),
		"RSA of 1024":      jwks(t, jwk("k", &small.PublicKey)),
		"one id twice":     jwks(t, good, good),
		"100 keys":         jwks(t, many...),
		"a private key":    change("d", "AAAA"),
		"no kid":           change("kid", ""),
		"for encryption":   change("use", "enc"),
		"other algorithm":  change("alg", "ES256"),
		"not on the curve": change("x", good["y"]),
		"short coordinate": change("x", good["x"][:60]),
		"symmetric":        json.RawMessage(`{"keys":[{"kty":"oct","kid":"k","k":"AAAA"}]}`),
	} {
		if keys, err := parseKeys(data); err == nil {
			t.Errorf("%s: %v", name, keys)
		}
	}
	keys, err := parseKeys(jwks(t, good, jwk("other", &p256.PublicKey)))
	if err != nil || len(keys) != 1 {
		t.Errorf("a good key beside one of no use: %v %v", keys, err)
	}
}

// SMART 2.2, client-confidential-asymmetric: a JWK Set by URL is cached as its
// Cache-Control says, and fetched anew for a new kid.
func TestSMART22_KeysByURL(t *testing.T) {
	p := newPlace(t)
	asked, cache := 0, "max-age=60"
	set := jwks(t, jwk("ec1", &p.ec.PublicKey))
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Cache-Control", cache)
		_, _ = w.Write(set)
	}))
	defer far.Close()
	p.keys.client = Outbound(netip.MustParsePrefix("127.0.0.0/8"))
	// Registration demands https; the test's server has none.
	data, err := json.Marshal(Client{ID: "backend", Scope: "system/*.rs", KeysURL: far.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Shelf.Change(t.Context(), func(d Drawer) error { return d.Put(clientShelf, "backend", data) }); err != nil {
		t.Fatal(err)
	}
	try := func(kid string, wantStatus, wantAsked int) {
		t.Helper()
		p.slow = throttle{}
		w, _ := p.askWith(t, signed(t, jwt.SigningMethodES384, p.ec, map[string]any{"kid": kid}, p.claims()))
		if w.Code != wantStatus || asked != wantAsked {
			t.Errorf("kid %s: status %d, asked %d times; want %d and %d", kid, w.Code, asked, wantStatus, wantAsked)
		}
	}
	try("ec1", 200, 1)
	try("ec1", 200, 1)
	try("ec2", 401, 1) // unknown, but asked a moment ago
	p.clock = p.clock.Add(betweenFetches)
	try("ec2", 401, 2)
	set = jwks(t, jwk("ec2", &p.ec.PublicKey))
	try("ec2", 401, 2)
	p.clock = p.clock.Add(betweenFetches)
	try("ec2", 200, 3)
	try("ec1", 401, 3) // rotated away
	p.clock, cache = p.clock.Add(2*time.Minute), "no-store"
	try("ec2", 200, 4)
	p.clock = p.clock.Add(betweenFetches)
	try("ec2", 200, 5)
}

// E.3 SSRF: what a stranger names is not fetched from the inside.
func TestOutboundReachesPublicAddressesOnly(t *testing.T) {
	for _, inside := range []string{
		"127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
		"100.127.255.255", "192.0.0.1", "198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "0.1.2.3",
		"::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::",
		"2001:0:1::1", "2001:db8::1", "fec0::1",
	} {
		if reachable(netip.MustParseAddr(inside), nil) == nil {
			t.Errorf("%s is reached", inside)
		}
	}
	for _, public := range []string{"8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111"} {
		if err := reachable(netip.MustParseAddr(public), nil); err != nil {
			t.Errorf("%s: %v", public, err)
		}
	}
	if err := reachable(netip.MustParseAddr("::ffff:10.1.2.3"), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}); err != nil {
		t.Errorf("an allowed network: %v", err)
	}
	far := httptest.NewServer(http.NotFoundHandler())
	defer far.Close()
	for _, url := range []string{far.URL, strings.Replace(far.URL, "127.0.0.1", "localhost", 1), strings.Replace(far.URL, "127.0.0.1", "2130706433", 1)} {
		if _, _, err := fetch(t.Context(), Outbound(), url, 10); err == nil || strings.Contains(err.Error(), "status") {
			t.Errorf("%s was reached: %v", url, err)
		}
	}
}

// No redirect is followed, and no more is read than allowed.
func TestOutboundIsBounded(t *testing.T) {
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/here", http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(strings.Repeat("x", 100)))
	}))
	defer far.Close()
	client := Outbound(netip.MustParsePrefix("127.0.0.0/8"))
	if data, _, err := fetch(t.Context(), client, far.URL+"/here", 100); err != nil || len(data) != 100 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	for _, path := range []string{"/away", "/here"} {
		if _, _, err := fetch(t.Context(), client, far.URL+path, 99); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
}

func TestRegistrationIsChecked(t *testing.T) {
	a := New(base, &memory{}, Outbound(), slog.New(slog.DiscardHandler))
	for name, c := range map[string]Client{
		"no id":             {Scope: "system/*.rs"},
		"id with a blank":   {ID: "a b", Scope: "system/*.rs"},
		"no scope":          {ID: "a"},
		"no such scope":     {ID: "a", Scope: "system/Observation.sr"},
		"not to be granted": {ID: "a", Scope: "patient/Observation.rs"},
		"keys and secret":   {ID: "a", Scope: "system/*.rs", KeysURL: "https://x.example.org/jwks"},
		"keys that are not": {ID: "a", Scope: "system/*.rs", Keys: json.RawMessage(`{}`), SecretHash: ""},
	} {
		if _, err := a.Register(t.Context(), c, name != "keys that are not"); err == nil {
			t.Errorf("%s: registered", name)
		}
	}
	for _, url := range []string{"http://x.example.org/jwks", "https://u:p@x.example.org/", "file:///etc/passwd", "https:///jwks", "https://x.example.org/#f"} {
		if _, err := a.Register(t.Context(), Client{ID: "a", Scope: "system/*.rs", KeysURL: url}, false); err == nil {
			t.Errorf("%s: registered", url)
		}
	}
}
