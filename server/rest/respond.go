package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// write answers an interaction that worked (R4 http §3.1.0).
func (s *Server) write(w http.ResponseWriter, r *http.Request, response interaction.Response, prefer preference, pretty bool) {
	status := http.StatusOK
	h := w.Header()
	if v := response.Version; v != nil {
		h.Set("ETag", v.ETag())
		h.Set("Last-Modified", v.LastUpdated().UTC().Format(http.TimeFormat))
		if response.Stored {
			h.Set("Location", s.Engine.Base+"/"+v.Key.String()+"/_history/"+strconv.FormatInt(v.VersionID, 10))
		}
	}
	switch {
	case response.NotModified:
		w.WriteHeader(http.StatusNotModified)
		return
	case response.Created:
		status = http.StatusCreated
	case response.Version == nil && response.Resource == nil, response.Version != nil && response.Version.Deleted:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var body []byte
	switch {
	case response.Stored && prefer.outcome:
		text := response.Version.Key.String() + " was stored"
		if response.Matched {
			text = response.Version.Key.String() + " exists already; nothing was created"
		}
		body = fhir.Outcome([]fhir.Issue{{Severity: fhir.Information, Code: fhir.CodeInformational, Text: text}}).JSON()
	case response.Stored && prefer.minimal:
	case response.Version != nil:
		body = response.Version.AppendJSON(nil)
	default:
		body = response.Resource.JSON()
	}
	s.send(w, r, status, body, pretty)
}

// send writes a JSON body, indented when asked for.
func (s *Server) send(w http.ResponseWriter, r *http.Request, status int, body []byte, pretty bool) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	if pretty {
		if e, err := fhir.ParseElement(body); err == nil {
			body = append(e.AppendIndented(nil, ""), '\n')
		}
	}
	h := w.Header()
	h.Set("Content-Type", fhirJSON)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// fail answers any error as an OperationOutcome. An error that is no
// *fhir.Error is ours: its text goes to the log alone.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if begun, ok := w.(*echo.Response); ok && begun.Committed {
		return // the answer has begun, so none can be added
	}
	id := w.Header().Get("X-Request-Id")
	known := asKnown(r.Context(), err)
	if known.Situation == fhir.SituationException {
		s.Log.Error("internal error", "request", id, "error", err)
	} else if known.Err != nil {
		s.Log.Warn("refused", "request", id, "error", known.Err)
	}
	if known.ETag != "" {
		w.Header().Set("ETag", known.ETag)
	}
	switch known.Situation {
	case fhir.SituationUnavailable, fhir.SituationThrottled:
		w.Header().Set("Retry-After", strconv.Itoa(int((2 * time.Second).Seconds())))
	}
	outcome := fhir.Outcome(known.Issues)
	if fhir.ValidID(id) {
		outcome = outcome.WithIdentity(id)
	}
	pretty := r.URL.Query().Get("_pretty") == "true"
	s.send(w, r, statusOf[known.Situation], outcome.JSON(), pretty)
}

// asKnown finds the *fhir.Error in err, or makes the one for our fault.
func asKnown(ctx context.Context, err error) *fhir.Error {
	var known *fhir.Error
	switch {
	case errors.As(err, &known):
		return known
	case ctx.Err() != nil:
		return fhir.Timeout("the request was given up").WithCause(err)
	}
	return &fhir.Error{
		Situation: fhir.SituationException,
		Issues:    []fhir.Issue{{Severity: fhir.Fatal, Code: fhir.CodeException, Text: "Internal error; the log has it under this outcome's id"}},
	}
}
