package search

import (
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/profiles"
)

// fake labels every resource with its name, and with what its meta says.
type fake string

func (f fake) Name() string { return string(f) }

func (f fake) Labels(r *fhir.Resource, give func(system, code string)) {
	give("s", string(f))
	give("s", string(f))
	for _, l := range r.Path("meta", "security").Items() {
		give(l.Get("system").Text(), l.Get("code").Text())
	}
}

func (f fake) Silent([]byte) bool { return false }

// Labels are values of _label, of every type, each once; _security stays the author's.
func TestLabelled_Extract(t *testing.T) {
	g := NewRegistry(profiles.R4(), "http://x/fhir")
	if p, _ := g.Label("Patient"); p != nil {
		t.Fatal("there are labels before anybody labels")
	}
	d := g.Labelled(fake("v1"))
	g.SetCustom([]Custom{{Definition: d}})
	for _, typ := range []string{"Patient", "Observation", "Bundle", "Binary"} {
		r, err := fhir.ParseResource([]byte(`{"resourceType":"` + typ + `","id":"a","meta":{"security":[{"system":"c","code":"R"}]}}`))
		if err != nil {
			t.Fatal(err)
		}
		p, unlabelled := g.Label(typ)
		if p == nil || unlabelled != 0 || p.Retired() {
			t.Fatalf("%s: _label is %v, unlabelled %d", typ, p, unlabelled)
		}
		for name, values := range map[string][]Value{"Extract": g.Extract(r), "ExtractOf": g.ExtractOf(r, g.CustomParams(typ, d))} {
			var labels, security []string
			for _, v := range values {
				switch {
				case v.Param == p:
					labels = append(labels, v.System+"|"+v.Code)
				case v.Param.Code == "_security" && v.By == ByValue:
					security = append(security, v.Code)
				}
			}
			if got := strings.Join(labels, " "); got != "c|R s|v1" {
				t.Errorf("%s by %s: %q", typ, name, got)
			}
			if got := strings.Join(security, " "); name == "Extract" && got != "R" {
				t.Errorf("%s: _security is %q", typ, got)
			}
		}
		if g.Lookup(typ, "_label") != nil {
			t.Errorf("%s: _label can be looked up", typ)
		}
		for _, p := range g.Params(typ) {
			if p.Code == "_label" {
				t.Errorf("%s: _label is among the parameters that are served", typ)
			}
		}
		for _, query := range []string{"_label=R", "_label:missing=true", "_sort=_label", "_filter=_label%20eq%20R", "_has:Observation:patient:_label=R"} {
			if _, err := g.Parse(typ, query, Options{}); err == nil {
				t.Errorf("%s?%s is understood", typ, query)
			}
		}
	}
	if _, err := g.Check(d); err == nil {
		t.Error("a client may define _label")
	}
}

// What is asked by labels that are no longer computed has no answer, whoever asks.
func TestLabelled_Retired(t *testing.T) {
	g := NewRegistry(profiles.R4(), "http://x/fhir")
	first := Custom{Definition: g.Labelled(fake("v1"))}
	g.SetCustom([]Custom{first})
	before, _ := g.Label("Patient")
	g.SetCustom([]Custom{{Definition: g.Labelled(fake("v2")), Waiting: func() string { return "" }, Since: 7}})
	after, unlabelled := g.Label("Patient")
	if !before.Retired() || after.Retired() || unlabelled != 7 {
		t.Fatal(before.Retired(), after.Retired(), unlabelled)
	}
	subject := &Subject{Type: "Patient", ID: "a"}
	for _, not := range []bool{false, true} {
		if _, err := Meets(subject, []Clause{{Param: before, Not: not, Operands: []Operand{{System: new(string)}}}}); fhir.SituationOf(err) != fhir.SituationUnavailable {
			t.Errorf("not %v: %v", not, err)
		}
	}
	g.SetCustom([]Custom{first})
	again, _ := g.Label("Patient")
	if again.Retired() || before.Retired() || !after.Retired() {
		t.Error("labels that are computed again are the same")
	}
	g.SetCustom(nil)
	if p, _ := g.Label("Patient"); p != nil || !again.Retired() {
		t.Error("there are labels although nobody labels")
	}
}
