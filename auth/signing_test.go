package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// published are the keys of the JWK Set by kid.
func (p *place) published(t *testing.T) map[string]any {
	t.Helper()
	keys := map[string]any{}
	list, _ := p.document(t, "auth/keys")["keys"].([]any)
	for _, item := range list {
		k, _ := item.(map[string]any)
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if k[private] != nil {
				t.Fatalf("the private member %s is published", private)
			}
		}
		number := func(name string) *big.Int {
			text, _ := k[name].(string)
			b, err := base64.RawURLEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			return new(big.Int).SetBytes(b)
		}
		kid, _ := k["kid"].(string)
		switch k["kty"] {
		case "RSA":
			keys[kid] = &rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}
		case "EC":
			keys[kid] = &ecdsa.PublicKey{Curve: elliptic.P384(), X: number("x"), Y: number("y")} //nolint:staticcheck // coordinates are what is published
		}
	}
	return keys
}

// verified reads a JWS by the published keys.
func (p *place) verified(t *testing.T, text any, alg, typ string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	keys := p.published(t)
	token, ok := text.(string)
	if !ok {
		t.Fatalf("no token: %v", text)
	}
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithTimeFunc(p.now)).ParseWithClaims(token, claims, func(j *jwt.Token) (any, error) {
		if j.Header["typ"] != typ {
			t.Errorf("typ is %v", j.Header["typ"])
		}
		kid, _ := j.Header["kid"].(string)
		return keys[kid], nil
	})
	if err != nil {
		t.Fatalf("%v of %v", err, keys)
	}
	return claims
}

func TestSMART22_A7_IDToken(t *testing.T) {
	p := office(t)
	claims := p.verified(t, p.tokens(t, "openid fhirUser profile")["id_token"], "RS256", "JWT")
	sub, _ := claims["sub"].(string)
	if claims["iss"] != base || claims["aud"] != "app" || claims["nonce"] != "n-1" || claims["fhirUser"] != base+"/Practitioner/1" || claims["profile"] != base+"/Practitioner/1" ||
		sub == "" || len(sub) > 255 || strings.Contains(sub, "alice") || claims["exp"] == nil || claims["iat"] == nil {
		t.Errorf("%v", claims)
	}
	again := p.verified(t, p.tokens(t, "openid")["id_token"], "RS256", "JWT")
	if again["sub"] != sub || again["fhirUser"] != nil {
		t.Errorf("%v", again)
	}
	// An ID token is no access token.
	if p.active(t, p.tokens(t, "openid")["id_token"]) {
		t.Error("an ID token lets in")
	}
}

// Keys rotate with overlap: a token stays verifiable after the next key has begun, and
// the next is published before it signs.
func TestKeys_RotateWithOverlap(t *testing.T) {
	p := office(t)
	first := p.tokens(t, "openid")["id_token"].(string)
	kid := func(token string) string {
		j, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
		if err != nil {
			t.Fatal(err)
		}
		id, _ := j.Header["kid"].(string)
		return id
	}
	if err := p.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(p.published(t)); n != 2 {
		t.Fatalf("%d keys are published after a rotation", n)
	}
	if now := p.tokens(t, "openid")["id_token"].(string); kid(now) != kid(first) {
		t.Error("the next key signs before anybody can know it")
	}
	p.clock = p.clock.Add(keyAhead)
	second := p.tokens(t, "openid")["id_token"].(string)
	if kid(second) == kid(first) || p.published(t)[kid(first)] == nil {
		t.Error("the next key does not sign, or the old one is gone at once")
	}
	p.clock = p.clock.Add(keyOverlap)
	if p.published(t)[kid(first)] != nil || p.published(t)[kid(second)] == nil {
		t.Error("the old key is published for ever")
	}
	// With time alone there is a next one as well, and never none.
	for range 30 {
		p.clock = p.clock.Add(10 * 24 * time.Hour)
		if n := len(p.published(t)); n < 1 || n > 2 {
			t.Fatalf("%d keys", n)
		}
		p.verified(t, p.tokens(t, "openid")["id_token"], "RS256", "JWT")
	}
}

// Servers that begin at the same time agree on one key.
func TestKeys_OneForAllServers(t *testing.T) {
	p := office(t)
	ids := make([]string, 4)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			other := New(base, p.Shelf, Outbound(), p.Log)
			other.Now = p.Now
			id, _, err := other.signer(t.Context(), es384)
			if err != nil {
				t.Error(err)
			}
			ids[i] = id
		})
	}
	group.Wait()
	for _, id := range ids[1:] {
		if id != ids[0] {
			t.Errorf("keys %v", ids)
		}
	}
}

// RFC 9068: others can read the token, and it is still ours to take back.
func TestRFC9068_AccessTokens(t *testing.T) {
	p := office(t)
	p.JWTs = true
	answer := p.tokens(t, "openid fhirUser launch/patient patient/Observation.rs offline_access")
	claims := p.verified(t, answer["access_token"], "ES384", "at+jwt")
	if claims["iss"] != base || claims["aud"] != base || claims["client_id"] != "app" || claims["patient"] != "p1" || claims["scope"] != answer["scope"] ||
		claims["jti"] == nil || claims["sub"] != p.subject("alice") || claims["fhirUser"] != base+"/Practitioner/1" {
		t.Errorf("%v", claims)
	}
	token := answer["access_token"].(string)
	if !p.active(t, token) {
		t.Fatal("it is not good here")
	}
	parts := strings.Split(token, ".")
	forged := func(header string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1] + "." + parts[2]
	}
	for name, bad := range map[string]string{
		"alg none": forged(`{"alg":"none","typ":"at+jwt"}`), "no signature": parts[0] + "." + parts[1] + ".", "another typ": forged(`{"alg":"ES384","typ":"JWT"}`),
		"dots": strings.Repeat(".", 1000), "huge": token + strings.Repeat("A", longestToken), "other claims": parts[0] + "." + parts[0] + "." + parts[2], "padded": token + "=", "one part": parts[1],
	} {
		if p.active(t, bad) {
			t.Errorf("%s lets in", name)
		}
	}
	if w, _ := p.ask(t, "auth/revoke", nil, "client_id", "app", "token", token); w.Code != 200 || p.active(t, token) {
		t.Error("a revoked one lets in")
	}
}
