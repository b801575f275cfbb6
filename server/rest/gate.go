package rest

import (
	"errors"
	"net/http"
	"strings"

	"vitalwire/auth"
	"vitalwire/fhir"
)

// open are what anybody may ask, without a token: what a client needs to know
// before it has one, and what says whether the server is well.
var open = map[string]bool{
	"/healthz": true, "/readyz": true, "/openapi.json": true,
	fhirPath + "/metadata": true,
}

// routeScopes are the rights, on all there is of a type, that what is served outside
// the FHIR base takes. A route without a line is for who administers the server.
var routeScopes = map[string]auth.Scopes{
	"/ingest/:adapter": auth.ParseScopes("system/Observation.c"),
	"/metrics":         auth.ParseScopes("system/*.r"),
}

// gate lets a request in: one that needs no token, or one with a token that is
// good. It comes before any byte of the body is read.
func (s *Server) gate(r *http.Request) (*http.Request, error) {
	if s.Auth == nil || r.Method == http.MethodOptions || open[strings.TrimSuffix(r.URL.Path, "/")] || s.authority(r) != nil {
		return r, nil
	}
	token, err := bearer(r)
	if err != nil {
		return r, err
	}
	access, err := s.Auth.Lookup(r.Context(), token)
	if err == nil && !access.Comes(r) {
		err = auth.ErrToken
	}
	if err != nil {
		return r, refusedToken(err)
	}
	if access, err = access.Narrow(r.Header); err != nil {
		return r, err
	}
	return r.WithContext(auth.With(r.Context(), access)), nil
}

// refusedToken is the error for an access that is not good, or no longer.
func refusedToken(err error) error {
	if errors.Is(err, auth.ErrToken) {
		return fhir.TokenExpired("the access token is unknown, expired or revoked")
	}
	return err
}

// authority is the authorization server's answer to a path below the FHIR base;
// nil when it has none there.
func (s *Server) authority(r *http.Request) http.HandlerFunc {
	path, below := strings.CutPrefix(r.URL.Path, fhirPath+"/")
	if s.Auth == nil || !below {
		return nil
	}
	return s.Auth.Handler(path)
}

// bearer is the token in the Authorization header (RFC 6750 §2.1). One in a URL,
// which is written to logs, is none.
func bearer(r *http.Request) (string, error) {
	given := r.Header.Values("Authorization")
	if len(given) == 0 {
		return "", fhir.LoginRequired("an access token is needed: Authorization: Bearer TOKEN")
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	if len(given) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", fhir.LoginRequired("Authorization must be Bearer and one access token")
	}
	return strings.TrimSpace(token), nil
}

// allow checks what a request outside the interactions takes. Devices submit what is of
// every patient, so a scope that reaches a part of them is not enough.
func (s *Server) allow(r *http.Request, needed auth.Scopes) error {
	if access, known := auth.From(r.Context()); known && len(needed) == 0 && managesDevices(r, access) {
		return nil
	}
	reach, err := s.Engine.Reach(r.Context())
	if err != nil {
		return err
	}
	if len(needed) == 0 && !reach.Administers() {
		return fhir.Forbidden("this takes an administrator, or an access token with the scope system/*.cruds")
	}
	a := reach.Access()
	personal := a.User+a.FHIRUser != "" && !reach.Administers()
	for _, scope := range needed {
		// What is counted tells of everybody: it is for no single person.
		if !reach.Whole(scope.Type, scope.Rights) || personal && scope.Type == "*" {
			return fhir.Forbidden("this takes an access token with the scope %s", scope)
		}
	}
	return nil
}

// devicePaths are those of who manages devices: the registry, who wears what, and frames
// of which nobody's chart has anything yet. Stored frames are patients' and an
// administrator's.
var devicePaths = []string{"/ingest/devices", "/ingest/associations", "/ingest/quarantine", "/ingest/refused", "/ingest/templates", "/ingest/unknown-codes"}

// managesDevices reports whether a request is one of a device manager. His reach is not
// asked: he is no clinician and reaches no resource, and what he is shown here is in
// nobody's chart.
func managesDevices(r *http.Request, access auth.Access) bool {
	if !access.TendsDevices() {
		return false
	}
	for _, path := range devicePaths {
		if r.URL.Path == path || strings.HasPrefix(r.URL.Path, path+"/") {
			return true
		}
	}
	return false
}

// challenge says how to get in (RFC 6750 §3). A token that was refused is told so,
// and not why.
func challenge(w http.ResponseWriter, situation fhir.Situation) {
	text := `Bearer realm="vitalwire"`
	if situation == fhir.SituationTokenExpired {
		text += `, error="invalid_token"`
	}
	w.Header().Set("WWW-Authenticate", text)
}
