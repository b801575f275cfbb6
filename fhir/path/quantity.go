package path

import (
	"math/big"
	"strings"

	"vitalwire/fhir/ucum"
)

// ucumSystem is the system of a Quantity whose code is a UCUM unit.
const ucumSystem = "http://unitsofmeasure.org"

// quantityOf turns a FHIR Quantity into a System.Quantity (R4 fhirpath §2.9.1.1: use
// of FHIR Quantity). The unit of one without a UCUM code can only be compared
// with itself. One with a comparator stays a node; one without a value is none.
func quantityOf(n *Node) (Item, bool) {
	e := n.el
	it := Item{node: n}
	value := e.Get("value")
	if value == nil {
		return it, false
	}
	if e.Get("comparator") != nil {
		return it, true
	}
	d, ok := ParseDecimal(value.Text())
	code, unit, system := e.Get("code").Text(), e.Get("unit").Text(), e.Get("system").Text()
	q := QuantityItem(d, code)
	q.box.fhir = true
	switch {
	case code != "" && system == ucumSystem:
	case code != "":
		q.box.unit, q.box.code = unit, system+"|"+code
	case unit != "":
		q.box.unit, q.box.code = unit, "|"+unit
	default:
		q.box.unit = "1"
	}
	return q, ok
}

// sameUnit reports whether nothing needs to be converted.
func (q *box) sameUnit(r *box) bool {
	return q.cal == r.cal && q.code == r.code && (q.code != "" || q.unit == r.unit)
}

// calendarWord is the singular of a calendar duration word, or "" (FHIRPath §2.1.8.1).
func calendarWord(s string) string {
	switch word := strings.TrimSuffix(s, "s"); word {
	case "year", "month", "week", "day", "hour", "minute", "second", "millisecond":
		return word
	}
	return ""
}

func calendarQuantity(d Decimal, word string) Item {
	q := QuantityItem(d, word)
	q.box.cal = true
	return q
}

// definite is the UCUM code for a quantity's unit. exact is false for a
// calendar year or month, which have no fixed length: they are equivalent to
// UCUM's, never equal (FHIRPath §2.1.8.1).
func (q *box) definite() (code string, exact bool) {
	if !q.cal {
		return q.unit, true
	}
	switch q.unit {
	case "year":
		return "a", false
	case "month":
		return "mo", false
	case "week":
		return "wk", true
	case "day":
		return "d", true
	case "hour":
		return "h", true
	case "minute":
		return "min", true
	case "second":
		return "s", true
	}
	return "ms", true
}

// commonUnit gives both values counted in the unit of q; false when they cannot
// be. loose counts a calendar year as UCUM's.
func commonUnit(q, r *box, loose bool) (a, b *big.Rat, ok bool) {
	if q.sameUnit(r) {
		return q.dec.Rat(), r.dec.Rat(), true
	}
	if q.code != "" || r.code != "" {
		return nil, nil, false
	}
	qc, qe := q.definite()
	rc, re := r.definite()
	if qe != re && !loose {
		return nil, nil, false
	}
	if !qe && !re && qc != rc {
		// A year has twelve months.
		b = r.dec.Rat()
		if qc == "mo" {
			return q.dec.Rat(), b.Mul(b, big.NewRat(12, 1)), true
		}
		return q.dec.Rat(), b.Quo(b, big.NewRat(12, 1)), true
	}
	qu, err1 := ucum.Parse(qc)
	ru, err2 := ucum.Parse(rc)
	if err1 != nil || err2 != nil {
		return nil, nil, false
	}
	b, err := ucum.Convert(r.dec.Rat(), ru, qu)
	return q.dec.Rat(), b, err == nil
}

// compareQuantity orders two quantities; unknown when their units cannot be compared.
func compareQuantity(q, r *box) (order int, known bool) {
	if q.sameUnit(r) {
		return q.dec.Cmp(r.dec), true
	}
	a, b, ok := commonUnit(q, r, false)
	if !ok {
		return 0, false
	}
	return a.Cmp(b), true
}

// equivalentQuantity compares at the precision of the less precise one
// (FHIRPath §6.1.2).
func equivalentQuantity(q, r *box) bool {
	a, b, ok := commonUnit(q, r, true)
	if !ok {
		return false
	}
	// One step of the last digit of r, in the unit of q, against one of q.
	stepQ := Decimal{small: 1, scale: q.dec.trim().scale}
	one := *r
	one.dec = Decimal{small: 1, scale: r.dec.trim().scale}
	_, stepR, ok := commonUnit(q, &one, true)
	if ok && stepR.Cmp(stepQ.Rat()) > 0 {
		b, a, ok = commonUnit(r, q, true)
		stepQ = one.dec
	}
	return ok && roundRat(a, stepQ.scale).Cmp(roundRat(b, stepQ.scale)) == 0
}

// roundRat rounds to that many digits behind the point.
func roundRat(r *big.Rat, scale int32) Decimal {
	n := new(big.Int).Mul(r.Num(), bigPow10(scale))
	return decimalOfBig(quoHalfUp(n, r.Denom()), scale)
}

// addQuantity adds in the finer unit of the two (FHIRPath §6.6.3).
func addQuantity(q, r *box, sign int) (Item, bool) {
	one := *r
	one.dec = DecimalOf(1)
	_, size, ok := commonUnit(q, &one, false)
	if !ok {
		return Item{}, false
	}
	if size.Cmp(big.NewRat(1, 1)) == 0 {
		return q.with(sum(q.dec, r.dec, sign)), true
	}
	if size.Cmp(big.NewRat(1, 1)) > 0 {
		_, b, ok := commonUnit(q, r, false)
		return q.with(sum(q.dec, decimalOfRat(b), sign)), ok
	}
	_, a, ok := commonUnit(r, q, false)
	return r.with(sum(decimalOfRat(a), r.dec, sign)), ok
}

func sum(a, b Decimal, sign int) Decimal {
	if sign < 0 {
		return a.Sub(b)
	}
	return a.Add(b)
}

// with is another value in the same unit.
func (q *box) with(d Decimal) Item {
	return Item{kind: KindQuantity, box: &box{dec: d, unit: q.unit, code: q.code, cal: q.cal}}
}

// multiplyQuantity and divideQuantity combine the units too (FHIRPath §6.6.1, §6.6.2).
func multiplyQuantity(q, r *box) (Item, bool) {
	if q.code != "" || r.code != "" {
		return Item{}, false
	}
	qc, _ := q.definite()
	rc, _ := r.definite()
	return combined(q.dec.Mul(r.dec), productCode(qc, rc), qc, rc, ucum.Unit.Mul)
}

func divideQuantity(q, r *box) (Item, bool) {
	if r.dec.Sign() == 0 || q.code != "" || r.code != "" {
		return Item{}, false
	}
	qc, _ := q.definite()
	rc, _ := r.definite()
	return combined(q.dec.Quo(r.dec), quotientCode(qc, rc), qc, rc, ucum.Unit.Div)
}

func combined(d Decimal, code, qc, rc string, op func(a, b ucum.Unit) (ucum.Unit, error)) (Item, bool) {
	qu, err1 := ucum.Parse(qc)
	ru, err2 := ucum.Parse(rc)
	if err1 != nil || err2 != nil {
		return Item{}, false
	}
	u, err := op(qu, ru)
	if err != nil {
		return Item{}, false
	}
	factor, base := u.Base()
	if base == "1" && code != "1" {
		return QuantityItem(decimalOfRat(factor.Mul(factor, d.Rat())), "1"), true
	}
	if _, err := ucum.Parse(code); err != nil { // grew too long
		return QuantityItem(decimalOfRat(factor.Mul(factor, d.Rat())), base), true
	}
	return QuantityItem(d, code), true
}

func productCode(a, b string) string {
	switch {
	case a == "1":
		return b
	case b == "1":
		return a
	case a == b && strings.Trim(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == "":
		return a + "2"
	}
	return a + "." + grouped(b, "/")
}

func quotientCode(a, b string) string {
	switch {
	case a == b:
		return "1"
	case b == "1":
		return a
	case a == "1":
		return "/" + grouped(b, "./")
	}
	return a + "/" + grouped(b, "./")
}

func grouped(code, operators string) string {
	if strings.ContainsAny(code, operators) {
		return "(" + code + ")"
	}
	return code
}

// comparable reports whether two quantities could be compared.
func comparableQuantity(q, r *box) bool {
	_, _, ok := commonUnit(q, r, false)
	return ok
}

// quantityText is the quantity as toString gives it: 4 days, 10 'mg'.
func quantityText(q *box) string {
	if !q.cal {
		return q.dec.String() + " '" + q.unit + "'"
	}
	if q.dec.Cmp(DecimalOf(1)) == 0 {
		return q.dec.String() + " " + q.unit
	}
	return q.dec.String() + " " + q.unit + "s"
}

// parseQuantity reads a number with or without a unit in quotes or a calendar
// word (FHIRPath §5.5.7).
func parseQuantity(s string) (Item, bool) {
	number, unit := s, ""
	if i := strings.IndexAny(s, " \t'"); i >= 0 {
		number, unit = s[:i], strings.TrimLeft(s[i:], " \t")
	} else if i := strings.IndexFunc(s, func(r rune) bool { return r >= 'a' && r <= 'z' }); i > 0 {
		return Item{}, false
	}
	d, ok := ParseDecimal(number)
	if !ok {
		return Item{}, false
	}
	if unit == "" {
		return QuantityItem(d, "1"), number == s
	}
	if len(unit) > 2 && unit[0] == '\'' && unit[len(unit)-1] == '\'' {
		unit = unit[1 : len(unit)-1]
		return QuantityItem(d, unit), !strings.Contains(unit, "'")
	}
	word := calendarWord(unit)
	return calendarQuantity(d, word), word != ""
}
