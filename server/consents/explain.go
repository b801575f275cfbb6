package consents

import (
	"slices"

	"vitalwire/auth"
	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Explained is what one of the patients whose a resource is lets an access see of it.
type Explained struct {
	Patient string
	Permits bool
	// Self: the patient sees what is about himself.
	Self bool
	// Implicit is the policy that decided; "" when Consents did.
	Implicit consent.Implicit
	// Consents are those in force, and Rules their provisions, inner ones first.
	Consents []fhir.Key
	Rules    []Rule
}

// Rule is a provision, and whether it applies: to who asks, and to the resource.
type Rule struct {
	consent.Finding
	Applies bool
}

// Explain says for each owner of a resource what its Consents mean to an access. A
// resource of nobody has none, and is seen as far as Consents go.
func (b *Book) Explain(r store.Reader, access auth.Access, s *search.Subject) ([]Explained, error) {
	by, self, err := b.requester(r, access)
	if err != nil {
		return nil, err
	}
	compiler := consent.Compiler{Search: b.Search, Codes: b.Codes, Refers: func(key fhir.Key) ([]fhir.Key, bool) { return b.refersTo(r, key) }}
	var list []Explained
	owners := b.Search.Owners(fhir.Key{Type: s.Type, ID: s.ID}, s.Values)
	slices.Sort(owners)
	for _, patient := range owners {
		one := Explained{Patient: patient, Self: patient == self}
		if one.Self {
			one.Permits = true
			list = append(list, one)
			continue
		}
		policies, err := b.policies(r, patient)
		if err != nil {
			return nil, err
		}
		var named []fhir.Key
		for _, p := range policies {
			named = append(named, p.Authors()...)
		}
		authors, err := b.authorsOf(r, named)
		if err != nil {
			return nil, err
		}
		compiler.Authors = authors.of
		residual, findings := consent.Explain(policies, by, b.Codes, b.Options)
		if one.Permits, err = compiler.View(residual.Formula, s.Type).Sees(s); err != nil {
			return nil, err
		}
		if len(residual.Policies) == 0 {
			one.Implicit = b.Options.Policy()
		}
		for _, p := range residual.Policies {
			one.Consents = append(one.Consents, p.Key)
		}
		for _, f := range findings {
			rule := Rule{Finding: f}
			if f.Asked {
				if rule.Applies, err = compiler.View(f.About, s.Type).Sees(s); err != nil {
					return nil, err
				}
			}
			one.Rules = append(one.Rules, rule)
		}
		list = append(list, one)
	}
	return list, nil
}
