package auth

import "net/http"

// discover is .well-known/smart-configuration (SMART 2.2, conformance): what this
// server does, and nothing that it does not.
func (a *Authority) discover(w http.ResponseWriter, r *http.Request) {
	if !a.serves(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	a.send(w, http.StatusOK, map[string]any{
		"token_endpoint":                                   a.endpoint("token"),
		"introspection_endpoint":                           a.endpoint("introspect"),
		"revocation_endpoint":                              a.endpoint("revoke"),
		"grant_types_supported":                            []string{"client_credentials"},
		"token_endpoint_auth_methods_supported":            []string{"private_key_jwt", "client_secret_basic", "client_secret_post"},
		"token_endpoint_auth_signing_alg_values_supported": []string{rs384, es384},
		"scopes_supported":                                 []string{"system/*.cruds", "system/*.rs", "system/*.read", "system/*.write", "system/*.*"},
		// Required of every server, also of one whose clients have no user.
		"code_challenge_methods_supported": []string{"S256"},
		"capabilities":                     []string{"client-confidential-symmetric", "client-confidential-asymmetric", "permission-v1", "permission-v2"},
	})
}
