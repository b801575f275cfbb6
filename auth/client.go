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
	"net/url"
	"strings"
	"time"
)

// Client is a registered client: a backend service or a device gateway that gets
// tokens by client_credentials (SMART Backend Services).
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
	SecretHash string    `json:"secret_hash,omitempty"`
	Created    time.Time `json:"created"`
	// Disabled keeps the client from new tokens, and its tokens from use.
	Disabled bool `json:"disabled,omitempty"`
}

// maxClient bounds the text of one registration in bytes.
const maxClient = 64 << 10

// check says what is wrong with a registration.
func (c *Client) check() error {
	switch {
	case !validClientID(c.ID):
		return fmt.Errorf("client_id must be 1 to 128 of A-Z a-z 0-9 . _ ~ and -")
	case len(c.Name) > 200:
		return fmt.Errorf("client_name is longer than 200 bytes")
	case c.methods() != 1:
		return fmt.Errorf("a client has one of jwks, jwks_uri and a secret")
	}
	if _, err := Grantable(c.Scope); err != nil {
		return fmt.Errorf("scope: %w", err)
	}
	if c.Keys != nil {
		if _, err := parseKeys(c.Keys); err != nil {
			return fmt.Errorf("jwks: %w", err)
		}
	}
	if c.KeysURL != "" {
		if u, err := url.Parse(c.KeysURL); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
			return fmt.Errorf("jwks_uri must be an https URL")
		}
	}
	return nil
}

func (c *Client) methods() int {
	n := 0
	for _, has := range []bool{c.Keys != nil, c.KeysURL != "", c.SecretHash != ""} {
		if has {
			n++
		}
	}
	return n
}

// validClientID wants unreserved characters of RFC 3986, which need no escaping.
func validClientID(id string) bool {
	return id != "" && len(id) <= 128 && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-") == ""
}

// Register keeps a client, over an earlier one of its id. With secret it gets a
// fresh secret, which is given back and kept nowhere.
func (a *Authority) Register(ctx context.Context, c Client, secret bool) (string, error) {
	given := ""
	if secret {
		given = random()
		c.SecretHash = hashed(given)
	}
	if err := c.check(); err != nil {
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
