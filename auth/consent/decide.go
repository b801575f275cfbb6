package consent

import (
	"slices"
	"time"
)

// Implicit is what holds for a patient without a consent: the policies of IHE PCF.
type Implicit string

// The implicit policies, by their URIs.
const (
	// DenyAll shows nothing.
	DenyAll Implicit = "https://profiles.ihe.net/ITI/PCF/Policy-deny"
	// AllNormal shows what is not more confidential than normal.
	AllNormal Implicit = "https://profiles.ihe.net/ITI/PCF/Policy-all-normal"
	// BasicNormal shows that to clinicians who treat.
	BasicNormal Implicit = "https://profiles.ihe.net/ITI/PCF/Policy-basic-normal"
	// BreakGlassOnly shows it in an emergency.
	BreakGlassOnly Implicit = "https://profiles.ihe.net/ITI/PCF/Policy-break-glass-only"
)

// Options are an operator's choices.
type Options struct {
	// Implicit policy; "" is DenyAll.
	Implicit Implicit
	// MostRecent: of several active consents only the newest counts; else a deny in
	// any of them denies.
	MostRecent bool
	// Verified: a consent counts only when somebody verified it with the patient.
	Verified bool
	// SelfToo: consents bind the patient's own access, too.
	SelfToo bool
}

// Policy is the implicit policy in force.
func (o Options) Policy() Implicit {
	if o.Implicit == "" {
		return DenyAll
	}
	return o.Implicit
}

// Residual is what is left of the consents of one patient for one requester: what a
// resource must be like to be seen.
type Residual struct {
	Formula
	// Policies that were applied; none when the implicit policy was.
	Policies []*Policy
}

// Decide settles what the consents of one patient say to a requester.
func Decide(policies []*Policy, by Requester, codes Codes, o Options) Residual {
	return asked{by: by, codes: codes}.decide(policies, o)
}

func (a asked) decide(policies []*Policy, o Options) Residual {
	if a.by.Self && !o.SelfToo {
		return Residual{Formula: constant(true)}
	}
	list := applicable(policies, a, o)
	if len(list) == 0 {
		return Residual{Formula: a.implicit(o.Implicit)}
	}
	permits, denies := constant(false), constant(false)
	for _, p := range list {
		a.of = p.Key
		permit, deny := a.policy(p, o)
		permits, denies = or(permits, permit), or(denies, deny)
	}
	// What no consent permits is forbidden once there is one.
	return Residual{and(permits, not(denies)), list}
}

// applicable are the consents that are in force.
func applicable(policies []*Policy, a asked, o Options) []*Policy {
	research := slices.ContainsFunc(a.by.Purposes, func(p Coding) bool {
		below, _ := a.codes.Below(ActReason, "HRESCH")
		return p.System == ActReason && slices.Contains(below, p.Code)
	})
	var list []*Policy
	for _, p := range policies {
		inScope := p.Scope == "patient-privacy" || p.Scope == "research" && research
		if p.Status == "active" && inScope && (!o.Verified || p.Verified) && a.inForce(p) {
			list = append(list, p)
		}
	}
	if o.MostRecent && len(list) > 1 {
		newest := slices.MaxFunc(list, func(x, y *Policy) int { return x.DateTime.Compare(y.DateTime) })
		list = slices.DeleteFunc(list, func(p *Policy) bool { return p.DateTime.Before(newest.DateTime) })
	}
	return list
}

// inForce reports whether now lies in the period of the root. A period that cannot
// be read makes a consent count: what it permits then fails, what it denies holds.
func (a asked) inForce(p *Policy) bool {
	period := p.Root.Period
	return period == nil || period.strange() || period.holds(a.by.Now)
}

// policy gives what a consent permits and what it denies.
func (a asked) policy(p *Policy, o Options) (permit, deny Formula) {
	root := p.Root
	if root.Effect != Unset {
		return a.provision(&root)
	}
	// R4 gives the root no type: the policy it refers to is the base, which the
	// provisions below it change.
	permit, deny = constant(false), constant(false)
	for i := range root.Provisions {
		inner := inherit(&root, root.Provisions[i])
		permits, denies := a.provision(&inner)
		permit, deny = or(permit, permits), or(deny, denies)
	}
	base := a.base(p, o)
	return and(or(base, permit), not(deny)), or(deny, and(not(base), not(permit)))
}

// base is what the policy says that a consent refers to.
func (a asked) base(p *Policy, o Options) Formula {
	for _, rule := range p.Rules {
		switch rule {
		case "OPTIN":
			return constant(true)
		case "OPTOUT":
			return constant(false)
		case string(DenyAll), string(AllNormal), string(BasicNormal), string(BreakGlassOnly):
			return a.implicit(Implicit(rule))
		}
	}
	return a.implicit(o.Implicit)
}

// provision gives what a provision and its exceptions permit and deny. The deepest
// that matches wins, and beside each other a deny does.
func (a asked) provision(p *Provision) (permit, deny Formula) {
	innerPermit, innerDeny := constant(false), constant(false)
	for i := range p.Provisions {
		inner := inherit(p, p.Provisions[i])
		permits, denies := a.provision(&inner)
		innerPermit, innerDeny = or(innerPermit, permits), or(innerDeny, denies)
	}
	permits := p.Effect == Permit
	own, meant := constant(false), a.meets(p, permits)
	if meant {
		own = met(Constraint{Permits: permits, Labels: p.Labels, Classes: p.Classes, Codes: p.Codes, Period: p.DataPeriod, Data: p.Data})
	}
	if a.noted != nil {
		a.noted(Finding{a.of, p.Path, p.Effect, meant, own})
	}
	if permits {
		return and(or(innerPermit, own), not(innerDeny)), innerDeny
	}
	return and(innerPermit, not(innerDeny)), or(innerDeny, and(own, not(innerPermit)))
}

// inherit gives an exception the elements that it does not state itself.
func inherit(outer *Provision, inner Provision) Provision {
	if inner.Period == nil {
		inner.Period = outer.Period
	}
	if inner.Actors == nil {
		inner.Actors = outer.Actors
	}
	if inner.Actions == nil {
		inner.Actions = outer.Actions
	}
	if inner.Purposes == nil {
		inner.Purposes = outer.Purposes
	}
	if inner.Labels == nil {
		inner.Labels = outer.Labels
	}
	if inner.Classes == nil {
		inner.Classes = outer.Classes
	}
	if inner.Codes == nil {
		inner.Codes = outer.Codes
	}
	if inner.DataPeriod == nil {
		inner.DataPeriod = outer.DataPeriod
	}
	if inner.Data == nil {
		inner.Data = outer.Data
	}
	return inner
}

// implicit is one of the policies of IHE PCF.
func (a asked) implicit(i Implicit) Formula {
	normal := met(Constraint{Permits: true, Labels: []Coding{{Confidentiality, "N"}}})
	emergency := a.purpose([]Coding{{ActReason, "BTG"}, {ActReason, "ETREAT"}}, true)
	treatment := a.purpose([]Coding{{ActReason, "TREAT"}, {ActReason, "HPAYMT"}, {ActReason, "HOPERAT"}}, true)
	switch i {
	case AllNormal:
		return normal
	case BasicNormal:
		if a.by.Treating && (treatment || emergency) {
			return normal
		}
	case BreakGlassOnly:
		if a.by.Treating && emergency {
			return normal
		}
	case DenyAll:
	}
	return constant(false)
}

// Life is until when a Residual holds at most, as periods begin and end; the zero
// time when they never do.
func Life(policies []*Policy, now time.Time) time.Time {
	var first time.Time
	var visit func(p *Provision)
	visit = func(p *Provision) {
		if p.Period != nil && !p.Period.strange() {
			for _, at := range []time.Time{p.Period.From, p.Period.To} {
				if at.After(now) && (first.IsZero() || at.Before(first)) {
					first = at
				}
			}
		}
		for i := range p.Provisions {
			visit(&p.Provisions[i])
		}
	}
	for _, p := range policies {
		visit(&p.Root)
	}
	return first
}
