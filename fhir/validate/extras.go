package validate

import (
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// extras are what extensions on an ElementDefinition add to a rule.
type extras struct {
	mustHaveValue bool     // R5 ElementDefinition.mustHaveValue
	alternatives  []string // R5 ElementDefinition.valueAlternatives: extensions that may stand in for the value
	source        bool     // narrative-source-control
	language      string   // narrative-language-control: _no, _yes, _resource
	additional    []string // further value sets that bind (R5 binding.additional)
}

const extR5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition."

// extrasOf reads the extensions of a profile's elements, by element id or path;
// nil where there are none. Definitions leave them out, so the resource is read.
func (v *Validator) extrasOf(s *definition.Structure) map[string]*extras {
	res, ok := v.src.Find("StructureDefinition", s.Canonical())
	if !ok {
		return nil
	}
	var out map[string]*extras
	for _, part := range [...]string{"differential", "snapshot"} {
		list := res.Get(part).Get("element")
		for i := range list.Len() {
			e := list.At(i)
			x := readExtras(e)
			if x == nil {
				continue
			}
			if out == nil {
				out = make(map[string]*extras)
			}
			key := e.Get("id").Text()
			if key == "" {
				key = e.Get("path").Text()
			}
			out[key] = x
		}
	}
	return out
}

func readExtras(e *fhir.Element) *extras {
	var x extras
	found := false
	list := e.Get("extension")
	for i := range list.Len() {
		value, _ := valueOf(list.At(i), "value")
		switch list.At(i).Get("url").Text() {
		case extR5 + "mustHaveValue":
			x.mustHaveValue = value.Text() == "true"
		case extR5 + "valueAlternatives":
			x.alternatives = append(x.alternatives, value.Text())
		case "http://hl7.org/fhir/StructureDefinition/narrative-source-control":
			x.source = true
		case "http://hl7.org/fhir/StructureDefinition/narrative-language-control":
			x.language = value.Text()
		default:
			continue
		}
		found = true
	}
	list = e.Get("binding").Get("extension")
	for i := range list.Len() {
		if list.At(i).Get("url").Text() != extR5+"binding.additional" {
			continue
		}
		purpose := extensionNamed(list.At(i), "purpose")
		set := extensionNamed(list.At(i), "valueSet")
		if p := purpose.Text(); set != nil && (p == "required" || p == "maximum") {
			x.additional, found = append(x.additional, set.Text()), true
		}
	}
	if !found {
		return nil
	}
	return &x
}

// extrasHold checks the element at hand against them.
func (r *run) extrasHold(p *profile, x *extras) {
	fr := r.top()
	if x.mustHaveValue && (fr.el == nil || fr.el.Kind() == fhir.Null) {
		r.err(fhir.CodeInvalid, "%s demands a value here, not only extensions", p.s.Canonical())
	}
	if len(x.alternatives) > 0 && (fr.el == nil || fr.el.Kind() == fhir.Null) {
		found := false
		list := fr.ext.Get("extension")
		for i := range list.Len() {
			url := list.At(i).Get("url").Text()
			for _, a := range x.alternatives {
				found = found || url == a
			}
		}
		if !found {
			r.err(fhir.CodeInvalid, "%s demands a value here or one of the extensions %s", p.s.Canonical(), words(x.alternatives))
		}
	}
	if x.source || x.language != "" {
		r.narrativeControl(p, x)
	}
	for _, vs := range x.additional {
		r.inValueSet(nil, vs, true, r.typeAtHand(), fr.el)
	}
}

// narrativeControl checks that the parts of a narrative say where they come
// from and in which language they are.
func (r *run) narrativeControl(p *profile, x *extras) {
	div := r.top().el.Get("div").Text()
	if checkXHTML(div).wrong != "" {
		return
	}
	parts := topParts(div)
	if x.source {
		for _, part := range parts {
			if !part.sourced {
				r.err(fhir.CodeBusinessRule, "%s demands that each part of the narrative has a class: boilerplate, generated or original", p.s.Canonical())
				break
			}
		}
	}
	languages := map[string]bool{}
	for _, part := range parts {
		if part.lang != "" {
			languages[part.lang] = true
		}
	}
	switch x.language {
	case "_no":
		if len(languages) > 0 {
			r.err(fhir.CodeBusinessRule, "%s allows no sections by language in the narrative", p.s.Canonical())
		}
	case "_yes":
		if len(languages) == 0 {
			r.err(fhir.CodeBusinessRule, "%s demands sections by language in the narrative", p.s.Canonical())
		}
	case "_resource":
		want := r.stack[r.resourceFrame()].el.Get("language").Text()
		if want != "" && !languages[want] {
			r.err(fhir.CodeBusinessRule, "%s demands a section of the narrative in the language of the resource, %s", p.s.Canonical(), clip(want))
		}
	}
}

// narrativePart is a part directly in the div.
type narrativePart struct {
	sourced bool
	lang    string
}

// topParts are the parts of a div that was found to be well formed.
func topParts(div string) (parts []narrativePart) {
	t := strings.TrimSpace(div)
	depth := 0
	for i := 0; i < len(t); {
		if t[i] != '<' {
			end := strings.IndexByte(t[i:], '<')
			if end < 0 {
				return parts
			}
			if depth == 1 && strings.TrimSpace(t[i:i+end]) != "" {
				parts = append(parts, narrativePart{})
			}
			i += end
			continue
		}
		if strings.HasPrefix(t[i:], "<!") {
			end := strings.IndexByte(t[i:], '>')
			if end < 0 {
				return parts
			}
			i += end + 1
			continue
		}
		tag, n, wrong := readTag(t[i:])
		if wrong != "" {
			return parts
		}
		if !tag.closing && depth == 1 {
			text := t[i : i+n]
			part := narrativePart{lang: attribute(text, "xml:lang")}
			if part.lang == "" {
				part.lang = attribute(text, "lang")
			}
			for _, class := range strings.Fields(attribute(text, "class")) {
				part.sourced = part.sourced || class == "boilerplate" || class == "generated" || class == "original"
			}
			parts = append(parts, part)
		}
		i += n
		switch {
		case tag.closing:
			depth--
		case !tag.single:
			depth++
		}
	}
	return parts
}

// attribute is the value of an attribute in the text of a tag.
func attribute(tag, name string) string {
	for _, quote := range [...]string{`"`, `'`} {
		if _, rest, ok := strings.Cut(tag, " "+name+"="+quote); ok {
			value, _, _ := strings.Cut(rest, quote)
			return value
		}
	}
	return ""
}
