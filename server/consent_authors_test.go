package server_test

import (
	"fmt"
	"strings"
	"testing"

	"vitalwire/auth"
	"vitalwire/server"
)

// TestD2_9_AuthoredByThroughRoles: data.meaning authoredby finds an Organization through
// PractitionerRole (security.md D.2 item 9), a Practitioner in his roles, and a role in its
// Practitioner. Who works elsewhere, too, is denied in doubt and not permitted. Roles that
// change count on the next request.
func TestD2_9_AuthoredByThroughRoles(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			running := start(t, open(t), consenting, func(c *server.Config) { c.Validate = "off" })
			root := as(t, running, auth.Access{Scopes: auth.ParseScopes("system/*.cruds")})
			role := func(id, practitioner, organization, rest string) {
				root.put(t, fmt.Sprintf(`{"resourceType":"PractitionerRole","id":%q,%s"practitioner":{"reference":"Practitioner/%s"},"organization":{"reference":"Organization/%s"}}`, id, rest, practitioner, organization))
			}
			for _, key := range []string{"Organization/house", "Organization/lab", "Practitioner/doc", "Practitioner/nurse", "Practitioner/away", "Practitioner/asks"} {
				typ, id, _ := strings.Cut(key, "/")
				root.put(t, fmt.Sprintf(`{"resourceType":%q,"id":%q,"active":true}`, typ, id))
			}
			role("dochouse", "doc", "house", "")
			role("nursehouse", "nurse", "house", `"period":{"end":"2019"},`)
			role("nurselab", "nurse", "lab", `"active":false,`)
			root.put(t, `{"resourceType":"PractitionerRole","id":"unnamed","organization":{"reference":"Organization/house"}}`)
			authors := map[string]string{"house": "Organization/house", "dochouse": "PractitionerRole/dochouse", "unnamed": "PractitionerRole/unnamed", "doc": "Practitioner/doc", "nurse": "Practitioner/nurse", "nurselab": "PractitionerRole/nurselab", "away": "Practitioner/away"}
			const all = "away doc dochouse house nurse nurselab unnamed"
			treats := `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]`
			doctor := as(t, running, auth.Access{FHIRUser: "Practitioner/asks", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.cruds"), Purposes: []string{"TREAT"}})
			number := 0
			want := func(named, permitted, denied string) {
				t.Helper()
				number++
				data := fmt.Sprintf(`"data":[{"meaning":"authoredby","reference":{"reference":%q}}]`, named)
				for kind, provision := range map[string]string{"p": `{"type":"permit",` + treats + `,` + data + `}`, "d": `{"type":"permit",` + treats + `,"provision":[{"type":"deny",` + data + `}]}`} {
					patient := fmt.Sprint(kind, number)
					root.put(t, fmt.Sprintf(`{"resourceType":"Patient","id":%q}`, patient))
					root.put(t, consentOf("c"+patient, patient, provision))
					for id, author := range authors {
						root.put(t, measured(patient+"-"+id, patient, "29463-7", `"performer":[{"reference":"`+author+`"}],`))
					}
					judgedOf(t, doctor, patient, named, map[string]string{"p": permitted, "d": denied}[kind], authors)
				}
			}
			want("Organization/house", "doc dochouse house unnamed", "away nurselab")
			want("Organization/lab", "nurselab", "away doc dochouse house unnamed")
			want("Practitioner/doc", "doc dochouse", "away house nurse nurselab unnamed")
			want("PractitionerRole/dochouse", "doc dochouse", "away house nurse nurselab unnamed")
			want("PractitionerRole/nurselab", "nurselab", "away doc dochouse house unnamed")
			want("Practitioner/away", "away", strings.TrimPrefix(all, "away "))
			role("doclab", "doc", "lab", "")
			judgedOf(t, doctor, "p1", "Organization/house", "dochouse house unnamed", authors)
			judgedOf(t, doctor, "d2", "Organization/lab", "away dochouse house unnamed", authors)
			judgedOf(t, doctor, "p4", "PractitionerRole/dochouse", "dochouse", authors)
			if status, _, answer := root.ask(t, "DELETE", "/PractitionerRole/doclab", ""); status >= 300 {
				t.Fatal(status, answer)
			}
			judgedOf(t, doctor, "p1", "Organization/house", "doc dochouse house unnamed", authors)
			judgedOf(t, doctor, "d2", "Organization/lab", "away doc dochouse house unnamed", authors)
		})
	}
}

// judgedOf holds what is found and read of a patient to what should be.
func judgedOf(t *testing.T, who asker, patient, named, want string, of map[string]string) {
	t.Helper()
	ids := strings.Fields(want)
	for i, id := range ids {
		ids[i] = patient + "-" + id
	}
	if got := seen(t, who, "/Observation?_total=accurate&patient="+patient); got != fmt.Sprintf("%s #%d", strings.Join(ids, " "), len(ids)) {
		t.Errorf("%s of %s: found %q, want %q", patient, named, got, want)
	}
	for id := range of {
		status, _, _ := who.ask(t, "GET", "/Observation/"+patient+"-"+id, "")
		if (status == 200) != strings.Contains(" "+want+" ", " "+id+" ") {
			t.Errorf("%s of %s: %s is %d", patient, named, id, status)
		}
	}
}
