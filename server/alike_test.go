package server_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"vitalwire/fhir"
)

// wish is one request; %s in it stands for the name of its world, so that the same
// can be asked three times without one asking disturbing the other.
type wish struct {
	method, url, body                 string
	ifMatch, ifNoneMatch, ifNoneExist string
	before                            []wish // what must be there
}

// queries are requests of every kind, each on resources of its own (the number n).
func queries(n int) []wish {
	id := fmt.Sprintf("%%s-%d", n)
	patient := func(id, more string) string { return `{"resourceType":"Patient","id":"` + id + `"` + more + `}` }
	named := func(id string) string {
		return patient(id, `,"identifier":[{"system":"urn:%s","value":"`+strconv.Itoa(n)+`"}]`)
	}
	one := wish{method: "PUT", url: "Patient/" + id, body: named(id)}
	two := wish{method: "PUT", url: "Patient/" + id + "-2", body: named(id + "-2")}
	gone := wish{method: "DELETE", url: "Patient/" + id}
	search := "identifier=urn:%s|" + strconv.Itoa(n)
	nameless := `{"resourceType":"Patient","active":true}`
	jsonPatch := `[{"op":"add","path":"/active","value":true}]`
	var list []wish
	for _, before := range [][]wish{nil, {one}, {one, one}, {one, two}, {one, gone}} {
		for _, a := range []wish{
			{method: "GET", url: "Patient/" + id},
			{method: "HEAD", url: "Patient/" + id},
			{method: "GET", url: "Patient/" + id, ifNoneMatch: `W/"1"`},
			{method: "GET", url: "Patient/" + id + "/_history/1"},
			{method: "GET", url: "Patient/" + id + "/_history/2"},
			{method: "GET", url: "Patient/" + id + "/_history?_count=5"},
			{method: "GET", url: "Patient?" + search + "&_total=accurate"},
			{method: "GET", url: "Patient?colour=red"},
			{method: "GET", url: "Patient/" + id + "/$meta"},
			{method: "GET", url: "Patient/" + id + "/$nosuch"},
			{method: "GET", url: "Nonsense/" + id},
			{method: "POST", url: "Patient", body: named(id)},
			{method: "POST", url: "Patient", body: named(id), ifNoneExist: search},
			{method: "POST", url: "Patient", body: named(id), ifNoneExist: search + "&active:missing=true"},
			{method: "POST", url: "Patient", body: `{"resourceType":"Device"}`},
			{method: "POST", url: "Patient", body: `{"resourceType":"Patient","gender":"red","birthDate":"soon"}`},
			{method: "POST", url: "Patient", body: `{"resourceType":"Patient","colour":"red"}`},
			{method: "PUT", url: "Patient/" + id, body: named(id)},
			{method: "PUT", url: "Patient/" + id, body: patient(id, `,"gender":"red"`)},
			{method: "PUT", url: "Patient/" + id, body: patient(id+"-other", "")},
			{method: "PUT", url: "Patient/" + id, body: patient(id, ""), ifMatch: `W/"1"`},
			{method: "PUT", url: "Patient/" + id, body: patient(id, ""), ifMatch: `nonsense`},
			{method: "PUT", url: "Patient/" + id, body: patient(id, ""), ifNoneMatch: `*`},
			{method: "PUT", url: "Patient?" + search, body: nameless},
			{method: "PUT", url: "Patient?" + search, body: named(id)},
			{method: "PUT", url: "Patient?" + search, body: patient(id+"-other", "")},
			{method: "PUT", url: "Patient?" + search, body: nameless, ifMatch: `W/"2"`},
			{method: "PATCH", url: "Patient/" + id, body: jsonPatch},
			{method: "PATCH", url: "Patient/" + id, body: jsonPatch, ifMatch: `W/"1"`},
			{method: "PATCH", url: "Patient/" + id, body: `[{"op":"add","path":"/gender","value":"red"}]`},
			{method: "PATCH", url: "Patient?" + search, body: jsonPatch},
			{method: "DELETE", url: "Patient/" + id},
			{method: "DELETE", url: "Patient/" + id, ifMatch: `W/"1"`},
			{method: "DELETE", url: "Patient?" + search},
			{method: "DELETE", url: "Patient?colour=red"},
			{method: "DELETE", url: "Patient"},
		} {
			a.before = before
			list = append(list, a)
		}
	}
	return list
}

// given is what a request was answered, in a form that does not tell whether it
// was alone.
type given struct{ status, etag, location, body string }

var (
	aUUID    = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	aMoment  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`)
	aCursor  = regexp.MustCompile(`_cursor=[-\w]+`)
	anEntry  = regexp.MustCompile(`"Bundle\.entry\[\d+\](\.resource)?\.?`)
	aRequest = regexp.MustCompile(`"expression":\["(?:Patient\.?|Device\.?)?`)
)

func (r given) plain(world, base string) given {
	r.location = strings.TrimPrefix(r.location, base+"/")
	for _, text := range []*string{&r.location, &r.body} {
		s := strings.ReplaceAll(*text, base, "BASE")
		s = strings.ReplaceAll(s, world, "WORLD")
		s = aUUID.ReplaceAllString(s, "UUID")
		s = aMoment.ReplaceAllString(s, "MOMENT")
		s = aCursor.ReplaceAllString(s, "CURSOR")
		s = anEntry.ReplaceAllString(s, `"`)
		s = aRequest.ReplaceAllString(s, `"expression":["`)
		s = strings.ReplaceAll(s, `,"expression":[""]`, "")
		*text = s
	}
	return r
}

// alone sends it by itself.
func (a wish) alone(t *testing.T, base, world string) given {
	t.Helper()
	body := strings.ReplaceAll(a.body, "%s", world)
	request, err := http.NewRequestWithContext(t.Context(), a.method, base+"/"+strings.ReplaceAll(a.url, "%s", world), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"If-Match": a.ifMatch, "If-None-Match": a.ifNoneMatch, "If-None-Exist": strings.ReplaceAll(a.ifNoneExist, "%s", world),
		"Content-Type": "application/fhir+json", "Prefer": "return=representation",
	} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	if strings.HasPrefix(body, "[") {
		request.Header.Set("Content-Type", "application/json-patch+json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return given{
		status: strconv.Itoa(response.StatusCode), etag: response.Header.Get("ETag"), location: response.Header.Get("Location"),
		body: withoutID(data),
	}
}

// withoutID takes the id from an outcome: it is that of the HTTP request.
func withoutID(data []byte) string {
	if r, err := fhir.ParseResource(data); err == nil && r.Type() == "OperationOutcome" {
		r.Root().Set("id", nil)
		return string(r.JSON())
	}
	return string(data)
}

// entry is it as an entry of a bundle.
func (a wish) entry(world string) *fhir.Element {
	request := fhir.NewObject(fhir.S("method", a.method), fhir.S("url", strings.ReplaceAll(a.url, "%s", world)))
	for _, m := range []fhir.Member{fhir.S("ifMatch", a.ifMatch), fhir.S("ifNoneMatch", a.ifNoneMatch), fhir.S("ifNoneExist", strings.ReplaceAll(a.ifNoneExist, "%s", world))} {
		if m.Value.Text() != "" {
			request.Set(m.Name, m.Value)
		}
	}
	entry := fhir.NewObject(fhir.M("request", request))
	body := strings.ReplaceAll(a.body, "%s", world)
	switch {
	case strings.HasPrefix(body, "["):
		entry.Set("resource", fhir.NewObject(fhir.S("resourceType", "Binary"), fhir.S("contentType", "application/json-patch+json"),
			fhir.S("data", base64.StdEncoding.EncodeToString([]byte(body)))))
	case body != "":
		resource, err := fhir.ParseElement([]byte(body))
		if err != nil {
			panic(err)
		}
		entry.Set("resource", resource)
	}
	return entry
}

// bundled sends requests as one bundle and gives the answers to each.
func bundled(t *testing.T, base, world, typ string, list []wish) []given {
	t.Helper()
	entries := fhir.NewArray()
	for _, a := range list {
		entries.Append(a.entry(world))
	}
	bundle := fhir.NewObject(fhir.S("resourceType", "Bundle"), fhir.S("type", typ), fhir.M("entry", entries))
	status, header, answer := exchange(http.MethodPost, base, string(bundle.AppendJSON(nil)), "Prefer", "return=representation")
	if status != http.StatusOK {
		return []given{{status: strconv.Itoa(status), etag: header.Get("ETag"), body: withoutID([]byte(answer))}}
	}
	whole, err := fhir.ParseElement([]byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	var replies []given
	for _, entry := range whole.Get("entry").Items() {
		r := given{
			status: entry.Path("response", "status").Text()[:3], etag: entry.Path("response", "etag").Text(),
			location: entry.Path("response", "location").Text(),
		}
		if list[len(replies)].method == http.MethodHead {
			entry = nil // which has no body alone, either
		}
		for _, body := range []*fhir.Element{entry.Get("resource"), entry.Path("response", "outcome")} {
			if body != nil {
				r.body = string(body.AppendJSON(nil))
			}
		}
		replies = append(replies, r)
	}
	return replies
}

// TestBundle_AlikeAlone asks the same alone, in a batch and in a transaction of one
// (R4 http §3.1.0.11: an entry comes to what the request alone would come to), and
// then random ones of them together: status, ETag, Location and body are the same.
func TestBundle_AlikeAlone(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("VITALWIRE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("VITALWIRE_SEED=%d", seed)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			base := start(t, open(t)).Base
			var list []wish
			for n := range len(queries(0)) {
				list = append(list, queries(n)[n])
			}
			random := rand.New(rand.NewPCG(seed, 1))
			random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			for from := 0; from < len(list); from += 12 {
				compare(t, base, fmt.Sprintf("w%d", from), list[from:min(from+12, len(list))])
			}
		})
	}
}

func compare(t *testing.T, base, world string, list []wish) {
	t.Helper()
	worlds := map[string]string{"alone": world + "a", "batch": world + "b", "transaction": world + "t", "together": world + "g"}
	for _, a := range list {
		for _, w := range worlds {
			for _, b := range a.before {
				if r := b.alone(t, base, w); r.status[0] != '2' {
					t.Fatalf("%+v: %+v", b, r)
				}
			}
		}
	}
	batch := bundled(t, base, worlds["batch"], "batch", list)
	var good []wish
	var wanted []given
	for i, a := range list {
		want := a.alone(t, base, worlds["alone"]).plain(worlds["alone"], base)
		if got := batch[i].plain(worlds["batch"], base); got != want {
			t.Errorf("%+v\nalone    %+v\nin batch %+v", a, want, got)
		}
		got := bundled(t, base, worlds["transaction"], "transaction", []wish{a})[0].plain(worlds["transaction"], base)
		if a.method == http.MethodHead {
			got.body = "" // that of the transaction, when it failed
		}
		if got != want {
			t.Errorf("%+v\nalone          %+v\nin transaction %+v", a, want, got)
		}
		if want.status[0] == '2' || want.status[0] == '3' {
			good, wanted = append(good, a), append(wanted, want)
		}
	}
	for i, r := range bundled(t, base, worlds["together"], "transaction", good) {
		if got := r.plain(worlds["together"], base); got != wanted[i] {
			t.Errorf("%+v\nalone          %+v\nin transaction %+v", good[i], wanted[i], got)
		}
	}
}
