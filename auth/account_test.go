package auth

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// SMART 2.2 management_endpoint: a user sees the apps that he let in and takes it
// back at once; another's he neither sees nor can take back.
func TestSMART22_A7_ManagementPage(t *testing.T) {
	p := people(t)
	chart := Client{ID: "chart", Name: "Vitals <chart>", Scope: "patient/*.rs", Public: true}
	if err := p.Shelf.Change(t.Context(), func(d Drawer) error { return putJSON(d, clientShelf, chart.ID, chart) }); err != nil {
		t.Fatal(err)
	}
	for _, g := range []Grant{
		{ID: "g1", User: "alice", Client: "chart", Scope: "patient/Observation.rs offline_access"},
		{ID: "g2", User: "alice", Client: "gone", Scope: "patient/Patient.r"},
		{ID: "g3", User: "root", Client: "chart", Scope: "user/*.rs"},
		{ID: "g4", User: "alice2", Client: "chart", Scope: "user/*.rs"},
	} {
		g.Patient, g.Created, g.Used, g.Expires = "7", p.clock, p.clock, p.clock.Add(time.Hour)
		if err := p.Shelf.Change(t.Context(), func(d Drawer) error { return putJSON(d, grantShelf, g.key(), g) }); err != nil {
			t.Fatal(err)
		}
	}
	b := p.browser(t)
	b.signIn("alice", goodPassword)
	page := b.send("account", nil).Body.String()
	for _, want := range []string{"Vitals &lt;chart&gt;", "patient/Observation.rs", "Patient/7", "gone", "also while you are away", `value="g1"`, `value="g2"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, hidden := range []string{`value="g3"`, `value="g4"`, "user/*.rs"} {
		if strings.Contains(page, hidden) {
			t.Errorf("the page shows %s", hidden)
		}
	}
	for _, id := range []string{"g3", "../root/g3", "root/g3", "", "none", "g1"} {
		if w := b.send("account", b.fill("account", "do", "revoke", "grant", id)); w.Code != http.StatusFound {
			t.Errorf("%q: %d", id, w.Code)
		}
	}
	for user, want := range map[string]int{"alice": 1, "root": 1, "alice2": 1} {
		if list, err := p.grants(t.Context(), user); err != nil || len(list) != want {
			t.Errorf("%s has %d grants: %v", user, len(list), err)
		}
	}
	if err := p.RemoveUser(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]int{"alice": 0, "root": 1, "alice2": 1} {
		if list, err := p.grants(t.Context(), user); err != nil || len(list) != want {
			t.Errorf("%s has %d grants: %v", user, len(list), err)
		}
	}
}

// What is past its end is swept, and nothing else.
func TestPeople_Sweep(t *testing.T) {
	p := people(t)
	p.browser(t).signIn("alice", goodPassword)
	p.browser(t).signIn("root", "a wrong password")
	count := func(collection string) int {
		list, err := p.Shelf.List(t.Context(), collection, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	for _, c := range []struct {
		after           time.Duration
		sessions, tries int
	}{{0, 1, 2}, {idleSession, 0, 2}, {triesForgotten, 0, 0}} {
		p.clock = p.clock.Add(c.after)
		if err := p.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, n := count(sessionShelf), count(triesShelf); s != c.sessions || n != c.tries || count(userShelf) != 3 {
			t.Errorf("after %s: %d sessions, %d tries", c.after, s, n)
		}
	}
}
