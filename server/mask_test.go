package server_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/auth"
	"vitalwire/internal/judge"
	"vitalwire/server"
)

// What nobody but its owner may see of ward: the words stand in masked elements alone,
// and in narratives.
const (
	secretWord = "Quetzalmark"
	secretDate = "1923-04-05"
)

const masksResearch = `{"obligations":[
	{"for":{"purposes":["HRESCH"]},"mask":["Patient.telecom","Patient.address.line","Patient.birthDate","Observation.note","Composition.section.title","Observation.device"]},
	{"for":{"roles":["practitioner"]},"unless":{"purposes":["ETREAT"]},"labels":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}],"mask":["Condition.note","Condition.code"]},
	{"for":{"clients":["counts"]},"mask":["Observation.value[x]","Observation.component.value[x]"]}]}`

// masking runs a server with obligations and gives who stores everything and is bound by
// nothing, who treats, and who does research.
func masking(t *testing.T, store string) (running *server.Server, root, treats, studies asker) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "obligations.json")
	if err := os.WriteFile(file, []byte(masksResearch), 0o600); err != nil {
		t.Fatal(err)
	}
	running = start(t, store, required, func(c *server.Config) { c.Validate, c.Obligations = "off", file })
	if err := running.Register(t.Context(), auth.Client{ID: "plain", Scope: "user/*.cruds system/*.cruds", Purposes: []string{"TREAT", "ETREAT", "HRESCH"}}); err != nil {
		t.Fatal(err)
	}
	by := func(purpose string) asker {
		return as(t, running, auth.Access{Client: "plain", FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.cruds"), Purposes: []string{purpose}})
	}
	return running, as(t, running, auth.Access{Scopes: auth.ParseScopes("system/*.cruds")}), by("TREAT"), by("HRESCH")
}

// secretScene is a random world with secrets in it, also where a resource is a copy inside
// of another.
func secretScene(seed uint64) *judge.Scene {
	scene := judge.Random(seed, 30, time.Now())
	text := judge.Resource{"status": "generated", "div": `<div xmlns="http://www.w3.org/1999/xhtml">` + secretWord + `</div>`}
	telecom := []any{judge.Resource{"system": "phone", "value": secretWord}}
	for _, r := range scene.Resources {
		switch r["resourceType"] {
		case "Patient":
			r["telecom"], r["birthDate"], r["text"] = telecom, secretDate, text
			r["address"] = []any{judge.Resource{"city": "here", "line": []any{secretWord, "2"}}}
		case "Observation":
			r["note"], r["text"] = []any{judge.Resource{"text": secretWord}}, text
		case "Composition":
			r["section"] = []any{judge.Resource{"title": "s", "section": []any{judge.Resource{"title": secretWord}}}}
		}
	}
	person := judge.Resource{"resourceType": "Patient", "id": "copy", "telecom": telecom, "birthDate": secretDate}
	scene.Resources = append(scene.Resources,
		judge.Resource{"resourceType": "Bundle", "id": "kept", "type": "collection", "entry": []any{judge.Resource{"fullUrl": "urn:x", "resource": person}}},
		judge.Resource{"resourceType": "Basic", "id": "holds", "code": judge.Resource{"text": "x"}, "contained": []any{person}, "text": text, "subject": judge.Resource{"reference": "Patient/a"}})
	return scene
}

func store(t *testing.T, root asker, list []judge.Resource) {
	t.Helper()
	var entries []string
	for _, r := range list {
		entries = append(entries, fmt.Sprintf(`{"request":{"method":"PUT","url":%q},"resource":%s}`, judge.Key(r), encoded(r)))
	}
	if status, _, answer := root.ask(t, "POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(entries, ",")+`]}`); status != 200 {
		t.Fatalf("%d %.900s", status, answer)
	}
}

func tellsSecret(text string) bool {
	return strings.Contains(text, secretWord) || strings.Contains(text, secretDate)
}

// TestD6_MaskedIsToldNowhere: by every path, also by L9 (_elements), L46 (what a write
// returns) and an answer that is fetched later, who does research is told nothing of what
// is masked, and who treats all of it.
func TestD6_MaskedIsToldNowhere_L9_L41_L46(t *testing.T) {
	seed := variable(t, "VITALWIRE_SEED", rand.Uint64())
	t.Logf("VITALWIRE_SEED=%d", seed)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rand.New(rand.NewPCG(seed, 3))
			scene := secretScene(seed)
			_, root, treats, studies := masking(t, open(t))
			store(t, root, scene.Resources)
			store(t, root, scene.Resources[:12]) // a second version of some
			var keys []string
			for _, r := range scene.Resources {
				keys = append(keys, judge.Key(r))
			}
			asked := append(pickSome(g, keys, 6), "Patient/a", "Bundle/kept", "Basic/holds")
			reads, writes := probesOf(scene, g, asked, 60)
			for _, p := range slices.Clone(reads[:20]) {
				reads = append(reads, probe{p.method, p.path, p.body, append(slices.Clone(p.header), "Prefer", "respond-async")})
			}
			g.Shuffle(len(reads), func(i, j int) { reads[i], reads[j] = reads[j], reads[i] })
			g.Shuffle(len(writes), func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
			most := int(variable(t, "VITALWIRE_ASKED", readsAsked))
			reads, writes = reads[:min(len(reads), most)], writes[:min(len(writes), most/3)]
			told, refused := 0, 0
			for _, p := range reads {
				open, masked := toldLater(t, treats, p), toldLater(t, studies, p)
				if tellsSecret(open) {
					told++
				}
				if strings.HasPrefix(masked, "403") {
					refused++
				}
				if tellsSecret(masked) || strings.HasPrefix(masked, "500") || strings.HasPrefix(open, "500") {
					t.Fatalf("VITALWIRE_SEED=%d: %s %s %.300s %v: %.3000s", seed, p.method, p.path, p.body, p.header, masked)
				}
			}
			if told < len(reads)/10 || refused > len(reads)/2 {
				t.Errorf("of %d answers %d tell it to who treats, and %d are refused to who studies", len(reads), told, refused)
			}
			for _, p := range writes {
				if strings.Contains(p.method+p.body, "DELETE") {
					continue
				}
				p.header = append(slices.Clone(p.header), "Prefer", "return=representation")
				if got := toldWhole(t, studies, p); tellsSecret(got) || strings.HasPrefix(got, "500") {
					t.Fatalf("VITALWIRE_SEED=%d: %s %s %.300s %v: %.3000s", seed, p.method, p.path, p.body, p.header, got)
				}
			}
			for _, r := range scene.Resources {
				if tellsSecret(encoded(r)) {
					if _, _, got := root.ask(t, "GET", "/"+judge.Key(r), ""); !tellsSecret(got) {
						t.Errorf("VITALWIRE_SEED=%d: a write took what is masked from %s: %.600s", seed, judge.Key(r), got)
					}
				}
			}
			t.Logf("%d reads, %d writes; %d told, %d refused", len(reads), len(writes), told, refused)
		})
	}
}

// toldLater is toldWhole, with what a job has when it is done.
func toldLater(t *testing.T, who asker, p probe) string {
	t.Helper()
	status, header, answer := who.ask(t, p.method, p.path, p.body, p.header...)
	place := header.Get("Content-Location")
	if status != 202 || place == "" {
		return toldPages(t, who, 4, p.method, p.path, p.body, p.header...)
	}
	for status == 202 {
		time.Sleep(5 * time.Millisecond)
		status, header, answer = who.ask(t, "GET", strings.TrimPrefix(place, who.base), "")
	}
	for _, url := range regexp.MustCompile(regexp.QuoteMeta(who.base)+`/[^"]+`).FindAllString(answer+" "+header.Get("Location"), 5) {
		_, _, more := who.ask(t, "GET", strings.TrimPrefix(url, who.base), "")
		answer += more
	}
	return fmt.Sprint(status, " ", header, answer)
}

// TestD6_L28_MaskedIsNoSearch: no search, order, chain, condition or statistic looks at what is masked.
func TestD6_L28_MaskedIsNoSearch(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, root, _, studies := masking(t, open(t))
			store(t, root, secretScene(7).Resources)
			form := []string{"Content-Type", "application/x-www-form-urlencoded"}
			for _, p := range []probe{
				get("/Patient?telecom=phone|" + secretWord), get("/Patient?phone=" + secretWord), get("/Patient?phone:missing=true"), get("/Patient?phone:not=x"), get("/Patient?email=x"),
				get("/Patient?birthdate=1923"), get("/Patient?_sort=birthdate"), get("/Patient?_sort=name,-birthdate"), get("/Patient?address=" + secretWord), get("/Patient?address:contains=mark"),
				get("/Patient?_filter=birthdate+lt+1950"), get("/Patient?_filter=name+co+x+or+(phone+eq+1)"), get("/Patient?_text=" + secretWord), get("/Patient?_content=" + secretWord), get("/?_content=" + secretWord), get("/Basic?_text=" + secretWord),
				get("/Observation?subject:Patient.birthdate=lt1950"), get("/Observation?subject.phone=x"), get("/Observation?_sort=subject.birthdate"), get("/Observation?_sort=subject:Patient.birthdate"), get("/Practitioner?_has:Patient:general-practitioner:birthdate=lt1950"), get("/Observation?device=Device/gateway"), get("/Observation?device.type=x"), get("/Device?_has:Observation:device:code=2339-0"),
				get("/Device?_revinclude=Observation:device"), get("/Observation?_include=Observation:device"), get("/Observation?_include=*"), get("/DiagnosticReport?_include=DiagnosticReport:result&_include:iterate=Observation:device"), get("/Patient?_contained=true&phone=" + secretWord), get("/Patient?_contained=both&birthdate=1923"),
				get("/Patient/a/Observation?device=Device/gateway"), get("/$graphql?query=" + "%7BPatientList(birthdate:%22lt1950%22)%7Bid%7D%7D"), get("/Device/gateway/Observation"), get("/Observation/$lastn?patient=a&device=Device/gateway"),
				{"POST", "/Patient/_search", "birthdate=1923", form},
				{"POST", "/Patient", `{"resourceType":"Patient"}`, []string{"If-None-Exist", "birthdate=1923-04-05"}},
				{"PUT", "/Patient?phone=" + secretWord, `{"resourceType":"Patient"}`, nil},
				{"DELETE", "/Patient?birthdate=1923-04-05", "", nil},
				{"PATCH", "/Patient?birthdate=1923-04-05", `[{"op":"test","path":"/id","value":"a"}]`, []string{"Content-Type", "application/json-patch+json"}},
				{"POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient?birthdate=1923"}}]}`, nil},
				{"POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Observation"},"resource":{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"Patient?phone=` + secretWord + `"}}}]}`, nil},
			} {
				status, _, answer := studies.ask(t, p.method, p.path, p.body, p.header...)
				graph := strings.Contains(p.path, "$graphql")
				if !graph && status != 403 || !strings.Contains(answer, "is masked for this access token") {
					t.Errorf("%s %s %.200s: %d %.400s", p.method, p.path, p.body, status, answer)
				}
				if p.method == "GET" {
					if status, _, answer := root.ask(t, p.method, p.path, p.body, p.header...); status != 200 {
						t.Errorf("who is bound by nothing: %s %s: %d %.300s", p.method, p.path, status, answer)
					}
				}
			}
			for _, path := range []string{"/Patient?name=Fam", "/Patient?address-city=here", "/Patient?_sort=name", "/Observation?code=8867-4&_sort=-date", "/Observation?device:missing=false&_summary=count", "/Patient/a/$everything", "/Patient/a/Observation", "/Observation/$lastn?patient=a"} {
				if status, _, answer := studies.ask(t, "GET", path, ""); status != 200 && !strings.Contains(path, "device") {
					t.Errorf("%s: %d %.300s", path, status, answer)
				}
			}
		})
	}
}

// TestD6_L32_StatisticsOfWhatIsMasked: of values that are masked there are no averages,
// and no latest ones by code or date where these are.
func TestD6_L32_StatisticsOfWhatIsMasked(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			running, root, _, _ := masking(t, open(t))
			if err := running.Register(t.Context(), auth.Client{ID: "counts", Scope: "system/*.rs"}); err != nil {
				t.Fatal(err)
			}
			counts := as(t, running, auth.Access{Client: "counts", Scopes: auth.ParseScopes("system/*.rs")})
			rate := func(id string, value int) judge.Resource {
				return judge.Resource{"resourceType": "Observation", "id": id, "status": "final", "code": judge.Resource{"coding": []any{judge.Resource{"system": "http://loinc.org", "code": "8867-4"}}}, "subject": judge.Resource{"reference": "Patient/a"},
					"effectiveDateTime": "2026-01-01T00:00:00Z", "valueQuantity": judge.Resource{"value": value, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}}
			}
			store(t, root, []judge.Resource{{"resourceType": "Patient", "id": "a"}, rate("x", 4711), rate("y", 4713)})
			const stats = "/Observation/$stats?subject=Patient/a&code=8867-4&system=http://loinc.org&statistic=average,maximum,minimum,count&duration=100000"
			for _, path := range []string{stats, "/Observation/$lastn?patient=a", "/Observation?patient=a", "/Observation?_summary=data", "/Observation/x/$graphql?query={value{value}}"} {
				path = strings.ReplaceAll(strings.ReplaceAll(path, "{", "%7B"), "}", "%7D")
				if _, _, answer := counts.ask(t, "GET", path, ""); strings.Contains(answer, "471") {
					t.Errorf("%s: %s", path, answer)
				}
				if status, _, answer := root.ask(t, "GET", path, ""); !strings.Contains(answer, "471") && !strings.Contains(path, "graphql") {
					t.Errorf("who is bound by nothing: %s: %d %s", path, status, answer)
				}
			}
			for _, path := range []string{"/Observation?value-quantity=gt4712", "/Observation?_sort=value-quantity", "/Observation?code-value-quantity=8867-4$gt4712", "/Observation?combo-value-quantity=4711", "/Patient?_has:Observation:patient:value-quantity=gt4712", "/Observation/$lastn?patient=a&value-quantity=gt4712"} {
				if status, _, answer := counts.ask(t, "GET", path, ""); status != 403 {
					t.Errorf("%s: %d %.300s", path, status, answer)
				}
			}
		})
	}
}

// TestD5_MaskedCannotBeWrittenBack: by no write, and a patch cannot ask for what is masked (L41).
func TestD5_MaskedCannotBeWrittenBack_L41(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, root, treats, studies := masking(t, open(t))
			store(t, root, []judge.Resource{{"resourceType": "Patient", "id": "a", "meta": judge.Resource{"tag": []any{judge.Resource{"system": "u", "code": "x"}}}, "telecom": []any{judge.Resource{"value": secretWord}}, "identifier": []any{judge.Resource{"system": "urn:mrn", "value": "1"}}}, {"resourceType": "Patient", "id": "plain", "active": true}})
			status, header, view := studies.ask(t, "GET", "/Patient/a", "")
			if status != 200 || header.Get("ETag") != `W/"1"` || !strings.Contains(view, `"MASKED"`) || !strings.Contains(view, `"SUBSETTED"`) {
				t.Fatalf("%d %s", status, view)
			}
			stripped := `{"resourceType":"Patient","id":"a","active":true,"identifier":[{"system":"urn:mrn","value":"1"}]}`
			json := []string{"Content-Type", "application/json-patch+json"}
			entry := func(kind, method, url, resource string) string {
				return `{"resourceType":"Bundle","type":"` + kind + `","entry":[{"request":{"method":"` + method + `","url":"` + url + `"},"resource":` + resource + `}]}`
			}
			patch := `{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL2FjdGl2ZSIsInZhbHVlIjp0cnVlfV0="}`
			meta := `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"u","code":"x"}]}}]}`
			for _, w := range []probe{
				{"PUT", "/Patient/a", view, nil}, {"PUT", "/Patient/a", stripped, nil}, {"PUT", "/Patient/a", stripped, []string{"If-Match", `W/"1"`}},
				{"PUT", "/Patient?identifier=urn:mrn|1", stripped, nil},
				{"PATCH", "/Patient/a", `[{"op":"test","path":"/telecom/0/value","value":"` + secretWord + `"}]`, json},
				{"PATCH", "/Patient/a", `[{"op":"test","path":"/telecom/0/value","value":"x"}]`, json},
				{"PATCH", "/Patient/a", `[{"op":"add","path":"/active","value":true}]`, json},
				{"PATCH", "/Patient?identifier=urn:mrn|1", `[{"op":"add","path":"/active","value":true}]`, json},
				{"PATCH", "/Patient/a", `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"delete"},{"name":"path","valueString":"Patient.telecom"}]}]}`, nil},
				{"POST", "", entry("transaction", "PUT", "Patient/a", stripped), nil}, {"POST", "", entry("batch", "PUT", "Patient/a", stripped), nil},
				{"POST", "", entry("transaction", "PATCH", "Patient/a", patch), nil}, {"POST", "", entry("transaction", "PUT", "Patient?identifier=urn:mrn|1", stripped), nil},
				{"POST", "/Patient/a/$meta-add", strings.ReplaceAll(meta, `"x"`, `"y"`), nil}, {"POST", "/Patient/a/$meta-delete", meta, nil},
			} {
				status, _, answer := studies.ask(t, w.method, w.path, w.body, w.header...)
				ok := status == 403 || status == 422 && w.body == view || status == 200 && strings.Contains(w.body, `"batch"`) && strings.Contains(answer, `"403`)
				if !ok || tellsSecret(answer) {
					t.Errorf("%s %s %.300s: %d %.400s", w.method, w.path, w.body, status, answer)
				}
				if _, header, now := root.ask(t, "GET", "/Patient/a", ""); header.Get("ETag") != `W/"1"` || !tellsSecret(now) {
					t.Fatalf("%s %s: now it is %s", w.method, w.path, now)
				}
			}
			// What is not masked may be changed, and what is new told is masked (L46).
			if status, _, answer := studies.ask(t, "PUT", "/Patient/plain", `{"resourceType":"Patient","id":"plain","telecom":[{"value":"`+secretWord+`"}]}`, "Prefer", "return=representation"); status != 200 || tellsSecret(answer) || !strings.Contains(answer, "MASKED") {
				t.Errorf("%d %s", status, answer)
			}
			if status, _, answer := studies.ask(t, "POST", "/Patient", `{"resourceType":"Patient","telecom":[{"value":"`+secretWord+`"}]}`, "Prefer", "return=representation"); status != 201 || tellsSecret(answer) {
				t.Errorf("%d %s", status, answer)
			}
			if status, _, answer := studies.ask(t, "POST", "/Patient", stripped, "Prefer", "return=representation", "If-None-Exist", "identifier=urn:mrn|1"); status != 200 || tellsSecret(answer) {
				t.Errorf("%d %s", status, answer)
			}
			if status, _, answer := treats.ask(t, "PATCH", "/Patient/a", `[{"op":"add","path":"/active","value":true}]`, json...); status != 200 || !tellsSecret(answer) && strings.Contains(answer, "Patient") {
				t.Errorf("%d %s", status, answer)
			}
		})
	}
}

// TestD5_MaskedByLabel: a rule for what is restricted masks what the author or the code
// makes so, in each version by its own labels and by the present ones, unless the purpose
// is an emergency.
func TestD5_MaskedByLabel(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			running, root, treats, _ := masking(t, open(t))
			emergency := as(t, running, auth.Access{Client: "plain", FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.cruds"), Purposes: []string{"ETREAT"}})
			condition := func(id, code, label string) judge.Resource {
				r := judge.Resource{"resourceType": "Condition", "id": id, "code": judge.Resource{"coding": []any{judge.Resource{"system": "http://hl7.org/fhir/sid/icd-10", "code": code}}}, "subject": judge.Resource{"reference": "Patient/a"}, "note": []any{judge.Resource{"text": secretWord}}}
				if label != "" {
					r["meta"] = judge.Resource{"security": []any{judge.Resource{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": label}}}
				}
				return r
			}
			store(t, root, []judge.Resource{condition("normal", "J45", ""), condition("author", "J45", "V"), condition("code", "B20", ""), condition("later", "J45", "")})
			store(t, root, []judge.Resource{condition("later", "J45", "R")})
			for _, c := range []struct {
				path   string
				masked bool
			}{{"normal", false}, {"author", true}, {"code", true}, {"later", true}, {"later/_history/1", true}, {"later/_history", true}, {"normal/_history", false}} {
				_, _, answer := treats.ask(t, "GET", "/Condition/"+c.path, "")
				if tellsSecret(answer) == c.masked || c.masked && strings.Contains(answer, "B20") {
					t.Errorf("%s is %s", c.path, answer)
				}
				if _, _, answer := emergency.ask(t, "GET", "/Condition/"+c.path, ""); !tellsSecret(answer) {
					t.Errorf("in an emergency %s is %s", c.path, answer)
				}
			}
			if status, _, _ := treats.ask(t, "GET", "/Condition?code=B20", ""); status != 403 {
				t.Errorf("a search by code is %d", status)
			}
			if status, _, _ := root.ask(t, "DELETE", "/Condition/later", ""); status != 204 && status != 200 {
				t.Error(status)
			}
			if _, _, answer := treats.ask(t, "GET", "/Condition/later/_history/1", ""); tellsSecret(answer) {
				t.Errorf("of what is deleted: %s", answer)
			}
		})
	}
}

// A file that cannot be followed keeps the server from starting.
func TestD5_ObligationsAreReadStrictly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "o.json")
	if err := os.WriteFile(file, []byte(`{"obligations":[{"mask":["Patient.phone"]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := server.Config{Listen: "127.0.0.1:0", Store: stores["sqlite"](t), Zone: "UTC", Auth: "required"}
	c.Obligations, c.Audited.Dir = file, t.TempDir()
	if _, err := server.Start(t.Context(), c, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "obligations[0].mask[0]: Patient.phone") {
		t.Error(err)
	}
	c.Auth = "off"
	if _, err := server.Start(t.Context(), c, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "--auth required") {
		t.Error(err)
	}
}
