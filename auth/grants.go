package auth

import (
	"context"
	"net/http"
	"strings"
)

// token is the token endpoint (RFC 6749 §3.2).
func (a *Authority) token(ctx context.Context, f form) (any, error) {
	grant := f.get("grant_type")
	switch grant {
	case "":
		return nil, invalidRequest("grant_type is missing")
	case codeGrant, refreshGrant, ownGrant:
	default:
		return nil, &oauthError{status: http.StatusBadRequest, code: "unsupported_grant_type", text: "grant_type must be authorization_code, refresh_token or client_credentials"}
	}
	client, err := a.authenticate(ctx, f)
	if err != nil {
		return nil, err
	}
	if wait := a.limits.wait("client "+client.ID, ofClient, a.Rate, a.now()); wait > 0 {
		return nil, &oauthError{status: http.StatusTooManyRequests, code: "temporarily_unavailable", text: "this client asks too often", retry: seconds(wait)}
	}
	if !client.May(grant) {
		return nil, &oauthError{status: http.StatusBadRequest, code: "unauthorized_client", text: "this client is not registered for that grant_type"}
	}
	switch grant {
	case codeGrant:
		return a.exchange(ctx, client, f)
	case refreshGrant:
		return a.refresh(ctx, client, f)
	}
	return a.own(ctx, client, f)
}

// own gives a client a token for itself (RFC 6749 §4.4, SMART Backend Services).
func (a *Authority) own(ctx context.Context, client *Client, f form) (any, error) {
	if len(strings.Fields(f.get("scope"))) > maxScopes {
		return nil, invalidScope("more scopes than are read")
	}
	granted := a.enforced(ParseScopes(f.get("scope")).Within(ParseScopes(client.Scope)).At(SystemLevel))
	if len(granted) == 0 {
		return nil, invalidScope("none of the scopes can be granted; this client may have " + a.enforced(ParseScopes(client.Scope).At(SystemLevel)).String())
	}
	purposes, err := client.asks("", f.get(purposeParameter))
	if err != nil {
		return nil, err
	}
	bound := ""
	if client.CertificateName != "" {
		bound = thumbprint(f.request.TLS)
	}
	token, access, err := a.Mint(ctx, Access{Client: client.ID, Scopes: granted, Certificate: bound, Purposes: purposes}, BackendLife)
	if err != nil {
		return nil, err
	}
	return map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int64(BackendLife.Seconds()), "scope": access.Scopes.String()}, nil
}

// maxScopes bounds the scopes of a request.
const maxScopes = 200

func invalidScope(text string) error {
	return &oauthError{status: http.StatusBadRequest, code: "invalid_scope", text: text}
}
