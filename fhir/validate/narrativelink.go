package validate

import (
	"strings"

	"vitalwire/fhir"
)

const narrativeLink = "http://hl7.org/fhir/StructureDefinition/narrativeLink"

// narrativeLink checks, in a document, the extension at hand that links data to a
// part of a narrative (R4 extension narrativeLink): the part is there, and one.
// Links to what is not in the Bundle are left alone. As its reader is the
// document's, the issue is on the Bundle.
func (r *run) narrativeLink(el *fhir.Element) {
	outer := &r.stack[0]
	if outer.sh == nil || outer.sh.path != "Bundle" || outer.el.Get("type").Text() != "document" {
		return
	}
	value, _ := valueOf(el, "value")
	url, id, _ := strings.Cut(value.Text(), "#")
	if url == "" || id == "" {
		return
	}
	for _, target := range r.index(outer.el).byURL[url] {
		switch n := r.anchored(target, id, 0); n {
		case 1:
		case 0:
			r.report(fhir.ErrorLevel, fhir.CodeNotFound, r.locate(1), "%s links to a part of a narrative that is not there", r.location())
		default:
			r.report(fhir.ErrorLevel, fhir.CodeInvalid, r.locate(1), "%s links to a part of a narrative whose id %d elements have", r.location(), n)
		}
	}
}

// anchored counts the elements with an id in the narrative of a resource and in
// those of its sections.
func (r *run) anchored(el *fhir.Element, id string, depth int) int {
	div := el.Get("text").Get("div").Text()
	if depth > fhir.MaxDepth || !r.spend(len(div)/64+1) {
		return 1 // what cannot be looked at is not held against anyone
	}
	n := anchors(div, id)
	for _, section := range el.Get("section").Items() {
		n += r.anchored(section, id, depth+1)
	}
	return n
}

// anchors counts the elements of a narrative that have an id.
func anchors(div, id string) (n int) {
	for {
		i := strings.IndexByte(div, '<')
		if i < 0 {
			return n
		}
		div = div[i:]
		end := strings.IndexByte(div, '>')
		if end < 0 {
			return n
		}
		if tag := div[:end]; attribute(tag, "id") == id || attribute(tag, "name") == id {
			n++
		}
		div = div[end:]
	}
}
