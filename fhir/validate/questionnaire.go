package validate

import (
	"fmt"

	"vitalwire/fhir"
)

// questionnaire checks the Questionnaire at hand: linkIds are unique (que-2) and
// enableWhen asks questions that exist, never ones inside the item that depends
// on them (R4 questionnaire §2.40.6).
func (r *run) questionnaire(el *fhir.Element) {
	links := make(map[string]bool)
	collectLinks(el, links, 0)
	r.questionnaireItems(el, links, "", 0)
}

func collectLinks(el *fhir.Element, into map[string]bool, depth int) {
	items := el.Get("item")
	for i := range items.Len() {
		into[items.At(i).Get("linkId").Text()] = true
		if depth < fhir.MaxDepth {
			collectLinks(items.At(i), into, depth+1)
		}
	}
}

func (r *run) questionnaireItems(el *fhir.Element, links map[string]bool, below string, depth int) {
	items := el.Get("item")
	for i := range items.Len() {
		item := items.At(i)
		at := fmt.Sprintf("%s.item[%d]", below, i)
		when := item.Get("enableWhen")
		for j := range when.Len() {
			question := when.At(j).Get("question").Text()
			inner := make(map[string]bool)
			collectLinks(item, inner, 0)
			if !r.spend(len(inner) + 1) {
				return
			}
			switch {
			case question == "":
			case inner[question]:
				r.errBelow(fhir.CodeBusinessRule, at, "enableWhen asks the question %q, which is inside this item: an item cannot depend on its own parts", clip(question))
			case question == item.Get("linkId").Text():
				r.errBelow(fhir.CodeBusinessRule, at, "enableWhen asks the item itself")
			case !links[question]:
				r.errBelow(fhir.CodeBusinessRule, at, "enableWhen asks the question %q, which this Questionnaire does not have", clip(question))
			}
		}
		if depth < fhir.MaxDepth {
			r.questionnaireItems(item, links, at, depth+1)
		}
	}
}
