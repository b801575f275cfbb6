package search

import (
	"cmp"
	"math/big"
	"strings"
	"sync"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
	"vitalwire/fhir/ucum"
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

// amount reads integer, decimal, Quantity and those derived from it, Money and
// Range (R4 search §3.1.1.5.2, §3.1.1.5.6).
func (x *extraction) amount(as Type, e *fhir.Element) *Amount {
	if e == x.counted && as == x.countedAs { // value-quantity and code-value-quantity want the same
		return x.count
	}
	a, ok := x.reg.amount(as, e)
	x.counted, x.countedAs, x.count = e, as, nil
	if ok {
		x.count = &a
	}
	return x.count
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
		if d, ok := path.ParseDecimal(value.Text()); ok {
			if base, err := u.ToBase(d.Rat()); err == nil {
				_, a.Canonical = u.Base()
				a.From = encodeRat(base)
				a.To = a.From
			}
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

// EncodeNumber writes a number exactly, so that numbers sort as bytes do: a sign,
// the exponent, the digits; negative ones in nines' complement.
func EncodeNumber(d path.Decimal) string {
	text := d.String()
	negative := strings.HasPrefix(text, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	whole = strings.TrimLeft(whole, "0")
	exponent := len(whole)
	digits := whole + fraction
	if whole == "" {
		digits = strings.TrimLeft(fraction, "0")
		exponent = len(digits) - len(fraction)
	}
	return encodeDigits(negative, exponent, digits)
}

// encodeDigits encodes 0.digits times ten to the exponent.
func encodeDigits(negative bool, exponent int, digits string) string {
	digits = strings.TrimRight(digits, "0")
	switch {
	case digits == "":
		return "5"
	case !negative:
		b := append(make([]byte, 0, 6+len(digits)), '6')
		return string(append(appendExponent(b, 50000+exponent), digits...))
	}
	b := append(make([]byte, 0, 7+len(digits)), '4')
	b = appendExponent(b, 49999-exponent)
	for i := range len(digits) {
		b = append(b, '9'-digits[i]+'0')
	}
	return string(append(b, '~'))
}

func appendExponent(b []byte, n int) []byte {
	for unit := 10_000; unit > 0; unit /= 10 {
		b = append(b, byte('0'+n/unit%10))
	}
	return b
}

// maxDigits is how many digits of a fraction that does not end are kept: two
// amounts that are equal are still equal, and their order is kept.
const maxDigits = 60

func encodeRat(r *big.Rat) string {
	if r.Sign() == 0 {
		return "5"
	}
	if r.IsInt() {
		text := new(big.Int).Abs(r.Num()).String()
		if len(text) <= maxDigits {
			return encodeDigits(r.Sign() < 0, len(text), text)
		}
	}
	num, den := new(big.Int).Abs(r.Num()), r.Denom()
	// 10^(exponent-1) <= |r| < 10^(exponent+1) by the lengths alone.
	exponent := len(num.String()) - len(den.String()) + 1
	shift := maxDigits - exponent
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil)
	if shift >= 0 {
		num.Mul(num, ten)
	} else {
		den = new(big.Int).Mul(den, ten)
	}
	text := num.Quo(num, den).String()
	return encodeDigits(r.Sign() < 0, len(text)-shift, text)
}

// unitCache remembers parsed units; a bounded number, since they come from anyone.
type unitCache struct {
	mu    sync.RWMutex
	known map[string]ucum.Unit
}

const maxUnits = 4096

// of parses a unit of the UCUM system.
func (c *unitCache) of(system, code string) (ucum.Unit, bool) {
	if system != UCUM || code == "" {
		return ucum.Unit{}, false
	}
	c.mu.RLock()
	u, ok := c.known[code]
	c.mu.RUnlock()
	if ok {
		return u, true
	}
	u, err := ucum.Parse(code)
	if err != nil {
		return u, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxUnits {
		c.known = map[string]ucum.Unit{}
	}
	c.known[code] = u
	return u, true
}
