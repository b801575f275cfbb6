package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// testReindex: current versions become findable by a custom parameter step by
// step, whatever its type, and no longer when it is dropped; repeating a step
// changes nothing, and versions that are past or deleted are left alone.
func testReindex(t *testing.T, s *suite) {
	ctx := context.Background()
	for n := range 30 {
		s.must(put(patient(fmt.Sprint("p", n), fmt.Sprintf(`,'birthDate':'20%02d-01-01','contact':[{'name':{'family':'Fox%d'},'telecom':[{'value':'t%d','rank':%d}]}]`, n, n, n, n+1))))
	}
	s.must(put(patient("p3", `,'contact':[{'name':{'family':'Owl'}}]`)))
	s.must(store.Write{Op: store.Delete, Key: fhir.Key{Type: "Patient", ID: "p4"}})
	s.must(put(resource(`{'resourceType':'Group','id':'g','type':'person','actual':true}`)))
	made := []*definition.SearchParameter{
		{URL: "u:kin", Code: "kin", Type: "string", Bases: []string{"Patient"}, Expression: "Patient.contact.name"},
		{URL: "u:reach", Code: "reach", Type: "token", Bases: []string{"Patient"}, Expression: "Patient.contact.telecom"},
		{URL: "u:rank", Code: "rank", Type: "number", Bases: []string{"Patient"}, Expression: "Patient.contact.telecom.rank"},
		{URL: "u:day", Code: "status", Type: "date", Bases: []string{"Patient"}, Expression: "Patient.birthDate"},
	}
	var custom []search.Custom
	for _, d := range made {
		custom = append(custom, search.Custom{Definition: d})
	}
	Parameters().SetCustom(custom)
	defer Parameters().SetCustom(nil)
	run := func(r store.Reindexing) (resources int64) {
		r.Types, r.Limit = []string{"Patient"}, 7
		for steps := 0; ; steps++ {
			out, err := s.Reindex(ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			again, err := s.Reindex(ctx, r)
			if err != nil || again != out {
				t.Fatalf("repeated: %+v, %+v (%v)", out, again, err)
			}
			resources += out.Resources
			if r.After = out.Last; out.Done {
				if steps < 3 {
					t.Errorf("only %d steps", steps)
				}
				return resources
			}
		}
	}
	if n := run(store.Reindexing{Make: made}); n != 29 {
		t.Errorf("%d resources indexed", n)
	}
	for query, want := range map[string]int{
		"kin=fox": 28, "kin=owl": 1, "kin:exact=Fox7": 1, "reach=t9": 1, "reach=t3": 0, "reach=t4": 0, "rank=gt20": 10, "rank:missing=true": 1, "rank:missing=false": 28,
		"status=2005-01-01": 1, "status=lt2003": 3, "status:missing=true": 1, "kin=fox&_sort=rank": 28, "_sort=-status": 29, "_sort=status": 29, "_sort=kin&rank=lt3": 2,
	} {
		if got := s.found("Patient", query); got != want {
			t.Errorf("%s finds %d, want %d", query, got, want)
		}
	}
	if n := run(store.Reindexing{Drop: made[:2]}); n != 29 {
		t.Errorf("%d resources cleared", n)
	}
	for query, want := range map[string]int{"kin=fox": 0, "reach=t9": 0, "kin:missing=true": 29, "rank=gt20": 10} {
		if got := s.found("Patient", query); got != want {
			t.Errorf("after the drop %s finds %d, want %d", query, got, want)
		}
	}
	// A write that comes without its resource is found, too.
	late := put(patient("late", `,'contact':[{'telecom':[{'rank':77}]}]`))
	late.Resource = nil
	s.must(late)
	if got := s.found("Patient", "rank=77"); got != 1 {
		t.Errorf("a late write is found %d times", got)
	}
}

// found is how many matches a search has, over all its pages.
func (s *suite) found(typ, query string) int {
	s.t.Helper()
	parsed, err := Parameters().Parse(typ, query, search.Options{Zone: time.UTC, DefaultCount: 5, MaxCount: 5})
	if err != nil {
		s.t.Fatal(err)
	}
	seen := map[fhir.Key]bool{}
	q := parsed.Query
	q.Sight = search.Everything
	for {
		var page store.Result
		err := s.View(context.Background(), func(r store.Reader) (err error) {
			page, err = r.Search(q)
			return err
		})
		if err != nil {
			s.t.Fatalf("%s: %v", query, err)
		}
		for _, v := range page.Matches {
			if seen[v.Key] {
				s.t.Errorf("%s gives %s twice", query, v.Key)
			}
			seen[v.Key] = true
		}
		if q.After = page.Next; page.Next == nil {
			return len(seen)
		}
	}
}
