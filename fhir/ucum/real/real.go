// Package real computes the elementary functions that decimals need now and
// then (logarithms, powers, slopes) on big.Float to any precision, so that no
// machine float meets a clinical number. Results are good to the precision
// asked for less a few bits.
package real

import "math/big"

// Prec is the precision in bits of everything here: about 70 digits, of which
// callers keep at most 40.
const Prec = 240

// New is a value of the precision of this package.
func New(r *big.Rat) *big.Float { return flt().SetRat(r) }

func flt() *big.Float { return new(big.Float).SetPrec(Prec) }

func whole(n int64) *big.Float { return flt().SetInt64(n) }

// tiny reports whether x no longer matters beside 1.
func tiny(x *big.Float) bool { return x.Sign() == 0 || x.MantExp(nil) < -Prec-8 }

// Exp is e to the power of x. |x| must be below 10,000.
func Exp(x *big.Float) *big.Float {
	// e^x = (e^(x/2^k))^(2^k), with x/2^k small enough for the series.
	k := max(x.MantExp(nil)+8, 0)
	r := flt().SetMantExp(x, -k)
	sum, term := whole(1), whole(1)
	for n := int64(1); ; n++ {
		term.Mul(term, r)
		term.Quo(term, whole(n))
		if tiny(term) {
			break
		}
		sum.Add(sum, term)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return sum
}

// Ln is the natural logarithm; x must be positive.
func Ln(x *big.Float) *big.Float {
	m := flt()
	e := x.MantExp(m) // x = m * 2^e, m in [0.5, 1)
	result := lnNear1(m)
	if e != 0 {
		ln2 := lnNear1(flt().SetRat(big.NewRat(1, 2)))
		result.Sub(result, ln2.Mul(ln2, whole(int64(e))))
	}
	return result
}

// lnNear1 is the logarithm of m in [0.5, 1]: roots bring it near 1, where
// ln m = 2 atanh((m-1)/(m+1)) converges fast.
func lnNear1(m *big.Float) *big.Float {
	const roots = 6
	y := flt().Set(m)
	for range roots {
		y.Sqrt(y)
	}
	one := whole(1)
	z := flt().Quo(flt().Sub(y, one), flt().Add(y, one))
	z2 := flt().Mul(z, z)
	sum, power := flt().Set(z), flt().Set(z)
	for n := int64(3); ; n += 2 {
		power.Mul(power, z2)
		term := flt().Quo(power, whole(n))
		if tiny(term) {
			break
		}
		sum.Add(sum, term)
	}
	return sum.SetMantExp(sum, roots+1)
}

// Pow is x to the power of y, for a positive x.
func Pow(x, y *big.Float) *big.Float {
	l := Ln(x)
	return Exp(l.Mul(l, y))
}

// Atan is the arc tangent.
func Atan(x *big.Float) *big.Float {
	// atan x = 2 atan(x / (1 + sqrt(1 + x^2))) makes x small.
	const halvings = 8
	y := flt().Set(x)
	for range halvings {
		s := flt().Mul(y, y)
		s.Add(s, whole(1))
		s.Sqrt(s)
		y.Quo(y, s.Add(s, whole(1)))
	}
	y2 := flt().Mul(y, y)
	y2.Neg(y2)
	sum, power := flt().Set(y), flt().Set(y)
	for n := int64(3); ; n += 2 {
		power.Mul(power, y2)
		term := flt().Quo(power, whole(n))
		if tiny(term) {
			break
		}
		sum.Add(sum, term)
	}
	return sum.SetMantExp(sum, halvings)
}

// Tan is the tangent; |x| must be below 10. It is nil where it has no value.
func Tan(x *big.Float) *big.Float {
	sin, cos := flt().Set(x), whole(1)
	term := whole(1)
	for n := int64(1); n == 1 || !tiny(term); n++ {
		term.Mul(term, x)
		term.Quo(term, whole(n))
		switch n % 4 {
		case 0:
			cos.Add(cos, term)
		case 1:
			if n > 1 {
				sin.Add(sin, term)
			}
		case 2:
			cos.Sub(cos, term)
		case 3:
			sin.Sub(sin, term)
		}
	}
	if cos.Sign() == 0 {
		return nil
	}
	return sin.Quo(sin, cos)
}

// Rat is x rounded to 40 significant digits, as a fraction; digits that only
// rounding made (15.999... for 16) are gone then.
func Rat(x *big.Float) *big.Rat {
	r, ok := new(big.Rat).SetString(x.Text('e', 39))
	if !ok {
		return new(big.Rat)
	}
	return r
}
