package auth

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
)

// provider is an OpenID provider, as Keycloak is one: discovery, keys, the code flow
// with PKCE, and ID tokens signed by RS256.
type provider struct {
	*httptest.Server
	t     *testing.T
	clock func() time.Time
	key   *rsa.PrivateKey
	// asked is the last request for a login; claims are of the ID token to come.
	asked  url.Values
	claims jwt.MapClaims
	// sign makes the ID token; nil is by RS256 with its key.
	sign func(jwt.MapClaims) string
	// change changes the answer of the token endpoint.
	change func(map[string]any)
	// methods of authentication that its discovery lists.
	methods   []string
	exchanged int
}

func newProvider(t *testing.T, clock func() time.Time) *provider {
	t.Helper()
	key, err := rsaForTests()
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, clock: clock, key: key}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, value any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(value); err != nil {
			t.Error(err)
		}
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		found := map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256", "none", "HS256"}}
		if p.methods != nil {
			found["token_endpoint_auth_methods_supported"] = p.methods
		}
		answer(w, http.StatusOK, found)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		k := jwk("idp1", &key.PublicKey)
		k["alg"], k["use"] = "RS256", "sig"
		answer(w, http.StatusOK, map[string]any{"keys": []any{k}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.exchanged++
		id, secret, basic := r.BasicAuth()
		if p.methods != nil && !basic {
			id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
		}
		challenge := oauth2.S256ChallengeFromVerifier(r.PostFormValue("code_verifier"))
		if id != "vitalwire" || secret != "s3cret/+ &" && secret != url.QueryEscape("s3cret/+ &") || r.PostFormValue("code") != "the-code" || r.PostFormValue("grant_type") != "authorization_code" ||
			challenge != p.asked.Get("code_challenge") || r.PostFormValue("redirect_uri") != p.asked.Get("redirect_uri") {
			answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
			return
		}
		tokens := map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": p.idToken()}
		if p.change != nil {
			p.change(tokens)
		}
		answer(w, http.StatusOK, tokens)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) idToken() string {
	claims := jwt.MapClaims{"iss": p.URL, "aud": "vitalwire", "sub": "4711", "nonce": p.asked.Get("nonce"), "iat": p.clock().Unix(), "exp": p.clock().Add(time.Minute).Unix(), "preferred_username": "Dora"}
	for name, value := range p.claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	if p.sign != nil {
		return p.sign(claims)
	}
	return signed(p.t, jwt.SigningMethodRS256, p.key, map[string]any{"kid": "idp1"}, claims)
}

// externally is an Authority with a provider; dora is to sign in there.
func externally(t *testing.T) (*place, *provider) {
	t.Helper()
	p := people(t)
	idp := newProvider(t, p.Now)
	p.External = &External{Issuer: idp.URL, ClientID: "vitalwire", Secret: "s3cret/+ &", Name: "the hospital"}
	p.External.FillIn()
	if err := p.External.Check(); err != nil {
		t.Fatal(err)
	}
	if err := p.AddUser(t.Context(), User{Name: "dora", Role: Practitioner, FHIRUser: "Practitioner/9", Issuer: idp.URL}, ""); err != nil {
		t.Fatal(err)
	}
	return p, idp
}

// signInAt walks to the provider and back with a code and the state; change changes
// what comes back.
func (b *browser) signInAt(idp *provider, change func(back url.Values)) *httptest.ResponseRecorder {
	b.t.Helper()
	w := b.send("external", b.fill("login?next=account", "next", "authorize?x=1"))
	where, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusFound || !strings.HasPrefix(where.String(), idp.URL+"/authorize?") {
		b.t.Fatalf("not sent to the provider: %d %s %s", w.Code, w.Header(), w.Body)
	}
	idp.asked = where.Query()
	back := url.Values{"code": {"the-code"}, "state": {idp.asked.Get("state")}}
	if change != nil {
		change(back)
	}
	return b.send("callback?"+back.Encode(), nil)
}

// OpenID Connect Core §3.1: the code flow, by which somebody gets a session here.
func TestExternal_Login(t *testing.T) {
	for _, methods := range [][]string{nil, {"client_secret_post"}, {"client_secret_post", "client_secret_basic"}} {
		p, idp := externally(t)
		idp.methods = methods
		b := p.browser(t)
		w := b.signInAt(idp, nil)
		if w.Code != http.StatusFound || w.Header().Get("Location") != "authorize?x=1" {
			t.Fatalf("%v: %d %s %s", methods, w.Code, w.Header(), w.Body)
		}
		for name, want := range map[string]string{"response_type": "code", "client_id": "vitalwire", "redirect_uri": base + "/auth/callback", "code_challenge_method": "S256", "scope": "openid"} {
			if got := idp.asked.Get(name); got != want {
				t.Errorf("%s: %s", name, got)
			}
		}
		if page := b.send("account", nil).Body.String(); !strings.Contains(page, "Practitioner/9") || strings.Contains(page, "Change your password") {
			t.Errorf("the account: %s", page)
		}
		if u, err := p.user(t.Context(), "dora"); err != nil || u.Subject != "4711" {
			t.Errorf("not bound to the subject: %+v %v", u, err)
		}
		if idp.exchanged != 1 {
			t.Errorf("the code was sent %d times", idp.exchanged)
		}
		// A second login is the same user, and the first session ends by it alone.
		if w := p.browser(t).signInAt(idp, nil); w.Code != http.StatusFound {
			t.Errorf("again: %d", w.Code)
		}
		if w := b.send("account", nil); w.Code != http.StatusOK {
			t.Errorf("the first session: %d", w.Code)
		}
	}
}

// E.3: an ID token that was not made by this provider for this server and this
// login lets nobody in.
func TestExternal_RefusedTokens(t *testing.T) {
	with := func(method jwt.SigningMethod, key any, header map[string]any) func(*provider) {
		return func(idp *provider) {
			idp.sign = func(c jwt.MapClaims) string { return signed(idp.t, method, key, header, c) }
		}
	}
	claim := func(name string, value any) func(*provider) {
		return func(idp *provider) { idp.claims = jwt.MapClaims{name: value} }
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for name, spoil := range map[string]func(*provider){
		"another nonce":       claim("nonce", "another"),
		"no nonce":            claim("nonce", nil),
		"another audience":    claim("aud", "other"),
		"no audience":         claim("aud", nil),
		"two audiences":       claim("aud", []string{"vitalwire", "other"}),
		"another azp":         claim("azp", "other"),
		"another issuer":      claim("iss", "https://evil.example"),
		"issuer with a slash": func(idp *provider) { idp.claims = jwt.MapClaims{"iss": idp.URL + "/"} },
		"expired":             claim("exp", now.Add(-time.Hour).Unix()),
		"no expiry":           claim("exp", nil),
		"expiry as text":      claim("exp", "never"),
		"from the future":     claim("iat", now.Add(time.Hour).Unix()),
		"not yet":             claim("nbf", now.Add(time.Hour).Unix()),
		"no subject":          claim("sub", nil),
		"an empty subject":    claim("sub", ""),
		"a wrong at_hash":     claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"no signature":        with(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"the secret as key":   with(jwt.SigningMethodHS256, []byte("s3cret/+ &"), map[string]any{"kid": "idp1"}),
		"the public key as secret": func(idp *provider) {
			with(jwt.SigningMethodHS256, idp.key.N.Bytes(), map[string]any{"kid": "idp1"})(idp)
		},
		"another key":              with(jwt.SigningMethodES384, mustEC(t), map[string]any{"kid": "idp1"}),
		"a kid that nobody has":    func(idp *provider) { with(jwt.SigningMethodRS256, idp.key, map[string]any{"kid": "x"})(idp) },
		"no ID token":              func(idp *provider) { idp.change = func(m map[string]any) { delete(m, "id_token") } },
		"an ID token that is none": func(idp *provider) { idp.change = func(m map[string]any) { m["id_token"] = "a.b.c" } },
		"one of a million dots":    func(idp *provider) { idp.change = func(m map[string]any) { m["id_token"] = strings.Repeat(".", 1e5) } },
		"a changed claim": func(idp *provider) {
			idp.change = func(m map[string]any) {
				parts := strings.Split(idp.idToken(), ".")
				body, _ := base64.RawURLEncoding.DecodeString(parts[1])
				parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(body), "4711", "4712", 1)))
				m["id_token"] = strings.Join(parts, ".")
			}
		},
		"an error": func(idp *provider) { idp.change = func(m map[string]any) { clear(m); m["error"] = "invalid_grant" } },
	} {
		p, idp := externally(t)
		spoil(idp)
		b := p.browser(t)
		if w := b.signInAt(idp, nil); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, w.Code, w.Header())
		}
		if w := b.send("account", nil); w.Code != http.StatusFound {
			t.Errorf("%s: signed in", name)
		}
		if u, err := p.user(t.Context(), "dora"); err != nil || u.Subject != "" {
			t.Errorf("%s: bound: %+v %v", name, u, err)
		}
	}
}

// E.3: CSRF, mix-up and replay of the answer.
func TestExternal_RefusedAnswers(t *testing.T) {
	for name, change := range map[string]func(url.Values){
		"another state":          func(q url.Values) { q.Set("state", random()) },
		"no state":               func(q url.Values) { q.Del("state") },
		"an empty state":         func(q url.Values) { q.Set("state", "") },
		"no code":                func(q url.Values) { q.Del("code") },
		"another code":           func(q url.Values) { q.Set("code", "stolen") },
		"an error":               func(q url.Values) { q.Set("error", "access_denied") },
		"from another provider":  func(q url.Values) { q.Set("iss", "https://evil.example") },
		"a script for the error": func(q url.Values) { q.Set("error", "<script>alert(1)</script>") },
	} {
		p, idp := externally(t)
		b := p.browser(t)
		w := b.signInAt(idp, change)
		if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s: %d", name, w.Code)
		}
		// Once answered, right or wrong, the login is over.
		if w := b.send("callback?"+url.Values{"code": {"the-code"}, "state": {idp.asked.Get("state")}}.Encode(), nil); w.Code != http.StatusForbidden {
			t.Errorf("%s, then right: %d", name, w.Code)
		}
	}
	p, idp := externally(t)
	b, other := p.browser(t), p.browser(t)
	if w := b.signInAt(idp, func(q url.Values) { q.Set("iss", idp.URL) }); w.Code != http.StatusFound {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	answer := "callback?" + url.Values{"code": {"the-code"}, "state": {idp.asked.Get("state")}}.Encode()
	if w := b.send(answer, nil); w.Code != http.StatusForbidden {
		t.Errorf("the answer again: %d", w.Code)
	}
	// Login CSRF: the answer to one browser is none to another, also with a login of
	// its own under way.
	if w := other.send(answer, nil); w.Code != http.StatusForbidden {
		t.Errorf("in another browser: %d", w.Code)
	}
	other.send("external", other.fill("login"))
	if w := other.send(answer, nil); w.Code != http.StatusForbidden {
		t.Errorf("in another browser that signs in: %d", w.Code)
	}
	late := p.browser(t)
	if w := late.signInAt(idp, func(url.Values) { p.clock = p.clock.Add(longestLogin) }); w.Code != http.StatusForbidden {
		t.Errorf("too late: %d", w.Code)
	}
	// Only the login page begins one.
	for _, form := range []url.Values{nil, {}, {tokenField: {random()}}} {
		w := p.browser(t).send("external", form)
		if where := w.Header().Get("Location"); strings.HasPrefix(where, idp.URL) || w.Code == http.StatusOK {
			t.Errorf("%v begins a login: %d %s", form, w.Code, where)
		}
	}
}

// Who is mapped to nobody stays out, and nobody gets another's account.
func TestExternal_Mapping(t *testing.T) {
	roles := []ExternalRole{{"fhir-admin", Admin}, {"doctor", Practitioner}, {"patient", Patient}}
	for name, c := range map[string]struct {
		set    func(*External)
		claims jwt.MapClaims
		user   string // who is signed in then; "" for nobody
		role   Role
		fhir   string
	}{
		"added by hand":                {nil, nil, "dora", Practitioner, "Practitioner/9"},
		"unknown":                      {nil, jwt.MapClaims{"preferred_username": "eve"}, "", "", ""},
		"no name":                      {nil, jwt.MapClaims{"preferred_username": nil}, "", "", ""},
		"a name that is none":          {nil, jwt.MapClaims{"preferred_username": "d o r a"}, "", "", ""},
		"a name of another kind":       {nil, jwt.MapClaims{"preferred_username": 7}, "", "", ""},
		"two names":                    {nil, jwt.MapClaims{"preferred_username": []string{"dora", "alice"}}, "", "", ""},
		"one with a password here":     {nil, jwt.MapClaims{"preferred_username": "alice"}, "", "", ""},
		"the administrator's name":     {func(e *External) { e.RoleClaim, e.Roles = "groups", roles }, jwt.MapClaims{"preferred_username": "root", "groups": "fhir-admin"}, "", "", ""},
		"disabled":                     {nil, jwt.MapClaims{"preferred_username": "gone"}, "", "", ""},
		"another FHIR user":            {nil, jwt.MapClaims{"fhirUser": "Practitioner/8"}, "", "", ""},
		"the same FHIR user":           {nil, jwt.MapClaims{"fhirUser": base + "/Practitioner/9"}, "dora", Practitioner, "Practitioner/9"},
		"a FHIR user elsewhere":        {nil, jwt.MapClaims{"fhirUser": "https://other.example/fhir/Practitioner/9"}, "", "", ""},
		"a FHIR user below":            {nil, jwt.MapClaims{"fhirUser": base + "/Practitioner/9/../8"}, "", "", ""},
		"a FHIR user that is an order": {nil, jwt.MapClaims{"fhirUser": "ServiceRequest/9"}, "", "", ""},
		"two FHIR users":               {nil, jwt.MapClaims{"fhirUser": []string{"Practitioner/9", "Practitioner/8"}}, "", "", ""},
		"by role, new":                 {func(e *External) { e.RoleClaim, e.Roles = "realm_access.roles", roles }, jwt.MapClaims{"preferred_username": "new", "name": "New Doctor", "realm_access": map[string]any{"roles": []string{"x", "doctor"}}, "fhirUser": "Practitioner/5"}, "new", Practitioner, "Practitioner/5"},
		"by role, the first counts":    {func(e *External) { e.RoleClaim, e.Roles = "groups", roles }, jwt.MapClaims{"preferred_username": "new", "groups": []string{"doctor", "fhir-admin"}}, "new", Admin, ""},
		"by role, another now":         {func(e *External) { e.RoleClaim, e.Roles = "groups", roles }, jwt.MapClaims{"groups": []string{"fhir-admin"}}, "dora", Admin, ""},
		"by role, none":                {func(e *External) { e.RoleClaim, e.Roles = "groups", roles }, jwt.MapClaims{"groups": []string{"other"}}, "", "", ""},
		"by role, no claim":            {func(e *External) { e.RoleClaim, e.Roles = "groups", roles }, nil, "", "", ""},
		"a patient who is nobody":      {func(e *External) { e.RoleClaim, e.Roles = "groups", roles }, jwt.MapClaims{"preferred_username": "pat", "groups": "patient"}, "", "", ""},
		"a patient":                    {func(e *External) { e.RoleClaim, e.Roles = "groups", roles }, jwt.MapClaims{"preferred_username": "pat", "groups": "patient", "fhirUser": "Patient/3"}, "pat", Patient, "Patient/3"},
		"a patient as practitioner":    {func(e *External) { e.RoleClaim, e.Roles = "groups", roles }, jwt.MapClaims{"preferred_username": "pat", "groups": "doctor", "fhirUser": "Patient/3"}, "", "", ""},
		"by email":                     {func(e *External) { e.UserClaim = "email" }, jwt.MapClaims{"email": "dora", "email_verified": true}, "dora", Practitioner, "Practitioner/9"},
		"by email, not verified":       {func(e *External) { e.UserClaim = "email" }, jwt.MapClaims{"email": "dora", "email_verified": false}, "", "", ""},
		"by email, verified as text":   {func(e *External) { e.UserClaim = "email" }, jwt.MapClaims{"email": "dora", "email_verified": "true"}, "", "", ""},
	} {
		p, idp := externally(t)
		if c.set != nil {
			c.set(p.External)
		}
		idp.claims = c.claims
		b := p.browser(t)
		w := b.signInAt(idp, nil)
		u, _, err := p.signedIn(request(b))
		switch {
		case err != nil:
			t.Fatal(err)
		case c.user == "":
			if u != nil || w.Code != http.StatusForbidden {
				t.Errorf("%s: %d, signed in: %+v", name, w.Code, u)
			}
			if users, err := p.Users(t.Context(), "", 10); err != nil || len(users) != 4 {
				t.Errorf("%s: %d users", name, len(users))
			}
		case u == nil || u.Name != c.user || u.Role != c.role || u.FHIRUser != c.fhir || u.Issuer != idp.URL || u.Subject != "4711":
			t.Errorf("%s: %d %+v", name, w.Code, u)
		}
	}
}

// A name that was given to another person at the provider does not open the
// account of the first; the same person whose role changes loses his sessions.
func TestExternal_Subject(t *testing.T) {
	p, idp := externally(t)
	p.browser(t).signInAt(idp, nil)
	idp.claims = jwt.MapClaims{"sub": "4712"}
	if w := p.browser(t).signInAt(idp, nil); w.Code != http.StatusForbidden {
		t.Errorf("another subject: %d", w.Code)
	}
	p.External.RoleClaim, p.External.Roles = "groups", []ExternalRole{{"a", Practitioner}, {"b", DeviceManager}}
	idp.claims = jwt.MapClaims{"groups": "a", "fhirUser": "Practitioner/9"}
	first, second := p.browser(t), p.browser(t)
	first.signInAt(idp, nil)
	idp.claims["groups"] = "b"
	second.signInAt(idp, nil)
	if w := first.send("account", nil); w.Code != http.StatusFound {
		t.Errorf("a session with the old role: %d", w.Code)
	}
	if w := second.send("account", nil); w.Code != http.StatusOK {
		t.Errorf("the session with the new role: %d", w.Code)
	}
}

// A provider that is down breaks nothing else, and is asked again later.
func TestExternal_Down(t *testing.T) {
	p, idp := externally(t)
	where := idp.URL
	idp.Close()
	b := p.browser(t)
	if w := b.send("external", b.fill("login")); w.Code != http.StatusBadGateway {
		t.Errorf("%d", w.Code)
	}
	if w := b.signIn("alice", goodPassword); w.Code != http.StatusFound {
		t.Errorf("a password: %d", w.Code)
	}
	p.External.Issuer = where
	if err := (&External{Issuer: "http://idp.example", ClientID: "a", Secret: "b"}).Check(); err == nil {
		t.Error("a provider without TLS")
	}
}

// request is one that the browser would send.
func request(b *browser) *http.Request {
	r := httptest.NewRequest(http.MethodGet, base+"/auth/account", nil)
	for _, c := range b.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	return r
}
