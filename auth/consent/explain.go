package consent

import "vitalwire/fhir"

// Finding is a provision of a Consent that counts, and what became of it.
type Finding struct {
	Consent fhir.Key
	// Path is where it stands, a FHIRPath such as Consent.provision.provision[0].
	Path   string
	Effect Effect
	// Asked: who asks, why and when are those that it is about. Then About is what a
	// resource must be like for it to apply.
	Asked bool
	About Formula
}

// Explain is Decide with what it looked at: the provisions of the Consents that count,
// inner ones before those that they are exceptions of. Without any, the Residual has no
// Policies, and the implicit policy decided.
func Explain(policies []*Policy, by Requester, codes Codes, o Options) (Residual, []Finding) {
	var found []Finding
	a := asked{by: by, codes: codes, noted: func(f Finding) { found = append(found, f) }}
	return a.decide(policies, o), found
}

// String is the word of R4 consent-provision-type.
func (e Effect) String() string {
	switch e {
	case Permit:
		return "permit"
	case Deny:
		return "deny"
	case Unset:
	}
	return ""
}
