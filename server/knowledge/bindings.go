package knowledge

import (
	"context"

	"vitalwire/fhir/definition"
	"vitalwire/fhir/term"
	"vitalwire/fhir/validate"
)

// bindings lets the validator ask the terminology service.
type bindings struct{ terms *term.Service }

func (b bindings) InValueSet(ctx context.Context, valueSet string, c validate.Coding) validate.Verdict {
	if url, _ := definition.Split(valueSet); url == mimeTypes && (c.Code == "json" || c.Code == "xml" || c.Code == "ttl") {
		return validate.Verdict{Membership: validate.Member}
	}
	return validate.Verdict{Membership: membership(b.terms.InValueSet(ctx, valueSet, c.System, c.Code))}
}

func (b bindings) InSystem(ctx context.Context, c validate.Coding) validate.Verdict {
	a := b.terms.InSystem(ctx, c.System, c.Version, c.Code, c.Display)
	return validate.Verdict{Membership: membership(a.Membership), Display: a.Display, Supplement: a.Supplement}
}

// mimeTypes is bound to CapabilityStatement.format, where R4's own examples have
// the short names of the FHIR formats as well (R4 http §3.1.0.1.11).
const mimeTypes = "http://hl7.org/fhir/ValueSet/mimetypes"

func membership(m term.Membership) validate.Membership {
	switch m {
	case term.In:
		return validate.Member
	case term.Out:
		return validate.NotMember
	}
	return validate.Unknown
}
