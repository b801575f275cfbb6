package server_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// isHidden are the resources of ward that patient a's tokens do not reach.
var isHidden = []string{"Patient/b", "Observation/b1", "Observation/b2", "Encounter/eb", "Condition/cb", "MedicationRequest/mb", "Device/db",
	"DiagnosticReport/rb", "Provenance/pb", "List/lb", "Binary/bb", "Binary/bn", "Basic/xb", "Observation/gone"}

// What differs between two servers whatever is in them.
var passing = []struct {
	of *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+`), "ROOT"},
	{regexp.MustCompile(`_cursor=[A-Za-z0-9_-]+`), "_cursor=C"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`), "TIME"},
	{regexp.MustCompile(`did you mean \w+`), "did you mean"},
	{regexp.MustCompile(`_async/[a-z0-9]+`), "_async/ID"},
	{regexp.MustCompile(`"next":"[A-Za-z0-9_-]{40,}"`), `"next":"C"`},
}

func normal(text string) string {
	for _, p := range passing {
		text = p.of.ReplaceAllString(text, p.by)
	}
	return text
}

// told is all that a client is told: the status, the headers that say something, and
// the body. The next pages of a Bundle are told with it.
func told(t *testing.T, who asker, method, path, body string, header ...string) string {
	t.Helper()
	return toldPages(t, who, 5, method, path, body, header...)
}

func toldPages(t *testing.T, who asker, pages int, method, path, body string, header ...string) string {
	t.Helper()
	status, got, answer := who.ask(t, method, path, body, header...)
	text := fmt.Sprint(status, "\n")
	for _, name := range []string{"ETag", "Location", "Content-Location", "Content-Type", "Allow", "WWW-Authenticate", "Cache-Control", "Vary", "X-Security-Context", "Content-Disposition"} {
		text += name + ": " + got.Get(name) + "\n"
	}
	text += answer
	for page := 0; page < pages; page++ {
		next := regexp.MustCompile(`"relation":"next","url":"([^"]+)"`).FindStringSubmatch(answer)
		if next == nil {
			break
		}
		_, _, answer = who.ask(t, "GET", strings.TrimPrefix(next[1], who.base), "")
		text += "\n" + answer
	}
	return normal(text)
}

// probe is a request that somebody could try.
type probe struct {
	method, path, body string
	header             []string
}

func get(path string) probe { return probe{method: "GET", path: path} }

// bodyOf is the body of a resource of ward; of one that is not in it that of another.
func bodyOf(key string) string {
	body := observed("b", "vital-signs", "hr", "final", "2020")
	for _, r := range ward {
		if r.key == key {
			body = r.body
		}
	}
	return body
}

// probes are those of the leak paths of security.md D.6.
func probes() []probe {
	var list []probe
	add := func(method, path, body string, header ...string) {
		list = append(list, probe{method, path, body, header})
	}
	for _, key := range isHidden {
		typ, id, _ := strings.Cut(key, "/")
		add("GET", "/"+key, "")                                                               // L1
		add("HEAD", "/"+key, "")                                                              // L2
		add("GET", "/"+key+"/_history/1", "")                                                 // L3
		add("GET", "/"+key+"/_history/2", "")                                                 //
		add("GET", "/"+key+"/_history/99", "")                                                //
		add("GET", "/"+key+"/_history", "")                                                   // L4
		add("GET", "/"+key, "", "If-None-Match", `W/"1"`)                                     // L7
		add("GET", "/"+key, "", "If-Modified-Since", "Sun, 01 Jan 2090 00:00:00 GMT")         //
		add("GET", "/"+key+"?_elements=id", "")                                               // L9
		add("GET", "/"+key+"?_summary=text", "")                                              //
		add("GET", "/"+key+"/$meta", "")                                                      // L11
		add("GET", "/"+key+"/_history/1/$meta", "")                                           //
		add("POST", "/"+key+"/$expunge", `{"resourceType":"Parameters"}`)                     //
		add("GET", "/"+key+"/$everything", "")                                                // L31
		add("GET", "/"+key+"/$validate", "")                                                  // L33
		add("GET", "/"+key+"/$graphql?query={id}", "")                                        // L35
		add("GET", "/"+key+"/$document", "")                                                  //
		add("GET", "/"+typ+"?_id="+id, "")                                                    // L12
		add("GET", "/"+typ+"?_id="+id+"&_summary=count", "")                                  // L14
		add("GET", "/"+typ+"?_lastUpdated=gt2000&_total=accurate", "")                        // L24
		add("GET", "/"+typ+"?_sort=-_lastUpdated&_count=1&_total=accurate", "")               // L15
		add("GET", "/"+typ+"/_history?_count=2", "")                                          // L5
		add("GET", "/"+key+"/Observation", "")                                                // L26
		add("GET", "/"+key+"/*", "")                                                          //
		add("GET", "/Observation?focus="+key+"&_total=accurate", "")                          //
		add("GET", "/Provenance?target="+key, "")                                             //
		add("GET", "/List?item="+key, "")                                                     //
		add("GET", "/List?item="+key+"&_include=List:item", "")                               // L17
		add("GET", "/$graphql?query="+url.QueryEscape(`{`+typ+`(id:"`+id+`"){id}}`), "")      // L35
		add("GET", "/$graphql?query="+url.QueryEscape(`{`+typ+`List(_id:"`+id+`"){id}}`), "") //
		mine := resource(key, strings.ReplaceAll(bodyOf(key), "Patient/b", "Patient/a"))
		add("PUT", "/"+key, mine)                                                                                             // L39
		add("PUT", "/"+key, mine, "If-Match", `W/"1"`)                                                                        // L40
		add("PUT", "/"+key, mine, "If-None-Match", `*`)                                                                       //
		add("PUT", "/"+typ+"?_id="+id, mine)                                                                                  //
		add("POST", "/"+typ, mine, "If-None-Exist", "_id="+id)                                                                // L37
		add("PATCH", "/"+key, `[{"op":"test","path":"/id","value":"`+id+`"}]`, "Content-Type", "application/json-patch+json") // L41
		add("PATCH", "/"+key, `[{"op":"test","path":"/id","value":"`+id+`"}]`, "Content-Type", "application/json-patch+json", "If-Match", `W/"1"`)
		add("PATCH", "/"+typ+"?_id="+id, `[{"op":"test","path":"/id","value":"x"}]`, "Content-Type", "application/json-patch+json")
		add("DELETE", "/"+key, "")                                                                                                          // L42
		add("DELETE", "/"+key, "", "If-Match", `W/"1"`)                                                                                     //
		add("DELETE", "/"+typ+"?_id="+id, "")                                                                                               // L38
		add("POST", "/"+key+"/$meta-add", `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"x"}]}}]}`) // L11
		add("POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"`+key+`"}},{"request":{"method":"GET","url":"`+typ+`?_id=`+id+`"}},{"request":{"method":"DELETE","url":"`+key+`"}}]}`)
		add("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"`+key+`"}}]}`) // L43
		add("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"`+key+`"},"resource":`+mine+`}]}`)
		add("GET", "/"+key, "", "Prefer", "respond-async")
	}
	for _, path := range []string{
		"/Observation", "/Observation?_total=accurate", "/Observation?_count=1&_total=accurate", "/Observation?code=hr", "/Observation?code=glu&_sort=date", "/Observation?date=ge2020",
		"/Observation?value-quantity=gt3", "/Observation?_summary=count", "/Observation?category=laboratory", "/Observation?status:not=final", "/Observation?performer:missing=true",
		"/Observation?subject:missing=false", "/Observation?code:above=hr", "/Observation?_filter=code%20eq%20glu", "/Observation?_content=hr", "/Observation?_text=hr", "/Observation?code:text=hr",
		"/Observation?_sort=code", "/Observation?_sort=subject.name,-date&_count=1", "/Observation?_sort=-subject.birthdate", "/Observation?_contained=both", "/Observation?_contained=true",
		"/Observation?subject.name=Bell", "/Observation?patient.gender=male", "/Observation?subject:Patient._id=b", "/Observation?subject=Patient/a,Patient/b", "/Observation?_include=*&_count=2",
		"/Observation?_include=Observation:focus&_include:iterate=Patient:general-practitioner", "/Observation?_revinclude=DiagnosticReport:result&_revinclude=Provenance:target&_revinclude=List:item",
		"/Observation?_list=la", "/Observation?_list=lb", "/Observation?combo-code=hr", "/Observation?code-value-quantity=http://c%7Cglu$5",
		"/Patient", "/Patient?name=Bell", "/Patient?gender=male", "/Patient?_has:Observation:patient:code=hr", "/Patient?_has:Observation:patient:value-quantity=gt3", "/Patient?_sort=name", "/Patient?_revinclude=Observation:focus",
		"/Patient?_has:Observation:subject:_has:DiagnosticReport:result:status=final", "/Patient?link=Patient/b", "/Patient?general-practitioner=Practitioner/doc", "/Patient?birthdate=lt2000&_total=accurate",
		"/Practitioner?_has:Observation:performer:code=hr", "/Practitioner?_has:Patient:general-practitioner:name=Bell", "/Practitioner?_revinclude=Observation:performer", "/Practitioner/doc/Observation", "/Practitioner/other/Observation",
		"/Medication?_has:MedicationRequest:medication:status=active", "/Medication?_has:MedicationRequest:medication:subject=Patient/b", "/Medication?_revinclude=MedicationRequest:medication", "/Location?_has:Encounter:location:status=finished",
		"/Device", "/Device?patient=Patient/b", "/Device?patient:missing=true", "/Device?_total=accurate&_count=1", "/DiagnosticReport?_include=DiagnosticReport:result", "/DiagnosticReport?result.code=hr", "/DiagnosticReport?result=Observation/b1",
		"/Encounter?_total=accurate", "/List", "/List?item.code=hr", "/List?_include=List:item", "/Provenance", "/Provenance?_include=Provenance:target", "/Basic?_total=accurate", "/Binary", "/RelatedPerson", "/RelatedPerson?patient=Patient/b",
		"/?_type=Observation,Patient,Device&_total=accurate", "/?_lastUpdated=gt2000&_count=3", "/?_type=Observation&_sort=-_lastUpdated", "/Patient/a/*?_total=accurate", "/Patient/b/*", "/Patient/a/Observation?_count=1", "/Patient/b/Condition",
		"/_history", "/_history?_count=3", "/_history?_since=2020-01-01T00:00:00Z", "/_history?_at=2090", "/_history?_sort=_lastUpdated&_count=2", "/_history?_list=la", "/_history?_list=lb", "/Observation/_history", "/Patient/_history?_count=1", "/Device/_history",
		"/Patient/a/$everything", "/Patient/a/$everything?_count=2", "/Patient/b/$everything", "/Patient/$everything", "/Patient/$everything?_count=3", "/Patient/a/$everything?_type=Observation,Device", "/Patient/a/$everything?_since=2020-01-01T00:00:00Z", "/Encounter/ea/$everything",
		"/Observation/$lastn?patient=a", "/Observation/$lastn?patient=a,b&max=5", "/Observation/$lastn?patient=b", "/Observation/$lastn?subject:Patient.name=Bell", "/Observation/$stats?subject=Patient/a&code=glu&system=http://c&statistic=average,maximum,count&duration=100000", "/Observation/$stats?subject=Patient/b&code=glu&system=http://c&statistic=average,count&duration=100000",
		"/$meta", "/Observation/$meta", "/Patient/$meta", "/Composition/$document?id=x", "/Patient/a/$graph?graph=x", "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender", "/$versions",
		"/Observation?_explain=1", "/metadata/x", "/$reindex-status", "/Group?member=Patient/b", "/AuditEvent", "/Bundle", "/Subscription", "/MessageHeader", "/DeviceMetric",
	} {
		list = append(list, get(path))
	}
	for _, query := range []string{
		`{ObservationList{id subject{reference resource{id}} focus{resource{id}}}}`, `{PatientList{id ObservationList(_reference:patient){id}}}`, `{PatientConnection{count total edges{resource{id}}}}`,
		`{PractitionerList{id PatientList(_reference:general_practitioner){id}}}`, `{ObservationConnection(_count:1){count next edges{resource{id}}}}`, `{DiagnosticReportList{id result{resource{id}}}}`, `{ObservationList(code:"hr"){id}}`,
		`{Patient(id:"a"){id ProvenanceList(_reference:target){id} ListList(_reference:subject){id entry{item{resource{id}}}}}}`, `{DeviceList{id patient{resource{id}}}}`, `{MedicationList{id MedicationRequestList(_reference:medication){id}}}`,
	} {
		list = append(list, get("/$graphql?query="+url.QueryEscape(query)))
	}
	member := `{"resourceType":"Parameters","parameter":[{"name":"MemberPatient","resource":{"resourceType":"Patient","name":[{"family":"Bell"}],"birthDate":"1980-01-01"}},{"name":"CoverageToMatch","resource":{"resourceType":"Coverage","identifier":[{"value":"1"}]}}]}`
	add("POST", "/Patient/$member-match", member)
	own := func(rest string) string {
		return `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"}` + rest + `}`
	}
	add("POST", "/Observation", own(""), "If-None-Exist", "focus=Patient/a") // L37
	add("POST", "/Observation", own(""), "If-None-Exist", "identifier=shared")
	add("POST", "/Observation", own(""), "If-None-Exist", "code=glu")
	add("PUT", "/Observation?identifier=shared", own(`,"valueString":"y"`))
	add("PUT", "/Observation?focus=Patient/a", own(`,"valueString":"y"`))
	add("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Observation"},"resource":`+own(`,"focus":[{"reference":"Patient?name=Bell"}]`)+`}]}`) // L43
	add("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Observation","ifNoneExist":"identifier=shared"},"resource":`+own("")+`}]}`)
	add("DELETE", "/Observation?identifier=shared", "")
	add("GET", "/Observation?_total=accurate&_count=2", "")
	return list
}

// The strongest of D.6: with what is hidden in the database, and without it, every
// answer to who may not see it is the same, byte by byte but for ids and times.
func TestD6_HiddenIsAsIfItNeverWas(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with, without := start(t, open(t), required), start(t, open(t), required)
			fill(t, without, slices.DeleteFunc(slices.Clone(ward), func(r struct{ key, body string }) bool { return slices.Contains(isHidden, r.key) }))
			root := fill(t, with, ward)
			// What is hidden has a past, a deletion, and an identifier.
			for _, w := range [][3]string{
				{"PUT", "/Observation/b1", resource("Observation/b1", observed("b", "vital-signs", "hr", "final", "2024-01-10")+`,"identifier":[{"value":"shared"}]`)},
				{"PUT", "/Observation/gone", resource("Observation/gone", observed("b", "vital-signs", "hr", "final", "2024-01-10"))},
				{"DELETE", "/Observation/gone", ""},
			} {
				if status, _, answer := root.ask(t, w[0], w[1], w[2]); status >= 300 {
					t.Fatalf("%v: %d %s", w, status, answer)
				}
			}
			for _, scope := range []string{every, few, lab + " patient/Patient.rs patient/Device.cruds", "user/*.cruds openid fhirUser #Patient/a:patient", "patient/*.rs @a #Practitioner/doc:practitioner", "patient/Observation.rs?_security=R @a"} {
				one, other := as(t, with, scoped(scope)), as(t, without, scoped(scope))
				asked := probes()
				different := 0
				for _, p := range asked {
					a, b := told(t, one, p.method, p.path, p.body, p.header...), told(t, other, p.method, p.path, p.body, p.header...)
					if a != b {
						if different++; different < 8 {
							t.Errorf("%s: %s %s %.200s %v:\nwith:    %.900s\nwithout: %.900s", scope, p.method, p.path, p.body, p.header, a, b)
						}
					}
					if strings.HasPrefix(a, "500") {
						t.Errorf("%s: %s %s: %.300s", scope, p.method, p.path, a)
					}
				}
				t.Logf("%s: %d requests, %d told apart", scope, len(asked), different)
			}
		})
	}
}
