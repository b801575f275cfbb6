package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// bearer is the access that a request carries as its Authorization (RFC 6750 §2.1).
func (a *Authority) bearer(r *http.Request) (Access, error) {
	refused := &oauthError{status: http.StatusUnauthorized, code: "invalid_token", text: "an access token is needed: Authorization: Bearer TOKEN"}
	given := r.Header.Values("Authorization")
	if len(given) != 1 {
		return Access{}, refused
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Access{}, refused
	}
	access, err := a.Lookup(r.Context(), strings.TrimSpace(token))
	if errors.Is(err, ErrToken) || err == nil && !access.Comes(r) {
		err = refused
	}
	return access, err
}

// known wants who asks about tokens to be somebody: a client that proves who it is,
// or who has a good access token himself (SMART 2.2, token introspection). A public
// client proves nothing.
func (a *Authority) known(ctx context.Context, f form) error {
	if scheme, _, _ := strings.Cut(f.request.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		_, err := a.bearer(f.request)
		return err
	}
	client, err := a.authenticate(ctx, f)
	if err == nil && client.Public {
		err = &oauthError{status: http.StatusUnauthorized, code: "invalid_client", text: "this takes a client that proves who it is, or an access token"}
	}
	return err
}

// introspect is RFC 7662: what a token stands for. Of a token that is not good it
// says nothing but that.
func (a *Authority) introspect(ctx context.Context, f form) (any, error) {
	if err := a.known(ctx, f); err != nil {
		return nil, err
	}
	token := f.get("token")
	if token == "" {
		return nil, invalidRequest("token is missing")
	}
	access, err := a.Lookup(ctx, token)
	if errors.Is(err, ErrToken) {
		return a.introspectRefresh(ctx, token)
	}
	if err != nil {
		return nil, err
	}
	answer := map[string]any{
		"active": true, "scope": access.FullScope(), "token_type": "Bearer", "iss": a.Issuer,
		"exp": access.Expires.Unix(), "iat": access.Issued.Unix(), "jti": access.ID,
	}
	if access.Client != "" {
		answer["client_id"], answer["sub"] = access.Client, access.Client
	}
	if access.User != "" {
		answer["sub"] = a.subject(access.User)
	}
	answer["extensions"] = access.extensions()
	if access.Certificate != "" {
		answer["cnf"] = map[string]string{"x5t#S256": access.Certificate}
	}
	if access.FHIRUser != "" {
		answer["fhirUser"] = a.absolute(access.FHIRUser)
	}
	c := launchContext{Patient: access.Patient, Encounter: access.Encounter}
	if access.Grant != "" {
		g, err := a.grant(ctx, access.Grant)
		if err != nil {
			return nil, err
		}
		if g != nil {
			c = g.launchContext
		}
	}
	a.tell(answer, &c)
	return answer, nil
}

// introspectRefresh says what a refresh token stands for.
func (a *Authority) introspectRefresh(ctx context.Context, token string) (any, error) {
	row, g, err := a.renewal(ctx, token)
	if err != nil {
		return nil, err
	}
	if g != nil && row.Used.IsZero() {
		stands, err := a.stands(ctx, g, false)
		if err != nil {
			return nil, err
		}
		if stands {
			return map[string]any{"active": true, "scope": g.Scope, "client_id": g.Client, "iss": a.Issuer, "sub": a.subject(g.User), "exp": g.Expires.Unix()}, nil
		}
	}
	return map[string]bool{"active": false}, nil
}

// revocation is RFC 7009: a token that is not this client's is answered as one that
// is gone already. With a refresh token goes all that the grant gave (§2.1).
func (a *Authority) revocation(ctx context.Context, f form) (any, error) {
	client, err := a.authenticate(ctx, f)
	if err != nil {
		return nil, err
	}
	token := f.get("token")
	if token == "" {
		return nil, invalidRequest("token is missing")
	}
	_, g, err := a.renewal(ctx, token)
	if err != nil {
		return nil, err
	}
	if g != nil {
		if g.Client != client.ID {
			return nil, nil
		}
		return nil, a.dropGrant(ctx, g.key())
	}
	return nil, a.revoke(ctx, token, client.ID)
}
