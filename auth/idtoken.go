package auth

import (
	"context"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// subject is who a user is to apps: the same for as long as there is the login
// name, and nothing that could be tried at the login page.
func (a *Authority) subject(user string) string { return hashed(a.Issuer + "\x00" + user)[:32] }

// absolute is the URL of a resource of this server.
func (a *Authority) absolute(reference string) string { return a.Issuer + "/" + reference }

// idToken says to an app who let it in (OpenID Connect Core §2; SMART 2.2, scopes for
// requesting identity data). It is signed with RS256.
func (a *Authority) idToken(ctx context.Context, g *Grant, nonce string) (string, error) {
	now := a.now()
	claims := jwt.MapClaims{
		"iss": a.Issuer, "sub": a.subject(g.User), "aud": g.Client,
		"iat": now.Unix(), "exp": now.Add(AccessLife).Unix(), "auth_time": g.Login.Unix(),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if g.FHIRUser != "" && g.has(fhirUserScope) {
		claims["fhirUser"] = a.absolute(g.FHIRUser)
	}
	if g.FHIRUser != "" && g.has(profileScope) {
		claims["profile"] = a.absolute(g.FHIRUser) // as SMART 1 had it
	}
	return a.sign(ctx, rs256, "JWT", claims)
}

// accessToken is the text of a token that stands for an access: 256 random bits or,
// when other resource servers are to read it, a JWT of RFC 9068. Both are good only
// as long as their hash is on the Shelf.
func (a *Authority) accessToken(ctx context.Context, access Access) (string, error) {
	if !a.JWTs {
		return random(), nil
	}
	claims := jwt.MapClaims{
		"iss": a.Issuer, "aud": a.Issuer, "jti": access.ID, "scope": access.FullScope(),
		"iat": access.Issued.Unix(), "exp": access.Expires.Unix(), "client_id": access.Client, "sub": access.Client,
	}
	if access.User != "" {
		claims["sub"] = a.subject(access.User)
	}
	for name, value := range map[string]string{"patient": access.Patient, "encounter": access.Encounter} {
		if value != "" {
			claims[name] = value
		}
	}
	if access.FHIRUser != "" {
		claims["fhirUser"] = a.absolute(access.FHIRUser)
	}
	if len(access.Purposes) > 0 {
		claims["extensions"] = access.extensions()
	}
	if access.Certificate != "" {
		claims["cnf"] = map[string]string{"x5t#S256": access.Certificate}
	}
	return a.sign(ctx, es384, "at+jwt", claims)
}

// longestToken bounds an access token in bytes.
const longestToken = 8 << 10

// wellFormed reports whether a text can be an access token of this server.
func wellFormed(token string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	switch dots := strings.Count(token, "."); {
	case dots == 0:
		return len(token) == 43 && strings.Trim(token, letters) == ""
	default:
		return dots == 2 && len(token) <= longestToken && strings.Trim(token, letters+".") == ""
	}
}
