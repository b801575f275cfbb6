package ucum

import (
	"math/big"

	"vitalwire/fhir/ucum/real"
)

// scale is the function of a special unit (UCUM §3.1.4 table of special units): value turns a
// number of the proper unit into one on the scale, proper the other way. Both
// answer false where the other side has no number.
type scale struct {
	value, proper func(*big.Rat) (*big.Rat, bool)
}

func function(name string) (*scale, bool) {
	switch name {
	case "Cel":
		return shift(big.NewRat(27315, 100)), true
	case "degF":
		return shift(big.NewRat(45967, 100)), true
	case "degRe":
		return shift(big.NewRat(21852, 100)), true
	case "pH":
		return logarithm(10, -1), true
	case "ln":
		return logarithm(0, 1), true
	case "lg":
		return logarithm(10, 1), true
	case "lgTimes2":
		return logarithm(10, 2), true
	case "ld":
		return logarithm(2, 1), true
	case "hpX":
		return logarithm(10, -1), true
	case "hpC":
		return logarithm(100, -1), true
	case "hpM":
		return logarithm(1000, -1), true
	case "hpQ":
		return logarithm(50000, -1), true
	case "tanTimes100", "100tan":
		return tangent(), true
	case "sqrt":
		return root(), true
	}
	return nil, false
}

// shift is a scale with another zero: degrees of temperature. It is exact.
func shift(zero *big.Rat) *scale {
	return &scale{
		value:  func(x *big.Rat) (*big.Rat, bool) { return new(big.Rat).Sub(x, zero), true },
		proper: func(x *big.Rat) (*big.Rat, bool) { return new(big.Rat).Add(x, zero), true },
	}
}

// logarithm is times * log_base x; base 0 is e.
func logarithm(base, times int64) *scale {
	lnBase := func() *big.Float {
		if base == 0 {
			return real.New(big.NewRat(1, 1))
		}
		return real.Ln(real.New(big.NewRat(base, 1)))
	}
	return &scale{
		value: func(x *big.Rat) (*big.Rat, bool) {
			if x.Sign() <= 0 || x.Num().BitLen()+x.Denom().BitLen() > 1<<16 {
				return nil, false
			}
			l := real.Ln(real.New(x))
			r := real.Rat(l.Quo(l, lnBase()))
			return r.Mul(r, big.NewRat(times, 1)), true
		},
		proper: func(x *big.Rat) (*big.Rat, bool) {
			y := new(big.Rat).Quo(x, big.NewRat(times, 1))
			if new(big.Rat).Abs(y).Cmp(big.NewRat(500, 1)) > 0 {
				return nil, false
			}
			e := real.New(y)
			return real.Rat(real.Exp(e.Mul(e, lnBase()))), true
		},
	}
}

// tangent is 100 tan x: slope in percent, prism diopters.
func tangent() *scale {
	return &scale{
		value: func(x *big.Rat) (*big.Rat, bool) {
			if new(big.Rat).Abs(x).Cmp(big.NewRat(15, 10)) > 0 {
				return nil, false
			}
			t := real.Tan(real.New(x))
			if t == nil {
				return nil, false
			}
			r := real.Rat(t)
			return r.Mul(r, big.NewRat(100, 1)), true
		},
		proper: func(x *big.Rat) (*big.Rat, bool) {
			return real.Rat(real.Atan(real.New(new(big.Rat).Quo(x, big.NewRat(100, 1))))), true
		},
	}
}

func root() *scale {
	return &scale{
		value: func(x *big.Rat) (*big.Rat, bool) {
			if x.Sign() < 0 {
				return nil, false
			}
			f := real.New(x)
			return real.Rat(f.Sqrt(f)), true
		},
		proper: func(x *big.Rat) (*big.Rat, bool) { return new(big.Rat).Mul(x, x), true },
	}
}
