package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
)

// world is random resources as a plain list: what the brute-force evaluators look at.
type world struct {
	g   *rand.Rand
	all map[string]map[string]any // by Type/id
	day map[string]string         // care date, "" for none
}

func newWorld(seed uint64) *world {
	return &world{g: rand.New(rand.NewPCG(seed, 7)), all: map[string]map[string]any{}, day: map[string]string{}}
}

func (w *world) ref(typ string, n int) map[string]any {
	return map[string]any{"reference": fmt.Sprintf("%s/%s%d", typ, strings.ToLower(typ[:3]), w.g.IntN(n))}
}

func (w *world) add(typ string, i int, r map[string]any) {
	id := fmt.Sprintf("%s%d", strings.ToLower(typ[:3]), i)
	r["resourceType"], r["id"] = typ, id
	w.all[typ+"/"+id] = r
}

func concept(text string) map[string]any { return map[string]any{"text": text} }

// record makes patients with records, and practitioners and so on that they share.
func (w *world) record(patients, each int) {
	maybe := func(r map[string]any, name string, value any) {
		if w.g.IntN(2) == 0 {
			r[name] = value
		}
	}
	for i := range patients {
		r := map[string]any{"active": true}
		maybe(r, "managingOrganization", w.ref("Organization", 4))
		if w.g.IntN(3) == 0 {
			r["link"] = []any{map[string]any{"other": w.ref("Patient", patients), "type": "seealso"}}
		}
		w.add("Patient", i, r)
	}
	for i := range 4 {
		org := map[string]any{"name": fmt.Sprint("o", i)}
		maybe(org, "partOf", w.ref("Organization", 4))
		w.add("Organization", i, org)
		loc := map[string]any{"name": fmt.Sprint("l", i)}
		maybe(loc, "managingOrganization", w.ref("Organization", 4))
		w.add("Location", i, loc)
		w.add("Practitioner", i, map[string]any{"active": true})
		dev := map[string]any{"serialNumber": fmt.Sprint(i)}
		maybe(dev, "location", w.ref("Location", 4))
		w.add("Device", i, dev)
		w.add("Medication", i, map[string]any{"manufacturer": w.ref("Organization", 4)})
		w.add("Group", i, map[string]any{"type": "person", "actual": true, "member": []any{map[string]any{"entity": w.ref("Patient", patients)}, map[string]any{"entity": w.ref("Patient", patients)}}})
	}
	for i := range patients * each {
		day := fmt.Sprintf("2024-%02d-%02d", 1+w.g.IntN(12), 1+w.g.IntN(28))
		subject := w.ref("Patient", patients)
		o := map[string]any{"status": "final", "code": concept("x"), "subject": subject}
		if w.g.IntN(5) == 0 {
			o["subject"] = w.ref("Device", 4)
		}
		maybe(o, "performer", []any{w.ref("Practitioner", 4), w.ref("Patient", patients)})
		maybe(o, "device", w.ref("Device", 4))
		maybe(o, "encounter", w.ref("Encounter", patients*each))
		maybe(o, "hasMember", []any{w.ref("Observation", patients*each)})
		if w.g.IntN(4) > 0 {
			o["effectiveDateTime"] = day
			w.day[fmt.Sprint("Observation/obs", i)] = day
		}
		w.add("Observation", i, o)
		enc := map[string]any{"status": "finished", "class": map[string]any{"code": "AMB"}, "subject": subject}
		maybe(enc, "location", []any{map[string]any{"location": w.ref("Location", 4)}})
		maybe(enc, "diagnosis", []any{map[string]any{"condition": w.ref("Condition", patients*each)}})
		w.add("Encounter", i, enc)
		con := map[string]any{"code": concept("c"), "subject": w.ref("Patient", patients)}
		maybe(con, "asserter", w.ref("Patient", patients))
		maybe(con, "encounter", w.ref("Encounter", patients*each))
		if w.g.IntN(2) == 0 {
			con["onsetDateTime"] = day
			w.day[fmt.Sprint("Condition/con", i)] = day
		}
		w.add("Condition", i, con)
		w.add("MedicationRequest", i, map[string]any{"status": "active", "intent": "order", "subject": subject, "medicationReference": w.ref("Medication", 4), "authoredOn": day})
		w.day[fmt.Sprint("MedicationRequest/med", i)] = day
	}
}

// load puts everything with one transaction.
func (w *world) load(t *testing.T, base string) {
	t.Helper()
	var entries []any
	for _, key := range sortedKeys(w.all) {
		entries = append(entries, map[string]any{"resource": w.all[key], "request": map[string]any{"method": "PUT", "url": key}})
	}
	data, err := json.Marshal(map[string]any{"resourceType": "Bundle", "type": "transaction", "entry": entries})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := send(t, http.MethodPost, base, data); err != nil {
		t.Fatal(err)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// patientElements are the elements that put a resource into a patient's
// compartment (R4 compartmentdefinition-patient), of the types made here.
var patientElements = map[string][]string{
	"Observation": {"subject", "performer"}, "Encounter": {"subject"}, "Condition": {"subject", "asserter"},
	"MedicationRequest": {"subject"}, "Group": {"member.entity"}, "Patient": {"link.other"},
}

var encounterElements = map[string][]string{"Observation": {"encounter"}, "Condition": {"encounter"}, "MedicationRequest": {"encounter"}}

// refs are the references below an element at a dotted path, or with "" at any.
func refs(v any, path string) (found []string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			found = append(found, refs(item, path)...)
		}
	case map[string]any:
		name, rest, _ := strings.Cut(path, ".")
		for key, value := range v {
			switch {
			case path == "" && key != "reference", key == name && path != "":
				found = append(found, refs(value, rest)...)
			case path == "" && key == "reference":
				found = append(found, value.(string))
			}
		}
	}
	return found
}

// in reports whether a resource is in the compartment of another.
func (w *world) in(key, focus string, elements map[string][]string) bool {
	if key == focus {
		return true
	}
	typ, _, _ := strings.Cut(key, "/")
	for _, path := range elements[typ] {
		if slices.Contains(refs(w.all[key], path), focus) {
			return true
		}
	}
	return false
}

// everything is the true answer for a focus: matches, and what they refer to.
func (w *world) everything(focus string, elements map[string][]string, start, end string) (matches, included []string) {
	covers := func(key string) bool {
		day := w.day[key]
		return day == "" || (start == "" || day >= start) && (end == "" || day <= end)
	}
	for _, key := range sortedKeys(w.all) {
		if w.in(key, focus, elements) && (key == focus || covers(key)) {
			matches = append(matches, key)
		}
	}
	patients := []string{focus}
	for _, key := range sortedKeys(w.all) {
		if strings.HasPrefix(focus, "Encounter/") && strings.HasPrefix(key, "Patient/") && w.in(focus, key, patientElements) {
			patients = append(patients, key)
		}
	}
	taken := map[string]bool{}
	todo := slices.Clone(matches)
	for len(todo) > 0 {
		from := todo[0]
		todo = todo[1:]
	next:
		for _, to := range refs(w.all[from], "") {
			if w.all[to] == nil || taken[to] || w.in(to, focus, elements) {
				continue
			}
			owned, shared := false, false
			for _, key := range sortedKeys(w.all) {
				if strings.HasPrefix(key, "Patient/") && w.in(to, key, patientElements) {
					owned = true
					shared = shared || slices.Contains(patients, key)
				}
			}
			if owned && !shared {
				continue next
			}
			taken[to] = true
			todo = append(todo, to)
		}
	}
	return matches, sortedKeys(taken)
}

// pages follows next links and gives the entries by search mode, sorted.
func pages(t *testing.T, url string) (matches, included []string, n int) {
	t.Helper()
	seen := map[string]bool{}
	for url != "" {
		b, err := send(t, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		n++
		for _, entry := range b.Get("entry").Items() {
			r, err := fhir.AsResource(entry.Get("resource"))
			if err != nil {
				t.Fatal(err)
			}
			key := r.Key().String()
			if seen[key] {
				t.Errorf("%s: %s twice", url, key)
			}
			seen[key] = true
			if entry.Path("search", "mode").Text() == "include" {
				included = append(included, key)
			} else {
				matches = append(matches, key)
			}
		}
		url = ""
		for _, link := range b.Get("link").Items() {
			if link.Get("relation").Text() == "next" {
				url = link.Get("url").Text()
			}
		}
	}
	slices.Sort(matches)
	slices.Sort(included)
	return matches, included, n
}

// R4 patient-operation-everything, encounter-operation-everything: against an
// evaluator that looks at every resource, in one bundle and in pages.
func TestEverything_BruteForce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	w := newWorld(seed)
	w.record(4, 12)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			base := start(t, open(t)).Base
			w.load(t, base)
			for i, c := range []struct {
				focus, query string
				start, end   string
				types        []string
			}{
				{focus: "Patient/pat0"}, {focus: "Patient/pat1"}, {focus: "Patient/pat2", query: "_count=7"}, {focus: "Patient/pat3", query: "_count=1"},
				{focus: "Encounter/enc0"}, {focus: "Encounter/enc5", query: "_count=2"}, {focus: "Encounter/enc17"},
				{focus: "Patient/pat0", query: "start=2024-03-01&end=2024-07-31", start: "2024-03-01", end: "2024-07-31"},
				{focus: "Patient/pat1", query: "start=2024-06-01&_count=5", start: "2024-06-01"},
				{focus: "Patient/pat1", query: "end=2024-06-30", end: "2024-06-30"},
				{focus: "Patient/pat2", query: "_type=Observation,Practitioner&_type=Device", types: []string{"Observation", "Practitioner", "Device"}},
				{focus: "Patient/pat2", query: "_type=Patient", types: []string{"Patient"}},
				{focus: "Patient/pat2", query: "_format=xml"},
			} {
				elements := patientElements
				if strings.HasPrefix(c.focus, "Encounter/") {
					elements = encounterElements
				}
				matches, included := w.everything(c.focus, elements, c.start, c.end)
				unwanted := func(key string) bool {
					typ, _, _ := strings.Cut(key, "/")
					return c.types != nil && !slices.Contains(c.types, typ)
				}
				matches, included = slices.DeleteFunc(matches, unwanted), slices.DeleteFunc(included, unwanted)
				address := base + "/" + c.focus + "/$everything?" + c.query
				if strings.Contains(c.query, "xml") {
					compareXML(t, address, len(matches)+len(included))
					continue
				}
				gotMatches, gotIncluded, n := pages(t, address)
				if !slices.Equal(matches, gotMatches) || !slices.Equal(included, gotIncluded) {
					t.Errorf("%d %s?%s\ngot  %v\n     %v\nwant %v\n     %v", i, c.focus, c.query, gotMatches, gotIncluded, matches, included)
				}
				if !strings.Contains(c.query, "_count") && n > 1 {
					t.Errorf("%s: %d pages", c.focus, n)
				}
			}
		})
	}
}

func compareXML(t *testing.T, address string, want int) {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(body.String(), "<fullUrl"); n != want || response.StatusCode != http.StatusOK {
		t.Errorf("%d entries in XML, want %d", n, want)
	}
}

// A call of type level or on a group is of one patient after the other; pages see
// the moment of the first whatever is written since.
func TestEverything_SeveralPatientsAndSnapshot(t *testing.T) {
	w := newWorld(1)
	w.record(3, 4)
	want := map[string]bool{}
	group := map[string]bool{}
	members := refs(w.all["Group/gro1"], "member.entity")
	for _, p := range []string{"Patient/pat0", "Patient/pat1", "Patient/pat2"} {
		matches, included := w.everything(p, patientElements, "", "")
		for _, key := range append(matches, included...) {
			want[key] = true
			if slices.Contains(members, p) {
				group[key] = true
			}
		}
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			base := start(t, open(t)).Base
			w.load(t, base)
			matches, included, _ := pages(t, base+"/Patient/$everything")
			if got := append(matches, included...); len(got) != len(want) {
				t.Errorf("%d of type level, want %d", len(got), len(want))
			}
			matches, included, _ = pages(t, base+"/Group/gro1/$everything")
			if got := append(matches, included...); len(got) != len(group) {
				t.Errorf("%d of a group, want %d", len(got), len(group))
			}

			first, err := send(t, http.MethodGet, base+"/Patient/pat0/$everything?_count=3", nil)
			if err != nil {
				t.Fatal(err)
			}
			since := first.Get("timestamp").Text()
			for key, r := range w.all {
				if strings.HasPrefix(key, "Observation/") || strings.HasPrefix(key, "Practitioner/") {
					r := map[string]any{"resourceType": r["resourceType"], "id": r["id"], "status": "final", "code": concept("moved")}
					if strings.HasPrefix(key, "Practitioner/") {
						r = map[string]any{"resourceType": r["resourceType"], "id": r["id"]}
					}
					data, _ := json.Marshal(r)
					if _, err := send(t, http.MethodPut, base+"/"+key, data); err != nil {
						t.Fatal(err)
					}
				}
			}
			wanted, more := w.everything("Patient/pat0", patientElements, "", "")
			matches, included, _ = pages(t, first.Get("link").At(1).Get("url").Text())
			if len(matches)+len(included)+first.Get("entry").Len() != len(wanted)+len(more) {
				t.Errorf("%d and %d after the first page of %d, want %d and %d", len(matches), len(included), first.Get("entry").Len(), len(wanted), len(more))
			}
			matches, included, _ = pages(t, base+"/Patient/pat0/$everything?_since="+url.QueryEscape(since))
			for _, key := range append(matches, included...) {
				if !strings.HasPrefix(key, "Practitioner/") {
					t.Errorf("%s was not changed since", key)
				}
			}
			if _, err := time.Parse(time.RFC3339, since); err != nil {
				t.Error(err)
			}
		})
	}
}
