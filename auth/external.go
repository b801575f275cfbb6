package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// External is an OpenID provider, such as Keycloak, Entra or Okta, where people may
// sign in instead of here. It says who they are and no more: this server stays the
// one that gives tokens. Its fields are set once, before use.
type External struct {
	// Issuer is its URL, whose .well-known/openid-configuration says the rest.
	Issuer           string
	ClientID, Secret string
	// Name is what people call it.
	Name string
	// UserClaim is the claim of the ID token that is the login name; by default
	// preferred_username. A name inside another claim has dots, as in
	// realm_access.roles; so has that of the other claims.
	UserClaim string
	// FHIRUserClaim is the claim with the FHIR resource; by default fhirUser.
	FHIRUserClaim string
	// RoleClaim is the claim whose values give the role by Roles, of which the first
	// that fits counts. Without it only users who were added for this issuer come in.
	RoleClaim string
	Roles     []ExternalRole
	// Scopes are asked for besides openid.
	Scopes []string
	// Client reaches it; nil is one with bounds in time and size. The operator named
	// the place, so that it may be inside his network.
	Client *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
	asked    time.Time
}

// ExternalRole is the role that a value of RoleClaim gives.
type ExternalRole struct {
	Value string
	Role  Role
}

// FillIn sets what was left open.
func (e *External) FillIn() {
	if e.UserClaim == "" {
		e.UserClaim = "preferred_username"
	}
	if e.FHIRUserClaim == "" {
		e.FHIRUserClaim = "fhirUser"
	}
	if e.Name == "" {
		e.Name = originOf(e.Issuer)
	}
	if e.Client == nil {
		e.Client = &http.Client{
			Timeout:       10 * time.Second,
			Transport:     bounded{http.DefaultTransport},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
}

// Check says what is wrong with the settings.
func (e *External) Check() error {
	switch {
	case checkURL(e.Issuer, false) != nil:
		return errors.New("the issuer must be an https URL")
	case e.ClientID == "" || e.Secret == "":
		return errors.New("a client id and a secret are needed")
	case (e.RoleClaim == "") != (len(e.Roles) == 0):
		return errors.New("a claim for the role and what its values mean go together")
	}
	for _, r := range e.Roles {
		if r.Value == "" || !r.Role.valid() {
			return fmt.Errorf("a role is given as VALUE=ROLE, with one of %s", roleList())
		}
	}
	return nil
}

// bounded reads no answer that is larger than it need be.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxKeySet), response.Body}
	}
	return response, err
}

// askAgain is how long a provider that did not answer is left alone.
const askAgain = 5 * time.Second

// discovered is the provider by its configuration, which is read when somebody
// first signs in: it may be down when this server starts.
func (e *External) discovered(ctx context.Context, now time.Time) (*oidc.Provider, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.provider != nil {
		return e.provider, nil
	}
	if now.Sub(e.asked) < askAgain {
		return nil, errors.New("the OpenID provider did not answer a moment ago")
	}
	e.asked = now
	// The provider keeps the client of this context for fetching keys later.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), e.Client), e.Issuer)
	if err != nil {
		return nil, fmt.Errorf("OpenID provider: %w", err)
	}
	e.provider = p
	return p, nil
}

func (e *External) oauth(p *oidc.Provider, back string) *oauth2.Config {
	c := &oauth2.Config{ClientID: e.ClientID, ClientSecret: e.Secret, Endpoint: p.Endpoint(), RedirectURL: back, Scopes: append([]string{oidc.ScopeOpenID}, e.Scopes...)}
	// Said, as trying both would send a code twice. Without a word it is HTTP Basic
	// (OpenID Connect Discovery §3).
	c.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	var said struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := p.Claims(&said); err == nil && len(said.Methods) > 0 && !slices.Contains(said.Methods, "client_secret_basic") {
		c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return c
}

// externalAlgs are the signatures that an ID token may have: never none, and never
// one of a shared secret.
var externalAlgs = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// claims exchanges a code for an ID token and gives its claims, if it is one that
// the provider made for this server and this login (OpenID Connect Core §3.1.3.7).
func (e *External) claims(ctx context.Context, p *oidc.Provider, now func() time.Time, back, code string, l *externalLogin) (subject string, claims map[string]any, err error) {
	ctx = oidc.ClientContext(ctx, e.Client)
	token, err := e.oauth(p, back).Exchange(ctx, code, oauth2.VerifierOption(l.Verifier))
	if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) {
		return "", nil, fmt.Errorf("the code was refused: %.100q", refused.ErrorCode) // and not the body, which may repeat it
	}
	if err != nil {
		return "", nil, fmt.Errorf("the code was not exchanged: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" || len(raw) > 32<<10 || strings.Count(raw, ".") != 2 {
		return "", nil, errors.New("there is no ID token")
	}
	id, err := p.Verifier(&oidc.Config{ClientID: e.ClientID, SupportedSigningAlgs: externalAlgs, Now: now}).Verify(ctx, raw)
	if err != nil {
		return "", nil, err
	}
	if err := id.Claims(&claims); err != nil {
		return "", nil, err
	}
	party, named := claims["azp"]
	switch {
	case id.Nonce != l.Nonce:
		return "", nil, errors.New("the nonce is another")
	case id.Subject == "" || len(id.Subject) > 255:
		return "", nil, errors.New("there is no subject")
	case named && party != e.ClientID, len(id.Audience) > 1 && !named:
		return "", nil, errors.New("the token was made for another client as well (azp)")
	case id.IssuedAt.After(now().Add(leeway)):
		return "", nil, errors.New("the token is from the future")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return "", nil, err
		}
	}
	return id.Subject, claims, nil
}

// claimed are the texts of a claim: one, or those of an array. A dot in the name
// leads into an object, if no claim has that very name.
func claimed(claims map[string]any, name string) []string {
	value, ok := claims[name]
	if !ok {
		first, rest, dotted := strings.Cut(name, ".")
		if inner, is := claims[first].(map[string]any); is && dotted {
			return claimed(inner, rest)
		}
		return nil
	}
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, item := range v {
			if text, is := item.(string); is {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}

// mapped is the user that an ID token speaks of, by the claims; an error says what
// is missing.
func (e *External) mapped(base, subject string, claims map[string]any) (User, error) {
	u := User{Issuer: e.Issuer, Subject: subject}
	names := claimed(claims, e.UserClaim)
	if len(names) != 1 {
		return u, fmt.Errorf("there is no claim %s", e.UserClaim)
	}
	if u.Name = loginNameOf(names[0]); !loginName.MatchString(u.Name) {
		return u, fmt.Errorf("the claim %s is no login name", e.UserClaim)
	}
	if verified, said := claims["email_verified"]; e.UserClaim == "email" && said && verified != true {
		return u, errors.New("the email address is not verified")
	}
	if name := claimed(claims, "name"); len(name) == 1 {
		u.Display = name[0]
	}
	if references := claimed(claims, e.FHIRUserClaim); len(references) > 0 {
		u.FHIRUser = strings.TrimPrefix(references[0], base+"/")
		if len(references) > 1 || !fhirUser.MatchString(u.FHIRUser) {
			return u, fmt.Errorf("the claim %s names nobody of this server", e.FHIRUserClaim)
		}
	}
	if e.RoleClaim != "" {
		values := claimed(claims, e.RoleClaim)
		i := slices.IndexFunc(e.Roles, func(r ExternalRole) bool { return slices.Contains(values, r.Value) })
		if i < 0 {
			return u, fmt.Errorf("no value of the claim %s gives a role", e.RoleClaim)
		}
		u.Role = e.Roles[i].Role
	}
	return u, nil
}
