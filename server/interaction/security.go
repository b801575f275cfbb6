package interaction

import "vitalwire/fhir"

// security says who may ask, and where tokens come from (SMART 2.2, conformance;
// the extension is that of SMART 1, which testers still want).
func (e *Engine) security() *fhir.Element {
	s := fhir.NewObject(fhir.M("cors", fhir.NewBool(e.CORS)))
	if !e.Guarded {
		s.Set("description", fhir.NewString("No access token is asked for: the server listens on loopback only."))
		return s
	}
	uri := func(name, path string) *fhir.Element {
		return fhir.NewObject(fhir.S("url", name), fhir.S("valueUri", e.Base+"/auth/"+path))
	}
	s.Set("service", fhir.NewArray(fhir.NewObject(fhir.M("coding", fhir.NewArray(fhir.NewObject(
		fhir.S("system", "http://terminology.hl7.org/CodeSystem/restful-security-service"), fhir.S("code", "SMART-on-FHIR")))))))
	s.Set("extension", fhir.NewArray(fhir.NewObject(
		fhir.S("url", "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"),
		fhir.M("extension", fhir.NewArray(
			uri("authorize", "authorize"), uri("token", "token"), uri("introspect", "introspect"), uri("revoke", "revoke"), uri("manage", "account"))))))
	return s
}
