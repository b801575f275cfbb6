package auth

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var shownSecret = regexp.MustCompile(`not shown again: <code>([^<]+)</code>`)

// Only administrators see and use the pages of administration.
func TestManage_OnlyForAdministrators(t *testing.T) {
	p := people(t)
	stranger, alice := p.browser(t), p.browser(t)
	alice.signIn("alice", goodPassword)
	for _, page := range []string{"clients", "client", "client?id=x", "users", "person", "person?name=root"} {
		if w := stranger.send(page, nil); w.Code != http.StatusFound || !strings.HasPrefix(w.Header().Get("Location"), "login?next=") {
			t.Errorf("%s for a stranger: %d %s", page, w.Code, w.Header().Get("Location"))
		}
		if w := alice.send(page, nil); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "<form") {
			t.Errorf("%s for a practitioner: %d", page, w.Code)
		}
	}
	token := alice.fill("account").Get(tokenField)
	for _, c := range []struct{ page, form string }{
		{"person", "do=add&user=eve&role=admin"}, {"person", "do=save&user=alice&role=admin&fhir_user="}, {"person", "do=remove&user=root"}, {"person", "do=password&user=root"},
		{"client", "do=add&client_id=eve&proof=secret&scope=system/*.cruds"}, {"client", "do=remove&client_id=x"},
	} {
		form, _ := url.ParseQuery(c.form)
		form.Set(tokenField, token)
		if w := alice.send(c.page, form); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", c.form, w.Code)
		}
		if w := stranger.send(c.page, form); w.Code != http.StatusFound || w.Header().Get("Location") != "login" {
			t.Errorf("%s by a stranger: %d", c.form, w.Code)
		}
	}
	users, _ := p.Users(t.Context(), "", 10)
	clients, _ := p.Clients(t.Context(), "", 10)
	if len(users) != 3 || len(clients) != 0 {
		t.Errorf("%d users, %d clients", len(users), len(clients))
	}
}

func TestManage_Users(t *testing.T) {
	p := people(t)
	b := p.browser(t)
	b.signIn("root", goodPassword)
	send := func(want int, pairs ...string) string {
		t.Helper()
		w := b.send("person", b.fill("person", pairs...))
		if w.Code != want {
			t.Fatalf("%v: %d %s", pairs, w.Code, w.Body)
		}
		return w.Body.String()
	}
	page := send(http.StatusOK, "do", "add", "user", "Bob", "role", "patient", "fhir_user", "Patient/7", "display", "Bob B.")
	password := shownSecret.FindStringSubmatch(page)
	if password == nil {
		t.Fatalf("no password is shown: %s", page)
	}
	bob := p.browser(t)
	if w := bob.signIn("bob", password[1]); w.Code != http.StatusFound {
		t.Fatalf("bob cannot sign in: %d", w.Code)
	}
	send(http.StatusUnprocessableEntity, "do", "add", "user", "bob", "role", "practitioner")
	send(http.StatusUnprocessableEntity, "do", "add", "user", "carl", "role", "patient")
	send(http.StatusUnprocessableEntity, "do", "add", "user", "carl", "role", "king")
	send(http.StatusUnprocessableEntity, "do", "add", "user", "../carl", "role", "admin")
	send(http.StatusUnprocessableEntity, "do", "save", "user", "bob", "role", "practitioner", "fhir_user", "Patient/7")
	send(http.StatusNotFound, "do", "save", "user", "nobody", "role", "practitioner")
	send(http.StatusBadRequest, "do", "harm", "user", "bob")
	if w := bob.send("account", nil); w.Code != http.StatusOK {
		t.Errorf("bob is signed out: %d", w.Code)
	}
	send(http.StatusFound, "do", "save", "user", "bob", "role", "patient", "fhir_user", "Patient/7", "disabled", "on")
	if w := bob.send("account", nil); w.Code != http.StatusFound {
		t.Errorf("bob is disabled and signed in: %d", w.Code)
	}
	send(http.StatusFound, "do", "save", "user", "bob", "role", "patient", "fhir_user", "Patient/8")
	page = send(http.StatusOK, "do", "password", "user", "bob")
	if got := shownSecret.FindStringSubmatch(page); got == nil || got[1] == password[1] || !strings.Contains(page, "Patient/8") {
		t.Errorf("another password: %v", got)
	}
	// Nobody shuts himself out by mistake.
	send(http.StatusUnprocessableEntity, "do", "save", "user", "root", "role", "practitioner")
	send(http.StatusUnprocessableEntity, "do", "save", "user", "root", "role", "admin", "disabled", "on")
	send(http.StatusUnprocessableEntity, "do", "remove", "user", "ROOT ")
	send(http.StatusFound, "do", "save", "user", "root", "role", "admin", "display", "The Root")
	if page := b.send("users", nil).Body.String(); !strings.Contains(page, "The Root") || !strings.Contains(page, "person?name=bob") {
		t.Errorf("the list: %s", page)
	}
	send(http.StatusFound, "do", "remove", "user", "bob")
	if u, err := p.anyUser(t.Context(), "bob"); err != nil || u != nil {
		t.Errorf("bob is there: %v", err)
	}
	send(http.StatusFound, "do", "add", "user", "dora@example.org", "role", "practitioner", "issuer", "https://idp.example")
	if u, err := p.anyUser(t.Context(), "dora@example.org"); err != nil || u == nil || u.Hash != "" || u.Issuer != "https://idp.example" {
		t.Errorf("dora: %+v %v", u, err)
	}
	for _, password := range []string{"", goodPassword} {
		if w := p.browser(t).signIn("dora@example.org", password); w.Code != http.StatusUnauthorized {
			t.Errorf("who signs in elsewhere has the password %q: %d", password, w.Code)
		}
	}
}

func TestManage_Clients(t *testing.T) {
	p := people(t)
	b := p.browser(t)
	b.signIn("root", goodPassword)
	send := func(want int, pairs ...string) string {
		t.Helper()
		w := b.send("client", b.fill("client", pairs...))
		if w.Code != want {
			t.Fatalf("%v: %d %s", pairs, w.Code, w.Body)
		}
		return w.Body.String()
	}
	page := send(http.StatusOK, "do", "add", "client_id", "gateway", "client_name", "Ward 7", "scope", " system/Observation.c\r\n system/Device.cu ", "proof", "secret", "jwks", "not used")
	first := shownSecret.FindStringSubmatch(page)
	c, err := p.AnyClient(t.Context(), "gateway")
	if err != nil || first == nil || !c.holds(first[1]) || c.Scope != "system/Observation.c system/Device.cu" || c.Keys != nil {
		t.Fatalf("%+v %v %v", c, first, err)
	}
	if page := b.send("client?id=gateway", nil).Body.String(); strings.Contains(page, first[1]) || strings.Contains(page, c.SecretHash) {
		t.Error("the secret is shown again")
	}
	send(http.StatusUnprocessableEntity, "do", "add", "client_id", "gateway", "scope", "system/*.rs", "proof", "secret")
	// It keeps its secret through a change, and gets another when asked.
	send(http.StatusFound, "do", "save", "client_id", "gateway", "client_name", "Ward 8", "scope", "system/Observation.c", "proof", "secret")
	if c, err = p.AnyClient(t.Context(), "gateway"); err != nil || !c.holds(first[1]) || c.Name != "Ward 8" {
		t.Fatalf("%+v %v", c, err)
	}
	page = send(http.StatusOK, "do", "save", "client_id", "gateway", "scope", "system/Observation.c", "proof", "secret", "new_secret", "on")
	if second := shownSecret.FindStringSubmatch(page); second == nil || second[1] == first[1] {
		t.Errorf("another secret: %v", second)
	}
	keys := string(jwks(t, jwk("k", &mustEC(t).PublicKey)))
	for _, c := range []struct {
		status int
		pairs  string
	}{
		{http.StatusFound, "do=add&client_id=b1&scope=system/*.rs&proof=jwks&jwks=" + url.QueryEscape(keys)},
		{http.StatusFound, "do=add&client_id=b2&scope=system/*.rs&proof=jwks_uri&jwks_uri=https://b.example/jwks"},
		{http.StatusFound, "do=add&client_id=app&scope=openid+fhirUser+launch&proof=public&redirect_uris=https://a.example/back%0D%0Ahttps://a.example/more&launch_uri=https://a.example/launch&logo_uri=https://a.example/logo.png&authorization_code=on"},
		{http.StatusUnprocessableEntity, "do=add&client_id=x&scope=system/*.rs&proof=jwks&jwks={"},
		{http.StatusUnprocessableEntity, "do=add&client_id=x&scope=system/*.rs&proof=jwks_uri&jwks_uri=http://b.example/jwks"},
		{http.StatusUnprocessableEntity, "do=add&client_id=x&scope=system/*.rs&proof=public"},
		{http.StatusUnprocessableEntity, "do=add&client_id=x&scope=nonsense&proof=secret"},
		{http.StatusUnprocessableEntity, "do=add&client_id=x&scope=system/*.rs"},
		{http.StatusUnprocessableEntity, "do=add&client_id=x y&scope=system/*.rs&proof=secret"},
		{http.StatusUnprocessableEntity, "do=add&client_id=x&scope=launch&proof=public&redirect_uris=javascript:alert(1)"},
		{http.StatusUnprocessableEntity, "do=add&client_id=x&scope=launch&proof=public&redirect_uris=https://a.example/%23x"},
		{http.StatusNotFound, "do=save&client_id=none&scope=system/*.rs&proof=secret"},
		{http.StatusBadRequest, "do=harm&client_id=app"},
	} {
		form, err := url.ParseQuery(c.pairs)
		if err != nil {
			t.Fatal(err)
		}
		form.Set(tokenField, b.fill("client").Get(tokenField))
		if w := b.send("client", form); w.Code != c.status {
			t.Errorf("%s: %d %s", c.pairs, w.Code, w.Body)
		}
	}
	if c, err = p.AnyClient(t.Context(), "app"); err != nil || len(c.RedirectURIs) != 2 || !c.Public || c.LaunchURI != "https://a.example/launch" || len(c.Grants) != 1 {
		t.Errorf("%+v %v", c, err)
	}
	if page := b.send("client?id=app", nil).Body.String(); !strings.Contains(page, "https://a.example/back\nhttps://a.example/more</textarea>") || !strings.Contains(page, `value="https://a.example/launch"`) {
		t.Errorf("the page of the app: %s", page)
	}
	send(http.StatusFound, "do", "remove", "client_id", "app")
	if w := b.send("client?id=app", nil); w.Code != http.StatusNotFound {
		t.Errorf("a removed client: %d", w.Code)
	}
	if page := b.send("clients", nil).Body.String(); !strings.Contains(page, "client?id=gateway") {
		t.Errorf("the list: %s", page)
	}
}

// Lists have pages.
func TestManage_Lists(t *testing.T) {
	p := people(t)
	b := p.browser(t)
	b.signIn("root", goodPassword)
	for i := range 120 {
		c := Client{ID: "c" + string(rune('a'+i/26)) + string(rune('a'+i%26)), Scope: "system/*.rs", Public: true}
		u := User{Name: c.ID, Role: Practitioner}
		err := p.Shelf.Change(t.Context(), func(d Drawer) error {
			if err := putUser(d, &u); err != nil {
				return err
			}
			return putJSON(d, clientShelf, c.ID, c)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for list, want := range map[string]int{"clients": 120, "users": 123} {
		rows, pages := 0, 0
		for where := list; where != ""; pages++ {
			page := b.send(where, nil).Body.String()
			rows += strings.Count(page, `<th scope="row">`)
			next := regexp.MustCompile(`href="(` + list + `\?after=[^"]*)"`).FindStringSubmatch(page)
			if where = ""; next != nil {
				where = next[1]
			}
		}
		if rows != want || pages != 3 {
			t.Errorf("%s: %d rows on %d pages", list, rows, pages)
		}
	}
}
