package path_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
	"vitalwire/internal/shared"
)

// examples are the official R4 examples by file name.
func examples(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := eachMember(shared.Path(t, "data", "r4", "r4-examples.tgz"), func(name string, data []byte) error {
		if strings.HasSuffix(name, ".json") {
			out[name] = data
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSearchExpressions compiles every search expression of R4 and evaluates
// those of each example's type on it: none may fail.
func TestSearchExpressions(t *testing.T) {
	model, p := coreModel(t)
	byType := searchExpressions(t, model, p)
	env := &path.Env{StubReferences: true}
	found := 0
	for name, data := range examples(t) {
		r := mustParse(t, string(data))
		root := model.Root(r)
		for _, x := range byType.of(r.Type()) {
			items, err := x.Eval(context.Background(), env, root)
			if err != nil {
				t.Errorf("%s: %s: %v", name, x, err)
			}
			found += len(items)
		}
	}
	if found < 5000 {
		t.Errorf("only %d values found", found)
	}
}

type expressionsByType map[string][]*path.Expression

func (m expressionsByType) of(typ string) []*path.Expression {
	return slices.Concat(m[typ], m["Resource"], m["DomainResource"])
}

func searchExpressions(t testing.TB, model *path.Model, p *corePackage) expressionsByType {
	out := expressionsByType{}
	for _, param := range p.params {
		x, err := path.Compile(param[1], path.WithModel(model))
		if err != nil {
			t.Errorf("%s: %v", param[1], err)
			continue
		}
		out[param[0]] = append(out[param[0]], x)
	}
	return out
}

// TestInvariants evaluates the invariants of the base definitions on every
// example, corrected where they were published wrong: all of severity error hold.
func TestInvariants(t *testing.T) {
	model, p := coreModel(t)
	check := invariants{t: t, model: model, src: p, compiled: map[string]*path.Expression{}}
	for name, data := range examples(t) {
		check.name = name
		r := mustParse(t, string(data))
		root := model.Root(r)
		s, err := p.Structure(r.Type())
		if err != nil {
			continue
		}
		check.element(root, s.Root())
		for _, child := range check.children(root) {
			check.walk(child)
		}
	}
	t.Logf("%d evaluations of %d expressions", check.count, len(check.compiled))
	for _, f := range check.failed {
		t.Error(f)
	}
}

type invariants struct {
	t        *testing.T
	model    *path.Model
	src      *corePackage
	compiled map[string]*path.Expression
	kids     *path.Expression
	name     string
	count    int
	failed   []string
}

func (c *invariants) compile(text string) *path.Expression {
	if x := c.compiled[text]; x != nil {
		return x
	}
	x, err := path.Compile(path.Corrected(text), path.WithModel(c.model))
	if err != nil {
		c.t.Errorf("%s: %v", text, err)
		return nil
	}
	c.compiled[text] = x
	return x
}

func (c *invariants) children(it path.Item) path.Collection {
	if c.kids == nil {
		c.kids = c.compile("children()")
	}
	items, err := c.kids.Eval(context.Background(), nil, it)
	if err != nil {
		c.t.Fatal(err)
	}
	return items
}

func (c *invariants) walk(it path.Item) {
	typ := it.Node().Type()
	name, _, _ := strings.Cut(typ.Path(), ".")
	if s, err := c.src.Structure(name); err == nil {
		def := s.ByPath(typ.Path())
		if def != nil {
			c.element(it, def)
		}
		// The constraints of the element itself, beside those of its type.
		if parent := it.Node().Parent(); parent != nil {
			if ps, err := c.src.Structure(strings.Split(parent.Type().Path(), ".")[0]); err == nil && parent.Type() != nil {
				if pdef := ps.ByPath(parent.Type().Path()); pdef != nil {
					for _, e := range pdef.Children {
						if e.Name == it.Node().Name() && e != def {
							c.element(it, e)
						}
					}
				}
			}
		}
	}
	for _, child := range c.children(it) {
		c.walk(child)
	}
}

func (c *invariants) element(it path.Item, def *definition.Element) {
	for _, k := range def.Constraints {
		if k.Severity != "error" || k.Expression == "" {
			continue
		}
		x := c.compile(k.Expression)
		if x == nil {
			continue
		}
		c.count++
		ok, err := x.EvalBool(context.Background(), &path.Env{}, it)
		if err != nil {
			c.failed = append(c.failed, fmt.Sprintf("%s %s %s: %v", c.name, k.Key, it.Location(), err))
		} else if !ok {
			c.failed = append(c.failed, fmt.Sprintf("%s %s %s: does not hold", c.name, k.Key, it.Location()))
		}
	}
}

// BenchmarkObservation evaluates all R4 search expressions of Observation on a
// 2 KB Observation, beside encoding/json reading the same bytes.
func BenchmarkObservation(b *testing.B) {
	model, p := coreModel(b)
	all := searchExpressions(b, model, p)
	data := []byte(observation)
	r, err := fhir.ParseResource(data)
	if err != nil {
		b.Fatal(err)
	}
	root := model.Root(r)
	env := &path.Env{StubReferences: true, Now: time.Unix(0, 0)}
	xs := all.of("Observation")
	var out path.Collection
	ev := path.NewEvaluator(env, root)
	run := func() {
		for _, x := range xs {
			out, err = ev.Append(context.Background(), x, out[:0])
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("paths", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			run()
		}
		b.ReportMetric(float64(len(xs)), "expressions")
	})
	b.Run("walk", func(b *testing.B) {
		walk := path.NewWalk(model, "Observation")
		for i, x := range xs {
			if !walk.Add(i, x) {
				b.Fatal(x)
			}
		}
		n := 0
		b.ReportAllocs()
		for b.Loop() {
			n = 0
			walk.Each(r.Root(), func(int, *fhir.Element, *path.Place) { n++ })
		}
		b.ReportMetric(float64(n), "items")
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var v any
			if err := json.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

const observation = `{"resourceType":"Observation","id":"bp","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/vitalsigns"],"lastUpdated":"2024-03-10T02:30:00Z"},
"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Systolic 107 mmHg, diastolic 60 mmHg</p></div>"},
"identifier":[{"system":"urn:ietf:rfc:3986","value":"urn:uuid:187e0c12-8dd2-67e2-99b2-bf273c878281"}],
"basedOn":[{"reference":"ServiceRequest/sr1"}],"status":"final",
"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],
"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel with all children optional"}],"text":"Blood pressure systolic & diastolic"},
"subject":{"reference":"Patient/example"},"encounter":{"reference":"Encounter/e1"},"effectiveDateTime":"2024-03-10T02:30:00-05:00",
"performer":[{"reference":"Practitioner/example"}],"device":{"reference":"Device/d1"},
"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"L","display":"low"}],"text":"Below low normal"}],
"bodySite":{"coding":[{"system":"http://snomed.info/sct","code":"368209003","display":"Right arm"}]},
"method":{"coding":[{"system":"urn:iso:std:iso:11073:10101","code":"150020","display":"MDC_PRESS_BLD_NONINV"}]},
"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic blood pressure"},{"system":"urn:iso:std:iso:11073:10101","code":"150021"}]},
"valueQuantity":{"value":107,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"},
"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N","display":"normal"}],"text":"Normal"}]},
{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic blood pressure"},{"system":"urn:iso:std:iso:11073:10101","code":"150022"}]},
"valueQuantity":{"value":60,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"},
"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"L","display":"low"}],"text":"Below low normal"}]}]}`
