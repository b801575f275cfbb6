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
	s.Set("description", fhir.NewString("An access token is asked for (SMART App Launch 2.2). What it does not reach is as if it never was: 404. A token that reaches a part of a type, or is bound by Consents, "+
		"cannot create by PUT, since an id that is hidden must be like one that nobody has: it creates by POST, with If-None-Exist to do so once."))
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
