package server_test

import (
	"fmt"
	"strings"
	"testing"

	"vitalwire/auth"
	"vitalwire/internal/conformance"
)

// attempt is a request that must not get out of a grant.
type attempt struct {
	name, scope, method, path, body string
	header                          []string
	// status, or what else is wanted of the answer.
	status int
}

// What is wanted where the status does not say it.
const (
	notNamed = -iota - 1 // GraphQL may tell of an error, and not of b1
	empty
	refusedPath
	notFound // 404, or 400 for the parameter
)

func ofA(rest string) string {
	return `{"resourceType":"Observation","status":"final","code":{"text":"x"}` + rest + `}`
}

const subjectA, subjectB = `,"subject":{"reference":"Patient/a"}`, `,"subject":{"reference":"Patient/b"}`

func a1(rest string) string { return strings.Replace(ofA(rest), "{", `{"id":"a1",`, 1) }

func entryOf(kind, method, url, resource string) string {
	if resource != "" {
		resource = `,"resource":` + resource
	}
	return `{"resourceType":"Bundle","type":"` + kind + `","entry":[{"fullUrl":"urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8","request":{"method":"` + method + `","url":"` + url + `"}` + resource + `}]}`
}

// The compartment escapes of security.md E.3, as patient a with every right.
var escapes = []attempt{
	{"create for another", every, "POST", "/Observation", ofA(subjectB), nil, 403},
	{"create for nobody", every, "POST", "/Observation", ofA(""), nil, 403},
	{"create by absolute reference to another", every, "POST", "/Observation", ofA(`,"subject":{"reference":"BASE/Patient/b"}`), nil, 403},
	{"create by absolute reference to oneself", every, "POST", "/Observation", ofA(`,"subject":{"reference":"BASE/Patient/a"}`), nil, 201},
	{"create by foreign reference", every, "POST", "/Observation", ofA(`,"subject":{"reference":"https://evil.example.org/fhir/Patient/a"}`), nil, 403},
	{"create by versioned reference to another", every, "POST", "/Observation", ofA(`,"subject":{"reference":"Patient/b/_history/1"}`), nil, 403},
	{"create by logical reference", every, "POST", "/Observation", ofA(`,"subject":{"type":"Patient","identifier":{"value":"a"}}`), nil, 403},
	{"create by contained reference", every, "POST", "/Observation", ofA(`,"contained":[{"resourceType":"Patient","id":"a"}],"subject":{"reference":"#a"}`), nil, 403},
	{"create of another, performed by oneself", every, "POST", "/Observation", ofA(subjectB + `,"performer":[{"reference":"Patient/a"}]`), nil, 403},
	{"create of oneself, performed by another", every, "POST", "/Observation", ofA(subjectA + `,"performer":[{"reference":"Patient/b"}]`), nil, 403},
	{"focus on another is no compartment", every, "POST", "/Observation", ofA(subjectA + `,"focus":[{"reference":"Patient/b"}]`), nil, 201},
	{"path in a reference", every, "POST", "/Observation", ofA(`,"subject":{"reference":"Patient/a/../b"}`), nil, 422},
	{"move away by PUT", every, "PUT", "/Observation/a1", a1(subjectB), nil, 403},
	{"share by PUT", every, "PUT", "/Observation/a1", a1(subjectA + `,"performer":[{"reference":"Patient/b"}]`), nil, 403},
	{"leave by PUT", every, "PUT", "/Observation/a1", a1(""), nil, 403},
	{"keep by PUT", every, "PUT", "/Observation/a1", a1(subjectA), nil, 200},
	{"take by PUT", every, "PUT", "/Observation/b1", strings.Replace(ofA(subjectA), "{", `{"id":"b1",`, 1), nil, 404},
	{"take by conditional PUT", every, "PUT", "/Observation?_id=b1", ofA(subjectA), nil, 404},
	{"new by PUT", every, "PUT", "/Observation/fresh", strings.Replace(ofA(subjectA), "{", `{"id":"fresh",`, 1), nil, 404},
	{"move away by PATCH", every, "PATCH", "/Observation/a2", `[{"op":"replace","path":"/subject/reference","value":"Patient/b"}]`, jsonPatch, 403},
	{"share by PATCH", every, "PATCH", "/Observation/a2", `[{"op":"add","path":"/performer","value":[{"reference":"Patient/b"}]}]`, jsonPatch, 403},
	{"take by PATCH", every, "PATCH", "/Observation/b1", `[{"op":"replace","path":"/subject/reference","value":"Patient/a"}]`, jsonPatch, 404},
	{"take by conditional PATCH", every, "PATCH", "/Observation?_id=b1", `[{"op":"replace","path":"/subject/reference","value":"Patient/a"}]`, jsonPatch, 404},
	{"delete another's", every, "DELETE", "/Observation/b1", "", nil, 204},
	{"delete another's by condition", every, "DELETE", "/Observation?_id=b1", "", nil, 204},
	{"transaction for another", every, "POST", "/", entryOf("transaction", "POST", "Observation", ofA(subjectB)), nil, 403},
	{"transaction moves away", every, "POST", "/", entryOf("transaction", "PUT", "Observation/a1", a1(subjectB)), nil, 403},
	{"transaction takes", every, "POST", "/", entryOf("transaction", "PUT", "Observation/b1", strings.Replace(ofA(subjectA), "{", `{"id":"b1",`, 1)), nil, 404},
	{"transaction makes a patient", every, "POST", "/", entryOf("transaction", "POST", "Patient", `{"resourceType":"Patient"}`), nil, 403},
	{"transaction wires to a new patient", every, "POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8","request":{"method":"POST","url":"Patient"},"resource":{"resourceType":"Patient","link":[{"other":{"reference":"Patient/a"},"type":"seealso"}]}},{"request":{"method":"POST","url":"Observation"},"resource":` + ofA(`,"subject":{"reference":"urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8"}`) + `}]}`, nil, 403},
	{"transaction reads another", every, "POST", "/", entryOf("transaction", "GET", "Patient/b", ""), nil, 404},
	{"conditional reference to another", every, "POST", "/", entryOf("transaction", "POST", "Observation", ofA(`,"subject":{"reference":"Patient?name=Bell"}`)), nil, 412},
	{"conditional reference to oneself", every, "POST", "/", entryOf("transaction", "POST", "Observation", ofA(`,"subject":{"reference":"Patient?name=Ames"}`)), nil, 200},
	{"entry with a foreign host", every, "POST", "/", entryOf("transaction", "GET", "https://evil.example.org/fhir/Patient/a", ""), nil, 400},
	{"entry with two slashes", every, "POST", "/", entryOf("transaction", "GET", "//Patient/b", ""), nil, 400},
	{"Patient.link makes a member", every, "PUT", "/Patient/a", `{"resourceType":"Patient","id":"a","link":[{"other":{"reference":"Patient/b"},"type":"seealso"}]}`, nil, 403},
	{"a patient linked to oneself", every, "POST", "/Patient", `{"resourceType":"Patient","link":[{"other":{"reference":"Patient/a"},"type":"seealso"}]}`, nil, 403},
	{"group of two", every, "POST", "/Group", `{"resourceType":"Group","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/a"}},{"entity":{"reference":"Patient/b"}}]}`, nil, 403},
	{"list of another's", every, "GET", "/List/la/$graphql?query={entry{item{resource{id}}}}", "", nil, notNamed},
	{"device to another", every, "PUT", "/Device/da", `{"resourceType":"Device","id":"da","patient":{"reference":"Patient/b"}}`, nil, 403},
	{"device to nobody", every, "PUT", "/Device/da", `{"resourceType":"Device","id":"da"}`, nil, 403},
	{"nobody's device to oneself", every, "PUT", "/Device/du", `{"resourceType":"Device","id":"du","patient":{"reference":"Patient/a"}}`, nil, 403},
	{"nobody's device gone", every, "DELETE", "/Device/du", "", nil, 403},
	{"another's device", every, "PUT", "/Device/db", `{"resourceType":"Device","id":"db","patient":{"reference":"Patient/a"}}`, nil, 404},
	{"shared type changed", every, "PUT", "/Practitioner/doc", `{"resourceType":"Practitioner","id":"doc"}`, nil, 403},
	{"shared type made", every, "POST", "/Organization", `{"resourceType":"Organization","name":"x"}`, nil, 403},
	{"shared type gone", every, "DELETE", "/Organization/org", "", nil, 403},
	{"id list", every, "GET", "/Patient?_id=b,a&gender=male", "", nil, empty},
	{"path out", every, "GET", "/Patient/a/../b", "", nil, refusedPath},
	{"escaped slash", every, "GET", "/Patient/a%2F..%2Fb", "", nil, 400},
	{"id of header", every, "GET", "/Patient/b", "", []string{"X-HTTP-Method-Override", "DELETE", "X-Patient", "a"}, 404},
	{"method in the query", every, "GET", "/Patient/b?_method=DELETE", "", nil, notFound},
	{"body with another id", every, "PUT", "/Observation/a1", strings.Replace(ofA(subjectA), "{", `{"id":"b1",`, 1), nil, 400},
	{"parameter twice", every, "GET", "/Observation?subject=Patient/a&subject=Patient/b", "", nil, empty},
	{"format trick", every, "GET", "/Patient/b?_format=json&_format=xml", "", nil, notFound},
	{"tag by $meta-add", every, "POST", "/Patient/b/$meta-add", `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"x"}]}}]}`, nil, 404},
	{"expunge", every, "POST", "/Patient/a/$expunge", `{"resourceType":"Parameters","parameter":[{"name":"expungeEverything","valueBoolean":true}]}`, nil, 403},
	{"reindex", every, "POST", "/$reindex", "", nil, 403},
	{"purge", every, "POST", "/Patient/a/$purge-history", "", nil, 403},
	{"mutation for another", every, "POST", "/$graphql", `{"query":"mutation{ObservationDelete(id:\"b1\"){id}}"}`, nil, notNamed},
	// Narrowed scopes.
	{"narrowed: create outside", lab2, "POST", "/Observation", ofA(subjectA), nil, 403},
	{"narrowed: create inside", lab2, "POST", "/Observation", resource("Observation/x", observed("a", "laboratory", "glu", "final", "2020")), nil, 201},
	{"narrowed: update outside", lab2, "PUT", "/Observation/a1", a1(subjectA), nil, 404},
	{"narrowed: move in", lab2, "PUT", "/Observation/a3", resource("Observation/a3", observed("a", "laboratory", "glu", "final", "2020")), nil, 404},
	{"narrowed: move out", lab2, "PUT", "/Observation/a2", resource("Observation/a2", observed("a", "survey", "glu", "final", "2020")), nil, 403},
	{"narrowed: move out by patch", lab2, "PATCH", "/Observation/a2", `[{"op":"remove","path":"/category"}]`, jsonPatch, 403},
	{"narrowed: stay", lab2, "PATCH", "/Observation/a2", `[{"op":"replace","path":"/status","value":"final"}]`, jsonPatch, 200},
	{"narrowed: read outside", lab2, "GET", "/Observation/a1", "", nil, 404},
	{"narrowed: delete outside", lab2, "DELETE", "/Observation/a1", "", nil, 204},
	{"narrowed: update readable only", "patient/Observation.rs patient/Observation.u?category=laboratory @a", "PUT", "/Observation/a1", a1(subjectA), nil, 403},
	{"narrowed backend: create outside", "system/Observation.cruds?category=laboratory", "POST", "/Observation", ofA(subjectA), nil, 403},
	{"narrowed backend: update outside", "system/Observation.cruds?category=laboratory", "PUT", "/Observation/a3", strings.Replace(ofA(subjectA), "{", `{"id":"a3",`, 1), nil, 404},
	{"narrowed backend: conditional create sees its own", "system/Observation.cruds?category=laboratory", "POST", "/Observation", resource("Observation/x", observed("a", "laboratory", "glu", "final", "2020")), []string{"If-None-Exist", "code=hr"}, 201},
}

const lab2 = "patient/Observation.cruds?category=laboratory @a"

var jsonPatch = []string{"Content-Type", "application/json-patch+json"}

// The scope confusion of security.md E.3 and what E.1 says of peers: who must be
// refused whatever he asks.
var confusions = []struct {
	name   string
	access auth.Access
	path   string
	status int
}{
	{"patient/ without a patient", scoped("patient/*.rs"), "/Patient", 403},
	{"patient/ without a patient reads", scoped("patient/*.rs"), "/Patient/a", 403},
	{"patient/ with a blank patient", auth.Access{Scopes: auth.ParseScopes("patient/*.rs"), Patient: " "}, "/Patient", 403},
	{"patient/ with a reference", scoped("patient/*.rs @Patient/a"), "/Patient", 403},
	{"patient/ with two", scoped("patient/*.rs @a,b"), "/Patient", 403},
	{"patient/ with an array", scoped(`patient/*.rs @["a"]`), "/Patient", 403},
	{"patient/ with a star", scoped("patient/*.rs @*"), "/Patient", 403},
	{"user/ without a user", scoped("user/*.rs"), "/Patient", 403},
	{"user/ with a blank user", auth.Access{Scopes: auth.ParseScopes("user/*.rs"), FHIRUser: " ", Role: auth.Practitioner}, "/Patient", 403},
	{"user/ of a foreign base", scoped("user/*.rs #https://evil.example.org/fhir/Practitioner/doc:practitioner"), "/Patient", 403},
	{"user/ with an array", scoped(`user/*.rs #["Practitioner/doc"]:practitioner`), "/Patient", 403},
	{"user/ of a version", scoped("user/*.rs #Practitioner/doc/_history/1:practitioner"), "/Patient", 403},
	{"user/ of an Observation", scoped("user/*.rs #Observation/a1:practitioner"), "/Patient", 403},
	{"user/ of a Device", scoped("user/*.rs #Device/da:practitioner"), "/Patient", 403},
	{"user/ of a Person", scoped("user/*.rs #Person/x:practitioner"), "/Patient", 403},
	{"user/ as patient without his Patient", scoped("user/*.rs #Practitioner/doc:patient"), "/Patient", 403},
	{"user/ as privacy officer", scoped("user/*.rs #Practitioner/doc:privacy-officer"), "/Patient", 403},
	{"system/ of a user's client", scoped("system/*.rs #Practitioner/doc:practitioner"), "/Patient", 403},
	{"system/ of a patient's client", scoped("system/*.cruds #Patient/a:patient"), "/Patient/b", 403},
	{"one scope for nobody spoils all", scoped("system/*.rs patient/*.rs"), "/Patient", 403},
	{"user/ with Patient fhirUser is no clinician", scoped("user/*.rs #Patient/a:admin"), "/Patient/b", 404},
	{"s without r: no read", scoped("patient/*.s @a"), "/Patient/a", 403},
	{"s without r: search", scoped("patient/*.s @a"), "/Patient", 200},
	{"r without s: no search", scoped("patient/*.r @a"), "/Patient", 403},
	{"r without s: read", scoped("patient/*.r @a"), "/Patient/a", 200},
	{"r without s: no type history", scoped("patient/*.r @a"), "/Patient/_history", 403},
	{"s without r: no history", scoped("patient/*.s @a"), "/Patient/a/_history", 403},
	{"write does not read", scoped("patient/*.write @a"), "/Patient/a", 403},
	{"read does not write", scoped("patient/*.read @a"), "/admin/packages", 404},
	{"no scope", scoped("openid fhirUser launch/patient @a"), "/Patient/a", 403},
	{"lower case is no scope", scoped("patient/patient.read @a"), "/Patient/a", 403},
	{"escaped filter is no scope", scoped("patient/Patient.rs%3Fname=x @a"), "/Patient/a", 403},
	{"abstract type is no scope", scoped("patient/Resource.rs patient/DomainResource.rs @a"), "/Patient/a", 403},
	{"filter with an include", scoped("patient/Patient.rs?name=ames&_include=Patient:link @a"), "/Patient/a", 404},
	{"filter with _has", scoped("patient/Patient.rs?_has:Observation:patient:code=hr @a"), "/Patient/a", 404},
	{"filter with a chain", scoped("patient/Patient.rs?organization.name=House @a"), "/Patient/a", 404},
	{"filter with _filter", scoped("patient/Patient.rs?_filter=name+eq+x @a"), "/Patient/a", 404},
	{"filter with _count", scoped("patient/Patient.rs?_count=1 @a"), "/Patient/a", 404},
	{"filter without a value", scoped("patient/Patient.rs?name= @a"), "/Patient/a", 404},
	{"filter with an unknown parameter", scoped("patient/Patient.rs?nope=1 @a"), "/Patient/a", 404},
	{"filter with :in", scoped("patient/Patient.rs?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender @a"), "/Patient/a", 404},
	{"filter with _list", scoped("patient/Patient.rs?_list=la @a"), "/Patient/a", 404},
	{"filter with full text", scoped("patient/Patient.rs?_content=ames @a"), "/Patient/a", 404},
	{"filter decoded once", scoped("patient/Patient.rs?name=a%256Des @a"), "/Patient/a", 404},
	{"filter decoded", scoped("patient/Patient.rs?name=a%6Des @a"), "/Patient/a", 200},
	{"self without openid", scoped("patient/Observation.rs fhirUser @a #Practitioner/doc:practitioner"), "/Practitioner/doc", 403},
	{"self", scoped("patient/Observation.rs openid fhirUser @a #Practitioner/doc:practitioner"), "/Practitioner/doc", 200},
	{"another than self", scoped("patient/Observation.rs openid fhirUser @a #Practitioner/doc:practitioner"), "/Practitioner/other", 404},
	{"Binary of own", scoped(every), "/Binary/ba", 200},
	{"Binary of another", scoped(every), "/Binary/bb", 404},
	{"Binary of nobody", scoped(every), "/Binary/bn", 404},
	{"Binary without scope", scoped(few), "/Binary/ba", 403},
}

func TestE3_CompartmentEscape(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			s := start(t, open(t), required)
			root := fill(t, s, ward)
			for i, c := range escapes {
				body := strings.ReplaceAll(c.body, "BASE", s.Base)
				status, _, answer := as(t, s, scoped(c.scope)).ask(t, c.method, c.path, body, c.header...)
				ok := status == c.status
				switch c.status {
				case notNamed:
					ok = !strings.Contains(answer, `"b1"`) || strings.Contains(answer, "errors")
				case empty:
					ok = status == 200 && found(t, answer) == ""
				case refusedPath:
					ok = status >= 400
				case notFound:
					ok = status == 404 || status == 400
				}
				if !ok || status != 201 && strings.Contains(answer, "Bell") && !strings.Contains(c.body, "Bell") {
					t.Errorf("%d %s: %s %s as %s: %d, want %d: %.400s", i, c.name, c.method, c.path, c.scope, status, c.status, answer)
				}
			}
			// Nothing of b is other than it was.
			for _, r := range ward {
				if strings.Contains(r.body, "Patient/b") || r.key == "Patient/b" {
					if _, header, answer := root.ask(t, "GET", "/"+r.key, ""); header.Get("ETag") != `W/"1"` && r.key != "Observation/a3" {
						t.Errorf("%s was changed: %s", r.key, answer)
					}
				}
			}
			if status, _, answer := root.ask(t, "GET", "/Observation?subject=Patient/b&_summary=count", ""); totalOf(t, answer) != "#2" {
				t.Errorf("b's Observations: %d %s", status, answer)
			}
			for _, c := range confusions {
				status, _, answer := as(t, s, c.access).ask(t, "GET", c.path, "")
				if status != c.status {
					t.Errorf("%s: %s: %d, want %d: %.300s", c.name, c.path, status, c.status, answer)
				}
			}
		})
	}
	if !t.Failed() {
		conformance.Table(t, "authorization", "Authorization",
			"What must not get out of a token's reach (security.md D.6, E.2, E.3), on both stores.",
			[]string{"corpus", "cases", "got out"}, [][]string{
				{"scenarios of SMART searches (E.2), by GET and POST", fmt.Sprint(len(scenarios)), "0"},
				{"compartment escapes (E.3)", fmt.Sprint(len(escapes)), "0"},
				{"scope confusion (E.3)", fmt.Sprint(len(confusions)), "0"},
				{"requests answered with and without what is hidden (D.6), for each of 6 tokens", fmt.Sprint(len(probes())), "0"},
			})
	}
}
