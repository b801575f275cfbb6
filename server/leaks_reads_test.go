package server_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func leaks() []leak { return append(append(readLeaks(), writeLeaks()...), sideLeaks()...) }

// paths are GET requests; %k in them is the key of what is hidden, %i its id.
func paths(list ...string) func(string) []probe {
	return func(key string) (probes []probe) {
		for _, path := range list {
			probes = append(probes, get(about(path, key)))
		}
		return probes
	}
}

func about(text, key string) string {
	_, id, _ := strings.Cut(key, "/")
	return strings.NewReplacer("%k", key, "%i", id).Replace(text)
}

// graphs are GraphQL queries.
func graphs(list ...string) func(string) []probe {
	return func(key string) (probes []probe) {
		for _, query := range list {
			probes = append(probes, get("/$graphql?query="+url.QueryEscape(about(query, key))))
		}
		return probes
	}
}

func joined(a, b func(string) []probe) func(string) []probe {
	return func(key string) []probe { return append(a(key), b(key)...) }
}

// readLeaks are L1 to L36: reads, searches and operations.
func readLeaks() []leak {
	return []leak{
		{n: 1, name: "read by id", reads: paths("/%k", "/%k?_format=xml", "/%k?_pretty=true"), more: likeUnknown("GET", "")},
		{n: 2, name: "HEAD", reads: func(key string) []probe { return []probe{{"HEAD", "/" + key, "", nil}} }, more: likeUnknown("HEAD", "")},
		{n: 3, name: "vread of it and of older versions", reads: paths("/%k/_history/1", "/%k/_history/2", "/%k/_history/3"), more: onceSeen},
		{n: 4, name: "history of an instance", reads: paths("/%k/_history", "/%k/_history?_count=1", "/%kgone/_history", "/%k/_history?_since=2020-01-01T00:00:00Z")},
		{n: 5, name: "history of a type and of all, _since", reads: paths("/Observation/_history", "/Observation/_history?_count=2", "/_history?_count=3", "/_history?_since=2020-01-01T00:00:00Z", "/Observation/_history?_summary=count", "/_history?_list=%i")},
		{n: 6, name: "410 or 404 of what is deleted", reads: func(key string) []probe {
			return []probe{get("/" + key + "gone"), {"HEAD", "/" + key + "gone", "", nil}, get("/" + key + "gone/_history/2"), get("/" + key + "gone/_history/1")}
		}},
		{n: 7, name: "If-None-Match and If-Modified-Since", reads: func(key string) []probe {
			return []probe{{"GET", "/" + key, "", []string{"If-None-Match", `W/"2"`}}, {"GET", "/" + key, "", []string{"If-None-Match", `W/"1"`}}, {"GET", "/" + key, "", []string{"If-Modified-Since", "Sun, 01 Jan 2090 00:00:00 GMT"}}, {"HEAD", "/" + key, "", []string{"If-None-Match", `W/"2"`}}}
		}},
		{n: 8, name: "gaps of versions", reads: paths("/%k/_history/1", "/%k"), more: noGaps},
		{n: 9, name: "_elements and _summary", reads: paths("/%k?_elements=id", "/%k?_summary=text", "/%k?_summary=data", "/%k?_summary=true", "/%k?_summary=count", "/Observation?_elements=id&_count=50", "/Observation?_summary=text&_id=%i", "/Observation?_summary=data")},
		{n: 10, name: "Binary and attachments by id", reads: paths("/Binary/%i", "/DocumentReference/%i", "/Binary/%i/_history/1", "/Binary?_id=%i&_total=accurate", "/DocumentReference?location=Binary/%i", "/DiagnosticReport/%i"), more: rawBinary},
		{n: 11, name: "$meta, $meta-add, $expunge", reads: paths("/%k/$meta", "/%k/_history/1/$meta", "/Observation/$meta", "/$meta"), writes: func(key string) []probe {
			tag := `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"x"}]}}]}`
			return []probe{{"POST", "/" + key + "/$meta-add", tag, nil}, {"POST", "/" + key + "/$meta-delete", tag, nil}, {"POST", "/" + key + "/$expunge", `{"resourceType":"Parameters"}`, nil}}
		}},
		{n: 12, name: "search by its values", reads: paths("/Observation?_id=%i", "/Observation?code=8867-4", "/Observation?date=2025-01-01", "/Observation?value-quantity=199", "/Observation?identifier=urn:id|%i0", "/Condition?code=86406008", "/Patient?name=Zebra")},
		{n: 13, name: "Bundle.total", reads: paths("/Observation?_total=accurate&_count=1", "/Observation?_total=estimate&_count=1", "/Observation?_id=%i&_total=accurate", "/Patient?_total=accurate", "/Condition?_total=accurate")},
		{n: 14, name: "_summary=count and _count=0", reads: paths("/Observation?_summary=count", "/Observation?_id=%i&_summary=count", "/Observation?_count=0", "/?_summary=count", "/Encounter?_summary=count")},
		{n: 15, name: "fullness of pages and next links", reads: paths("/Observation?_count=1", "/Observation?_count=2&_sort=-date", "/Observation?_count=3&_sort=date", "/Observation?_count=4", "/Observation?_count=5", "/Observation?_count=6&_sort=_id")},
		{n: 16, name: "cursors", reads: paths("/Observation?_count=1&_sort=-value-quantity", "/Observation/_history?_count=1"), more: ownCursors},
		{n: 17, name: "_include, :iterate, *", reads: paths("/List?_id=m&_include=List:item", "/DiagnosticReport?_id=m&_include=*", "/Composition?_id=m&_include=Composition:entry&_include:iterate=Observation:has-member", "/Observation?_include=Observation:has-member&_include:iterate=Observation:derived-from", "/List?_include=*&_count=1", "/Observation?_id=m1&_revinclude=Provenance:target&_include:iterate=Provenance:agent")},
		{n: 18, name: "_revinclude and *", reads: paths("/Observation?_id=m1&_revinclude=*", "/Observation?_id=m1&_revinclude=Observation:derived-from", "/Practitioner?_revinclude=Observation:performer", "/Observation?_id=m1&_revinclude=List:item&_revinclude=Provenance:target", "/Patient?_revinclude=Observation:subject&_revinclude:iterate=DiagnosticReport:result")},
		{n: 19, name: "includes by what makes no member", reads: paths("/Observation?_id=mref&_include=Observation:focus", "/Observation?_include=Observation:focus", "/Location?_revinclude=Observation:focus")},
		{n: 20, name: "chains and _has as oracles", reads: paths("/Patient?_has:Observation:patient:code-value-quantity=8867-4$gt100", "/Practitioner?_has:Observation:performer:value-quantity=gt100", "/Observation?subject.name=Zebra", "/DiagnosticReport?result.value-quantity=gt100", "/DiagnosticReport?result:Observation._id=%i", "/List?item:Observation.value-quantity=gt100", "/Location?_has:Encounter:location:status=planned", "/Observation?encounter.status=planned", "/Observation?focus:Observation.value-quantity=gt100",
			"/Observation?_has:Provenance:target:_id=%it", "/Observation?_has:Provenance:target:recorded=2021-01-01&_total=accurate", "/Practitioner?_has:Provenance:agent:recorded=2021-01-01", "/Patient?_has:Observation:patient:_has:Provenance:target:_id=%it")},
		{n: 21, name: "_has within _has", reads: paths("/Practitioner?_has:Observation:performer:_has:DiagnosticReport:result:_id=%i", "/Practitioner?_has:Observation:performer:_has:Condition:evidence-detail:code=86406008", "/Patient?_has:Observation:subject:_has:Observation:has-member:value-quantity=gt200")},
		{n: 22, name: "_filter, composites and modifiers as oracles", reads: paths("/Observation?_filter=value-quantity+gt+100", "/Observation?_filter=_id+eq+%i", "/Observation?code-value-quantity=http://loinc.org|8867-4$gt100", "/Observation?identifier:missing=false", "/Observation?status:not=amended", "/Observation?code:not=2339-0", "/Observation?code:above=8867-4", "/Observation?code:in=http://hl7.org/fhir/ValueSet/observation-vitalsignresult", "/Observation?combo-code=8867-4", "/Patient?gender:not=female", "/Observation?identifier:of-type=a|b|c", "/Observation?_security:missing=true")},
		{n: 23, name: "_sort by what is hidden, and by chains", reads: paths("/Observation?_sort=value-quantity", "/Observation?_sort=-value-quantity&_count=1", "/Observation?_sort=subject.name", "/Observation?_sort=-subject.birthdate,date", "/DiagnosticReport?_sort=-result.date", "/Observation?_sort=-_lastUpdated")},
		{n: 24, name: "_lastUpdated, _tag, _security, _profile", reads: paths("/Observation?_lastUpdated=gt2000", "/Observation?_security=R", "/Observation?_security:not=R", "/?_type=Observation&_lastUpdated=gt2000", "/Observation?_tag:missing=true", "/Observation?_profile:missing=true", "/Observation?_source:missing=true")},
		{n: 25, name: "_text and _content", reads: paths("/Observation?_content=zebra", "/Observation?_text=zebra", "/Observation?_content=199", "/?_content=zebra&_type=Observation,Patient", "/Patient?_content=zebra")},
		{n: 26, name: "_list, _type and compartments", reads: paths("/Observation?_list=m", "/Observation?_list=%i", "/List?_list=m", "/?_type=Observation,Encounter&_count=50", "/Patient/hc/*", "/Patient/mine/*?_count=3", "/Patient/mine/Observation?_summary=count", "/Practitioner/doc/Observation?_total=accurate", "/Encounter/%i/*", "/Encounter/%i/Observation")},
		{n: 27, name: "POST _search and GraphQL", reads: joined(func(key string) (list []probe) {
			for _, body := range []string{"_total=accurate&_count=3", about("_id=%i", key), "code=8867-4&_sort=-date", "subject.name=Zebra"} {
				list = append(list, probe{"POST", "/Observation/_search", body, []string{"Content-Type", "application/x-www-form-urlencoded"}})
			}
			return append(list, probe{"POST", "/_search", "_type=Observation&_count=50", []string{"Content-Type", "application/x-www-form-urlencoded"}})
		}, graphs(`{Observation(id:"%i"){id status}}`, `{ObservationList(_id:"%i"){id}}`, `{ObservationConnection{count total edges{resource{id}}}}`, `{ObservationList(code:"8867-4",_sort:"-date"){id valueQuantity{value}}}`))},
		{n: 29, name: "what one searched, another searches", reads: paths("/Observation?code=8867-4&_total=accurate&_sort=date&_count=2"), more: notShared},
		{n: 30, name: "_contained", reads: paths("/Observation?_contained=both&_count=50", "/Observation?_contained=true", "/Observation?_contained=both&value-quantity=gt100", "/Medication?_contained=true")},
		{n: 31, name: "$everything", reads: paths("/Patient/mine/$everything", "/Patient/hc/$everything", "/Patient/mine/$everything?_count=2", "/Patient/mine/$everything?_since=2020-01-01T00:00:00Z", "/Patient/mine/$everything?_type=Observation,Condition", "/Patient/$everything?_count=3", "/Encounter/%i/$everything", "/Patient/mine/$everything?start=2025-01-01&end=2025-12-31")},
		{n: 32, name: "$lastn and $stats", reads: paths("/Observation/$lastn?patient=mine", "/Observation/$lastn?patient=mine&max=2", "/Observation/$lastn?patient=hc&max=3", "/Observation/$stats?subject=Patient/mine&code=8867-4&system=http://loinc.org&statistic=average,maximum,count,total-count&duration=1000000", "/Observation/$stats?subject=Patient/hc&code=8867-4&system=http://loinc.org&statistic=maximum,count&duration=1000000")},
		{n: 33, name: "$graph, $document, $validate, $member-match", reads: joined(paths("/Practitioner/doc/$graph?graph=http://example.org/graph", "/%k/$graph?graph=http://example.org/graph", "/Composition/m/$document", "/Composition/%i/$document", "/%k/$validate"), func(string) []probe {
			return []probe{{"POST", "/Patient/$member-match", `{"resourceType":"Parameters","parameter":[{"name":"MemberPatient","resource":{"resourceType":"Patient","name":[{"family":"Zebra"}],"birthDate":"1980-01-01"}},{"name":"CoverageToMatch","resource":{"resourceType":"Coverage","identifier":[{"value":"1"}]}}]}`, nil}}
		})},
		{n: 34, name: "bulk export", waits: "bulk export"},
		{n: 35, name: "GraphQL: nested, back, counts and errors", reads: graphs(`{DiagnosticReport(id:"m"){result{resource(optional:true){... on Observation{id valueQuantity{value}}}}}}`, `{DiagnosticReport(id:"m"){result{resource{... on Observation{id}}}}}`, `{Practitioner(id:"doc"){ObservationList(_reference:performer){id}}}`, `{Practitioner(id:"doc"){ObservationConnection(_reference:performer){count total}}}`, `{List(id:"m"){entry{item{resource{... on Observation{id}}}}}}`, `{Patient(id:"mine"){ObservationList(_reference:subject){id DiagnosticReportList(_reference:result){id}}}}`, `{Observation(id:"mref"){focus{resource{... on Observation{id}}}}}`)},
		{n: 36, name: "aggregates, metrics and dashboards", reads: paths("/Observation/$meta", "/$meta"), more: noMetrics},
	}
}

// likeUnknown holds an answer to that of an id that nobody ever had, byte by byte.
func likeUnknown(method, body string) func(*testing.T, *leaking) {
	return func(t *testing.T, w *leaking) {
		for _, h := range w.pairs {
			hidden, never := "Observation/h"+h.hidden, "Observation/never"
			a := strings.ReplaceAll(told(t, h.one, method, "/"+hidden, body), hidden, never)
			if b := told(t, h.one, method, "/"+never, body); a != b || !strings.HasPrefix(a, "404") {
				t.Errorf("hidden by %s: %s\nnever there: %s", h.how, a, b)
			}
		}
	}
}

// onceSeen: a version that was no secret is one when the resource is, and the other way.
func onceSeen(t *testing.T, w *leaking) {
	plain := leakObservation("mine", "8867-4", 70, "2024-05-01", "")
	secret := leakObservation("mine", "74013-4", 70, "2024-05-01", "") // about alcohol
	for id, bodies := range map[string][]string{"became": {plain, secret}, "was": {secret, plain}} {
		for _, body := range bodies {
			if status, _, answer := w.operator.ask(t, "PUT", "/Observation/3"+id, resource("Observation/3"+id, body)); status/100 != 2 {
				t.Fatalf("%d %s", status, answer)
			}
		}
	}
	for path, want := range map[string]int{"3became": 404, "3became/_history/1": 404, "3became/_history/2": 404, "3was": 200, "3was/_history/1": 404, "3was/_history/2": 200} {
		if status, _, _ := w.doctorHere.ask(t, "GET", "/Observation/"+path, ""); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	if got := seen(t, w.doctorHere, "/Observation/3was/_history"); got != "3was #1" {
		t.Errorf("history: %s", got)
	}
}

// noGaps: ids of resources have no order, and a version number counts the versions of
// that resource alone, whatever hidden ones are written between.
func noGaps(t *testing.T, w *leaking) {
	for _, value := range []string{"1", "2", "3"} {
		w.operator.ask(t, "PUT", "/Observation/hl", resource("Observation/hl", strings.TrimSuffix(restricted, ",")+","+leakObservation("mine", "8867-4", 199, "2025-01-0"+value, "")))
		_, header, _ := w.operator.ask(t, "PUT", "/Basic/gaps", `{"resourceType":"Basic","id":"gaps","code":{"text":"`+value+`"}}`)
		if header.Get("ETag") != `W/"`+value+`"` {
			t.Errorf("version %s is %s", value, header.Get("ETag"))
		}
	}
}

var nextLink = regexp.MustCompile(`"relation":"next","url":"([^"]+)"`)

// ownCursors: the next page is for who was given it, and says nothing itself.
func ownCursors(t *testing.T, w *leaking) {
	_, _, answer := w.operator.ask(t, "GET", "/Observation?_count=1&_sort=-value-quantity", "")
	next := nextLink.FindStringSubmatch(answer)
	if next == nil {
		t.Fatalf("no next page: %s", answer)
	}
	path := strings.TrimPrefix(next[1], w.operator.base)
	if status, _, _ := w.operator.ask(t, "GET", path, ""); status != 200 {
		t.Errorf("its own cursor: %d", status)
	}
	if strings.Contains(next[1], "hc") && strings.Contains(next[1], "199") {
		t.Errorf("the cursor names what is hidden: %s", next[1])
	}
	for _, who := range []asker{w.doctorHere, w.appHere} {
		if status, _, answer := who.ask(t, "GET", path, ""); status != 400 && status != 403 {
			t.Errorf("the cursor of another: %d %.300s", status, answer)
		}
	}
}

// notShared: a search that all may see is asked before and after by who may not.
func notShared(t *testing.T, w *leaking) {
	const path = "/Observation?code=8867-4&_total=accurate&_count=50"
	before := told(t, w.doctorHere, "GET", path, "")
	all := told(t, w.operator, "GET", path, "")
	if after := told(t, w.doctorHere, "GET", path, ""); after != before || all == before || !strings.Contains(all, `"hc"`) || strings.Contains(after, `"hc"`) || strings.Contains(after, `"hl"`) {
		t.Errorf("before: %.600s\nafter: %.600s", before, after)
	}
}

// noMetrics: what runs the server is for who administers it.
func noMetrics(t *testing.T, w *leaking) {
	for _, who := range []asker{w.doctorHere, w.appHere} {
		for _, path := range []string{"/$reindex-status", "/$versions"} {
			if status, _, answer := who.ask(t, "GET", path, ""); path == "/$reindex-status" && status != 403 || strings.Contains(answer, "hc") {
				t.Errorf("%s: %d %.300s", path, status, answer)
			}
		}
	}
	who := w.operator
	who.base = w.here.Root
	for _, path := range []string{"/metrics", "/healthz", "/ready"} {
		if _, _, answer := who.ask(t, "GET", path, ""); strings.Contains(answer, "Observation/h") || strings.Contains(answer, "Zebra") || strings.Contains(answer, `patient="`) {
			t.Errorf("%s: %.600s", path, answer)
		}
	}
}

// rawBinary: what is attached to something hidden is hidden also when nobody said to whom
// it belongs.
func rawBinary(t *testing.T, w *leaking) {
	for _, c := range []struct{ id, patient, meta string }{{"hcraw", "hc", ""}, {"hlraw", "mine", strings.TrimSuffix(restricted, ",") + ","}, {"raw", "mine", ""}} {
		for key, body := range map[string]string{
			"Binary/" + c.id:            `"contentType":"text/plain","data":"emVicmE="`,
			"DocumentReference/" + c.id: c.meta + `"status":"current","subject":{"reference":"Patient/` + c.patient + `"},"content":[{"attachment":{"contentType":"text/plain","url":"Binary/` + c.id + `"}}]`,
		} {
			if status, _, answer := w.operator.ask(t, "PUT", "/"+key, resource(key, body)); status != 201 {
				t.Fatalf("%d %s", status, answer)
			}
		}
		if want := c.id == "raw"; exists(t, w.doctorHere, "Binary/"+c.id) != want || exists(t, w.doctorHere, "DocumentReference/"+c.id) != want {
			t.Errorf("%s: a Binary is seen: %v, what it is attached to %v", c.id, exists(t, w.doctorHere, "Binary/"+c.id), exists(t, w.doctorHere, "DocumentReference/"+c.id))
		}
		for _, typ := range []string{"DocumentReference/", "Binary/"} {
			w.operator.ask(t, "DELETE", "/"+typ+c.id, "")
		}
	}
}
