package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// parse reads a search URL with the production parser.
func parse(t testing.TB, typ, query string) *search.Query {
	t.Helper()
	p, err := Parameters().Parse(typ, query, search.Options{Base: "http://here/fhir", Zone: time.UTC, DefaultCount: 100, MaxCount: 20000})
	if err != nil {
		t.Fatalf("%s?%s: %v", typ, query, err)
	}
	p.Query.Sight = search.Everything
	return p.Query
}

func (s *suite) search(r store.Reader, typ, query string) store.Result {
	s.t.Helper()
	result, err := r.Search(parse(s.t, typ, query))
	if err != nil {
		s.t.Fatalf("%s?%s: %v", typ, query, err)
	}
	return result
}

// found gives the ids of the matches in order.
func found(result store.Result) string {
	ids := make([]string, len(result.Matches))
	for i, v := range result.Matches {
		ids[i] = v.Key.ID
	}
	return strings.Join(ids, " ")
}

func (s *suite) finds(typ, query, want string) {
	s.t.Helper()
	s.view(func(r store.Reader) error {
		equal(s.t, typ+"?"+query, found(s.search(r, typ, query)), want)
		q := parse(s.t, typ, query)
		q.Count, q.Total = 0, true
		result, err := r.Search(q)
		equal(s.t, "total of "+typ+"?"+query, result.Total, int64(len(strings.Fields(want))))
		equal(s.t, "matches when only the total is asked for", len(result.Matches), 0)
		return err
	})
}

func observation(id, more string) *fhir.Resource {
	return resource(`{'resourceType':'Observation','id':'%s','status':'final'%s}`, id, more)
}

func code(system, code string) string {
	return fmt.Sprintf(",'code':{'coding':[{'system':'%s','code':'%s'}]}", system, code)
}

func testSearch(t *testing.T, s *suite) {
	s.must(
		put(observation("1", code("urn:x", "a")+`,'subject':{'reference':'Patient/p'},'device':{'reference':'Device/d'}`)),
		put(observation("2", code("urn:y", "a")+`,'subject':{'reference':'Device/p'}`)),
		put(observation("3", `,'code':{'coding':[{'code':'a'},{'system':'urn:x','code':'b'}]},'subject':{'reference':'Patient/q'}`)),
		put(observation("4", `,'code':{'coding':[{'system':'urn:x','code':'a'},{'system':'urn:y','code':'a'}]},'subject':{'reference':'http://other/fhir/Patient/p'}`)),
		put(observation("5", `,'code':{'coding':[{'system':'urn:x','code':'a'}]},'subject':{'reference':'urn:uuid:1'}`)),
		put(observation("6", code("urn:x", "A"))),
		put(patient("1", "")),
	)
	s.must(put(observation("5", `,'code':{'coding':[{'system':'urn:x','code':'c'}]},'subject':{'reference':'urn:uuid:1'}`)))
	s.must(remove("Observation", "6"))

	s.finds("Observation", "", "5 4 3 2 1")
	s.finds("Observation", "code=a", "4 3 2 1")
	s.finds("Observation", "code=urn:x|a", "4 1")
	s.finds("Observation", "code=|a", "3")
	s.finds("Observation", "code=urn:x|", "5 4 3 1")
	s.finds("Observation", "code=A", "")
	s.finds("Observation", "code=c", "5")
	s.finds("Observation", "code=a,c", "5 4 3 2 1")
	s.finds("Observation", "code=urn:x|a,urn:y|a", "4 2 1")
	s.finds("Observation", "code=urn:y|a,|a,c", "5 4 3 2")
	s.finds("Observation", "code=urn:x|a&code=urn:y|a", "4")
	s.finds("Observation", "status=final&code=c", "5")
	s.finds("Observation", "status=http://hl7.org/fhir/observation-status|final&code=c", "5")
	s.finds("Observation", "status=|final", "")
	s.finds("Observation", "status=amended", "")
	s.finds("Observation", "subject=Patient/p", "1")
	s.finds("Observation", "subject=p", "2 1")
	s.finds("Observation", "subject:Device=p", "2")
	s.finds("Observation", "patient=p", "1")
	s.finds("Observation", "subject=http://here/fhir/Patient/p", "1")
	s.finds("Observation", "subject=http://other/fhir/Patient/p", "4")
	s.finds("Observation", "subject=urn:uuid:1", "5")
	s.finds("Observation", "subject=Patient/p,Patient/q", "3 1")
	s.finds("Observation", "subject=p,Patient/q,urn:uuid:1", "5 3 2 1")
	s.finds("Observation", "subject=Patient/p&code=urn:x|a&device=d", "1")
	s.finds("Observation", "subject=Patient/p&code=urn:x|b", "")
	s.finds("Observation", "_id=1,3,6,nobody", "3 1")
	s.finds("Observation", "_id=1,3&code=b", "3")
	s.finds("Observation", "_id=1,3&_id=3,4", "3")
	s.finds("Observation", "_id=1&_id=2", "")
	s.finds("Observation", "_id=%00", "")
	s.finds("Patient", "_id=1", "1")
	s.finds("Device", "", "")
	var many []string
	for i := range 999 {
		many = append(many, fmt.Sprintf("urn:x|n%d", i))
	}
	s.finds("Observation", "code=a&code="+strings.Join(many, ",")+",a", "4 3 2 1")
	s.finds("Observation", "code=b&code="+strings.Join(many, ",")+",urn:x|b", "3")

	s.lastUpdated()
	s.unknown()
}

// lastUpdated compares with one resource's own moment.
func (s *suite) lastUpdated() {
	v := s.mustRead("Observation", "3")
	q := func(prefix search.Prefix, low, high int64) string {
		var ids string
		s.view(func(r store.Reader) error {
			result, err := r.Search(&search.Query{Type: "Observation", Sight: search.Everything, Count: 100, Filter: []search.Clause{{
				Param: Parameters().Lookup("Observation", "_lastUpdated"), Operands: []search.Operand{{Prefix: prefix, Low: low, High: high}},
			}}})
			ids = found(result)
			return err
		})
		return ids
	}
	at := v.Position
	for _, c := range []struct {
		prefix search.Prefix
		want   string
	}{
		{"", "3"}, {search.Eq, "3"}, {search.Ap, "3"}, {search.Ne, "5 4 2 1"}, {search.Gt, "5 4"}, {search.Sa, "5 4"},
		{search.Ge, "5 4 3"}, {search.Lt, "2 1"}, {search.Eb, "2 1"}, {search.Le, "3 2 1"},
	} {
		equal(s.t, "_lastUpdated "+string(c.prefix), q(c.prefix, at, at+1), c.want)
	}
	s.finds("Observation", "_lastUpdated=gt2000", "5 4 3 2 1")
	s.finds("Observation", "_lastUpdated=lt2000,gt2000&code=c", "5")
	s.finds("Observation", "_sort=_lastUpdated", "1 2 3 4 5")
	s.finds("Observation", "_sort=-_lastUpdated&code=a", "4 3 2 1")
}

// unknown: what the store does not know is an error, never ignored.
func (s *suite) unknown() {
	param := Parameters().Lookup("Observation", "date")
	x := "x"
	for _, q := range []*search.Query{
		{Filter: []search.Clause{{Param: &search.Param{Resource: "Observation", Code: "new", Type: 99}, Operands: []search.Operand{{Code: &x}}}}},
		{Filter: []search.Clause{{Param: param, Operands: []search.Operand{{Prefix: "zz"}}}}},
		{Filter: []search.Clause{{Param: param}}},
		{Filter: []search.Clause{{Param: Parameters().Lookup("Observation", "code"), Operands: []search.Operand{{}}}}},
		{Filter: []search.Clause{{Param: Parameters().Lookup("Observation", "subject"), Operands: []search.Operand{{}}}}},
		{Filter: []search.Clause{{Param: Parameters().Lookup("Observation", "_id"), Operands: []search.Operand{{}}}}},
		{Sort: []search.Sort{{Param: Parameters().Lookup("Observation", "code")}}},
	} {
		q.Type, q.Count, q.Sight = "Observation", 10, search.Everything
		s.view(func(r store.Reader) error {
			if result, err := r.Search(q); err == nil {
				s.t.Fatalf("a query it cannot know gives %+v", result)
			}
			return nil
		})
	}
}

func testInclude(t *testing.T, s *suite) {
	s.must(
		put(patient("p", "")), put(patient("gone", "")),
		put(resource(`{'resourceType':'Device','id':'d','patient':{'reference':'Patient/p'}}`)),
		put(observation("1", `,'subject':{'reference':'Patient/p'},'device':{'reference':'Device/d'}`)),
		put(observation("2", `,'subject':{'reference':'Patient/p'},'device':{'reference':'DeviceMetric/d'}`)),
		put(observation("3", `,'subject':{'reference':'Patient/gone'},'device':{'reference':'Device/never'}`)),
		put(observation("4", `,'subject':{'reference':'Device/d'}`)),
	)
	s.must(remove("Patient", "gone"))
	includes := func(typ, query string) string {
		var keys []string
		s.view(func(r store.Reader) error {
			for _, v := range s.search(r, typ, query).Included {
				equal(t, "deleted", v.Deleted, false)
				keys = append(keys, v.Key.String())
			}
			return nil
		})
		slices.Sort(keys)
		return strings.Join(keys, " ")
	}
	equal(t, "none", includes("Observation", ""), "")
	equal(t, "subject", includes("Observation", "_include=Observation:subject"), "Device/d Patient/p")
	equal(t, "of a type", includes("Observation", "_include=Observation:subject:Patient"), "Patient/p")
	equal(t, "device", includes("Observation", "_include=Observation:device"), "Device/d")
	equal(t, "two", includes("Observation", "_include=Observation:device&_include=Observation:patient"), "Device/d Patient/p")
	equal(t, "of the page", includes("Observation", "_id=3&_include=Observation:subject"), "")
	equal(t, "only the matches'", includes("Device", "_include=Device:patient"), "Patient/p")

	// A resource that is a match already is not included: Provenance about Provenance.
	s.must(put(resource(`{'resourceType':'Provenance','id':'1','target':[{'reference':'Provenance/2'},{'reference':'Patient/p'}]}`)),
		put(resource(`{'resourceType':'Provenance','id':'2','target':[{'reference':'Provenance/1'}]}`)))
	equal(t, "matches", includes("Provenance", "_include=Provenance:target"), "Patient/p")
	// Pinned to the snapshot of the first page.
	s.view(func(r store.Reader) error {
		q := parse(t, "Observation", "_count=1&_include=Observation:subject&patient=p")
		first, err := r.Search(q)
		equal(t, "first", found(first), "2")
		q.After = first.Next
		s.must(put(patient("p", ",'active':true")))
		var err2 error
		s.view(func(later store.Reader) error {
			var second store.Result
			second, err2 = later.Search(q)
			equal(t, "second", found(second), "1")
			equal(t, "included version", second.Included[0].VersionID, 1)
			return nil
		})
		return errors.Join(err, err2)
	})
}
