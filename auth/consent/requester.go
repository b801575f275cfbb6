package consent

import (
	"slices"
	"time"

	"vitalwire/fhir"
)

// Code systems of v3.
const (
	ActReason       = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	ActCode         = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	Confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	participation   = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	consentAction   = "http://terminology.hl7.org/CodeSystem/consentaction"
)

// Requester is who asks, what for, and when.
type Requester struct {
	Now time.Time
	// Self: the patient asks for what is about himself.
	Self bool
	// Actors are all resources that stand for the requester: the user, his roles,
	// organisations, groups and care teams, and the client's Device or Organization.
	Actors []fhir.Key
	// Identifiers are theirs.
	Identifiers []Identifier
	// Roles the requester has besides being who receives the information.
	Roles []Coding
	// Purposes of use.
	Purposes []Coding
	// Actions of R4 consentaction that are done: access, disclose, collect ...
	Actions []string
	// Treating: the requester is a clinician.
	Treating bool
}

// Codes knows what code systems subsume. Below is a code with all that it subsumes;
// of a code that is not known it is the code alone, and known is false.
type Codes interface {
	Below(system, code string) (codes []string, known bool)
}

// asked judges the part of provisions that is about the request.
type asked struct {
	by    Requester
	codes Codes
	// named: only provisions that name the action count.
	named bool
	// noted, unless nil, is told what becomes of each provision of the Consent of.
	noted func(Finding)
	of    fhir.Key
}

// meets reports whether the request is one that a provision with these elements is
// about. Doubt goes against a permit and for a deny.
func (a asked) meets(p *Provision, permits bool) bool {
	return a.period(p.Period, permits) && a.actor(p.Actors, permits) && a.action(p.Actions, permits) && a.purpose(p.Purposes, permits)
}

func (a asked) period(p *Period, permits bool) bool {
	switch {
	case p == nil:
		return true
	case p.strange():
		return !permits
	}
	return p.holds(a.by.Now)
}

func (a asked) actor(list []Actor, permits bool) bool {
	return list == nil || slices.ContainsFunc(list, func(one Actor) bool { return a.is(one, permits) && a.role(one.Roles, permits) })
}

// is reports whether the requester is an actor.
func (a asked) is(one Actor, permits bool) bool {
	switch {
	case one.Key != fhir.Key{}:
		return slices.Contains(a.by.Actors, one.Key)
	case one.Identifier.Value != "":
		return slices.Contains(a.by.Identifiers, one.Identifier)
	}
	return !permits // nobody that is known here
}

// role reports whether the requester acts in one of the roles. He always is a
// recipient of information (v3-ParticipationType IRCP, which IHE PCF uses).
func (a asked) role(list []Coding, permits bool) bool {
	if list == nil {
		return true
	}
	return !permits || slices.ContainsFunc(list, func(c Coding) bool {
		return c.System == participation && (c.Code == "IRCP" || c.Code == "PRCP") || c.Code == "" || slices.Contains(a.by.Roles, c)
	})
}

func (a asked) action(list []Coding, permits bool) bool {
	if list == nil {
		return !a.named
	}
	return slices.ContainsFunc(list, func(c Coding) bool {
		if c.System != consentAction {
			return !permits
		}
		return slices.Contains(a.by.Actions, c.Code)
	})
}

// purpose reports whether the request is made for one of the purposes, or for
// something that is one of them (v3-ActReason: HTREAT is PurposeOfUse ...). A deny
// also holds for a purpose wider than its own, which may be meant.
func (a asked) purpose(list []Coding, permits bool) bool {
	if list == nil {
		return true
	}
	return slices.ContainsFunc(list, func(c Coding) bool {
		below, known := a.codes.Below(c.System, c.Code)
		if slices.ContainsFunc(a.by.Purposes, func(p Coding) bool { return p.System == c.System && slices.Contains(below, p.Code) }) {
			return true
		}
		return !permits && (!known && (c.System == ActReason || c.System == "") || slices.ContainsFunc(a.by.Purposes, func(p Coding) bool {
			wider, _ := a.codes.Below(p.System, p.Code)
			return p.System == c.System && slices.Contains(wider, c.Code)
		}))
	})
}
