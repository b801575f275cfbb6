package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// Login is how people sign in, and from where.
type Login struct {
	Frames    []string `env:"VITALWIRE_FRAME_ORIGIN" name:"frame-origin" placeholder:"ORIGIN" help:"Origin that may show the login and consent pages in a frame, such as that of an EHR; may be repeated. By default none."`
	Proxies   []string `env:"VITALWIRE_TRUSTED_PROXY" name:"trusted-proxy" placeholder:"NETWORK" help:"Address or network of a proxy whose X-Forwarded-For says who asks; may be repeated. With --behind-proxy by default loopback and private networks, else none."`
	RateLimit float64  `env:"VITALWIRE_RATE_LIMIT" default:"1" placeholder:"FACTOR" help:"How often one address or client may ask for tokens and pages: a factor to what is built in; 0 does not limit it."`

	OIDCIssuer    string   `env:"VITALWIRE_OIDC_ISSUER" name:"oidc-issuer" placeholder:"URL" help:"OpenID provider (Keycloak, Entra, Okta) where people may sign in, too. It says who they are; tokens are given here."`
	OIDCClient    string   `env:"VITALWIRE_OIDC_CLIENT_ID" name:"oidc-client-id" placeholder:"ID" help:"The client id of this server there. Its redirect URI is BASE/auth/callback."`
	OIDCSecret    string   `env:"VITALWIRE_OIDC_SECRET_FILE" name:"oidc-secret-file" placeholder:"FILE" help:"File with the client secret of this server there."`
	OIDCName      string   `env:"VITALWIRE_OIDC_NAME" name:"oidc-name" placeholder:"TEXT" help:"What people call it, for the login page."`
	OIDCUser      string   `env:"VITALWIRE_OIDC_USER_CLAIM" name:"oidc-user-claim" default:"preferred_username" placeholder:"CLAIM" help:"Claim with the login name."`
	OIDCFHIRUser  string   `env:"VITALWIRE_OIDC_FHIR_USER_CLAIM" name:"oidc-fhir-user-claim" default:"fhirUser" placeholder:"CLAIM" help:"Claim with the FHIR resource, such as Practitioner/1."`
	OIDCRoleClaim string   `env:"VITALWIRE_OIDC_ROLE_CLAIM" name:"oidc-role-claim" placeholder:"CLAIM" help:"Claim whose values give the role, such as realm_access.roles. Without it only users come in who were added with --external."`
	OIDCRoles     []string `env:"VITALWIRE_OIDC_ROLE" name:"oidc-role" placeholder:"VALUE=ROLE" help:"The role that a value of --oidc-role-claim gives; may be repeated, the first that fits counts."`
	OIDCScopes    []string `env:"VITALWIRE_OIDC_SCOPE" name:"oidc-scope" default:"profile" placeholder:"SCOPE" help:"Scope that is asked for besides openid; may be repeated."`
}

// check finds what is wrong with it.
func (l Login) check() error {
	for _, origin := range l.Frames {
		if origin == "*" || checkOrigins([]string{origin}) != nil {
			return fmt.Errorf("--frame-origin %s must be an origin such as https://ehr.example.org", origin)
		}
	}
	if l.RateLimit < 0 {
		return errors.New("--rate-limit is 0 or more")
	}
	if _, err := l.proxies(false); err != nil {
		return err
	}
	_, err := l.external()
	return err
}

// within are loopback and private networks, where a proxy in front is.
var within = []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}

// proxies are the networks of the proxies that are trusted.
func (l Login) proxies(behind bool) ([]netip.Prefix, error) {
	names := l.Proxies
	if len(names) == 0 && behind {
		names = within
	}
	var list []netip.Prefix
	for _, name := range names {
		network, err := netip.ParsePrefix(name)
		if address, single := netip.ParseAddr(name); err != nil && single == nil {
			network, err = address.Prefix(address.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy %s is neither an address nor a network such as 10.0.0.0/8", name)
		}
		list = append(list, network)
	}
	return list, nil
}

// external is the OpenID provider; nil for none.
func (l Login) external() (*auth.External, error) {
	if l.OIDCIssuer == "" {
		if l.OIDCClient != "" || l.OIDCSecret != "" || l.OIDCRoleClaim != "" || len(l.OIDCRoles) > 0 {
			return nil, errors.New("--oidc-issuer is missing")
		}
		return nil, nil
	}
	e := &auth.External{Issuer: l.OIDCIssuer, ClientID: l.OIDCClient, Name: l.OIDCName, UserClaim: l.OIDCUser, FHIRUserClaim: l.OIDCFHIRUser, RoleClaim: l.OIDCRoleClaim, Scopes: l.OIDCScopes}
	for _, text := range l.OIDCRoles {
		// The role has no '='; the value may.
		i := strings.LastIndexByte(text, '=')
		if i < 0 {
			return nil, fmt.Errorf("--oidc-role %s must be VALUE=ROLE", text)
		}
		e.Roles = append(e.Roles, auth.ExternalRole{Value: text[:i], Role: auth.Role(text[i+1:])})
	}
	if l.OIDCSecret == "" {
		return nil, errors.New("--oidc-secret-file is missing")
	}
	secret, err := os.ReadFile(l.OIDCSecret)
	if err != nil {
		return nil, fmt.Errorf("--oidc-secret-file: %w", err)
	}
	e.Secret = strings.TrimSpace(string(secret))
	if err := e.Check(); err != nil {
		return nil, fmt.Errorf("--oidc-issuer and what belongs to it: %w", err)
	}
	e.FillIn()
	return e, nil
}

// people sets how people sign in.
func (c Config) people(a *auth.Authority) (err error) {
	a.Frames, a.Rate, a.Certificates = c.Frames, c.RateLimit, c.ClientCA != ""
	a.External, err = c.external()
	return err
}

// trial reports whether a server with tokens is one that somebody tries on his own
// machine: it is reached on loopback alone, and by no other name.
func (c Config) trial() bool {
	base, err := url.Parse(c.BaseURL)
	host, _, wrong := net.SplitHostPort(c.Listen)
	return c.Auth == authRequired && !c.Proxied && err == nil && wrong == nil && local(host) && (c.BaseURL == "" || local(base.Hostname()))
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// trialApp is an app that can be tried with: a program on this machine, at any port.
const trialApp = "demo-app"

// trialUser is who the first administrator is in the record.
var trialUser = fhir.Key{Type: "Practitioner", ID: "admin"}

// addPractitioner puts him there, unless he is.
func addPractitioner(ctx context.Context, e *interaction.Engine) error {
	body, err := fhir.ParseResource([]byte(`{"resourceType":"Practitioner","id":"admin","active":true,"name":[{"text":"Administrator"}]}`))
	if err != nil {
		return err
	}
	ctx = auth.With(ctx, auth.Access{Scopes: auth.ParseScopes("system/Practitioner.cruds")})
	_, err = e.Do(ctx, interaction.Request{Interaction: interaction.Update, Key: trialUser, Body: body, IfNoneMatch: "*"})
	if fhir.SituationOf(err) == fhir.SituationPreconditionFailed {
		return nil
	}
	return err
}

// firstUser adds an administrator when there is nobody yet, and says so: for a server
// on loopback that somebody tries. Elsewhere he is added by command. He is a
// Practitioner in the record, as apps are let in by who treats patients.
func firstUser(ctx context.Context, a *auth.Authority, e *interaction.Engine) (says string, err error) {
	users, err := a.Users(ctx, "", 1)
	if err != nil || len(users) > 0 {
		return "", err
	}
	if err := addPractitioner(ctx, e); err != nil {
		return "", err
	}
	password := auth.GeneratePassword()
	if err := a.AddUser(ctx, auth.User{Name: "admin", Display: "Administrator", Role: auth.Admin, FHIRUser: trialUser.String()}, password); err != nil {
		return "", err
	}
	app := auth.Client{ID: trialApp, Name: "Demo app", Public: true, Native: true, Scope: "launch launch/patient openid fhirUser offline_access patient/*.rs user/*.rs",
		RedirectURIs: []string{"http://127.0.0.1/callback"}, LaunchURI: "http://127.0.0.1:8090/launch"}
	known := (*auth.UserError)(nil)
	if _, err := a.AddClient(ctx, app, false); err != nil && !errors.As(err, &known) {
		return "", err
	}
	return fmt.Sprintf(`
  DEVELOPMENT MODE: there was nobody, so that an administrator is added. This is shown once:
    login name  admin
    password    %s
    pages       %s/auth/account
    an app      %s, public, redirect URI http://127.0.0.1:ANY PORT/callback
`, password, a.Issuer, app.ID), nil
}
