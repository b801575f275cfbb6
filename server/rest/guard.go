package rest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/telemetry"
)

// requestID names a request for the log, the answer and its outcome.
const requestID = "X-Request-Id"

// guard is around everything: it names the request, bounds it, takes its content
// coding away, packs the answer and turns a panic into a 500.
func (s *Server) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		r, w := c.Request(), c.Response()
		s.fromProxy(r)
		call := &telemetry.Call{ID: r.Header.Get(requestID)}
		call.Address, _, _ = net.SplitHostPort(r.RemoteAddr)
		if !fhir.ValidID(call.ID) {
			call.ID = uuid.NewString()
		}
		ctx, traced := s.Traces.Begin(telemetry.WithCall(r.Context(), call), r.Header)
		r = r.WithContext(ctx)
		c.SetRequest(r)
		h := w.Header()
		h.Set(requestID, call.ID)
		s.secure(h)

		started := time.Now()
		counted := s.Metrics.Begin()
		done := func(took time.Duration) {
			counted(call, w.Status, took)
			traced(call, r.Method, w.Status)
		}
		var pack *packer
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
					done(time.Since(started))
					panic(p)
				}
				s.Log.ErrorContext(r.Context(), "panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				err = errors.New("panic")
			}
			if err != nil {
				s.refused(r, statusOf[asKnown(r.Context(), err).Situation])
				s.fail(w, r, err)
				err = nil
			} else if w.Status >= http.StatusBadRequest {
				s.refused(r, w.Status)
			}
			if pack != nil {
				pack.close()
			}
			took := time.Since(started)
			done(took)
			// The path has ids and the query has names, so neither is logged.
			s.Log.InfoContext(r.Context(), "request", "method", r.Method, "interaction", call.Interaction, "type", call.Type,
				"status", w.Status, "bytes", w.Size, "took", took)
		}()
		coding, identity, err := acceptedCoding(r.Header)
		if err != nil {
			return err
		}
		if coding != "" {
			pack = &packer{ResponseWriter: w.Writer, coding: coding, always: !identity, bare: r.Method == http.MethodHead}
			w.Writer = pack
		}
		if err := s.Limits.head(r); err != nil {
			return err
		}
		if err := s.checkHost(r.Host); err != nil {
			return err
		}
		if r, err = s.gate(r); err != nil {
			return err
		}
		c.SetRequest(r)
		if err := unpack(w, r, s.bodyLimit(r.URL.Path)); err != nil {
			return err
		}
		return next(c)
	}
}

// refused has the audit log keep a refusal that nobody told it of.
func (s *Server) refused(r *http.Request, status int) {
	if s.Auth != nil && !open[strings.TrimSuffix(r.URL.Path, "/")] {
		s.Engine.Audit.Refused(r.Context(), status, r.Method, r.URL.Path, r.URL.RawQuery)
	}
}

// secure sets what keeps a browser from making more of an answer than data
// (OWASP secure headers for REST).
func (s *Server) secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Referrer-Policy", "no-referrer")
	// What depends on who asks is kept by nobody; else a copy is good when it is asked for.
	cache, vary := "private, no-cache", "Accept, Accept-Encoding, Prefer"
	if s.Auth != nil {
		cache, vary = "private, no-store", "Accept, Accept-Encoding, Authorization, Prefer, "+auth.PurposeHeader
	}
	h.Set("Cache-Control", cache)
	h.Add("Vary", vary)
	if strings.HasPrefix(s.Engine.Base, "https:") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// checkHost refuses a Host that is neither loopback nor that of the base URL. A
// web page whose name is made to resolve to 127.0.0.1 (DNS rebinding) could else
// read everything through its visitor's browser, as there are no tokens yet.
func (s *Server) checkHost(host string) error {
	if s.Auth != nil {
		return nil // what counts is the token, which no page of a stranger has
	}
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
