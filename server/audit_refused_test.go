package server_test

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/server"
)

// E.4: what is refused before it comes to an interaction is audited once, without secrets;
// what tells of itself is not told twice.
func TestAudit_RefusedRequests(t *testing.T) {
	check := balpCheck(t)
	store := stores["sqlite"](t)
	s := start(t, store, required, func(c *server.Config) { c.MaxURL = 2000 })
	officer := asker{s.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}
	root := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
	limited := asker{s.Base, command(t, store, "token", "--scope", "system/Patient.rs")}
	seen := len(audited(t, officer, ""))
	for _, step := range []struct {
		who                asker
		method, path, body string
		status             int
		want, query        string
	}{
		{asker{base: s.Base}, "GET", "/Patient?name=hunter2", "", 401, "token-refused", "GET /fhir/Patient"},
		{asker{s.Base, "hunter2"}, "GET", "/Patient/x", "", 401, "token-refused", "GET /fhir/Patient/x"},
		{asker{base: s.Base}, "GET", "/Patient?access_token=hunter2", "", 401, "token-refused", "GET /fhir/Patient"},
		{asker{s.Base, "hunter2"}, "POST", "", `{"resourceType":"Bundle"`, 401, "token-refused", "POST /fhir"},
		{asker{base: s.Base}, "GET", "/nothing", "", 401, "token-refused", "GET /fhir/nothing"},
		{asker{base: s.Root}, "GET", "/admin/users", "", 401, "token-refused", "GET /admin/users"},
		{asker{s.Root, limited.token}, "GET", "/admin/users", "", 403, "request-refused-forbidden", "GET /admin/users"},
		{asker{s.Root, limited.token}, "GET", "/metrics", "", 403, "request-refused-forbidden", "GET /metrics"},
		{asker{s.Root, limited.token}, "POST", "/ingest/phd", "{}", 403, "request-refused-forbidden", "POST /ingest/phd"},
		{asker{s.Root, root.token}, "GET", "/nothing?token=hunter2", "", 404, "request-refused", "GET /nothing?token=***"},
		{root, "POST", "/Patient", `{"resourceType":"Patient"`, 400, "request-refused", "POST /fhir/Patient"},
		{root, "PATCH", "", "", 405, "request-refused", "PATCH /fhir"},
		{root, "GET", "/Nothing/1", "", 404, "request-refused", "GET /fhir/Nothing/1"},
		{root, "GET", "/Patient?_format=hunter2", "", 406, "request-refused", "GET /fhir/Patient?_format=hunter2"},
		{root, "GET", "/Patient?x=" + strings.Repeat("x", 3000), "", 414, "request-refused", "GET /fhir/Patient"},
		{asker{base: s.Base}, "POST", "/auth/token", "grant_type=client_credentials&client_id=x&client_secret=hunter2", 401, "token-refused", "POST /fhir/auth/token"},
		{root, "GET", "/Patient/none", "", 404, "read", ""},
		{limited, "GET", "/Observation/none", "", 403, "read", ""},
		{root, "GET", "/Patient/$nothing", "", 404, "request-refused", "GET /fhir/Patient/$nothing"},
		{asker{base: s.Root}, "GET", "/healthz", "", 200, "", ""},
		{asker{base: s.Base}, "GET", "/metadata", "", 200, "", ""},
	} {
		header := []string{}
		if strings.HasPrefix(step.body, "grant") {
			header = []string{"Content-Type", "application/x-www-form-urlencoded"}
		}
		status, _, answer := step.who.ask(t, step.method, step.path, step.body, header...)
		if status != step.status {
			t.Errorf("%s %s: %d %s", step.method, step.path, status, answer)
		}
		var list []auditEvent
		looks := func(e auditEvent) bool { return strings.Contains(queried(e), "AuditEvent?_count=200") }
		await(t, func() bool { // what the authorization server answered is told after it
			list = audited(t, officer, "")
			return len(slices.DeleteFunc(slices.Clone(list[seen:]), looks)) >= len(strings.Fields(step.want))
		})
		var got []string
		for _, e := range list[seen:] {
			check(e.raw)
			if looks(e) {
				continue
			}
			query := queried(e)
			got = append(got, e.Subtype[0].Code)
			if query != step.query && e.Subtype[0].Code != "read" || step.query != "GET /fhir/Patient?_format=hunter2" && strings.Contains(string(e.raw)+query, "hunter2") || step.status > 201 && e.Outcome != "4" {
				t.Errorf("%s %s: %q %s", step.method, step.path, query, e.raw)
			}
		}
		seen = len(list)
		if strings.Join(got, " ") != step.want {
			t.Errorf("%s %s: %q, want %q", step.method, step.path, got, step.want)
		}
	}
}

// queried is what an event says was asked for.
func queried(e auditEvent) (query string) {
	for _, entity := range e.Entity {
		if entity.Query != "" {
			text, _ := base64.StdEncoding.DecodeString(entity.Query)
			query = string(text)
		}
	}
	return query
}

// A flood of requests without a token is a few events, and a number.
func TestAudit_FloodOfRefusals(t *testing.T) {
	store, dir := stores["sqlite"](t), t.TempDir()
	flooded := func(s *server.Server, n int) {
		for range n {
			if status, _, _ := (asker{base: s.Base}).ask(t, http.MethodGet, "/Patient/x", ""); status != 401 {
				t.Fatal(status)
			}
		}
	}
	c := server.Config{Auth: "required", Listen: "127.0.0.1:0", Store: store, Zone: "UTC", MaxBody: 1 << 20}
	c.Audited.Dir = dir
	func() {
		s, err := server.Start(t.Context(), c, all.Adapters(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		flooded(s, 250)
		operator := asker{s.Root, command(t, store, "token", "--scope", "system/*.cruds")}
		if _, _, metrics := operator.ask(t, "GET", "/metrics", ""); !strings.Contains(metrics, "audit_refusals_summed 240") {
			t.Error("the refusals are not counted")
		}
		if err := s.Stop(30 * time.Second); err != nil {
			t.Fatal(err)
		}
	}()
	s := start(t, store, required)
	var texts []string
	for _, e := range audited(t, asker{s.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}, "") {
		if e.Subtype[0].Code == "token-refused" {
			texts = append(texts, e.OutcomeDesc)
		}
	}
	if len(texts) != 11 || !strings.HasPrefix(fmt.Sprint(texts[10]), "240 more requests were refused since ") {
		t.Errorf("%d: %q", len(texts), texts)
	}
}
