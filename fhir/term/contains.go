package term

import (
	"slices"

	"vitalwire/fhir"
)

// The well-known properties of an expansion's codes.
const (
	labelExtension       = "http://hl7.org/fhir/StructureDefinition/codesystem-label"
	orderExtension       = "http://hl7.org/fhir/StructureDefinition/codesystem-conceptOrder"
	weightExtension      = "http://hl7.org/fhir/StructureDefinition/itemWeight"
	vsLabelExtension     = "http://hl7.org/fhir/StructureDefinition/valueset-label"
	vsOrderExtension     = "http://hl7.org/fhir/StructureDefinition/valueset-conceptOrder"
	deprecatedExtension  = "http://hl7.org/fhir/StructureDefinition/valueset-deprecated"
	definitionExtension  = "http://hl7.org/fhir/StructureDefinition/valueset-concept-definition"
	supplementExtension  = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"
	descriptionExtension = "http://hl7.org/fhir/StructureDefinition/coding-sctdescid"
	styleExtension       = "http://hl7.org/fhir/StructureDefinition/rendering-style"
	xhtmlExtension       = "http://hl7.org/fhir/StructureDefinition/rendering-xhtml"
	alternateExtension   = "http://hl7.org/fhir/StructureDefinition/codesystem-alternate"
)

// code puts a concept of a system into the expansion, unless something keeps it
// out; then the entry is nil. listed is the concept of the include's list.
func (x *expansion) code(v *view, at int32, listed *fhir.Element, parent *entry, imported []*expansion) (*entry, error) {
	c := &v.concepts[at]
	if x.inactive && c.inactive || x.left(v.url, v.version, c.code) || !inAll(imported, v.url, c.code) {
		return nil, nil
	}
	if len(x.words) > 0 && !x.wordsIn(c.code, c.display, x.textsFor(v, at, listed)) {
		return nil, nil
	}
	if err := x.full(); err != nil {
		return nil, err
	}
	n := &entry{system: v.url, version: v.version, code: c.code, abstract: c.abstract, inactive: c.inactive,
		owner: x, view: v, at: at, listed: listed}
	if !x.add(n, parent) {
		return nil, nil
	}
	return n, nil
}

// textsFor are the texts of a concept in this value set. A display given there
// stands over the code system's (R4 ValueSet.compose.include.concept.display).
func (x *expansion) textsFor(v *view, at int32, listed *fhir.Element) designations {
	texts := v.designations(at)
	if listed == nil {
		return texts
	}
	if d := text(listed, "display"); d != "" {
		own := designation{value: d, main: true}
		if t, ok := parseTag(text(x.source.Root(), "language")); ok {
			own.lang = &t
		}
		texts = slices.Insert(texts, 0, own)
	}
	return texts.read(listed, nil)
}

// fill describes an entry that is to be shown: of a page of a large value set
// few are.
func (x *expansion) fill(n *entry) {
	owner := n.owner
	if owner == nil {
		return
	}
	n.owner = nil
	owner.describe(n)
	if owner == x {
		return
	}
	x.declareFrom(owner, n)
	for _, name := range owner.supplied {
		x.supply(name)
	}
}

// describe fills in the texts, properties and extensions of a code.
func (x *expansion) describe(n *entry) {
	v, c, listed := n.view, &n.view.concepts[n.at], n.listed
	texts := x.textsFor(v, n.at, listed)
	exts := slices.Clone(c.element.Get("extension").Items())
	v.supplementsOf(c.code, func(s *system, more *concept) {
		exts = append(exts, more.element.Get("extension").Items()...)
		if len(more.element.Get("extension").Items()) > 0 {
			x.supply(s.canonical())
		}
	})
	switch {
	case c.status != "" && c.status != "active":
		x.property(n, conceptProperties+"status", "status", "valueCode", fhir.NewString(c.status))
	case c.deprecated:
		x.property(n, conceptProperties+"status", "status", "valueCode", fhir.NewString("deprecated"))
	}
	for _, e := range exts {
		switch url := text(e, "url"); url {
		case labelExtension:
			x.property(n, conceptProperties+"label", "label", "valueString", value(e))
		case orderExtension:
			x.property(n, conceptProperties+"order", "order", "valueDecimal", value(e))
		case weightExtension:
			x.property(n, conceptProperties+"itemWeight", "weight", "valueDecimal", value(e))
		case descriptionExtension, styleExtension, xhtmlExtension, alternateExtension:
			n.extensions = append(n.extensions, e)
		}
	}
	for _, e := range listed.Get("extension").Items() {
		switch url := text(e, "url"); url {
		case vsLabelExtension:
			x.property(n, conceptProperties+"label", "label", "valueString", value(e))
		case vsOrderExtension:
			x.property(n, conceptProperties+"order", "order", "valueDecimal", value(e))
		case weightExtension:
			x.property(n, conceptProperties+"itemWeight", "weight", "valueDecimal", value(e))
		case supplementExtension, deprecatedExtension, standardsStatus, definitionExtension,
			descriptionExtension, styleExtension, xhtmlExtension:
			n.extensions = append(n.extensions, e)
		}
	}
	shown := texts.preferred(x.langs)
	if shown != nil {
		n.display = shown.value
		x.supplyBy(shown)
	}
	if x.includeDesignations.value {
		for i := range texts {
			d := &texts[i]
			if d != shown && x.wantsDesignation(d) {
				n.designations = append(n.designations, d.element())
				x.supplyBy(d)
			}
		}
	}
	if len(x.properties) > 0 {
		x.asked(n, v, c)
	}
}

// wantsDesignation applies the designation parameters: a use as system|code, or
// a language as urn:ietf:bcp:47|code.
func (x *expansion) wantsDesignation(d *designation) bool {
	wanted := x.session.designations
	if len(wanted) == 0 {
		return true
	}
	return slices.ContainsFunc(wanted, func(w string) bool {
		system, code := splitCanonical(w)
		use := d.useElement()
		return use != nil && text(use, "system") == system && text(use, "code") == code ||
			d.lang != nil && system == languageSystem && d.lang.code == code
	})
}

// asked adds the properties the request names.
func (x *expansion) asked(n *entry, v *view, c *concept) {
	add := func(s *system, e *fhir.Element) {
		for _, p := range e.Get("property").Items() {
			code := text(p, "code")
			if !x.wantsProperty(code) || code == "definition" {
				continue
			}
			uri := text(s.property(code), "uri")
			name, val := member(p)
			x.repeatable(n, uri, code, name, val)
			if s != v.system {
				x.supply(s.canonical())
			}
		}
	}
	if x.wantsProperty("definition") && c.definition != "" {
		x.property(n, conceptProperties+"definition", "definition", "valueString", fhir.NewString(c.definition))
	}
	add(v.system, c.element)
	v.supplementsOf(c.code, func(s *system, more *concept) { add(s, more.element) })
}

// member is the name and value of value[x].
func member(e *fhir.Element) (string, *fhir.Element) {
	for _, m := range e.Members() {
		if len(m.Name) > 5 && m.Name[:5] == "value" {
			return m.Name, m.Value
		}
	}
	return "", nil
}

// declare notes a property of the expansion and gives its code.
func (x *expansion) declare(uri, code string) string {
	for i := range x.declared {
		d := &x.declared[i]
		if d.code == code || uri != "" && d.value.Text() == uri {
			return d.code
		}
	}
	p := property{code: code}
	if uri != "" {
		p.value = fhir.NewString(uri)
	}
	x.declared = append(x.declared, p)
	return code
}

// property sets a property that a code has once.
func (x *expansion) property(n *entry, uri, code, name string, val *fhir.Element) {
	if val == nil {
		return
	}
	code = x.declare(uri, code)
	for i := range n.properties {
		if n.properties[i].code == code {
			n.properties[i] = property{code, name, val}
			return
		}
	}
	n.properties = append(n.properties, property{code, name, val})
}

func (x *expansion) repeatable(n *entry, uri, code, name string, val *fhir.Element) {
	if val == nil {
		return
	}
	p := property{x.declare(uri, code), name, val}
	for _, have := range n.properties {
		if have.code == p.code && have.name == name && have.value.Equal(val) {
			return
		}
	}
	n.properties = append(n.properties, p)
}

// declareFrom takes over the declarations of an imported code's properties.
func (x *expansion) declareFrom(inner *expansion, n *entry) {
	for _, p := range n.properties {
		for _, d := range inner.declared {
			if d.code == p.code {
				x.declare(d.value.Text(), d.code)
			}
		}
	}
}

func (x *expansion) supplyBy(d *designation) {
	if d.source != nil {
		x.supply(d.source.canonical())
	}
}

func (x *expansion) supply(name string) {
	if !slices.Contains(x.supplied, name) {
		x.supplied = append(x.supplied, name)
	}
}
