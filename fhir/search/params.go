package search

import "slices"

// params lists the search parameters served, by resource type. Definitions are
// those of R4; paths stand for their expressions.
var params = table(
	Param{Resource: "Patient", Code: "identifier", Type: Token, Definition: sp + "Patient-identifier", paths: []string{"identifier"}},

	Param{Resource: "Device", Code: "identifier", Type: Token, Definition: sp + "Device-identifier", paths: []string{"identifier"}},
	Param{Resource: "Device", Code: "patient", Type: ReferenceType, Targets: []string{"Patient"}, Definition: sp + "Device-patient", paths: []string{"patient"}},
	Param{Resource: "Device", Code: "status", Type: Token, Definition: sp + "Device-status", paths: []string{"status"}, system: "http://hl7.org/fhir/device-status"},
	Param{Resource: "Device", Code: "type", Type: Token, Definition: sp + "Device-type", paths: []string{"type"}},

	Param{Resource: "Observation", Code: "identifier", Type: Token, Definition: sp + "clinical-identifier", paths: []string{"identifier"}},
	Param{Resource: "Observation", Code: "patient", Type: ReferenceType, Targets: []string{"Patient"}, Definition: sp + "clinical-patient", paths: []string{"subject"}, patientOnly: true},
	Param{Resource: "Observation", Code: "subject", Type: ReferenceType, Targets: []string{"Group", "Device", "Patient", "Location"}, Definition: sp + "Observation-subject", paths: []string{"subject"}},
	Param{Resource: "Observation", Code: "device", Type: ReferenceType, Targets: []string{"Device", "DeviceMetric"}, Definition: sp + "Observation-device", paths: []string{"device"}},
	Param{Resource: "Observation", Code: "code", Type: Token, Definition: sp + "clinical-code", paths: []string{"code"}},
	Param{Resource: "Observation", Code: "category", Type: Token, Definition: sp + "Observation-category", paths: []string{"category"}},
	Param{Resource: "Observation", Code: "date", Type: Date, Definition: sp + "clinical-date", paths: []string{"effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming"}},
	Param{Resource: "Observation", Code: "status", Type: Token, Definition: sp + "Observation-status", paths: []string{"status"}, system: "http://hl7.org/fhir/observation-status"},

	canonicalURL("CodeSystem"), canonicalURL("ConceptMap"), canonicalURL("StructureDefinition"), canonicalURL("ValueSet"),

	Param{Resource: "Provenance", Code: "target", Type: ReferenceType, Definition: sp + "Provenance-target", paths: []string{"target"}},
	Param{Resource: "Provenance", Code: "entity", Type: ReferenceType, Definition: sp + "Provenance-entity", paths: []string{"entity.what"}},
)

// canonicalURL is the url parameter of a definition.
func canonicalURL(resource string) Param {
	return Param{Resource: resource, Code: "url", Type: Token, uri: true, Definition: sp + "conformance-url", paths: []string{"url"}}
}

const sp = "http://hl7.org/fhir/SearchParameter/"

// Lookup finds the parameter of a resource type; nil when there is none. _id and
// _lastUpdated exist for every type.
func Lookup(typ, code string) *Param {
	for _, p := range params[typ] {
		if p.Code == code {
			return p
		}
	}
	switch code {
	case "_id":
		return idParam
	case "_lastUpdated":
		return lastUpdatedParam
	}
	return nil
}

// Params lists the parameters of a resource type by code, those of every type first.
func Params(typ string) []*Param {
	return append([]*Param{idParam, lastUpdatedParam}, params[typ]...)
}

var (
	idParam          = &Param{Resource: "Resource", Code: "_id", Type: ID, Definition: sp + "Resource-id"}
	lastUpdatedParam = &Param{Resource: "Resource", Code: "_lastUpdated", Type: LastUpdated, Definition: sp + "Resource-lastUpdated"}
)

func table(list ...Param) map[string][]*Param {
	byType := map[string][]*Param{}
	for i := range list {
		byType[list[i].Resource] = append(byType[list[i].Resource], &list[i])
	}
	for _, of := range byType {
		slices.SortFunc(of, func(a, b *Param) int {
			if a.Code < b.Code {
				return -1
			}
			return 1
		})
	}
	return byType
}
