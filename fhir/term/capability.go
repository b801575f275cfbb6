package term

import "vitalwire/fhir"

// expansionParameters are the parameters of $expand that have an effect.
var expansionParameters = []string{
	"activeOnly", "check-system-version", "check-valueset-version", "count", "default-valueset-version", "designation",
	"displayLanguage", "excludeNested", "excludeNotForUI", "filter", "force-system-version", "force-valueset-version",
	"includeDefinition", "includeDesignations", "offset", "property", "system-version", "tx-resource", "useSupplement",
	"valueSetVersion",
}

// Capabilities is the TerminologyCapabilities of the service (R4
// terminologycapabilities): what every server says, for the caller to fill in
// version and date.
func (s *Service) Capabilities(version, date string) *fhir.Resource {
	parameters := fhir.NewArray()
	for _, name := range expansionParameters {
		parameters.Append(fhir.NewObject(fhir.S("name", name)))
	}
	r := fhir.NewResource("TerminologyCapabilities")
	root := r.Root()
	root.Set("version", fhir.NewString(version))
	root.Set("name", fhir.NewString("VitalwireTerminology"))
	root.Set("title", fhir.NewString("Vitalwire terminology service"))
	root.Set("status", fhir.NewString("active"))
	root.Set("date", fhir.NewString(date))
	root.Set("kind", fhir.NewString("instance"))
	root.Set("codeSearch", fhir.NewString("all"))
	root.Set("expansion", fhir.NewObject(
		fhir.M("hierarchical", fhir.NewBool(true)), fhir.M("paging", fhir.NewBool(true)), fhir.M("parameter", parameters),
		fhir.S("textFilter", "Every word must be part of the code, the display or a designation.")))
	root.Set("validateCode", fhir.NewObject(fhir.M("translations", fhir.NewBool(true))))
	return r
}
