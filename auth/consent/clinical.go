package consent

import "vitalwire/fhir/search"

// authors are the reference parameters that name who or what made the information
// in a resource, besides the elements that have none (search.Within). Devices are among
// them: most of what they measure has no other author. A Provenance's is its agent.
var authors = []string{
	"author", "performer", "recorder", "asserter", "requester", "source", "sender", "enterer", "entered-by", "device", "reporter",
	"responsibleparty", "results-interpreter", "prescriber", "provider", "operator", "informant", "assessor", "dispenser", "collector", "agent",
}

// times are the parameters that tell when what a resource reports took place, by
// preference. The first that a type has counts. MedicationRequest has a date as well:
// when a dose is to be given, which most do not say.
var times = []string{
	"authoredon", "date", "onset-date", "effective-time", "effective", "authored-on", "authored", "started", "sent", "created", "identified",
	"collected", "start-date", "whenhandedover", "datewritten", "datetime", "event-date", "recorded", "recorded-date", "issued", "period",
}

// clinical is the parameter of the clinical time of a type, _lastUpdated where R4
// has none.
func clinical(g *search.Registry, typ string) *search.Param {
	for _, code := range times {
		if p := g.Lookup(typ, code); p != nil && p.Type == search.Date {
			return p
		}
	}
	return g.Lookup(typ, "_lastUpdated")
}
