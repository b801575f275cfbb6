package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"

	"vitalwire/fhir"
)

// latest is the true answer of $lastn: ids from the latest on, of the Observations for
// which keep holds. It looks at all, and links codes by looking again and again.
func (w *world) latest(n int, keep func(o map[string]any, day string) bool) []string {
	codesOf := func(o map[string]any) (codes []string) {
		concept := o["code"].(map[string]any)
		for _, c := range concept["coding"].([]any) {
			coding := c.(map[string]any)
			if code, ok := coding["code"].(string); ok {
				codes = append(codes, fmt.Sprint(coding["system"], "|", code))
			}
		}
		if codes == nil {
			codes = []string{fmt.Sprint("text ", concept["text"])}
		}
		return codes
	}
	var keys []string
	for _, key := range sortedKeys(w.all) {
		if o := w.all[key]; o["resourceType"] == "Observation" && keep(o, w.day[key]) {
			keys = append(keys, key)
		}
	}
	groups := map[string]string{} // code -> name of its group
	for changed := true; changed; {
		changed = false
		for _, key := range keys {
			codes := codesOf(w.all[key])
			least := ""
			for _, c := range codes {
				if groups[c] == "" {
					groups[c] = c
				}
				if least == "" || groups[c] < least {
					least = groups[c]
				}
			}
			for _, c := range codes {
				changed = changed || groups[c] != least
				groups[c] = least
			}
		}
	}
	before := func(a, b string) bool {
		da, db := w.day[a], w.day[b]
		if da != db {
			return da > db // "" is last
		}
		return a > b // newest first: they were written in the order of their keys
	}
	byGroup := map[string][]string{}
	for _, key := range keys {
		name := groups[codesOf(w.all[key])[0]]
		byGroup[name] = append(byGroup[name], key)
	}
	var found []string
	for _, list := range byGroup {
		sort.Slice(list, func(i, j int) bool { return before(list[i], list[j]) })
		for i, key := range list {
			if i < n || w.day[key] != "" && w.day[key] == w.day[list[n-1]] {
				found = append(found, key)
			}
		}
	}
	sort.Slice(found, func(i, j int) bool { return before(found[i], found[j]) })
	return found
}

// R4 observation-operation-lastn: groups over translations, text-only codes, ties,
// filters; against an evaluator that looks at every Observation.
func TestLastN_BruteForce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	w := newWorld(seed)
	w.add("Patient", 0, map[string]any{"active": true})
	w.add("Patient", 1, map[string]any{"active": true})
	for i := range 220 {
		var codings []any
		for range []int{0, 1, 1, 1, 1, 2, 3}[w.g.IntN(7)] {
			codings = append(codings, map[string]any{"system": []string{"urn:a", "urn:b"}[w.g.IntN(2)], "code": fmt.Sprint(w.g.IntN(14))})
		}
		code := map[string]any{"text": []string{"Text", "text", "t e x t"}[w.g.IntN(3)], "coding": codings}
		if codings == nil {
			code["coding"] = []any{map[string]any{"display": "no code"}}
		}
		o := map[string]any{"status": []string{"final", "entered-in-error"}[w.g.IntN(2)], "code": code, "subject": w.ref("Patient", 2),
			"category": []any{map[string]any{"coding": []any{map[string]any{"system": "urn:cat", "code": []string{"lab", "vital"}[w.g.IntN(2)]}}}}}
		if w.g.IntN(10) > 0 {
			day := fmt.Sprintf("2024-%02d-%02d", 1+w.g.IntN(12), 1+w.g.IntN(6))
			o["effectiveDateTime"] = day
			w.day[fmt.Sprintf("Observation/obs%d", i)] = day
		}
		w.add("Observation", i, o)
	}
	is := func(o map[string]any, category string) bool {
		return category == "" || strings.Contains(fmt.Sprint(o["category"]), "code:"+category+" ")
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			base := start(t, open(t)).Base
			w.load(t, base)
			for _, c := range []struct {
				query, subject, category, from string
				n                              int
			}{
				{"subject=Patient/pat0", "Patient/pat0", "", "", 1},
				{"patient=pat1&category=urn:cat%7Clab&max=3", "Patient/pat1", "lab", "", 3},
				{"patient=Patient/pat0&category=vital&max=2&date=ge2024-06", "Patient/pat0", "vital", "2024-06", 2},
				{"subject=Patient/pat1&max=1000", "Patient/pat1", "", "", 1000},
				{"subject=Patient/none&category=lab", "Patient/none", "lab", "", 1},
			} {
				want := w.latest(c.n, func(o map[string]any, day string) bool {
					return refs(o, "subject")[0] == c.subject && is(o, c.category) && (c.from == "" || day >= c.from)
				})
				b, err := send(t, http.MethodGet, base+"/Observation/$lastn?"+c.query, nil)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, entry := range b.Get("entry").Items() {
					r, err := fhir.AsResource(entry.Get("resource"))
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, r.Key().String())
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s\ngot  %v\nwant %v", c.query, got, want)
				}
			}
		})
	}
}
