package validate

import (
	"fmt"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
)

// conformance checks what R4 says in words of the resources that define others.
func (r *run) conformance(typ string, el *fhir.Element) {
	if url := el.Get("url"); url.Is(fhir.String) && !absolute(url.Text()) {
		r.errBelow(fhir.CodeInvalid, ".url", "the canonical URL of a definition is absolute (R4 references §2.3.0.3)")
	}
	switch typ {
	case "ValueSet":
		r.valueSet(el)
	case "CodeSystem":
		r.codeSystem(el)
	case "SearchParameter":
		r.searchParameter(el)
	case "StructureDefinition":
		r.structureDefinition(el)
	}
}

// valueSet checks compose: systems are absolute URIs, filters can be read.
func (r *run) valueSet(el *fhir.Element) {
	params := make(map[string]bool)
	for _, x := range el.Get("extension").Items() {
		if strings.HasSuffix(x.Get("url").Text(), "/valueset-parameter") {
			name := extensionNamed(x, "name")
			params[name.Text()] = true
		}
	}
	for _, part := range [...]string{"include", "exclude"} {
		list := el.Get("compose").Get(part)
		for i := range list.Len() {
			at := fmt.Sprintf(".compose.%s[%d]", part, i)
			system := list.At(i).Get("system").Text()
			if system != "" && !absolute(system) {
				r.errBelow(fhir.CodeInvalid, at, "the system of a ValueSet is the absolute URI of a code system, of a contained one too")
			}
			filters := list.At(i).Get("filter")
			for j := range filters.Len() {
				r.filter(system, filters.At(j), params, fmt.Sprintf("%s.filter[%d]", at, j))
			}
			concepts := list.At(i).Get("concept")
			for j := range concepts.Len() {
				c := Coding{System: system, Version: list.At(i).Get("version").Text(), Code: concepts.At(j).Get("code").Text()}
				if c.Code != "" && r.inSystem(c).Membership == NotMember {
					r.errBelow(fhir.CodeBusinessRule, fmt.Sprintf("%s.concept[%d]", at, j), "the code %s is not in the code system %s", clip(c.Code), clip(system))
				}
			}
		}
	}
}

// extensionNamed is the value of the extension with exactly that url.
func extensionNamed(el *fhir.Element, url string) *fhir.Element {
	list := el.Get("extension")
	for i := range list.Len() {
		if list.At(i).Get("url").Text() == url {
			value, _ := valueOf(list.At(i), "value")
			return value
		}
	}
	return nil
}

func (r *run) filter(system string, filter *fhir.Element, params map[string]bool, at string) {
	property, value := filter.Get("property").Text(), filter.Get("value").Text()
	switch {
	case property == "constraint" && system == "http://snomed.info/sct" && value != "":
		if !looksLikeECL(value) {
			r.errBelow(fhir.CodeInvalid, at, "the value of the filter is no expression of SNOMED CT's ECL")
		}
	case value != "":
		if res, ok := r.v.src.CodeSystem(system); ok {
			for _, p := range res.Get("property").Items() {
				if p.Get("code").Text() == property && p.Get("type").Text() == "Coding" && filter.Get("op").Text() == "=" && !strings.Contains(value, "#") {
					r.errBelow(fhir.CodeInvalid, at, "the property %s is a Coding: a filter on it is system#code or system|version#code", clip(property))
				}
			}
		}
	}
	x, _ := extensionOf(filter.Get("_value"), "cqf-expression")
	if x == nil {
		return
	}
	at += ".extension[0].value.ofType(Expression)"
	if language := x.Get("language").Text(); language != "text/fhirpath" {
		r.errBelow(fhir.CodeInvalid, at, "the expression of a ValueSet is text/fhirpath, not %s", clip(language))
		return
	}
	text := x.Get("expression").Text()
	if _, err := path.Compile(text); err != nil {
		if kind, ok := path.KindOf(err); ok && kind == path.Syntax {
			r.errBelow(fhir.CodeException, at, "the expression is no FHIRPath: %s", err)
		}
		return
	}
	if name, ok := strings.CutPrefix(text, "%"); ok && len(params) > 0 && !params[name] && nameEnd(name) == len(name) {
		r.errBelow(fhir.CodeException, at, "the expression asks for the parameter %q, which the ValueSet does not declare", clip(name))
	}
}

// looksLikeECL tells text that cannot be SNOMED CT ECL: two concepts need an
// operator between them that is allowed there.
func looksLikeECL(s string) bool {
	operand := false // whether a concept or group just ended
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case isDigit(c) || c == '*':
			if operand {
				return false
			}
			operand = true
			for i < len(s) && (isDigit(s[i]) || s[i] == '*') {
				i++
			}
		case c == '|':
			end := strings.IndexByte(s[i+1:], '|')
			if end < 0 {
				return false
			}
			i += end + 2
		case c == '<' || c == '>':
			if operand {
				return false
			}
			i++
		default:
			return true // refinements, filters and operators: more than this reads
		}
	}
	return operand
}

// conceptProperties are the properties that R4 and HL7 terminology define at
// http://hl7.org/fhir/concept-properties, with their types.
var conceptProperties = map[string]string{
	"inactive": "boolean", "status": "code", "effectiveDate": "dateTime", "deprecated": "dateTime", "deprecationDate": "dateTime",
	"retirementDate": "dateTime", "notSelectable": "boolean", "parent": "code", "child": "code", "partOf": "code",
	"synonym": "code", "comment": "string", "itemWeight": "decimal",
}

// codeSystem checks that properties are defined once and used with their type (R4 codesystem §4.8.8).
func (r *run) codeSystem(el *fhir.Element) {
	const standard = "http://hl7.org/fhir/concept-properties#"
	codes, uris := make(map[string]string), make(map[string]bool)
	list := el.Get("property")
	for i := range list.Len() {
		p, at := list.At(i), fmt.Sprintf(".property[%d]", i)
		code, uri, typ := p.Get("code").Text(), p.Get("uri").Text(), p.Get("type").Text()
		if _, twice := codes[code]; twice {
			r.errBelow(fhir.CodeBusinessRule, at, "the property %q is defined already", clip(code))
		} else {
			codes[code] = typ
		}
		if uri != "" && uris[uri] {
			r.errBelow(fhir.CodeBusinessRule, at, "a property with this uri is defined already")
		}
		uris[uri] = true
		name, ok := strings.CutPrefix(uri, standard)
		if !ok {
			continue
		}
		want, known := conceptProperties[name]
		switch {
		case !known:
			r.errBelow(fhir.CodeBusinessRule, at, "HL7 defines no property %q", clip(name))
		case want != typ:
			r.errBelow(fhir.CodeBusinessRule, at, "the property at this uri is of type %s, not %s", want, clip(typ))
		}
		if _, taken := conceptProperties[code]; taken && known && code != name {
			r.errBelow(fhir.CodeBusinessRule, at, "%q is the code of another property of HL7; the one at this uri is %q", clip(code), name)
		}
	}
	r.concepts(el, codes, "", 0)
}

func (r *run) concepts(el *fhir.Element, properties map[string]string, at string, depth int) {
	list := el.Get("concept")
	for i := range list.Len() {
		if !r.step() || depth > fhir.MaxDepth {
			return
		}
		uses := list.At(i).Get("property")
		for j := range uses.Len() {
			code := uses.At(j).Get("code").Text()
			_, typ := valueOf(uses.At(j), "value")
			want, defined := properties[code]
			place := fmt.Sprintf("%s.concept[%d].property[%d]", at, i, j)
			switch {
			case !defined && conceptProperties[code] == "" && code != "":
				r.issueAt(fhir.Warning, fhir.CodeBusinessRule, place, "the property %q is not defined in this code system", clip(code))
			case defined && typ != "" && typ != want && !(want == "code" && typ == "string"):
				r.errBelow(fhir.CodeBusinessRule, place, "the property %q is of type %s, not %s", clip(code), clip(want), typ)
			}
		}
		if list.At(i).Get("concept") != nil {
			r.concepts(list.At(i), properties, fmt.Sprintf("%s.concept[%d]", at, i), depth+1)
		}
	}
}

// searchParameter checks its expression, components and derivation (R4 searchparameter §3.1.4).
func (r *run) searchParameter(el *fhir.Element) {
	if el.Get("type").Text() == "composite" && el.Get("component").Len() < 2 {
		r.err(fhir.CodeBusinessRule, "a composite SearchParameter has two components or more")
	}
	if text := el.Get("expression").Text(); text != "" {
		if _, err := path.Compile(text); err != nil {
			r.errBelow(fhir.CodeInvalid, ".expression", "the expression is no FHIRPath: %s", err)
		} else if !rootsFit(text, el.Get("base")) {
			r.errBelow(fhir.CodeInvalid, ".expression", "the expression begins at a type that is not among the bases")
		}
	}
	derived := el.Get("derivedFrom").Text()
	if derived == "" {
		return
	}
	if parent, ok := r.v.src.Find("SearchParameter", derived); ok {
		for _, base := range el.Get("base").Items() {
			if !hasText(parent.Get("base"), base.Text()) && !hasText(parent.Get("base"), "Resource") && !hasText(parent.Get("base"), "DomainResource") {
				r.err(fhir.CodeBusinessRule, "%s is no base of the SearchParameter that this one is derived from", clip(base.Text()))
			}
		}
	}
}

func hasText(list *fhir.Element, text string) bool {
	for i := range list.Len() {
		if list.At(i).Text() == text {
			return true
		}
	}
	return false
}

// rootsFit reports whether an alternative of a search expression begins at one of
// the bases or at no type at all.
func rootsFit(text string, bases *fhir.Element) bool {
	for _, part := range strings.Split(text, "|") {
		part = strings.TrimLeft(part, " (\n\t")
		root := part[:nameEnd(part)]
		if !fhir.IsResourceType(root) || hasText(bases, root) || hasText(bases, "Resource") || hasText(bases, "DomainResource") {
			return true
		}
	}
	return false
}

// structureDefinition checks the differential of a profile against what it
// constrains: paths exist, nothing is sliced at the root, bindings stand on what
// can be bound.
func (r *run) structureDefinition(el *fhir.Element) {
	list := el.Get("differential").Get("element")
	if list.At(0).Get("slicing") != nil && !strings.Contains(list.At(0).Get("path").Text(), ".") && el.Get("derivation").Text() == "constraint" {
		r.errBelow(fhir.CodeInvalid, ".differential.element[0]", "a profile cannot slice its root")
		r.err(fhir.CodeException, "no snapshot can be made: the root is sliced")
		return
	}
	base, err := r.v.src.Structure(el.Get("type").Text())
	if err != nil || el.Get("derivation").Text() != "constraint" || base.Kind == definition.Logical {
		return
	}
	parent, err := r.v.src.Structure(el.Get("baseDefinition").Text())
	for i := range list.Len() {
		r.differential(base, list.At(i), fmt.Sprintf(".differential.element[%d]", i))
		if err == nil {
			r.fixedAgain(parent, list.At(i))
		}
	}
}

// fixedAgain demands that a profile does not change a value that the one it
// derives from fixes.
func (r *run) fixedAgain(parent *definition.Structure, e *fhir.Element) {
	if e.Get("sliceName") != nil {
		return
	}
	value, _ := valueOf(e, "fixed")
	was := parent.ByPath(e.Get("path").Text())
	if value == nil || was == nil || !was.Fixed.Present() || fits(was.Fixed.Element, value, true) {
		return
	}
	r.report(fhir.ErrorLevel, fhir.CodeInvalid, clip(e.Get("path").Text()), "%s fixes another value here, which a profile of it cannot change%s", parent.Canonical(), example(was.Fixed.Element))
}

func (r *run) differential(base *definition.Structure, e *fhir.Element, at string) {
	types := e.Get("type")
	for j := range types.Len() {
		code := types.At(j).Get("code").Text()
		profiles := types.At(j).Get("profile")
		for k := range profiles.Len() {
			s, err := r.v.src.Structure(profiles.At(k).Text())
			if err == nil && fhir.ValidType(code) && s.Kind != definition.Resource && s.Type != code && code != "Element" && code != "BackboneElement" {
				r.errBelow(fhir.CodeException, fmt.Sprintf("%s.type[%d].profile[%d]", at, j, k), "the profile is for %s, and the type here is %s", clip(s.Type), clip(code))
			}
		}
	}
	found, typ := r.pathIn(base, e.Get("path").Text())
	if found == nil {
		r.err(fhir.CodeException, "no snapshot can be made: %s has no element at the path %q", base.Type, clip(e.Get("path").Text()))
		return
	}
	if types.Len() == 1 {
		typ = types.At(0).Get("code").Text()
	}
	for j, d := range e.Get("slicing").Get("discriminator").Items() {
		if text := d.Get("path").Text(); !r.discriminates(found, text) {
			r.errBelow(fhir.CodeInvalid, fmt.Sprintf("%s.slicing.discriminator[%d]", at, j), "the path %q of the discriminator leads to nothing in %s", clip(text), clip(e.Get("path").Text()))
		}
		switch d.Get("type").Text() {
		case "", "value", "exists", "pattern", "type", "profile":
		default:
			r.err(fhir.CodeException, "no snapshot can be made: %q is no type of discriminator", clip(d.Get("type").Text()))
		}
	}
	if e.Get("binding") != nil && typ != "" && primitiveOf(typ) != notPrimitive && !bindable(typ) {
		r.errBelow(fhir.CodeBusinessRule, at, "a %s cannot be bound to a value set", typ)
	}
}

func bindable(typ string) bool {
	switch typ {
	case "code", "string", "uri", "url", "canonical", "id", "markdown":
		return true
	}
	return false
}

// discriminates reports whether a discriminator's path (R4 profiling §5.1.0.10)
// leads from an element to one that its types have. What cannot be told from the
// types alone, as behind resolve(), is taken to.
func (r *run) discriminates(at *definition.Element, path string) bool {
	steps, ok := parseSteps(path)
	if !ok || len(steps) > 32 {
		return true
	}
	for _, st := range steps {
		if st.kind != stepName || len(at.Types) == 0 && len(at.Children) == 0 {
			return true
		}
		if at = r.childNamed(at, st.name); at == nil {
			return false
		}
	}
	return true
}

// pathIn follows a path through a type and the types of its elements, to nil
// where there is no such element; typ is its type where it has only one.
func (r *run) pathIn(base *definition.Structure, text string) (at *definition.Element, typ string) {
	parts := strings.Split(text, ".")
	if parts[0] != base.Type {
		return nil, ""
	}
	at = base.Root()
	if len(parts) > 32 {
		return at, ""
	}
	for _, part := range parts[1:] {
		name := strings.TrimSuffix(part, "[x]")
		child := r.childNamed(at, name)
		if child == nil {
			return nil, ""
		}
		at = child
	}
	if len(at.Types) == 1 {
		typ = at.Types[0].Code
	}
	return at, typ
}

func (r *run) childNamed(at *definition.Element, name string) *definition.Element {
	pick := func(owner *definition.Element) *definition.Element {
		for _, c := range owner.Children {
			if c.Name == name {
				return c
			}
		}
		c, _ := owner.Child(name)
		return c
	}
	if c := pick(at); c != nil {
		return c
	}
	for i := range at.Types {
		if at.Types[i].Code == "Resource" {
			return &definition.Element{Name: name, Types: at.Types}
		}
		if s, err := r.v.src.Structure(at.Types[i].Code); err == nil {
			if c := pick(s.Root()); c != nil {
				return c
			}
		}
	}
	return nil
}
