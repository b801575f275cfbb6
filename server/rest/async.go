package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
	"vitalwire/server/job"
	"vitalwire/server/operation"
	"vitalwire/server/telemetry"
)

// asyncPath is where the status of requests that are answered later lies, below
// the FHIR base.
const asyncPath = "_async"

// takesTime reports whether an interaction can be answered later: those whose
// work grows with what is stored or sent.
func takesTime(name interaction.Name) bool {
	return isSearch(name) || strings.HasPrefix(string(name), "history-") || name == interaction.Transaction
}

// later accepts a request to be answered later (R4 async §3.1.6.2).
func (s *Server) later(w http.ResponseWriter, r *http.Request) error {
	if _, err := negotiate(r.Header, queryOf(r.URL.RawQuery), ""); err != nil {
		return err
	}
	reach, err := s.Engine.Reach(r.Context())
	if err != nil {
		return err
	}
	body, err := s.bytes(r)
	if err != nil {
		return err
	}
	q := job.Request{Method: r.Method, URL: r.URL.RequestURI(), Header: map[string][]string{}, Body: body, Caller: reach.Bound()}
	if !reach.Open() {
		q.Access = reach.Access().Record()
	}
	for _, name := range []string{"Accept", "Accept-Language", "Content-Type", "Prefer", "If-Match", "If-None-Match", "If-None-Exist", "If-Modified-Since", requestID} {
		if values := r.Header.Values(name); len(values) > 0 {
			q.Header[name] = values
		}
	}
	q.Header[requestID] = []string{telemetry.CallOf(r.Context()).ID}
	telemetry.Pass(r.Context(), q.Header)
	j, err := s.Jobs.Submit(r.Context(), q)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Location", s.jobURL(j.ID))
	h.Set("Preference-Applied", "respond-async")
	h.Set("Retry-After", "1")
	f, _ := negotiate(r.Header, queryOf(r.URL.RawQuery), "")
	s.send(w, r, http.StatusAccepted, note("the request was accepted; ask for its state at "+s.jobURL(j.ID)).JSON(), f)
	return nil
}

func note(text string) *fhir.Resource {
	return fhir.Outcome([]fhir.Issue{{Severity: fhir.Information, Code: fhir.CodeInformational, Text: text}})
}

func (s *Server) jobURL(id string) string { return s.Engine.Base + "/" + asyncPath + "/" + id }

// Perform answers a job's request as if it came now; package job calls it.
// The error is an answer that broke off.
func (s *Server) Perform(ctx context.Context, q job.Request, body io.Reader, w http.ResponseWriter) (err error) {
	call := &telemetry.Call{}
	if ids := q.Header[requestID]; len(ids) > 0 {
		call.ID = ids[0]
	}
	ctx, traced := s.Traces.Begin(telemetry.WithCall(ctx, call), q.Header)
	r, err := http.NewRequestWithContext(ctx, q.Method, q.URL, body)
	if err != nil {
		return err
	}
	r.RequestURI, r.Header = q.URL, http.Header(q.Header).Clone()
	done, started := s.Metrics.Begin(), time.Now()
	counted := &statusOnly{ResponseWriter: w}
	defer func() {
		if p := recover(); p != nil {
			s.Log.ErrorContext(ctx, "panic in a job", "panic", fmt.Sprint(p))
			if err = errors.New("panic"); counted.status == 0 {
				s.fail(counted, r, err)
				err = nil
			}
		}
		done(call, counted.status, time.Since(started))
		traced(call, q.Method, counted.status)
		s.Log.InfoContext(ctx, "job", "interaction", call.Interaction, "type", call.Type, "status", counted.status, "took", time.Since(started))
	}()
	if s.Auth != nil {
		// It is done as the caller, as far as he may do it still.
		access, err := s.Auth.Still(ctx, q.Access)
		if err != nil {
			s.fail(counted, r, refusedToken(err))
			return nil
		}
		r = r.WithContext(auth.With(ctx, access))
	}
	if err := s.now(counted, r); err != nil {
		s.fail(counted, r, err)
	}
	return nil
}

type statusOnly struct {
	http.ResponseWriter
	status int
}

func (s *statusOnly) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusOnly) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// async answers everything below asyncPath.
func (s *Server) async(w http.ResponseWriter, r *http.Request, path string) error {
	id, what, _ := strings.Cut(strings.TrimPrefix(path, asyncPath+"/"), "/")
	if s.Jobs == nil || path == asyncPath || what != "" && what != "result" {
		return fhir.NotFound(fhir.Key{Type: asyncPath, ID: id})
	}
	allowed := []string{http.MethodGet, http.MethodHead, http.MethodDelete}
	if what == "result" {
		allowed = allowed[:2]
	}
	switch {
	case r.Method == http.MethodOptions:
		allow(w.Header(), append(allowed, http.MethodOptions))
		w.WriteHeader(http.StatusNoContent)
		return nil
	case r.Method == http.MethodDelete && what == "":
		if _, err := s.own(r, id); err != nil {
			return err
		}
		if err := s.Jobs.Cancel(r.Context(), id); err != nil {
			return err
		}
		f, _ := negotiate(r.Header, queryOf(r.URL.RawQuery), "")
		s.send(w, r, http.StatusAccepted, note("the request was cancelled; what it had written by then stays").JSON(), f)
		return nil
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		allow(w.Header(), allowed)
		return fhir.NotAllowed("%.20s is not served here; %s are", r.Method, strings.Join(allowed, ", "))
	}
	j, err := s.own(r, id)
	if err != nil {
		return err
	}
	w.Header().Set("Expires", j.Expires.Format(http.TimeFormat))
	switch {
	case j.State == job.Lost:
		return fhir.Unavailable("the server stopped while it performed this request, and nobody can say how far it came; look whether it happened before sending it again").
			WithCode(fhir.CodeException)
	case j.State != job.Done:
		return s.pending(w, r, j)
	case what == "result":
		return s.result(w, r, j)
	}
	return s.complete(w, r, j)
}

// own is a job of the caller: another's is not there.
func (s *Server) own(r *http.Request, id string) (*job.Job, error) {
	reach, err := s.Engine.Reach(r.Context())
	if err != nil {
		return nil, err
	}
	j, err := s.Jobs.Find(r.Context(), id)
	if err == nil && !reach.Open() && j.Request.Caller != reach.Bound() {
		return nil, fhir.NotFound(fhir.Key{Type: asyncPath, ID: id})
	}
	return j, err
}

// pending answers the status of a job that is not done (R4 async §3.1.6.3.1).
func (s *Server) pending(w http.ResponseWriter, r *http.Request, j *job.Job) error {
	progress := "queued"
	if reach, err := s.Engine.Reach(r.Context()); err == nil && reach.Administers() { // others learn nothing of others' jobs
		progress += ", " + strconv.Itoa(j.Waiting) + " before it"
	}
	if j.State == job.Running {
		progress = fmt.Sprintf("running for %.0f s, %d bytes of the answer written", time.Since(j.Began).Seconds(), j.Written)
	}
	wait := min(max(int(time.Since(j.Created).Seconds()/4), 1), 30)
	w.Header().Set("X-Progress", progress)
	w.Header().Set("Retry-After", strconv.Itoa(wait))
	f, _ := negotiate(r.Header, queryOf(r.URL.RawQuery), "")
	s.send(w, r, http.StatusAccepted, note(progress).JSON(), f)
	return nil
}

// complete answers the status of a job that is done: with the manifest of R4
// async §3.1.6.3.3, or, to a client that asks for FHIR, with the batch-response
// that later editions of that page replaced it by (R5 async-bundle §3.2.6).
func (s *Server) complete(w http.ResponseWriter, r *http.Request, j *job.Job) error {
	media := strings.Join(j.AnswerHeader["Content-Type"], "")
	isXML, ofFHIR := strings.Contains(media, "fhir+xml"), strings.Contains(media, "fhir+") || j.Size == 0
	if strings.Contains(r.Header.Get("Accept"), "fhir+") && ofFHIR {
		return s.inBundle(w, r, j, isXML)
	}
	type output struct {
		Type string `json:"type"`
		URL  string `json:"url"`
	}
	manifest := struct {
		TransactionTime     string   `json:"transactionTime"`
		Request             string   `json:"request"`
		RequiresAccessToken bool     `json:"requiresAccessToken"`
		Output              []output `json:"output"`
		Error               []output `json:"error"`
	}{fhir.FormatInstant(j.Began), strings.TrimSuffix(s.Engine.Base, fhirPath) + j.Request.URL, s.Auth != nil, []output{}, []output{}}
	switch url := s.jobURL(j.ID) + "/result"; {
	case j.Status >= http.StatusBadRequest:
		manifest.Error = append(manifest.Error, output{"OperationOutcome", url})
	default:
		manifest.Output = append(manifest.Output, output{"Bundle", url})
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(data)
	}
	return nil
}

// inBundle writes the answer of a job as the one entry of a batch-response,
// piece by piece.
func (s *Server) inBundle(w http.ResponseWriter, r *http.Request, j *job.Job, isXML bool) error {
	status := strconv.Itoa(j.Status) + " " + http.StatusText(j.Status)
	location := strings.Join(j.AnswerHeader["Location"], "")
	head := `{"resourceType":"Bundle","type":"batch-response","entry":[{`
	resource, after := `"resource":`, `,`
	tail := `"response":{"status":` + quoted(status)
	if location != "" {
		tail += `,"location":` + quoted(location)
	}
	tail += `}}]}`
	media := "application/fhir+json; charset=utf-8"
	if isXML {
		media = "application/fhir+xml; charset=utf-8"
		head = `<?xml version="1.0" encoding="UTF-8"?><Bundle xmlns="http://hl7.org/fhir"><type value="batch-response"/><entry>`
		resource, after = `<resource>`, `</resource>`
		tail = `<response><status value="` + status + `"/></response></entry></Bundle>`
	}
	w.Header().Set("Content-Type", media)
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if j.Size == 0 {
		_, err := io.WriteString(w, head+tail) //nolint:gosec // JSON, and nosniff says so
		return gone(err)
	}
	if _, err := io.WriteString(w, head+resource); err != nil {
		return gone(err)
	}
	if err := s.Jobs.Answer(r.Context(), j.ID, &inner{to: w}); err != nil {
		return s.cutShort(r, err)
	}
	_, err := io.WriteString(w, after+tail) //nolint:gosec // JSON, and nosniff says so
	return gone(err)
}

// inner writes a document into another one: without its XML declaration.
type inner struct {
	to    io.Writer
	begun bool
}

func (i *inner) Write(b []byte) (int, error) {
	n := len(b)
	if !i.begun && bytes.HasPrefix(b, []byte("<?xml")) {
		_, b, _ = bytes.Cut(b, []byte("?>"))
	}
	i.begun = true
	_, err := i.to.Write(b)
	return n, err
}

// result answers as the request itself would have.
func (s *Server) result(w http.ResponseWriter, r *http.Request, j *job.Job) error {
	h := w.Header()
	for name, values := range j.AnswerHeader {
		h[name] = values
	}
	h.Set("Content-Length", strconv.FormatInt(j.Size, 10))
	w.WriteHeader(j.Status)
	if r.Method == http.MethodHead || j.Size == 0 {
		return nil
	}
	if err := s.Jobs.Answer(r.Context(), j.ID, w); err != nil {
		return s.cutShort(r, err)
	}
	return nil
}

// gone forgets the error of writing to a client that has gone.
func gone(error) error { return nil }

// cutShort ends an answer that has begun and cannot go on, so that the client
// sees it is not whole.
func (s *Server) cutShort(r *http.Request, err error) error {
	s.Log.ErrorContext(r.Context(), "an answer was cut short", "error", err)
	panic(http.ErrAbortHandler)
}

// asynchronous reports whether a request shall and can be answered later.
func (s *Server) asynchronous(r *http.Request, path string) bool {
	if s.Jobs == nil || !readPrefer(r.Header).async {
		return false
	}
	if operation.Is(path) {
		return len(s.Operations.Allow(path)) > 0 && r.Method != http.MethodHead
	}
	request, err := interaction.Parse(r.Method, path, r.URL.RawQuery)
	return err == nil && takesTime(request.Interaction) && r.Method != http.MethodHead
}
