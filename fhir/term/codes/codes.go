// Package codes lets fhir/term answer the questions of fhir/validate: bindings
// and codings are checked against compiled value sets (R4 terminologies §4.1.2).
package codes

import (
	"context"

	"vitalwire/fhir/term"
	"vitalwire/fhir/validate"
)

// For makes a terminology service the validator's Codes.
func For(s *term.Service) validate.Codes { return codes{s} }

type codes struct{ service *term.Service }

var memberships = [...]validate.Membership{
	term.Unknown: validate.Unknown, term.In: validate.Member, term.Out: validate.NotMember,
}

// InValueSet tells whether a code is in a value set.
func (c codes) InValueSet(ctx context.Context, valueSet string, code validate.Coding) validate.Verdict {
	return validate.Verdict{Membership: memberships[c.service.InValueSet(ctx, valueSet, code.System, code.Code)]}
}

// InSystem tells whether the system has the code, with that display.
func (c codes) InSystem(ctx context.Context, code validate.Coding) validate.Verdict {
	a := c.service.InSystem(ctx, code.System, code.Version, code.Code, code.Display)
	return validate.Verdict{Membership: memberships[a.Membership], Display: a.Display, Supplement: a.Supplement}
}
