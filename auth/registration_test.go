package auth

import (
	"strings"
	"testing"
)

// RFC 9700 §2.1, E.3 OAuth "open redirect": a redirect_uri is compared byte by byte.
func TestRFC9700_RedirectIsCompared(t *testing.T) {
	web := &Client{RedirectURIs: []string{"https://app.example.org/done", "http://127.0.0.1:3000/done"}}
	native := &Client{Native: true, RedirectURIs: []string{"http://127.0.0.1/done", "http://[::1]:1/done", "org.example.app:/done", "http://localhost:1/done"}}
	cases := []struct {
		client *Client
		uri    string
		want   bool
	}{
		{web, "https://app.example.org/done", true},
		{web, "https://app.example.org/done/", false},
		{web, "https://app.example.org/done?x=1", false},
		{web, "https://app.example.org/done#x", false},
		{web, "https://app.example.org/done/../evil", false},
		{web, "https://app.example.org/done%2f", false},
		{web, "https://app.example.org/%64one", false},
		{web, "https://app.example.org:443/done", false},
		{web, "https://APP.example.org/done", false},
		{web, "http://app.example.org/done", false},
		{web, "https://app.example.org.evil.org/done", false},
		{web, "https://evil.app.example.org/done", false},
		{web, "https://app.example.org@evil.org/done", false},
		{web, "https://evil.org\\@app.example.org/done", false},
		{web, "//app.example.org/done", false},
		{web, "javascript:alert(1)", false},
		{web, "", false},
		{web, "http://127.0.0.1:3000/done", true},
		{web, "http://127.0.0.1:3001/done", false},
		{native, "http://127.0.0.1:50123/done", true},
		{native, "http://127.0.0.1/done", true},
		{native, "http://[::1]:50123/done", true},
		{native, "http://127.0.0.1:50123/other", false},
		{native, "http://127.0.0.1:/done", false},
		{native, "http://127.0.0.1:123456/done", false},
		{native, "http://127.0.0.1:1@evil.org/done", false},
		{native, "http://127.0.0.1:1.evil.org/done", false},
		{native, "http://127.0.0.1.evil.org/done", false},
		{native, "http://127.0.0.2:1/done", false},
		{native, "https://127.0.0.1:1/done", false},
		{native, "http://localhost:2/done", false},
		{native, "http://localhost:1/done", true},
		{native, "org.example.app:/done", true},
		{native, "org.example.app://done", false},
	}
	for _, c := range cases {
		if got := c.client.redirects(c.uri); got != c.want {
			t.Errorf("native %v: %q: %v", c.client.Native, c.uri, got)
		}
	}
}

// What a registration may be.
func TestRegistration(t *testing.T) {
	app := func(change func(*Client)) Client {
		c := Client{ID: "app", Scope: "launch openid fhirUser offline_access", Public: true, RedirectURIs: []string{"https://app.example.org/done"}}
		change(&c)
		return c
	}
	cases := []struct {
		name, want string
		client     Client
	}{
		{"an app", "", app(func(*Client) {})},
		{"local http", "", app(func(c *Client) { c.RedirectURIs = []string{"http://localhost:4567/done"} })},
		{"a logo and a launch", "", app(func(c *Client) {
			c.LaunchURI, c.LogoURI = "https://app.example.org/launch", "https://app.example.org/logo.svg"
		})},
		{"a private scheme", "", app(func(c *Client) { c.Native, c.RedirectURIs = true, []string{"org.example.app:/done"} })},
		{"a private scheme of a page", "redirect_uris", app(func(c *Client) { c.RedirectURIs = []string{"org.example.app:/done"} })},
		{"a scheme that runs", "redirect_uris", app(func(c *Client) { c.Native, c.RedirectURIs = true, []string{"javascript:alert(1)"} })},
		{"plain http", "redirect_uris", app(func(c *Client) { c.RedirectURIs = []string{"http://app.example.org/done"} })},
		{"a fragment", "redirect_uris", app(func(c *Client) { c.RedirectURIs = []string{"https://app.example.org/done#"} })},
		{"a user", "redirect_uris", app(func(c *Client) { c.RedirectURIs = []string{"https://x@app.example.org/done"} })},
		{"a wildcard host with a blank", "redirect_uris", app(func(c *Client) { c.RedirectURIs = []string{"https://app.example.org/a b"} })},
		{"twice", "twice", app(func(c *Client) { c.RedirectURIs = append(c.RedirectURIs, c.RedirectURIs...) })},
		{"public with a secret", "one of", app(func(c *Client) { c.SecretHash = "x" })},
		{"public for itself", "client_credentials", app(func(c *Client) { c.Grants = []string{codeGrant, ownGrant} })},
		{"an unknown grant", "grant_types", app(func(c *Client) { c.Grants = []string{"password"} })},
		{"a code to nowhere", "redirect_uris", app(func(c *Client) { c.RedirectURIs, c.Grants = nil, []string{codeGrant} })},
		{"refresh alone", "refresh_token", app(func(c *Client) { c.Grants, c.Public, c.SecretHash = []string{refreshGrant, ownGrant}, false, "x" })},
		{"a script as launch", "launch_uri", app(func(c *Client) { c.LaunchURI = "javascript:alert(1)" })},
		{"a backend that logs in", "redirect_uris", Client{ID: "b", Scope: "openid system/*.rs", SecretHash: "x"}},
		{"nonsense scope", "cannot be granted", app(func(c *Client) { c.Scope = "launch nonsense" })},
	}
	p := newPlace(t)
	for _, c := range cases {
		_, err := p.Register(t.Context(), c.client, false)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
