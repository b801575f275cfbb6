package auth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// renewal is a refresh token on the Shelf, under its hash.
type renewal struct {
	// Grant is the key of what it renews.
	Grant   string    `json:"grant"`
	Expires time.Time `json:"expires"`
	// Used is when it was exchanged for the next, the zero time when it was not.
	Used time.Time `json:"used"`
	// Answer is what it was exchanged for, sealed under the token itself, so that
	// nobody without it can read that.
	Answer []byte `json:"answer,omitempty"`
}

// grace is how long a refresh token that was used gives its answer once more: an app
// on a weak line asks again without having seen it.
const grace = 10 * time.Second

// refresh gives new tokens for a refresh token (RFC 6749 §6), which is replaced at
// each use. One that was replaced is in the wrong hands, or its successor is, so the
// grant ends (RFC 9700 §4.14.2).
func (a *Authority) refresh(ctx context.Context, client *Client, f form) (any, error) {
	token := f.get("refresh_token")
	unknown := invalidGrant("the refresh token is unknown, used, revoked, too old, or another client's")
	row, g, err := a.renewal(ctx, token)
	if err != nil {
		return nil, err
	}
	if g == nil || g.Client != client.ID {
		return nil, unknown
	}
	if !row.Used.IsZero() {
		return a.again(ctx, row, g, token, unknown)
	}
	stands, err := a.stands(ctx, g, true)
	if err != nil {
		return nil, err
	}
	if !stands {
		return nil, unknown
	}
	scope, err := g.subset(f.get("scope"))
	if err != nil {
		return nil, err
	}
	answer, err := a.answer(ctx, client, g, scope, f)
	if err != nil {
		return nil, err
	}
	next := random()
	answer["refresh_token"] = next
	sealed, err := sealAnswer(token, answer)
	if err != nil {
		return nil, err
	}
	now := a.now().UTC()
	var taken renewal
	gone := false
	err = a.Shelf.Change(ctx, func(d Drawer) error {
		taken, gone = renewal{}, false
		ok, err := getJSON(d, refreshShelf, hashed(token), &taken)
		if err == nil && ok {
			ok, err = getJSON(d, grantShelf, g.key(), g)
		}
		if gone = !ok; err != nil || gone {
			return err
		}
		if !taken.Used.IsZero() {
			return nil // another request was quicker
		}
		g.Used, g.Expires = now, a.grantEnd(g, now)
		old := taken
		old.Used, old.Answer = now, sealed
		if err := putJSON(d, refreshShelf, hashed(token), old); err != nil {
			return err
		}
		if err := putJSON(d, refreshShelf, hashed(next), renewal{Grant: g.key(), Expires: g.Expires}); err != nil {
			return err
		}
		return putJSON(d, grantShelf, g.key(), g)
	})
	switch {
	case err != nil:
		return nil, err
	case gone:
		return nil, unknown
	case !taken.Used.IsZero():
		return a.again(ctx, &taken, g, token, unknown)
	}
	return answer, nil
}

// renewal finds a refresh token and its grant; both nil when there are none.
func (a *Authority) renewal(ctx context.Context, token string) (*renewal, *Grant, error) {
	if !isRandom(token) {
		return nil, nil, nil
	}
	data, ok, err := a.Shelf.Get(ctx, refreshShelf, hashed(token))
	if err != nil || !ok {
		return nil, nil, err
	}
	row := &renewal{}
	if err := json.Unmarshal(data, row); err != nil {
		return nil, nil, fmt.Errorf("auth: a refresh token as kept: %w", err)
	}
	g, err := a.grant(ctx, row.Grant)
	if err != nil || g == nil {
		return nil, nil, err
	}
	return row, g, nil
}

// again answers a refresh token that was used before: with the same once more when
// that was a moment ago, and else by ending the grant.
func (a *Authority) again(ctx context.Context, row *renewal, g *Grant, token string, unknown error) (any, error) {
	if now := a.now(); now.Sub(row.Used) <= grace {
		if answer, err := openAnswer(token, row.Answer); err == nil {
			return answer, nil
		}
	}
	a.Log.WarnContext(ctx, "a refresh token was used twice; its grant ends", "client", g.Client, "grant", g.ID)
	if err := a.dropGrant(ctx, g.key()); err != nil {
		return nil, err
	}
	return nil, unknown
}

// stands reports whether what a grant rests on is as it was: the user, and of
// online_access his session. A renewal is a use of the session.
func (a *Authority) stands(ctx context.Context, g *Grant, renews bool) (bool, error) {
	if g.Session != "" {
		_, s, err := a.session(ctx, g.Session)
		if err != nil || s == nil {
			return false, err
		}
		if renews {
			if err := a.touch(ctx, s, a.now()); err != nil {
				return false, err
			}
		}
	}
	u, err := a.user(ctx, g.User)
	return u != nil && u.FHIRUser == g.FHIRUser && u.Role == g.Role, err
}

// subset reads the scopes that an app wants of those granted, "" being all of them
// (RFC 6749 §6). One that was not granted is an error.
func (g *Grant) subset(scope string) (string, error) {
	if strings.TrimSpace(scope) == "" {
		return g.Scope, nil
	}
	if len(strings.Fields(scope)) > maxScopes {
		return "", invalidScope("more scopes than are read")
	}
	_, text := splitScopes(g.Scope)
	granted := ParseScopes(text)
	for _, word := range strings.Fields(scope) {
		s, ok := ParseScope(word)
		if ok && granted.cover(s) || !ok && slices.Contains(otherScopes, word) && g.has(word) {
			continue
		}
		return "", invalidScope("more than was granted; granted is " + g.Scope)
	}
	return strings.Join(strings.Fields(scope), " "), nil
}

// cover reports whether all that a scope allows lies within the scopes.
func (list Scopes) cover(s Scope) bool {
	var have Right
	for _, bound := range list {
		if inner, ok := s.within(bound); ok && inner.Type == s.Type && inner.Filter == s.Filter {
			have |= inner.Rights
		}
	}
	return have == s.Rights
}

// sealer encrypts under a token.
func sealer(token string) (cipher.AEAD, error) {
	key := sha256.Sum256([]byte("answer\x00" + token))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func sealAnswer(token string, answer map[string]any) ([]byte, error) {
	data, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	aead, err := sealer(token)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, data, nil), nil
}

func openAnswer(token string, sealed []byte) (map[string]json.RawMessage, error) {
	aead, err := sealer(token)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, fmt.Errorf("auth: an answer as kept is damaged")
	}
	data, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	if err != nil {
		return nil, err
	}
	var answer map[string]json.RawMessage
	return answer, json.Unmarshal(data, &answer)
}
