package rest

import (
	"net/http"
	"strings"

	"vitalwire/server/operation"
	"vitalwire/server/telemetry"
)

// operate performs an operation, by GET or with what was posted.
func (s *Server) operate(w http.ResponseWriter, r *http.Request, path string) error {
	f, err := negotiate(r.Header, queryOf(r.URL.RawQuery), "")
	if err != nil {
		return err
	}
	call := telemetry.CallOf(r.Context())
	call.Interaction = "operation"
	if len(s.Operations.Allow(path)) > 0 {
		call.Interaction = path[strings.LastIndexByte(path, '/')+1:] // only a name that is known becomes a label
	}
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
		return s.notAllowed(w, path, err)
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
	if err := result.Stream(w); err != nil {
		return s.cutShort(r, err)
	}
	return nil
}
