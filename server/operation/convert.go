package operation

import (
	"context"

	"vitalwire/fhir"
)

// convert is $convert (R4 resource-operation-convert): the resource as it came,
// written in the format that Accept or _format asks for.
var convert = Operation{
	Definition: "http://hl7.org/fhir/OperationDefinition/Resource-convert", Needs: anyone,
	Body: "input",
	Run: func(_ context.Context, _ *Set, c Call) (Result, error) {
		return answer(fhir.AsResource(c.named("input")))
	},
}

// versions is $versions (R4 capabilitystatement-operation-versions): the FHIR
// releases that the fhirVersion parameter of a media type may name.
var versions = Operation{
	Definition: "http://hl7.org/fhir/OperationDefinition/CapabilityStatement-versions", Needs: anyone,
	Run: func(context.Context, *Set, Call) (Result, error) {
		r := fhir.NewResource("Parameters")
		r.Root().Set("parameter", fhir.NewArray(
			fhir.NewObject(fhir.S("name", "version"), fhir.S("valueCode", release)),
			fhir.NewObject(fhir.S("name", "default"), fhir.S("valueCode", release))))
		return answer(r, nil)
	},
}

// release is R4 as the fhirVersion parameter names it (R4 http §3.1.0.1.14).
const release = "4.0"
