package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"vitalwire/fhir"
	"vitalwire/fhir/term"
	"vitalwire/server/interaction"
	"vitalwire/server/telemetry"
)

// answer writes what an interaction gave (R4 http §3.1.0).
func (s *Server) answer(w http.ResponseWriter, r *http.Request, response interaction.Response, prefer preference, f format) {
	if response.Bundle != "" {
		s.send(w, r, http.StatusOK, s.bundle(r.Context(), response, prefer), f)
		return
	}
	status := http.StatusOK
	s.versionHeaders(w.Header(), response)
	switch {
	case response.NotModified:
		w.WriteHeader(http.StatusNotModified)
		return
	case response.Created:
		status = http.StatusCreated
	case response.Done != "" && prefer.outcome:
		s.send(w, r, status, stored(response).JSON(), f)
		return
	case response.Empty(), response.Version != nil && response.Version.Deleted:
		if r.Method == http.MethodDelete && prefer.outcome { // R4 http §3.1.0.6: 200 with an outcome
			s.send(w, r, http.StatusOK, deleted(response).JSON(), f)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var body []byte
	switch {
	case response.Stored && prefer.outcome:
		body = stored(response).JSON()
	case response.Stored && (prefer.minimal || response.Mute):
		w.WriteHeader(status)
		return
	case response.Version != nil:
		body = response.Version.AppendJSON(nil)
	default:
		body = response.JSON()
	}
	s.send(w, r, status, body, f)
}

// versionHeaders name the version that an answer is about (R4 http §3.1.0.1.3).
// Location is that of a write, Content-Location that of what a read found.
func (s *Server) versionHeaders(h http.Header, response interaction.Response) {
	v := response.Version
	if v == nil {
		return
	}
	h.Set("ETag", v.ETag())
	h.Set("Last-Modified", v.LastUpdated().UTC().Format(http.TimeFormat))
	url := s.Engine.Base + "/" + v.Key.String() + "/_history/" + strconv.FormatInt(v.VersionID, 10)
	switch {
	case response.Stored:
		h.Set("Location", url)
	case !v.Deleted:
		h.Set("Content-Location", url)
	}
}

// deleted says in an outcome what a delete did.
func deleted(response interaction.Response) *fhir.Resource {
	text := "there was nothing to delete"
	if response.Version != nil {
		text = response.Version.Key.String() + " was deleted"
	}
	return fhir.Outcome([]fhir.Issue{{Severity: fhir.Information, Code: fhir.CodeInformational, Text: text}})
}

// stored says in an outcome what a write did, and what validation said of it.
func stored(response interaction.Response) *fhir.Resource {
	text := response.Done
	switch {
	case text != "":
	case !response.Matched:
		text = response.Version.Key.String() + " was stored"
	default:
		text = response.Version.Key.String() + " exists already; nothing was created"
	}
	issues := []fhir.Issue{{Severity: fhir.Information, Code: fhir.CodeInformational, Text: text}}
	return fhir.Outcome(append(issues, response.Issues...))
}

// send writes a resource, given as JSON, in the format asked for. What XML cannot
// carry is an error of its own, in JSON.
func (s *Server) send(w http.ResponseWriter, r *http.Request, status int, body []byte, f format) {
	data, media, err := s.encode(body, f)
	if err != nil {
		s.failAs(w, r, err, format{pretty: f.pretty})
		return
	}
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// A client that has gone needs no answer.
		_, _ = w.Write(data) //nolint:gosec // JSON or XML, never HTML, and nosniff says so
	}
}

// fail answers any error as an OperationOutcome, in the format asked for if it
// can be told.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f, _ := negotiate(r.Header, queryOf(r.URL.RawQuery), "")
	s.failAs(w, r, err, f)
}

// retryAfter is how many seconds a client should wait when the store is away or
// it asked too often.
const retryAfter = "2"

func (s *Server) failAs(w http.ResponseWriter, r *http.Request, err error, f format) {
	if begun, ok := w.(*echo.Response); ok && begun.Committed {
		return // the answer has begun, so none can be added
	}
	id := telemetry.CallOf(r.Context()).ID
	known, outcome := s.explain(r.Context(), err)
	if known.ETag != "" {
		w.Header().Set("ETag", known.ETag)
	}
	switch known.Situation {
	case fhir.SituationLoginRequired, fhir.SituationTokenExpired:
		challenge(w, known.Situation)
	case fhir.SituationUnavailable, fhir.SituationThrottled:
		w.Header().Set("Retry-After", retryAfter)
	}
	if fhir.ValidID(id) {
		outcome = outcome.WithIdentity(id)
	}
	s.send(w, r, statusOf[known.Situation], outcome.JSON(), f)
}

// explain tells an error to the log and makes its outcome.
func (s *Server) explain(ctx context.Context, err error) (*fhir.Error, *fhir.Resource) {
	known := asKnown(ctx, err)
	if known.Situation == fhir.SituationException {
		s.Log.ErrorContext(ctx, "internal error", "error", err)
	} else if known.Err != nil {
		s.Log.WarnContext(ctx, "refused", "error", known.Err)
	}
	outcome, coded := term.Outcome(err)
	if !coded {
		outcome = fhir.Outcome(known.Issues)
	}
	return known, outcome
}

// asKnown finds the *fhir.Error in err, or makes the one for our fault: its text
// goes to the log alone.
func asKnown(ctx context.Context, err error) *fhir.Error {
	var known *fhir.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, new(*echo.HTTPError)):
		return fhir.Malformed("", "the request cannot be routed").WithCode(fhir.CodeInvalid).WithCause(err)
	case ctx.Err() != nil:
		return fhir.Timeout("the request was given up").WithCause(err)
	}
	return &fhir.Error{
		Situation: fhir.SituationException,
		Issues:    []fhir.Issue{{Severity: fhir.Fatal, Code: fhir.CodeException, Text: "Internal error; the log has it under this outcome's id"}},
	}
}
