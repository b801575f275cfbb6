package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// oauthError is an error answer of RFC 6749 §5.2.
type oauthError struct {
	status int
	code   string
	text   string
	retry  int // seconds for Retry-After, 0 for none
}

func (e *oauthError) Error() string { return e.code + ": " + e.text }

func invalidRequest(text string) error {
	return &oauthError{status: http.StatusBadRequest, code: "invalid_request", text: text}
}

// form is a request with the parameters of its body, each at most once (RFC 6749 §3.2).
type form struct {
	values  url.Values
	request *http.Request
}

func (f form) get(name string) string { return f.values.Get(name) }

// maxForm bounds the body of a request in bytes: an assertion and some scopes.
const maxForm = 64 << 10

// post reads a form and answers what fn gives, as JSON that nobody keeps; nothing
// is an empty answer.
func (a *Authority) post(fn func(context.Context, form) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.servesApps(w, r, http.MethodPost) {
			return
		}
		f, err := readForm(w, r)
		if err != nil {
			a.fail(w, err)
			return
		}
		answer, err := fn(r.Context(), f)
		if err != nil {
			a.fail(w, err)
			return
		}
		a.send(w, http.StatusOK, answer)
	}
}

func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	values, err := readValues(w, r)
	if err != nil {
		return form{}, err
	}
	for _, v := range values {
		if len(v) > 1 {
			return form{}, invalidRequest("a parameter is given twice")
		}
	}
	return form{values, r}, nil
}

// readValues are the parameters of a body. Boxes on a page share a name.
func readValues(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the body must be application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return nil, invalidRequest("parameters belong into the body, never into the URL")
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return nil, invalidRequest("the body is too large or ended early")
	}
	values, err := url.ParseQuery(string(data))
	if err != nil {
		return nil, invalidRequest("the body is not a form")
	}
	r.PostForm = values // so that nobody reads the body again
	return values, nil
}

// send answers JSON that must not be kept (RFC 6749 §5.1).
func (a *Authority) send(w http.ResponseWriter, status int, answer any) {
	var body bytes.Buffer
	if answer != nil {
		encoder := json.NewEncoder(&body)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(answer); err != nil {
			a.fail(w, err)
			return
		}
	}
	w.Header().Set("Pragma", "no-cache")
	a.answerBytes(w, status, "application/json", "no-store", body.Bytes())
}

func (a *Authority) answerBytes(w http.ResponseWriter, status int, media, caching string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", caching)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone needs no answer
}

func (a *Authority) fail(w http.ResponseWriter, err error) {
	var known *oauthError
	if !errors.As(err, &known) {
		a.Log.Error("authorization server", "error", err)
		known = &oauthError{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", text: "this server cannot answer at present", retry: 2}
	}
	if known.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(known.retry))
	}
	if known.status == http.StatusUnauthorized {
		scheme := `Basic realm="vitalwire"` // RFC 6749 §5.2
		if known.code == "invalid_token" {
			scheme = `Bearer realm="vitalwire"` // RFC 6750 §3
		}
		w.Header().Set("WWW-Authenticate", scheme)
	}
	a.send(w, known.status, map[string]string{"error": known.code, "error_description": known.text})
}

// serves reports whether a request is to be answered: one with another method, or
// that only asks what it may send (Fetch standard, CORS preflight), is answered.
// A page of any origin may ask.
func (a *Authority) serves(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	return a.offers(w, r, true, methods)
}

func (a *Authority) offers(w http.ResponseWriter, r *http.Request, welcome bool, methods []string) bool {
	h := w.Header()
	if origin := r.Header.Get("Origin"); origin != "" && welcome {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "ETag, Retry-After, WWW-Authenticate, X-Request-Id")
	}
	h.Add("Vary", "Origin")
	served := strings.Join(methods, ", ")
	switch {
	case slices.Contains(methods, r.Method):
		return true
	case r.Method == http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", served)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.WriteHeader(http.StatusNoContent)
	default:
		h.Set("Allow", served+", OPTIONS")
		a.fail(w, &oauthError{status: http.StatusMethodNotAllowed, code: "invalid_request", text: "served here is " + served})
	}
	return false
}
