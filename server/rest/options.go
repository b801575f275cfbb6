package rest

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
	"vitalwire/server/operation"
)

// methods are those served on a path below the FHIR base.
func (s *Server) methods(path string) []string {
	if operation.Is(path) {
		return s.Operations.Allow(path)
	}
	return interaction.Allow(path)
}

// options answers OPTIONS: what can be done at a path (RFC 9110 §9.3.7).
func (s *Server) options(w http.ResponseWriter, path string) error {
	methods := s.methods(path)
	if len(methods) == 0 {
		if operation.Is(path) {
			_, err := s.Operations.Do(nil, operation.Request{Method: http.MethodOptions, Path: path}) //nolint:staticcheck // it fails before it needs one
			return err
		}
		_, err := interaction.Parse(http.MethodGet, path, "")
		return err
	}
	allow(w.Header(), append(slices.Clone(methods), http.MethodOptions))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// allow sets the headers that say what is served.
func allow(h http.Header, methods []string) {
	h.Set("Allow", strings.Join(methods, ", "))
	if slices.Contains(methods, http.MethodPatch) {
		h.Set("Accept-Patch", strings.Join([]string{interaction.JSONPatchType, "application/fhir+json", "application/fhir+xml"}, ", ")) // RFC 5789 §3.1
	}
}

// notAllowed adds Allow to a 405 (RFC 9110 §15.5.6).
func (s *Server) notAllowed(w http.ResponseWriter, path string, err error) error {
	if fhir.SituationOf(err) == fhir.SituationNotAllowed {
		allow(w.Header(), s.methods(path))
	}
	return err
}

// exposed are the headers that a web page of another origin may read.
var exposed = []string{
	"ETag", "Last-Modified", "Location", "Content-Location", "Content-Disposition", requestID, "X-Progress", "Retry-After", "Preference-Applied", "X-Security-Context", "Allow", "WWW-Authenticate",
}

// cors lets web pages of other origins ask (Fetch standard, CORS protocol): those of
// the configured origins and of registered apps, and for the CapabilityStatement, which
// is no secret, all. An OPTIONS that is no preflight goes on; the authorization server
// answers for itself.
func (s *Server) cors() []echo.MiddlewareFunc {
	config := middleware.CORSConfig{
		AllowMethods:  []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowHeaders:  []string{"Accept", "Authorization", "Content-Type", "If-Match", "If-None-Match", "If-Modified-Since", "If-None-Exist", "Prefer", requestID, auth.PurposeHeader, "X-Security-Context"},
		ExposeHeaders: exposed,
		MaxAge:        600,
	}
	plain := func(r *http.Request) bool {
		return r.Method == http.MethodOptions && (r.Header.Get("Origin") == "" || r.Header.Get("Access-Control-Request-Method") == "")
	}
	if s.Auth == nil {
		if len(s.Origins) == 0 {
			return nil
		}
		config.AllowOrigins = s.Origins
		config.Skipper = func(c echo.Context) bool { return plain(c.Request()) }
		return []echo.MiddlewareFunc{middleware.CORSWithConfig(config)}
	}
	public := func(r *http.Request) bool { return strings.TrimSuffix(r.URL.Path, "/") == fhirPath+"/metadata" }
	toAll, toApps := config, config
	toAll.AllowOrigins = []string{"*"}
	toAll.Skipper = func(c echo.Context) bool { return plain(c.Request()) || !public(c.Request()) }
	toApps.AllowOriginFunc = func(origin string) (bool, error) {
		if slices.Contains(s.Origins, origin) || slices.Contains(s.Origins, "*") {
			return true, nil
		}
		return s.Auth.Welcomes(context.Background(), origin)
	}
	toApps.Skipper = func(c echo.Context) bool {
		r := c.Request()
		return plain(r) || public(r) || s.authority(r) != nil
	}
	return []echo.MiddlewareFunc{middleware.CORSWithConfig(toAll), middleware.CORSWithConfig(toApps)}
}
