package path

import (
	"math/big"

	"vitalwire/fhir/ucum/real"
)

// mathFunction are the functions of FHIRPath §5.7.
func mathFunction(name string) (function, bool) {
	switch name {
	case "abs":
		return onValue(func(_ *session, v *Item, out []Item) ([]Item, error) {
			switch v.kind {
			case KindInteger:
				return append(out, Integer(max(v.n, -v.n))), nil
			case KindDecimal:
				return append(out, DecimalItem(v.box.dec.abs())), nil
			case KindQuantity:
				return append(out, v.box.with(v.box.dec.abs())), nil
			}
			return nil, noNumber(v)
		}), true
	case "ceiling":
		return toWhole(ceil), true
	case "floor":
		return toWhole(floor), true
	case "truncate":
		return toWhole(down), true
	case "round":
		return function{0, 1, buildRound}, true
	case "exp":
		return elementary(func(x *big.Rat) (*big.Rat, bool) {
			if new(big.Rat).Abs(x).Cmp(big.NewRat(2000, 1)) > 0 {
				return nil, false
			}
			return real.Rat(real.Exp(real.New(x))), true
		}), true
	case "ln":
		return elementary(func(x *big.Rat) (*big.Rat, bool) {
			if x.Sign() <= 0 {
				return nil, false
			}
			return real.Rat(real.Ln(real.New(x))), true
		}), true
	case "sqrt":
		return elementary(func(x *big.Rat) (*big.Rat, bool) {
			if x.Sign() < 0 {
				return nil, false
			}
			f := real.New(x)
			return real.Rat(f.Sqrt(f)), true
		}), true
	case "log":
		return ofNumbers(func(x, base Decimal) (Decimal, bool) {
			if x.Sign() <= 0 || base.Sign() <= 0 || base.Cmp(DecimalOf(1)) == 0 {
				return Decimal{}, false
			}
			l := real.Ln(real.New(x.Rat()))
			return decimalOfRat(real.Rat(l.Quo(l, real.Ln(real.New(base.Rat()))))), true
		}), true
	case "power":
		return function{1, 1, buildPower}, true
	}
	return function{}, false
}

func (d Decimal) abs() Decimal {
	if d.Sign() < 0 {
		return d.Neg()
	}
	return d
}

func noNumber(v *Item) error {
	return errAt(Execution, 0, "a number was expected, not %s", v.TypeName())
}

// toWhole rounds to an Integer; out of its range gives empty. A Quantity keeps its unit.
func toWhole(mode rounding) function {
	return onValue(func(_ *session, v *Item, out []Item) ([]Item, error) {
		if v.kind == KindQuantity {
			return append(out, v.box.with(v.box.dec.round(0, mode))), nil
		}
		d, ok := v.number()
		if !ok {
			return nil, noNumber(v)
		}
		n, ok := d.round(0, mode).Int64()
		if r := Integer(n); ok && bounded(&r) {
			out = append(out, r)
		}
		return out, nil
	})
}

func buildRound(c *compiler, n *node) (callFn, error) {
	digits, err := c.optional(n, 0)
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		v, ok, err := singleValue(in)
		if err != nil || !ok {
			return out, err
		}
		places := int64(0)
		if digits != nil {
			given, ok, err := s.integer(f, digits)
			if err != nil || !ok {
				return out, err
			}
			if places = given; places < 0 {
				return nil, errAt(Execution, 0, "round() to a negative number of digits")
			}
		}
		to := int32(min(places, 2*maxDigits))
		if v.kind == KindQuantity {
			return append(out, v.box.with(v.box.dec.round(to, halfUp))), nil
		}
		d, ok := v.number()
		if !ok {
			return nil, noNumber(&v)
		}
		return append(out, DecimalItem(d.round(to, halfUp))), nil
	}, nil
}

// singleValue is the System value of a single item.
func singleValue(in []Item) (Item, bool, error) {
	switch len(in) {
	case 0:
		return Item{}, false, nil
	case 1:
		v, ok := in[0].value()
		return v, ok, nil
	}
	return Item{}, false, errAt(Execution, 0, "a single item was expected, there are %d", len(in))
}

// elementary is a function of one number whose result is a Decimal of 28 digits.
func elementary(fn func(x *big.Rat) (*big.Rat, bool)) function {
	return onValue(func(s *session, v *Item, out []Item) ([]Item, error) {
		d, ok := v.number()
		if !ok {
			return nil, noNumber(v)
		}
		if r, ok := fn(d.Rat()); ok {
			if result := decimalOfRat(r); result.fits() {
				out = append(out, DecimalItem(result))
			}
		}
		return out, s.spend(100)
	})
}

// ofNumbers is a function of the input and one argument.
func ofNumbers(fn func(x, y Decimal) (Decimal, bool)) function {
	return with1(func(s *session, f *frame, in []Item, arg evalFn, out []Item) ([]Item, error) {
		x, y, ok, err := s.numbers(f, in, arg)
		if err != nil || !ok {
			return out, err
		}
		d, _ := x.number()
		e, _ := y.number()
		if r, ok := fn(d, e); ok && r.fits() {
			out = append(out, DecimalItem(r))
		}
		return out, s.spend(100)
	})
}

func (s *session) numbers(f *frame, in []Item, arg evalFn) (x, y Item, ok bool, err error) {
	if x, ok, err = singleValue(in); err != nil || !ok {
		return x, y, false, err
	}
	it, ok, err := s.one(f, arg)
	if err != nil || !ok {
		return x, y, false, err
	}
	if y, ok = it.value(); !ok {
		return x, y, false, nil
	}
	for _, v := range [...]*Item{&x, &y} {
		if _, isNumber := v.number(); !isNumber {
			return x, y, false, noNumber(v)
		}
	}
	return x, y, true, nil
}

// buildPower compiles power(exponent): exact for whole exponents, an Integer
// where base and exponent are (FHIRPath §5.7.8).
func buildPower(c *compiler, n *node) (callFn, error) {
	arg, err := c.expr(n.args()[0])
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		x, y, ok, err := s.numbers(f, in, arg)
		if err != nil || !ok {
			return out, err
		}
		base, _ := x.number()
		exponent, _ := y.number()
		r, ok := powerOf(base, exponent)
		if !ok {
			return out, s.spend(100)
		}
		if x.kind == KindInteger && y.kind == KindInteger && exponent.Sign() >= 0 {
			n, ok := r.Int64()
			if it := Integer(n); ok && bounded(&it) {
				out = append(out, it)
			}
			return out, s.spend(100)
		}
		return append(out, DecimalItem(r)), s.spend(100)
	}, nil
}

func powerOf(base, exponent Decimal) (Decimal, bool) {
	whole := exponent.trim()
	n, fits := whole.Int64()
	switch {
	case whole.scale == 0 && fits && n >= 0 && n <= 4*maxDigits:
		// |base| > 1 must not grow past the bound on digits.
		if int64(base.int().BitLen())*n > 4*maxDigits || int64(base.scale)*n > 2*maxDigits {
			return Decimal{}, false
		}
		r := decimalOfBig(newInt().Exp(base.int(), big.NewInt(n), nil), base.scale*int32(n))
		return r, r.fits()
	case base.Sign() < 0 && whole.scale != 0, base.Sign() == 0:
		return Decimal{}, false
	}
	if n < 0 && whole.scale == 0 && fits && base.Sign() < 0 {
		r, ok := powerOf(base, exponent.Neg())
		if !ok || r.Sign() == 0 {
			return Decimal{}, false
		}
		return DecimalOf(1).Quo(r), true
	}
	if base.Sign() < 0 {
		return Decimal{}, false
	}
	y := real.Ln(real.New(base.Rat()))
	y.Mul(y, real.New(exponent.Rat()))
	if limit := real.New(big.NewRat(2000, 1)); y.Cmp(limit) > 0 || y.Cmp(limit.Neg(limit)) < 0 {
		return Decimal{}, false
	}
	r := decimalOfRat(real.Rat(real.Exp(y)))
	return r, r.fits()
}
