package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

func (s *suite) expunge(versions ...store.Version) {
	s.t.Helper()
	if err := s.Update(context.Background(), func(tx store.Tx) error { return tx.Expunge(versions) }); err != nil {
		s.t.Fatal(err)
	}
}

// testExpunge: what is expunged never was, for reads, histories, searches of every
// kind, the feed and the next write; everything else is as before.
func testExpunge(t *testing.T, s *suite) {
	obs := func(id string, n int) store.Write {
		return put(resource(`{'resourceType':'Observation','id':'%s','identifier':[{'system':'urn:i','value':'%s'}],'status':'final','code':{'coding':[{'system':'urn:c','code':'a'},{'system':'urn:c','code':'b'}]},
			'subject':{'reference':'Patient/p'},'effectiveDateTime':'2024-01-0%d','valueQuantity':{'value':%d,'system':'http://unitsofmeasure.org','code':'kg'},'note':[{'text':'x'}]}`, id, id, n, n))
	}
	find := func(query string) []string {
		t.Helper()
		parsed, err := Parameters().Parse("Observation", query, search.Options{Base: "http://h", Zone: time.UTC, DefaultCount: 100, MaxCount: 100})
		if err != nil {
			t.Fatal(err)
		}
		parsed.Query.Sight = search.Everything
		var ids []string
		s.view(func(r store.Reader) error {
			result, err := r.Search(parsed.Query)
			for _, v := range result.Matches {
				ids = append(ids, v.Key.ID)
			}
			return err
		})
		slices.Sort(ids)
		return ids
	}
	queries := []string{"", "identifier=urn:i|one", "code=urn:c|a", "code=b", "subject=Patient/p", "date=2024-01", "value-quantity=gt0", "status=final", "_id=one", "subject=Patient/p&code=b&_sort=-date"}
	v1 := s.must(obs("one", 1))[0]
	v2 := s.must(obs("one", 2))[0]
	v3 := s.must(obs("one", 3))[0]
	s.must(obs("two", 4))

	// Past versions go; the current one stays, and its number.
	s.expunge(v1, v2)
	s.view(func(r store.Reader) error {
		history, err := r.Versions(of(v3.Key), 10)
		if err != nil || len(history) != 1 || history[0].VersionID != 3 {
			t.Errorf("history: %v, %v", history, err)
		}
		if _, err := r.ReadVersion(v1.Key, 1); fhir.SituationOf(err) != fhir.SituationNotFound {
			t.Errorf("version 1: %v", err)
		}
		return nil
	})
	for _, q := range queries {
		if ids := find(q); !slices.Contains(ids, "one") {
			t.Errorf("%s finds %v after past versions went", q, ids)
		}
	}
	equal(t, "next version", s.must(obs("one", 5))[0].VersionID, 4)

	// All versions go, the current one, too.
	var all []store.Version
	s.view(func(r store.Reader) (err error) {
		all, err = r.Versions(of(v3.Key), 10)
		return err
	})
	s.expunge(all...)
	for _, q := range queries {
		if ids := find(q); slices.Contains(ids, "one") || q != "identifier=urn:i|one" && q != "_id=one" && !slices.Contains(ids, "two") {
			t.Errorf("%s finds %v after all versions went", q, ids)
		}
	}
	if _, err := s.read(v3.Key); fhir.SituationOf(err) != fhir.SituationNotFound {
		t.Errorf("read: %v", err)
	}
	s.view(func(r store.Reader) error {
		changes, err := r.Changes(0, 100)
		if len(changes) != 1 || changes[0].Key.ID != "two" {
			t.Errorf("changes: %v", changes)
		}
		return err
	})
	w := obs("one", 1)
	w.Op = store.Create // would fail had the id ever been used
	equal(t, "first version", s.must(w)[0].VersionID, 1)
	for _, q := range queries {
		if ids := find(q); !slices.Contains(ids, "one") {
			t.Errorf("%s finds %v after it was made anew", q, ids)
		}
	}

	// A deletion that is all there is left goes, too; a failed transaction removes nothing.
	s.must(remove("Observation", "two"))
	err := s.Update(context.Background(), func(tx store.Tx) error {
		list, err := tx.Versions(of(key("Observation", "two")), 10)
		if err == nil {
			err = tx.Expunge(list)
		}
		if err != nil {
			return err
		}
		return fmt.Errorf("given up")
	})
	if err == nil {
		t.Error("no error")
	}
	s.view(func(r store.Reader) error {
		n, err := countVersions(r, key("Observation", "two"))
		equal(t, "versions", n, 2)
		return err
	})
}

// testFacts: what the index knows of the matches, each once, with all its codes.
func testFacts(t *testing.T, s *suite) {
	code := func(codes ...string) string {
		text := ""
		for i, c := range codes {
			if i > 0 {
				text += ","
			}
			text += fmt.Sprintf(`{'system':'urn:%s','code':'%s'}`, c[:1], c[1:])
		}
		return text
	}
	obs := func(id, date, subject, codes string) store.Write {
		return put(resource(`{'resourceType':'Observation','id':'%s','status':'final','code':{'text':'t','coding':[%s]},'subject':{'reference':'Patient/%s'}%s}`, id, codes, subject, date))
	}
	day := func(n int) string { return fmt.Sprintf(`,'effectiveDateTime':'2024-01-%02dT00:00:00Z'`, n) }
	s.must(obs("a", day(1), "p", code("xa")), obs("b", day(2), "p", code("xa", "ya", "xa")), obs("c", day(3), "p", code("ya", "xb", "xc")),
		obs("d", "", "p", ""), obs("e", day(4), "q", code("xa")), obs("gone", day(5), "p", code("xa")))
	s.must(remove("Observation", "gone"))
	s.must(obs("a", day(6), "p", code("xb")))
	parsed, err := Parameters().Parse("Observation", "subject=Patient/p", search.Options{Base: "http://h", Zone: time.UTC, DefaultCount: 1, MaxCount: 100})
	if err != nil {
		t.Fatal(err)
	}
	parsed.Query.Sight = search.Everything
	facts := map[string]store.Fact{}
	s.view(func(r store.Reader) error {
		var positions []int64
		var list []store.Fact
		if err := r.Facts(parsed.Query, func(f store.Fact) error {
			positions, list = append(positions, f.Position), append(list, f)
			return nil
		}); err != nil {
			return err
		}
		versions, err := r.At(positions)
		if len(versions) != len(list) || len(list) != 4 {
			t.Fatalf("%d facts, %d versions", len(list), len(versions))
		}
		for i, v := range versions {
			if i > 0 && v.Position > versions[i-1].Position {
				t.Error("At is not newest first")
			}
			facts[v.Key.ID] = list[slices.IndexFunc(list, func(f store.Fact) bool { return f.Position == v.Position })]
		}
		return err
	})
	for id, n := range map[string]int{"a": 1, "b": 2, "c": 3, "d": 0} {
		if len(facts[id].Codes) != n || facts[id].Dated != (id != "d") {
			t.Errorf("%s: %+v", id, facts[id])
		}
	}
	has := func(id string, c store.FactCode) bool { return slices.Contains(facts[id].Codes, c) }
	xb := facts["a"].Codes[0]
	if has("b", xb) || !has("c", xb) || facts["a"].When <= facts["c"].When || facts["c"].When <= facts["b"].When {
		t.Errorf("%+v", facts)
	}
	shared := slices.ContainsFunc(facts["b"].Codes, func(c store.FactCode) bool { return has("c", c) })
	if !shared {
		t.Error("one code has two values")
	}
}
