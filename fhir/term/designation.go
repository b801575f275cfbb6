package term

import (
	"fmt"
	"strings"

	"vitalwire/fhir"
)

// A designation is one text that stands for a concept.
type designation struct {
	value  string
	lang   *tag
	use    *fhir.Element // Coding, nil for none
	main   bool          // a display, not an entry of a designation list
	status string
	extra  []*fhir.Element // extensions
	source *system         // the supplement it comes from
}

// The code for the display of a concept among its designations.
const (
	infrastructure = "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra"
	preferredUse   = "preferredForLanguage"
	snomed         = "http://snomed.info/sct"
	snomedTerm     = "900000000000548007"
	snomedSynonym  = "900000000000013009"
)

// displays reports whether the designation may be shown as the display.
func (d *designation) displays() bool {
	if d.main || d.use == nil {
		return true
	}
	system, code := text(d.use, "system"), text(d.use, "code")
	return system == infrastructure && code == preferredUse ||
		system == snomed && (code == snomedTerm || code == snomedSynonym)
}

func (d *designation) active() bool { return d.status != "withdrawn" && d.status != "inactive" }

// element is the ValueSet.expansion.contains.designation.
func (d *designation) element() *fhir.Element {
	e := fhir.NewObject()
	ext := fhir.NewArray()
	for _, x := range d.extra {
		switch text(x, "url") {
		case "http://hl7.org/fhir/StructureDefinition/coding-sctdescid",
			"http://hl7.org/fhir/StructureDefinition/rendering-style",
			"http://hl7.org/fhir/StructureDefinition/rendering-xhtml",
			"http://hl7.org/fhir/StructureDefinition/codesystem-alternate",
			standardsStatus:
			ext.Append(x)
		}
	}
	if ext.Len() > 0 {
		e.Set("extension", ext)
	}
	if d.lang != nil {
		e.Set("language", fhir.NewString(d.lang.code))
	}
	if use := d.useElement(); use != nil {
		e.Set("use", use)
	}
	e.Set("value", fhir.NewString(d.value))
	return e
}

func (d *designation) useElement() *fhir.Element {
	if d.main {
		return fhir.NewObject(fhir.S("system", infrastructure), fhir.S("code", preferredUse),
			fhir.S("display", "Preferred For Language"))
	}
	return d.use
}

// designations are the texts of one concept.
type designations []designation

// of are the texts a code system and its supplements have for a concept.
func (v *view) designations(at int32) designations {
	c := &v.concepts[at]
	var out designations
	if c.display != "" {
		out = append(out, designation{value: c.display, lang: v.lang, main: true})
	}
	out = out.read(c.element, nil)
	v.supplementsOf(c.code, func(s *system, c *concept) {
		if c.display != "" {
			out = append(out, designation{value: c.display, lang: s.lang, main: true, source: s})
		}
		out = out.read(c.element, s)
	})
	return out
}

// read appends the designation children of a concept.
func (ds designations) read(e *fhir.Element, source *system) designations {
	for _, d := range e.Get("designation").Items() {
		value := strings.TrimSpace(text(d, "value"))
		if value == "" {
			continue
		}
		next := designation{
			value: value, use: object(d.Get("use")), status: standards(d), extra: d.Get("extension").Items(), source: source,
		}
		if t, ok := parseTag(text(d, "language")); ok {
			next.lang = &t
		}
		ds = append(ds, next)
	}
	return ds
}

// preferred is the one to display, nil when none will do.
func (ds designations) preferred(ws wishes) *designation {
	if len(ds) == 0 {
		return nil
	}
	if len(ws) == 0 {
		for i := range ds {
			if ds[i].displays() && ds[i].active() {
				return &ds[i]
			}
		}
		return &ds[0]
	}
	for _, w := range ws {
		if w.weight <= 0 {
			continue
		}
		for _, active := range [...]bool{true, false} {
			for _, d := range depths {
				if found := ds.find(w, d, active, true); found != nil {
					return found
				}
				if found := ds.find(w, d, active, false); found != nil {
					return found
				}
			}
		}
	}
	for i := range ds {
		if ds[i].lang == nil && ds[i].displays() {
			return &ds[i]
		}
	}
	return nil
}

func (ds designations) find(w wish, d depth, active, display bool) *designation {
	for i := range ds {
		if (!active || ds[i].active()) && (!display || ds[i].displays()) && w.matches(ds[i].lang, d) {
			return &ds[i]
		}
	}
	return nil
}

// match tells how a display agrees with the texts.
type match uint8

const (
	different match = iota
	whitespace
	agrees
)

// check compares a display with the texts in the wished languages, or in the
// default language where one is given. Case does not matter (R4
// valueset-operation-validate-code: display is a human-readable text).
func (ds designations) check(display string, ws wishes, fallback *tag, active bool) match {
	best := different
	for i := range ds {
		d := &ds[i]
		inLanguage := ws.accept(d.lang, languageOnly) ||
			fallback != nil && d.lang != nil && d.lang.language == fallback.language
		if !inLanguage || active && !d.active() {
			continue
		}
		switch {
		case strings.EqualFold(d.value, display):
			return agrees
		case strings.EqualFold(squeeze(d.value), squeeze(display)):
			best = whitespace
		}
	}
	return best
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// count is how many displays there are in the wished languages.
func (ds designations) count(ws wishes, displaysOnly bool) int {
	for _, d := range depths {
		n := 0
		for i := range ds {
			if (!displaysOnly || ds[i].displays()) && ws.accept(ds[i].lang, d) {
				n++
			}
		}
		if n > 0 {
			return n
		}
	}
	return 0
}

// present lists the displays in the wished languages for a message; all when
// there is none.
func (ds designations) present(ws wishes) string {
	var out []string
	for _, all := range [...]bool{false, true} {
		for i := range ds {
			d := &ds[i]
			if !d.displays() || !all && !ws.accept(d.lang, languageOnly) {
				continue
			}
			if d.lang != nil {
				out = append(out, fmt.Sprintf("'%s' (%s)", d.value, d.lang.code))
			} else {
				out = append(out, fmt.Sprintf("'%s'", d.value))
			}
		}
		if len(out) > 0 {
			break
		}
	}
	return orList(out)
}
