package ucum

import (
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// The reasons why units cannot be computed with; found with errors.Is.
var (
	ErrIncommensurable = errors.New("the units measure different things")
	ErrNotRatio        = errors.New("a unit on a special scale can only be converted")
	ErrRange           = errors.New("the value has no meaning on the unit's scale")
)

// Unit is a parsed unit. Units are values; what they share is never changed.
type Unit struct {
	code   string
	factor *big.Rat // how many of the base units one of it is
	dims   dims
	// A special unit (UCUM §3.1.4) is special's scale, counted in factor and
	// dims; scale is the prefix before it.
	special *scale
	scale   *big.Rat
	// mixed is set where a special unit stands in a product or power: the text
	// is a unit, but there is nothing to compute.
	mixed bool
}

// dims are powers of base units and arbitrary units, sorted by symbol.
type dims []dim

type dim struct {
	code string
	exp  int
}

func (d dims) times(o dims, sign int) dims {
	if len(o) == 0 {
		return d
	}
	out := slices.Clone(d)
	for _, x := range o {
		i, found := slices.BinarySearchFunc(out, x.code, func(a dim, code string) int { return strings.Compare(a.code, code) })
		if !found {
			out = slices.Insert(out, i, dim{x.code, sign * x.exp})
			continue
		}
		if out[i].exp += sign * x.exp; out[i].exp == 0 {
			out = slices.Delete(out, i, i+1)
		}
	}
	return out
}

// String is the unit as a product of base units, "1" for none.
func (d dims) String() string {
	if len(d) == 0 {
		return "1"
	}
	var b strings.Builder
	for i, x := range d {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(x.code)
		if x.exp != 1 {
			b.WriteString(strconv.Itoa(x.exp))
		}
	}
	return b.String()
}

// String is the code the unit was parsed from, or for a computed one its base units.
func (u Unit) String() string { return u.code }

// Special reports whether the unit is on a scale of its own, like Cel or pH.
func (u Unit) Special() bool { return u.special != nil || u.mixed }

// Comparable reports whether values in the two units can be compared.
func (u Unit) Comparable(v Unit) bool {
	return !u.mixed && !v.mixed && slices.Equal(u.dims, v.dims)
}

// Base is the unit in base units (UCUM §4.2: canonical form), such as "g.m-1.s-2", and
// how many of them one unit is. For a special unit that is the unit its scale
// counts in; use ToBase for its values.
func (u Unit) Base() (factor *big.Rat, code string) {
	return new(big.Rat).Set(u.factor), u.dims.String()
}

// Mul is the unit u·v.
func (u Unit) Mul(v Unit) (Unit, error) { return u.combine(v, 1) }

// Div is the unit u/v.
func (u Unit) Div(v Unit) (Unit, error) { return u.combine(v, -1) }

func (u Unit) combine(v Unit, sign int) (Unit, error) {
	if u.Special() || v.Special() {
		return Unit{}, ErrNotRatio
	}
	return u.times(v, sign), nil
}

// times multiplies or divides. A special unit among the two makes it mixed.
func (u Unit) times(v Unit, sign int) Unit {
	w := Unit{dims: u.dims.times(v.dims, sign), mixed: u.Special() || v.Special()}
	if sign > 0 {
		w.factor = new(big.Rat).Mul(u.factor, v.factor)
	} else {
		w.factor = new(big.Rat).Quo(u.factor, v.factor)
	}
	w.code = w.dims.String()
	return w
}

// pow is the unit to a power.
func (u Unit) pow(n int) Unit {
	if n == 1 {
		return u
	}
	w := Unit{mixed: u.Special(), factor: ratPow(u.factor, n)}
	for _, x := range u.dims {
		if n != 0 {
			w.dims = append(w.dims, dim{x.code, x.exp * n})
		}
	}
	return w
}

func ratPow(r *big.Rat, n int) *big.Rat {
	e := big.NewInt(int64(max(n, -n)))
	num, den := new(big.Int).Exp(r.Num(), e, nil), new(big.Int).Exp(r.Denom(), e, nil)
	if n < 0 {
		num, den = den, num
	}
	return new(big.Rat).SetFrac(num, den)
}

// ToBase is a value of the unit counted in base units.
func (u Unit) ToBase(value *big.Rat) (*big.Rat, error) {
	switch {
	case u.mixed:
		return nil, ErrNotRatio
	case u.special != nil:
		proper, ok := u.special.proper(new(big.Rat).Mul(value, u.scale))
		if !ok {
			return nil, ErrRange
		}
		return proper.Mul(proper, u.factor), nil
	}
	return new(big.Rat).Mul(value, u.factor), nil
}

// fromBase is the reverse of ToBase.
func (u Unit) fromBase(value *big.Rat) (*big.Rat, error) {
	switch {
	case u.mixed:
		return nil, ErrNotRatio
	case u.special != nil:
		v, ok := u.special.value(new(big.Rat).Quo(value, u.factor))
		if !ok {
			return nil, ErrRange
		}
		return v.Quo(v, u.scale), nil
	}
	return new(big.Rat).Quo(value, u.factor), nil
}

// Convert counts a value of one unit in another.
func Convert(value *big.Rat, from, to Unit) (*big.Rat, error) {
	if !slices.Equal(from.dims, to.dims) {
		return nil, ErrIncommensurable
	}
	if from.code == to.code && !from.mixed {
		return new(big.Rat).Set(value), nil
	}
	base, err := from.ToBase(value)
	if err != nil {
		return nil, err
	}
	return to.fromBase(base)
}
