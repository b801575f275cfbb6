package operation

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/fhir/term"
)

// The terminology operations of R4 (terminology service §4.6).
var (
	expand = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/ValueSet-expand", Body: "valueSet", Open: true, Needs: whole,
		Run: terminology((*term.Service).Expand),
	}
	validateInValueSet = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code", Body: "valueSet", Open: true, Needs: whole,
		Run: terminology((*term.Service).ValidateCode),
	}
	validateInCodeSystem = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code", Body: "codeSystem", Open: true, Needs: whole,
		Run: terminology((*term.Service).ValidateInSystem),
	}
	lookup = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup", Open: true, Needs: whole,
		Run: terminology((*term.Service).Lookup),
	}
	subsumes = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes", Open: true, Needs: whole,
		Run: terminology((*term.Service).Subsumes),
	}
	translate = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/ConceptMap-translate", Body: "conceptMap", Open: true, Needs: whole,
		Run: terminology((*term.Service).Translate),
	}
)

// terminology runs a method of the terminology service, on the stored resource
// when the call is of an instance.
func terminology(method func(*term.Service, context.Context, term.Request) (*fhir.Resource, error)) func(context.Context, *Set, Call) (Result, error) {
	return func(ctx context.Context, s *Set, c Call) (Result, error) {
		r := term.Request{Parameters: c.In, Language: c.Language}
		if c.ID != "" {
			stored, err := s.stored(ctx, c.key())
			if err != nil {
				return Result{}, err
			}
			r.Instance = stored
		}
		return answer(method(s.Knowledge.Terms(), ctx, r))
	}
}
