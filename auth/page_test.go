package auth

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// E.3 OAuth and files/headers: clickjacking, Referer leak, sniffing, caches. Every
// page and every error has the headers.
func TestPeople_Headers(t *testing.T) {
	p := people(t)
	b := p.browser(t)
	check := func(name, where string, form url.Values) {
		t.Helper()
		w := b.send(where, form)
		h := w.Header()
		if w.Code == http.StatusFound {
			return
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "base-uri 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %s", name, policy)
		}
		for header, want := range map[string]string{
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Strict-Transport-Security": "max-age=31536000", "Content-Type": "text/html; charset=utf-8", "Access-Control-Allow-Origin": "",
		} {
			if got := h.Get(header); got != want {
				t.Errorf("%s: %s: %q", name, header, got)
			}
		}
	}
	check("login", "login", nil)
	check("login refused", "login", b.fill("login", "name", "alice", "password", "a wrong password"))
	check("login without a token", "login", url.Values{"name": {"alice"}})
	check("no form", "login?x=y", url.Values{})
	b.signIn("root", goodPassword)
	for _, page := range []string{"account", "logout", "clients", "client", "users", "person", "person?name=root", "client?id=none"} {
		check(page, page, nil)
	}
	p.Frames = []string{"https://ehr.example", "https://*.clinic.example"}
	w := b.send("account", nil)
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors https://ehr.example https://*.clinic.example;") || w.Header().Get("X-Frame-Options") != "" {
		t.Errorf("frames: %s", policy)
	}
}

// E.3 OAuth: CSRF and login CSRF. A form without the token, with another's, or from
// another site does nothing.
func TestPeople_CSRF(t *testing.T) {
	p := people(t)
	other := p.browser(t)
	other.signIn("root", goodPassword)
	others := other.fill("account").Get(tokenField)
	strangers := p.browser(t).fill("login").Get(tokenField)
	for name, c := range map[string]struct {
		token  string
		change func(*http.Request)
	}{
		"no token":              {"", nil},
		"another user's":        {others, nil},
		"another browser's":     {strangers, nil},
		"from another site":     {"own", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
		"from the same site":    {"own", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }},
		"of another origin":     {"own", func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") }},
		"of no origin":          {"own", func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "null") }},
		"of a shorter token":    {"short", nil},
		"as a query":            {"query", nil},
		"as text":               {"own", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
		"as JSON":               {"own", func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }},
		"without any cookie":    {"own", func(r *http.Request) { r.Header.Del("Cookie") }},
		"by another method":     {"own", func(r *http.Request) { r.Method = http.MethodPut }},
		"with a method of HTML": {"own", func(r *http.Request) { r.Method = http.MethodGet }},
	} {
		b := p.browser(t)
		for _, page := range []string{"login", "logout", "account"} {
			if page == "logout" {
				b.signIn("alice", goodPassword)
			}
			form := b.fill(page, "name", "alice", "password", goodPassword, "do", "password", "old", goodPassword, "new", "seven quiet otters")
			where := page
			switch c.token {
			case "own":
			case "short":
				form.Set(tokenField, form.Get(tokenField)[:20])
			case "query":
				where += "?" + tokenField + "=" + form.Get(tokenField)
				form.Del(tokenField)
			default:
				form.Set(tokenField, c.token)
			}
			var change []func(*http.Request)
			if c.change != nil {
				change = append(change, c.change)
			}
			w := b.send(where, form, change...)
			for _, cookie := range w.Result().Cookies() {
				if strings.HasSuffix(cookie.Name, "-session") {
					t.Errorf("%s, %s: a session was begun or ended: %d", name, page, w.Code)
				}
			}
			if w.Code == http.StatusFound && w.Header().Get("Location") != "login" {
				t.Errorf("%s, %s: done: %s", name, page, w.Header().Get("Location"))
			}
		}
		if w := b.send("account", nil); w.Code != http.StatusOK {
			t.Errorf("%s: signed out", name)
		}
	}
	if w := p.browser(t).signIn("alice", goodPassword); w.Code != http.StatusFound {
		t.Errorf("the password was changed: %d", w.Code)
	}
}

// E.3 OAuth: state reflection and error page XSS. What was entered is shown as text.
func TestPeople_XSS(t *testing.T) {
	attacks := []string{
		`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `</title><svg onload=alert(1)>`, `javascript:alert(1)`,
		`{{.User}}`, `</style><script>`, "\u2028<b>", `" autofocus onfocus="alert(1)`, `<!--`, `]]><x>`, `&lt;script&gt;`,
	}
	p := people(t)
	root := p.browser(t)
	root.signIn("root", goodPassword)
	for _, attack := range attacks {
		p.change(t, func(u *User) { u.Display = strings.ReplaceAll(attack, "\u2028", "") })
		b := p.browser(t)
		query := url.Values{"next": {attack}, "done": {attack}}.Encode()
		answers := []string{
			b.send("login?"+query, nil).Body.String(),
			b.send("login", b.fill("login", "name", attack, "password", attack, "next", attack)).Body.String(),
			b.send("login", b.fill("login", "name", "alice", "password", goodPassword, "next", attack)).Header().Get("Location"),
			b.send("account?"+query, nil).Body.String(),
			b.send("account", b.fill("account", "do", attack)).Body.String(),
			b.send("account", b.fill("account", "do", "password", "old", goodPassword, "new", attack)).Body.String(),
			b.send("logout?"+query, nil).Body.String(),
			root.send("client", root.fill("client", "do", "add", "client_id", attack, "client_name", attack, "scope", attack, "jwks", attack, "jwks_uri", attack,
				"redirect_uris", attack, "launch_uri", attack, "logo_uri", attack, "proof", attack)).Body.String(),
			root.send("client?"+url.Values{"id": {attack}, "done": {attack}}.Encode(), nil).Body.String(),
			root.send("clients?"+url.Values{"after": {attack}, "done": {attack}}.Encode(), nil).Body.String(),
			root.send("person", root.fill("person", "do", "add", "user", attack, "display", attack, "role", attack, "fhir_user", attack, "issuer", attack)).Body.String(),
			root.send("person?"+url.Values{"name": {attack}, "done": {attack}}.Encode(), nil).Body.String(),
			root.send("users", nil).Body.String(),
		}
		for i, answer := range answers {
			if !strings.HasPrefix(answer, "<!DOCTYPE") { // where a login goes on to
				if answer != "account" && answer != "" {
					t.Errorf("%s goes to %s", attack, answer)
				}
				continue
			}
			for _, fault := range accessible(answer) {
				if strings.Contains(fault, "there is a") || strings.Contains(fault, "has the attribute") || strings.Contains(fault, "not one") {
					t.Errorf("%s, answer %d: %s", attack, i, fault)
				}
			}
			for _, link := range regexp.MustCompile(`(?:href|action|src)="([^"]*)"`).FindAllStringSubmatch(answer, -1) {
				if strings.HasPrefix(strings.ToLower(link[1]), "javascript:") {
					t.Errorf("%s, answer %d: a link %s", attack, i, link[1])
				}
			}
		}
	}
}

func TestPeople_ChangePassword(t *testing.T) {
	p := people(t)
	b, other := p.browser(t), p.browser(t)
	b.signIn("alice", goodPassword)
	other.signIn("alice", goodPassword)
	for _, c := range []struct {
		old, next string
		status    int
	}{
		{"not the old one", "seven quiet otters", http.StatusForbidden},
		{goodPassword, "short", http.StatusUnprocessableEntity},
		{goodPassword, "alice liddell 123", http.StatusUnprocessableEntity},
		{goodPassword, "seven quiet otters", http.StatusFound},
	} {
		if w := b.send("account", b.fill("account", "do", "password", "old", c.old, "new", c.next)); w.Code != c.status {
			t.Errorf("%+v: %d", c, w.Code)
		}
	}
	if w := b.send("account?done=password", nil); w.Code != http.StatusOK {
		t.Errorf("who changed it is signed out: %d", w.Code)
	}
	if w := other.send("account", nil); w.Code != http.StatusFound {
		t.Errorf("another browser is still signed in: %d", w.Code)
	}
	if w := p.browser(t).signIn("alice", goodPassword); w.Code != http.StatusUnauthorized {
		t.Errorf("the old password: %d", w.Code)
	}
	if w := p.browser(t).signIn("alice", "seven quiet otters"); w.Code != http.StatusFound {
		t.Errorf("the new password: %d", w.Code)
	}
}
