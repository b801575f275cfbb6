package server_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/auth"
	"vitalwire/server"
	"vitalwire/server/telemetry"
)

// sideLeaks are L28 and L47 to L68.
func sideLeaks() []leak {
	return []leak{
		{n: 28, name: "search by what is masked", also: "TestD6_L28_MaskedIsNoSearch, TestD6_MaskedAndHidden_L28_L41"},
		{n: 47, name: "Subscriptions triggered by it", waits: "Subscriptions"},
		{n: 48, name: "consent withdrawn after a Subscription", waits: "Subscriptions"},
		{n: 49, name: "what a notification includes", waits: "Subscriptions"},
		{n: 50, name: "$events and $status", waits: "Subscriptions"},
		{n: 51, name: "websockets, email and messages", waits: "Subscriptions"},
		{n: 52, name: "webhooks and feeds to an EHR", waits: "outgoing feeds"},
		{n: 53, name: "errors", reads: func(key string) []probe {
			return []probe{get("/" + key + "/_history/x"), get("/" + key + "/$nosuch"), get("/" + key + "/Nonsense"), get("/Observation/" + key), get("/Observation?_id=" + strings.TrimPrefix(key, "Observation/") + "&nonsense=1"),
				{"PATCH", "/" + key, `[{"op":"test","path":"/status","value":"x"}]`, patchJSON}, {"PATCH", "/" + key, `nonsense`, patchJSON}, {"PUT", "/" + key, `nonsense`, nil}, {"POST", "/" + key, `{}`, nil}, {"PUT", "/" + key, "", []string{"Content-Type", "text/csv"}}}
		}},
		{n: 54, name: "logs and traces", more: notLogged},
		{n: 55, name: "AuditEvent and Provenance", reads: paths("/AuditEvent", "/AuditEvent?entity=%k", "/Provenance", "/Provenance?target=%k", "/Provenance?target:Patient.name=Zebra", "/Provenance/%i"), more: provenance},
		{n: 56, name: "what lists, groups and documents name", reads: paths("/List/m", "/Composition/m", "/List?item=%k", "/Composition?entry=%k", "/DocumentReference?related=%k", "/List?_id=m&_include=List:item", "/Composition/m/$document", "/Group?member=Patient/hc", "/List/%i")},
		{n: 57, name: "contained copies", more: containedCopies},
		{n: 58, name: "references to it", reads: paths("/DiagnosticReport/m", "/DiagnosticReport?result=%k&_include=DiagnosticReport:result", "/Observation/mref", "/Observation?focus=%k&_include=Observation:focus", "/Patient?_has:Observation:patient:focus=%k"), more: danglesLikeUnknown},
		{n: 59, name: "stored Bundles and forms", reads: paths("/DiagnosticReport/%i", "/DiagnosticReport?_content=zebra", "/DiagnosticReport?result=%k"), more: storedCopies},
		{n: 60, name: "what is derived from it", reads: paths("/Observation/%ix", "/Observation?derived-from=Observation/m1", "/Observation?has-member=%k", "/Observation?_has:Observation:has-member:value-quantity=gt200", "/Observation/$stats?subject=Patient/mine&code=2339-0&system=http://loinc.org&statistic=maximum,count&duration=1000000", "/Observation?_id=m1&_revinclude:iterate=Observation:derived-from")},
		{n: 61, name: "size, compression and headers", more: sameSize},
		{n: 62, name: "limits", more: noLimits},
		{n: 63, name: "caches", more: notCached},
		{n: 64, name: "acknowledgements of devices: whether a Consent is there", more: acknowledged},
		{n: 65, name: "backup and administration", more: administration},
		{n: 66, name: "two patients (several tenants are not there)", more: twoPatients},
		{n: 67, name: "what has no patient", more: withoutPatient},
		{n: 68, name: "another patient by an update", more: moved},
	}
}

// store puts a resource where nothing is compared.
func (w *leaking) store(t *testing.T, key, body string) {
	t.Helper()
	if status, _, answer := w.operator.ask(t, "PUT", "/"+key, resource(key, body)); status/100 != 2 {
		t.Fatalf("%s: %d %s", key, status, answer)
	}
}

// sees holds what the doctor sees to what he should.
func (w *leaking) sees(t *testing.T, key string, want bool) {
	t.Helper()
	if got := exists(t, w.doctorHere, key); got != want {
		t.Errorf("%s: seen %v, want %v", key, got, want)
	}
	typ, id, _ := strings.Cut(key, "/")
	if got := seen(t, w.doctorHere, "/"+typ+"?_total=accurate&_id="+id); (got == id+" #1") != want || !want && got != " #0" {
		t.Errorf("%s: found %q, want %v", key, got, want)
	}
	if !exists(t, w.operator, key) {
		t.Errorf("%s is not there", key)
	}
}

// notLogged: what is searched, read and written is in no line of the log.
func notLogged(t *testing.T, _ *leaking) {
	var log bytes.Buffer
	c := server.Config{Listen: "127.0.0.1:0", Store: "sqlite:" + t.TempDir() + "/t.db", Zone: "UTC", MaxBody: 1 << 20}
	s, err := server.Start(t.Context(), c, all.Adapters(), slog.New(telemetry.LogHandler(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []probe{get("/Patient?name=Zebra"), get("/Patient?name=Zebra&nonsense=Zebra"), get("/Patient?identifier=Zebra"), {"POST", "/Patient", `{"resourceType":"Patient","name":[{"family":"Zebra"}],"gender":"Zebra"}`, nil},
		{"POST", "/Patient", `{"resourceType":"Patient","name":[{"family":"Zebra"}]}`, nil}, get("/$graphql?query={PatientList(name:%22Zebra%22){id}}"), {"POST", "/Patient/_search", "name=Zebra", []string{"Content-Type", "application/x-www-form-urlencoded"}}} {
		exchange(p.method, s.Base+p.path, p.body, p.header...)
	}
	if err := s.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "Zebra") || !strings.Contains(log.String(), `"type":"Patient"`) {
		t.Errorf("the log: %.2000s", log.String())
	}
}

// provenance of what is hidden is hidden, also when it names no patient.
func provenance(t *testing.T, w *leaking) {
	for id, seen := range map[string]bool{"hl": false, "hc": false, "m1": true} {
		w.store(t, "Provenance/of-"+id, `"target":[{"reference":"Observation/`+id+`"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/doc"}}]`)
		w.sees(t, "Provenance/of-"+id, seen)
	}
	for _, who := range []asker{w.doctorHere, w.appHere} {
		if status, _, answer := who.ask(t, "GET", "/AuditEvent?_count=500", ""); strings.Contains(answer, "Observation/h") || strings.Contains(answer, "Patient/hc") {
			t.Errorf("%d %.600s", status, answer)
		}
	}
	auditor := as(t, w.here, auth.Access{Scopes: auth.ParseScopes("system/AuditEvent.rs")})
	if status, _, answer := auditor.ask(t, "GET", "/AuditEvent?_count=500", ""); status != 200 || !strings.Contains(answer, "Observation/h") {
		t.Errorf("nothing is audited: %d %.300s", status, answer)
	}
}

// containedCopies are judged with what contains them, and by their own codes and labels.
func containedCopies(t *testing.T, w *leaking) {
	holding := func(contained string) string {
		return `"contained":[{"resourceType":"Observation","id":"c","status":"final",` + contained + `}],"hasMember":[{"reference":"#c"}],` + leakObservation("mine", "8867-4", 70, "2024-06-02", "")
	}
	w.store(t, "Observation/copied", holding(`"code":{"text":"x"}`))
	w.sees(t, "Observation/copied", true)
	w.store(t, "Observation/labelled", holding(strings.TrimSuffix(restricted, ",")+`,"code":{"text":"x"}`))
	w.sees(t, "Observation/labelled", false)
	w.store(t, "Observation/sensitive", holding(`"code":{"coding":[{"system":"http://loinc.org","code":"74013-4"}]}`))
	w.sees(t, "Observation/sensitive", false)
	w.store(t, "Patient/p57", `"active":true`)
	w.store(t, "Observation/p57", strings.ReplaceAll(holding(`"code":{"coding":[{"system":"http://loinc.org","code":"2339-0"}]}`), "Patient/mine", "Patient/p57"))
	w.sees(t, "Observation/p57", true)
	if status, _, answer := w.operator.ask(t, "PUT", "/Consent/p57", consentOf("p57", "p57", `{"type":"permit","provision":[{"type":"deny","code":[{"coding":[{"system":"http://loinc.org","code":"2339-0"}]}]}]}`)); status != 201 {
		t.Fatal(answer)
	}
	w.sees(t, "Observation/p57", false)
}

// aVersion is what tells the versions of a resource apart.
var aVersion = regexp.MustCompile(`W/"\d+"|"versionId":"\d+"|_history/\d+`)

// danglesLikeUnknown: a reference says what its author wrote, and no more: it leads where
// one leads that names nothing.
func danglesLikeUnknown(t *testing.T, w *leaking) {
	for _, path := range []string{"/List/%s", "/List?_id=%s&_include=List:item", "/List?_id=%s&item.code=8867-4", "/List/%s/$graphql?query={entry{item{reference+resource{...on+Observation{id}}}}}", "/List?_id=%s&_sort=-date&_include=*", "/List?_id=%s&item:Observation.date=2025-01-01"} {
		var said []string
		for _, item := range []string{"hc", "hl", "never"} {
			w.store(t, "List/dangles", `"status":"current","mode":"working","entry":[{"item":{"reference":"Observation/`+item+`"}}]`)
			said = append(said, strings.ReplaceAll(told(t, w.doctorHere, "GET", fmt.Sprintf(path, "dangles"), ""), "Observation/"+item, "Observation/X"))
		}
		for i := range said {
			said[i] = aVersion.ReplaceAllString(said[i], "V")
		}
		if said[0] != said[2] || said[1] != said[2] {
			t.Errorf("%s: by Consent %.500s\nby label %.500s\nnever there %.500s", path, said[0], said[1], said[2])
		}
	}
}

// storedCopies: a Bundle that somebody stored holds copies, which are their patients'.
func storedCopies(t *testing.T, w *leaking) {
	copyOf := func(patient, meta string) string {
		return `"type":"collection","entry":[{"fullUrl":"http://x/Observation/c","resource":{"resourceType":"Observation","id":"c",` + meta + leakObservation(patient, "8867-4", 199, "2025-01-01", "") + `}}]`
	}
	w.store(t, "Bundle/of-mine", copyOf("mine", ""))
	w.sees(t, "Bundle/of-mine", true)
	w.store(t, "Bundle/of-hc", copyOf("hc", ""))
	w.sees(t, "Bundle/of-hc", false)
	w.store(t, "Bundle/of-hl", copyOf("mine", restricted))
	w.sees(t, "Bundle/of-hl", false)
	w.store(t, "Bundle/patient", `"type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"hc","name":[{"family":"Zebra"}]}}]`)
	w.sees(t, "Bundle/patient", false)
}

// raw is an answer as it came over the wire.
func raw(t *testing.T, who asker, method, path string, header ...string) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, who.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+who.token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := (&http.Transport{DisableCompression: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, body.Bytes()
}

// sameSize: what is hidden has the size and the headers of what never was. Times are not
// compared: the same is done for both but for one more row that is read.
func sameSize(t *testing.T, w *leaking) {
	for _, header := range [][]string{nil, {"Accept-Encoding", "gzip"}, {"Accept", "application/fhir+xml"}} {
		for _, who := range []asker{w.doctorHere, w.appHere} {
			for _, rest := range []string{"", "/_history/1", "/_history", "?_summary=true"} {
				hidden, headers, a := raw(t, who, "GET", "/Observation/hc"+rest, header...)
				never, others, b := raw(t, who, "GET", "/Observation/zz"+rest, header...) // as long an id
				if slices.Contains(header, "gzip") {
					// Random ids do not always pack alike.
					a, b = a[:0], b[:0]
				}
				if hidden != never || len(a) != len(b) {
					t.Errorf("%s %v: %d and %d bytes", rest, header, len(a), len(b))
				}
				for _, name := range []string{"Date", "X-Request-Id", "Content-Length", "Traceparent"} {
					headers.Del(name)
					others.Del(name)
				}
				if x, y := fmt.Sprint(headers), fmt.Sprint(others); x != y {
					t.Errorf("%s: %s\n%s", rest, x, y)
				}
			}
		}
	}
}

// noLimits: no limit counts what is there: as many requests for what is hidden as for
// what never was, and no header tells of a count.
func noLimits(t *testing.T, w *leaking) {
	for range 60 {
		for _, id := range []string{"hc", "hl", "never"} {
			if status, headers, _ := raw(t, w.doctorHere, "GET", "/Observation/"+id); status != 404 || headers.Get("Retry-After") != "" || headers.Get("X-Ratelimit-Remaining") != "" {
				t.Fatalf("%s: %d %v", id, status, headers)
			}
		}
	}
}

func notCached(t *testing.T, w *leaking) {
	for _, path := range []string{"/Observation/m1", "/Observation/hc", "/Observation?code=8867-4", "/Observation/m1/_history", "/Observation/m1/_history/1", "/Binary/hl", "/Patient/mine/$everything", "/$graphql?query={PatientList{id}}", "/Observation/$lastn?patient=mine", "/Nonsense"} {
		for _, who := range []asker{w.doctorHere, w.operator} {
			_, headers, _ := raw(t, who, "GET", path)
			if !strings.Contains(headers.Get("Cache-Control"), "no-store") || !strings.Contains(headers.Get("Cache-Control"), "private") || !strings.Contains(strings.Join(headers.Values("Vary"), ","), "Authorization") {
				t.Errorf("%s: %v", path, headers)
			}
		}
	}
}

// acknowledged: a device is told the same whatever its patient agreed to.
func acknowledged(t *testing.T, w *leaking) {
	gate := w.operator
	gate.base = w.here.Root
	var answers []string
	for i, patient := range []string{"mine", "hc"} {
		device := fmt.Sprint("00A1C9000000020", i)
		if status, _, answer := gate.ask(t, "POST", "/ingest/associations", `{"device":"`+device+`","patient":"Patient/`+patient+`","start":"2026-11-19T00:00:00Z"}`, "Content-Type", "application/json"); status != 201 {
			t.Fatalf("%d %s", status, answer)
		}
		line := `{"deviceId":"` + device + `","receivedAt":"2026-11-20T00:00:01Z","characteristic":"2A37","hex":"0041"}`
		status, _, answer := gate.ask(t, "POST", "/ingest/blegatt", line+"\n", "Content-Type", "application/x-ndjson")
		answers = append(answers, fmt.Sprint(status, normal(strings.ReplaceAll(answer, device, "DEVICE"))))
	}
	if answers[0] != answers[1] || !strings.Contains(answers[0], "201") {
		t.Errorf("%s\n%s", answers[0], answers[1])
	}
}

func administration(t *testing.T, w *leaking) {
	for _, who := range []asker{w.doctorHere, w.appHere} {
		for _, path := range []string{"/fhir/$reindex-status", "/admin/packages", "/admin/users", "/admin/clients", "/ingest/quarantine", "/ingest/refused", "/ingest/associations", "/ingest/devices", "/metrics", "/admin/backup"} {
			who.base = w.here.Root
			status, _, answer := who.ask(t, "GET", path, "")
			if status != 403 && status != 404 && status != 405 || strings.Contains(answer, "Zebra") {
				t.Errorf("%s: %d %.300s", path, status, answer)
			}
		}
	}
	who := w.operator
	who.base = w.here.Root
	if status, _, _ := who.ask(t, "GET", "/admin/packages", ""); status != 200 {
		t.Errorf("an operator: %d", status)
	}
}

// twoPatients: what lies in the compartments of two is seen when both permit it.
func twoPatients(t *testing.T, w *leaking) {
	w.store(t, "Patient/third", `"active":true`)
	with := func(extra string) string { return leakObservation("mine", "2339-0", 5, "2024-06-03", extra) }
	w.store(t, "Observation/two", strings.Replace(with(""), `"performer":[`, `"performer":[{"reference":"Patient/third"},`, 1))
	w.sees(t, "Observation/two", true)
	w.store(t, "Observation/two", strings.Replace(with(""), `"performer":[`, `"performer":[{"reference":"Patient/hc"},`, 1))
	w.sees(t, "Observation/two", false)
	w.store(t, "Observation/about", with(`,"focus":[{"reference":"Patient/hc"}]`)) // R4: no membership
	w.sees(t, "Observation/about", true)
	w.store(t, "Patient/third", `"active":true,"link":[{"other":{"reference":"Patient/hc"},"type":"seealso"}]`)
	w.sees(t, "Patient/third", false)
	w.store(t, "Group/both", `"type":"person","actual":true,"member":[{"entity":{"reference":"Patient/mine"}},{"entity":{"reference":"Patient/hc"}}]`)
	w.sees(t, "Group/both", false)
	w.store(t, "Appointment/both", `"status":"booked","participant":[{"actor":{"reference":"Patient/mine"},"status":"accepted"},{"actor":{"reference":"Patient/hc"},"status":"accepted"}]`)
	w.sees(t, "Appointment/both", false)
	w.store(t, "Group/one", `"type":"person","actual":true,"member":[{"entity":{"reference":"Patient/mine"}}]`)
	w.sees(t, "Group/one", true)
}

// withoutPatient: what has no patient is nobody's; a Device has one.
func withoutPatient(t *testing.T, w *leaking) {
	w.store(t, "Device/nobodys", `"status":"active"`)
	w.sees(t, "Device/nobodys", true)
	w.store(t, "Device/hc", `"status":"active","patient":{"reference":"Patient/hc"}`)
	w.sees(t, "Device/hc", false)
	w.store(t, "Device/mine", `"status":"active","patient":{"reference":"Patient/mine"}`)
	w.sees(t, "Device/mine", true)
	w.store(t, "Medication/any", `"status":"active"`)
	w.sees(t, "Medication/any", true)
	w.store(t, "Observation/nobodys", strings.Replace(leakObservation("mine", "2339-0", 5, "2024-06-03", ""), `"subject":{"reference":"Patient/mine"},`, "", 1))
	w.sees(t, "Observation/nobodys", true)
	if exists(t, w.appHere, "Observation/nobodys") || !exists(t, w.appHere, "Device/mine") || !exists(t, w.appHere, "Device/nobodys") || exists(t, w.appHere, "Device/hc") {
		t.Error("to an app of the patient")
	}
}

// moved: an update takes a resource from one patient to another; versions are of whom they
// were then, and of whom it is now.
func moved(t *testing.T, w *leaking) {
	of := func(patient string) string { return leakObservation(patient, "2339-0", 7, "2024-06-04", "") }
	w.store(t, "Observation/came", of("hc"))
	w.store(t, "Observation/came", of("mine"))
	w.sees(t, "Observation/came", true)
	w.store(t, "Observation/went", of("mine"))
	w.sees(t, "Observation/went", true)
	w.store(t, "Observation/went", of("hc"))
	w.sees(t, "Observation/went", false)
	for path, want := range map[string]int{"came/_history/1": 404, "came/_history/2": 200, "went/_history/1": 404, "went/_history/2": 404} {
		for _, who := range []asker{w.doctorHere, w.appHere} {
			if status, _, _ := who.ask(t, "GET", "/Observation/"+path, ""); status != want {
				t.Errorf("%s: %d, want %d", path, status, want)
			}
		}
	}
	if got := seen(t, w.doctorHere, "/Observation/came/_history"); got != "came #1" {
		t.Errorf("history: %s", got)
	}
	if status, _, _ := w.doctorHere.ask(t, "GET", "/Observation/went/_history", ""); status != 404 {
		t.Errorf("history of what went: %d", status)
	}
}
