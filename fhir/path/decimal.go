package path

import (
	"math"
	"math/big"
	"strings"
)

// Decimal is an exact decimal number that remembers how many digits were
// written behind the point (FHIRPath §4.1.3: Decimal). The zero value is 0.
type Decimal struct {
	small int64    // the digits without the point, when big is nil
	big   *big.Int // the digits where they do not fit; never changed once set
	scale int32    // digits behind the point, never negative
}

const (
	maxDigits = 1000 // longer numbers are an overflow
	divDigits = 28   // significant digits of a quotient that does not end
)

// pow10 are the powers of ten that fit in int64.
var pow10 = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

func newInt() *big.Int { return new(big.Int) }

func bigPow10(n int32) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// DecimalOf is a whole number.
func DecimalOf(n int64) Decimal { return Decimal{small: n} }

func decimalOfBig(n *big.Int, scale int32) Decimal {
	if n.IsInt64() {
		return Decimal{small: n.Int64(), scale: scale}
	}
	return Decimal{big: n, scale: scale}
}

// ParseDecimal reads a number with or without sign, point and exponent (R4
// decimal). Numbers of more than 1000 digits are refused.
func ParseDecimal(s string) (Decimal, bool) {
	mantissa, exp := s, int64(0)
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa = s[:i]
		e, ok := parseInt(strings.TrimPrefix(s[i+1:], "+"))
		if !ok || e > maxDigits || e < -maxDigits {
			return Decimal{}, false
		}
		exp = e
	}
	digits, scale := mantissa, int64(0)
	if i := strings.IndexByte(mantissa, '.'); i >= 0 {
		scale = int64(len(mantissa) - i - 1)
		if scale == 0 || i == 0 {
			return Decimal{}, false
		}
		digits = mantissa[:i] + mantissa[i+1:]
	}
	if len(digits) > maxDigits {
		return Decimal{}, false
	}
	body := digits
	if body != "" && (body[0] == '-' || body[0] == '+') {
		body = body[1:]
	}
	if body == "" {
		return Decimal{}, false
	}
	for i := 0; i < len(body); i++ {
		if body[i] < '0' || body[i] > '9' {
			return Decimal{}, false
		}
	}
	scale -= exp
	d := Decimal{}
	if n, ok := parseInt(digits); ok {
		d.small = n
	} else if b, ok := new(big.Int).SetString(digits, 10); ok {
		d = decimalOfBig(b, 0)
	} else {
		return Decimal{}, false
	}
	if scale < 0 {
		d = d.shift(int32(-scale))
		scale = 0
	}
	d.scale = int32(scale)
	return d, d.fits()
}

// parseInt reads a decimal integer that fits in 18 digits.
func parseInt(s string) (int64, bool) {
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		s = s[1:]
	}
	if s == "" || len(s) > 18 {
		return 0, false
	}
	var n int64
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if neg {
		n = -n
	}
	return n, true
}

// int is the digits as a big.Int, which the caller must not change.
func (d Decimal) int() *big.Int {
	if d.big != nil {
		return d.big
	}
	return big.NewInt(d.small)
}

// fits reports whether the number is within the bounds of size.
func (d Decimal) fits() bool {
	return d.scale <= 2*maxDigits && (d.big == nil || d.big.BitLen() <= maxDigits*4)
}

// shift multiplies the digits by 10^n.
func (d Decimal) shift(n int32) Decimal {
	if n == 0 || d.big == nil && d.small == 0 {
		return d
	}
	if d.big == nil && int(n) < len(pow10) {
		if p, ok := mul64(d.small, pow10[n]); ok {
			return Decimal{small: p, scale: d.scale}
		}
	}
	return decimalOfBig(new(big.Int).Mul(d.int(), bigPow10(n)), d.scale)
}

func mul64(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	p := a * b
	if p/b != a || a == math.MinInt64 || b == math.MinInt64 {
		return 0, false
	}
	return p, true
}

// WithScale writes the number with n digits behind the point, which must not be
// fewer than it has.
func (d Decimal) withScale(n int32) Decimal {
	r := d.shift(n - d.scale)
	r.scale = n
	return r
}

func align(a, b Decimal) (Decimal, Decimal) {
	switch {
	case a.scale < b.scale:
		a = a.withScale(b.scale)
	case b.scale < a.scale:
		b = b.withScale(a.scale)
	}
	return a, b
}

// Add is d + e.
func (d Decimal) Add(e Decimal) Decimal {
	d, e = align(d, e)
	if d.big == nil && e.big == nil {
		if sum := d.small + e.small; (sum > d.small) == (e.small > 0) {
			return Decimal{small: sum, scale: d.scale}
		}
	}
	return decimalOfBig(new(big.Int).Add(d.int(), e.int()), d.scale)
}

// Neg is -d.
func (d Decimal) Neg() Decimal {
	if d.big == nil && d.small != math.MinInt64 {
		return Decimal{small: -d.small, scale: d.scale}
	}
	return decimalOfBig(new(big.Int).Neg(d.int()), d.scale)
}

// Sub is d - e.
func (d Decimal) Sub(e Decimal) Decimal { return d.Add(e.Neg()) }

// Mul is d * e.
func (d Decimal) Mul(e Decimal) Decimal {
	if d.big == nil && e.big == nil {
		if p, ok := mul64(d.small, e.small); ok {
			return Decimal{small: p, scale: d.scale + e.scale}
		}
	}
	return decimalOfBig(new(big.Int).Mul(d.int(), e.int()), d.scale+e.scale)
}

// Quo is d / e: exact where the quotient ends, else to 28 significant digits.
// e must not be zero.
func (d Decimal) Quo(e Decimal) Decimal {
	return decimalOfRat(new(big.Rat).Quo(d.Rat(), e.Rat()))
}

// decimalOfRat is r exactly where it ends within 28 significant digits, else rounded to them.
func decimalOfRat(r *big.Rat) Decimal {
	if r.IsInt() {
		return decimalOfBig(new(big.Int).Set(r.Num()), 0)
	}
	// Digits before the point, roughly; negative for leading zeros behind it.
	lead := (r.Num().BitLen()-r.Denom().BitLen())*30103/100000 + 1
	scale := max(int32(divDigits-lead), 8)
	for {
		n := new(big.Int).Mul(r.Num(), bigPow10(scale))
		q := quoHalfUp(n, r.Denom())
		if short := divDigits - len(new(big.Int).Abs(q).String()); short > 0 {
			scale += int32(short) // the guess at the leading digits was one too many
			continue
		}
		return decimalOfBig(q, scale).trim()
	}
}

// quoHalfUp is n / q rounded to the nearest, halves away from zero; q > 0.
func quoHalfUp(n, q *big.Int) *big.Int {
	m, rest := new(big.Int).QuoRem(n, q, new(big.Int))
	if rest.Lsh(rest.Abs(rest), 1).Cmp(q) >= 0 {
		m.Add(m, big.NewInt(int64(n.Sign())))
	}
	return m
}

// trim drops zeros at the end behind the point.
func (d Decimal) trim() Decimal {
	for d.scale > 0 && d.big == nil && d.small%10 == 0 {
		d.small /= 10
		d.scale--
	}
	if d.big != nil {
		ten, n := big.NewInt(10), d.big
		for d.scale > 0 {
			q, rest := new(big.Int).QuoRem(n, ten, new(big.Int))
			if rest.Sign() != 0 {
				break
			}
			n = q
			d.scale--
		}
		return decimalOfBig(n, d.scale)
	}
	return d
}

// Rat is the number as a fraction.
func (d Decimal) Rat() *big.Rat {
	if d.scale == 0 {
		return new(big.Rat).SetInt(d.int())
	}
	return new(big.Rat).SetFrac(d.int(), bigPow10(d.scale))
}

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	if d.big != nil {
		return d.big.Sign()
	}
	switch {
	case d.small < 0:
		return -1
	case d.small > 0:
		return 1
	}
	return 0
}

// Cmp compares by value: 1.50 is 1.5.
func (d Decimal) Cmp(e Decimal) int {
	if d.scale == e.scale && d.big == nil && e.big == nil {
		switch {
		case d.small < e.small:
			return -1
		case d.small > e.small:
			return 1
		}
		return 0
	}
	d, e = align(d, e)
	return d.int().Cmp(e.int())
}

// Scale is how many digits stand behind the point.
func (d Decimal) Scale() int { return int(d.scale) }

type rounding uint8

const (
	halfUp rounding = iota // halves away from zero
	down                   // towards zero
	floor                  // towards minus infinity
	ceil                   // towards plus infinity
)

// round writes the number with n digits behind the point, or as it is when it has fewer.
func (d Decimal) round(n int32, mode rounding) Decimal {
	if d.scale <= n {
		return d
	}
	q := bigPow10(d.scale - n)
	if mode == halfUp {
		return decimalOfBig(quoHalfUp(d.int(), q), n)
	}
	m, rest := new(big.Int).QuoRem(d.int(), q, new(big.Int))
	switch {
	case mode == floor && rest.Sign() < 0:
		m.Sub(m, big.NewInt(1))
	case mode == ceil && rest.Sign() > 0:
		m.Add(m, big.NewInt(1))
	}
	return decimalOfBig(m, n)
}

// Int64 is the number without what stands behind the point, if that fits.
func (d Decimal) Int64() (int64, bool) {
	w := d.round(0, down)
	return w.small, w.big == nil
}

// String writes the number without an exponent.
func (d Decimal) String() string {
	s := d.int().String()
	if d.scale == 0 {
		return s
	}
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if pad := int(d.scale) + 1 - len(s); pad > 0 {
		s = strings.Repeat("0", pad) + s
	}
	return sign + s[:len(s)-int(d.scale)] + "." + s[len(s)-int(d.scale):]
}
