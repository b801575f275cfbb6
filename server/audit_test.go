package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/shared"
	"vitalwire/server"
	"vitalwire/server/knowledge"
)

const balp = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE."

// balpCheck validates AuditEvents against the profiles that they declare, by the package
// of IHE BALP 1.1.4.
func balpCheck(t *testing.T) func(event []byte) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/balp.tgz", shared.Read(t, "data", "igs", "ihe.iti.balp-1.1.4-rebuilt.tgz"), 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := knowledge.New(knowledge.Enforce, nil)
	if err != nil {
		t.Fatal(err)
	}
	known.LoadDir(t.Context(), dir, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if len(known.Set().Packages()) != 1 {
		t.Fatal("the package was not loaded")
	}
	return func(event []byte) {
		t.Helper()
		r, err := fhir.ParseResource(event)
		if err != nil {
			t.Fatal(err)
		}
		issues, err := known.Check(t.Context(), r)
		if err != nil {
			t.Errorf("%v\n%s", err, event)
		}
		for _, issue := range issues {
			if issue.Severity != fhir.Information {
				t.Errorf("%v: %s\n%s", issue.Expression, issue.Text, event)
			}
		}
	}
}

// auditEvent is what these tests look at of an AuditEvent.
type auditEvent struct {
	ID   string
	Meta struct{ Profile []string }
	Type struct{ Code string }

	Subtype         []struct{ Code string }
	Action, Outcome string
	OutcomeDesc     string
	Agent           []struct {
		Who struct {
			Reference  string
			Identifier struct{ Value string }
		}
		Requestor bool
		Policy    []string
	}
	Entity []struct {
		What struct {
			Reference  string
			Identifier struct{ Value string }
		}
		Query string
	}
	raw json.RawMessage
}

func (e auditEvent) patient() string {
	for _, entity := range e.Entity[max(0, len(e.Entity)-1):] {
		if strings.HasPrefix(entity.What.Reference, "Patient/") && !strings.Contains(entity.What.Reference, "_history") {
			return entity.What.Reference
		}
	}
	return ""
}

// short is what happened in one line.
func (e auditEvent) short() string {
	var words []string
	for _, p := range e.Meta.Profile {
		words = append(words, strings.TrimPrefix(strings.TrimPrefix(p, balp), "BasicAudit."))
	}
	for _, s := range e.Subtype {
		words = append(words, s.Code)
	}
	words = append(words, e.Outcome)
	for _, entity := range e.Entity {
		switch {
		case entity.What.Reference != "":
			words = append(words, entity.What.Reference)
		case entity.Query != "":
			query, _ := base64.StdEncoding.DecodeString(entity.Query)
			_, after, _ := strings.Cut(string(query), "/fhir/")
			words = append(words, after)
		}
	}
	return strings.Join(words, " ")
}

// audited gives all AuditEvents, the oldest first, without those of the asking.
func audited(t *testing.T, officer asker, query string) []auditEvent {
	t.Helper()
	var list []auditEvent
	for next := officer.base + "/AuditEvent?_count=200&_sort=_lastUpdated" + query; next != ""; {
		status, _, answer := asker{token: officer.token}.ask(t, "GET", next, "")
		var page struct {
			Link  []struct{ Relation, URL string }
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal([]byte(answer), &page); err != nil || status != 200 {
			t.Fatalf("%d %v %s", status, err, answer)
		}
		next = ""
		for _, l := range page.Link {
			if l.Relation == "next" {
				next = l.URL
			}
		}
		for _, entry := range page.Entry {
			e := auditEvent{raw: entry.Resource}
			if err := json.Unmarshal(entry.Resource, &e); err != nil {
				t.Fatal(err)
			}
			list = append(list, e)
		}
	}
	return list
}

// BALP 1.1.4: every interaction makes exactly the events it should, each by its profile.
func TestBALP_EveryInteraction(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			check := balpCheck(t)
			store := open(t)
			s := start(t, store, required)
			token := func(scope string) asker {
				return asker{s.Base, command(t, store, "token", "--scope", scope)}
			}
			all, officer := token("system/*.cruds"), token("system/AuditEvent.rs")
			limited := token("system/Patient.rs")
			seen := len(audited(t, officer, "")) // the tokens
			for _, step := range []struct {
				who                asker
				method, path, body string
				status             int
				want               []string
			}{
				{all, "PUT", "/Patient/p", `{"resourceType":"Patient","id":"p","gender":"male"}`, 201, []string{"PatientCreate create 0 Patient/p/_history/1 Patient/p"}},
				{all, "PUT", "/Patient/p", `{"resourceType":"Patient","id":"p","gender":"female"}`, 200, []string{"PatientUpdate update 0 Patient/p/_history/2 Patient/p"}},
				{all, "PUT", "/Patient/q", `{"resourceType":"Patient","id":"q"}`, 201, []string{"PatientCreate create 0 Patient/q/_history/1 Patient/q"}},
				{all, "PUT", "/Observation/o", strings.Replace(heart, `"status"`, `"id":"o","status"`, 1), 201, []string{"PatientCreate create 0 Observation/o/_history/1 Patient/p"}},
				{all, "PUT", "/Device/d", `{"resourceType":"Device","id":"d"}`, 201, []string{"Create create 0 Device/d/_history/1"}},
				{all, "GET", "/Patient/p", "", 200, []string{"PatientRead read 0 Patient/p/_history/2 Patient/p"}},
				{all, "GET", "/Patient/p/_history/1", "", 200, []string{"PatientRead vread 0 Patient/p/_history/1 Patient/p"}},
				{all, "GET", "/Device/d", "", 200, []string{"Read read 0 Device/d/_history/1"}},
				{all, "GET", "/Patient/p/_history", "", 200, []string{"PatientQuery search history-instance 0 Patient/p/_history Patient/p"}},
				{all, "GET", "/Device/_history", "", 200, []string{"Query search history-type 0 Device/_history"}},
				{all, "GET", "/Observation?code:text=heart", "", 200, []string{"PatientQuery search-type 0 Observation?code:text=heart Patient/p"}},
				{all, "GET", "/Observation?patient=q", "", 200, []string{"PatientQuery search-type 0 Observation?patient=q Patient/q"}},
				{all, "GET", "/Patient?_sort=_lastUpdated", "", 200, []string{"PatientQuery search-type 0 Patient?_sort=_lastUpdated Patient/p", "PatientQuery search-type 0 Patient?_sort=_lastUpdated Patient/q"}},
				{all, "GET", "/Device?_summary=count", "", 200, []string{"Query search-type 0 Device?_summary=count"}},
				{all, "GET", "/Patient/p/$everything", "", 200, []string{"PatientQuery search operation everything 0 Patient/p/$everything Patient/p"}},
				{all, "GET", "/Patient/none", "", 404, []string{"read 4 Patient/none"}},
				{limited, "GET", "/Observation/o", "", 403, []string{"read 4 Observation/o"}},
				{limited, "DELETE", "/Patient/p", "", 403, []string{"delete 4 Patient/p"}},
				{all, "DELETE", "/Observation/o", "", 204, []string{"PatientDelete delete 0 Observation/o/_history/2 Patient/p"}},
				{all, "DELETE", "/Observation/o", "", 204, []string{"Delete delete 0 Observation/o"}},
				{all, "DELETE", "/Device/d", "", 204, []string{"Delete delete 0 Device/d/_history/2"}},
				{all, "PUT", "/Device/d", `{"resourceType":"Device","id":"d"}`, 201, []string{"Create create 0 Device/d/_history/3"}},
				{all, "POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[
					{"resource":{"resourceType":"Device","id":"d","status":"active"},"request":{"method":"PUT","url":"Device/d"}},
					{"request":{"method":"GET","url":"Patient/p"}}]}`, 200,
					[]string{"Update update 0 Device/d/_history/4", "PatientRead read 0 Patient/p/_history/2 Patient/p"}},
				{all, "POST", "", `{"resourceType":"Bundle","type":"batch","entry":[
					{"request":{"method":"DELETE","url":"Device/d"}},
					{"request":{"method":"GET","url":"Patient/none"}}]}`, 200,
					[]string{"Delete delete 0 Device/d/_history/5", "read 4 Patient/none"}},
				{all, "POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[
					{"resource":{"resourceType":"Device","id":"z"},"request":{"method":"PUT","url":"Device/z","ifMatch":"W/\"7\""}}]}`, 412, []string{"transaction 4"}},
				{officer, "GET", "/AuditEvent?_count=0&action=R", "", 200, []string{"Query search-type 0 AuditEvent?_count=0&action=R"}},
			} {
				status, _, answer := step.who.ask(t, step.method, step.path, step.body)
				if status != step.status {
					t.Fatalf("%s %s: %d %s", step.method, step.path, status, answer)
				}
				list := audited(t, officer, "")
				var got []string
				for _, e := range list[seen:] {
					check(e.raw)
					text := strings.Replace(e.short(), "OAUTHaccessTokenUse.Minimal ", "", 1)
					if !strings.Contains(text, "AuditEvent?_count=200") {
						got = append(got, text)
					}
				}
				seen = len(list)
				slices.Sort(got)
				want := slices.Sorted(slices.Values(step.want))
				if !slices.Equal(got, want) {
					t.Errorf("%s %s:\n%s\nwant\n%s", step.method, step.path, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			status, out, errs := run(nil, "verify-audit", "--store", store)
			if status != 0 || !strings.Contains(out, "is whole") {
				t.Errorf("%d %s %s", status, out, errs)
			}
			_ = fmt.Sprint
			_ = url.Values{}
			_ = server.Version
		})
	}
}
