package records

import (
	"math/big"
	"strconv"
	"strings"
)

// maxDigits is the most digits of a number that is passed on: binary floating point
// has 17, written out in full up to some 30 with leading zeros.
const maxDigits = 40

// Decimal gives a number as plain decimal text with the digits that were sent: 72.60
// stays 72.60, 7.26e1 becomes 72.6. ok is false for what is no number by the rules of
// JSON, for words such as NaN and Low, and for sizes nothing is measured in.
func Decimal(text string) (plain string, ok bool) {
	digits, sign := text, ""
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		digits, sign = rest, "-"
	}
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(digits), "e")
	shift := 0
	if scientific {
		n, err := strconv.Atoi(exponent)
		if err != nil || n < -maxDigits || n > maxDigits {
			return "", false
		}
		shift = n
	}
	whole, fraction, point := strings.Cut(mantissa, ".")
	if !isDigits(whole) || point && !isDigits(fraction) || len(whole) > 1 && whole[0] == '0' || len(whole)+len(fraction) > maxDigits {
		return "", false
	}
	if !scientific {
		return text, true
	}
	return sign + shifted(whole, fraction, shift), true
}

// Local is Decimal for files in which a comma may stand for the point. One of both is a
// thousands separator: nobody can tell which.
func Local(text string) (plain string, ok bool) {
	if strings.IndexByte(text, '.') < 0 {
		text = strings.Replace(text, ",", ".", 1)
	}
	return Decimal(text)
}

// Shift multiplies a plain decimal by a power of ten: exactly, by moving its point.
func Shift(plain string, power int) string {
	sign := ""
	if rest, negative := strings.CutPrefix(plain, "-"); negative {
		plain, sign = rest, "-"
	}
	whole, fraction, _ := strings.Cut(plain, ".")
	return sign + shifted(whole, fraction, power)
}

func shifted(whole, fraction string, power int) string {
	for ; power > 0; power-- {
		next := "0"
		if fraction != "" {
			next, fraction = fraction[:1], fraction[1:]
		}
		whole += next
	}
	for ; power < 0; power++ {
		fraction = whole[len(whole)-1:] + fraction
		if whole = whole[:len(whole)-1]; whole == "" {
			whole = "0"
		}
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// IsZero reports whether a plain decimal is nought, in however many digits.
func IsZero(plain string) bool { return strings.Trim(plain, "-0.") == "" }

// IsPositive reports whether a plain decimal is more than nought.
func IsPositive(plain string) bool { return !IsZero(plain) && plain[0] != '-' }

// Compare orders two plain decimals that are not negative: -1, 0 or +1.
func Compare(a, b string) int {
	aw, af, _ := strings.Cut(a, ".")
	bw, bf, _ := strings.Cut(b, ".")
	aw, bw = strings.TrimLeft(aw, "0"), strings.TrimLeft(bw, "0")
	if len(aw) != len(bw) {
		return map[bool]int{true: 1, false: -1}[len(aw) > len(bw)]
	}
	if order := strings.Compare(aw, bw); order != 0 {
		return order
	}
	return strings.Compare(strings.TrimRight(af, "0"), strings.TrimRight(bf, "0"))
}

// Binary32 is the shortest decimal of a number that was kept in 32-bit binary and written
// out: 72.1 of 72.0999984741211. ok is false for a number that is no such expansion, or
// whose decimal is as long as what 32 bits hold.
func Binary32(plain string) (short string, ok bool) {
	const digits = 6 // that 32 bits always hold
	if len(strings.Trim(plain, "-0.")) <= digits+2 {
		return "", false
	}
	sent, exact := new(big.Rat).SetString(plain)
	narrow, _, err := big.ParseFloat(plain, 10, 24, big.ToNearestEven) // the mantissa of 32 bits
	if !exact || err != nil {
		return "", false
	}
	short = narrow.Text('f', -1)
	significant := strings.TrimLeft(strings.Replace(short, ".", "", 1), "-0")
	kept, _ := narrow.Rat(nil)
	apart := new(big.Rat).Sub(kept, sent)
	most := new(big.Rat).Mul(sent, big.NewRat(1, 10_000_000_000_000)) // services write 15 digits or 17
	return short, apart.Abs(apart).Cmp(most.Abs(most)) <= 0 && len(significant) <= digits
}
