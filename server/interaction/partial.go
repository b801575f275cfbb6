package interaction

import (
	"strings"

	"vitalwire/fhir"
)

// observationValue is the code system of what was done to the information in a resource
// (v3-ObservationValue), by its names of R4 and of STU3.
var observationValue = []string{"http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "http://hl7.org/fhir/v3/ObservationValue"}

// whole refuses a resource that says that parts of it were left out: as an update it
// would delete them (R4 resource §2.26.3.4, SUBSETTED; DS4P, MASKED and REDACTED).
func whole(r *fhir.Resource) error {
	if at, code := partial(r); at != "" {
		return fhir.Unprocessable(r.Type()+"."+at,
			"the resource is marked %s: parts of it were left out when it was read, and an update would delete them; read it whole and change that", code)
	}
	return nil
}

// partial is where a resource says that parts of it were left out, and how; "" when it
// does not.
func partial(r *fhir.Resource) (at, code string) {
	for _, name := range []string{"tag", "security"} {
		for _, label := range r.Path("meta", name).Items() {
			switch code := label.Get("code").Text(); code {
			case "SUBSETTED", "MASKED", "REDACTED":
				for _, system := range observationValue {
					if strings.TrimSpace(label.Get("system").Text()) == system {
						return "meta." + name, code
					}
				}
			}
		}
	}
	return "", ""
}
