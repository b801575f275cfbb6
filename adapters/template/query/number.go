package query

import (
	"errors"
	"math/big"
	"strings"

	"vitalwire/fhir"
)

// Numbers are exact. They are bounded as those of iomt-fhir, which computes with
// System.Decimal: beyond maxNumber an operation overflows.
var (
	maxNumber, _ = new(big.Rat).SetString("79228162514264337593543950335")

	errOverflow = errors.New("mathematic error: overflow")
	errZero     = errors.New("mathematic error: divide by zero")
	errNoNumber = errors.New("mathematic error: no real number")
)

// Places is how many decimals a number has that no decimal writes exactly, such
// as a third.
const Places = 15

// number is what an element is worth beside another one.
func number(m, beside Match) (*big.Rat, bool) {
	if m.Element.Is(fhir.Number) {
		return ratOf(m.Element.Text())
	}
	if t, ok := m.Text(); ok && (m.xml || beside.xml) && (m.xml || m.Element.Is(fhir.Number)) && beside.Element.Is(fhir.Number) {
		return ratOf(strings.TrimSpace(t))
	}
	return nil, false
}

// ratOf reads a JSON number of a size that is no attack.
func ratOf(text string) (*big.Rat, bool) {
	if len(text) == 0 || len(text) > 64 {
		return nil, false
	}
	for i, c := range text {
		if (c < '0' || c > '9') && !(c == '-' && i == 0) && !(c == '.' && i > 0) {
			return powered(text)
		}
	}
	return new(big.Rat).SetString(text)
}

// powered reads a number with an exponent of at most two digits.
func powered(text string) (*big.Rat, bool) {
	mantissa, exponent, ok := strings.Cut(strings.ToLower(text), "e")
	if digits := strings.TrimLeft(exponent, "+-0"); !ok || len(digits) > 2 || strings.Trim(mantissa, "-.0123456789") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// element writes a number: exactly where a decimal can, otherwise with Places
// decimals.
func element(r *big.Rat) (*fhir.Element, error) {
	if new(big.Rat).Abs(r).Cmp(maxNumber) > 0 {
		return nil, errOverflow
	}
	return fhir.NewNumber(decimal(r)), nil
}

func decimal(r *big.Rat) string {
	den := new(big.Int).Set(r.Denom())
	places := 0
	for _, prime := range []int64{2, 5} {
		n, p, rest := 0, big.NewInt(prime), new(big.Int)
		for rest.Mod(den, p).Sign() == 0 && n < 100 {
			den.Quo(den, p)
			n++
		}
		places = max(places, n)
	}
	if den.IsInt64() && den.Int64() == 1 {
		return r.FloatString(places)
	}
	text := strings.TrimRight(r.FloatString(Places), "0")
	return strings.TrimSuffix(text, ".")
}

// raise is pow. A whole exponent is exact while the result is short; a fraction is
// a root, rounded to Places decimals.
func raise(base, exponent *big.Rat) (*big.Rat, error) {
	if base.Sign() == 0 {
		switch exponent.Sign() {
		case 0:
			return big.NewRat(1, 1), nil
		case -1:
			return nil, errZero
		}
		return new(big.Rat), nil
	}
	if !exponent.Num().IsInt64() || exponent.Num().BitLen() > 12 || exponent.Denom().BitLen() > 10 {
		return nil, errOverflow
	}
	result, exact, err := root(base, exponent.Denom().Int64())
	if err != nil {
		return nil, err
	}
	n := exponent.Num().Int64()
	if n < 0 {
		result, n = new(big.Rat).Inv(result), -n
	}
	power, square := big.NewRat(1, 1), result
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			power = new(big.Rat).Mul(power, square)
		}
		if power.Num().BitLen() > 4096 || power.Denom().BitLen() > 4096 {
			return nil, errOverflow
		}
		if n > 1 {
			if square = new(big.Rat).Mul(square, square); square.Num().BitLen() > 8192 || square.Denom().BitLen() > 8192 {
				return nil, errOverflow
			}
		}
	}
	if !exact {
		power.SetString(power.FloatString(Places))
	}
	return power, nil
}

// root is the n-th root by bisection of its decimals; exact tells whether it is a
// decimal of at most 20 places.
func root(x *big.Rat, n int64) (result *big.Rat, exact bool, err error) {
	if n == 1 {
		return x, true, nil
	}
	if x.Sign() < 0 || n > 64 {
		return nil, false, errNoNumber
	}
	const places = 20
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(places), nil)
	// The greatest k with k^n <= x * scale^n.
	goal := new(big.Int).Mul(x.Num(), new(big.Int).Exp(scale, big.NewInt(n), nil))
	goal.Quo(goal, x.Denom())
	low, high := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(goal.BitLen()/int(n)+1))
	one := big.NewInt(1)
	for new(big.Int).Sub(high, low).Cmp(one) > 0 {
		middle := new(big.Int).Rsh(new(big.Int).Add(low, high), 1)
		if new(big.Int).Exp(middle, big.NewInt(n), nil).Cmp(goal) <= 0 {
			low = middle
		} else {
			high = middle
		}
	}
	result = new(big.Rat).SetFrac(low, scale)
	power := new(big.Rat).SetFrac(new(big.Int).Exp(low, big.NewInt(n), nil), new(big.Int).Exp(scale, big.NewInt(n), nil))
	return result, power.Cmp(x) == 0, nil
}
