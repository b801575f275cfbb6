package search

import (
	"slices"

	"vitalwire/fhir"
)

// SortText is where a resource stands in an order by a parameter of which a store
// keeps no order: the lowest of its texts, or the highest when descending. Tokens
// go by their code, references by Type/id or URL, texts folded. ok is false when
// it has no value.
func (g *Registry) SortText(r *fhir.Resource, param *Param, descending bool) (text string, ok bool) {
	if param.Type == ID {
		return r.ID(), true
	}
	for _, v := range g.valuesOf(r, param) {
		t, has := sortText(&v, descending)
		if !has || ok && (descending && t <= text || !descending && t >= text) {
			continue
		}
		text, ok = t, true
	}
	return text, ok
}

func sortText(v *Value, descending bool) (string, bool) {
	if v.By != ByValue {
		return "", false
	}
	switch v.Param.Type {
	case Token:
		return v.Code, true
	case ReferenceType:
		if key, ok := v.Target.Key(); ok {
			return key.String(), true
		}
		return v.Target.URI, true
	case StringType:
		return Fold(v.Text), true
	case URIType:
		return v.Text, true
	case Date:
		if descending {
			return OrderedInt(v.High), true
		}
		return OrderedInt(v.Low), true
	case NumberType, QuantityType:
		return sortAmount(v.Amount, descending), true
	case ID, LastUpdated, CompositeType, TextType, PlaceType:
	}
	return "", false
}

// sortAmount is the end of an amount in its base unit, if it has one.
func sortAmount(a *Amount, descending bool) string {
	switch {
	case a.Canonical != "" && descending:
		return a.To
	case a.Canonical != "":
		return a.From
	case descending:
		return a.High
	}
	return a.Low
}

// OrderedInt writes a number so that texts sort as numbers do.
func OrderedInt(n int64) string {
	const digits = "0123456789abcdef"
	u := uint64(n) ^ 1<<63
	var b [16]byte
	for i := range b {
		b[15-i] = digits[u>>(4*i)&15]
	}
	return string(b[:])
}

// Targets are the resources that a reference parameter of a resource names.
func (g *Registry) Targets(r *fhir.Resource, param *Param) []fhir.Key {
	var keys []fhir.Key
	for _, v := range g.valuesOf(r, param) {
		if key, ok := v.Target.Key(); ok && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Containing is the clause that finds the resources of a type which contain one of
// another type; nil when none ever does.
func (g *Registry) Containing(typ, inner string) *Clause {
	p := g.table(typ).inner
	if p == nil {
		return nil
	}
	return &Clause{Param: p, Operands: []Operand{{Code: &inner}}}
}

// valuesOf evaluates one parameter, which may be a union, on a resource.
func (g *Registry) valuesOf(r *fhir.Resource, param *Param) []Value {
	x := newExtraction(g)
	for _, p := range param.Indexed() {
		x.evaluate(r, p)
	}
	return x.values
}
