package server_test

import (
	"slices"
	"strings"
	"testing"

	"vitalwire/internal/conformance"
	"vitalwire/server"
)

// E.1 "Playing with FHIR": every route of the server with the ids of another patient's
// resources, by a token of one patient with all rights. Nothing of it is told, and
// nothing of it is changed.
func TestE1_EveryRouteByAnotherPatient(t *testing.T) {
	counts := map[string]int{}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			s := start(t, open(t), required)
			root := fill(t, s, ward)
			own := as(t, s, scoped(every))
			for path, item := range openAPI(t, s).Paths {
				first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
				key := "Patient/b" // of a route that names any resource
				if i := slices.IndexFunc(isHidden, func(k string) bool { return strings.HasPrefix(k, first+"/") }); i >= 0 {
					key = isHidden[i]
				} else if strings.Contains(path, "{id}") && first != "{compartment}" && first[0] != '_' {
					continue // nobody has one of that type
				}
				typ, id, _ := strings.Cut(key, "/")
				at := strings.NewReplacer("{id}", id, "{vid}", "1", "{compartment}", typ, "{adapter}", "blegatt").Replace(path)
				who := own
				if item["servers"] != nil {
					who.base = s.Root
				}
				for method := range item {
					if method = strings.ToUpper(method); method == "SERVERS" || strings.Contains(at, "/auth/") || strings.HasSuffix(at, "$convert") {
						continue // $convert gives back what was sent
					}
					body := resource(key, strings.ReplaceAll(bodyOf(key), "Patient/b", "Patient/a"))
					status, _, answer := who.ask(t, method, at, body)
					counts[name]++
					if status >= 500 && status != 503 {
						t.Errorf("%s %s: %d %.300s", method, at, status, answer)
					}
					if strings.Contains(answer, "Bell") || strings.Contains(answer, `"reference":"Patient/b"`) && !strings.Contains(answer, `"a3"`) {
						t.Errorf("%s %s: %d tells of b: %.400s", method, at, status, answer)
					}
				}
			}
			for _, r := range ward {
				if !slices.Contains(isHidden, r.key) {
					continue
				}
				if status, header, answer := root.ask(t, "GET", "/"+r.key, ""); status != 200 || header.Get("ETag") != `W/"1"` {
					t.Errorf("%s: %d %v %s", r.key, status, header, answer)
				}
			}
		})
	}
	if !t.Failed() && counts["sqlite"] < 500 {
		t.Errorf("only %d requests", counts["sqlite"])
	}
	t.Logf("%v requests", counts)
}

// D.6 L42, L43 where references are enforced: a target that is hidden and one that is not
// there are refused alike, a referrer that is hidden is not named.
func TestD6_ReferencesTellNothing(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, open(t), required, func(c *server.Config) { c.References = "enforce" })
			fill(t, s, ward)
			own := as(t, s, scoped(every))
			create := func(focus string) (int, string) {
				status, _, answer := own.ask(t, "POST", "/Observation", ofA(subjectA+`,"focus":[{"reference":"`+focus+`"}]`))
				return status, strings.ReplaceAll(normal(answer), focus, "TARGET")
			}
			hidden, told := create("Patient/b")
			absent, same := create("Patient/none")
			if hidden != 422 || absent != 422 || told != same {
				t.Errorf("hidden: %d %s\nabsent: %d %s", hidden, told, absent, same)
			}
			if status, told := create("Practitioner/doc"); status != 201 {
				t.Errorf("what is there: %d %s", status, told)
			}
			// Observation/a1 is referred to by rb and pb, which are b's, and by own ones.
			for _, key := range []string{"DiagnosticReport/ra", "Provenance/pa", "List/la"} {
				if status, _, answer := own.ask(t, "DELETE", "/"+key, ""); status != 200 && status != 204 {
					t.Fatalf("%s: %d %s", key, status, answer)
				}
			}
			status, _, answer := own.ask(t, "DELETE", "/Observation/a1", "")
			if status != 409 || strings.Contains(answer, "rb") && strings.Contains(answer, "DiagnosticReport") || strings.Contains(answer, "Provenance") || strings.Contains(answer, "List/") {
				t.Errorf("%d %s", status, answer)
			}
			for _, key := range []string{"Patient/b", "Observation/b1", "Observation/none"} {
				if status, _, answer := own.ask(t, "DELETE", "/"+key, ""); status != 204 {
					t.Errorf("%s: %d %s", key, status, answer)
				}
			}
			gateway := as(t, s, scoped("system/Observation.c system/Device.cu"))
			if status, _, answer := gateway.ask(t, "POST", "/Observation", ofA(subjectB)); status != 201 {
				t.Errorf("a gateway stores for a patient whom it cannot read: %d %s", status, answer)
			}
			if status, _, answer := gateway.ask(t, "PUT", "/Device/new", `{"resourceType":"Device","id":"new"}`); status != 201 {
				t.Errorf("a gateway makes a device: %d %s", status, answer)
			}
			if status, _, answer := gateway.ask(t, "PUT", "/Device/da", `{"resourceType":"Device","id":"da","patient":{"reference":"Patient/a"},"status":"active"}`); status != 200 || answer != "" {
				t.Errorf("a gateway updates a device, and is not shown it: %d %s", status, answer)
			}
		})
	}
}

// What runs the server is for who administers it, whatever else somebody may do.
func TestAdministrationIsForAdministrators(t *testing.T) {
	s := start(t, stores["sqlite"](t), required)
	fill(t, s, ward)
	const expunge = `{"resourceType":"Parameters","parameter":[{"name":"expungePreviousVersions","valueBoolean":true}]}`
	for scope, may := range map[string]bool{
		"system/*.cruds": true, "system/*.rs": false, "system/*.cruds?_lastUpdated=gt2000": false, "patient/*.cruds @a": false, "user/*.cruds #Practitioner/doc:practitioner": false,
		"user/*.cruds #Practitioner/doc:device-manager": false, "user/*.cruds #Patient/a:patient": false, "user/*.cruds #Practitioner/doc:admin": false,
	} {
		for _, r := range [][3]string{{"POST", "/Observation/a1/$expunge", expunge}, {"POST", "/Observation/a1/$purge-history", ""}, {"GET", "/$reindex-status", ""}, {"GET", "../admin/packages", ""}, {"GET", "../ingest/quarantine", ""}} {
			who := as(t, s, scoped(scope))
			if rest, out := strings.CutPrefix(r[1], ".."); out {
				who.base, r[1] = s.Root, rest
			}
			status, _, answer := who.ask(t, r[0], r[1], r[2])
			if may != (status == 200) || !may && status != 403 {
				t.Errorf("%s as %s: %d %.200s", r[1], scope, status, answer)
			}
		}
	}
}

// A.6: what cannot be enforced is not granted.
func TestA6_WhatCannotBeEnforcedIsNotGranted(t *testing.T) {
	store := stores["sqlite"](t)
	refused := []string{
		"system/Observation.rs?_has:Observation:has-member:code=x", "system/Observation.rs?subject.name=x", "system/Observation.rs?subject:Patient.name=x", "system/Observation.rs?_include=*",
		"system/Observation.rs?_revinclude=Provenance:target", "system/Observation.rs?_sort=date", "system/Observation.rs?_count=1", "system/Observation.rs?_filter=code+eq+x", "system/Observation.rs?_list=1",
		"system/Observation.rs?_content=x", "system/Observation.rs?_text=x", "system/Observation.rs?code:in=http://x", "system/Observation.rs?code:below=x", "system/Observation.rs?code:text=x", "system/Observation.rs?nope=x",
		"system/Observation.rs?code=", "system/Observation.rs?code=x&_summary=count", "system/Observation.rs?code=x&_elements=id", "system/Observation.rs?_total=none", "system/Observation.rs?_type=Patient", "system/Observation.rs?_contained=true",
		"system/Location.rs?near=1|2", "system/Location.rs?partof:below=Location/1", "system/*.rs?nope=x", "system/Observation.rs?code=x&code:in=y", "system/Observation.rs?_query=x", "system/Observation.rs?date=nonsense",
		"patient/Observation.rs", "user/Patient.r",
	}
	for _, scope := range refused {
		if status, out, errs := run(nil, "token", "--scope", scope, "--store", store); status == 0 || !strings.Contains(errs, "cannot be granted") {
			t.Errorf("%s: %d %s %s", scope, status, out, errs)
		}
	}
	for _, scope := range []string{"system/Observation.rs?code=x", "system/Observation.cruds?category=http://c%7Cx&status=final,amended", "system/Patient.rs?birthdate=gt1990&gender:not=male", "system/*.rs?_security=http://s%7CR", "system/Observation.rs?value-quantity=gt5", "system/Observation.rs?_lastUpdated=gt2020", "system/Observation.rs?performer:missing=true"} {
		command(t, store, "token", "--scope", scope)
	}
	conformance.Table(t, "scopes", "Scopes that are not granted", "A.6: a search that cannot be tried on a resource by itself narrows no scope.",
		[]string{"scope", "granted"}, func() (rows [][]string) {
			for _, scope := range refused {
				rows = append(rows, []string{scope, "no"})
			}
			return rows
		}())
}
