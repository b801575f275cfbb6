package auth

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// strs is a member of a document that is an array of strings.
func strs(t *testing.T, document map[string]any, name string) []string {
	t.Helper()
	list, ok := document[name].([]any)
	if !ok {
		t.Fatalf("%s is no array: %v", name, document[name])
	}
	out := make([]string, len(list))
	for i, v := range list {
		if out[i], ok = v.(string); !ok {
			t.Fatalf("%s[%d] is no string", name, i)
		}
	}
	return out
}

func TestSMART22_D1_JSONWhateverIsAccepted(t *testing.T) {
	p := office(t)
	for _, accept := range []string{"", "text/html", "application/fhir+xml", "image/png"} {
		r := httptest.NewRequest(http.MethodGet, base+"/.well-known/smart-configuration", nil)
		r.Header.Set("Accept", accept)
		r.Header.Set("Origin", "https://anywhere.example")
		w := httptest.NewRecorder()
		p.Handler(".well-known/smart-configuration")(w, r)
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%q: %d %v", accept, w.Code, w.Header())
		}
	}
}

func TestSMART22_D2_D3_RequiredMembers(t *testing.T) {
	d := office(t).document(t, ".well-known/smart-configuration")
	for _, name := range []string{"token_endpoint", "authorization_endpoint", "issuer", "jwks_uri"} {
		if s, _ := d[name].(string); s == "" {
			t.Errorf("%s: %v", name, d[name])
		}
	}
	if !slices.Contains(strs(t, d, "grant_types_supported"), "authorization_code") {
		t.Error("no authorization_code")
	}
	if !slices.Equal(strs(t, d, "code_challenge_methods_supported"), []string{"S256"}) {
		t.Error("PKCE")
	}
	sso := slices.Contains(strs(t, d, "capabilities"), "sso-openid-connect")
	if sso != (d["issuer"] != nil) || sso != (d["jwks_uri"] != nil) {
		t.Error("issuer and jwks_uri go with sso-openid-connect")
	}
}

// Every scope listed is granted to who may have it; every endpoint named is served.
func TestSMART22_D4_D5_WhatIsListedWorks(t *testing.T) {
	p := office(t)
	d := p.document(t, ".well-known/smart-configuration")
	for _, scope := range strs(t, d, "scopes_supported") {
		s, ok := ParseScope(scope)
		if ok && len(p.enforced(Scopes{s})) != 1 || !ok && !slices.Contains(otherScopes, scope) {
			t.Errorf("%s is listed and not granted", scope)
		}
	}
	for name, value := range d {
		address, ok := value.(string)
		if !ok || name == "issuer" {
			continue
		}
		path, below := strings.CutPrefix(address, base+"/")
		if !below || p.Handler(path) == nil {
			t.Errorf("%s: %s is not served", name, address)
		}
	}
	if !slices.Equal(strs(t, d, "token_endpoint_auth_signing_alg_values_supported"), []string{"RS384", "ES384"}) {
		t.Error("algorithms")
	}
	if d["user_access_brand_bundle"] != nil {
		t.Error("brands are listed, and there are none")
	}
}

func TestSMART22_D6_HostDoesNotChangeIssuer(t *testing.T) {
	p := office(t)
	r := httptest.NewRequest(http.MethodGet, base+"/.well-known/smart-configuration", nil)
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	r.Header.Set("X-Forwarded-Proto", "http")
	r.Header.Set("Forwarded", "host=evil.example")
	w := httptest.NewRecorder()
	p.Handler(".well-known/smart-configuration")(w, r)
	if strings.Contains(w.Body.String(), "evil") {
		t.Error(w.Body)
	}
}

func TestSMART22_D7_CapabilitiesAreThoseThatAreOn(t *testing.T) {
	known := strings.Fields("launch-ehr launch-standalone authorize-post client-public client-confidential-symmetric client-confidential-asymmetric sso-openid-connect context-banner context-style context-ehr-patient context-ehr-encounter context-standalone-patient context-standalone-encounter permission-offline permission-online permission-patient permission-user permission-v1 permission-v2")
	p := office(t)
	for _, c := range strs(t, p.document(t, ".well-known/smart-configuration"), "capabilities") {
		if !slices.Contains(known, c) {
			t.Errorf("%s is no capability of SMART 2.2 that is on", c)
		}
	}
	p.Chart = nil
	if slices.Contains(strs(t, p.document(t, ".well-known/smart-configuration"), "capabilities"), "context-standalone-patient") {
		t.Error("a picker without patients is listed")
	}
}

func TestSMART22_D8_OpenIDConfiguration(t *testing.T) {
	p := office(t)
	d, smart := p.document(t, ".well-known/openid-configuration"), p.document(t, ".well-known/smart-configuration")
	if d["issuer"] != base || !slices.Contains(strs(t, d, "id_token_signing_alg_values_supported"), "RS256") || !slices.Equal(strs(t, d, "subject_types_supported"), []string{"public"}) {
		t.Errorf("%v", d)
	}
	for _, name := range []string{"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"} {
		if d[name] == nil || d[name] != smart[name] {
			t.Errorf("%s: %v and %v", name, d[name], smart[name])
		}
	}
	strs(t, d, "response_types_supported")
}

// User-access brands: CORS, a weak ETag, and an identifier that names one.
func TestSMART22_Brands(t *testing.T) {
	const bundle = `{"resourceType":"Bundle","type":"collection","timestamp":"2026-01-01T00:00:00Z","entry":[
		{"resource":{"resourceType":"Organization","id":"a","identifier":[{"system":"urn:ietf:rfc:3986","value":"https://a.example"}],"name":"A"}},
		{"resource":{"resourceType":"Organization","id":"b","name":"B"}},
		{"resource":{"resourceType":"Endpoint","id":"e","status":"active"}}]}`
	for name, c := range map[string]struct{ bundle, identifier string }{
		"none named":    {bundle, ""},
		"unknown":       {bundle, "urn:ietf:rfc:3986|https://b.example"},
		"no timestamp":  {strings.Replace(bundle, "timestamp", "id", 1), "urn:ietf:rfc:3986|https://a.example"},
		"no collection": {strings.Replace(bundle, "collection", "batch", 1), "urn:ietf:rfc:3986|https://a.example"},
		"no JSON":       {"<Bundle/>", ""},
	} {
		if _, err := ReadBrands([]byte(c.bundle), c.identifier); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	p := office(t)
	var err error
	if p.Brands, err = ReadBrands([]byte(bundle), "urn:ietf:rfc:3986|https://a.example"); err != nil {
		t.Fatal(err)
	}
	d := p.document(t, ".well-known/smart-configuration")
	if d["user_access_brand_bundle"] != base+"/auth/brands" || d["user_access_brand_identifier"].(map[string]any)["value"] != "https://a.example" {
		t.Errorf("%v", d)
	}
	get := func(etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, base+"/auth/brands", nil)
		r.Header.Set("Origin", "https://app.example.org")
		r.Header.Set("If-None-Match", etag)
		w := httptest.NewRecorder()
		p.Handler("auth/brands")(w, r)
		return w
	}
	w := get("")
	etag := w.Header().Get("ETag")
	if w.Code != 200 || !strings.HasPrefix(etag, `W/"`) || w.Header().Get("Access-Control-Allow-Origin") == "" || w.Header().Get("Content-Type") != "application/fhir+json" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	if w := get(etag); w.Code != http.StatusNotModified {
		t.Errorf("with the ETag: %d", w.Code)
	}
}
