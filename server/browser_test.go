package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"vitalwire/internal/browser"
	"vitalwire/server"
)

// stops walks a page with the Tab key and gives what has the focus, one after the
// other. Each shows that it has it, and can be seen.
func stops(t *testing.T, p *browser.Page) []string {
	t.Helper()
	var list []string
	for range 100 {
		p.Press("Tab")
		at := p.Eval("document.activeElement.tagName + ' ' + (document.activeElement.name || document.activeElement.textContent.trim()) + ' ' + (document.activeElement.value || '')")
		if strings.HasPrefix(at, "BODY") {
			continue // between the end and the beginning
		}
		if len(list) > 0 && at == list[0] {
			return list
		}
		if outline := p.Eval("getComputedStyle(document.activeElement).outlineStyle + ' ' + getComputedStyle(document.activeElement).outlineWidth"); outline != "solid 3px" {
			t.Errorf("%s: the focus is shown by %s", at, outline)
		}
		if seen := p.Eval("(r => r.width > 0 && r.height > 0 && r.right > 0)(document.activeElement.getBoundingClientRect())"); seen != "true" {
			t.Errorf("%s has the focus and cannot be seen", at)
		}
		list = append(list, at)
	}
	t.Error("the Tab key never comes back")
	return list
}

// spoken checks what a screen reader is told: everything that can have the focus has a
// name, there is a main part, and a first heading.
func spoken(t *testing.T, p *browser.Page) {
	t.Helper()
	page := p.Eval("document.title")
	count := map[string]int{}
	for _, n := range p.Told() {
		count[n.Role]++
		if n.Name == "" && n.Role != "main" && n.Role != "navigation" && n.Role != "alert" && n.Role != "status" {
			t.Errorf("%s: a %s has no name", page, n.Role)
		}
	}
	if count["main"] != 1 || count["heading"] == 0 {
		t.Errorf("%s: %v", page, count)
	}
	// The style sheet is taken, so that the policy has its hash; nothing else is refused.
	if width := p.Eval("getComputedStyle(document.body).maxWidth"); width == "none" || width == "" {
		t.Errorf("%s: the style sheet is not used", page)
	}
	if log := p.Log(); len(log) > 0 {
		t.Errorf("%s: the browser complains: %s", page, log)
	}
	if wide := p.Eval("document.documentElement.scrollWidth <= document.documentElement.clientWidth"); wide != "true" {
		t.Errorf("%s is wider than the window", page)
	}
}

// A person with a keyboard signs in, lets an app in, takes that back, administrates
// and signs out, in Chromium.
func TestPages_InBrowser(t *testing.T) {
	p := browser.Open(t)
	store := stores["sqlite"](t)
	s := start(t, store, required, func(c *server.Config) { c.RateLimit = 1 })
	password := command(t, store, "user", "add", "ada", "--role", "admin", "--display", "Ada", "--fhir-user", "Practitioner/1")
	operator := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
	for _, r := range []string{`Patient/maria {"resourceType":"Patient","id":"maria","name":[{"family":"Lindqvist"}]}`, `Practitioner/1 {"resourceType":"Practitioner","id":"1"}`} {
		path, body, _ := strings.Cut(r, " ")
		if status, _, answer := operator.ask(t, "PUT", "/"+path, body); status != 201 {
			t.Fatal(status, answer)
		}
	}
	// The app is a page at an address of its own.
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/frame" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<!DOCTYPE html><title>frame</title><iframe src="` + s.Base + `/auth/login"></iframe>`))
		}
	}))
	defer app.Close()
	admin := asker{s.Root, operator.token}
	registration := `{"client_id":"chart","client_name":"Vitals chart","public":true,"scope":"launch/patient openid offline_access user/*.rs patient/*.rs","redirect_uris":["` + app.URL + `/back"]}`
	if status, _, answer := admin.ask(t, "POST", "/admin/clients", registration, "Content-Type", "application/json"); status != 201 {
		t.Fatal(status, answer)
	}

	authorize := s.Base + "/auth/authorize?" + url.Values{"response_type": {"code"}, "client_id": {"chart"}, "redirect_uri": {app.URL + "/back"}, "scope": {"launch/patient patient/*.rs offline_access"},
		"state": {"abcdefghijklmnopqrstuvwxyz"}, "aud": {s.Base}, "code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}}.Encode()
	p.Go(authorize, "/auth/login")
	spoken(t, p)
	// The login name has the focus already.
	p.Until("document.activeElement.name == 'name'")
	p.Type("ada")
	p.Press("Tab")
	p.Type("not the password")
	p.Press("Enter")
	p.Until("document.querySelector('[role=alert]') && document.activeElement.name == 'password'")
	if log := strings.Join(p.Log(), ""); strings.Contains(log, "Security Policy") {
		t.Errorf("after a wrong password: %s", log)
	}
	p.Type(password)
	p.Press("Enter")
	p.Wait("/auth/authorize")
	spoken(t, p)
	if at := stops(t, p); len(at) < 5 || !slices.ContainsFunc(at, func(stop string) bool { return strings.HasPrefix(stop, "A Skip to the content") }) {
		t.Errorf("the picker: %q", at)
	}
	press(t, p, "BUTTON patient maria")
	p.Wait("/auth/consent")
	spoken(t, p)
	stops(t, p)
	press(t, p, "BUTTON decision allow")
	p.Wait(app.URL + "/back")
	back, err := url.Parse(p.Eval("location.href"))
	if err != nil || back.Query().Get("code") == "" || back.Query().Get("state") != "abcdefghijklmnopqrstuvwxyz" {
		t.Fatalf("the app gets %s", back)
	}
	p.Log()

	p.Go(s.Base+"/auth/account", "/auth/account")
	spoken(t, p)
	// (No grant before the app exchanges its code.)
	for _, page := range []string{"clients", "client", "client?id=chart", "users", "person", "person?name=ada", "launch", "logout"} {
		p.Go(s.Base+"/auth/"+page, "/auth/"+page)
		spoken(t, p)
		stops(t, p)
	}
	p.Go(s.Base+"/auth/person", "/auth/person")
	p.Eval("document.getElementById('user').focus()")
	p.Type("bob")
	p.Press("Enter")
	p.Until("document.querySelector('[role=status]')")
	if text := p.Eval("document.body.innerText"); !strings.Contains(text, "not shown again") {
		t.Errorf("the added user: %s", text)
	}
	spoken(t, p)

	// E.3: clickjacking. Another site cannot show the login page in a frame.
	p.Go(app.URL+"/frame", "/frame")
	refused := ""
	for range 1000 {
		if refused += strings.Join(p.Log(), ""); strings.Contains(refused, "frame-ancestors") {
			break
		}
		p.Eval("1")
	}
	if !strings.Contains(refused, "frame-ancestors") {
		t.Errorf("a frame is not refused: %s", refused)
	}

	p.Go(s.Base+"/auth/logout", "/auth/logout")
	press(t, p, "BUTTON Sign out ")
	p.Wait("/auth/login")
	p.Go(s.Base+"/auth/account", "/auth/login")
}

// press goes to a control by the Tab key and presses Enter.
func press(t *testing.T, p *browser.Page, control string) {
	t.Helper()
	for range 100 {
		p.Press("Tab")
		if p.Eval("document.activeElement.tagName + ' ' + (document.activeElement.name || document.activeElement.textContent.trim()) + ' ' + (document.activeElement.value || '')") == control {
			p.Press("Enter")
			return
		}
	}
	t.Fatalf("the Tab key does not lead to %s", control)
}
