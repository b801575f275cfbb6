package interaction

import (
	"net/url"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// describe answers the capabilities interaction: all, what is normative of it, or
// what the terminology service can do (R4 http §3.1.0.9).
func (e *Engine) describe(r Request) (Response, error) {
	values, err := url.ParseQuery(r.Query)
	if err != nil {
		return Response{}, fhir.BadSearch("the query has an invalid percent escape")
	}
	for name := range values {
		if name != "mode" && name != "_format" && name != "_pretty" {
			return Response{}, fhir.BadSearch("parameter %.64q is not known for metadata; known are mode, _format and _pretty", name).WithCode(fhir.CodeNotSupported)
		}
	}
	switch mode := values.Get("mode"); mode {
	case "", "full", "normative":
		if mode == "" {
			mode = "full"
		}
		return Response{Text: e.statement(mode)}, nil
	case "terminology":
		if e.Terminology == nil {
			return Response{}, fhir.BadSearch("there is no terminology service here").WithCode(fhir.CodeNotSupported)
		}
		terms := e.Terminology()
		e.identify(terms.Root())
		return Response{Resource: terms}, nil
	default:
		return Response{}, fhir.BadSearch("mode is full, normative or terminology, not %.32q", mode).WithCode(fhir.CodeValue)
	}
}

// trialUse are the elements of a CapabilityStatement that its definition marks
// as not normative (extension structuredefinition-standards-status), below rest
// and rest.resource.
var trialUse = map[string][]string{
	"":     {"useContext", "imports", "messaging", "document"},
	"rest": {"security"},
	"rest.resource": {"supportedProfile", "versioning", "readHistory", "updateCreate", "conditionalCreate", "conditionalRead", "conditionalUpdate",
		"conditionalDelete", "referencePolicy", "searchInclude", "searchRevInclude"},
}

func dropTrialUse(root *fhir.Element) {
	drop := func(e *fhir.Element, at string) {
		for _, name := range trialUse[at] {
			e.Set(name, nil)
		}
	}
	drop(root, "")
	for _, rest := range root.Get("rest").Items() {
		drop(rest, "rest")
		for _, resource := range rest.Get("resource").Items() {
			drop(resource, "rest.resource")
		}
	}
}

// capabilities is the CapabilityStatement of R4 http §3.1.0.9, made from the
// tables that route: what it lists is served, what it does not list is not.
func (e *Engine) capabilities() *fhir.Resource {
	r := fhir.NewResource("CapabilityStatement")
	root := r.Root()
	root.Set("url", fhir.NewString(e.Base+"/metadata"))
	root.Set("version", fhir.NewString(e.Version))
	root.Set("name", fhir.NewString("Vitalwire"))
	root.Set("title", fhir.NewString("Vitalwire, a FHIR R4 server for medical devices"))
	root.Set("status", fhir.NewString("active"))
	root.Set("date", fhir.NewString(fhir.FormatInstant(e.Started)))
	root.Set("kind", fhir.NewString("instance"))
	e.identify(root)
	root.Set("fhirVersion", fhir.NewString("4.0.1"))
	root.Set("format", fhir.NewArray(fhir.NewString("application/fhir+json"), fhir.NewString("application/fhir+xml"), fhir.NewString("json"), fhir.NewString("xml")))
	root.Set("patchFormat", fhir.NewArray(fhir.NewString(JSONPatchType), fhir.NewString("application/fhir+json"), fhir.NewString("application/fhir+xml")))

	resources := fhir.NewArray()
	pointing := e.pointing()
	for _, typ := range fhir.ResourceTypes() {
		if Served(typ) {
			resources.Append(e.resourceCapabilities(typ, pointing))
		}
	}
	rest := fhir.NewObject(fhir.S("mode", "server"),
		fhir.S("documentation", "Every interaction of R4 http, in JSON and XML. An unknown search parameter is an error unless Prefer: handling=lenient is sent; Prefer: respond-async is heeded by searches, histories, bundles and operations. "+
			"All requests, with those outside FHIR, are described by /openapi.json on this host."),
		fhir.M("security", e.security()),
		fhir.M("resource", resources), fhir.M("interaction", interactions(names(Places("")))))
	var shared []*search.Param
	shared = append(shared, e.Search.Params("Resource")...)
	if len(shared) > 0 {
		rest.Set("searchParam", parametersOf(shared))
	}
	e.setOperations(rest, "")
	compartments := fhir.NewArray()
	for _, c := range []string{"Patient", "Encounter", "RelatedPerson", "Practitioner", "Device"} {
		if slices.ContainsFunc(Places("Observation"), func(p Place) bool { return strings.HasPrefix(p.Path, "{compartment}") }) {
			compartments.Append(fhir.NewString("http://hl7.org/fhir/CompartmentDefinition/" + strings.ToLower(c)))
		}
	}
	if compartments.Len() > 0 {
		rest.Set("compartment", compartments)
	}
	root.Set("rest", fhir.NewArray(rest))
	return r
}

// identify says which software answers, and where.
func (e *Engine) identify(root *fhir.Element) {
	root.Set("software", fhir.NewObject(fhir.S("name", "Vitalwire"), fhir.S("version", e.Version)))
	root.Set("implementation", fhir.NewObject(
		fhir.S("description", "Vitalwire, a FHIR R4 server for medical devices"), fhir.S("url", e.Base)))
}

func interactions(list []Name) *fhir.Element {
	array := fhir.NewArray()
	for _, name := range list {
		array.Append(fhir.NewObject(fhir.S("code", string(name))))
	}
	return array
}

func parametersOf(list []*search.Param) *fhir.Element {
	array := fhir.NewArray()
	for _, p := range list {
		array.Append(fhir.NewObject(fhir.S("name", p.Code), fhir.S("definition", p.Definition), fhir.S("type", p.TypeCode())))
	}
	return array
}

// pointing lists, for each type, the reference parameters of others that can
// point at it: what _revinclude takes.
func (e *Engine) pointing() map[string][]string {
	to := map[string][]string{}
	for _, typ := range fhir.ResourceTypes() {
		if !Served(typ) {
			continue
		}
		for _, p := range e.Search.Params(typ) {
			if p.Type != search.ReferenceType {
				continue
			}
			targets := p.Targets
			if len(targets) == 0 {
				targets = fhir.ResourceTypes()
			}
			for _, target := range targets {
				to[target] = append(to[target], typ+":"+p.Code)
			}
		}
	}
	return to
}

func (e *Engine) resourceCapabilities(typ string, pointing map[string][]string) *fhir.Element {
	places := Places(typ)
	deletes := "not-supported"
	if conditional(places, Delete) {
		deletes = e.Deletes.code()
	}
	c := fhir.NewObject(
		fhir.S("type", typ),
		fhir.S("profile", "http://hl7.org/fhir/StructureDefinition/"+typ),
		fhir.M("interaction", interactions(names(places))),
		fhir.S("versioning", "versioned-update"),
		fhir.M("readHistory", fhir.NewBool(true)),
		fhir.M("updateCreate", fhir.NewBool(true)),
		fhir.M("conditionalCreate", fhir.NewBool(true)),
		fhir.S("conditionalRead", "full-support"),
		fhir.M("conditionalUpdate", fhir.NewBool(conditional(places, Update))),
		fhir.S("conditionalDelete", deletes),
		fhir.M("referencePolicy", e.References.policy()),
	)
	includes := fhir.NewArray()
	for _, p := range e.Search.Params(typ) {
		if p.Type == search.ReferenceType {
			includes.Append(fhir.NewString(typ + ":" + p.Code))
		}
	}
	if includes.Len() > 0 {
		c.Set("searchInclude", includes)
	}
	if list := pointing[typ]; len(list) > 0 {
		c.Set("searchRevInclude", texts(list))
	}
	c.Set("searchParam", parametersOf(e.Search.Params(typ)))
	e.setOperations(c, typ)
	return c
}

func texts(list []string) *fhir.Element {
	array := fhir.NewArray()
	for _, text := range list {
		array.Append(fhir.NewString(text))
	}
	return array
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
