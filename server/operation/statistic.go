package operation

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
)

// sample is the measurements that statistics are made of, as exact fractions.
type sample struct {
	sorted []measurement
	mean   *big.Rat
	// m2 to m4 are the sums of the second to fourth powers of the differences from
	// the mean.
	m2, m3, m4 *big.Rat
}

// measurement is one value with what it was written as, and when it was made, in
// microseconds since 1970.
type measurement struct {
	value *big.Rat
	text  string
	at    int64
	timed bool
}

func newSample(list []measurement) *sample {
	s := &sample{sorted: slices.Clone(list), mean: new(big.Rat), m2: new(big.Rat), m3: new(big.Rat), m4: new(big.Rat)}
	slices.SortStableFunc(s.sorted, func(a, b measurement) int { return a.value.Cmp(b.value) })
	if len(list) == 0 {
		return s
	}
	s.mean.Quo(s.sum(), s.n())
	for _, m := range list {
		d := new(big.Rat).Sub(m.value, s.mean)
		square := new(big.Rat).Mul(d, d)
		s.m2.Add(s.m2, square)
		s.m3.Add(s.m3, new(big.Rat).Mul(square, d))
		s.m4.Add(s.m4, new(big.Rat).Mul(square, square))
	}
	return s
}

func (s *sample) n() *big.Rat { return new(big.Rat).SetInt64(int64(len(s.sorted))) }

func (s *sample) sum() *big.Rat {
	sum := new(big.Rat)
	for _, m := range s.sorted {
		sum.Add(sum, m.value)
	}
	return sum
}

// unitOf tells in which unit a statistic is, of measurements in a unit.
type unitOf uint8

const (
	sameUnit unitOf = iota
	squared
	noUnit
	perHour
)

// statistic is one of R4's observation-statistics; value is nil where it has none, as
// the variance of one measurement.
type statistic struct {
	code string
	unit unitOf
	// name tells apart what one code has two of.
	name  string
	value func(s *sample) *big.Rat
	// text is the value as it was written, where it is one of the measurements.
	text func(s *sample) string
}

// statistics are those of R4 (http://terminology.hl7.org/CodeSystem/observation-statistics)
// but for total-count, which counts more than the sample. Variance and standard
// deviation are those of a sample (n-1), skew and kurtosis the moment coefficients
// g1 and m4/m2² (3 for a normal distribution); quantiles between two measurements are
// interpolated (Hyndman and Fan's type 7).
var statistics = []statistic{
	{code: "average", value: func(s *sample) *big.Rat { return s.some(1, s.mean) }},
	{code: "maximum", value: func(s *sample) *big.Rat { return s.quantile(1, 1) }, text: func(s *sample) string { return s.sorted[len(s.sorted)-1].text }},
	{code: "minimum", value: func(s *sample) *big.Rat { return s.quantile(0, 1) }, text: func(s *sample) string { return s.sorted[0].text }},
	{code: "count", unit: noUnit, value: (*sample).n},
	{code: "median", value: func(s *sample) *big.Rat { return s.quantile(1, 2) }},
	{code: "std-dev", value: func(s *sample) *big.Rat { return root(s.variance()) }},
	{code: "sum", value: (*sample).sum},
	{code: "variance", unit: squared, value: (*sample).variance},
	{code: "20-percent", value: func(s *sample) *big.Rat { return s.quantile(1, 5) }},
	{code: "80-percent", value: func(s *sample) *big.Rat { return s.quantile(4, 5) }},
	{code: "4-lower", value: func(s *sample) *big.Rat { return s.quantile(1, 4) }},
	{code: "4-upper", value: func(s *sample) *big.Rat { return s.quantile(3, 4) }},
	{code: "4-dev", value: (*sample).quartileDeviation},
	{code: "5-1", value: func(s *sample) *big.Rat { return s.quantile(1, 5) }},
	{code: "5-2", value: func(s *sample) *big.Rat { return s.quantile(2, 5) }},
	{code: "5-3", value: func(s *sample) *big.Rat { return s.quantile(3, 5) }},
	{code: "5-4", value: func(s *sample) *big.Rat { return s.quantile(4, 5) }},
	{code: "skew", unit: noUnit, value: (*sample).skew},
	{code: "kurtosis", unit: noUnit, value: (*sample).kurtosis},
	{code: "regression", unit: perHour, name: "gradient", value: func(s *sample) *big.Rat { g, _ := s.regression(); return g }},
	{code: "regression", name: "intercept", value: func(s *sample) *big.Rat { _, i := s.regression(); return i }},
}

const totalCount = "total-count"

// statisticAliases are the codes as R4's text of the parameter has them.
var statisticAliases = map[string]string{"max": "maximum", "min": "minimum"}

// some is the value when there are enough measurements.
func (s *sample) some(least int, value *big.Rat) *big.Rat {
	if len(s.sorted) < least {
		return nil
	}
	return value
}

// quantile is the value below which num/den of the measurements lie.
func (s *sample) quantile(num, den int64) *big.Rat {
	if len(s.sorted) == 0 {
		return nil
	}
	h := big.NewRat(int64(len(s.sorted)-1)*num, den)
	at := int(new(big.Int).Quo(h.Num(), h.Denom()).Int64())
	low := s.sorted[at].value
	rest := h.Sub(h, big.NewRat(int64(at), 1))
	if rest.Sign() == 0 {
		return low
	}
	step := new(big.Rat).Sub(s.sorted[at+1].value, low)
	return step.Add(low, step.Mul(step, rest))
}

func (s *sample) variance() *big.Rat {
	if len(s.sorted) < 2 {
		return nil
	}
	return new(big.Rat).Quo(s.m2, big.NewRat(int64(len(s.sorted)-1), 1))
}

func (s *sample) quartileDeviation() *big.Rat {
	upper, lower := s.quantile(3, 4), s.quantile(1, 4)
	if upper == nil {
		return nil
	}
	d := new(big.Rat).Sub(upper, lower)
	return d.Quo(d, big.NewRat(2, 1))
}

// skew is sqrt(n) m3 / m2^1.5 of the sums; its square is a fraction.
func (s *sample) skew() *big.Rat {
	if s.m2.Sign() == 0 {
		return nil
	}
	square := new(big.Rat).Mul(s.m3, s.m3)
	square.Mul(square, s.n())
	cube := new(big.Rat).Mul(s.m2, s.m2)
	square.Quo(square, cube.Mul(cube, s.m2))
	g := root(square)
	if s.m3.Sign() < 0 {
		g.Neg(g)
	}
	return g
}

func (s *sample) kurtosis() *big.Rat {
	if s.m2.Sign() == 0 {
		return nil
	}
	k := new(big.Rat).Mul(s.m4, s.n())
	return k.Quo(k, new(big.Rat).Mul(s.m2, s.m2))
}

// regression is the line of least squares of the values over the time in hours since
// the first measurement.
func (s *sample) regression() (gradient, intercept *big.Rat) {
	var timed []measurement
	for _, m := range s.sorted {
		if m.timed {
			timed = append(timed, m)
		}
	}
	if len(timed) < 2 {
		return nil, nil
	}
	first := slices.MinFunc(timed, func(a, b measurement) int { return cmp.Compare(a.at, b.at) }).at
	n, sx, sy, sxx, sxy := big.NewRat(int64(len(timed)), 1), new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat)
	for _, m := range timed {
		hours := big.NewRat(m.at-first, 3_600_000_000)
		sx.Add(sx, hours)
		sy.Add(sy, m.value)
		sxx.Add(sxx, new(big.Rat).Mul(hours, hours))
		sxy.Add(sxy, new(big.Rat).Mul(hours, m.value))
	}
	below := new(big.Rat).Sub(new(big.Rat).Mul(n, sxx), new(big.Rat).Mul(sx, sx))
	if below.Sign() == 0 {
		return nil, nil
	}
	gradient = new(big.Rat).Sub(new(big.Rat).Mul(n, sxy), new(big.Rat).Mul(sx, sy))
	gradient.Quo(gradient, below)
	intercept = new(big.Rat).Sub(sy, new(big.Rat).Mul(gradient, sx))
	return gradient, intercept.Quo(intercept, n)
}

// root is the square root: exact for the square of a fraction, else to 70 digits.
func root(square *big.Rat) *big.Rat {
	if square == nil {
		return nil
	}
	num, den := new(big.Int).Sqrt(square.Num()), new(big.Int).Sqrt(square.Denom())
	exact := new(big.Rat).SetFrac(num, den)
	if new(big.Rat).Mul(exact, exact).Cmp(square) == 0 {
		return exact
	}
	f := new(big.Float).SetPrec(256).SetRat(square)
	r, _ := f.Sqrt(f).Rat(nil)
	return r
}

// digits is the precision of a statistic that has no end in decimals, or a longer one.
const digits = 20

// decimal writes a fraction: exactly when it has an end within 20 significant digits,
// else rounded to so many.
func decimal(r *big.Rat) string {
	if r.IsInt() && len(r.Num().String()) <= digits {
		return r.Num().String()
	}
	text := r.FloatString(places(r))
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" || text == "" {
		return "0"
	}
	return text
}

// places is how many digits behind the point make 20 significant ones.
func places(r *big.Rat) int {
	whole := new(big.Int).Quo(new(big.Int).Abs(r.Num()), r.Denom())
	if whole.Sign() != 0 {
		return max(digits-len(whole.String()), 0)
	}
	n := digits
	ten, rest := big.NewRat(10, 1), new(big.Rat).Abs(r)
	for limit := 0; limit < 400 && rest.Sign() != 0; limit++ {
		if rest.Mul(rest, ten).Cmp(big.NewRat(1, 1)) >= 0 {
			break
		}
		n++
	}
	return n
}
