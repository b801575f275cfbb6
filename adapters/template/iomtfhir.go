package template

import (
	"fmt"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
)

const ucumSystem = "http://unitsofmeasure.org"

// Mapping reads a FHIR mapping template of iomt-fhir, a CollectionFhir or one
// CodeValueFhir alone, into a template made by Content; nil only checks it.
// Errors: *Invalid.
func Mapping(data []byte, into *Template) error {
	top, f, err := open(data, true)
	if err != nil {
		return err
	}
	if !top.object() {
		return f.err()
	}
	if into == nil {
		into = &Template{shapes: map[string]*shape{}}
	}
	switch kind := strings.ToLower(top.get("templateType").needed()); kind {
	case collectionFhir:
		body := top.get("template")
		if !body.present() {
			body.fail("this is required")
		}
		for _, member := range body.items() {
			into.mapping(member)
		}
	case codeValueFhir:
		into.mapping(top)
	case "":
	default:
		top.get("templateType").fail("%q is no FHIR mapping template", top.get("templateType").text())
	}
	return f.err()
}

// mapping reads one CodeValueFhir.
func (t *Template) mapping(n entry) {
	if !n.object() {
		return
	}
	if kind := n.get("templateType").needed(); kind != "" && !strings.EqualFold(kind, codeValueFhir) {
		n.get("templateType").fail("%q is no FHIR mapping template; CodeValueFhir is", kind)
		return
	}
	b := n.get("template")
	if !b.present() || !b.object() {
		b.fail("a template is missing")
		return
	}
	name := b.get("typeName").needed()
	s := &shape{path: b.path, codings: codings(b.get("codes"), true)}
	for _, category := range b.get("category").items() {
		s.category = append(s.category, codings(category.get("codes"), true)...)
	}
	s.interval = interval(b.get("periodInterval"))
	if value := b.get("value"); value.present() {
		v := iomtValue(value)
		s.value = &v
	}
	for _, part := range b.get("components").items() {
		if !part.object() {
			continue
		}
		required(part.get("value"))
		s.parts = append(s.parts, componentShape{codings: codings(part.get("codes"), true), value: iomtValue(part.get("value"))})
	}
	if s.value == nil && len(s.parts) == 0 {
		b.fail("a value or components are missing")
	}
	if t.shapes[name] != nil {
		b.get("typeName").fail("%q is there twice", name)
	}
	t.shapes[name] = s.finished()
}

// finished makes what the measurements of a shape have in common.
func (s *shape) finished() *shape {
	s.shared = &acom.Metric{Codings: s.codings, Category: s.category, Site: s.site, Method: s.method, Activity: s.activity, Therapy: s.therapy, Notes: s.notes}
	s.series = s.sampledOnly()
	return s
}

func (s *shape) sampledOnly() bool {
	for _, v := range s.values() {
		if v.kind != sampled {
			return false
		}
	}
	return true
}

// interval is periodInterval in minutes.
func interval(n entry) int {
	if !n.present() {
		return 0
	}
	for text, minutes := range map[string]int{"-1": -1, "0": 0, "60": 60, "1440": 1440} {
		if n.e.Text() == text {
			return minutes
		}
	}
	n.fail("%s is none of -1, 0, 60, 1440", n.e.Text())
	return 0
}

// codings reads a list of {system, code, display}.
func codings(n entry, needed bool) (list []acom.Coding) {
	items := n.items()
	if len(items) == 0 && needed {
		n.fail("a code is missing")
	}
	for _, c := range items {
		if c.object("system", "code", "display") {
			list = append(list, acom.Coding{System: c.get("system").text(), Code: c.get("code").needed(), Display: c.get("display").text()})
		}
	}
	return list
}

func iomtValue(n entry) valueShape {
	if !n.present() || !n.object() {
		return valueShape{}
	}
	v := valueShape{name: n.get("valueName").needed(), kind: strings.ToLower(n.get("valueType").needed())}
	switch v.kind {
	case sampled:
		v.unit = words2unit("", "", n.get("unit").text())
		period := n.get("defaultPeriod")
		if v.period = period.e.Text(); !period.e.Is(fhir.Number) || !positive(v.period) {
			period.fail("a period in milliseconds is meant here")
		}
	case quantity:
		v.unit = words2unit(n.get("system").text(), n.get("code").text(), n.get("unit").text())
	case words:
	case concept:
		v.concept = codings(n.get("codes"), false)
		if text := n.get("text").text(); text != "" {
			v.concept = append([]acom.Coding{{Display: text}}, v.concept...)
		}
		if len(v.concept) == 0 {
			n.fail("a CodeableConcept has codes or a text")
		}
	case "":
	default:
		n.get("valueType").fail("%q is none of SampledData, Quantity, String, CodeableConcept", n.get("valueType").text())
	}
	return v
}

// words2unit is a unit as iomt-fhir writes it: a code of a system, and words.
func words2unit(system, code, display string) unit {
	if system == "" && code == "" && display == "" {
		return unit{}
	}
	if system != ucumSystem {
		// Only UCUM codes are understood; of others the words count.
		if display == "" {
			display = code
		}
		return unit{foreign: &acom.Coding{Display: display}}
	}
	return unit{foreign: &acom.Coding{System: system, Code: code, Display: display}}
}

// Iomt makes a template of both files of iomt-fhir. Every type of the content needs
// its mapping, and every value of the mapping its name in the content.
// Errors: *Invalid.
func Iomt(content, mapping []byte) (*Template, error) {
	t, err := Content(content)
	if err != nil {
		return nil, err
	}
	if err := Mapping(mapping, t); err != nil {
		return nil, err
	}
	f := &form{}
	for _, r := range t.rules {
		s := t.shapes[r.kind]
		if s == nil {
			entry{f, nil, r.path + ".typeName"}.fail("the FHIR mapping has no type %q", r.kind)
			continue
		}
		for i, v := range s.values() {
			if v.name != "" && !r.has(v.name) {
				entry{f, nil, fmt.Sprintf("%s, value %d of the mapping", r.path, i+1)}.fail("the device content of %q has no value %q", r.kind, v.name)
			}
		}
		for _, v := range r.values {
			if !s.uses(v.name) {
				entry{f, nil, r.path + ".values"}.fail("the FHIR mapping of %q does not use the value %q", r.kind, v.name)
			}
		}
	}
	return t, f.err()
}

// values are the value of a shape, if it has one, and those of its parts.
func (s *shape) values() (list []valueShape) {
	if s.value != nil {
		list = append(list, *s.value)
	}
	for _, p := range s.parts {
		list = append(list, p.value)
	}
	return list
}

func (s *shape) uses(name string) bool {
	for _, v := range s.values() {
		if v.name == name {
			return true
		}
	}
	return false
}

func (r *rule) has(name string) bool {
	for _, v := range r.values {
		if v.name == name {
			return true
		}
	}
	return false
}
