package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// tokenAnswer is a successful answer of RFC 6749 §5.1.
type tokenAnswer struct {
	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"`
	Scope   string `json:"scope"`
}

// token is the token endpoint (RFC 6749 §3.2) for client_credentials (§4.4, SMART
// Backend Services).
func (a *Authority) token(ctx context.Context, f form) (any, error) {
	switch f.get("grant_type") {
	case "":
		return nil, invalidRequest("grant_type is missing")
	case "client_credentials":
	default:
		return nil, &oauthError{status: http.StatusBadRequest, code: "unsupported_grant_type", text: "grant_type must be client_credentials"}
	}
	client, err := a.authenticate(ctx, f)
	if err != nil {
		return nil, err
	}
	if !client.May(ownGrant) {
		return nil, &oauthError{status: http.StatusBadRequest, code: "unauthorized_client", text: "this client is not registered for client_credentials"}
	}
	if len(strings.Fields(f.get("scope"))) > maxScopes {
		return nil, invalidScope("more scopes than are read")
	}
	granted := ParseScopes(f.get("scope")).Within(ParseScopes(client.Scope)).enforced()
	if len(granted) == 0 {
		return nil, invalidScope("none of the scopes can be granted; this client may have " + ParseScopes(client.Scope).enforced().String())
	}
	token, access, err := a.Mint(ctx, Access{Client: client.ID, Scopes: granted}, BackendLife)
	if err != nil {
		return nil, err
	}
	return tokenAnswer{token, "bearer", int64(BackendLife.Seconds()), access.Scopes.String()}, nil
}

// maxScopes bounds the scopes of a request.
const maxScopes = 200

func invalidScope(text string) error {
	return &oauthError{status: http.StatusBadRequest, code: "invalid_scope", text: text}
}

// introspect is RFC 7662: what a token stands for, told to a registered client. Of
// a token that is not good it says nothing but that.
func (a *Authority) introspect(ctx context.Context, f form) (any, error) {
	if _, err := a.authenticate(ctx, f); err != nil {
		return nil, err
	}
	if f.get("token") == "" {
		return nil, invalidRequest("token is missing")
	}
	access, err := a.Lookup(ctx, f.get("token"))
	switch {
	case errors.Is(err, ErrToken):
		return map[string]bool{"active": false}, nil
	case err != nil:
		return nil, err
	}
	answer := map[string]any{
		"active": true, "scope": access.Scopes.String(), "token_type": "bearer", "iss": a.Issuer,
		"exp": access.Expires.Unix(), "iat": access.Issued.Unix(),
	}
	if access.Client != "" {
		answer["client_id"], answer["sub"] = access.Client, access.Client
	}
	return answer, nil
}

// revocation is RFC 7009: a token that is not this client's is answered as one
// that is gone already.
func (a *Authority) revocation(ctx context.Context, f form) (any, error) {
	client, err := a.authenticate(ctx, f)
	if err != nil {
		return nil, err
	}
	if f.get("token") == "" {
		return nil, invalidRequest("token is missing")
	}
	return nil, a.revoke(ctx, f.get("token"), client.ID)
}
