package term

import (
	"context"
	"fmt"

	"vitalwire/fhir"
)

// Code is a code of a code system.
type Code struct{ System, Code string }

// Codes are all codes of a value set, which is given, or named by its canonical
// when vs is nil. It is an error (a *Failure or *fhir.Error) when the value set is
// not known, when not all its codes are known here, and when they are more than
// limit.
func (s *Service) Codes(ctx context.Context, vs *fhir.Resource, canonical string, limit int) ([]Code, error) {
	q := s.session(ctx, &params{count: limit + 1, offset: -1, url: canonical, seen: map[string]bool{}})
	q.listsSuffice = true
	vs, err := q.subject(vs)
	if err != nil {
		return nil, err
	}
	x, err := q.expand(vs, true)
	switch {
	case err != nil:
		return nil, err
	case x.unclosed:
		return nil, fail(issue{code: fhir.CodeNotSupported, text: fmt.Sprintf("Not all codes of %s are known here", x.name)})
	case len(x.list) > limit:
		return nil, tooCostly(x.name, limit)
	}
	codes := make([]Code, 0, len(x.list))
	for _, n := range x.list {
		codes = append(codes, Code{n.system, n.code})
	}
	return codes, nil
}

// Below are a code and all that it subsumes. Errors as for Codes, and when the
// code is not one of the system.
func (s *Service) Below(ctx context.Context, system, code string, limit int) ([]Code, error) {
	return s.related(ctx, system, code, "is-a", limit)
}

// Above are a code and all that subsume it.
func (s *Service) Above(ctx context.Context, system, code string, limit int) ([]Code, error) {
	return s.related(ctx, system, code, "generalizes", limit)
}

func (s *Service) related(ctx context.Context, system, code, op string, limit int) ([]Code, error) {
	vs := fhir.NewResource("ValueSet")
	vs.Root().Set("compose", fhir.NewObject(fhir.M("include", fhir.NewArray(fhir.NewObject(
		fhir.S("system", system),
		fhir.M("filter", fhir.NewArray(fhir.NewObject(fhir.S("property", "concept"), fhir.S("op", op), fhir.S("value", code)))))))))
	codes, err := s.Codes(ctx, vs, "", limit)
	if err != nil {
		return nil, err
	}
	if len(codes) == 0 {
		return nil, notFound(fmt.Sprintf("Unknown code '%s' in the CodeSystem '%s'", code, system))
	}
	return codes, nil
}
