package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The bounds of a registration, in bytes and numbers.
const (
	longestName = 200
	longestURI  = 2000
	mostURIs    = 20
)

// check says what is wrong with a registration.
func (a *Authority) check(c *Client) error {
	switch {
	case !validClientID(c.ID):
		return fmt.Errorf("client_id must be 1 to 128 of A-Z a-z 0-9 . _ ~ and -")
	case len(c.Name) > longestName:
		return fmt.Errorf("client_name is longer than %d bytes", longestName)
	case c.methods() != 1:
		return errors.New("a client has one of jwks, jwks_uri, tls_client_auth_san_dns and a secret, or is public")
	}
	if err := c.checkGrants(); err != nil {
		return err
	}
	if err := a.checkScope(c); err != nil {
		return fmt.Errorf("scope: %w", err)
	}
	if err := c.checkPurposes(); err != nil {
		return err
	}
	if c.Keys != nil {
		if _, err := parseKeys(c.Keys); err != nil {
			return fmt.Errorf("jwks: %w", err)
		}
	}
	if c.KeysURL != "" && checkURL(c.KeysURL, false) != nil {
		return errors.New("jwks_uri must be an https URL")
	}
	if err := c.checkCertificate(); err != nil {
		return err
	}
	return a.checkURIs(c)
}

// methods is how many ways the client has to prove who it is; none is one, too.
func (c *Client) methods() int {
	n := 0
	for _, has := range []bool{c.Keys != nil, c.KeysURL != "", c.SecretHash != "", c.CertificateName != "", c.Public} {
		if has {
			n++
		}
	}
	return n
}

func (c *Client) checkGrants() error {
	for _, grant := range c.Grants {
		if grant != codeGrant && grant != refreshGrant && grant != ownGrant {
			return fmt.Errorf("grant_types are authorization_code, refresh_token and client_credentials, not %.50q", grant)
		}
	}
	switch {
	case c.May(codeGrant) && len(c.RedirectURIs) == 0:
		return errors.New("authorization_code takes redirect_uris")
	case c.May(refreshGrant) && !c.May(codeGrant):
		return errors.New("refresh_token takes authorization_code")
	case c.May(ownGrant) && c.Public:
		return errors.New("a public client proves nothing, so it gets no client_credentials")
	case !c.May(codeGrant) && !c.May(ownGrant):
		return errors.New("without authorization_code (redirect_uris) and client_credentials a client gets no token")
	}
	return nil
}

// checkScope wants scopes that can be granted, and for an app those of SMART 2.2
// that ask for context and identity.
func (a *Authority) checkScope(c *Client) error {
	other, resources := splitScopes(c.Scope)
	if len(other) > 0 && !c.May(codeGrant) {
		return fmt.Errorf("%s is for apps that people let in (redirect_uris)", other[0])
	}
	if len(other) > 0 && resources == "" {
		return nil
	}
	_, err := a.Grantable(resources)
	return err
}

func (a *Authority) checkURIs(c *Client) error {
	if len(c.RedirectURIs) > mostURIs {
		return fmt.Errorf("more than %d redirect_uris", mostURIs)
	}
	plain := strings.HasPrefix(a.Issuer, "http:")
	for i, uri := range c.RedirectURIs {
		if err := checkRedirect(uri, c.Native, plain); err != nil {
			return fmt.Errorf("redirect_uris: %.100q: %w", uri, err)
		}
		if slices.Contains(c.RedirectURIs[:i], uri) {
			return fmt.Errorf("redirect_uris: %.100q is there twice", uri)
		}
	}
	for name, uri := range map[string]string{"launch_uri": c.LaunchURI, "logo_uri": c.LogoURI} {
		if uri == "" {
			continue
		}
		if err := checkURL(uri, plain); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// validClientID wants unreserved characters of RFC 3986, which need no escaping.
func validClientID(id string) bool {
	return id != "" && len(id) <= 128 && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-") == ""
}
