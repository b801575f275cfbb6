package auth

import (
	"encoding/json"
	"net/http"
)

// offered are scopes that an app may ask for. Those that could not be granted are
// left out of what is published.
var offered = []string{
	"patient/*.cruds", "patient/*.rs", "user/*.cruds", "user/*.rs", "system/*.cruds", "system/*.rs",
	"patient/*.read", "patient/*.write", "patient/*.*", "user/*.read", "user/*.write", "user/*.*",
	"system/*.read", "system/*.write", "system/*.*",
}

// smart is the SMART configuration (SMART 2.2, conformance): what this server does,
// and nothing that it does not.
func (a *Authority) smart() map[string]any {
	capabilities := []string{
		"launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric", "client-confidential-asymmetric",
		"sso-openid-connect", "context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter",
		"permission-offline", "permission-online", "permission-user", "permission-v1", "permission-v2",
	}
	if a.Chart != nil {
		capabilities = append(capabilities, "context-standalone-patient", "context-standalone-encounter")
	}
	if len(a.enforced(Scopes{{Level: PatientLevel, Type: "*", Rights: Read}})) > 0 {
		capabilities = append(capabilities, "permission-patient")
	}
	scopes := append([]string(nil), otherScopes...)
	for _, text := range offered {
		if s, ok := ParseScope(text); ok && len(a.enforced(Scopes{s})) > 0 {
			scopes = append(scopes, text)
		}
	}
	for _, typ := range []string{"Condition", "Observation"} {
		_, parts := a.parts(Scope{Level: PatientLevel, Type: typ, Rights: Read | Search})
		for _, p := range parts {
			scopes = append(scopes, p.Scope)
		}
	}
	document := map[string]any{
		"issuer":                                           a.Issuer,
		"jwks_uri":                                         a.endpoint("keys"),
		"authorization_endpoint":                           a.endpoint("authorize"),
		"token_endpoint":                                   a.endpoint("token"),
		"introspection_endpoint":                           a.endpoint("introspect"),
		"revocation_endpoint":                              a.endpoint("revoke"),
		"management_endpoint":                              a.endpoint("account"),
		"grant_types_supported":                            []string{codeGrant, refreshGrant, ownGrant},
		"response_types_supported":                         []string{"code"},
		"response_modes_supported":                         []string{"query"},
		"scopes_supported":                                 scopes,
		"capabilities":                                     capabilities,
		"code_challenge_methods_supported":                 []string{"S256"},
		"token_endpoint_auth_methods_supported":            []string{"private_key_jwt", "client_secret_basic", "client_secret_post", "none"},
		"token_endpoint_auth_signing_alg_values_supported": []string{rs384, es384},
		"authorization_response_iss_parameter_supported":   true,
	}
	if a.Certificates {
		methods := []string{"private_key_jwt", tlsMethod, "client_secret_basic", "client_secret_post", "none"}
		document["token_endpoint_auth_methods_supported"], document["tls_client_certificate_bound_access_tokens"] = methods, true
	}
	if a.Brands != nil {
		document["user_access_brand_bundle"] = a.endpoint("brands")
		if a.Brands.Identifier != nil {
			document["user_access_brand_identifier"] = a.Brands.Identifier
		}
	}
	return document
}

// discover is .well-known/smart-configuration.
func (a *Authority) discover(w http.ResponseWriter, r *http.Request) {
	if a.serves(w, r, http.MethodGet, http.MethodHead) {
		a.publish(w, a.smart())
	}
}

// discoverOpenID is .well-known/openid-configuration below the issuer (OpenID Connect
// Discovery §4).
func (a *Authority) discoverOpenID(w http.ResponseWriter, r *http.Request) {
	if !a.serves(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	document := a.smart()
	for _, smartOnly := range []string{"capabilities", "management_endpoint", "user_access_brand_bundle", "user_access_brand_identifier"} {
		delete(document, smartOnly)
	}
	document["subject_types_supported"] = []string{"public"}
	document["id_token_signing_alg_values_supported"] = []string{rs256}
	document["claims_supported"] = []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser", "profile"}
	document["prompt_values_supported"] = []string{"none"}
	document["claims_parameter_supported"] = false
	document["request_parameter_supported"] = false
	document["request_uri_parameter_supported"] = false
	a.publish(w, document)
}

// publish answers JSON that anybody may have and keep for a while.
func (a *Authority) publish(w http.ResponseWriter, document any) {
	data, err := json.Marshal(document)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answerBytes(w, http.StatusOK, "application/json", "public, max-age=300", data)
}
