package path

// Corrected is what an invariant of R4 (4.0.1) was meant to say, for the few that
// were published wrong: taken literally they refuse resources that are right,
// HL7's own examples among them, because an absent element makes their condition
// empty. HL7's validator corrects the same ones. Any other text comes back as it is.
func Corrected(invariant string) string {
	switch invariant {
	case "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))": // ref-1
		return "reference.exists() implies (reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids')) or (reference = '#' and %rootResource != %resource))"
	case "fullUrl.contains('/_history/').not()": // bdl-8
		return "fullUrl.exists() implies fullUrl.contains('/_history/').not()"
	case "probability is decimal implies (probability as decimal) <= 100": // ras-2
		return "probability.empty() or ((probability is decimal) implies ((probability as decimal) <= 100))"
	case "enableWhen.count() > 2 implies enableBehavior.exists()": // que-12
		return "enableWhen.count() >= 2 implies enableBehavior.exists()"
	case "operator = 'exists' implies (answer is Boolean)": // que-7: Boolean is the System type
		return "operator = 'exists' implies (answer is boolean)"
	}
	return invariant
}
