package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// R4 http §3.1.0.1.5: each situation has its status and an outcome that says
// nothing of the cause.
func TestFail(t *testing.T) {
	s := &Server{Engine: &interaction.Engine{Base: "http://x/fhir"}, Log: slog.New(slog.DiscardHandler)}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		err        error
		ctx        context.Context
		status     int
		code       string
		retryAfter bool
	}{
		{fhir.Unavailable("the store is away").WithCause(errors.New("dial tcp secret")), t.Context(), 503, "transient", true},
		{fhir.Throttled("too often"), t.Context(), 429, "throttled", true},
		{fhir.Timeout("too long"), t.Context(), 504, "timeout", false},
		{errors.New("secret"), gone, 504, "timeout", false},
		{errors.New("secret"), t.Context(), 500, "exception", false},
		{fhir.LoginRequired("no token"), t.Context(), 401, "login", false},
		{fhir.Forbidden("not in scope"), t.Context(), 403, "forbidden", false},
		{fhir.TooCostly("too much"), t.Context(), 400, "too-costly", false},
	} {
		for _, accept := range []string{"application/fhir+json", "nonsense"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(c.ctx, http.MethodGet, "/fhir/Patient/1", nil)
			r.Header.Set("Accept", accept)
			s.fail(w, r, c.err)
			body := w.Body.String()
			if w.Code != c.status || !strings.Contains(body, `"code":"`+c.code+`"`) || strings.Contains(body, "secret") || (w.Header().Get("Retry-After") != "") != c.retryAfter {
				t.Errorf("%v: %d %v %s", c.err, w.Code, w.Header(), body)
			}
		}
	}
}
