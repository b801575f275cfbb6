package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/conformance"
)

// attack tries a threat in some ways, and counts those that got through.
type attack struct {
	threat string
	try    func(*siege)
}

// siege is an office under attack.
type siege struct {
	*testing.T
	*place
	alice          *browser
	tried, through int
}

// count is one try.
func (s *siege) count(what string, through bool) {
	s.tried++
	if through {
		s.through++
		s.Errorf("%s got through", what)
	}
}

// leads reports whether an answer sends the browser anywhere but to the app and our pages.
func leads(w *httptest.ResponseRecorder) bool {
	where := w.Header().Get("Location")
	return where != "" && !strings.HasPrefix(where, appRedirect+"?") && (strings.Contains(where, ":") || strings.HasPrefix(where, "/"))
}

func (s *siege) exchanges(pairs ...string) bool {
	w, _ := s.ask(s.T, "auth/token", nil, pairs...)
	return w.Code == http.StatusOK
}

var attacks = []attack{
	{"open redirect", func(s *siege) {
		for _, uri := range []string{"https://evil.example/", appRedirect + ".evil.example", "https://app.example.org.evil.example/done", "https://evil.app.example.org/done", "https://app.example.org@evil.example/done",
			"https://app.example.org%2fdone", "https://app.example.org/done%2f..%2f", appRedirect + "/../../x", appRedirect + "#frag", appRedirect + "?x", "//evil.example/done", "javascript:alert(1)", "data:text/html,x", "http://app.example.org/done",
			"https://app.example.org:8443/done", "https://APP.EXAMPLE.ORG/done", " " + appRedirect, appRedirect + "\r\nX: y", "https://app.example.org\\@evil.example/done", "http://127.0.0.1:1/done"} {
			s.count(uri, leads(s.alice.decide(asking("openid", "redirect_uri", uri), nil)))
		}
	}},
	{"code injection", func(s *siege) {
		code := s.alice.code(asking("openid"))
		s.count("another client", s.exchanges("grant_type", "authorization_code", "code", code, "redirect_uri", appRedirect, "client_id", "other", "code_verifier", verifier))
		s.count("another verifier", s.exchanges("grant_type", "authorization_code", "code", code, "redirect_uri", appRedirect, "client_id", "app", "code_verifier", strings.Repeat("a", 43)))
		s.count("another address", s.exchanges("grant_type", "authorization_code", "code", code, "redirect_uri", "https://app.example.org/two?x=1", "client_id", "app", "code_verifier", verifier))
		s.clock = s.clock.Add(2 * time.Minute)
		s.count("late", s.exchanges(exchangeCode(code)...))
	}},
	{"code replay", func(s *siege) {
		request := exchangeCode(s.alice.code(asking("openid offline_access")))
		_, first := s.ask(s.T, "auth/token", nil, request...)
		s.count("a second exchange", s.exchanges(request...))
		s.count("what the first gave", s.active(s.T, first["access_token"]))
		s.count("its refresh token", s.exchanges("grant_type", "refresh_token", "client_id", "app", "refresh_token", first["refresh_token"].(string)))
	}},
	{"PKCE downgrade", func(s *siege) {
		for _, pairs := range [][]string{{"code_challenge", ""}, {"code_challenge_method", ""}, {"code_challenge_method", "plain"}, {"code_challenge_method", "S512"}, {"code_challenge", verifier[:42]}, {"code_challenge", verifier + "="}} {
			s.count(fmt.Sprint(pairs), answerOf(s.T, s.alice.decide(asking("openid", pairs...), nil)).Has("code"))
		}
		for _, v := range []string{"", "x", challenge(verifier), verifier + "x", strings.ToUpper(verifier)} {
			request := exchangeCode(s.alice.code(asking("openid")))
			request[len(request)-1] = v
			s.count("verifier "+v, s.exchanges(request...))
		}
	}},
	{"mix-up", func(s *siege) {
		for _, q := range []url.Values{asking("openid"), asking("openid", "aud", "https://evil.example"), asking("nonsense")} {
			s.count("an answer without iss", answerOf(s.T, s.alice.decide(q, nil)).Get("iss") != base)
		}
	}},
	{"CSRF on the consent form", func(s *siege) {
		page := s.alice.send("authorize?"+asking("openid").Encode(), nil).Body.String()
		for _, token := range []string{"", "x", random(), formToken("")} {
			form := inputs(page)
			form.Set("decision", "allow")
			form.Set(tokenField, token)
			s.count("a form of another site", s.alice.send("consent", form).Code == http.StatusSeeOther)
		}
		form := inputs(page)
		form.Set("decision", "allow")
		s.count("sent from another site", s.alice.send("consent", form, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).Code == http.StatusSeeOther)
	}},
	{"clickjacking", func(s *siege) {
		for _, page := range []string{"authorize?" + asking("openid").Encode(), "authorize?" + asking("launch/patient").Encode(), "authorize?client_id=x", "launch", "login", "account"} {
			h := s.alice.send(page, nil).Header()
			s.count(page, h.Get("Location") == "" && (!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("X-Frame-Options") != "DENY"))
		}
	}},
	{"session fixation", func(s *siege) {
		b := s.browser(s.T)
		fixed := random()
		b.send("login", b.fill("login", "name", "alice", "password", goodPassword), func(r *http.Request) { r.AddCookie(&http.Cookie{Name: s.cookieName(sessionCookie), Value: fixed}) })
		w := s.browser(s.T).send("account", nil, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: s.cookieName(sessionCookie), Value: fixed}) })
		s.count("a session known before", w.Code == http.StatusOK)
	}},
	{"reflected XSS", func(s *siege) {
		for name := range asking("openid", "launch", "x") {
			w := s.alice.send("authorize?"+asking("openid", name, `"><script>x</script>`).Encode(), nil)
			s.count(name, strings.Contains(w.Body.String(), "<script"))
		}
	}},
	{"scope upgrade on refresh", func(s *siege) {
		token := s.tokens(s.T, "patient/Observation.rs openid offline_access")["refresh_token"].(string)
		for _, scope := range []string{"patient/*.rs", "patient/Observation.cruds", "patient/Condition.rs", "user/Observation.rs", "system/Observation.rs", "openid fhirUser", "launch/patient", "online_access", "patient/Observation.rs patient/Patient.r", "nonsense"} {
			s.count(scope, s.exchanges("grant_type", "refresh_token", "client_id", "app", "refresh_token", token, "scope", scope))
		}
	}},
	{"refresh theft", func(s *siege) {
		first := s.tokens(s.T, "openid offline_access")
		stolen := first["refresh_token"].(string)
		_, second := s.renew(s.T, stolen)
		s.count("another client", s.exchanges("grant_type", "refresh_token", "client_id", "other", "refresh_token", second["refresh_token"].(string)))
		s.clock = s.clock.Add(time.Minute)
		s.count("used before", s.exchanges("grant_type", "refresh_token", "client_id", "app", "refresh_token", stolen))
		s.count("its successor, then", s.exchanges("grant_type", "refresh_token", "client_id", "app", "refresh_token", second["refresh_token"].(string)))
		s.count("an access token, then", s.active(s.T, second["access_token"]))
	}},
	{"parameters in URLs", func(s *siege) {
		code := s.alice.code(asking("openid"))
		for _, path := range []string{"auth/token", "auth/introspect", "auth/revoke"} {
			r := httptest.NewRequest(http.MethodPost, base+"/"+path+"?"+url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"app"}}.Encode(), strings.NewReader("redirect_uri="+url.QueryEscape(appRedirect)+"&code_verifier="+verifier))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			s.Handler(path)(w, r)
			s.count(path, w.Code == http.StatusOK)
		}
	}},
	{"code in the Referer", func(s *siege) {
		w := s.alice.decide(asking("openid"), nil)
		s.count("the answer to the app", w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Cache-Control") != "no-store")
	}},
	{"confidential as public", func(s *siege) {
		for _, id := range []string{"secret", "keys"} {
			code := s.alice.code(asking("openid", "client_id", id))
			s.count(id, s.exchanges("grant_type", "authorization_code", "code", code, "redirect_uri", appRedirect, "client_id", id, "code_verifier", verifier))
			s.count(id+" with an empty secret", s.exchanges("grant_type", "authorization_code", "code", code, "redirect_uri", appRedirect, "client_id", id, "client_secret", "", "code_verifier", verifier))
		}
		s.count("a public client with a secret", s.exchanges("grant_type", "refresh_token", "client_id", "app", "client_secret", "x", "refresh_token", random()))
	}},
	{"introspection by others", func(s *siege) {
		token := s.tokens(s.T, "openid")["access_token"].(string)
		for _, pairs := range [][]string{nil, {"client_id", "app"}, {"client_id", "secret"}, {"client_id", "secret", "client_secret", "x"}} {
			w, _ := s.ask(s.T, "auth/introspect", nil, append([]string{"token", token}, pairs...)...)
			s.count(fmt.Sprint(pairs), w.Code == http.StatusOK)
		}
	}},
	{"confused deputy by aud", func(s *siege) {
		for _, aud := range []string{"https://evil.example/fhir", base + ".evil.example", base + "/x", strings.Replace(base, "https", "http", 1), "", "//" + strings.TrimPrefix(base, "https://")} {
			s.count(aud, answerOf(s.T, s.alice.decide(asking("openid", "aud", aud), nil)).Has("code"))
		}
	}},
	{"launch handles", func(s *siege) {
		handle, err := s.putLaunch(s.Context(), launch{Client: "other", User: "alice", launchContext: launchContext{Patient: "p1"}})
		if err != nil {
			s.Fatal(err)
		}
		for _, guess := range []string{handle, random(), "1", "p1", strings.Repeat("A", 43), hashed(handle), "../" + handle} {
			s.count(guess, answerOf(s.T, s.alice.decide(asking("launch openid", "launch", guess), nil)).Has("code"))
		}
	}},
	{"guessing secrets", func(s *siege) {
		slowed := false
		for range mostFailures + 5 {
			w, _ := s.ask(s.T, "auth/token", func(r *http.Request) { r.SetBasicAuth("secret", random()) }, "grant_type", "client_credentials")
			slowed = slowed || w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") != ""
		}
		s.count("as often as one likes", !slowed)
	}},
	{"telling clients apart", func(s *siege) {
		answer := func(id string) string {
			w, _ := s.ask(s.T, "auth/token", func(r *http.Request) { r.SetBasicAuth(id, "x") }, "grant_type", "client_credentials")
			return w.Body.String()
		}
		s.count("known and unknown", answer("secret") != answer("nobody"))
	}},
	{"cross-client use", func(s *siege) {
		token := s.tokens(s.T, "openid offline_access")
		for _, name := range []string{"access_token", "refresh_token"} {
			s.ask(s.T, "auth/revoke", nil, "client_id", "other", "token", token[name].(string))
			s.count("another's revocation of "+name, !s.active(s.T, token["access_token"]))
		}
	}},
	{"tokens of another kind", func(s *siege) {
		token := s.tokens(s.T, "openid offline_access")
		s.count("a refresh token as access token", s.active(s.T, token["refresh_token"]))
		s.count("an ID token as access token", s.active(s.T, token["id_token"]))
		s.count("an access token as refresh token", s.exchanges("grant_type", "refresh_token", "client_id", "app", "refresh_token", token["access_token"].(string)))
	}},
}

// E.3 "OAuth": each threat is tried, and nothing gets through.
func TestSMART22_E3_OAuth(t *testing.T) {
	var rows [][]string
	all := 0
	for _, a := range attacks {
		s := &siege{T: t, place: office(t)}
		s.alice = s.member(t, "alice")
		a.try(s)
		all += s.tried
		rows = append(rows, []string{a.threat, fmt.Sprint(s.tried), fmt.Sprint(s.through)})
	}
	conformance.Table(t, "smart-oauth", "Attacks on the authorization server",
		fmt.Sprintf("%d ways of the threats that RFC 9700 and security.md E.3 name, each tried against the endpoints and pages.", all),
		[]string{"threat", "ways tried", "got through"}, rows)
}
