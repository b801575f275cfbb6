package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// assertionType is the only client_assertion_type (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// The bounds of an assertion. SMART 2.2: exp is no more than five minutes ahead.
const (
	maxAssertion = 8 << 10
	longest      = 5 * time.Minute
	leeway       = 30 * time.Second
)

// assertionError is an assertion refused. Which part of it was wrong is for the
// log, not for who made it up.
type assertionError struct{ cause error }

func (e *assertionError) Error() string { return "auth: assertion: " + e.cause.Error() }
func (e *assertionError) Unwrap() error { return e.cause }

// assertionClaims are those of SMART 2.2 that count here.
type assertionClaims struct {
	jwt.RegisteredClaims
}

// assert verifies a client's assertion (RFC 7523 §3, SMART 2.2
// client-confidential-asymmetric): signed by a key registered for the client that
// it is from, for this server, short-lived, and never seen before.
func (a *Authority) assert(ctx context.Context, text string) (*Client, error) {
	if len(text) > maxAssertion || strings.Count(text, ".") != 2 {
		return nil, &assertionError{errors.New("not a JWS of three parts, or too long")}
	}
	if err := plainParts(text); err != nil {
		return nil, &assertionError{err}
	}
	var client *Client
	var fault error // of the store, which is not the client's
	claims := &assertionClaims{}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{rs384, es384}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway), jwt.WithStrictDecoding(), jwt.WithTimeFunc(a.now),
	)
	_, err := parser.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		if client, fault = a.client(ctx, claims.Issuer); fault != nil || client == nil {
			return nil, errors.New("no such client")
		}
		return a.verifier(ctx, client, t)
	})
	if fault != nil {
		return nil, fault
	}
	if err != nil {
		return nil, &assertionError{err}
	}
	if err := a.fits(claims); err != nil {
		return nil, &assertionError{err}
	}
	return client, a.once(ctx, claims)
}

// plainParts checks what the parser does not: no member of the header asks for a
// key from elsewhere or for what is not understood (RFC 7515 §4.1.11), and none
// stands twice.
func plainParts(text string) error {
	parts := strings.Split(text, ".")
	for i, part := range parts[:2] {
		data, err := jwt.NewParser(jwt.WithStrictDecoding()).DecodeSegment(part)
		if err != nil {
			return errors.New("not base64url")
		}
		members, err := flat(data)
		if err != nil {
			return err
		}
		for name, value := range members {
			switch {
			case i == 0 && !slices.Contains([]string{"alg", "kid", "typ", "jku"}, name):
				return fmt.Errorf("header member %.20q is not understood", name)
			case i == 1 && slices.Contains([]string{"exp", "iat", "nbf"}, name) && value[0] == '"':
				return fmt.Errorf("%s is no number (RFC 7519 §2)", name)
			}
		}
	}
	return nil
}

// flat are the members of a JSON object; a name twice is an error.
func flat(data []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(strings.NewReader(string(data)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("no JSON object")
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errors.New("no JSON object")
		}
		if members[name] != nil {
			return nil, fmt.Errorf("member %.20q appears twice", name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errors.New("no JSON object")
		}
		members[name] = value
	}
	return members, nil
}

// verifier picks the key of the client that the header names.
func (a *Authority) verifier(ctx context.Context, c *Client, t *jwt.Token) (any, error) {
	id, _ := t.Header["kid"].(string)
	if id == "" {
		return nil, errors.New("the header has no kid")
	}
	if typ, ok := t.Header["typ"]; ok && typ != "JWT" && typ != "client-authentication+jwt" {
		return nil, errors.New("typ is not JWT")
	}
	if jku, ok := t.Header["jku"]; ok && (c.KeysURL == "" || jku != c.KeysURL) {
		return nil, errors.New("jku is not the registered one")
	}
	var key publicKey
	var found bool
	switch {
	case c.Keys != nil:
		keys, err := parseKeys(c.Keys)
		if err != nil {
			return nil, err
		}
		key, found = pick(keys, id, t.Method.Alg())
	case c.KeysURL != "":
		var err error
		if key, found, err = a.keys.key(ctx, c.KeysURL, id, t.Method.Alg(), a.now()); err != nil {
			return nil, fmt.Errorf("jwks_uri: %w", err)
		}
	}
	if !found {
		return nil, errors.New("no registered key has that kid and fits the algorithm")
	}
	return key.key, nil
}

// fits checks the claims of SMART 2.2.
func (a *Authority) fits(c *assertionClaims) error {
	now := a.now()
	switch {
	case c.Subject != c.Issuer:
		return errors.New("iss and sub differ")
	case c.ID == "" || len(c.ID) > 512:
		return errors.New("jti is missing or too long")
	case len(c.Audience) != 1 || c.Audience[0] != a.endpoint("token") && c.Audience[0] != a.Issuer:
		return errors.New("aud is not the URL of this token endpoint")
	case c.ExpiresAt.After(now.Add(longest + leeway)):
		return errors.New("exp is more than five minutes ahead")
	}
	return nil
}

// once keeps the jti of a client for as long as its assertion would be good.
func (a *Authority) once(ctx context.Context, c *assertionClaims) error {
	key := hashed(c.Issuer + "\x00" + c.ID)
	replayed := false
	err := a.Shelf.Change(ctx, func(d Drawer) error {
		_, seen, err := d.Get(usedShelf, key)
		if replayed = seen; err != nil || seen {
			return err
		}
		end, err := json.Marshal(c.ExpiresAt.Add(2 * leeway))
		if err != nil {
			return err
		}
		return d.Put(usedShelf, key, end)
	})
	if err == nil && replayed {
		return &assertionError{errors.New("the jti was used before")}
	}
	return err
}
