package validate

import (
	"fmt"
	"strings"

	"vitalwire/fhir"
)

// resourceRules are what R4 says of resources in words.
func (r *run) resourceRules(sh *shape, el *fhir.Element) {
	if el.Get("contained").Is(fhir.Array) {
		r.contained(el)
	}
	switch sh.path {
	case "Bundle":
		r.bundle(el)
	case "Questionnaire":
		r.questionnaire(el)
	case "QuestionnaireResponse":
		r.response(el)
	case "ValueSet", "CodeSystem", "ConceptMap", "StructureDefinition", "SearchParameter", "CapabilityStatement":
		r.conformance(sh.path, el)
	}
}

// contained checks that contained resources have ids, each its own, and that
// something refers to them, or they to what they are in (R4 references §2.3.0.2, dom-3).
func (r *run) contained(el *fhir.Element) {
	if r.opts.SkipContained {
		return
	}
	list := el.Get("contained")
	seen := make(map[string]bool, list.Len())
	used := make(map[string]bool)
	fragments(el, used, 0)
	for i := range list.Len() {
		id := list.At(i).Get("id").Text()
		at := fmt.Sprintf(".contained[%d]", i)
		switch {
		case id == "":
			r.errBelow(fhir.CodeRequired, at, "a contained resource needs an id, by which the resource refers to it")
			continue
		case seen[id]:
			r.errBelow(fhir.CodeDuplicate, at, "two contained resources have the same id")
		case !used["#"+id] && !refersOut(list.At(i)):
			r.errBelow(fhir.CodeInvariant, at, "dom-3: nothing refers to the contained resource, and it does not refer to the one it is in")
		}
		seen[id] = true
	}
}

// refersOut reports whether a contained resource refers to its container.
func refersOut(el *fhir.Element) bool {
	own := make(map[string]bool)
	fragments(el, own, 0)
	return own["#"]
}

// fragments collects the texts that begin with #, which are references to
// contained resources wherever they stand: Reference, canonical, uri and url.
func fragments(el *fhir.Element, into map[string]bool, depth int) {
	if el.Is(fhir.String) {
		switch text := el.Text(); {
		case text == "":
		case text[0] == '#':
			into[text] = true
		case text[0] == '<':
			// A narrative may show a contained image or link to a contained resource.
			for i := strings.Index(text, `="#`); i >= 0; i = strings.Index(text, `="#`) {
				text = text[i+2:]
				id, _, _ := strings.Cut(text, `"`)
				into[id] = true
			}
		}
		return
	}
	if depth > fhir.MaxDepth {
		return
	}
	members := el.Members()
	for i := range members {
		fragments(members[i].Value, into, depth+1)
	}
}

// nearest is the element of a shape whose name is closest to one that was
// found, "" when none is close.
func nearest(sh *shape, name string) string {
	best, least := "", 3
	for json, f := range sh.fields {
		if f.isUnder {
			continue
		}
		if strings.EqualFold(json, name) {
			return json
		}
		if d := distance(json, name, least); d < least || d == least && best != "" && json < best {
			best, least = json, d
		}
	}
	return best
}

// distance is the edit distance of two names, or limit when it is more.
func distance(a, b string, limit int) int {
	if len(a) > 64 || len(b) > 64 || len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(b) < 4 {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		prev := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := prev
			if a[i-1] != b[j-1] {
				cost = 1 + min(prev, row[j], row[j-1])
			}
			prev, row[j] = row[j], cost
		}
	}
	return min(row[len(b)], limit)
}
