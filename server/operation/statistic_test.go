package operation

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

func measured(texts ...string) *sample {
	var list []measurement
	for i, text := range texts {
		r, _ := new(big.Rat).SetString(text)
		list = append(list, measurement{value: r, text: text, at: int64(i) * 3_600_000_000, timed: true})
	}
	return newSample(list)
}

func value(s *sample, code, name string) *big.Rat {
	for _, one := range statistics {
		if one.code == code && one.name == name {
			return one.value(s)
		}
	}
	return nil
}

// Known answers: the textbook's sample of mean 5, and quartiles of type 7.
func TestStatistics_KnownAnswers(t *testing.T) {
	s := measured("2", "4", "4", "4", "5", "5", "7", "9")
	for _, c := range []struct{ code, name, want string }{
		{"average", "", "5"}, {"maximum", "", "9"}, {"minimum", "", "2"}, {"count", "", "8"}, {"median", "", "4.5"},
		{"sum", "", "40"}, {"variance", "", "4.5714285714285714286"}, {"std-dev", "", "2.1380899352993950775"},
		{"4-lower", "", "4"}, {"4-upper", "", "5.5"}, {"4-dev", "", "0.75"}, {"20-percent", "", "4"}, {"80-percent", "", "6.2"},
		{"5-1", "", "4"}, {"5-2", "", "4"}, {"5-3", "", "5"}, {"5-4", "", "6.2"},
		{"skew", "", "0.65625"}, {"kurtosis", "", "2.78125"},
		{"regression", "gradient", "0.80952380952380952381"}, {"regression", "intercept", "2.1666666666666666667"},
	} {
		if got := decimal(value(s, c.code, c.name)); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.code, c.name, got, c.want)
		}
	}
}

// Exact where binary floating point is not; written digits stay.
func TestStatistics_Exact(t *testing.T) {
	s := measured("0.1", "0.2", "0.30")
	if got := decimal(value(s, "sum", "")); got != "0.6" {
		t.Error(got)
	}
	if got := decimal(value(s, "average", "")); got != "0.2" {
		t.Error(got)
	}
	if s.sorted[2].text != "0.30" {
		t.Error(s.sorted[2].text)
	}
	if value(measured("1"), "variance", "") != nil || value(measured(), "average", "") != nil || value(measured("1", "1"), "skew", "") != nil {
		t.Error("a value where there is none")
	}
	for text, want := range map[string]string{"1/3": "0.33333333333333333333", "-2/3": "-0.66666666666666666667", "1/3000": "0.00033333333333333333333", "12345678901234567890123/7": "1763668414462081127160", "0": "0", "100": "100", "1/4": "0.25"} {
		r, _ := new(big.Rat).SetString(text)
		if got := decimal(r); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// Random samples against plain formulas in floating point.
func TestStatistics_AgainstFloats(t *testing.T) {
	seed := rand.Uint64()
	g := rand.New(rand.NewPCG(seed, 3))
	for range 200 {
		var texts []string
		var x []float64
		for range 3 + g.IntN(40) {
			f := math.Round(g.NormFloat64()*10000) / 100
			texts, x = append(texts, strconv.FormatFloat(f, 'f', 2, 64)), append(x, f)
		}
		s := measured(texts...)
		sorted := slices.Sorted(slices.Values(x))
		n := float64(len(x))
		mean, m2, m3, m4 := 0.0, 0.0, 0.0, 0.0
		for _, v := range x {
			mean += v / n
		}
		for _, v := range x {
			d := v - mean
			m2, m3, m4 = m2+d*d/n, m3+d*d*d/n, m4+d*d*d*d/n
		}
		at := func(p float64) float64 {
			h := (n - 1) * p
			i := int(h)
			if i+1 >= len(sorted) {
				return sorted[len(sorted)-1]
			}
			return sorted[i] + (h-float64(i))*(sorted[i+1]-sorted[i])
		}
		for code, want := range map[string]float64{
			"average": mean, "variance": m2 * n / (n - 1), "std-dev": math.Sqrt(m2 * n / (n - 1)), "skew": m3 / math.Pow(m2, 1.5), "kurtosis": m4 / m2 / m2,
			"median": at(0.5), "20-percent": at(0.2), "80-percent": at(0.8), "4-lower": at(0.25), "4-upper": at(0.75), "4-dev": (at(0.75) - at(0.25)) / 2,
			"5-1": at(0.2), "5-2": at(0.4), "5-3": at(0.6), "5-4": at(0.8), "maximum": at(1), "minimum": at(0),
		} {
			got, _ := strconv.ParseFloat(decimal(value(s, code, "")), 64)
			if math.Abs(got-want) > 1e-9*math.Max(1, math.Abs(want)) {
				t.Fatalf("seed %d %v: %s: %v, want %v", seed, texts, code, got, want)
			}
		}
	}
}
