package patch

import (
	"math"
	"strconv"
	"strings"

	"vitalwire/fhir"
)

// equal compares as RFC 6902 §4.6: members in any order, numbers by value.
func equal(a, b *fhir.Element) bool {
	if a.Kind() != b.Kind() || a.Len() != b.Len() {
		return false
	}
	switch a.Kind() {
	case fhir.Number:
		return a.Text() == b.Text() || sameNumber(a.Text(), b.Text())
	case fhir.Array:
		for i, m := range a.Members() {
			if !equal(m.Value, b.At(i)) {
				return false
			}
		}
		return true
	case fhir.Object:
		get := b.Get
		if b.Len() > 32 {
			index := make(map[string]*fhir.Element, b.Len())
			for _, m := range b.Members() {
				index[m.Name] = m.Value
			}
			get = func(name string) *fhir.Element { return index[name] }
		}
		for _, m := range a.Members() {
			if other := get(m.Name); other == nil || !equal(m.Value, other) {
				return false
			}
		}
		return true
	}
	return a.Text() == b.Text()
}

// sameNumber compares two JSON numbers by value, however great their exponents.
func sameNumber(a, b string) bool {
	negA, digitsA, expA := normal(a)
	negB, digitsB, expB := normal(b)
	return digitsA == digitsB && (digitsA == "" || negA == negB && expA == expB)
}

// normal writes a number as 0.digits * 10^exp, digits without zeros at either
// end; zero has none.
func normal(text string) (negative bool, digits string, exp int64) {
	text, negative = strings.CutPrefix(text, "-")
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.ParseInt(text[i+1:], 10, 64)
		if err != nil || n > math.MaxInt64/2 || n < math.MinInt64/2 {
			// Past any meaning: such numbers are equal when written alike.
			return negative, text, math.MaxInt64
		}
		text, exp = text[:i], n
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	exp += int64(len(whole)) - int64(len(whole)+len(fraction)-len(digits))
	return negative, strings.TrimRight(digits, "0"), exp
}
