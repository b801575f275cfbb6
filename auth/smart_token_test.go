package auth

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func (p *place) postJSON(t *testing.T, path, token, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, base+"/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	p.Handler(path)(w, r)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v in %s", path, err, w.Body)
	}
	return w.Code, answer
}

func TestSMART22_Z6_T3_CodeIsBound(t *testing.T) {
	p := office(t)
	b := p.member(t, "alice")
	change := func(pairs ...string) []string {
		request := exchangeCode(b.code(asking("openid")))
		for i := 0; i < len(pairs); i += 2 {
			for j := 0; j < len(request); j += 2 {
				if request[j] == pairs[i] {
					request[j+1] = pairs[i+1]
					if pairs[i+1] == "-" {
						request[j] = "unused"
					}
				}
			}
		}
		return request
	}
	for name, request := range map[string][]string{
		"no code":            change("code", "-"),
		"wrong code":         change("code", random()),
		"code injection":     change("code", "' OR 1=1 --"),
		"no redirect_uri":    change("redirect_uri", "-"),
		"other redirect_uri": change("redirect_uri", "https://app.example.org/two?x=1"),
		"no verifier":        change("code_verifier", "-"),
		"blank verifier":     change("code_verifier", ""),
		"wrong verifier":     change("code_verifier", random()),
		"challenge":          change("code_verifier", challenge(verifier)),
		"short verifier":     change("code_verifier", "x"),
		"other client":       change("client_id", "other"),
	} {
		if w, answer := p.ask(t, "auth/token", nil, request...); w.Code != 400 || answer["error"] != "invalid_grant" {
			t.Errorf("%s: %d %v", name, w.Code, answer)
		}
	}
	for name, request := range map[string][]string{"no client": change("client_id", "-"), "unknown client": change("client_id", "nobody"), "confidential as public": change("client_id", "secret")} {
		if w, answer := p.ask(t, "auth/token", nil, request...); w.Code != 401 || answer["error"] != "invalid_client" {
			t.Errorf("T4 %s: %d %v", name, w.Code, answer)
		}
	}
	late := change()
	p.clock = p.clock.Add(codeLife)
	if w, _ := p.ask(t, "auth/token", nil, late...); w.Code != 400 {
		t.Errorf("late: %d", w.Code)
	}
}

func TestSMART22_Z6_ReuseRevokes(t *testing.T) {
	p := office(t)
	request := exchangeCode(p.member(t, "alice").code(asking("openid offline_access")))
	w, answer := p.ask(t, "auth/token", nil, request...)
	if w.Code != 200 || !p.active(t, answer["access_token"]) {
		t.Fatalf("%d %v", w.Code, answer)
	}
	if w, _ := p.ask(t, "auth/token", nil, request...); w.Code != 400 {
		t.Errorf("again: %d", w.Code)
	}
	if p.active(t, answer["access_token"]) {
		t.Error("the access token is still good")
	}
	if w, _ := p.ask(t, "auth/token", nil, "grant_type", "refresh_token", "client_id", "app", "refresh_token", answer["refresh_token"].(string)); w.Code != 400 {
		t.Errorf("the refresh token is still good: %d", w.Code)
	}
}

// Of many who exchange a code at once one wins, and what he got is taken back.
func TestSMART22_Z6_RaceRevokes(t *testing.T) {
	p := office(t)
	request := exchangeCode(p.member(t, "alice").code(asking("openid offline_access")))
	var won []string
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			w, answer := p.ask(t, "auth/token", nil, request...)
			mu.Lock()
			defer mu.Unlock()
			if w.Code == 200 {
				won = append(won, answer["access_token"].(string))
			}
		})
	}
	group.Wait()
	if len(won) != 1 || p.active(t, won[0]) {
		t.Errorf("%d won, good %v", len(won), len(won) > 0 && p.active(t, won[0]))
	}
}

func TestSMART22_T1_T2_T5_Answer(t *testing.T) {
	p := office(t) // ask checks T1 with each answer
	answer := p.tokens(t, "openid fhirUser launch/patient launch/encounter offline_access")
	if answer["token_type"] != "Bearer" || answer["patient"] != "p1" || answer["encounter"] != "e1" || answer["need_patient_banner"] != true || answer["expires_in"] != 3600.0 {
		t.Errorf("%v", answer)
	}
	if got := strings.Fields(answer["scope"].(string)); len(got) != 5 {
		t.Errorf("T6: %v", got)
	}
	if address, _ := answer["smart_style_url"].(string); p.document(t, strings.TrimPrefix(address, base+"/"))["color_text"] == nil {
		t.Error("no style")
	}
	for _, name := range []string{"id_token", "refresh_token"} {
		if s, _ := answer[name].(string); s == "" {
			t.Errorf("no %s", name)
		}
	}
	if bare := p.tokens(t, "launch/patient"); bare["id_token"] != nil || bare["refresh_token"] != nil {
		t.Errorf("%v", bare)
	}
}

func TestSMART22_T4_Confidential(t *testing.T) {
	p := office(t)
	b := p.member(t, "alice")
	request := func(client string) []string {
		return []string{"grant_type", "authorization_code", "code", b.code(asking("openid", "client_id", client)), "redirect_uri", appRedirect, "code_verifier", verifier}
	}
	basic := func(r *http.Request) { r.SetBasicAuth("secret", p.secret) }
	if w, answer := p.ask(t, "auth/token", basic, request("secret")...); w.Code != 200 {
		t.Errorf("symmetric: %d %v", w.Code, answer)
	}
	assertion := signed(t, es384Method, p.ec, map[string]any{"kid": "ec1"}, with(with(p.claims(), "iss", "keys"), "sub", "keys"))
	if w, answer := p.ask(t, "auth/token", nil, append(request("keys"), "client_assertion_type", assertionType, "client_assertion", assertion)...); w.Code != 200 {
		t.Errorf("asymmetric: %d %v", w.Code, answer)
	}
	if w, _ := p.ask(t, "auth/token", basic, request("keys")...); w.Code != 400 {
		t.Errorf("another client's code: %d", w.Code)
	}
	if w, _ := p.ask(t, "auth/token", func(r *http.Request) { r.SetBasicAuth("secret", "wrong") }, request("secret")...); w.Code != 401 {
		t.Errorf("a wrong secret: %d", w.Code)
	}
}

func (p *place) renew(t *testing.T, token any, pairs ...string) (int, map[string]any) {
	t.Helper()
	w, answer := p.ask(t, "auth/token", nil, append([]string{"grant_type", "refresh_token", "client_id", "app", "refresh_token", token.(string)}, pairs...)...)
	return w.Code, answer
}

func TestSMART22_RefreshRotates(t *testing.T) {
	p := office(t)
	first := p.tokens(t, "openid fhirUser launch/patient offline_access")
	status, second := p.renew(t, first["refresh_token"])
	if status != 200 || second["refresh_token"] == first["refresh_token"] || second["access_token"] == first["access_token"] || second["patient"] != "p1" || second["expires_in"] == nil || second["scope"] != first["scope"] {
		t.Fatalf("%d %v", status, second)
	}
	// Asked again within seconds by who did not see the answer, the same is given.
	p.clock = p.clock.Add(grace)
	if status, again := p.renew(t, first["refresh_token"]); status != 200 || again["refresh_token"] != second["refresh_token"] || again["access_token"] != second["access_token"] {
		t.Errorf("%d %v", status, again)
	}
	if status, _ := p.renew(t, first["refresh_token"], "client_id", "other"); status != 400 {
		t.Errorf("another client: %d", status)
	}
	for _, c := range []struct {
		scope string
		code  int
	}{{"openid", 200}, {"openid launch/encounter", 400}, {"patient/*.rs", 400}, {"system/*.rs", 400}, {"nonsense", 400}} {
		status, answer := p.renew(t, second["refresh_token"], "scope", c.scope)
		if status != c.code || status == 400 && answer["error"] != "invalid_scope" {
			t.Errorf("scope %s: %d %v", c.scope, status, answer)
		}
		if status == 200 {
			if answer["scope"] != c.scope {
				t.Errorf("%v", answer)
			}
			second = answer
		}
	}
	// A token used long after it was replaced ends all of it.
	p.clock = p.clock.Add(time.Minute)
	if status, answer := p.renew(t, first["refresh_token"]); status != 400 || answer["error"] != "invalid_grant" {
		t.Errorf("an old one: %d %v", status, answer)
	}
	if status, _ := p.renew(t, second["refresh_token"]); status != 400 || p.active(t, second["access_token"]) {
		t.Errorf("its successor: %d", status)
	}
}

func TestSMART22_RefreshRace(t *testing.T) {
	p := office(t)
	first := p.tokens(t, "openid offline_access")
	var mu sync.Mutex
	given := map[any]bool{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if status, answer := p.renew(t, first["refresh_token"]); status == 200 {
				mu.Lock()
				given[answer["refresh_token"]] = true
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(given) != 1 {
		t.Errorf("%d different refresh tokens", len(given))
	}
}

func TestSMART22_OfflineOnline(t *testing.T) {
	p := office(t)
	b := p.member(t, "alice")
	get := func(scope string) map[string]any {
		w, answer := p.ask(t, "auth/token", nil, exchangeCode(b.code(asking(scope)))...)
		if w.Code != 200 || answer["refresh_token"] == nil {
			t.Fatalf("%d %v", w.Code, answer)
		}
		return answer
	}
	offline, online := get("openid offline_access"), get("openid online_access")
	for range 30 { // an app that is used keeps the session
		p.clock = p.clock.Add(10 * time.Minute)
		status, answer := p.renew(t, online["refresh_token"])
		if status != 200 {
			t.Fatalf("online: %d %v", status, answer)
		}
		online = answer
	}
	if w := b.send("logout", b.fill("logout")); w.Code != http.StatusFound {
		t.Fatal(w.Code)
	}
	if status, _ := p.renew(t, online["refresh_token"]); status != 400 || p.active(t, online["access_token"]) {
		t.Errorf("online_access outlives the session: %d", status)
	}
	p.clock = p.clock.Add(95 * 24 * time.Hour)
	status, answer := p.renew(t, offline["refresh_token"])
	if status != 200 {
		t.Errorf("offline after three months: %d %v", status, answer)
	}
	if err := p.ChangeUser(t.Context(), "alice", func(u *User) { u.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	if status, _ := p.renew(t, answer["refresh_token"]); status != 400 || p.active(t, answer["access_token"]) {
		t.Errorf("a disabled user: %d", status)
	}
}

func TestSMART22_GrantsAreSeenAndTakenBack(t *testing.T) {
	p := office(t)
	answer := p.tokens(t, "openid offline_access")
	list, err := p.grants(t.Context(), "alice")
	if err != nil || len(list) != 1 || list[0].Client != "app" || list[0].Scope != "openid offline_access" {
		t.Fatalf("%v %+v", err, list)
	}
	if list, _ := p.grants(t.Context(), "alic"); len(list) != 0 {
		t.Error("another's grants are listed")
	}
	if err := p.revokeGrant(t.Context(), "root", list[0].ID); err != nil || !p.active(t, answer["access_token"]) {
		t.Error("another user took it back")
	}
	if err := p.revokeGrant(t.Context(), "alice", list[0].ID); err != nil || p.active(t, answer["access_token"]) {
		t.Error("the access token is still good")
	}
	if status, _ := p.renew(t, answer["refresh_token"]); status != 400 {
		t.Errorf("the refresh token is still good: %d", status)
	}
}

func TestRFC7662_UsersTokens(t *testing.T) {
	p := office(t)
	answer := p.tokens(t, "openid fhirUser launch/patient offline_access")
	basic := func(r *http.Request) { r.SetBasicAuth("secret", p.secret) }
	w, got := p.ask(t, "auth/introspect", basic, "token", answer["access_token"].(string))
	if w.Code != 200 || got["active"] != true || got["scope"] != answer["scope"] || got["client_id"] != "app" || got["patient"] != "p1" || got["iss"] != base || got["fhirUser"] != base+"/Practitioner/1" || got["exp"] == nil {
		t.Errorf("%d %v", w.Code, got)
	}
	if got["sub"] != p.subject("alice") {
		t.Errorf("sub %v", got["sub"])
	}
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+answer["access_token"].(string)) }
	if w, got := p.ask(t, "auth/introspect", bearer, "token", answer["access_token"].(string)); w.Code != 200 || got["active"] != true {
		t.Errorf("by Bearer: %d %v", w.Code, got)
	}
	if w, got := p.ask(t, "auth/introspect", basic, "token", answer["refresh_token"].(string)); w.Code != 200 || got["active"] != true {
		t.Errorf("a refresh token: %d %v", w.Code, got)
	}
	if w, got := p.ask(t, "auth/introspect", basic, "token", "nonsense"); w.Code != 200 || len(got) != 1 || got["active"] != false {
		t.Errorf("nonsense: %d %v", w.Code, got)
	}
	for name, change := range map[string]func(*http.Request){
		"nobody": nil, "a bad Bearer": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+random()) },
	} {
		if w, _ := p.ask(t, "auth/introspect", change, "token", answer["access_token"].(string)); w.Code != 401 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w, _ := p.ask(t, "auth/introspect", nil, "client_id", "app", "token", answer["access_token"].(string)); w.Code != 401 {
		t.Errorf("a public client: %d", w.Code)
	}
}

func TestRFC7009_FamilyIsRevoked(t *testing.T) {
	p := office(t)
	answer := p.tokens(t, "openid offline_access")
	if w, _ := p.ask(t, "auth/revoke", nil, "client_id", "other", "token", answer["refresh_token"].(string)); w.Code != 200 || !p.active(t, answer["access_token"]) {
		t.Errorf("another client: %d", w.Code)
	}
	if w, _ := p.ask(t, "auth/revoke", nil, "client_id", "app", "token", answer["refresh_token"].(string)); w.Code != 200 || p.active(t, answer["access_token"]) {
		t.Errorf("its own: %d", w.Code)
	}
	if status, _ := p.renew(t, answer["refresh_token"]); status != 400 {
		t.Errorf("%d", status)
	}
}

// A public client may renew by its token alone, a confidential one must prove itself.
func TestRFC6749_RefreshWithoutClientID(t *testing.T) {
	p := office(t)
	first := p.tokens(t, "openid offline_access")
	if w, answer := p.ask(t, "auth/token", nil, "grant_type", "refresh_token", "refresh_token", first["refresh_token"].(string)); w.Code != 200 {
		t.Errorf("%d %v", w.Code, answer)
	}
	code := p.member(t, "alice").code(asking("openid offline_access", "client_id", "secret"))
	basic := func(r *http.Request) { r.SetBasicAuth("secret", p.secret) }
	_, own := p.ask(t, "auth/token", basic, "grant_type", "authorization_code", "code", code, "redirect_uri", appRedirect, "code_verifier", verifier)
	for _, pairs := range [][]string{nil, {"client_id", "secret"}, {"client_id", "app"}} {
		if w, answer := p.ask(t, "auth/token", nil, append([]string{"grant_type", "refresh_token", "refresh_token", own["refresh_token"].(string)}, pairs...)...); w.Code == 200 {
			t.Errorf("%v: %v", pairs, answer)
		}
	}
	if w, _ := p.ask(t, "auth/token", basic, "grant_type", "refresh_token", "refresh_token", own["refresh_token"].(string)); w.Code != 200 {
		t.Errorf("with its secret: %d", w.Code)
	}
}
