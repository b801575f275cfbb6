package mask

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// examples gives the resources of R4's examples until it is told to stop.
func examples(t *testing.T, give func(*fhir.Resource)) {
	t.Helper()
	zipped, err := gzip.NewReader(bytes.NewReader(shared.Read(t, "data", "r4", "r4-examples.tgz")))
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(zipped); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(head.Name, ".json") || head.Size > 60_000 {
			continue
		}
		data, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := fhir.ParseResource(data); err == nil {
			give(r)
		}
	}
}

// told are the facts that the index has of a resource, by parameter and kind of fact.
func told(r *fhir.Resource) map[*search.Param]map[search.By][]string {
	facts := map[*search.Param]map[search.By][]string{}
	for _, v := range known.Extract(r) {
		if facts[v.Param] == nil {
			facts[v.Param] = map[search.By][]string{}
		}
		text := fmt.Sprint(v.Lead, v.System, v.Code, v.Target, v.Low, v.High, v.Text, v.Place)
		if v.Amount != nil {
			text += fmt.Sprint(*v.Amount)
		}
		facts[v.Param][v.By] = append(facts[v.Param][v.By], text)
	}
	for _, of := range facts {
		for _, list := range of {
			slices.Sort(list)
		}
	}
	return facts
}

// elements are the paths of a resource's elements, each once, and the values of each.
func (r *Rules) elements(e *fhir.Element, here at, found map[string][]string) {
	owner := here.def
	if owner.Content != nil {
		owner = owner.Content
	}
	for _, m := range e.Members() {
		def, typ := owner.Child(strings.TrimPrefix(m.Name, "_"))
		if def == nil || def.Name == "id" || def.Name == "meta" || def.Name == "text" || def.Name == "contained" || def.Name == "modifierExtension" || def.Name == "resource" {
			continue
		}
		path := below(here.path, def, here.typ)
		for _, item := range m.Value.Items() {
			found[path] = append(found[path], item.Text())
			if !item.Is(fhir.Object) {
				continue
			}
			next := def
			if def.Content == nil && len(def.Children) == 0 {
				s, err := r.structures.Structure(typ.Code)
				if err != nil || primitive(typ.Code) {
					continue
				}
				next = s.Root()
			}
			r.elements(item, at{typ: here.typ, path: path, def: next}, found)
		}
	}
}

// TestD6_L28_NoFactIsMadeOfWhatIsMasked: of R4's examples each element is masked, one
// after the other. Every fact of the index that is another one then is of a parameter
// that a search by it is refused for; and nowhere is a value left that stood there alone.
func TestD6_L28_NoFactIsMadeOfWhatIsMasked(t *testing.T) {
	r := &Rules{structures: profiles.R4(), known: known, codes: codes{}}
	done := map[place]int{}
	masks, facts := 0, 0
	examples(t, func(resource *fhir.Resource) {
		typ := resource.Type()
		if slices.Contains(apart, typ) || typ == "Bundle" {
			return
		}
		s, err := r.structures.Structure(typ)
		if err != nil {
			return
		}
		found := map[string][]string{}
		r.elements(resource.Root(), at{typ: typ, def: s.Root()}, found)
		var before map[*search.Param]map[search.By][]string
		stored := resource.WithIdentity("x")
		stored.Root().Set("text", nil)
		body := stored.JSON()
		for path := range found {
			p := place{typ, path}
			if done[p]++; done[p] > 1 {
				continue
			}
			if before == nil {
				before = told(stored)
			}
			masks++
			m := (&Rules{structures: r.structures, known: known, codes: codes{}, list: []rule{{paths: []place{p}}}}).For(Caller{})
			shown, changed, err := m.Apply(typ, body, func(search.View) (bool, error) { return false, nil })
			if err != nil || !changed {
				t.Errorf("%s.%s of %s: %v %v", typ, path, resource.Key(), changed, err)
				continue
			}
			left, err := fhir.ParseResource(shown)
			if err != nil {
				t.Fatal(err)
			}
			for _, value := range found[path] {
				if len(value) > 12 && bytes.Contains(shown, fhir.NewString(value).AppendJSON(nil)) && bytes.Count(body, fhir.NewString(value).AppendJSON(nil)) == 1 {
					t.Errorf("%s.%s of %s: %q is left in %s", typ, path, resource.Key(), value, shown)
				}
			}
			after := told(left)
			for _, param := range known.Params(typ) {
				for by := search.ByValue; by <= search.ByText; by++ {
					for _, one := range param.Indexed() {
						if slices.Equal(before[one][by], after[one][by]) || param.Code == "_security" || param.Code == "_tag" {
							continue
						}
						facts++
						if !m.touches(param, by) {
							t.Errorf("%s.%s is masked in %s, and fact %d of %s is %v, was %v", typ, path, resource.Key(), by, param.Code, after[one][by], before[one][by])
						}
					}
				}
			}
		}
	})
	t.Logf("%d masks, %d facts", masks, facts)
	if masks < 1000 || facts < 500 {
		t.Errorf("only %d masks, %d facts", masks, facts)
	}
}

// What is refused, and what is not.
func TestD6_L28_Touches(t *testing.T) {
	r := &Rules{structures: profiles.R4(), known: known, codes: codes{}}
	for _, c := range []struct {
		typ, path, code string
		by              search.By
		want            bool
	}{
		{"Patient", "telecom", "phone", search.ByValue, true}, {"Patient", "telecom.value", "email", search.ByValue, true}, {"Patient", "contact.telecom", "phone", search.ByValue, false},
		{"Patient", "address.line", "address", search.ByValue, true}, {"Patient", "address.line", "address-city", search.ByValue, false}, {"Patient", "address", "address-city", search.ByValue, true},
		{"Patient", "deceased", "deceased", search.ByValue, true}, {"Patient", "deceased", "death-date", search.ByValue, true}, {"Patient", "telecom", "deceased", search.ByValue, false},
		{"Patient", "birthDate", "_id", search.ByValue, false}, {"Patient", "birthDate", "_lastUpdated", search.ByValue, false},
		{"Observation", "value", "value-quantity", search.ByValue, true}, {"Observation", "value", "combo-value-quantity", search.ByValue, true}, {"Observation", "value", "code-value-quantity", search.ByValue, true}, {"Observation", "value", "component-code", search.ByValue, false},
		{"Observation", "component.value", "component-code-value-quantity", search.ByValue, true}, {"Observation", "component.value", "value-quantity", search.ByValue, false}, {"Observation", "note", "code-value-quantity", search.ByValue, false},
		{"Observation", "code", "combo-code", search.ByValue, true}, {"Observation", "code.text", "code", search.ByValue, false}, {"Observation", "code.text", "code", search.ByText, true}, {"Observation", "code.coding.code", "code", search.ByValue, true},
		{"Observation", "performer.display", "performer", search.ByValue, false}, {"Observation", "performer.display", "performer", search.ByText, true}, {"Observation", "performer.identifier", "performer", search.ByIdentifier, true}, {"Observation", "performer.identifier.value", "performer", search.ByValue, false},
		{"Observation", "effective", "date", search.ByValue, true}, {"Condition", "onset", "onset-date", search.ByValue, true}, {"Condition", "note", "onset-date", search.ByValue, false},
	} {
		p := known.Lookup(c.typ, c.code)
		if p == nil {
			t.Fatalf("%s has no %s", c.typ, c.code)
		}
		if got := r.touches(place{c.typ, c.path}, p, c.by); got != c.want {
			t.Errorf("%s.%s and %s by %d (%v): %v", c.typ, c.path, c.code, c.by, p.Expressions(), got)
		}
	}
	m := read(t, `{"mask":["Patient.telecom"]}`).For(Caller{})
	for _, of := range []string{"Observation _content", "Patient _text", "Bundle composition", "Patient phone"} {
		typ, code, _ := strings.Cut(of, " ")
		if err := m.RefusesParam(typ, code); fhir.SituationOf(err) != fhir.SituationForbidden {
			t.Errorf("%s: %v", of, err)
		}
	}
	for _, of := range []string{"Observation code", "Patient name", "Bundle type", "Practitioner phone"} {
		typ, code, _ := strings.Cut(of, " ")
		if err := m.RefusesParam(typ, code); err != nil {
			t.Errorf("%s: %v", of, err)
		}
	}
	// Those of custom parameters, which nobody foresaw.
	custom := &search.Param{Resource: "Patient", Type: search.Token}
	for expression, want := range map[string]bool{
		"Patient.telecom.value": true, "telecom": true, "Patient.where(telecom.exists()).name": true, "Patient.children().value": true, "Patient.descendants()": true,
		"(Patient.telecom).where(system = 'phone').value": true, "Patient.name | Patient.telecom": true, "%resource.telecom.value": true, "iif(telecom.exists(), 'a', 'b')": true,
		"Patient.name.given": false, "Patient.contact.telecom.value": false, "Patient.name.where(use = 'official').family": false, "(Patient.deceased as boolean)": false, "Patient.communication.language": false,
		"Patient.name.where(%resource.telecom.exists())": true, "Patient.telecom[0].value": true, "Patient.repeat(contact).name": true,
	} {
		if got := r.reads(place{"Patient", "telecom"}, custom, expression, search.ByValue); got != want {
			t.Errorf("%s reads what is masked: %v", expression, got)
		}
	}
}
