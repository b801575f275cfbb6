package search

import (
	"slices"

	"vitalwire/fhir"
)

// appendLabels adds the words that people read with a token or a reference, a
// value for each text (R4 search §3.1.1.4.4 :text): CodeableConcept.text,
// Coding.display, Identifier.type.text and Reference.display.
func (x *extraction) appendLabels(values []Value, p *Param, it item) []Value {
	e := it.el
	if !e.Is(fhir.Object) {
		return values
	}
	switch typ := it.typ.Name(); {
	case p.Type == ReferenceType:
		return x.appendLabel(values, p, e.Get("display"))
	case typ == "CodeableConcept":
		for _, c := range e.Get("coding").Items() {
			values = x.appendLabel(values, p, c.Get("display"))
		}
		return x.appendLabel(values, p, e.Get("text"))
	case typ == "Identifier":
		return x.appendLabel(values, p, e.Path("type", "text"))
	}
	return x.appendLabel(values, p, e.Get("display"))
}

func (x *extraction) appendLabel(values []Value, p *Param, e *fhir.Element) []Value {
	if !e.Is(fhir.String) {
		return values
	}
	x.words.add(e.Text())
	words := x.words.take()
	if words == "" {
		return values
	}
	return append(values, Value{Param: p, By: ByText, Text: words})
}

// appendWhole adds what is said of a resource as a whole: the types of what it
// contains, the words of its narrative and of all else.
func (x *extraction) appendWhole(t *table, values []Value, r *fhir.Resource) []Value {
	if t.inner != nil {
		var seen []string
		for _, e := range r.Get("contained").Items() {
			if typ := e.Get("resourceType").Text(); fhir.IsResourceType(typ) && !slices.Contains(seen, typ) {
				seen = append(seen, typ)
				values = append(values, Value{Param: t.inner, Code: typ})
			}
		}
	}
	if t.text != nil {
		if words := x.words.narrativeWords(r); words != "" {
			values = append(values, Value{Param: t.text, Text: words})
		}
	}
	if t.content != nil {
		if words := x.words.contentWords(r); words != "" {
			values = append(values, Value{Param: t.content, Text: words})
		}
	}
	return values
}
