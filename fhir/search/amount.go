package search

import (
	"cmp"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

// UCUM is the system of UCUM units.
const UCUM = "http://unitsofmeasure.org"

// currencies is the system of Money.currency (R4 datatypes Money).
const currencies = "urn:iso:std:iso:4217"

// Amount is a number or quantity: numbers from Low to High, written so that they
// sort as text (EncodeNumber).
type Amount struct {
	Low, High string
	// Canonical is the base unit of a UCUM quantity, and From and To are Low and
	// High counted in it; for others Canonical is "".
	Canonical, From, To string
	// System and Code of the unit, and the text for people.
	System, Code, Unit string
}

func (a *Amount) compare(b *Amount) int {
	if a == b || a == nil || b == nil { // of one parameter all have one, or none
		return 0
	}
	return cmp.Or(cmp.Compare(a.Low, b.Low), cmp.Compare(a.High, b.High), cmp.Compare(a.Canonical, b.Canonical),
		cmp.Compare(a.System, b.System), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Unit, b.Unit))
}

// The ends of numbers: below and above all others.
const (
	lowest  = "0"
	highest = "9"
)

// counted is an amount that was read, and of which element.
type counted struct {
	el *fhir.Element
	as Type
	is *Amount
}

// amount reads integer, decimal, Quantity and those derived from it, Money and
// Range (R4 search §3.1.1.5.2, §3.1.1.5.6). value-quantity and code-value-quantity
// want the same.
func (x *extraction) amount(as Type, e *fhir.Element) *Amount {
	if e == nil {
		return nil
	}
	for i := range x.counted {
		if c := &x.counted[i]; c.el == e && c.as == as {
			return c.is
		}
	}
	made := counted{el: e, as: as}
	if a, ok := x.reg.amount(as, e); ok {
		made.is = &a
	}
	x.counted[x.turn] = made
	x.turn = (x.turn + 1) % len(x.counted)
	return made.is
}

func (g *Registry) amount(as Type, e *fhir.Element) (Amount, bool) {
	if e.Is(fhir.Number) {
		n, ok := numberText(e)
		return Amount{Low: n, High: n}, ok
	}
	if !e.Is(fhir.Object) {
		return Amount{}, false
	}
	if low, high := e.Get("low"), e.Get("high"); low != nil || high != nil {
		return g.between(low, high)
	}
	a, ok := g.quantity(e)
	if as == NumberType {
		a = Amount{Low: a.Low, High: a.High}
	}
	return a, ok
}

func numberText(e *fhir.Element) (string, bool) {
	if !e.Is(fhir.Number) {
		return "", false
	}
	if n, ok := scanNumber(e.Text()); ok {
		return n.encode(), true
	}
	d, ok := path.ParseDecimal(e.Text())
	if !ok {
		return "", false
	}
	return EncodeNumber(d), true
}

func (g *Registry) quantity(e *fhir.Element) (Amount, bool) {
	value := e.Get("value")
	n, ok := numberText(value)
	if !ok {
		return Amount{}, false
	}
	a := Amount{Low: n, High: n, System: e.Get("system").Text(), Code: e.Get("code").Text(), Unit: e.Get("unit").Text()}
	if currency := e.Get("currency").Text(); currency != "" {
		a.System, a.Code = currencies, currency
	}
	if u, ok := g.units.of(a.System, a.Code); ok {
		if base, ok := u.count(value.Text()); ok {
			a.Canonical, a.From, a.To = u.canonical, base, base
		}
	}
	switch e.Get("comparator").Text() { // R4 datatypes Quantity.comparator
	case "<", "<=":
		a.Low, a.From = lowest, lowest
	case ">", ">=":
		a.High, a.To = highest, highest
	}
	return a, true
}

// between is a Range, whose ends have one unit (R4 datatypes rng-2).
func (g *Registry) between(low, high *fhir.Element) (Amount, bool) {
	from, hasFrom := g.quantity(low)
	to, hasTo := g.quantity(high)
	switch {
	case !hasFrom && !hasTo:
		return Amount{}, false
	case !hasFrom:
		from = to
		from.Low, from.From = lowest, lowest
		return from, true
	case !hasTo:
		from.High, from.To = highest, highest
		return from, true
	}
	if from.Canonical != to.Canonical {
		from.Canonical, from.From = "", ""
	}
	from.High, from.To = to.High, to.To
	return from, true
}
