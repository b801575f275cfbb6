package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/internal/spawn"
	"vitalwire/server"
)

// E.4: an AuditEvent of the server is changed by nobody, and nobody else makes one.
func TestAudit_NobodyChangesWhatTheServerWrote(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			s := start(t, store, required, func(c *server.Config) { c.ConditionalDelete = "multiple" })
			everything := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds system/AuditEvent.cruds")}
			if status, _, _ := everything.ask(t, "PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`); status != 201 {
				t.Fatal(status)
			}
			own := audited(t, everything, "&action=C")[0]
			body := string(own.raw)
			const event = `{"resourceType":"AuditEvent",%s"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-event-type","code":"rest"},"recorded":"2026-01-01T00:00:00Z",` +
				`"agent":[{"requestor":true}],"source":{"observer":{%s}}}`
			theirs := fmt.Sprintf(event, `"id":"theirs",`, `"display":"a gateway"`)
			for _, c := range []struct {
				method, path, body string
				status             int
			}{
				{"PUT", "/AuditEvent/" + own.ID, body, 405},
				{"PUT", "/AuditEvent/" + own.ID, strings.Replace(theirs, "theirs", own.ID, 1), 405},
				{"DELETE", "/AuditEvent/" + own.ID, "", 405},
				{"DELETE", "/AuditEvent?action=C", "", 405},
				{"POST", "/AuditEvent/" + own.ID + "/$meta-add", `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"urn:x","code":"y"}]}}]}`, 405},
				{"POST", "/AuditEvent/" + own.ID + "/$expunge", `{"resourceType":"Parameters","parameter":[{"name":"expungeEverything","valueBoolean":true}]}`, 405},
				{"POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"AuditEvent/` + own.ID + `"}}]}`, 405},
				{"PATCH", "/AuditEvent/" + own.ID, `[{"op":"replace","path":"/outcome","value":"8"}]`, 405},
				{"POST", "/AuditEvent", fmt.Sprintf(event, `"meta":{"tag":[{"system":"urn:vitalwire:audit","code":"server"}]},`, `"display":"x"`), 422},
				{"POST", "/AuditEvent", fmt.Sprintf(event, "", `"identifier":{"value":"`+s.Base+`"}`), 422},
				{"POST", "/AuditEvent", fmt.Sprintf(event, "", `"display":"Vitalwire"`), 422},
				{"PUT", "/AuditEvent/theirs", theirs, 201},
				{"PUT", "/AuditEvent/theirs", strings.Replace(theirs, "a gateway", "another", 1), 200},
				{"POST", "/AuditEvent", fmt.Sprintf(event, "", `"display":"a gateway"`), 201},
			} {
				header := []string{"Content-Type", "application/fhir+json"}
				if c.method == "PATCH" {
					header[1] = "application/json-patch+json"
				}
				status, _, answer := everything.ask(t, c.method, c.path, c.body, header...)
				if status != c.status {
					t.Errorf("%s %s: %d %s", c.method, c.path, status, answer)
				}
			}
			if status, _, answer := everything.ask(t, "POST", "/$expunge", `{"resourceType":"Parameters","parameter":[{"name":"expungeEverything","valueBoolean":true}]}`); status != 200 {
				t.Error(status, answer)
			}
			list := audited(t, everything, "")
			if i := slices.IndexFunc(list, func(e auditEvent) bool { return e.ID == own.ID }); i < 0 || string(list[i].raw) != body {
				t.Error("it was changed")
			}
			if status, out, errs := run(nil, "verify-audit", "--store", store); status != 0 {
				t.Error(out, errs)
			}
		})
	}
}

// Wildcards do not reach AuditEvents; a scope that names them does, with the role for it.
func TestAudit_WhoSeesAuditEvents(t *testing.T) {
	store := stores["sqlite"](t)
	s := start(t, store, required)
	all := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
	if status, _, _ := all.ask(t, "PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`); status != 201 {
		t.Fatal(status)
	}
	own := audited(t, asker{s.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}, "")[0].ID
	for scope, status := range map[string]int{"system/*.cruds": 403, "system/Patient.cruds": 403, "system/AuditEvent.c": 403, "system/AuditEvent.s": 403, "system/AuditEvent.r": 200, "system/*.rs system/AuditEvent.r": 200} {
		caller := asker{s.Base, command(t, store, "token", "--scope", scope)}
		if got, _, answer := caller.ask(t, "GET", "/AuditEvent/"+own, ""); got != status {
			t.Errorf("%s: %d %s", scope, got, answer)
		}
	}
	for _, path := range []string{"/_history", "?_type=AuditEvent", "?_lastUpdated=gt2000-01-01", "/Patient/p/*", "/Patient/p/$everything", "/Patient?_revinclude=AuditEvent:patient", "/Patient?_revinclude=*", "/Patient?_has:AuditEvent:patient:action=C"} {
		status, _, answer := all.ask(t, "GET", path, "")
		if status == 200 && strings.Contains(answer, `"resourceType":"AuditEvent"`) || status == 500 {
			t.Errorf("%s: %d %.300s", path, status, answer)
		}
	}
	if status, _, answer := all.ask(t, "GET", "/Patient?_has:AuditEvent:patient:action=C", ""); status != 403 {
		t.Errorf("%d %s", status, answer)
	}
}

// What cannot be audited is refused: nothing is read, and nothing is written.
func TestAudit_RefusesWhenTheQueueIsFull(t *testing.T) {
	for failure, status := range map[string]int{"refuse": 503, "continue": 200} {
		store := stores["sqlite"](t)
		s := start(t, store, required, func(c *server.Config) { c.Audited.Bound, c.Audited.Failure = 10, failure })
		all := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
		if got, _, answer := all.ask(t, "PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`); got != 201 {
			t.Error(got, answer) // its event is in its commit
		}
		for _, path := range []string{"/Patient/p", "/Patient", "/Patient/p/_history", "/Patient/p/$everything"} {
			got, header, answer := all.ask(t, "GET", path, "")
			if got != status || status == 503 && (header.Get("Retry-After") == "" || strings.Contains(answer, `"Patient"`)) {
				t.Errorf("%s: %d %s", path, got, answer)
			}
		}
		// What is hidden and what is not there are refused alike.
		if got, _, _ := all.ask(t, "GET", "/Patient/none", ""); failure == "refuse" && got != 503 {
			t.Error(got)
		}
		_, _, metrics := asker{s.Root, all.token}.ask(t, "GET", "/metrics", "")
		if !strings.Contains(metrics, "audit_failed ") || strings.Contains(metrics, "audit_failed 0\n") {
			t.Error("no failure is counted")
		}
	}
}

// Kill -9 at any time: every answered read and write has its event, every event of a
// write is of one that there is, and the chain is whole.
func TestAudit_Killed(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store, dir := open(t), t.TempDir()
			p := spawn.Start(t, store, "--audit", "on", "--audit-dir", dir)
			var mu sync.Mutex
			read, wrote := map[string]int{}, map[string]bool{}
			for round := range 4 {
				var clients sync.WaitGroup
				stop := make(chan struct{})
				for w := range 4 {
					clients.Go(func() {
						for n := 0; ; n++ {
							select {
							case <-stop:
								return
							default:
							}
							id := fmt.Sprintf("p%d-%d-%d", round, w, n)
							if status, _, answer := exchange(http.MethodPut, p.Base+"/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`"}`); status != 201 {
								if status != 0 {
									t.Error(status, answer)
								}
								return
							}
							mu.Lock()
							wrote[id] = true
							mu.Unlock()
							if status, _, _ := exchange(http.MethodGet, p.Base+"/Patient/"+id, ""); status != 200 {
								return
							}
							mu.Lock()
							read[id]++
							mu.Unlock()
						}
					})
				}
				for some, patience := 0, 0; some < 10*(round+1) && patience < 600; patience++ {
					time.Sleep(50 * time.Millisecond)
					mu.Lock()
					some = len(read)
					mu.Unlock()
				}
				p.Kill(t)
				close(stop)
				clients.Wait()
				if status, out, errs := run(nil, "verify-audit", "--store", store, "--audit-dir", dir); status != 0 {
					t.Fatal(out, errs)
				}
				p.Restart(t)
			}
			reads, writes := map[string]int{}, map[string]int{}
			for _, e := range audited(t, asker{base: p.Base}, "") {
				id := strings.TrimPrefix(e.patient(), "Patient/")
				switch e.Subtype[0].Code {
				case "read":
					reads[id]++
				case "create":
					writes[id]++
				}
			}
			for id, n := range read {
				if reads[id] < n {
					t.Errorf("%d of %d reads of %s were audited", reads[id], n, id)
				}
			}
			for id := range wrote {
				if writes[id] != 1 {
					t.Errorf("the write of %s has %d events", id, writes[id])
				}
			}
			for id := range writes {
				if status, _, _ := exchange(http.MethodGet, p.Base+"/Patient/"+id, ""); status != 200 {
					t.Errorf("an event of %s, which is not there", id)
				}
			}
			for id, n := range reads {
				if n > 1 {
					t.Errorf("%d events of one read of %s", n, id)
				}
			}
			if len(wrote) == 0 || len(read) == 0 {
				t.Error("nothing was done")
			}
			p.Stop(t)
			if left, _ := filepath.Glob(filepath.Join(dir, "*", "*.spool")); len(left) > 0 {
				info, _ := os.Stat(left[0])
				t.Error("something waits still: ", left, info.Size())
			}
		})
	}
}

// Tokens, users and clients: what an administrator and the token endpoint do is audited
// by who did it, and no secret is in it.
func TestAudit_PeopleAndTokens(t *testing.T) {
	check := balpCheck(t)
	store := stores["sqlite"](t)
	s := start(t, store, required)
	admin := asker{s.Root, command(t, store, "token", "--scope", "system/*.cruds")}
	if status, _, answer := admin.ask(t, "POST", "/admin/users", `{"name":"anna","role":"practitioner","password":"cobalt tram 91 lantern"}`, "Content-Type", "application/json"); status != 201 {
		t.Fatal(status, answer)
	}
	secret := command(t, store, "client", "add", "gate", "--secret", "--scope", "system/Patient.rs")
	client := asker{base: s.Base}
	if status, _, answer := client.ask(t, "POST", "/auth/token", "grant_type=client_credentials&scope=system/Patient.rs&client_id=gate&client_secret="+secret,
		"Content-Type", "application/x-www-form-urlencoded"); status != 200 {
		t.Fatal(status, answer)
	}
	var got []string
	for _, e := range audited(t, asker{s.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}, "") {
		check(e.raw)
		if strings.Contains(string(e.raw), secret) || strings.Contains(string(e.raw), "lantern") {
			t.Errorf("a secret: %s", e.raw)
		}
		got = append(got, e.Subtype[0].Code)
	}
	for _, want := range []string{"user-added", "ITI-71"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %v", want, got)
		}
	}
}
