package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// views is a Sight by type: nothing of the types it has not.
type views map[string]search.View

func (v views) sight(typ string) search.View { return v[typ] }

// seeing is a View of what meets one of some search URLs.
func seeing(t *testing.T, typ string, queries ...string) search.View {
	t.Helper()
	var view search.View
	for _, query := range queries {
		view.Any = append(view.Any, search.Clause{Group: &search.Group{Clauses: parse(t, typ, query).Filter}})
	}
	return view
}

// within are the Views of a patient's compartment.
func within(t *testing.T, id string) views {
	t.Helper()
	c := Parameters().Compartment("Patient")
	v := views{"Patient": seeing(t, "Patient", "_id="+id)}
	for _, typ := range c.Types {
		if clause, ok := c.Clause(typ, id); ok && typ != "Patient" {
			v[typ] = search.View{Any: []search.Clause{clause}}
		}
	}
	return v
}

// testSight: what is not in a search's Sight is not there (security.md D.6, L12 to
// L30). Patient h and what is about him is hidden from who sees patient p.
func testSight(t *testing.T, s *suite) {
	s.must(
		put(patient("p", `,'gender':'male','name':[{'family':'Seen'}],'birthDate':'1980-01-01'`)),
		put(patient("h", `,'gender':'female','name':[{'family':'Hidden'}],'birthDate':'1990-01-01'`)),
		put(resource(`{'resourceType':'Practitioner','id':'d','name':[{'family':'Doctor'}]}`)),
		put(observation("p1", `,'subject':{'reference':'Patient/p'},'effectiveDateTime':'2024-01-01','valueQuantity':{'value':1}`+code("urn:x", "a"))),
		put(observation("p2", `,'subject':{'reference':'Patient/p'},'focus':[{'reference':'Patient/h'}],'effectiveDateTime':'2024-01-03'`+code("urn:x", "b"))),
		put(observation("h1", `,'subject':{'reference':'Patient/h'},'effectiveDateTime':'2024-01-02','valueQuantity':{'value':9},'meta':{'tag':[{'code':'t'}]}`+code("urn:x", "a"))),
		put(observation("h2", `,'subject':{'reference':'Patient/h'},'hasMember':[{'reference':'Observation/h1'}],'effectiveDateTime':'2024-01-04','note':[{'text':'secret'}]`+code("urn:x", "a"))),
		put(observation("both", `,'subject':{'reference':'Patient/h'},'performer':[{'reference':'Patient/p'},{'reference':'Practitioner/d'}],'hasMember':[{'reference':'Observation/h2'},{'reference':'Observation/p1'}]`)),
		put(resource(`{'resourceType':'Encounter','id':'e','status':'finished','subject':{'reference':'Patient/h'}}`)),
		put(observation("gone", `,'subject':{'reference':'Patient/p'}`)),
		put(observation("once", `,'subject':{'reference':'Patient/p'}`)),
		put(resource(`{'resourceType':'List','id':'l','status':'current','mode':'working','subject':{'reference':'Patient/h'},'entry':[{'item':{'reference':'Observation/p1'}}]}`)),
		put(resource(`{'resourceType':'List','id':'m','status':'current','mode':'working','subject':{'reference':'Patient/p'},'entry':[{'item':{'reference':'Observation/p2'}},{'item':{'reference':'Observation/h1'}}]}`)),
	)
	s.must(remove("Observation", "gone"))
	s.must(put(observation("once", `,'subject':{'reference':'Patient/h'}`))) // moved to another patient
	seen := within(t, "p")
	for _, c := range []string{
		"L12 all|Observation||both p2 p1", "L12 a code|Observation|code=a|p1", "L12 a date|Observation|date=2024-01-02|", "L12 a patient|Patient||p", "L12 him by name|Patient|family=hidden|",
		"L12 by id|Patient|_id=h|", "L12 by ids|Observation|_id=h1,p1,h2|p1", "L12 another compartment|Observation|patient=h|both",
		"L12 a type of which nothing is seen|Practitioner||", "L12 that by id|Practitioner|_id=d|", "L12 moved|Observation|_id=once|",
		"L20 a chain|Observation|patient.gender=female|", "L20 a chain to what is seen|Observation|patient.gender=male|p2 p1", "L20 a chain to a type of which nothing is seen|Observation|performer:Practitioner.family=doctor|",
		"L20 _has|Patient|_has:Observation:patient:value-quantity=gt3|", "L20 _has what is seen|Patient|_has:Observation:patient:code=a|p", "L20 :missing behind a chain|Observation|patient.birthdate:missing=false|p2 p1",
		"L20 :not behind a chain|Observation|patient.gender:not=male|", "L20 a chain through two|Observation|has-member.patient.gender=female|", "L20 a chain through what is seen|Observation|has-member.code=a|both",
		"L21 nested|Patient|_has:Observation:patient:_has:Observation:has-member:code=a|", "L21 nested, seen|Patient|_has:Observation:patient:_has:Observation:has-member:code:missing=true|p",
		"L22 _filter|Observation|_filter=code eq a or code eq b|p2 p1", "L22 _filter not|Observation|_filter=not (code eq b)|both p1", "L22 _filter by id|Observation|_filter=_id eq h1 or _id eq p1|p1",
		"L22 _filter chain|Observation|_filter=patient.family eq \"hidden\"|", "L22 composite|Observation|code-value-quantity=a$gt5|", "L22 :missing|Observation|code:missing=true|both", "L22 :not|Observation|code:not=b|both p1",
		"L23 _sort|Observation|_sort=-date|p2 p1 both", "L23 _sort by a number|Observation|_sort=-value-quantity|p1 both p2",
		"L24 _tag|Observation|_tag=t|", "L24 _lastUpdated|Patient|_lastUpdated=gt2000|p", "L25 _content|Observation|_content=secret|",
		"L26 a hidden List|Observation|_list=l|", "L26 a List|Observation|_list=m|p2",
	} {
		part := strings.Split(c, "|")
		t.Run(part[0], func(t *testing.T) { s.sees(t, seen.sight, part[1], part[2], part[3]) })
	}
	t.Run("whole and nothing", func(t *testing.T) {
		s.sees(t, views{}.sight, "Observation", "", "")
		s.sees(t, views{"Observation": {Any: []search.Clause{}}}.sight, "Observation", "", "")
		s.sees(t, views{"Observation": {Whole: true}}.sight, "Observation", "code=a", "h2 h1 p1")
		s.sees(t, views{"Observation": {Whole: true}}.sight, "Observation", "patient.gender=male", "")
		s.sees(t, search.Everything, "Observation", "patient.gender=male", "p2 p1")
	})
	t.Run("granular", func(t *testing.T) {
		for _, c := range []struct{ view, query, want string }{
			{"code=a", "", "h2 h1 p1"}, {"code=a", "code=b", ""}, {"code=a&patient=p", "", "p1"}, {"code=a&patient=p", "code:not=a", ""},
			{"code=a;code=b", "", "h2 h1 p2 p1"}, {"code=a;patient=p", "date=ge2024-01-03", "h2 p2"}, {"code:not=a", "", "once both p2"}, {"code:not=a;code=b", "", "once both p2"},
			{"value-quantity:missing=false", "", "h1 p1"}, {"patient.gender=male", "", "p2 p1"}, {"patient.gender=male;_id=h1", "", "h1 p2 p1"},
			{"_id=h1", "", "h1"}, {"_id=h1,p1;_id=nobody", "", "h1 p1"}, {"_id=h1;code=b", "_id=h1,h2", "h1"}, {"_id=nobody", "", ""},
			{"_has:Observation:has-member:patient=p", "", ""}, {"_has:Observation:has-member:performer=Patient/p", "", "h2 p1"}, {"_filter=_id eq p1 or (code eq b and date gt 2020)", "", "p2 p1"},
			{"_content=secret", "", "h2"}, {"_content=secret;code=b", "", "h2 p2"}, {"_lastUpdated=gt2999", "", ""}, {"_tag=t;_tag:missing=true", "code=a", "h2 h1 p1"},
		} {
			t.Run(c.view+" "+c.query, func(t *testing.T) {
				view := seeing(t, "Observation", strings.Split(c.view, ";")...)
				s.sees(t, views{"Observation": view}.sight, "Observation", c.query, c.want)
			})
		}
	})
	t.Run("groups", func(t *testing.T) {
		lookup := func(code string) *search.Param { return Parameters().Lookup("Observation", code) }
		h1 := "h1"
		id := search.Clause{Param: lookup("_id"), Operands: []search.Operand{{Code: &h1}}}
		none := search.Clause{Group: &search.Group{Op: search.Any}}
		for name, c := range map[string]struct {
			any  []search.Clause
			want string
		}{
			"nothing": {[]search.Clause{none}, ""}, "nothing or nothing": {[]search.Clause{none, none}, ""}, "nothing or one": {[]search.Clause{none, id}, "h1"},
			"both":          {[]search.Clause{{Group: &search.Group{Op: search.All, Clauses: []search.Clause{id, none}}}}, ""},
			"not one":       {[]search.Clause{{Group: &search.Group{Op: search.None, Clauses: []search.Clause{id}}}}, "once both h2 p2 p1"},
			"not one, deep": {[]search.Clause{none, {Group: &search.Group{Op: search.All, Clauses: []search.Clause{{Group: &search.Group{Op: search.None, Clauses: []search.Clause{id}}}}}}}, "once both h2 p2 p1"},
		} {
			t.Run(name, func(t *testing.T) {
				s.sees(t, views{"Observation": {Any: c.any}}.sight, "Observation", "", c.want)
			})
		}
	})
	t.Run("L17 L18 L19 includes", func(t *testing.T) { s.sightedIncludes(t, seen) })
	t.Run("L17 L20 what no row tells", func(t *testing.T) { s.sightedEach(t) })
	t.Run("L15 L16 pages", func(t *testing.T) { s.sightedPages(t) })
	t.Run("L32 facts", func(t *testing.T) { s.sightedFacts(t, seen) })
}

// sees asks a search under a Sight: its matches, alone and page by page, and its
// total (L13, L14).
func (s *suite) sees(t *testing.T, sight search.Sight, typ, query, want string) {
	t.Helper()
	s.view(func(r store.Reader) error {
		q := parse(t, typ, query)
		q.Sight, q.Total = sight, true
		result, err := r.Search(q)
		if err != nil {
			t.Errorf("%s?%s: %v", typ, query, err)
			return nil
		}
		equal(t, typ+"?"+query, found(result), want)
		equal(t, "L13 total", result.Total, int64(len(strings.Fields(want))))
		equal(t, "L15 next", result.Next != nil, false)
		q.Count = 0
		counted, err := r.Search(q)
		equal(t, "L14 counted", counted.Total, result.Total)
		for q.Count = 1; err == nil && q.Count > 0; {
			page, err := r.Search(q)
			if err != nil {
				return err
			}
			if len(page.Matches) == 0 && want != "" {
				t.Errorf("L15: an empty page of %s?%s", typ, query)
			}
			want = strings.TrimPrefix(strings.TrimPrefix(want, found(page)), " ")
			if q.After = page.Next; page.Next == nil {
				equal(t, "left after all pages", want, "")
				q.Count = 0
			}
		}
		return err
	})
}

// includes is what a search includes under a Sight.
func (s *suite) includes(sight, brings search.Sight, typ, query string) string {
	q := parse(s.t, typ, query)
	q.Sight, q.Brings = sight, brings
	var keys []string
	s.view(func(r store.Reader) error {
		result, err := r.Search(q)
		for _, v := range result.Included {
			keys = append(keys, v.Key.String())
		}
		return err
	})
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

func (s *suite) sightedIncludes(t *testing.T, seen views) {
	includes := s.includes
	for _, c := range []struct{ typ, query, want string }{
		{"Observation", "_include=Observation:subject", "Patient/p"}, {"Observation", "_include=*", "Patient/p"}, {"Observation", "_include=Observation:focus", ""},
		{"Observation", "_id=both&_include=Observation:has-member&_include:iterate=Observation:has-member", "Observation/p1"},
		{"Observation", "_id=both&_include=Observation:performer", "Patient/p"}, {"Observation", "_id=both&_include=Observation:subject", ""},
		{"Patient", "_revinclude=Observation:patient", "Observation/p1 Observation/p2"}, {"Patient", "_revinclude=Observation:performer", "Observation/both"},
		{"Patient", "_revinclude=Encounter:patient", ""}, {"Patient", "_revinclude=List:subject", "List/m"},
		{"Patient", "_revinclude=List:subject&_include:iterate=List:item", "List/m Observation/p2"},
		{"Observation", "_id=p1&_revinclude=Observation:has-member&_include:iterate=Observation:has-member&_include:iterate=Observation:subject", "Observation/both Patient/p"},
		{"Observation", "_id=p2&_include=Observation:focus&_revinclude:iterate=Encounter:patient", ""}, // the focus is hidden, and nothing goes on from it
	} {
		equal(t, c.typ+"?"+c.query, includes(seen.sight, nil, c.typ, c.query), c.want)
	}
	// What is included may be less, or more, than what is found.
	equal(t, "brings nothing", includes(seen.sight, views{}.sight, "Observation", "_include=*"), "")
	equal(t, "brings more", includes(seen.sight, search.Everything, "Observation", "_id=both&_include=Observation:subject&_include=Observation:performer"), "Patient/h Patient/p Practitioner/d")
	equal(t, "brings of a kind", includes(search.Everything, views{"Observation": seeing(t, "Observation", "code=b"), "Patient": {Whole: true}}.sight, "Patient", "_id=p&_revinclude=Observation:patient"), "Observation/p2")
	equal(t, "goes on from what it brings", includes(seen.sight, search.Everything, "Observation", "_id=p2&_include=Observation:focus&_revinclude:iterate=Encounter:patient"), "Encounter/e Patient/h")
}

// sightedEach: nothing leads through what a View's Each does not let be seen.
func (s *suite) sightedEach(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		asked := 0
		sight := func(typ string) search.View {
			view := search.View{Whole: true}
			if typ == "List" {
				view.Each = func(key fhir.Key, body []byte) (bool, error) {
					if asked++; !strings.Contains(string(body), `"id":"`+key.ID+`"`) {
						t.Errorf("%s is asked of as %s", key, body)
					}
					return !hidden || key.ID == "l", nil
				}
			}
			return view
		}
		in := func(without, with string) string {
			if hidden {
				return without
			}
			return with
		}
		s.sees(t, sight, "Observation", "_has:List:item:subject=Patient/p", in("", "h1 p2"))
		s.sees(t, sight, "Observation", "_has:List:item:status=current", in("p1", "h1 p2 p1"))
		s.sees(t, sight, "Patient", "_has:Observation:patient:_has:List:item:subject=Patient/p", in("", "h p"))
		equal(t, "includes", s.includes(sight, nil, "Observation", "_id=p2&_revinclude=List:item&_include:iterate=List:subject"), in("", "List/m Patient/p"))
		equal(t, "brings", s.includes(search.Everything, sight, "Patient", "_id=p&_revinclude=List:subject&_include:iterate=List:item"), in("", "List/m Observation/h1 Observation/p2"))
		if asked == 0 {
			t.Error("nobody asked")
		}
	}
	broken := func(string) search.View {
		return search.View{Whole: true, Each: func(fhir.Key, []byte) (bool, error) { return true, errors.New("broken") }}
	}
	for _, query := range []string{"_has:List:item:status=current", "_id=p2&_revinclude=List:item"} {
		q := parse(t, "Observation", query)
		q.Sight = broken
		s.view(func(r store.Reader) error {
			if page, err := r.Search(q); err == nil {
				t.Errorf("%s finds %v", query, found(page))
			}
			return nil
		})
	}
}

// sightedPages: a search goes on pinned to its first page, as things were then.
func (s *suite) sightedPages(t *testing.T) {
	sight := views{"Observation": seeing(t, "Observation", "code=page&patient=p"), "Patient": seeing(t, "Patient", "_id=p")}.sight
	about := func(id, patient string) store.Write {
		return put(observation(id, `,'subject':{'reference':'Patient/`+patient+`'},'effectiveDateTime':'2024-02-01'`+code("urn:x", "page")))
	}
	s.must(about("1", "p"), about("2", "h"), about("3", "p"), about("4", "h"), about("5", "p"), about("6", "p"))
	for _, sort := range []string{"", "&_sort=-date", "&_sort=_lastUpdated"} {
		q := parse(t, "Observation", "status=final&_count=2&_include=Observation:subject"+sort)
		q.Sight = sight
		var first, rest store.Result
		s.view(func(r store.Reader) (err error) {
			first, err = r.Search(q)
			return err
		})
		// Now what was seen is hidden and what was hidden is seen.
		s.must(about("1", "h"), about("2", "p"), about("3", "h"), about("4", "p"), about("5", "h"), remove("Observation", "6"), put(patient("p", ",'active':true")))
		q.After, q.Count, q.Total = first.Next, 10, true
		s.view(func(r store.Reader) (err error) {
			rest, err = r.Search(q)
			return err
		})
		want := map[bool]string{true: "1 3 5 6", false: "6 5 3 1"}[strings.Contains(sort, "_lastUpdated")]
		equal(t, "pages"+sort, found(first)+" "+found(rest), want)
		equal(t, "total"+sort, rest.Total, 4)
		equal(t, "included"+sort, len(rest.Included), 1)
		s.must(about("1", "p"), about("2", "h"), about("3", "p"), about("4", "h"), about("5", "p"), about("6", "p"))
	}
}

func (s *suite) sightedFacts(t *testing.T, seen views) {
	q := parse(t, "Observation", "code=a")
	q.Sight = seen.sight
	n := 0
	s.view(func(r store.Reader) error {
		return r.Facts(q, func(store.Fact) error { n++; return nil })
	})
	equal(t, "facts", n, 1)
	q.Sight = views{}.sight
	s.view(func(r store.Reader) error {
		return r.Facts(q, func(store.Fact) error { n++; return nil })
	})
	equal(t, "facts of nothing", n, 1)
}

// testSightRefused: without a Sight, or with one that cannot be asked, nothing is
// found (security.md 0.2: it fails closed).
func testSightRefused(t *testing.T, s *suite) {
	s.must(put(observation("1", code("urn:x", "a")+`,'subject':{'reference':'Patient/p'},'hasMember':[{'reference':'Observation/1'}]`)), put(patient("p", "")))
	lookup := func(typ, code string) *search.Param { return Parameters().Lookup(typ, code) }
	one, no := "1", false
	named := []search.Operand{{Code: &one}}
	target := []search.Operand{{Target: search.Target{Type: "Patient", ID: "p"}}}
	group := func(op search.Op, clauses ...search.Clause) search.Clause {
		return search.Clause{Group: &search.Group{Op: op, Clauses: clauses}}
	}
	for name, c := range map[string]search.Clause{
		"no clause":                 {},
		"no operands":               {Param: lookup("Observation", "code")},
		"an empty operand":          {Param: lookup("Observation", "subject"), Operands: []search.Operand{{}}},
		"a patient without id":      {Param: lookup("Observation", "subject"), Operands: []search.Operand{{Target: search.Target{Type: "Patient"}}}},
		"an unresolved hierarchy":   {Param: lookup("Observation", "subject"), Operands: target, Tree: search.Down},
		"an unknown parameter":      {Param: &search.Param{Resource: "Observation", Code: "new", Type: 99}, Operands: named},
		"an unknown way to join":    group(9, search.Clause{Param: lookup("Observation", "_id"), Operands: named}),
		"unknown and empty":         group(9),
		"another type":              {Param: lookup("Patient", "_id"), Operands: named},
		"another type, not":         group(search.None, search.Clause{Param: lookup("Patient", "gender"), Operands: named}),
		"another type, missing":     {Param: lookup("Patient", "gender"), Missing: &no},
		"_id turned round":          {Param: lookup("Observation", "_id"), Operands: named, Not: true},
		"_id missing":               {Param: lookup("Observation", "_id"), Missing: &no},
		"_lastUpdated turned round": {Param: lookup("Observation", "_lastUpdated"), Operands: []search.Operand{{Prefix: search.Gt}}, Not: true},
		"_lastUpdated unprefixed":   {Param: lookup("Observation", "_lastUpdated"), Operands: []search.Operand{{Prefix: "zz"}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, any := range [][]search.Clause{{c}, {c, c}, {group(search.All, c)}, {group(search.All, c), group(search.Any, c)}} {
				s.refuses(t, views{"Observation": {Any: any}, "Patient": {Whole: true}}.sight)
			}
		})
	}
	t.Run("no Sight", func(t *testing.T) { s.refuses(t, nil) })
}

// refuses asks in every way that leads to Observations.
func (s *suite) refuses(t *testing.T, sight search.Sight) {
	t.Helper()
	for _, q := range []*search.Query{parse(t, "Observation", ""), parse(t, "Observation", "_count=0"), parse(t, "Observation", "_id=1"), parse(t, "Observation", "has-member.code=a"),
		parse(t, "Patient", "_has:Observation:patient:code=a"), parse(t, "Patient", "_revinclude=Observation:patient"), parse(t, "Observation", "_include=Observation:has-member")} {
		q.Sight = sight
		s.view(func(r store.Reader) error {
			if result, err := r.Search(q); err == nil || len(result.Matches) > 0 && q.Type == "Observation" || result.Total > 0 || len(result.Included) > 0 {
				t.Errorf("%s is found: %v %v", q.Type, found(result), err)
			}
			return nil
		})
		s.view(func(r store.Reader) error {
			if result, _, err := r.(store.Explainer).Explain(q); err == nil || len(result.Included) > 0 {
				t.Errorf("%s is explained", q.Type)
			}
			return nil
		})
		if len(q.Include) == 0 {
			s.view(func(r store.Reader) error {
				if err := r.Facts(q, func(store.Fact) error { t.Error("a fact is given"); return nil }); err == nil {
					t.Error("facts are not refused")
				}
				return nil
			})
		}
	}
}
