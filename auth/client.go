package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Client is a registered client: an app that people let in (SMART App Launch), a
// backend service or a device gateway (SMART Backend Services), or both.
type Client struct {
	ID   string `json:"client_id"`
	Name string `json:"client_name,omitempty"`
	// Scope bounds what its tokens may have.
	Scope string `json:"scope"`
	// Keys is its JWK Set, KeysURL where that is; one of them for a client that
	// signs assertions (private_key_jwt, RS384 or ES384).
	Keys    json.RawMessage `json:"jwks,omitempty"`
	KeysURL string          `json:"jwks_uri,omitempty"`
	// SecretHash is the SHA-256 of the secret in hex, for a client with a secret
	// (client_secret_basic). The secret is 256 random bits of ours, so that a slow
	// hash would add nothing.
	SecretHash string `json:"secret_hash,omitempty"`
	// CertificateName is the DNS name in its certificate, for a client that proves by the
	// TLS connection who it is (RFC 8705 §2.1); its own tokens are bound to that.
	CertificateName string `json:"tls_client_auth_san_dns,omitempty"`
	// Public is a client that can keep no secret, such as a page in a browser.
	Public bool `json:"public,omitempty"`
	// Grants are the grant types it may use: authorization_code, refresh_token and
	// client_credentials. Empty is what its other fields allow, see May.
	Grants []string `json:"grant_types,omitempty"`
	// RedirectURIs are where its users may be sent back to, each compared exactly;
	// of a Native one the port of a loopback address is its own (RFC 8252 §7.3).
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	Native       bool     `json:"native,omitempty"`
	// LaunchURI is where an EHR launch sends the user (SMART 2.2, launch-ehr).
	LaunchURI string `json:"launch_uri,omitempty"`
	// LogoURI is kept for lists of apps; this server does not fetch it.
	LogoURI string `json:"logo_uri,omitempty"`
	// Resource is what the client is to Consents: a Device or Organization of this
	// server, such as "Organization/lab"; "" for nothing.
	Resource string `json:"fhir_resource,omitempty"`
	// Purposes are what it may be used for, codes of v3-ActReason; none is the usual,
	// see UsualPurposes.
	Purposes []string  `json:"purpose_of_use,omitempty"`
	Created  time.Time `json:"created"`
	// Disabled keeps the client from new tokens, and its tokens from use.
	Disabled bool `json:"disabled,omitempty"`
}

// The grant types (RFC 6749 §4.1, §4.4, §6).
const (
	codeGrant    = "authorization_code"
	refreshGrant = "refresh_token"
	ownGrant     = "client_credentials"
)

// May reports whether the client may use a grant type.
func (c *Client) May(grant string) bool {
	if len(c.Grants) > 0 {
		return slices.Contains(c.Grants, grant)
	}
	if grant == ownGrant {
		return !c.Public && (len(c.RedirectURIs) == 0 || strings.Contains(c.Scope, string(SystemLevel)+"/"))
	}
	return len(c.RedirectURIs) > 0 && (grant == codeGrant || grant == refreshGrant)
}

// maxClient bounds the text of one registration in bytes.
const maxClient = 64 << 10

// Register keeps a client, over an earlier one of its id. With secret it gets a
// fresh secret, which is given back and kept nowhere.
func (a *Authority) Register(ctx context.Context, c Client, secret bool) (string, error) {
	given := ""
	if secret {
		given = random()
		c.SecretHash = hashed(given)
	}
	if err := a.check(&c); err != nil {
		return "", err
	}
	c.Created = a.now().UTC()
	data, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	if len(data) > maxClient {
		return "", fmt.Errorf("the registration is larger than %d bytes", maxClient)
	}
	err = a.Shelf.Change(ctx, func(d Drawer) error { return d.Put(clientShelf, c.ID, data) })
	a.forget()
	return given, err
}

// Unregister removes a client. Its tokens are of no use from then on.
func (a *Authority) Unregister(ctx context.Context, id string) (found bool, err error) {
	err = a.Shelf.Change(ctx, func(d Drawer) error {
		if _, found, err = d.Get(clientShelf, id); err != nil || !found {
			return err
		}
		return d.Put(clientShelf, id, nil)
	})
	a.forget()
	if err == nil && found {
		err = a.report(ctx, Happening{What: ClientRemoved, Name: id, Proved: true})
	}
	return found, err
}

// Clients are the registered clients by id, at most limit after an id.
func (a *Authority) Clients(ctx context.Context, after string, limit int) ([]Client, error) {
	entries, err := a.Shelf.List(ctx, clientShelf, after, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Client, len(entries))
	for i, e := range entries {
		if err := json.Unmarshal(e.Value, &list[i]); err != nil {
			return nil, fmt.Errorf("auth: client %q as kept: %w", e.Key, err)
		}
	}
	return list, nil
}

// client finds a client that may be used; nil when there is none.
func (a *Authority) client(ctx context.Context, id string) (*Client, error) {
	if !validClientID(id) {
		return nil, nil
	}
	data, ok, err := a.Shelf.Get(ctx, clientShelf, id)
	if err != nil || !ok {
		return nil, err
	}
	var c Client
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("auth: client %q as kept: %w", id, err)
	}
	if c.Disabled {
		return nil, nil
	}
	return &c, nil
}

// holds compares a secret without telling by its time how much of it is right.
func (c *Client) holds(secret string) bool {
	return c != nil && c.SecretHash != "" && subtle.ConstantTimeCompare([]byte(hashed(secret)), []byte(c.SecretHash)) == 1
}

// random is 256 random bits as text that needs no escaping.
func random() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
