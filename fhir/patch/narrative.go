package patch

import "vitalwire/fhir"

// StaleNarrative reports whether the patched resource has the narrative of the
// one before although its data changed. R4 http §3.1.0.7: the server shall ensure
// that the narrative is not clinically unsafe after a PATCH; it may refuse the
// patch, or take away a narrative that was generated.
func StaleNarrative(was, now *fhir.Resource) bool {
	text := now.Get("text")
	if text == nil || !text.Equal(was.Get("text")) {
		return false
	}
	return !equal(data(was), data(now))
}

// data is the resource without what a narrative does not tell.
func data(r *fhir.Resource) *fhir.Element {
	var members []fhir.Member
	for _, m := range r.Root().Members() {
		switch m.Name {
		case "id", "meta", "text", "implicitRules", "_implicitRules", "language", "_language":
		default:
			members = append(members, m)
		}
	}
	return fhir.NewObject(members...)
}
