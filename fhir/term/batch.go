package term

import (
	"context"
	"errors"
	"slices"

	"vitalwire/fhir"
)

// maxBatch is how many validations one batch may have.
const maxBatch = 1000

// BatchValidate is ValueSet $batch-validate-code of the terminology ecosystem:
// many validations, which share the other parameters. A validation that cannot
// be done is answered with its OperationOutcome.
func (s *Service) BatchValidate(ctx context.Context, r Request) (*fhir.Resource, error) {
	p, err := readParams(r.Parameters, r.Language, false)
	if err != nil {
		return nil, err
	}
	if len(p.validations) > maxBatch {
		return nil, badRequest("More than %d validations in a batch", maxBatch)
	}
	var shared []*fhir.Element
	if r.Parameters != nil {
		for _, item := range r.Parameters.Get("parameter").Items() {
			if text(item, "name") != "validation" {
				shared = append(shared, item)
			}
		}
	}
	out := fhir.NewArray()
	for _, v := range p.validations {
		answer, err := s.one(ctx, v, shared, r.Language)
		var e *fhir.Error
		if err != nil && !errors.As(err, &e) {
			return nil, err
		}
		if err != nil {
			var known bool
			if answer, known = Outcome(err); !known {
				answer = fhir.Outcome(e.Issues)
			}
		}
		out.Append(fhir.NewObject(fhir.S("name", "validation"), fhir.M("resource", answer.Root())))
	}
	return parametersOf(out), nil
}

// one is a validation of a batch; its own parameters stand over the shared ones.
func (s *Service) one(ctx context.Context, v *fhir.Element, shared []*fhir.Element, language string) (*fhir.Resource, error) {
	own := v.Get("parameter").Items()
	named := func(name string) bool {
		return slices.ContainsFunc(own, func(p *fhir.Element) bool { return text(p, "name") == name })
	}
	all := fhir.NewArray()
	for _, p := range shared {
		if name := text(p, "name"); name == "tx-resource" || !named(name) {
			all.Append(p)
		}
	}
	all.Append(own...)
	r := Request{Parameters: parametersOf(all), Language: language}
	for _, p := range all.Items() {
		if name := text(p, "name"); name == "url" || name == "valueSet" {
			return s.ValidateCode(ctx, r)
		}
	}
	return s.ValidateInSystem(ctx, r)
}
