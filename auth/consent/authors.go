package consent

import "vitalwire/fhir"

// Authors are the resources that the data of a Consent names as authors.
func (p *Policy) Authors() []fhir.Key {
	var list []fhir.Key
	var visit func(p *Provision)
	visit = func(p *Provision) {
		for _, d := range p.Data {
			if d.Meaning == "authoredby" && d.Key != (fhir.Key{}) {
				list = append(list, d.Key)
			}
		}
		for i := range p.Provisions {
			visit(&p.Provisions[i])
		}
	}
	visit(&p.Root)
	return list
}

// Role is what a PractitionerRole says: who acts in it, and for whom.
type Role struct{ Key, Practitioner, Organization fhir.Key }

// StandIns are who counts as the author where a provision names one: himself, and by
// roles, whether these are still held or not,
//
//   - for an Organization the roles for it, and the Practitioners in these,
//   - for a Practitioner his roles,
//   - for a PractitionerRole the Practitioner in it.
//
// A Practitioner may have recorded something in another role, or for another
// Organization: for a permit he only counts when none such is among the roles. These must be all of
// who is named and of everybody who has a role in what is named.
func StandIns(named fhir.Key, permits bool, roles []Role) []fhir.Key {
	list, seen := []fhir.Key{named}, map[fhir.Key]bool{named: true, {}: true}
	add := func(key fhir.Key) {
		if !seen[key] {
			seen[key] = true
			list = append(list, key)
		}
	}
	elsewhere := map[fhir.Key]bool{}
	for _, r := range roles {
		if r.Organization != named && r.Key != named {
			elsewhere[r.Practitioner] = true
		}
	}
	for _, r := range roles {
		if r.Organization == named || r.Practitioner == named {
			add(r.Key)
		}
		if (r.Organization == named || r.Key == named) && (!permits || !elsewhere[r.Practitioner]) {
			add(r.Practitioner)
		}
	}
	return list
}
