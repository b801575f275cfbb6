package operation

import (
	_ "embed"
	"fmt"

	"vitalwire/fhir"
	"vitalwire/server/knowledge"
)

// owned are the OperationDefinitions of operations that R4 does not define, as a
// Bundle: of HRex its parameters, of ours everything.
//
//go:embed definitions.json
var owned []byte

// definition finds an OperationDefinition: of R4, a loaded package, or ours.
func definition(k *knowledge.Base, canonical string) (*fhir.Resource, error) {
	if d, ok := k.Set().Find("OperationDefinition", canonical); ok {
		return d, nil
	}
	bundle, err := fhir.ParseResource(owned)
	if err != nil {
		return nil, err
	}
	for _, entry := range bundle.Get("entry").Items() {
		if entry.Path("resource", "url").Text() == canonical {
			return fhir.AsResource(entry.Get("resource"))
		}
	}
	return nil, fmt.Errorf("operation: %s is not defined", canonical)
}
