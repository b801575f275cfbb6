package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

const goodPassword = "cobalt tram 91 lantern"

// browser keeps cookies and walks the pages of an Authority as a browser would; it
// follows no redirect by itself.
type browser struct {
	t   *testing.T
	a   *Authority
	jar http.CookieJar
	// address it comes from.
	address string
}

// people is an Authority with the users alice (practitioner), root (admin) and gone
// (disabled).
func people(t *testing.T) *place {
	t.Helper()
	p := &place{clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	p.Authority = New(base, &memory{}, Outbound(), slog.New(slog.DiscardHandler))
	p.Now = func() time.Time { return p.clock }
	for _, u := range []User{
		{Name: "alice", Display: "Alice Liddell", Role: Practitioner, FHIRUser: "Practitioner/1"},
		{Name: "root", Role: Admin},
		{Name: "gone", Role: Practitioner, Disabled: true},
	} {
		u.Hash = quickHash(t)
		if err := p.Shelf.Change(t.Context(), func(d Drawer) error { return putUser(d, &u) }); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// quickHash is goodPassword as kept, made once.
func quickHash(t *testing.T) string {
	t.Helper()
	if keptHash == "" {
		var err error
		if keptHash, err = hashPassword(t.Context(), goodPassword); err != nil {
			t.Fatal(err)
		}
	}
	return keptHash
}

var keptHash string

func (p *place) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, p.Authority, jar, "198.51.100.7:4000"}
}

// send asks for a page by its name and query; a nil form is a GET.
func (b *browser) send(where string, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodGet, base+"/auth/"+where, nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, base+"/auth/"+where, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	r.RemoteAddr = b.address
	for _, c := range b.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	for _, fn := range change {
		fn(r)
	}
	path, _, _ := strings.Cut("auth/"+where, "?")
	handle := b.a.Handler(path)
	if handle == nil {
		b.t.Fatalf("%s is not served", path)
	}
	w := httptest.NewRecorder()
	handle(w, r)
	b.jar.SetCookies(r.URL, w.Result().Cookies())
	return w
}

var tokenInput = regexp.MustCompile(`name="form_token" value="([^"]*)"`)

// fill loads a page and gives its form token with the pairs.
func (b *browser) fill(where string, pairs ...string) url.Values {
	b.t.Helper()
	w := b.send(where, nil)
	m := tokenInput.FindStringSubmatch(w.Body.String())
	if m == nil {
		b.t.Fatalf("%s has no form: %d %s", where, w.Code, w.Body)
	}
	form := url.Values{tokenField: {m[1]}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// signIn signs in by the login page.
func (b *browser) signIn(name, password string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.send("login", b.fill("login?next=account", "name", name, "password", password, "next", "account"))
}

func TestPeople_LoginLogout(t *testing.T) {
	p := people(t)
	b := p.browser(t)
	if w := b.send("account", nil); w.Code != http.StatusFound || w.Header().Get("Location") != "login?next=account" {
		t.Fatalf("a stranger's account: %d %s", w.Code, w.Header())
	}
	w := b.signIn(" Alice ", goodPassword)
	if w.Code != http.StatusFound || w.Header().Get("Location") != "account" {
		t.Fatalf("login: %d %s %s", w.Code, w.Header(), w.Body)
	}
	cookie := w.Result().Cookies()[0]
	if cookie.Name != "__Host-vitalwire-session" || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("cookie: %+v", cookie)
	}
	if w := b.send("account", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Alice Liddell") {
		t.Fatalf("account: %d %s", w.Code, w.Body)
	}
	// Signing out by a link of another site is not possible; by the form it is, and
	// the cookie is of no use then.
	if w := b.send("logout", nil); w.Code != http.StatusOK {
		t.Errorf("logout: %d", w.Code)
	}
	if w := b.send("account", nil); w.Code != http.StatusOK {
		t.Errorf("a GET signed out: %d", w.Code)
	}
	if w := b.send("logout", b.fill("logout")); w.Code != http.StatusFound {
		t.Errorf("logout: %d %s", w.Code, w.Body)
	}
	stolen := func(r *http.Request) { r.AddCookie(cookie) }
	if w := p.browser(t).send("account", nil, stolen); w.Code != http.StatusFound {
		t.Errorf("a session outlives its logout: %d", w.Code)
	}
}

// Who has no user, has another password or is disabled learns the same.
func TestPeople_NoEnumeration(t *testing.T) {
	p := people(t)
	var first string
	for _, name := range []string{"alice", "nobody", "gone", "root", "no such\x00name"} {
		w := p.browser(t).signIn(name, "not the password at all")
		got := strings.ReplaceAll(w.Body.String(), `value="`+name+`"`, `value=""`)
		got = tokenInput.ReplaceAllString(got, "")
		got = regexp.MustCompile(`id="name".*>`).ReplaceAllString(got, "")
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d", name, w.Code)
		}
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("%q is answered otherwise:\n%s", name, got)
		}
	}
	if w := p.browser(t).signIn("gone", goodPassword); w.Code != http.StatusUnauthorized {
		t.Errorf("a disabled user: %d", w.Code)
	}
}

// E.3 OAuth: open redirect. The login page goes on to our own pages alone.
func TestPeople_OpenRedirect(t *testing.T) {
	p := people(t)
	for next, want := range map[string]string{
		"":                              "account",
		"account":                       "account",
		"authorize?client_id=a&state=b": "authorize?client_id=a&state=b",
		"https://evil.example":          "account",
		"//evil.example/authorize":      "account",
		`\\evil.example`:                "account",
		"/authorize":                    "account",
		"../../authorize":               "account",
		"https:authorize":               "account",
		"authorize@evil.example":        "account",
		"authorize/../../x":             "account",
		"javascript:alert(1)":           "account",
		"data:text/html,x":              "account",
		"authorize#https://evil":        "account",
		"authorize?x=\r\nLocation: y":   "account",
		"%61uthorize?x=1":               "authorize?x=1",
		"login":                         "account",
		"logout":                        "account",
		"token":                         "account",
		"https://evil.example\\@ours/":  "account",
		"authorize%00":                  "account",
	} {
		b := p.browser(t)
		form := b.fill("login?"+url.Values{"next": {next}}.Encode(), "name", "alice", "password", goodPassword, "next", next)
		w := b.send("login", form)
		if got := w.Header().Get("Location"); w.Code != http.StatusFound || got != want {
			t.Errorf("%q goes to %d %q, not %q", next, w.Code, got, want)
		}
	}
}

// What somebody asked for comes back after the login, by GET and by POST.
func TestPeople_AskLogin(t *testing.T) {
	p := people(t)
	query := "client_id=a%26b&scope=patient%2F%2A.rs&state=x%20y"
	get := httptest.NewRequest(http.MethodGet, base+"/auth/authorize?"+query, nil)
	post := httptest.NewRequest(http.MethodPost, base+"/auth/authorize", nil)
	post.PostForm, _ = url.ParseQuery(query + "&form_token=secret")
	for _, r := range []*http.Request{get, post} {
		w := httptest.NewRecorder()
		p.askLogin(w, r)
		where, err := url.Parse(w.Header().Get("Location"))
		if err != nil || w.Code != http.StatusFound || where.Path != "login" || where.Host != "" {
			t.Fatalf("%d %s", w.Code, w.Header())
		}
		want, _ := url.ParseQuery(query)
		got, err := url.Parse(nextPage(where.Query().Get("next")))
		if err != nil || got.Path != "authorize" || got.Query().Encode() != want.Encode() {
			t.Errorf("%s comes back as %s", query, got)
		}
	}
}

func mustEC(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
