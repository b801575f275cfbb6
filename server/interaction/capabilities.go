package interaction

import (
	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// capabilities is the CapabilityStatement of R4 http §3.1.0.9, made from the
// tables that route: what it lists is served, what it does not list is not.
func (e *Engine) capabilities() *fhir.Resource {
	r := fhir.NewResource("CapabilityStatement")
	root := r.Root()
	root.Set("status", fhir.NewString("active"))
	root.Set("date", fhir.NewString(fhir.FormatInstant(e.Started)))
	root.Set("kind", fhir.NewString("instance"))
	root.Set("software", fhir.NewObject(fhir.S("name", "Vitalwire"), fhir.S("version", e.Version)))
	root.Set("implementation", fhir.NewObject(
		fhir.S("description", "Vitalwire, a FHIR R4 server for medical devices"), fhir.S("url", e.Base)))
	root.Set("fhirVersion", fhir.NewString("4.0.1"))
	root.Set("format", fhir.NewArray(fhir.NewString("application/fhir+json"), fhir.NewString("application/fhir+xml"), fhir.NewString("json"), fhir.NewString("xml")))
	root.Set("patchFormat", fhir.NewArray(fhir.NewString(JSONPatchType), fhir.NewString("application/fhir+json"), fhir.NewString("application/fhir+xml")))

	resources := fhir.NewArray()
	for _, typ := range fhir.ResourceTypes() {
		if Served(typ) {
			resources.Append(e.resourceCapabilities(typ))
		}
	}
	rest := fhir.NewObject(fhir.S("mode", "server"), fhir.M("resource", resources),
		fhir.M("interaction", fhir.NewArray(
			fhir.NewObject(fhir.S("code", string(SearchSystem))), fhir.NewObject(fhir.S("code", string(Transaction))), fhir.NewObject(fhir.S("code", string(Batch))),
			fhir.NewObject(fhir.S("code", string(HistorySystem))))))
	e.setOperations(rest, "")
	root.Set("rest", fhir.NewArray(rest))
	return r
}

func (e *Engine) resourceCapabilities(typ string) *fhir.Element {
	interactions := fhir.NewArray()
	for _, name := range []Name{Read, VRead, Update, Patch, Delete, HistoryInstance, HistoryType, Create, SearchType} {
		interactions.Append(fhir.NewObject(fhir.S("code", string(name))))
	}
	c := fhir.NewObject(
		fhir.S("type", typ),
		fhir.S("profile", "http://hl7.org/fhir/StructureDefinition/"+typ),
		fhir.M("interaction", interactions),
		fhir.S("versioning", "versioned-update"),
		fhir.M("readHistory", fhir.NewBool(true)),
		fhir.M("updateCreate", fhir.NewBool(true)),
		fhir.M("conditionalCreate", fhir.NewBool(true)),
		fhir.S("conditionalRead", "full-support"),
		fhir.M("conditionalUpdate", fhir.NewBool(true)),
		fhir.S("conditionalDelete", e.Deletes.code()),
		fhir.M("referencePolicy", e.References.policy()),
	)
	includes, searchParams := fhir.NewArray(), fhir.NewArray()
	for _, p := range e.Search.Params(typ) {
		if p.Type == search.ReferenceType {
			includes.Append(fhir.NewString(typ + ":" + p.Code))
		}
		searchParams.Append(fhir.NewObject(
			fhir.S("name", p.Code), fhir.S("definition", p.Definition), fhir.S("type", p.TypeCode())))
	}
	if includes.Len() > 0 {
		c.Set("searchInclude", includes)
	}
	c.Set("searchParam", searchParams)
	e.setOperations(c, typ)
	return c
}

// setOperations lists the operations of a type, or with "" those of the system.
func (e *Engine) setOperations(c *fhir.Element, typ string) {
	operations := fhir.NewArray()
	for _, o := range e.Operations(typ) {
		operations.Append(fhir.NewObject(fhir.S("name", o.Code), fhir.S("definition", o.Definition)))
	}
	if operations.Len() > 0 {
		c.Set("operation", operations)
	}
}
