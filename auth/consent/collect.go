package consent

import (
	"slices"

	"vitalwire/fhir"
)

// Uncollected is what of a patient may not be collected (R4 consentaction collect): a
// provision in force that names that action denies it, unless a deeper one permits it.
// A Consent that names no action is about who may see, and keeps nobody from recording
// what was measured or done.
func Uncollected(policies []*Policy, by Requester, codes Codes, o Options) Formula {
	by.Actions = []string{collect}
	a := asked{by: by, codes: codes, named: true}
	denied := constant(false)
	for _, p := range applicable(policies, a, o) {
		root := p.Root
		if root.Effect != Unset {
			_, deny := a.provision(&root)
			denied = or(denied, deny)
			continue
		}
		for i := range root.Provisions {
			inner := inherit(&root, root.Provisions[i])
			_, deny := a.provision(&inner)
			denied = or(denied, deny)
		}
	}
	return denied
}

const collect = "collect"

// Collects reports whether a Consent says anything of what may be collected.
func (p *Policy) Collects() bool {
	var names func(p *Provision) bool
	names = func(p *Provision) bool {
		return slices.ContainsFunc(p.Actions, func(c Coding) bool { return c.System != consentAction || c.Code == collect }) ||
			slices.ContainsFunc(p.Provisions, func(inner Provision) bool { return names(&inner) })
	}
	return names(&p.Root)
}

// Names reports whether a Consent says anything of who asks.
func (p *Policy) Names() bool {
	var names func(p *Provision) bool
	names = func(p *Provision) bool {
		return p.Actors != nil || slices.ContainsFunc(p.Provisions, func(inner Provision) bool { return names(&inner) })
	}
	return names(&p.Root)
}

// Unreadable stands for a Consent that cannot be understood: it denies everything.
func Unreadable(key fhir.Key, patient string) *Policy {
	return &Policy{Key: key, Patient: patient, Status: "active", Scope: "patient-privacy", Verified: true, Root: Provision{Path: "Consent", Effect: Deny}}
}
