package path_test

import (
	"context"
	"slices"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

// walks are the search expressions of each type as one Walk, by their place in
// the list; those that a Walk does not take are not in it.
type walks struct {
	model  *path.Model
	byType expressionsByType
	made   map[string]*path.Walk
	taken  map[*path.Expression]bool
}

func (w *walks) of(typ string) (*path.Walk, []*path.Expression) {
	xs := w.byType.of(typ)
	if w.made[typ] == nil {
		made := path.NewWalk(w.model, typ)
		for i, x := range xs {
			if made.Add(i, x) {
				w.taken[x] = true
			}
		}
		w.made[typ] = made
	}
	return w.made[typ], xs
}

// TestWalk_GivesWhatEvaluationGives walks every R4 example with the search
// expressions of its type and compares with their evaluation one by one.
func TestWalk_GivesWhatEvaluationGives(t *testing.T) {
	model, p := coreModel(t)
	w := walks{model, searchExpressions(t, model, p), map[string]*path.Walk{}, map[*path.Expression]bool{}}
	env := &path.Env{StubReferences: true}
	compared, left := 0, map[string]bool{}
	for name, data := range examples(t) {
		r := mustParse(t, string(data))
		walk, xs := w.of(r.Type())
		got := make([][]*fhir.Element, len(xs))
		walk.Each(r.Root(), func(i int, e *fhir.Element, at *path.Place) {
			got[i] = append(got[i], e)
			if at.Type == nil || at.Path == "" {
				t.Errorf("%s: %s gives an element without a type", name, xs[i])
			}
		})
		for i, x := range xs {
			if !w.taken[x] {
				left[x.String()] = true
				continue
			}
			items, err := x.Eval(context.Background(), env, model.Root(r))
			if err != nil {
				t.Fatal(err)
			}
			compared += len(items)
			if !sameElements(items, got[i]) {
				t.Errorf("%s: %s gives %d items, the walk %d", name, x, len(items), len(got[i]))
			}
		}
	}
	for text := range left {
		t.Logf("not walked: %s", text)
	}
	if compared < 7_000 || len(left) > 3 {
		t.Errorf("%d values compared; %d expressions are not walked", compared, len(left))
	}
}

// sameElements compares what evaluation and walk found: the walk also gives what
// a union drops because it is equal to another.
func sameElements(items path.Collection, walked []*fhir.Element) bool {
	var want []*fhir.Element
	for _, it := range items {
		if it.Element() != nil {
			want = append(want, it.Element())
		}
	}
	for _, e := range want {
		if !slices.Contains(walked, e) {
			return false
		}
	}
	return !slices.ContainsFunc(walked, func(e *fhir.Element) bool {
		return !slices.ContainsFunc(want, func(o *fhir.Element) bool { return e.Equal(o) })
	})
}

// TestWalk_Shapes compares on what is written wrongly or seldom, and says which
// expressions a Walk takes.
func TestWalk_Shapes(t *testing.T) {
	model, _ := coreModel(t)
	env := &path.Env{StubReferences: true}
	resources := []string{
		`{"resourceType":"Observation","valueString":"a","valueQuantity":{"value":1}}`,
		`{"resourceType":"Observation","_valueString":{"id":"x"},"valueQuantity":{"value":1}}`,
		`{"resourceType":"Observation","_valueString":{"id":"x"},"valueQuantity":{"value":1},"valueString":"b"}`,
		`{"resourceType":"Observation","valueAge":{"value":1},"valueQuantity":{"value":2}}`,
		`{"resourceType":"Observation","code":{"coding":[null,{"code":"a"},[{"code":"b"}]]},"component":[{"valueQuantity":{"value":1},"code":"x"},null,7]}`,
		`{"resourceType":"Observation","subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p"},{"resourceType":"Group","id":"g"}],
		  "performer":[{"reference":"#g"},{"type":"Patient"},{"reference":"urn:x","type":"Patient"},{"reference":"http://h/Patient/1/_history/2"},{"reference":"#"},{"reference":"#none"},{"reference":"Patient/1"},"Patient/2"]}`,
		`{"resourceType":"Patient","telecom":[{"system":"phone","value":"1"},{"system":["phone"],"value":"2"},{"system":["phone","x"],"value":"3"},{"_system":{"id":"a"},"value":"4"},{"system":"email","use":"home","value":"5"}],
		  "name":[{"given":["a",null,"b"],"_given":[null,{"id":"x"}]}],"deceasedDateTime":"2020","link":[{"other":{"reference":"Patient/2"},"type":"refer"}],
		  "extension":[{"url":"u","extension":[{"url":"v","valueCoding":{"code":"c"}},{"url":"w","valueQuantity":{"code":"kg"}}]},{"url":"u","valueCode":"z"},{"url":"t","valueString":"s"}]}`,
		`{"resourceType":"QuestionnaireResponse","item":[{"linkId":"1","item":[{"linkId":"2","answer":[{"valueReference":{"reference":"Patient/1"},"item":[{"linkId":"3"}]}]}]}]}`,
	}
	for _, c := range []struct {
		text  string
		taken bool
	}{
		{"Observation.value", true}, {"Observation.value as Quantity", true}, {"(Observation.value as Element)", true}, {"Observation.value.ofType(string)", true},
		{"Observation.value.as(code)", true}, {"value.ofType(Quantity) | value.ofType(string)", true}, {"Observation.code.coding.code", true},
		{"Observation", true}, {"$this", true}, {"Observation.component.value.ofType(Quantity).value", true}, {"Resource.id", true}, {"Patient.name.given", true}, {"Patient.nothing", true},
		{"Observation.performer.where(resolve() is Patient)", true}, {"Observation.performer.where(resolve() is Resource)", true}, {"Observation.performer.where(resolve() is DomainResource)", true},
		{"Observation.subject.where(resolve() is Patient).reference", true}, {"Observation.performer.where(resolve() is Observation)", true},
		{"Patient.telecom.where(system='phone')", true}, {"Patient.telecom.where(system = 'email' and use = 'home').value", true}, {"Patient.telecom.where(system='phone').where(value='3')", true},
		{"Patient.extension('u').extension.value.code", true}, {"extension('u').value", true}, {"Patient.extension.where(url = 'u').extension.where(url='w').value.ofType(Quantity).code", true},
		{"Patient.extension.where(url = 'u').valueCode", true}, {"Patient.deceased.as(dateTime)", true}, {"Patient.link.other", true},
		{"QuestionnaireResponse.item.item.answer.value", true}, {"QuestionnaireResponse.item.item.answer.item.linkId", true},
		{"Patient.name.given.extension", false}, {"Patient.telecom.where(rank = 1)", false}, {"Patient.telecom.where(system.exists())", false}, {"Patient.name.first().given", false},
		{"Patient.contained.id", false}, {"Patient.name[0]", false}, {"Patient.name.given & 'x'", false}, {"Patient.active.not()", false}, {"%resource.id", false}, {"Patient.telecom.where(system = use)", false},
	} {
		x, err := path.Compile(c.text, path.WithModel(model))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range resources {
			r := mustParse(t, text)
			walk, leading := path.NewWalk(model, r.Type()), path.NewWalk(model, r.Type())
			items, err := x.Eval(context.Background(), env, model.Root(r))
			if !walk.Add(0, x) {
				if c.taken {
					t.Errorf("%s is not taken for %s", x, r.Type())
				}
				found := !leading.AddLeading(0, x)
				leading.Each(r.Root(), func(int, *fhir.Element, *path.Place) { found = true })
				if !found && len(items) > 0 {
					t.Errorf("%s on %.200s gives %d items, its first steps nothing", x, text, len(items))
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if !c.taken && len(c.text) > 7 && c.text[:7] == r.Type() {
				t.Errorf("%s is taken for %s", x, r.Type())
			}
			var got []*fhir.Element
			walk.Each(r.Root(), func(_ int, e *fhir.Element, at *path.Place) { got = append(got, e) })
			if !sameElements(items, got) {
				t.Errorf("%s on %.200s gives %v, the walk %d", x, text, items, len(got))
			}
		}
	}
	if path.NewWalk(model, "Nothing") != nil {
		t.Error("a Walk of a type that is not known")
	}
	strict, _ := path.Compile("Patient.deceased as dateTime", path.WithModel(model), path.SingletonAs())
	if path.NewWalk(model, "Patient").Add(0, strict) {
		t.Error("a strict as is taken")
	}
}
