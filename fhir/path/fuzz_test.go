package path_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
	"vitalwire/internal/shared"
)

var seeds = []string{
	"Patient.name.where(given.exists() and use = 'official').family",
	"iif(value is Quantity, value > 10 'mg', {}) | @2024-02-29T10:00:00.5+01:00 - 3 months",
	"(1|2|3).aggregate($this + $total, 0).power(2).sqrt() div 3 mod 2",
	"'\\u0041'.replaceMatches('[a-z]', '$1').encode('base64').escape('json')",
	"%resource.descendants().repeat(children()).distinct().count() implies %`vs-x`.exists()",
	"Observation.component.value.ofType(Quantity).sort(-value, unit).first().lowBoundary(3)",
	"subject.where(resolve() is FHIR.Patient).reference.startsWith('#').not() xor 4 days = 4.0 'd'",
	"@T10:30.highBoundary(9) ~ now().type().name in ('a' | 'b')",
	"1.0e", "{", "((((", "/*", "@2024-", "'\\", "%`", "a[b[c", "-+-1", "1 'm' / 0 's'", "extension('x').value as System.String",
}

// FuzzCompile: no text makes Compile panic or hang.
func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		x, err := path.Compile(text)
		if (x == nil) == (err == nil) {
			t.Fatal("neither an expression nor an error, or both")
		}
		if err != nil {
			if _, ok := path.KindOf(err); !ok {
				t.Fatalf("a foreign error: %v", err)
			}
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Fatalf("took %v", took)
		}
	})
}

// FuzzEval: no expression on any JSON makes Eval panic, hang or pass its budget.
func FuzzEval(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, observation)
		f.Add(s, patient)
	}
	f.Add("descendants()", `{"resourceType":"Bundle","entry":[{"fullUrl":1,"resource":{"resourceType":7}},null,[[]]]}`)
	f.Add("value.value > 1", `{"resourceType":"Observation","valueQuantity":"x","_valueString":[1]}`)
	var model *path.Model // none where the shared material is absent
	if _, err := os.Stat(filepath.Join(filepath.Dir(shared.Root(f)), "shared")); err == nil {
		model, _ = coreModel(f)
	}
	f.Fuzz(func(t *testing.T, text, data string) {
		x, err := path.Compile(text, path.WithModel(model))
		if err != nil {
			return
		}
		e, err := fhir.ParseElement([]byte(data))
		if err != nil || !e.Is(fhir.Object) {
			return
		}
		env := &path.Env{Limits: path.Limits{Steps: 50_000}, StubReferences: true, Now: time.Unix(0, 0)}
		start := time.Now()
		items, err := x.Eval(context.Background(), env, model.Item(nil, e, nil, nil, "", -1))
		if err != nil {
			if _, ok := path.KindOf(err); !ok {
				t.Fatalf("a foreign error: %v", err)
			}
		}
		for _, it := range items {
			it.Text()
			it.Location()
			it.TypeName()
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("took %v", took)
		}
	})
}
