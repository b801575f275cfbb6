package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vitalwire/internal/conformance"
)

const base = "https://fhir.example.org/fhir"

// place is an Authority with two clients: "backend" signs, "gateway" has a secret.
type place struct {
	*Authority
	clock  time.Time
	ec     *ecdsa.PrivateKey
	rsa    *rsa.PrivateKey
	secret string
}

var rsaForTests = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	p.Authority = New(base, &memory{}, Outbound(), slog.New(slog.DiscardHandler))
	p.Now = func() time.Time { return p.clock }
	var err error
	if p.ec, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if p.rsa, err = rsaForTests(); err != nil {
		t.Fatal(err)
	}
	keys := jwks(t, jwk("ec1", &p.ec.PublicKey), jwk("rsa1", &p.rsa.PublicKey))
	if _, err := p.Register(t.Context(), Client{ID: "backend", Scope: "system/*.rs", Keys: keys}, false); err != nil {
		t.Fatal(err)
	}
	if p.secret, err = p.Register(t.Context(), Client{ID: "gateway", Scope: "system/Observation.c system/Device.cu"}, true); err != nil {
		t.Fatal(err)
	}
	return p
}

func jwk(id string, key crypto.PublicKey) map[string]string {
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := key.(type) {
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "kid": id, "alg": "RS384", "n": b64(k.N.Bytes()), "e": "AQAB"}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		half := (len(point) - 1) / 2
		return map[string]string{"kty": "EC", "crv": k.Params().Name, "kid": id, "x": b64(point[1 : 1+half]), "y": b64(point[1+half:])}
	}
	panic("no such key")
}

func jwks(t *testing.T, keys ...map[string]string) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// claims are those of a good assertion of "backend".
func (p *place) claims() jwt.MapClaims {
	return jwt.MapClaims{"iss": "backend", "sub": "backend", "aud": base + "/auth/token", "jti": random(),
		"iat": p.clock.Unix(), "exp": p.clock.Add(4 * time.Minute).Unix()}
}

func signed(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, claims jwt.Claims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	for name, value := range header {
		if value == nil {
			delete(token.Header, name)
		} else {
			token.Header[name] = value
		}
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (p *place) assertion(t *testing.T) string {
	return signed(t, jwt.SigningMethodES384, p.ec, map[string]any{"kid": "ec1"}, p.claims())
}

// ask posts a form to an endpoint below the base.
func (p *place) ask(t *testing.T, path string, change func(*http.Request), pairs ...string) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, base+"/"+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	p.Handler(path)(w, r)
	var answer map[string]any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %v in %s", path, err, w.Body)
		}
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Pragma") != "no-cache" {
		t.Errorf("T1: %s may be kept: %v", path, w.Header())
	}
	return w, answer
}

func (p *place) askWith(t *testing.T, assertion string) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	return p.ask(t, "auth/token", nil, "grant_type", "client_credentials", "scope", "system/Observation.rs",
		"client_assertion_type", assertionType, "client_assertion", assertion)
}

func TestBackendServices_AssertionGivesToken(t *testing.T) {
	p := newPlace(t)
	for name, assertion := range map[string]string{
		"ES384":         p.assertion(t),
		"RS384":         signed(t, jwt.SigningMethodRS384, p.rsa, map[string]any{"kid": "rsa1"}, p.claims()),
		"aud is issuer": signed(t, jwt.SigningMethodES384, p.ec, map[string]any{"kid": "ec1"}, with(p.claims(), "aud", base)),
	} {
		w, answer := p.askWith(t, assertion)
		if w.Code != 200 || answer["token_type"] != "Bearer" || answer["expires_in"] != 300.0 || answer["scope"] != "system/Observation.rs" {
			t.Fatalf("%s: %d %v", name, w.Code, answer)
		}
		access, err := p.Lookup(t.Context(), answer["access_token"].(string))
		if err != nil || access.Client != "backend" || !access.Scopes.Allow("Observation", Read|Search) || access.Scopes.Allow("Patient", Read) {
			t.Errorf("%s: %+v %v", name, access, err)
		}
	}
}

func with(c jwt.MapClaims, name string, value any) jwt.MapClaims {
	if value == nil {
		delete(c, name)
	} else {
		c[name] = value
	}
	return c
}

// A.5 and the JWT corpus of E.3: every one of them is invalid_client.
func TestSMART22_BadAssertions(t *testing.T) {
	p := newPlace(t)
	es := jwt.SigningMethodES384
	kid := map[string]any{"kid": "ec1"}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) string { return signed(t, es, p.ec, kid, with(p.claims(), name, value)) }
	head := func(name string, value any) string {
		return signed(t, es, p.ec, map[string]any{"kid": "ec1", name: value}, p.claims())
	}
	publicAsSecret, err := p.ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	good := p.assertion(t)
	parts := strings.Split(good, ".")
	replayed := p.assertion(t)
	if w, _ := p.askWith(t, replayed); w.Code != 200 {
		t.Fatal("the first use was refused")
	}
	forged := func(header, claims string) string {
		b64 := base64.RawURLEncoding.EncodeToString
		return b64([]byte(header)) + "." + b64([]byte(claims)) + "." + parts[2]
	}
	bad := map[string]string{
		"alg none":            signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, p.claims()),
		"HS384 by public key": signed(t, jwt.SigningMethodHS384, publicAsSecret, kid, p.claims()),
		"ES256":               signed(t, jwt.SigningMethodES256, p256, kid, p.claims()),
		"RS256":               signed(t, jwt.SigningMethodRS256, p.rsa, map[string]any{"kid": "rsa1"}, p.claims()),
		"PS384":               signed(t, jwt.SigningMethodPS384, p.rsa, map[string]any{"kid": "rsa1"}, p.claims()),
		"another's key":       signed(t, es, other, kid, p.claims()),
		"kid of another kind": signed(t, es, p.ec, map[string]any{"kid": "rsa1"}, p.claims()),
		"kid unknown":         signed(t, es, p.ec, map[string]any{"kid": "ec2"}, p.claims()),
		"kid missing":         signed(t, es, p.ec, nil, p.claims()),
		"kid is a path":       signed(t, es, p.ec, map[string]any{"kid": "../../ec1"}, p.claims()),
		"kid is SQL":          signed(t, es, p.ec, map[string]any{"kid": "ec1' OR '1'='1"}, p.claims()),
		"kid is a number":     signed(t, es, p.ec, map[string]any{"kid": 1}, p.claims()),
		"typ of an id token":  head("typ", "at+jwt"),
		"jku foreign":         head("jku", "https://evil.example.org/jwks"),
		"jwk embedded":        head("jwk", jwk("ec1", &other.PublicKey)),
		"x5u":                 head("x5u", "https://evil.example.org/x"),
		"x5c":                 head("x5c", []string{"MIIB"}),
		"crit":                head("crit", []string{"exp"}),
		"iss missing":         set("iss", nil),
		"iss unknown":         set("iss", "nobody"),
		"iss in capitals":     signed(t, es, p.ec, kid, with(with(p.claims(), "iss", "BACKEND"), "sub", "BACKEND")),
		"iss looks alike":     signed(t, es, p.ec, kid, with(with(p.claims(), "iss", "b\u0430ckend"), "sub", "b\u0430ckend")),
		"iss normalises":      signed(t, es, p.ec, kid, with(with(p.claims(), "iss", "\uff42ackend"), "sub", "\uff42ackend")),
		"iss with a blank":    signed(t, es, p.ec, kid, with(with(p.claims(), "iss", "backend\u200b"), "sub", "backend\u200b")),
		"iss of another":      set("iss", "gateway"),
		"sub missing":         set("sub", nil),
		"sub differs":         set("sub", "gateway"),
		"aud missing":         set("aud", nil),
		"aud elsewhere":       set("aud", "https://other.example.org/token"),
		"aud with a slash":    set("aud", base+"/auth/token/"),
		"aud several":         set("aud", []string{base + "/auth/token", "https://other.example.org"}),
		"jti missing":         set("jti", nil),
		"jti long":            set("jti", strings.Repeat("x", 600)),
		"exp missing":         set("exp", nil),
		"exp past":            set("exp", p.clock.Add(-2*time.Minute).Unix()),
		"exp far":             set("exp", p.clock.Add(6*time.Minute).Unix()),
		"exp huge":            set("exp", 1e308),
		"exp as text":         set("exp", fmt.Sprint(p.clock.Add(time.Minute).Unix())),
		"nbf in future":       set("nbf", p.clock.Add(2*time.Minute).Unix()),
		"iat in future":       set("iat", p.clock.Add(2*time.Minute).Unix()),
		"replayed":            replayed,
		"signature cut":       good[:len(good)-4],
		"signature missing":   parts[0] + "." + parts[1] + ".",
		"signature zero":      parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 96)),
		"padding":             good + "==",
		"blank in it":         parts[0] + "." + parts[1] + " ." + parts[2],
		"nested":              base64.RawURLEncoding.EncodeToString([]byte(good)),
		"many dots":           strings.Repeat(".", 30_000),
		"huge":                strings.Repeat("A", 30_000) + ".A.A",
		"empty":               "",
		"JWE":                 "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d",
		"member twice":        forged(`{"alg":"ES384","kid":"ec1","kid":"rsa1"}`, `{"iss":"backend"}`),
		"claim twice":         forged(`{"alg":"ES384","kid":"ec1"}`, `{"iss":"backend","iss":"gateway"}`),
		"header no object":    forged(`["ES384"]`, `{"iss":"backend"}`),
		"claims no object":    forged(`{"alg":"ES384","kid":"ec1"}`, `"backend"`),
	}
	for name, assertion := range bad {
		p.slow = throttle{} // nobody is slowed down here
		w, answer := p.askWith(t, assertion)
		if w.Code != 401 || answer["error"] != "invalid_client" || len(answer) != 2 {
			t.Errorf("%s: %d %v", name, w.Code, answer)
		}
	}
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		rows = append(rows, []string{name, "401 invalid_client"})
	}
	conformance.Table(t, "smart-jwt", "Client assertions that are refused",
		fmt.Sprintf("%d forged, borrowed or broken assertions (RFC 7523, SMART 2.2 client-confidential-asymmetric), each sent to the token endpoint.", len(bad)),
		[]string{"assertion", "answer"}, rows)
}

// RFC 6749 §2.3: a client proves who it is in one way.
func TestRFC6749_ClientSecret(t *testing.T) {
	p := newPlace(t)
	basic := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
	}
	grant := []string{"grant_type", "client_credentials", "scope", "system/*.cruds"}
	for name, c := range map[string]struct {
		change func(*http.Request)
		more   []string
		status int
	}{
		"basic":                    {basic("gateway", p.secret), nil, 200},
		"body":                     {nil, []string{"client_id", "gateway", "client_secret", p.secret}, 200},
		"wrong":                    {basic("gateway", "x"+p.secret), nil, 401},
		"empty":                    {basic("gateway", ""), nil, 401},
		"client that signs":        {basic("backend", ""), nil, 401},
		"unknown client":           {basic("nobody", p.secret), nil, 401},
		"hash instead":             {basic("gateway", hashed(p.secret)), nil, 401},
		"two ways":                 {basic("gateway", p.secret), []string{"client_id", "gateway", "client_secret", p.secret}, 401},
		"other client_id":          {basic("gateway", p.secret), []string{"client_id", "backend"}, 401},
		"no proof":                 {nil, []string{"client_id", "gateway"}, 401},
		"assertion of another way": {nil, []string{"client_assertion_type", "urn:x", "client_assertion", p.assertion(t)}, 401},
		"parameter twice":          {basic("gateway", p.secret), []string{"scope", "system/*.r"}, 400},
		"JSON": {func(r *http.Request) {
			basic("gateway", p.secret)(r)
			r.Header.Set("Content-Type", "application/json")
		}, nil, 400},
		"in the URL": {func(r *http.Request) {
			basic("gateway", p.secret)(r)
			r.URL.RawQuery = "grant_type=client_credentials"
		}, nil, 400},
	} {
		w, answer := p.ask(t, "auth/token", c.change, append(append([]string{}, grant...), c.more...)...)
		if w.Code != c.status {
			t.Errorf("%s: %d %v", name, w.Code, answer)
		}
		if c.status == 200 && answer["scope"] != "system/Observation.c system/Device.cu" {
			t.Errorf("%s: scope %v", name, answer["scope"])
		}
		if c.status == 401 && (answer["error"] != "invalid_client" || w.Header().Get("WWW-Authenticate") == "") {
			t.Errorf("%s: %v %v", name, answer, w.Header())
		}
	}
}

func TestRFC6749_TokenRequestErrors(t *testing.T) {
	p := newPlace(t)
	as := func(r *http.Request) { r.SetBasicAuth("gateway", p.secret) }
	for _, c := range []struct {
		pairs []string
		code  string
	}{
		{nil, "invalid_request"},
		{[]string{"grant_type", "password"}, "unsupported_grant_type"},
		{[]string{"grant_type", "authorization_code"}, "unauthorized_client"},
		{[]string{"grant_type", "refresh_token"}, "unauthorized_client"},
		{[]string{"grant_type", "implicit"}, "unsupported_grant_type"},
		{[]string{"grant_type", "client_credentials"}, "invalid_scope"},
		{[]string{"grant_type", "client_credentials", "scope", "system/Patient.rs"}, "invalid_scope"},
		{[]string{"grant_type", "client_credentials", "scope", "patient/Observation.c user/Observation.c"}, "invalid_scope"},
		{[]string{"grant_type", "client_credentials", "scope", "system/Observation.c?status=final"}, "invalid_scope"},
		{[]string{"grant_type", "client_credentials", "scope", strings.Repeat("system/Observation.c ", 300)}, "invalid_scope"},
	} {
		if w, answer := p.ask(t, "auth/token", as, c.pairs...); w.Code != 400 || answer["error"] != c.code {
			t.Errorf("%v: %d %v", c.pairs, w.Code, answer)
		}
	}
}

// RFC 7662, RFC 7009: what a token stands for, until it is revoked or its client gone.
func TestRFC7662_IntrospectAndRevoke(t *testing.T) {
	p := newPlace(t)
	as := func(r *http.Request) { r.SetBasicAuth("gateway", p.secret) }
	mine := func() string {
		_, answer := p.ask(t, "auth/token", as, "grant_type", "client_credentials", "scope", "system/Observation.c")
		return answer["access_token"].(string)
	}
	active := func(token string) bool {
		w, answer := p.ask(t, "auth/introspect", as, "token", token)
		if w.Code != 200 {
			t.Fatalf("introspect: %d %v", w.Code, answer)
		}
		if answer["active"] != true && len(answer) != 1 {
			t.Errorf("of a token that is not good more is told: %v", answer)
		}
		return answer["active"] == true
	}
	token := mine()
	_, answer := p.ask(t, "auth/introspect", as, "token", token)
	if answer["scope"] != "system/Observation.c" || answer["client_id"] != "gateway" || answer["exp"] != float64(p.clock.Add(BackendLife).Unix()) {
		t.Errorf("introspect: %v", answer)
	}
	if w, _ := p.ask(t, "auth/introspect", nil, "token", token); w.Code != 401 {
		t.Errorf("introspection by a stranger: %d", w.Code)
	}
	other, _, err := p.Mint(t.Context(), Access{Client: "backend", Scopes: ParseScopes("system/*.rs")}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, revoked := range []string{token, other, "unknown"} {
		if w, _ := p.ask(t, "auth/revoke", as, "token", revoked); w.Code != 200 {
			t.Errorf("revoke: %d", w.Code)
		}
	}
	if active(token) || !active(other) {
		t.Error("a client's own token is not revoked, or another's is")
	}
	token = mine()
	if !active(token) {
		t.Fatal("a fresh token is not active")
	}
	p.clock = p.clock.Add(BackendLife)
	if active(token) {
		t.Error("an expired token is active")
	}
	if found, err := p.Unregister(t.Context(), "backend"); err != nil || !found || active(other) {
		t.Errorf("the token outlived its client: %v %v", found, err)
	}
	if err := p.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := p.Shelf.List(t.Context(), tokenShelf, "", 10); err != nil || len(left) != 1 { // that of an hour
		t.Errorf("%d tokens are left: %v", len(left), err)
	}
}

// A token is no use to who reads the store, and is not told twice.
func TestTokensAreKeptHashed(t *testing.T) {
	p := newPlace(t)
	token, _, err := p.Mint(t.Context(), Access{Scopes: ParseScopes("system/*.rs")}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range p.Shelf.(*memory).values {
		if text := k[1] + string(v); strings.Contains(text, token) || strings.Contains(text, p.secret) {
			t.Errorf("%s holds a secret", k)
		}
	}
}

// Who guesses has to wait, and is told how long (E.3 OAuth, brute force).
func TestGuessingIsSlowedDown(t *testing.T) {
	p := newPlace(t)
	last := 0
	for range mostFailures + 1 {
		w, _ := p.ask(t, "auth/token", func(r *http.Request) { r.SetBasicAuth("gateway", "guess") }, "grant_type", "client_credentials")
		if last = w.Code; last == 429 && w.Header().Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
	}
	if last != 429 {
		t.Errorf("status %d after %d guesses", last, mostFailures)
	}
	p.clock = p.clock.Add(watched)
	if w, _ := p.ask(t, "auth/token", func(r *http.Request) { r.SetBasicAuth("gateway", p.secret) }, "grant_type", "client_credentials", "scope", "system/Device.u"); w.Code != 200 {
		t.Errorf("status %d when it was over", w.Code)
	}
}

// A store that is away is no reason to tell a client that it is not known.
func TestStoreAwayIs503(t *testing.T) {
	p := newPlace(t)
	p.Shelf.(*memory).err = fmt.Errorf("disk on fire")
	w, answer := p.ask(t, "auth/token", func(r *http.Request) { r.SetBasicAuth("gateway", p.secret) }, "grant_type", "client_credentials")
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(fmt.Sprint(answer), "fire") {
		t.Errorf("%d %v", w.Code, answer)
	}
}

var es384Method = jwt.SigningMethodES384
