package validate

import (
	"context"

	"vitalwire/fhir/definition"
	"vitalwire/fhir/term"
)

// Terms answers for codes by the terminology service.
func Terms(service *term.Service) Codes { return terms{service} }

type terms struct{ service *term.Service }

// mimeTypes is bound to CapabilityStatement.format, where R4's own examples have
// the short names of the FHIR formats as well (R4 http §3.1.0.1.11).
const mimeTypes = "http://hl7.org/fhir/ValueSet/mimetypes"

func (t terms) InValueSet(ctx context.Context, valueSet string, c Coding) Verdict {
	if url, _ := definition.Split(valueSet); url == mimeTypes && (c.Code == "json" || c.Code == "xml" || c.Code == "ttl") {
		return Verdict{Membership: Member}
	}
	return Verdict{Membership: membership(t.service.InValueSet(ctx, valueSet, c.System, c.Code))}
}

func (t terms) InSystem(ctx context.Context, c Coding) Verdict {
	a := t.service.InSystem(ctx, c.System, c.Version, c.Code, c.Display)
	return Verdict{Membership: membership(a.Membership), Display: a.Display, Supplement: a.Supplement}
}

func membership(m term.Membership) Membership {
	switch m {
	case term.In:
		return Member
	case term.Out:
		return NotMember
	}
	return Unknown
}
