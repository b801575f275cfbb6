package rest

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"vitalwire/fhir"
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
		body, err := s.operationBody(r)
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
	if result.JSON != nil {
		s.json(w, r, result)
		return nil
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

// operationBody reads what was posted to an operation: FHIR, or a GraphQL query.
func (s *Server) operationBody(r *http.Request) (*fhir.Element, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == "application/graphql" {
		data, err := s.bytes(r)
		return fhir.NewString(string(data)), err
	}
	return s.element(r)
}

// json writes an answer that is no resource.
func (s *Server) json(w http.ResponseWriter, r *http.Request, result operation.Result) {
	status := http.StatusOK
	if result.Err != nil {
		known, _ := s.explain(r.Context(), result.Err)
		status = statusOf[known.Situation]
	}
	data := result.JSON.AppendJSON(nil)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// A client that has gone needs no answer.
		_, _ = w.Write(data)
	}
}
