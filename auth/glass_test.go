package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// purposesOf are what a token is good for, by introspection (IHE IUA 3.102).
func (p *place) purposesOf(t *testing.T, token any) string {
	t.Helper()
	_, told := p.ask(t, "auth/introspect", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.(string)) }, "token", token.(string))
	extensions, _ := told["extensions"].(map[string]any)
	iua, _ := extensions["ihe_iua"].(map[string]any)
	list, _ := iua["purpose_of_use"].([]any)
	var codes []string
	for _, one := range list {
		c := one.(map[string]any)
		if c["system"] != actReason {
			t.Errorf("%v", c)
		}
		codes = append(codes, c["code"].(string))
	}
	return strings.Join(codes, " ")
}

// D.2.12: a token is for what its client is registered for, or the usual; the request
// takes of that, and no more.
func TestIUA_PurposeOfUse(t *testing.T) {
	p := office(t)
	change := func(purposes ...string) {
		t.Helper()
		if _, err := p.ChangeClient(t.Context(), "app", false, func(c *Client) { c.Purposes = purposes }); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(pairs ...string) (int, map[string]any) {
		t.Helper()
		w, answer := p.ask(t, "auth/token", nil, exchangeCode(p.member(t, "alice").code(asking("user/*.rs offline_access")), pairs...)...)
		return w.Code, answer
	}
	status, answer := ask()
	if got := p.purposesOf(t, answer["access_token"]); status != 200 || got != "TREAT" {
		t.Errorf("usual: %d %q", status, got)
	}
	for _, wide := range []string{"HRESCH", BreakGlass, "TREAT HRESCH", "ETREAT"} {
		if status, answer := ask(purposeParameter, wide); status != 400 || answer["error"] != "invalid_request" {
			t.Errorf("%s: %d %v", wide, status, answer)
		}
	}
	change("TREAT", "HRESCH")
	status, answer = ask(purposeParameter, "HRESCH")
	token := answer["access_token"]
	if got := p.purposesOf(t, token); status != 200 || got != "HRESCH" {
		t.Errorf("asked: %d %q", status, got)
	}
	w, renewed := p.ask(t, "auth/token", nil, "grant_type", "refresh_token", "client_id", "app", "refresh_token", answer["refresh_token"].(string), purposeParameter, "TREAT")
	if got := p.purposesOf(t, renewed["access_token"]); w.Code != 200 || got != "TREAT" {
		t.Errorf("renewed: %d %q", w.Code, got)
	}
	change("TREAT")
	if p.active(t, token) {
		t.Error("a token for what its client is no longer for")
	}
	w, answer = p.ask(t, "auth/token", func(r *http.Request) { r.SetBasicAuth("secret", p.secret) }, "grant_type", "client_credentials", "scope", "system/*.rs", purposeParameter, BreakGlass)
	if w.Code != 400 || answer["error"] != "invalid_request" {
		t.Errorf("a backend service breaks the glass: %d %v", w.Code, answer)
	}
}

// A request may name fewer purposes than its token has, never another.
func TestPurposeHeader_OnlyNarrows(t *testing.T) {
	a := Access{Purposes: []string{"TREAT", "HRESCH"}}
	for given, want := range map[string]string{"TREAT": "TREAT", "HRESCH , TREAT": "HRESCH TREAT"} {
		got, err := a.Narrow(http.Header{PurposeHeader: {given}})
		if err != nil || strings.Join(got.Purposes, " ") != want {
			t.Errorf("%s: %v %v", given, got.Purposes, err)
		}
	}
	if got, err := a.Narrow(http.Header{}); err != nil || len(got.Purposes) != 2 {
		t.Errorf("none: %v %v", got.Purposes, err)
	}
	for _, given := range []string{"", "BTG", "ETREAT", "TREAT,BTG", "treat", "TREAT,", "a b", strings.Repeat("TREAT,", 30) + "TREAT"} {
		if got, err := a.Narrow(http.Header{PurposeHeader: {given}}); err == nil {
			t.Errorf("%q: %v", given, got.Purposes)
		}
	}
}

// D.5: only who has the privilege, with a reason, for a quarter of an hour, for nothing
// wider, and told to the audit before it is good.
func TestBreakGlass(t *testing.T) {
	p := office(t)
	first := p.tokens(t, "user/Observation.rs launch/patient patient/*.rs")
	was, err := p.Lookup(t.Context(), first["access_token"].(string))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(token any, reason string) (int, map[string]any) {
		t.Helper()
		w, answer := p.ask(t, "auth/break-glass", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.(string)) }, "reason", reason)
		return w.Code, answer
	}
	const reason = "found unconscious, no relative"
	if status, answer := ask(first["access_token"], reason); status != 403 || answer["error"] != "access_denied" {
		t.Errorf("without the privilege: %d %v", status, answer)
	}
	privilege := func(has bool) {
		t.Helper()
		// Not ChangeUser: that ends the session, which is another matter.
		err := p.Shelf.Change(t.Context(), func(d Drawer) error {
			data, _, err := d.Get(userShelf, "alice")
			if err != nil {
				return err
			}
			u, err := readUser(data)
			if err != nil {
				return err
			}
			u.BreaksGlass = has
			return putUser(d, u)
		})
		if err != nil {
			t.Fatal(err)
		}
		p.forget()
	}
	privilege(true)
	for _, bad := range []string{"", "    ", "no", "two\nlines of it", strings.Repeat("x", 501), "\xff\xff\xff\xff\xff\xff"} {
		if status, _ := ask(first["access_token"], bad); status != 400 {
			t.Errorf("reason %q: %d", bad, status)
		}
	}
	if status, _ := ask("nonsense", reason); status != 401 {
		t.Errorf("no token: %d", status)
	}
	var told []Access
	p.Broke = func(_ context.Context, a Access) error { told = append(told, a); return nil }
	status, answer := ask(first["access_token"], reason)
	if status != 200 || answer["expires_in"] != GlassLife.Seconds() || answer["scope"] != first["scope"] || answer["patient"] != "p1" {
		t.Fatalf("%d %v", status, answer)
	}
	token := answer["access_token"].(string)
	is, err := p.Lookup(t.Context(), token)
	if err != nil || !slices.Equal(is.Purposes, []string{"TREAT", BreakGlass}) || is.Reason != reason || is.Grant != was.Grant || is.Client != was.Client ||
		is.FullScope() != was.FullScope() || is.Patient != was.Patient || is.FHIRUser != was.FHIRUser || is.Role != was.Role {
		t.Errorf("%+v %v", is, err)
	}
	if len(told) != 1 || told[0].ID != is.ID || told[0].Reason != reason {
		t.Errorf("told: %+v", told)
	}
	if got := p.purposesOf(t, token); got != "TREAT BTG" {
		t.Errorf("introspection: %s", got)
	}
	if _, answer := p.ask(t, "auth/introspect", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, "token", token); strings.Contains(fmt.Sprint(answer), "unconscious") {
		t.Errorf("the reason is told: %v", answer)
	}
	if (&Reach{access: is}).Bound() == (&Reach{access: was}).Bound() {
		t.Error("what was found with the glass broken is open without")
	}
	// A broken glass is not made to last by breaking it again, nor past the first token.
	p.clock = p.clock.Add(10 * time.Minute)
	if status, answer := ask(token, reason); status != 200 || answer["expires_in"] != (5*time.Minute).Seconds() {
		t.Errorf("again: %d %v", status, answer)
	}
	p.clock = p.clock.Add(45 * time.Minute)
	if status, answer := ask(first["access_token"], reason); status != 200 || answer["expires_in"] != (5*time.Minute).Seconds() {
		t.Errorf("near the end: %d %v", status, answer)
	}
	// What cannot be told does not happen.
	p.Broke = func(context.Context, Access) error { return errors.New("no audit") }
	if status, answer := ask(first["access_token"], reason); status != 503 || answer["access_token"] != nil {
		t.Errorf("untold: %d %v", status, answer)
	}
	p.Broke = nil
	_, answer = ask(first["access_token"], reason)
	privilege(false)
	if p.active(t, answer["access_token"]) {
		t.Error("the glass stays broken without the privilege")
	}
	if !p.active(t, first["access_token"]) {
		t.Error("the first token ended with it")
	}
	// A patient cannot be given the privilege.
	if err := p.ChangeUser(t.Context(), "maria", func(u *User) { u.BreaksGlass = true }); err == nil {
		t.Error("a patient breaks the glass")
	}
	// A backend service has no user.
	own, _, err := p.Mint(t.Context(), Access{Client: "secret", Scopes: ParseScopes("system/*.rs")}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := ask(own, reason); status != 403 {
		t.Errorf("a backend service: %d", status)
	}
}
