package validate

import (
	"strconv"

	"vitalwire/fhir"
)

func itoa(i int) string { return strconv.Itoa(i) }

func fastRule(key, expression string) func(r *run, el *fhir.Element) verdict { return nil }
