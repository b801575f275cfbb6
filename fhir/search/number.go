package search

import (
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"vitalwire/fhir/path"
)

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
func encodeDigits[T string | []byte](negative bool, exponent int, digits T) string {
	end := len(digits)
	for end > 0 && digits[end-1] == '0' {
		end--
	}
	if end == 0 {
		return "5"
	}
	digits = digits[:end]
	var room [72]byte
	if !negative {
		return string(append(appendExponent(append(room[:0], '6'), 50000+exponent), digits...))
	}
	b := appendExponent(append(room[:0], '4'), 49999-exponent)
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
	// 10^(exponent-2) < |r| < 10^exponent by the lengths alone.
	exponent := len(num.String()) - len(den.String()) + 1
	shift := maxDigits + 1 - exponent
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil)
	if shift >= 0 {
		num.Mul(num, ten)
	} else {
		den = new(big.Int).Mul(den, ten)
	}
	text := num.Quo(num, den).String()
	return encodeDigits(r.Sign() < 0, len(text)-shift, text[:maxDigits])
}

// number is a decimal of few digits: mantissa times ten to minus scale.
type number struct {
	negative bool
	mantissa uint64
	scale    int
}

// maxScanned is how many digits a number holds.
const maxScanned = 18

// scanNumber reads a JSON number without an exponent; false for others and for
// long ones.
func scanNumber(text string) (n number, ok bool) {
	if text != "" && text[0] == '-' {
		n.negative, text = true, text[1:]
	}
	point := -1
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			n.mantissa = n.mantissa*10 + uint64(c-'0')
		case c == '.' && point < 0 && i > 0 && i < len(text)-1:
			point = i
			n.scale = len(text) - i - 1
		default:
			return n, false
		}
	}
	return n, text != "" && len(text) <= maxScanned
}

// encode is EncodeNumber of it.
func (n number) encode() string {
	var room [20]byte
	digits := strconv.AppendUint(room[:0], n.mantissa, 10)
	return encodeDigits(n.negative, len(digits)-n.scale, digits)
}

// chunk is how many digits of a fraction are found at a time.
const chunk = 18

// times encodes the number times num/den as encodeRat does; false where that does
// not fit.
func (n number) times(num, den uint64) (string, bool) {
	high, product := bits.Mul64(n.mantissa, num)
	if high != 0 || den == 0 {
		return "", false
	}
	var room [4 * maxDigits]byte
	digits := room[:0]
	if whole := product / den; whole > 0 {
		digits = strconv.AppendUint(digits, whole, 10)
	}
	exponent := len(digits) - n.scale
	for rest := product % den; rest > 0 && len(digits) < maxDigits; {
		high, low := bits.Mul64(rest, 1e18)
		var next uint64
		next, rest = bits.Div64(high, low, den)
		at := len(digits)
		digits = digits[:at+chunk]
		for i := at + chunk - 1; i >= at; i-- {
			digits[i] = byte('0' + next%10)
			next /= 10
		}
		if at == 0 { // nothing is before it: zeros in front only move the point
			zeros := 0
			for zeros < len(digits) && digits[zeros] == '0' {
				zeros++
			}
			digits, exponent = digits[zeros:], exponent-zeros
		}
	}
	return encodeDigits(n.negative, exponent, digits[:min(len(digits), maxDigits)]), true
}
