package auth

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSMART22_Z1_GetAndPost(t *testing.T) {
	p := office(t)
	b := p.member(t, "alice")
	// What another site posts brings no cookie, so it comes back by GET with all of it.
	w := p.browser(t).send("authorize", asking("openid"), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	where, ok := strings.CutPrefix(w.Header().Get("Location"), "authorize?")
	if !ok || w.Code != http.StatusFound {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	if got, err := url.ParseQuery(where); err != nil || got.Encode() != asking("openid").Encode() {
		t.Fatalf("%v %v", err, got)
	}
	if w := b.send("authorize?"+where, nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Vitals &lt;chart&gt;") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	// Who is not signed in is asked to, and comes back.
	w = p.browser(t).send("authorize?"+asking("openid").Encode(), nil)
	if w.Code != http.StatusFound || !strings.HasPrefix(w.Header().Get("Location"), "login?next=authorize") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// Each parameter is required; the app learns what is wrong, with its state and our
// name, unless it is not sure who the app is.
func TestSMART22_Z2_Z3_Z4_Parameters(t *testing.T) {
	p := office(t)
	b := p.member(t, "alice")
	const page, code = "page", "code"
	cases := []struct{ name, value, want string }{
		{"", "", code},
		{"client_id", "", page}, {"client_id", "nobody", page}, {"client_id", "APP", page}, {"client_id", "app ", page},
		{"redirect_uri", "", page}, {"redirect_uri", "https://evil.example/done", page}, {"redirect_uri", appRedirect + "/", page},
		{"redirect_uri", appRedirect + "#x", page}, {"redirect_uri", "https://app.example.org@evil.example/done", page}, {"redirect_uri", "javascript:alert(1)", page},
		{"response_type", "", "invalid_request"}, {"response_type", "token", "unsupported_response_type"}, {"response_type", "code id_token", "unsupported_response_type"},
		{"response_mode", "fragment", "invalid_request"}, {"response_mode", "query", code},
		{"scope", "", "invalid_scope"}, {"scope", "nonsense", "invalid_scope"}, {"scope", strings.Repeat("openid ", 300), "invalid_scope"},
		{"state", "", "invalid_request"}, {"state", strings.Repeat("x", 5000), "invalid_request"},
		{"aud", "", "invalid_request"}, {"aud", base + "/", code}, {"aud", base + "//", "invalid_request"}, {"aud", "https://evil.example/fhir", "invalid_request"}, {"aud", base + ".evil.example", "invalid_request"},
		{"aud", strings.ToUpper(base), "invalid_request"},
		{"code_challenge", "", "invalid_request"}, {"code_challenge", "short", "invalid_request"}, {"code_challenge", strings.Repeat("=", 43), "invalid_request"},
		{"code_challenge_method", "", "invalid_request"}, {"code_challenge_method", "plain", "invalid_request"}, {"code_challenge_method", "s256", "invalid_request"},
		{"request", "x", "request_not_supported"}, {"request_uri", "https://x.example", "request_uri_not_supported"},
		{"prompt", "none", "interaction_required"},
	}
	for _, c := range cases {
		q := asking("openid fhirUser")
		if c.name != "" {
			q.Set(c.name, c.value)
			if c.value == "" {
				q.Del(c.name)
			}
		}
		w := b.decide(q, nil)
		if c.want == page {
			if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				t.Errorf("%s=%.40q: %d %v", c.name, c.value, w.Code, w.Header())
			}
			continue
		}
		answer := answerOf(t, w)
		if answer.Get("iss") != base {
			t.Errorf("Z10 %s=%.40q: no iss: %v", c.name, c.value, answer)
		}
		if want := q.Get("state"); answer.Get("state") != want {
			t.Errorf("%s: state %q, want %q", c.name, answer.Get("state"), want)
		}
		if (c.want == code) != (answer.Get("code") != "") || c.want != code && answer.Get("error") != c.want {
			t.Errorf("%s=%.40q: %v, want %s", c.name, c.value, answer, c.want)
		}
	}
	for _, name := range []string{"client_id", "redirect_uri", "state", "scope", "aud"} {
		q := asking("openid")
		w := b.send("authorize?"+q.Encode()+"&"+name+"=x", nil)
		if onPage := name == "client_id" || name == "redirect_uri"; onPage && w.Code != http.StatusBadRequest || !onPage && answerOf(t, w).Get("error") != "invalid_request" {
			t.Errorf("%s twice: %d %v", name, w.Code, w.Header())
		}
	}
	// RFC 8707's name for it does as well; a query of its own stays.
	if w := b.decide(asking("openid", "aud", "", "resource", base), nil); answerOf(t, w).Get("code") == "" {
		t.Error("resource is not taken for aud")
	}
	if w := b.decide(asking("openid", "redirect_uri", "https://app.example.org/two?x=1"), nil); !strings.HasPrefix(w.Header().Get("Location"), "https://app.example.org/two?x=1&code=") {
		t.Errorf("%v", w.Header())
	}
}

// What a stranger sends is never part of a page as markup (E.3: state reflection, error page XSS).
func TestSMART22_NothingIsReflected(t *testing.T) {
	p := office(t)
	b := p.member(t, "alice")
	const script = `"><script>alert(1)</script>`
	for _, name := range []string{"client_id", "redirect_uri", "state", "scope", "nonce", "launch", "aud"} {
		q := asking("openid")
		q.Set(name, script)
		if w := b.send("authorize?"+q.Encode(), nil); strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s is reflected: %s", name, w.Body)
		}
	}
	w := b.send("authorize?"+asking("openid").Encode(), nil)
	for name, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if w.Header().Get(name) != want {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
	if !strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Error("the consent page can be framed")
	}
}

func TestSMART22_Z5_LaunchHandles(t *testing.T) {
	p := office(t)
	b := p.member(t, "alice")
	start := func(l launch) string {
		handle, err := p.putLaunch(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		return handle
	}
	good := launch{Client: "app", User: "alice", launchContext: launchContext{Patient: "p2", Encounter: "e2", Intent: "chart"}}
	with := func(change func(*launch)) launch {
		l := good
		change(&l)
		return l
	}
	ask := func(handle string, scope string) url.Values { return asking(scope, "launch", handle) }
	handle := start(good)
	answer := answerOf(t, b.decide(ask(handle, "launch openid"), nil))
	w, tokens := p.ask(t, "auth/token", nil, exchangeCode(answer.Get("code"))...)
	if w.Code != 200 || tokens["patient"] != "p2" || tokens["encounter"] != "e2" || tokens["intent"] != "chart" || tokens["need_patient_banner"] != false {
		t.Fatalf("%d %v", w.Code, tokens)
	}
	for name, q := range map[string]url.Values{
		"used":            ask(handle, "launch openid"),
		"unknown":         ask(random(), "launch openid"),
		"a guess":         ask("1", "launch openid"),
		"another client":  ask(start(with(func(l *launch) { l.Client = "other" })), "launch openid"),
		"another user":    ask(start(with(func(l *launch) { l.User = "root" })), "launch openid"),
		"another session": ask(start(with(func(l *launch) { l.Session = "x" })), "launch openid"),
		"without launch":  asking("launch openid"),
		"without scope":   ask(start(good), "openid"),
		"no such patient": ask(start(with(func(l *launch) { l.Patient = "p9" })), "launch openid"),
	} {
		if answer := answerOf(t, b.decide(q, nil)); answer.Get("code") != "" || answer.Get("error") == "" {
			t.Errorf("%s: %v", name, answer)
		}
	}
	old := start(good)
	p.clock = p.clock.Add(launchLife + time.Second)
	if answer := answerOf(t, b.decide(ask(old, "launch openid"), nil)); answer.Get("error") == "" {
		t.Error("an old handle is taken")
	}
	// Two tabs with one handle: the first is let in.
	one := start(good)
	page := b.send("authorize?"+ask(one, "launch openid").Encode(), nil).Body.String()
	if answer := answerOf(t, b.decide(ask(one, "launch openid"), nil)); answer.Get("code") == "" {
		t.Fatal("the first tab is refused")
	}
	form := inputs(page)
	form.Set("decision", "allow")
	if answer := answerOf(t, b.send("consent", form)); answer.Get("code") != "" {
		t.Error("the second tab is let in with the same handle")
	}
}

// A patient gets no app launched about another (compartment escape by launch).
func TestSMART22_LaunchIsNoWayToAnotherRecord(t *testing.T) {
	p := office(t)
	handle, err := p.putLaunch(t.Context(), launch{Client: "app", User: "maria", launchContext: launchContext{Patient: "p2"}})
	if err != nil {
		t.Fatal(err)
	}
	if answer := answerOf(t, p.member(t, "maria").decide(asking("launch openid", "launch", handle), nil)); answer.Get("error") != "access_denied" {
		t.Errorf("%v", answer)
	}
}

// The launch API: who may read all patients says whom an app is about.
func TestSMART22_LaunchAPI(t *testing.T) {
	p := office(t)
	backend, err := p.Register(t.Context(), Client{ID: "ehr", Scope: "system/Patient.rs"}, true)
	if err != nil {
		t.Fatal(err)
	}
	_, granted := p.ask(t, "auth/token", nil, "grant_type", "client_credentials", "client_id", "ehr", "client_secret", backend, "scope", "system/Patient.rs")
	bearer, _ := granted["access_token"].(string)
	post := func(token, body string) (int, map[string]any) {
		t.Helper()
		return p.postJSON(t, "auth/launches", token, body)
	}
	const good = `{"client_id":"app","user":"alice","patient":"p1","encounter":"e1","fhirContext":[{"reference":"ImagingStudy/1"}],"tenant":"t"}`
	status, answer := post(bearer, good)
	handle, _ := answer["launch"].(string)
	if status != 201 || !isRandom(handle) || answer["launch_url"] != "https://app.example.org/launch?"+(url.Values{"iss": {base}, "launch": {handle}}).Encode() {
		t.Fatalf("%d %v", status, answer)
	}
	code := answerOf(t, p.member(t, "alice").decide(asking("launch openid", "launch", handle), nil)).Get("code")
	if _, tokens := p.ask(t, "auth/token", nil, exchangeCode(code)...); tokens["patient"] != "p1" || tokens["encounter"] != "e1" || tokens["tenant"] != "t" || tokens["fhirContext"] == nil {
		t.Errorf("%v", tokens)
	}
	for name, c := range map[string]struct {
		token, body string
		status      int
	}{
		"nobody":             {"", good, 401},
		"a bad token":        {random(), good, 401},
		"no such app":        {bearer, strings.Replace(good, `"app"`, `"nope"`, 1), 400},
		"no such user":       {bearer, strings.Replace(good, `"alice"`, `"nope"`, 1), 400},
		"no such patient":    {bearer, strings.Replace(good, `"p1"`, `"p9"`, 1), 400},
		"another's visit":    {bearer, strings.Replace(good, `"e1"`, `"e2"`, 1), 400},
		"an empty role":      {bearer, strings.Replace(good, `"ImagingStudy/1"`, `"ImagingStudy/1","role":""`, 1), 400},
		"a second patient":   {bearer, strings.Replace(good, `ImagingStudy/1`, `Patient/p2`, 1), 400},
		"an unknown member":  {bearer, strings.Replace(good, `"tenant"`, `"tennant"`, 1), 400},
		"twice":              {bearer, strings.Replace(good, `"tenant"`, `"patient":"p2","tenant"`, 1), 400},
		"no JSON":            {bearer, `x`, 400},
		"a user's own token": {p.tokens(t, "openid")["access_token"].(string), good, 403},
	} {
		if status, answer := post(c.token, c.body); status != c.status {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
}

func TestSMART22_LaunchPage(t *testing.T) {
	p := office(t)
	b := p.member(t, "alice")
	w := b.send("launch", nil)
	form := inputs(w.Body.String())
	form.Set("patient", "p1")
	w = b.send("launch", form)
	if form = inputs(w.Body.String()); form.Get("patient") != "p1" || !strings.Contains(w.Body.String(), `name="app" value="app"`) {
		t.Fatalf("%v %s", form, w.Body)
	}
	form.Set("app", "app")
	form.Set("encounter", "e1")
	w = b.send("launch", form)
	where, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther || where.Query().Get("iss") != base || where.Host != "app.example.org" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	handle := where.Query().Get("launch")
	// The handle is of this session: another one of the same user is refused.
	if answer := answerOf(t, p.member(t, "alice").decide(asking("launch openid", "launch", handle), nil)); answer.Get("error") == "" {
		t.Error("another session may use the handle")
	}
	if answer := answerOf(t, b.decide(asking("launch openid", "launch", handle), nil)); answer.Get("code") == "" {
		t.Errorf("%v", answer)
	}
	form.Set(tokenField, "x")
	if w := b.send("launch", form); w.Code != http.StatusForbidden {
		t.Errorf("CSRF: %d", w.Code)
	}
	if w := p.member(t, "devices").send("launch", nil); w.Code != http.StatusForbidden {
		t.Errorf("a device manager: %d", w.Code)
	}
}
