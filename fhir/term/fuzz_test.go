package term_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/term"
)

// FuzzRequest sends any Parameters to every operation: no panic, no hang, and
// every error is one that a caller may see.
func FuzzRequest(f *testing.F) {
	seeds := []string{
		`{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"http://example.org/set"},{"name":"count","valueInteger":2}]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"valueSet","resource":` + set(`{"include":[{"system":"http://example.org/animals","filter":[{"property":"code","op":"regex","value":"(a*)*b"}]}],"exclude":[{"valueSet":["#x"]}]}`) + `}]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"http://example.org/set"},{"name":"coding","valueCoding":{"system":"http://example.org/animals","code":"dog","display":"Dogg"}},{"name":"displayLanguage","valueCode":"de-CH,en;q=0.5"}]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"http://example.org/set"},{"name":"codeableConcept","valueCodeableConcept":{"coding":[{"code":"dog"},{"system":"x","code":""}]}},{"name":"system-version","valueCanonical":"http://example.org/animals|1.x"}]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"system","valueUri":"http://example.org/animals"},{"name":"codeA","valueCode":"dog"},{"name":"codeB","valueCode":"bat"},{"name":"code","valueCode":"dog"}]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"tx-resource","resource":{"resourceType":"CodeSystem","url":"http://example.org/c","content":"complete","concept":[{"code":"a","property":[{"code":"parent","valueCode":"b"}]},{"code":"b","property":[{"code":"parent","valueCode":"a"}]}]}},{"name":"valueSet","resource":` + set(`{"include":[{"system":"http://example.org/c"}]}`) + `}]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"validation","resource":{"resourceType":"Parameters","parameter":[{"name":"code","valueCode":"x"}]}}]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"conceptMap","resource":{"resourceType":"ConceptMap","group":[{"source":"s:s","target":"t:t","element":[{"code":"a","target":[{"code":"b"}]}]}]}},{"name":"sourceCode","valueCode":"a"},{"name":"system","valueUri":"s:s"}]}`,
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	animalsSystem, _ := fhir.ParseResource([]byte(animals))
	all, _ := fhir.ParseResource([]byte(set(`{"include":[{"system":"http://example.org/animals"}]}`)))
	service := term.New(memory{animalsSystem, all}, term.WithLimits(term.Limits{Work: 20_000}))
	operations := []func(context.Context, term.Request) (*fhir.Resource, error){
		service.Expand, service.ValidateCode, service.ValidateInSystem, service.Lookup, service.Subsumes, service.Translate, service.BatchValidate,
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := fhir.ParseResource(data)
		if err != nil {
			return
		}
		start := time.Now()
		for _, run := range operations {
			out, err := run(context.Background(), term.Request{Parameters: in})
			if err == nil {
				if _, err := fhir.ParseResource(out.JSON()); err != nil {
					t.Errorf("the answer cannot be read: %v", err)
				}
				continue
			}
			var e *fhir.Error
			if !errors.As(err, &e) || e.Situation == fhir.SituationException {
				t.Errorf("not an error for a caller: %v", err)
			}
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
