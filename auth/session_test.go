package auth

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// E.3 OAuth: session fixation. A login gives a new session, whatever was brought.
func TestPeople_SessionFixation(t *testing.T) {
	p := people(t)
	planted := random()
	plant := func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: "__Host-vitalwire-session", Value: planted})
	}
	b := p.browser(t)
	w := b.send("login", b.fill("login", "name", "alice", "password", goodPassword), plant)
	if w.Code != http.StatusFound {
		t.Fatalf("login: %d %s", w.Code, w.Body)
	}
	if got := w.Result().Cookies()[0].Value; got == planted {
		t.Error("the planted session was taken over")
	}
	if w := p.browser(t).send("account", nil, plant); w.Code != http.StatusFound {
		t.Errorf("the planted session is signed in: %d", w.Code)
	}
	// A second login in a browser ends its first session.
	first := w.Result().Cookies()[0]
	if w := b.signIn("alice", goodPassword); w.Code != http.StatusFound {
		t.Fatalf("second login: %d", w.Code)
	}
	if w := p.browser(t).send("account", nil, func(r *http.Request) { r.AddCookie(first) }); w.Code != http.StatusFound {
		t.Errorf("the first session is still good: %d", w.Code)
	}
}

func TestPeople_SessionEnds(t *testing.T) {
	for name, c := range map[string]struct {
		change func(p *place)
		signed bool
	}{
		"at once":                              {func(*place) {}, true},
		"after 29 minutes, asked, and 29 more": {func(p *place) { p.clock = p.clock.Add(29 * time.Minute) }, true},
		"after 31 minutes":                     {func(p *place) { p.clock = p.clock.Add(31 * time.Minute) }, false},
		"disabled":                             {func(p *place) { p.change(t, func(u *User) { u.Disabled = true }) }, false},
		"another role":                         {func(p *place) { p.change(t, func(u *User) { u.Role = Admin }) }, false},
		"another person":                       {func(p *place) { p.change(t, func(u *User) { u.FHIRUser = "Practitioner/2" }) }, false},
		"another name for people":              {func(p *place) { p.change(t, func(u *User) { u.Display = "A." }) }, true},
		"disabled and enabled": {func(p *place) {
			p.change(t, func(u *User) { u.Disabled = true })
			p.change(t, func(u *User) { u.Disabled = false })
		}, false},
		"another password": {func(p *place) {
			if err := p.SetPassword(t.Context(), "alice", "seven quiet otters"); err != nil {
				t.Fatal(err)
			}
		}, false},
		"removed": {func(p *place) {
			if err := p.RemoveUser(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
		}, false},
		"removed and added": {func(p *place) {
			if err := p.RemoveUser(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			if err := p.AddUser(t.Context(), User{Name: "alice", Role: Practitioner, FHIRUser: "Practitioner/1"}, goodPassword); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		p := people(t)
		b := p.browser(t)
		if w := b.signIn("alice", goodPassword); w.Code != http.StatusFound {
			t.Fatalf("%s: login: %d", name, w.Code)
		}
		for range 2 { // the second time, too
			c.change(p)
			if w := b.send("account", nil); (w.Code == http.StatusOK) != c.signed {
				t.Errorf("%s: %d", name, w.Code)
			}
			if strings.Contains(name, "remove") || name == "another password" {
				break
			}
		}
	}
}

// A session that is used all the time ends none the less.
func TestPeople_SessionIsNoLongerThanADay(t *testing.T) {
	p := people(t)
	b := p.browser(t)
	b.signIn("alice", goodPassword)
	signed := 0
	for range 200 {
		p.clock = p.clock.Add(10 * time.Minute)
		if w := b.send("account", nil); w.Code != http.StatusOK {
			break
		}
		signed++
	}
	if signed != int(longestSession/(10*time.Minute))-1 {
		t.Errorf("signed in for %d times ten minutes", signed)
	}
}

func (p *place) change(t *testing.T, fn func(*User)) {
	t.Helper()
	if err := p.ChangeUser(t.Context(), "alice", fn); err != nil {
		t.Fatal(err)
	}
}

// E.3: who reads the store has no session, no password and no form token.
func TestPeople_ShelfHasNoSecrets(t *testing.T) {
	p := people(t)
	b := p.browser(t)
	cookie := b.signIn("alice", goodPassword).Result().Cookies()[0].Value
	token := b.fill("account").Get(tokenField)
	for key, value := range p.Shelf.(*memory).values {
		for _, secret := range []string{cookie, token, goodPassword} {
			if strings.Contains(string(value), secret) || strings.Contains(key[1], secret) {
				t.Errorf("%v holds a secret", key)
			}
		}
	}
}

// Cookies that cannot be ours, or that stand twice, are none.
func TestPeople_ForgedCookies(t *testing.T) {
	p := people(t)
	b := p.browser(t)
	good := b.signIn("alice", goodPassword).Result().Cookies()[0]
	id := hashed(good.Value)
	for _, value := range []string{"", "x", id, good.Value + "=", good.Value[:42], strings.ToLower(good.Value), good.Value + "A", "../" + good.Value} {
		w := p.browser(t).send("account", nil, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: good.Name, Value: value}) })
		if w.Code != http.StatusFound {
			t.Errorf("%q is signed in: %d", value, w.Code)
		}
	}
	twice := p.browser(t).send("account", nil, func(r *http.Request) {
		r.AddCookie(good)
		r.AddCookie(&http.Cookie{Name: good.Name, Value: random()})
	})
	if twice.Code != http.StatusFound {
		t.Errorf("two cookies: %d", twice.Code)
	}
	if w := p.browser(t).send("account", nil, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "vitalwire-session", Value: good.Value}) }); w.Code != http.StatusFound {
		t.Errorf("a cookie without __Host-: %d", w.Code)
	}
}
