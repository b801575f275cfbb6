// Package rest is the HTTP face: it turns requests into interactions and
// frames, and what they give back into responses (R4 http). Only this package
// knows HTTP; echo only routes and recovers here.
package rest

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"vitalwire/fhir"
	"vitalwire/profiles"
	"vitalwire/server/ingest"
	"vitalwire/server/interaction"
	"vitalwire/server/knowledge"
	"vitalwire/server/operation"
)

// Server answers HTTP. Its fields are set once, before Handler is called.
type Server struct {
	Engine     *interaction.Engine
	Operations *operation.Set
	Knowledge  *knowledge.Base
	Ingest     *ingest.Service
	// MaxBody is the most bytes read of a request body.
	MaxBody int64
	Log     *slog.Logger
}

// fhirPath is where the FHIR base lies below the host.
const fhirPath = "/fhir"

// Handler is everything the server answers.
func (s *Server) Handler() http.Handler {
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = func(err error, c echo.Context) { s.fail(c.Response(), c.Request(), err) }
	e.Use(s.guard)

	fhirHandler := echo.WrapHandler(http.HandlerFunc(s.fhir))
	e.Any(fhirPath, fhirHandler)
	e.Any(fhirPath+"/*", fhirHandler)
	s.ingestRoutes(e)
	e.GET(packagesPath, s.listPackages)
	e.POST(packagesPath, s.loadPackage)
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.RouteNotFound("/*", func(c echo.Context) error {
		return notHere(c.Request())
	})
	return e
}

// notHere answers a path outside all routes.
func notHere(r *http.Request) error {
	err := fhir.UnknownType(r.URL.Path)
	err.Issues[0].Text = "nothing is served here; FHIR is at " + fhirPath + ", devices submit at /ingest/{adapter}"
	return err
}

// guard names each request, bounds its body and turns a panic into a 500.
func (s *Server) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		r, w := c.Request(), c.Response()
		id := r.Header.Get("X-Request-Id")
		if !fhir.ValidID(id) {
			id = uuid.NewString()
		}
		w.Header().Set("X-Request-Id", id)
		limit := s.MaxBody
		if r.URL.Path == packagesPath {
			limit = max(limit, profiles.DefaultLimits().Packed)
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		started := time.Now()
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
					panic(p)
				}
				s.Log.Error("panic", "request", id, "panic", p)
				err = errors.New("panic")
			}
			if err != nil {
				s.fail(w, r, err)
				err = nil
			}
			s.Log.Debug("request", "id", id, "method", r.Method, "path", r.URL.Path, "status", w.Status, "took", time.Since(started))
		}()
		if err := s.checkHost(r.Host); err != nil {
			return err
		}
		return next(c)
	}
}

// checkHost refuses a Host that is neither loopback nor that of the base URL. A
// web page whose name is made to resolve to 127.0.0.1 (DNS rebinding) could else
// read everything through its visitor's browser, as there are no tokens yet.
func (s *Server) checkHost(host string) error {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	base, err := url.Parse(s.Engine.Base)
	ip := net.ParseIP(name)
	if name == "localhost" || ip != nil && ip.IsLoopback() || err == nil && strings.EqualFold(host, base.Host) {
		return nil
	}
	return fhir.Forbidden("this server is not %.100q; a proxy in front of it needs --base-url set to the public address", host)
}

// fhir answers everything below the FHIR base.
func (s *Server) fhir(w http.ResponseWriter, r *http.Request) {
	if err := s.serveFHIR(w, r); err != nil {
		s.fail(w, r, err)
	}
}

func (s *Server) serveFHIR(w http.ResponseWriter, r *http.Request) error {
	f, err := negotiate(r)
	if err != nil {
		return err
	}
	path, err := pathBelow(r.URL, fhirPath)
	if err != nil {
		return err
	}
	if operation.Is(path) {
		return s.operate(w, r, path, f)
	}
	request, err := interaction.Parse(r.Method, path, r.URL.RawQuery)
	if err != nil {
		if fhir.SituationOf(err) == fhir.SituationNotAllowed {
			w.Header().Set("Allow", strings.Join(interaction.Allow(path), ", "))
		}
		return err
	}
	request.IfMatch = r.Header.Get("If-Match")
	request.IfNoneMatch = r.Header.Get("If-None-Match")
	request.IfModifiedSince = r.Header.Get("If-Modified-Since")
	request.IfNoneExist = r.Header.Get("If-None-Exist")
	prefer := readPrefer(r)
	request.Lenient = prefer.lenient
	if err := s.readBody(r, &request); err != nil {
		return err
	}
	response, err := s.Engine.Do(r.Context(), request)
	if err != nil {
		return err
	}
	s.answer(w, r, response, prefer, f)
	return nil
}

// operate performs an operation, by GET or with what was posted.
func (s *Server) operate(w http.ResponseWriter, r *http.Request, path string, f format) error {
	request := operation.Request{Method: r.Method, Path: path, Query: r.URL.RawQuery, Language: r.Header.Get("Accept-Language"),
		Stream: r.Method != http.MethodHead && !f.xml && !f.pretty}
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		body, err := s.element(r)
		if err != nil {
			return err
		}
		request.Body = body
	}
	result, err := s.Operations.Do(r.Context(), request)
	if err != nil {
		if fhir.SituationOf(err) == fhir.SituationNotAllowed {
			w.Header().Set("Allow", "POST")
		}
		return err
	}
	return s.operated(w, r, result, f)
}

// operated writes what an operation gave.
func (s *Server) operated(w http.ResponseWriter, r *http.Request, result operation.Result, f format) error {
	if result.Location != "" {
		w.Header().Set("Location", s.Engine.Base+"/"+result.Location)
	}
	if result.Stream == nil {
		s.send(w, r, http.StatusOK, result.Resource.JSON(), f)
		return nil
	}
	w.Header().Set("Content-Type", "application/fhir+json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "private, no-cache")
	if err := result.Stream(w); err != nil {
		// The answer has begun: that it is cut short is all that can be told.
		s.Log.Error("an answer was cut short", "request", w.Header().Get("X-Request-Id"), "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// readBody reads a resource, or the form of a POST _search.
func (s *Server) readBody(r *http.Request, request *interaction.Request) error {
	switch request.Interaction {
	case interaction.Create, interaction.Update, interaction.Transaction:
		var err error
		request.Body, err = s.resource(r)
		return err
	case interaction.Patch:
		var err error
		request.Patch, err = s.patch(r)
		return err
	case interaction.SearchType:
		if r.Method != http.MethodPost {
			return nil
		}
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			return fhir.BadMedia("the body of _search must be application/x-www-form-urlencoded")
		}
		data, err := s.bytes(r)
		if err != nil {
			return err
		}
		// R4 search §3.1.1.2: parameters of the URL and of the body count alike.
		request.Query = strings.Trim(request.Query+"&"+strings.TrimSpace(string(data)), "&")
	}
	return nil
}

// bytes reads the whole body, which guard has bounded.
func (s *Server) bytes(r *http.Request) ([]byte, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, fhir.BadMedia("Content-Encoding %q is not read", encoding)
	}
	data, err := io.ReadAll(r.Body)
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		return nil, fhir.TooLong("the body is larger than %d bytes", tooBig.Limit)
	case err != nil:
		return nil, fhir.Malformed("", "the body ended early").WithCause(err)
	}
	return data, nil
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
