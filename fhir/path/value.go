package path

import (
	"strings"

	"vitalwire/fhir"
)

// value turns a FHIR primitive or Quantity into its System value (R4 fhirpath
// §2.9.1). Other nodes stay what they are. A primitive without a value gives
// false, as does one whose text does not fit its type.
func (it *Item) value() (Item, bool) {
	if it.kind != KindNode {
		return *it, true
	}
	n := it.node
	kind := KindNode
	if n.typ != nil {
		kind = n.typ.system
	}
	if n.typ == nil || n.typ.open && kind == KindNode {
		kind = guessKind(n.el)
	}
	switch kind {
	case KindNode:
		return *it, true
	case KindQuantity:
		if !n.el.Is(fhir.Object) {
			return Item{}, false
		}
		return quantityOf(n)
	}
	return primitiveValue(n.el, kind)
}

func guessKind(e *fhir.Element) Kind {
	switch e.Kind() {
	case fhir.Bool:
		return KindBoolean
	case fhir.Number:
		if strings.ContainsAny(e.Text(), ".eE") {
			return KindDecimal
		}
		return KindInteger
	case fhir.String:
		return KindString
	}
	return KindNode
}

func primitiveValue(e *fhir.Element, kind Kind) (Item, bool) {
	if e == nil || e.Kind() == fhir.Null || e.Kind() >= fhir.Array {
		return Item{}, false
	}
	text := e.Text()
	switch kind {
	case KindBoolean:
		return Boolean(text == "true"), text == "true" || text == "false"
	case KindInteger:
		n, ok := parseInt(text)
		return Integer(n), ok
	case KindDecimal:
		d, ok := ParseDecimal(text)
		return DecimalItem(d), ok
	case KindDate, KindDateTime, KindTime:
		t, ok := parseTemporal(text, kind)
		return TemporalItem(t), ok
	}
	return String(text), true
}

// text is the string of a String item or string-like primitive, without
// turning anything else into one.
func (it *Item) text() (string, bool) {
	if it.kind == KindString {
		return it.s, true
	}
	v, ok := it.value()
	if !ok || v.kind != KindString {
		return "", false
	}
	return v.s, true
}

// Value is the System value of a primitive, Quantity or computed item; false
// for other elements and for a primitive without a value.
func (it Item) Value() (Item, bool) {
	v, ok := it.value()
	return v, ok && v.kind != KindNode
}

// Bool is the value of a Boolean or boolean.
func (it Item) Bool() (value, ok bool) {
	v, ok := it.value()
	return v.n == 1, ok && v.kind == KindBoolean
}

// Int is the value of an Integer or integer.
func (it Item) Int() (int64, bool) {
	v, ok := it.value()
	return v.n, ok && v.kind == KindInteger
}

// Decimal is the value of a Decimal or Integer.
func (it Item) Decimal() (Decimal, bool) {
	v, ok := it.value()
	if !ok {
		return Decimal{}, false
	}
	return v.number()
}

func (it *Item) number() (Decimal, bool) {
	switch it.kind {
	case KindInteger:
		return DecimalOf(it.n), true
	case KindDecimal:
		return it.box.dec, true
	}
	return Decimal{}, false
}

// Quantity is the value and unit of a Quantity; the unit is a UCUM code or a
// calendar word such as "month", or the words for a unit that is neither.
func (it Item) Quantity() (value Decimal, unit string, ok bool) {
	v, ok := it.value()
	if !ok || v.kind != KindQuantity {
		return Decimal{}, "", false
	}
	return v.box.dec, v.box.unit, true
}

// Temporal is the value of a Date, DateTime or Time.
func (it Item) Temporal() (Temporal, bool) {
	v, ok := it.value()
	if !ok || v.kind < KindDate || v.kind > KindTime {
		return Temporal{}, false
	}
	return v.box.when, true
}

// Text is the value of a String or string-like primitive, and what toString()
// gives for other values (FHIRPath §5.5.8); false for elements without one.
func (it Item) Text() (string, bool) {
	v, ok := it.value()
	if !ok {
		return "", false
	}
	switch v.kind {
	case KindNode:
		return "", false
	case KindBoolean:
		if v.n == 1 {
			return "true", true
		}
		return "false", true
	case KindString, KindTypeInfo:
		return v.s, true
	case KindInteger:
		return DecimalOf(v.n).String(), true
	case KindDecimal:
		return v.box.dec.String(), true
	case KindQuantity:
		return quantityText(v.box), true
	}
	return v.box.when.String(), true
}
