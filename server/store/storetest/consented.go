package storetest

import (
	"fmt"
	"slices"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// testConsented: the classes of patients are those of their current Consents after every
// kind of change, two who say the same are of one class and no number means two, and who
// knows the classes up to a position is told of every later change.
func testConsented(t *testing.T, s *suite) {
	known, position, marks := map[string]store.Consented{}, int64(0), int64(0)
	numbers := map[int64]int64{0: 0} // of a number its class, as it ever was
	learn := func() (changed bool) {
		t.Helper()
		s.view(func(r store.Reader) error {
			m, err := r.Marks()
			if err != nil {
				return err
			}
			changed = m.Consents > marks
			marks = m.Consents
			for {
				list, err := r.Consented(position, 2)
				if err != nil || len(list) == 0 {
					return err
				}
				for _, one := range list {
					if class, had := numbers[one.Number]; had && class != one.Class {
						t.Errorf("number %d is of two classes", one.Number)
					}
					numbers[one.Number] = one.Class
					known[one.Patient], position = one, max(position, one.Position)
				}
			}
		})
		return changed
	}
	said := func(id, patient, given, provision string) store.Write {
		return put(resource(`{'resourceType':'Consent','id':'%s','status':'active','scope':{'text':'s'},'category':[{'text':'c'}],'patient':{'reference':'Patient/%s'},'dateTime':'%s','policyRule':{'text':'r'},'provision':{'type':'%s'}}`,
			id, patient, given, provision))
	}
	expect := func(when string, want map[string][]store.Write) {
		t.Helper()
		if !learn() {
			t.Errorf("%s: Marks.Consents did not grow", when)
		}
		for patient, writes := range want {
			var list []store.Agreed
			for _, w := range writes {
				r, err := fhir.ParseResource(w.Body)
				if err != nil {
					t.Fatal(err)
				}
				a, ok := store.AgreedIn(r)
				if !ok {
					t.Fatalf("%s names no patient", w.Body)
				}
				list = append(list, a)
			}
			if got, class := known[patient], store.ClassOf(list); got.Class != class {
				t.Errorf("%s: the class of %s is %d, by its Consents %d", when, patient, got.Class, class)
			}
		}
	}
	none := map[string][]store.Write{"a": nil, "b": nil}
	if learn(); len(known) > 0 {
		t.Errorf("an empty store has %v", known)
	}
	a, b := said("1", "a", "2026-01-01", "permit"), said("2", "b", "2026-02-02", "permit")
	s.must(a, b, put(patient("a", "")))
	expect("two Consents", map[string][]store.Write{"a": {a}, "b": {b}})
	if known["a"].Class != known["b"].Class || known["a"].Number != known["b"].Number || known["a"].Number == 0 {
		t.Errorf("who says the same is of one class: %v", known)
	}
	deny := said("3", "a", "2026-03-03", "deny")
	s.must(deny)
	expect("a second one", map[string][]store.Write{"a": {a, deny}, "b": {b}})
	early := said("3", "a", "2025-03-03", "deny")
	s.must(early)
	expect("the second one is now the first", map[string][]store.Write{"a": {early, a}, "b": {b}})
	if store.ClassOf([]store.Agreed{}) != 0 {
		t.Error("nothing said is a class")
	}
	moved := said("3", "b", "2025-03-03", "deny")
	s.must(moved, said("4", "b", "2026-01-01", "permit"), remove("Consent", "4"))
	expect("one is another patient's, one came and went in a unit", map[string][]store.Write{"a": {a}, "b": {moved, b}})
	stale := said("1", "a", "2026-01-01", "deny")
	stale.IfMatch = 7
	if out := s.Apply(t.Context(), unit(stale), unit(put(patient("c", "")))); out[0].Err == nil || out[1].Err != nil {
		t.Fatal(out)
	}
	learn()
	if known["a"].Class != classOf(t, a) {
		t.Error("a unit that failed changed a class")
	}
	s.must(remove("Consent", "1"))
	expect("a delete", map[string][]store.Write{"a": nil, "b": {moved, b}})
	var list []store.Version
	s.view(func(r store.Reader) error {
		for _, id := range []string{"2", "3"} {
			v, err := r.Versions(store.Selection{Type: "Consent", ID: id}, 10)
			if err != nil {
				return err
			}
			list = append(list, v...)
		}
		return nil
	})
	s.expunge(list...)
	expect("all was expunged", none)
	// What was learned before is not told again.
	s.view(func(r store.Reader) error {
		again, err := r.Consented(position, 10)
		if len(again) > 0 {
			t.Errorf("told twice: %v", again)
		}
		return err
	})
}

func classOf(t *testing.T, w store.Write) int64 {
	t.Helper()
	r, err := fhir.ParseResource(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := store.AgreedIn(r)
	return store.ClassOf([]store.Agreed{a})
}

// testOwned: of what patients own, that is found which each of the owners shows by the
// case of his class; what nobody owns always is. One answer by SQL, another by judging
// each resource in memory.
func testOwned(t *testing.T, s *suite) {
	consent := func(id, patient, provision string) store.Write {
		return put(resource(`{'resourceType':'Consent','id':'%s','status':'active','patient':{'reference':'Patient/%s'},'provision':{'type':'%s'}}`, id, patient, provision))
	}
	s.must(consent("ca", "a", "permit"), consent("cb", "b", "deny"))
	subjects := [][]string{{"a"}, {"b"}, {"c"}, {"a", "b"}, {"a", "c"}, {"b", "c"}, {"a", "b", "c"}, nil}
	for i, owners := range subjects {
		for _, code := range []string{"x", "y"} {
			body := fmt.Sprintf(`{'resourceType':'Observation','id':'%s%d','code':{'coding':[{'code':'%s'}]}`, code, i, code)
			if len(owners) > 0 {
				body += fmt.Sprintf(`,'subject':{'reference':'Patient/%s'}`, owners[0])
			}
			performers := ""
			for _, p := range owners[min(1, len(owners)):] {
				performers += fmt.Sprintf(`,{'reference':'Patient/%s'}`, p)
			}
			if performers != "" {
				body += `,'performer':[` + performers[1:] + `]`
			}
			s.must(put(resource("%s", body+"}")))
		}
	}
	number := map[string]int64{}
	s.view(func(r store.Reader) error {
		list, err := r.Consented(0, 10)
		for _, one := range list {
			number[one.Patient] = one.Number
		}
		return err
	})
	code := func(c string) search.View {
		return search.View{Any: parse(t, "Observation", "code="+c).Filter}
	}
	params, _ := Parameters().OwnerParams("Observation")
	id := int64(0)
	for _, self := range []string{"", "b"} {
		// The cases: all, nothing, x; by the number of a class.
		for _, cases := range [][]byte{{0, 0, 0}, {1, 1, 1}, {0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {2, 2, 2}, {0, 1}, {2}, {0, search.NoCase, 0}} {
			id++
			owned := &search.Owned{Type: "Observation", Self: self, Params: params, Table: &search.CaseTable{ID: id, Cases: cases},
				Cases: []search.View{{Whole: true}, {}, code("x")},
				Owners: func(s *search.Subject) []string {
					return Parameters().Owners(fhir.Key{Type: s.Type, ID: s.ID}, s.Values)
				},
				NumberOf: func(patient string) int64 { return number[patient] }}
			view := search.View{Any: []search.Clause{{Owned: owned}}}
			s.view(func(r store.Reader) error {
				all, err := r.Search(parse(t, "Observation", "_count=100"))
				if err != nil {
					return err
				}
				var want []string
				for _, v := range all.Matches {
					resource, err := fhir.ParseResource(v.Body)
					if err != nil {
						return err
					}
					for _, subject := range []*search.Subject{
						{Type: "Observation", ID: v.Key.ID, Values: Parameters().Extract(resource)},
						{Type: "Observation", ID: v.Key.ID, From: &search.Source{Registry: Parameters(), Resource: resource, Body: v.Body}},
					} {
						sees, err := view.Sees(subject)
						if err != nil {
							return err
						}
						if subject.From != nil && sees != slices.Contains(want, v.Key.ID) {
							t.Errorf("%v %s: %s is judged in two ways", cases, self, v.Key.ID)
						}
						if sees && subject.From == nil {
							want = append(want, v.Key.ID)
						}
					}
				}
				q := parse(t, "Observation", "_count=100")
				q.Total = true
				q.Sight = func(string) search.View { return view }
				found, err := r.Search(q)
				if err != nil {
					return err
				}
				var got []string
				for _, v := range found.Matches {
					got = append(got, v.Key.ID)
				}
				if !slices.Equal(got, want) || found.Total != int64(len(want)) {
					t.Errorf("%v %s: found %v of %d, seen are %v", cases, self, got, found.Total, want)
				}
				return nil
			})
		}
	}
}
