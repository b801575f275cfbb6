package guard

import (
	"slices"
	"testing"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/store"
)

var registry = search.NewRegistry(profiles.R4(), "https://h/fhir")

// What is judged by the parameters asked for alone is judged as by all: of every
// parameter that is a reference or a token, whether there is a value and whether one of
// the resource's own values is found.
func TestJudge_ByFewParametersAsByAll(t *testing.T) {
	g := &guard{known: registry, base: "https://h/fhir"}
	tried := 0
	for _, text := range []string{
		`{"resourceType":"Patient","id":"a","active":true,"gender":"female","identifier":[{"system":"s","value":"1"},{"value":"2"}],"telecom":[{"system":"phone","value":"5"}],"link":[{"other":{"reference":"Patient/b"},"type":"seealso"}],"managingOrganization":{"reference":"https://h/fhir/Organization/o"},"generalPractitioner":[{"identifier":{"value":"x"}}]}`,
		`{"resourceType":"Observation","id":"o","status":"final","category":[{"coding":[{"system":"c","code":"1"},{"code":"2"}],"text":"t"}],"code":{"coding":[{"system":"http://c","code":"x"}]},"subject":{"reference":"Patient/p"},"focus":[{"reference":"Device/d"}],"performer":[{"reference":"Patient/q"},{"reference":"https://other/fhir/Patient/r"}],"component":[{"code":{"coding":[{"code":"y"}]},"valueCodeableConcept":{"coding":[{"code":"z"}]}}],"hasMember":[{"reference":"Observation/m"}]}`,
		`{"resourceType":"Encounter","id":"e","status":"finished","class":{"system":"v3","code":"AMB"},"subject":{"reference":"Patient/p"},"participant":[{"individual":{"reference":"Practitioner/d"}}],"location":[{"location":{"reference":"Location/l"}}]}`,
		`{"resourceType":"Provenance","id":"p","target":[{"reference":"Patient/a"},{"reference":"Observation/o"}],"agent":[{"who":{"reference":"Practitioner/d"}}]}`,
		`{"resourceType":"Device","id":"d","patient":{"reference":"Patient/a"},"identifier":[{"value":"1"}],"type":{"coding":[{"system":"urn:iso:std:iso:11073:10101","code":"65573"}]}}`,
		`{"resourceType":"AuditEvent","id":"x","agent":[{"who":{"reference":"Patient/p"}}],"entity":[{"what":{"reference":"Patient/q"}}]}`,
	} {
		r, err := fhir.ParseResource([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		v := store.Version{Key: r.Key(), Body: []byte(text)}
		all, err := g.subject(v)
		if err != nil {
			t.Fatal(err)
		}
		missing := true
		for _, p := range registry.Params(r.Type()) {
			clauses := []search.Clause{{Param: p, Missing: &missing}, {Param: p, Operands: []search.Operand{{System: new(string), Code: new(string), Target: search.Target{Type: "Patient", ID: "none"}}}}}
			for _, value := range all.Values {
				if slices.Contains(p.Indexed(), value.Param) && value.By == search.ByValue {
					clauses = append(clauses, search.Clause{Param: p, Operands: []search.Operand{{System: &value.System, Code: &value.Code, Target: value.Target}}})
				}
			}
			for _, c := range clauses {
				few, err := g.lazy(v)
				if err != nil {
					t.Fatal(err)
				}
				view := search.View{Any: []search.Clause{c}}
				want, err1 := view.Sees(all)
				got, err2 := view.Sees(few)
				if tried++; got != want || err1 != nil || err2 != nil {
					t.Errorf("%s by %s: %v, by all %v (%v %v)", r.Key(), p.Code, got, want, err1, err2)
				}
			}
		}
	}
	if tried < 200 {
		t.Errorf("only %d were tried", tried)
	}
}

// Nobody's Reach shows nothing, and no caller works on the server's books.
func TestGuard_FailsClosed(t *testing.T) {
	rules := auth.Rules{Base: "https://h/fhir", Search: registry}
	reach, err := rules.Decide(auth.Access{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &guard{reach: reach, known: registry, base: "https://h/fhir"}
	r := g.reader(nil)
	if _, _, err := r.Record("auth/token", "x"); err == nil {
		t.Error("a record was read")
	}
	if _, err := r.Records("auth/token", "", "", 1); err == nil {
		t.Error("records were read")
	}
	if _, err := r.Changes(0, 1); err == nil {
		t.Error("the feed was read")
	}
	if err := g.tx(nil).PutRecord(store.RecordWrite{}); err == nil {
		t.Error("a record was written")
	}
	if err := g.tx(nil).Expunge(nil); err == nil {
		t.Error("versions were removed")
	}
	v := store.Version{Key: fhir.Key{Type: "Patient", ID: "a"}, Body: []byte(`{"resourceType":"Patient","id":"a"}`)}
	if ok, err := r.sees(v, nil, auth.Everything); ok || err != nil {
		t.Error("nobody sees a patient", err)
	}
	if q, err := r.seeing(&search.Query{Type: "Patient", Sight: search.Everything}); err != nil || q.Sight("Patient").Whole || len(q.Sight("Patient").Any) > 0 {
		t.Error("a query kept its own sight")
	}
	if auth.Right(0) != 0 || (*auth.Reach)(nil).Sight(auth.Read) != nil {
		t.Error("the Reach of nobody has a Sight")
	}
}
