package term

import (
	"strconv"
	"strings"
	"time"

	"vitalwire/fhir"
)

// R4 has no properties in an expansion; these are the extensions that R5's are
// in R4 (R5 versions §2.1.0.3: extensions for converting between versions).
const (
	propertiesR4 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.property"
	propertyR4   = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.contains.property"
)

// result is the ValueSet with the expansion and, unless asked for, without its
// definition.
func (x *expansion) result() *fhir.Resource {
	contains := x.page()
	for _, hit := range x.rulesHit {
		name, canonical, _ := strings.Cut(hit, "=")
		if canonical != x.name {
			x.note(name, "Uri", canonical)
		}
	}
	for _, name := range x.supplied {
		x.note("used-supplement", "Uri", name)
	}
	e := fhir.NewObject()
	ext := fhir.NewArray()
	if x.unclosed {
		ext.Append(fhir.NewObject(fhir.S("url", "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"),
			fhir.M("valueBoolean", fhir.NewBool(true))))
		for _, why := range x.reasons {
			ext.Append(fhir.NewObject(fhir.S("url", "http://hl7.org/fhir/StructureDefinition/valueset-unclosed-reason"),
				fhir.S("valueString", why)))
		}
	}
	for _, p := range x.declared {
		parts := fhir.NewArray(fhir.NewObject(fhir.S("url", "code"), fhir.S("valueCode", p.code)))
		if p.value != nil {
			parts.Append(fhir.NewObject(fhir.S("url", "uri"), fhir.M("valueUri", p.value)))
		}
		ext.Append(fhir.NewObject(fhir.S("url", propertiesR4), fhir.M("extension", parts)))
	}
	if ext.Len() > 0 {
		e.Set("extension", ext)
	}
	e.Set("identifier", fhir.NewString(newUUID()))
	e.Set("timestamp", fhir.NewString(x.svc.now().UTC().Format(time.RFC3339)))
	e.Set("total", fhir.NewNumber(strconv.Itoa(len(x.list))))
	if x.offset >= 0 {
		e.Set("offset", fhir.NewNumber(strconv.Itoa(x.offset)))
	}
	if len(x.parameters) > 0 {
		e.Set("parameter", fhir.NewArray(x.parameters...))
	}
	if contains.Len() > 0 {
		e.Set("contains", contains)
	}
	return x.resource(e)
}

// page is the part of the codes that was asked for. Paging is over the flat list
// (R4 valueset-operation-expand: hierarchical expansions are not paged).
func (x *expansion) page() *fhir.Element {
	list, nested := x.list, false
	if !x.flat && (x.count < 0 || x.count > len(list)) {
		list, nested = x.roots, true
	}
	from := min(max(x.offset, 0), len(list))
	to := len(list)
	if x.count >= 0 {
		to = min(from+x.count, to)
	}
	out := fhir.NewArray()
	for _, n := range list[from:to] {
		out.Append(x.contains(n, nested))
	}
	return out
}

func (x *expansion) contains(n *entry, nested bool) *fhir.Element {
	x.fill(n)
	e := fhir.NewObject()
	ext := fhir.NewArray(n.extensions...)
	for _, p := range n.properties {
		ext.Append(fhir.NewObject(fhir.S("url", propertyR4), fhir.M("extension", fhir.NewArray(
			fhir.NewObject(fhir.S("url", "code"), fhir.S("valueCode", p.code)),
			fhir.NewObject(fhir.S("url", "value"), fhir.M(p.name, p.value))))))
	}
	if ext.Len() > 0 {
		e.Set("extension", ext)
	}
	if n.system != "" {
		e.Set("system", fhir.NewString(n.system))
	}
	if n.abstract {
		e.Set("abstract", fhir.NewBool(true))
	}
	if n.inactive {
		e.Set("inactive", fhir.NewBool(true))
	}
	if x.byVersion && n.version != "" {
		e.Set("version", fhir.NewString(n.version))
	}
	e.Set("code", fhir.NewString(n.code))
	if n.display != "" {
		e.Set("display", fhir.NewString(n.display))
	}
	if len(n.designations) > 0 {
		e.Set("designation", fhir.NewArray(n.designations...))
	}
	if nested && len(n.children) > 0 {
		children := fhir.NewArray()
		for _, c := range n.children {
			children.Append(x.contains(c, true))
		}
		e.Set("contains", children)
	}
	return e
}

// resource is the value set around the expansion.
func (x *expansion) resource(e *fhir.Element) *fhir.Resource {
	r := fhir.NewResource("ValueSet")
	for _, m := range x.source.Root().Members() {
		switch m.Name {
		case "resourceType", "expansion", "text":
			continue
		case "purpose", "compose", "description", "contact", "copyright", "publisher", "extension", "contained",
			"useContext", "jurisdiction", "identifier":
			if !x.includeDefinition.value {
				continue
			}
		}
		r.Root().Set(m.Name, m.Value)
	}
	r.Root().Set("expansion", e)
	return r
}
