package server_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"

	"vitalwire/internal/judge"
)

// probesOf are requests of every kind on a scene: reads, which change nothing, and
// writes. Those of the first kind ask for each of some keys in every way there is,
// the others search, chain, include and page at random.
func probesOf(s *judge.Scene, g *rand.Rand, keys []string, searches int) (reads, writes []probe) {
	world := s.World()
	for _, key := range keys {
		r, w := probesOfKey(world[strings.Replace(key, "/gone-", "/", 1)], key)
		reads, writes = append(reads, r...), append(writes, w...)
	}
	reads = append(reads, everyPath()...)
	q := &asking{Rand: g, scene: s, keys: keys}
	for range searches {
		reads = append(reads, q.search())
	}
	for range searches / 8 {
		reads = append(reads, q.bundle())
	}
	for range searches / 8 {
		writes = append(writes, q.conditional())
	}
	return reads, writes
}

// probesOfKey are those of the leak paths of D.6 that name a resource.
func probesOfKey(r judge.Resource, key string) (reads, writes []probe) {
	typ, id, _ := strings.Cut(key, "/")
	read := func(path string, header ...string) { reads = append(reads, probe{"GET", path, "", header}) }
	write := func(method, path, body string, header ...string) {
		writes = append(writes, probe{method, path, body, header})
	}
	read("/" + key)
	reads = append(reads, probe{"HEAD", "/" + key, "", nil})
	for _, rest := range []string{"/_history/1", "/_history/2", "/_history/99", "/_history", "/_history?_count=1", "?_elements=id", "?_summary=text", "?_summary=data", "?_summary=true", "/$meta", "/_history/1/$meta",
		"/$everything", "/$everything?_count=1", "/$validate", "/$graphql?query={id}", "/$document", "/$graph?graph=http://example.org/graph", "/Observation", "/Observation?_summary=count", "/*?_count=3"} {
		read("/" + key + rest)
	}
	read("/"+key, "If-None-Match", `W/"1"`)
	read("/"+key, "If-Modified-Since", "Sun, 01 Jan 2090 00:00:00 GMT")
	for _, rest := range []string{"?_id=%s", "?_id=%s&_summary=count", "?_id=%s&_total=accurate&_elements=id", "?_id=%s&_include=*&_revinclude=*", "?_filter=_id+eq+%s"} {
		read("/" + typ + fmt.Sprintf(rest, id))
	}
	for _, path := range []string{"/Observation?focus=%s&_total=accurate", "/Observation?has-member=%s", "/Observation?derived-from=%s", "/Observation?encounter=%s", "/Observation?subject=%s&_summary=count", "/Provenance?target=%s", "/Provenance?target=%s&_include=Provenance:target",
		"/List?item=%s", "/List?item=%s&_include=List:item", "/DiagnosticReport?result=%s&_include=DiagnosticReport:result", "/Composition?entry=%s&_include=*", "/Condition?encounter=%s", "/Condition?evidence-detail=%s", "/DocumentReference?related=%s", "/?_id=" + id,
		"/Observation?has-member._id=" + id, "/DiagnosticReport?result:Observation._id=" + id, "/Patient?_has:Observation:subject:_id=" + id, "/Encounter?_has:Observation:encounter:_id=" + id, "/Patient?_has:" + typ + ":patient:_id=" + id, "/Provenance?target:" + typ + "._id=" + id} {
		if strings.Contains(path, "%s") {
			path = fmt.Sprintf(path, key)
		}
		read(path)
	}
	read("/$graphql?query=" + url.QueryEscape(`{`+typ+`(id:"`+id+`"){id}}`))
	read("/$graphql?query=" + url.QueryEscape(`{`+typ+`List(_id:"`+id+`"){id meta{versionId}}}`))
	for _, kind := range []string{"batch", "transaction"} {
		reads = append(reads, probe{"POST", "", `{"resourceType":"Bundle","type":"` + kind + `","entry":[{"request":{"method":"GET","url":"` + key + `"}},{"request":{"method":"GET","url":"` + typ + `?_id=` + id + `&_total=accurate"}}]}`, nil})
	}
	r = maps.Clone(r)
	r["id"] = id
	mine := encoded(r)
	patch := []string{"Content-Type", "application/json-patch+json"}
	test := `[{"op":"test","path":"/id","value":"` + id + `"}]`
	write("PUT", "/"+key, mine)
	write("PUT", "/"+key, mine, "If-Match", `W/"1"`)
	write("PUT", "/"+key, mine, "If-None-Match", `*`)
	write("PUT", "/"+typ+"?_id="+id, mine)
	write("POST", "/"+typ, without(mine, id), "If-None-Exist", "_id="+id)
	write("PATCH", "/"+key, test, patch...)
	write("PATCH", "/"+key, test, append(patch, "If-Match", `W/"1"`)...)
	write("PATCH", "/"+typ+"?_id="+id, `[{"op":"test","path":"/id","value":"x"}]`, patch...)
	write("DELETE", "/"+key, "")
	write("DELETE", "/"+key, "", "If-Match", `W/"1"`)
	write("DELETE", "/"+typ+"?_id="+id, "")
	write("POST", "/"+key+"/$meta-add", `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"x"}]}}]}`)
	write("POST", "", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"DELETE","url":"`+key+`"}},{"request":{"method":"PUT","url":"`+key+`"},"resource":`+mine+`}]}`)
	write("POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"`+key+`"},"resource":`+mine+`}]}`)
	write("POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"`+key+`"}},{"request":{"method":"GET","url":"`+typ+`?_id=`+id+`"}}]}`)
	return reads, writes
}

// without takes the id out of a body, for a server to give one.
func without(body, id string) string {
	return strings.Replace(body, `"id":"`+id+`",`, "", 1)
}

// everyPath are those of the leak paths that name none.
func everyPath() (list []probe) {
	for _, path := range []string{
		"/Observation", "/Observation?_total=accurate", "/Observation?_count=1&_total=accurate", "/Observation?_count=2", "/Observation?_summary=count", "/Observation?_total=estimate&_count=1", "/Observation?_count=0",
		"/Observation?_sort=date&_count=2", "/Observation?_sort=-date,code&_count=3&_total=accurate", "/Observation?_sort=code", "/Observation?_sort=subject.name&_count=2", "/Observation?_sort=-_lastUpdated&_count=1", "/Observation?_sort=_id&_count=4", "/Observation?_sort=-value-quantity",
		"/Observation?_include=*&_count=2", "/Observation?_include=Observation:focus", "/Observation?_include=Observation:has-member&_include:iterate=Observation:derived-from", "/Observation?_revinclude=*", "/Observation?_revinclude=DiagnosticReport:result&_revinclude=Provenance:target&_revinclude=List:item",
		"/Observation?_revinclude=Observation:has-member&_count=1", "/Observation?_text=note", "/Observation?_content=note", "/Observation?_content=Fama", "/Observation?_list=r9", "/Observation?_contained=true&code=8867-4", "/Observation?_contained=both",
		"/Patient", "/Patient?_total=accurate&_sort=name", "/Patient?name=Fam", "/Patient?_revinclude=Observation:subject&_revinclude=Encounter:subject&_revinclude:iterate=Observation:encounter", "/Patient?_revinclude=*&_count=1", "/Patient?_include=Patient:link", "/Patient?link=Patient/a",
		"/Patient?_has:Observation:patient:code=8867-4", "/Patient?_has:Observation:patient:value-quantity=gt4", "/Patient?_has:Observation:subject:_has:DiagnosticReport:result:status=final", "/Patient?_has:Encounter:patient:status=finished", "/Patient?_has:Provenance:target:recorded=gt2020",
		"/Practitioner?_has:Observation:performer:code=8867-4", "/Practitioner?_has:Patient:general-practitioner:name=Fam", "/Practitioner?_revinclude=Observation:performer", "/Practitioner/doc/Observation", "/Practitioner/doc/*", "/Medication?_revinclude=MedicationRequest:medication", "/Medication?_has:MedicationRequest:medication:status=active",
		"/Location?_has:Encounter:location:status=finished", "/Organization?_has:Patient:organization:gender=male", "/Device?_revinclude=Observation:device", "/Device/gateway/Observation?_summary=count", "/Device?_has:Observation:device:code=2339-0", "/Device?_total=accurate",
		"/Encounter?_revinclude=Observation:encounter&_count=1", "/Encounter?_sort=-date", "/DiagnosticReport?_include=DiagnosticReport:result&_include:iterate=Observation:has-member", "/DiagnosticReport?result.code=8867-4", "/DiagnosticReport?result.subject.name=Fam", "/DiagnosticReport?_sort=result.date",
		"/List?_include=List:item", "/List?item:Observation.code=8867-4", "/Provenance?_include=Provenance:target", "/Provenance?target:Observation.code=8867-4", "/Provenance?_total=accurate", "/Composition?_include=Composition:entry", "/Consent", "/Consent?_total=accurate&_count=1", "/Consent?status=active", "/Consent?_include=Consent:data", "/Consent?patient=Patient/a",
		"/?_type=Observation,Patient,Device&_total=accurate", "/?_lastUpdated=gt2000&_count=3", "/?_type=Observation,Condition&_sort=-_lastUpdated&_count=5", "/?_type=Consent,Encounter", "/?_summary=count", "/?_content=Famb", "/Patient/a/*?_total=accurate", "/Patient/b/*?_count=3", "/Patient/c/Observation?_count=1&_sort=date", "/Patient/a/Condition?_summary=count", "/Patient/b/Consent",
		"/_history", "/_history?_count=3", "/_history?_since=2020-01-01T00:00:00Z&_count=7", "/_history?_at=2090", "/_history?_sort=_lastUpdated&_count=4", "/Observation/_history", "/Observation/_history?_count=2", "/Patient/_history?_count=1", "/Consent/_history", "/Encounter/_history?_summary=count", "/_history?_list=r9",
		"/Patient/a/$everything", "/Patient/b/$everything?_count=2", "/Patient/c/$everything?_type=Observation,Condition", "/Patient/$everything?_count=5", "/Patient/b/$everything?_since=2020-01-01T00:00:00Z", "/Patient/a/$everything?start=2021-01-01&end=2022-01-01",
		"/Observation/$lastn?patient=a&max=3", "/Observation/$lastn?patient=b", "/Observation/$lastn?patient=c&category=laboratory", "/Observation/$lastn?subject:Patient.name=Fam",
		"/Observation/$stats?subject=Patient/a&code=8867-4&system=http://loinc.org&statistic=average,maximum,minimum,count,total-count&duration=100000", "/Observation/$stats?subject=Patient/b&code=2339-0&system=http://loinc.org&statistic=count,median&duration=100000", "/Observation/$stats?subject=Patient/c&code=29463-7&system=http://loinc.org&statistic=count&duration=100000",
		"/$meta", "/Observation/$meta", "/Patient/$meta", "/Patient/a/$graph?graph=http://example.org/graph", "/Patient/b/$graph?graph=http://example.org/graph", "/Patient/c/$graph?graph=http://example.org/graph", "/Group?member=Patient/b", "/AuditEvent", "/Basic?_total=accurate", "/Communication?_include=*", "/AllergyIntolerance?_total=accurate",
	} {
		list = append(list, get(path))
	}
	for _, query := range []string{
		`{ObservationList{id subject{reference resource{id}} focus{resource{id}} hasMember{resource{id}}}}`, `{PatientList{id ObservationList(_reference:patient){id}}}`, `{PatientConnection{count total edges{resource{id}}}}`, `{PractitionerList{id PatientList(_reference:general_practitioner){id}}}`,
		`{ObservationConnection(_count:1){count next edges{resource{id}}}}`, `{DiagnosticReportList{id result{resource{id status}}}}`, `{ObservationList(code:"8867-4",_sort:"-date"){id}}`, `{EncounterList{id ObservationList(_reference:encounter){id}}}`, `{ProvenanceList{id target{resource{id}}}}`, `{ListList{entry{item{resource{id}}}}}`,
		`{Patient(id:"b"){id ProvenanceList(_reference:target){id} ListList(_reference:subject){id entry{item{resource{id}}}}}}`, `{ConsentList{id}}`, `{ObservationConnection{total}}`, `{CompositionList{section{entry{resource{id}}}}}`,
	} {
		list = append(list, get("/$graphql?query="+url.QueryEscape(query)))
	}
	return list
}

// asking makes random requests.
type asking struct {
	*rand.Rand
	scene *judge.Scene
	keys  []string
}

func (q *asking) of(list ...string) string { return list[q.IntN(len(list))] }

// key is of a resource: one of interest, or any.
func (q *asking) key() string {
	if q.IntN(2) == 0 {
		return q.of(q.keys...)
	}
	return judge.Key(q.scene.Resources[q.IntN(len(q.scene.Resources))])
}

// filters are searches by type, which %k and %i make searches for a key or an id.
var filters = map[string][]string{
	"": {"_id=%i", "_lastUpdated=gt2000", "_tag=urn:tag|x", "_security=R", "_security:not=R", "_profile=http://example.org/StructureDefinition/one", "_content=Fam", "_tag:missing=true", "_security:missing=false"},
	"Observation": {"code=8867-4", "code:not=2339-0", "code:missing=false", "date=ge2021", "date=lt2021-06", "date:missing=true", "value-quantity=gt3", "value-quantity=le5||kg", "subject=%k", "subject.name=Fam", "patient.gender=male", "encounter=%k", "encounter.date=gt2020", "encounter.location.name=Ward",
		"has-member=%k", "has-member.code=8867-4", "derived-from:missing=false", "focus=%k", "performer.name=Doc", "performer:Patient.name=Fam", "device=Device/gateway", "status:not=final", "category=laboratory", "identifier=urn:id|1", "combo-code=2339-0", "code-value-quantity=8867-4$gt2", "_has:DiagnosticReport:result:status=final", "_has:Provenance:target:_id=%i", "_has:Observation:has-member:value-quantity=gt2", "_filter=value-quantity+gt+3", "_filter=date+ge+2021+and+not(code+eq+8867-4)"},
	"Patient":          {"gender=male", "birthdate=lt1985", "name=Fam", "identifier=urn:mrn|b", "general-practitioner=Practitioner/doc", "general-practitioner.name=Doc", "link=%k", "_has:Observation:patient:code=8867-4", "_has:Condition:patient:onset-date=gt2020", "_has:Observation:subject:_has:List:item:status=current", "_has:Encounter:patient:_has:Observation:encounter:code=2339-0"},
	"Condition":        {"code=386661006", "onset-date=gt2020", "encounter=%k", "asserter=%k", "evidence-detail=%k", "subject=%k", "patient.name=Fam"},
	"Encounter":        {"date=gt2020", "status=finished", "participant=Practitioner/doc", "subject.name=Fam", "_has:Observation:encounter:code=8867-4", "_has:Condition:encounter:subject=%k", "reason-code=386661006"},
	"DiagnosticReport": {"code=8867-4", "result=%k", "result.code=8867-4", "result.value-quantity=gt4", "date=ge2021", "subject=%k", "encounter=%k"},
	"Provenance":       {"target=%k", "target:Observation.code=8867-4", "target:Patient.name=Fam", "agent=Practitioner/doc", "entity=%k"},
	"List":             {"item=%k", "item:Observation.code=8867-4", "subject=%k", "source=%k", "date=ge2021"},
	"Communication":    {"subject=%k", "sender=%k", "recipient=%k", "sent=gt2020"},
	"Consent":          {"status=active", "patient=%k", "data=%k", "actor=Practitioner/doc", "patient.name=Fam"},
	"Composition":      {"entry=%k", "subject=%k", "author=%k", "date=gt2020"},
	"Device":           {"patient=%k", "type=8867-4", "patient:missing=true", "_has:Observation:device:code=8867-4"},
}

var sorts = map[string][]string{
	"": {"_id", "-_lastUpdated", "_lastUpdated"}, "Observation": {"date", "-date", "code,-date", "value-quantity", "-subject.name", "subject.birthdate,date", "encounter.date"}, "Patient": {"name", "-birthdate"}, "Condition": {"onset-date", "code"}, "Encounter": {"-date"}, "DiagnosticReport": {"date", "result.date"},
}

var brings = []string{"_include=*", "_revinclude=*", "_include=Observation:subject", "_include=Observation:encounter&_include:iterate=Encounter:patient", "_include=Observation:has-member&_include:iterate=Observation:has-member", "_include=Observation:focus", "_include=DiagnosticReport:result", "_revinclude=Provenance:target",
	"_revinclude=List:item", "_revinclude=Observation:subject", "_revinclude=Observation:encounter", "_revinclude=Condition:evidence-detail", "_revinclude=Observation:derived-from&_include:iterate=Observation:subject", "_include=Provenance:target", "_include=List:item", "_revinclude=Composition:entry", "_include=Consent:data"}

// search is one by random parameters, by GET or POST.
func (q *asking) search() probe {
	names := make([]string, 0, len(filters))
	for name := range filters {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	typ := q.of(names...)
	if q.IntN(3) == 0 {
		typ = "Observation"
	}
	var parts []string
	for range q.IntN(3) {
		parts = append(parts, q.filled(q.of(append(slices.Clone(filters[typ]), filters[""][q.IntN(len(filters[""]))])...)))
	}
	if q.IntN(3) == 0 {
		parts = append(parts, "_sort="+q.of(append(slices.Clone(sorts[typ]), sorts[""]...)...))
	}
	if q.IntN(3) == 0 {
		parts = append(parts, q.of(brings...))
	}
	switch q.IntN(6) {
	case 0:
		parts = append(parts, "_total=accurate")
	case 1:
		parts = append(parts, q.of("_summary=count", "_summary=true", "_elements=id,status", "_total=estimate", "_contained=both"))
	}
	if q.IntN(2) == 0 {
		parts = append(parts, "_count="+q.of("1", "2", "3", "7"))
	}
	query := strings.Join(parts, "&")
	place := q.of("/"+typ, "/"+typ, "/"+typ, "/Patient/"+q.of("a", "b", "c")+"/"+typ, "/Practitioner/doc/"+typ, q.filled("/%k/")+typ)
	if q.IntN(5) == 0 {
		return probe{"POST", place + "/_search", strings.ReplaceAll(query, "+", "%20"), []string{"Content-Type", "application/x-www-form-urlencoded"}}
	}
	return get(place + "?" + query)
}

func (q *asking) filled(text string) string {
	key := q.key()
	_, id, _ := strings.Cut(key, "/")
	return strings.NewReplacer("%k", key, "%i", id).Replace(text)
}

// bundle is a batch or transaction of random searches and reads.
func (q *asking) bundle() probe {
	var entries []string
	for range 1 + q.IntN(4) {
		path := q.key()
		if q.IntN(2) == 0 {
			s := q.search()
			for s.method != "GET" {
				s = q.search()
			}
			path = strings.TrimPrefix(s.path, "/")
		}
		entries = append(entries, fmt.Sprintf(`{"request":{"method":"GET","url":%q}}`, path))
	}
	return probe{"POST", "", fmt.Sprintf(`{"resourceType":"Bundle","type":%q,"entry":[%s]}`, q.of("batch", "transaction"), strings.Join(entries, ",")), nil}
}

// conditional is a write that goes by a search.
func (q *asking) conditional() probe {
	number := q.of("1", "2", "3")
	body := `{"resourceType":"Observation","status":"final","code":{"text":"new"},"subject":{"reference":"Patient/` + q.of("a", "b", "c") + `"},"identifier":[{"system":"urn:new","value":"` + number + `"}]}`
	by := q.of("identifier=urn:id|"+number, "identifier=urn:new|"+number, q.filled("subject=%k&code=8867-4"), q.filled("has-member=%k"), q.filled("_id=%i"), "subject.name=Fama&code=2339-0")
	escaped := url.PathEscape(by)
	switch q.IntN(6) {
	case 0:
		return probe{"POST", "/Observation", body, []string{"If-None-Exist", by}}
	case 1:
		return probe{"PUT", "/Observation?" + by, body, nil}
	case 2:
		return probe{"PATCH", "/Observation?" + by, `[{"op":"add","path":"/issued","value":"2022-01-01T00:00:00Z"}]`, []string{"Content-Type", "application/json-patch+json"}}
	case 3:
		return probe{"DELETE", "/Observation?" + by, "", nil}
	case 4:
		return probe{"POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Observation","ifNoneExist":"` + by + `"},"resource":` + body + `}]}`, nil}
	}
	reference := strings.Replace(body, `"status"`, `"focus":[{"reference":"Observation?`+strings.ReplaceAll(escaped, "%3F", "?")+`"}],"status"`, 1)
	return probe{"POST", "", `{"resourceType":"Bundle","type":"` + q.of("batch", "transaction") + `","entry":[{"request":{"method":"POST","url":"Observation"},"resource":` + reference + `}]}`, nil}
}
