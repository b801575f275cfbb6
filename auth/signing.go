package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// rs256 signs ID tokens, as OpenID Connect Core §15.1 wants of every provider.
const rs256 = "RS256"

// signingKey is a key that this server signs with. All servers of a database have
// the same ones.
type signingKey struct {
	ID      string    `json:"kid"`
	Private []byte    `json:"private"` // PKCS #8
	Created time.Time `json:"created"`
}

// The life of a key. It is published before anything is signed by it, so that who
// keeps the set has it by then, and after, for as long as a token may be looked at.
const (
	keyLife    = 90 * 24 * time.Hour
	keyAhead   = 24 * time.Hour
	keyOverlap = 7 * 24 * time.Hour
)

// signer gives the key that signs now; there is one made when it is first needed,
// and the next in time.
func (a *Authority) signer(ctx context.Context, alg string) (id string, key crypto.Signer, err error) {
	keys, err := a.signingKeys(ctx, alg)
	if err != nil {
		return "", nil, err
	}
	now := a.now()
	current := keys[0]
	for _, k := range keys[1:] {
		if !now.Before(k.Created.Add(keyAhead)) {
			current = k
		}
	}
	parsed, err := x509.ParsePKCS8PrivateKey(current.Private)
	if err != nil {
		return "", nil, fmt.Errorf("auth: a signing key as kept: %w", err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return "", nil, errors.New("auth: a signing key as kept is none")
	}
	return current.ID, key, nil
}

// signingKeys are those published for an algorithm, the oldest first, at least one.
func (a *Authority) signingKeys(ctx context.Context, alg string) ([]signingKey, error) {
	data, _, err := a.Shelf.Get(ctx, keyShelf, alg)
	if err != nil {
		return nil, err
	}
	keys, due, err := a.keyState(data)
	if err != nil || !due {
		return keys, err
	}
	return a.addKey(ctx, alg, false)
}

// keyState reads the keys of an algorithm without those past their time, and
// whether it is time for another.
func (a *Authority) keyState(data []byte) (keys []signingKey, due bool, err error) {
	if len(data) > 0 {
		if err := json.Unmarshal(data, &keys); err != nil {
			return nil, false, fmt.Errorf("auth: signing keys as kept: %w", err)
		}
	}
	now := a.now()
	for len(keys) > 1 && !now.Before(keys[1].Created.Add(keyAhead+keyOverlap)) {
		keys = keys[1:]
	}
	due = len(keys) == 0 || now.Sub(keys[len(keys)-1].Created) >= keyLife-keyAhead
	return keys, due, nil
}

// RotateKeys makes new signing keys before it is time. They sign a day later, and
// those of before stay published for a week after that.
func (a *Authority) RotateKeys(ctx context.Context) error {
	for _, alg := range []string{rs256, es384} {
		if _, err := a.addKey(ctx, alg, true); err != nil {
			return err
		}
	}
	return nil
}

// addKey adds a key when it is still due, as another server may have been quicker,
// or at once.
func (a *Authority) addKey(ctx context.Context, alg string, atOnce bool) (keys []signingKey, err error) {
	fresh, err := newKey(alg, a.now())
	if err != nil {
		return nil, err
	}
	err = a.Shelf.Change(ctx, func(d Drawer) error {
		data, _, err := d.Get(keyShelf, alg)
		if err != nil {
			return err
		}
		var due bool
		if keys, due, err = a.keyState(data); err != nil || !due && !atOnce {
			return err
		}
		keys = append(keys, fresh)
		return putJSON(d, keyShelf, alg, keys)
	})
	return keys, err
}

func newKey(alg string, now time.Time) (signingKey, error) {
	var key any
	var err error
	if alg == rs256 {
		key, err = rsa.GenerateKey(rand.Reader, leastBits)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	}
	if err != nil {
		return signingKey{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return signingKey{ID: random()[:22], Private: private, Created: now.UTC()}, err
}

// sign makes a JWS of claims; typ is that of its header.
func (a *Authority) sign(ctx context.Context, alg, typ string, claims jwt.MapClaims) (string, error) {
	id, key, err := a.signer(ctx, alg)
	if err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(alg), claims)
	token.Header["kid"], token.Header["typ"] = id, typ
	return token.SignedString(key)
}

// keySetDocument is the JWK Set of this server (RFC 7517 §5): bare keys, for all who
// look at its ID tokens and, where those are JWTs, its access tokens.
func (a *Authority) keySetDocument(w http.ResponseWriter, r *http.Request) {
	if !a.serves(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	algs := []string{rs256}
	if a.JWTs {
		algs = append(algs, es384)
	}
	list := []map[string]string{}
	for _, alg := range algs {
		keys, err := a.signingKeys(r.Context(), alg)
		if err != nil {
			a.fail(w, err)
			return
		}
		for _, k := range keys {
			public, err := publicJWK(k, alg)
			if err != nil {
				a.fail(w, err)
				return
			}
			list = append(list, public)
		}
	}
	a.publish(w, map[string]any{"keys": list})
}

// publicJWK is the public half of a key (RFC 7518 §6).
func publicJWK(k signingKey, alg string) (map[string]string, error) {
	key, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("auth: a signing key as kept: %w", err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	jwk := map[string]string{"kid": k.ID, "alg": alg, "use": "sig"}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		e := []byte{byte(key.E >> 16), byte(key.E >> 8), byte(key.E)} // 65537, as crypto/rsa makes them
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", b64(key.N.Bytes()), b64(e)
	case *ecdsa.PrivateKey:
		point, err := key.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		half := (len(point) - 1) / 2
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", "P-384", b64(point[1:1+half]), b64(point[1+half:])
	default:
		return nil, errors.New("auth: a signing key as kept is none")
	}
	return jwk, nil
}
