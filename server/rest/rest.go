// Package rest is the HTTP face: it turns requests into interactions and
// frames, and what they give back into responses (R4 http). Only this package
// knows HTTP; echo only routes here.
package rest

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/ingest"
	"vitalwire/server/interaction"
	"vitalwire/server/job"
	"vitalwire/server/knowledge"
	"vitalwire/server/operation"
	"vitalwire/server/telemetry"
	"vitalwire/server/templates"
)

// Server answers HTTP. Its fields are set once, before Handler is called.
type Server struct {
	Engine     *interaction.Engine
	Operations *operation.Set
	Knowledge  *knowledge.Base
	Ingest     *ingest.Service
	// Templates are the operator's; nil for none.
	Templates *templates.Shelf
	// Auth gives and knows access tokens; nil lets everybody do everything.
	Auth *auth.Authority
	// Limits of requests; those left 0 are the defaults.
	Limits Limits
	// Origins are those whose web pages may ask (CORS); "*" is every one.
	Origins []string
	// Proxies are the networks of proxies whose X-Forwarded-For says who asks.
	Proxies []netip.Prefix
	// Ready says why the server should get no requests now, nil when it should.
	Ready func(r *http.Request) error
	// Jobs performs requests that are answered later; nil answers all at once.
	Jobs *job.Runner
	// Metrics counts; nil counts nothing and serves no /metrics.
	Metrics *telemetry.Metrics
	// Traces makes spans; nil makes none.
	Traces *telemetry.Tracer
	Log    *slog.Logger

	document struct { // of /openapi.json, made when it is first asked for
		once sync.Once
		json []byte
		err  error
	}
}

// fhirPath is where the FHIR base lies below the host.
const fhirPath = "/fhir"

// Handler is everything the server answers.
func (s *Server) Handler() http.Handler {
	s.Limits = s.Limits.withDefaults()
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = func(err error, c echo.Context) { s.fail(c.Response(), c.Request(), err) }
	// Pre runs before echo routes, so that what it does holds for every path.
	// What an app may see of an answer is settled first: also of one that refuses it.
	e.Pre(s.cors()...)
	e.Pre(s.guard)
	fhirHandler := func(c echo.Context) error { return s.serveFHIR(c.Response(), c.Request()) }
	e.RouteNotFound(fhirPath, fhirHandler)
	e.RouteNotFound(fhirPath+"/*", fhirHandler)
	s.register(e)
	e.RouteNotFound("/*", func(c echo.Context) error { return notHere(c.Request()) })
	return e
}

// notHere answers a path outside all routes.
func notHere(r *http.Request) error {
	err := fhir.UnknownType(r.URL.Path)
	err.Issues[0].Text = "nothing is served here; FHIR is at " + fhirPath + ", devices submit at /ingest/{adapter}"
	return err
}

// serveFHIR answers everything below the FHIR base.
func (s *Server) serveFHIR(w http.ResponseWriter, r *http.Request) error {
	call := telemetry.CallOf(r.Context())
	path, err := pathBelow(r.URL, fhirPath)
	if err != nil {
		return err
	}
	if answer := s.authority(r); answer != nil {
		call.Interaction = "authorization"
		answer(w, r)
		return nil
	}
	switch {
	case path == asyncPath || strings.HasPrefix(path, asyncPath+"/"):
		call.Interaction = "async-status"
		return s.async(w, r, path)
	case r.Method == http.MethodOptions:
		call.Interaction = "options"
		return s.options(w, path)
	case s.asynchronous(r, path):
		call.Interaction = "async-request"
		return s.later(w, r)
	}
	return s.now(w, r)
}

// now performs a request and answers it.
func (s *Server) now(w http.ResponseWriter, r *http.Request) error {
	call := telemetry.CallOf(r.Context())
	path, err := pathBelow(r.URL, fhirPath)
	if err != nil {
		return err
	}
	if operation.Is(path) {
		return s.operate(w, r, path)
	}
	request, err := interaction.Parse(r.Method, path, r.URL.RawQuery)
	if err != nil {
		return s.notAllowed(w, path, err)
	}
	call.Interaction, call.Type = string(request.Interaction), request.Key.Type
	// Whether a Binary can be written as asked for is known when it was read.
	f, err := negotiate(r.Header, queryOf(r.URL.RawQuery), "")
	if err != nil && !readsBinary(request) {
		return err
	}
	if err := s.readBody(r, &request); err != nil {
		return err
	}
	if r.Method == http.MethodPost && isSearch(request.Interaction) {
		if f, err = negotiate(r.Header, queryOf(request.Query), ""); err != nil {
			return err
		}
	}
	response, prefer, err := s.do(r, request)
	if err != nil {
		return err
	}
	if readsBinary(request) && response.Version != nil {
		return s.answerBinary(w, r, response)
	}
	s.answer(w, r, response, prefer, f)
	return nil
}

// do performs an interaction under the conditions and preferences of the header.
func (s *Server) do(r *http.Request, request interaction.Request) (interaction.Response, preference, error) {
	request.IfMatch = r.Header.Get("If-Match")
	request.IfNoneMatch = strings.Join(r.Header.Values("If-None-Match"), ",")
	request.IfNoneExist = r.Header.Get("If-None-Exist")
	if since, err := http.ParseTime(r.Header.Get("If-Modified-Since")); err == nil {
		request.IfModifiedSince = since.UTC().Format(http.TimeFormat)
	}
	prefer := readPrefer(r.Header)
	request.Lenient = prefer.lenient
	response, err := s.Engine.Do(r.Context(), request)
	return response, prefer, err
}

// readBody reads a resource, or the form of a POST _search.
func (s *Server) readBody(r *http.Request, request *interaction.Request) error {
	switch {
	case request.Interaction == interaction.Patch:
		var err error
		request.Patch, err = s.patch(r)
		return err
	case r.Method == http.MethodPost && isSearch(request.Interaction):
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			return fhir.BadMedia("the body of _search must be application/x-www-form-urlencoded")
		}
		data, err := s.bytes(r)
		if err != nil {
			return err
		}
		// R4 search §3.1.1.2: parameters of the URL and of the body count alike.
		request.Query = strings.Trim(request.Query+"&"+strings.TrimSpace(string(data)), "&")
		return nil
	case request.Key.Type == binaryType && (r.Method == http.MethodPost || r.Method == http.MethodPut):
		var err error
		request.Body, err = s.binaryBody(r, request.Key)
		return err
	case r.Method == http.MethodPost || r.Method == http.MethodPut:
		var err error
		request.Body, err = s.resource(r)
		return err
	}
	return nil
}

// isSearch reports whether an interaction reads a form when it is posted.
func isSearch(name interaction.Name) bool { return strings.HasPrefix(string(name), "search-") }

// queryOf reads a query leniently: what is wrong with it is said by whoever uses
// it. A ';' is part of its value, as in a media type with parameters; the standard
// library would drop the pair.
func queryOf(raw string) url.Values {
	values := url.Values{}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 == nil && err2 == nil {
			values.Add(name, value)
		}
	}
	return values
}

// pathBelow is the unescaped path below a prefix, without slashes around it.
// A slash that was escaped stays inside its segment and so names nothing.
func pathBelow(u *url.URL, prefix string) (string, error) {
	escaped := strings.Trim(strings.TrimPrefix(u.EscapedPath(), prefix), "/")
	segments := strings.Split(escaped, "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil || strings.Contains(plain, "/") || plain == "" && escaped != "" {
			return "", fhir.Malformed("", "the path has an empty or wrongly escaped segment").WithCode(fhir.CodeInvalid)
		}
		segments[i] = plain
	}
	return strings.Join(segments, "/"), nil
}
