package mapping

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
)

// samplesPart maps a sample array to SampledData with the device's own scaling, so
// that the samples are passed on as sent (PhdRtsaObservation, notes):
//
//	factor = (B-A)/(J-I), origin = A - factor·I
//
// with A..B the absolute and I..J the scaled range. The arithmetic is exact. A
// sample outside I..J has no absolute value and is written "L" or "U", a gap "E".
func samplesPart(s acom.Samples, unit acom.Code, foreign *acom.Coding) (part, error) {
	period, ok := new(big.Rat).SetString(s.Period)
	if !ok || period.Sign() <= 0 {
		return part{}, fmt.Errorf("%q is no sample period", s.Period)
	}
	if s.Decimals != nil {
		return decimalsPart(s, period, unit, foreign)
	}
	if s.LowerAbsolute.Special != 0 || s.UpperAbsolute.Special != 0 || s.LowerScaled == s.UpperScaled {
		return part{absent: "error", notes: []string{"The device gave no range to scale the samples by; they are not shown."}}, nil
	}
	low, okLow := new(big.Rat).SetString(s.LowerAbsolute.Text)
	high, okHigh := new(big.Rat).SetString(s.UpperAbsolute.Text)
	if !okLow || !okHigh {
		return part{}, fmt.Errorf("range %q..%q is no range of decimals", s.LowerAbsolute.Text, s.UpperAbsolute.Text)
	}
	steps := new(big.Rat).Sub(rat(s.UpperScaled), rat(s.LowerScaled))
	factor := new(big.Rat).Quo(new(big.Rat).Sub(high, low), steps)
	origin := new(big.Rat).Sub(low, new(big.Rat).Mul(factor, rat(s.LowerScaled)))

	var p part
	exact := func(name string, r *big.Rat) json.Number {
		text, whole := decimalOf(r)
		if !whole {
			p.notes = append(p.notes, fmt.Sprintf("The %s is %s, which no decimal writes exactly; it is rounded.", name, r.RatString()))
		}
		return json.Number(text)
	}
	q, alien, err := quantityOf(string(exact("origin", origin)), unit, foreign)
	if err != nil {
		return part{}, err
	}
	p.foreign = alien
	p.sampled = &samply.SampledData{
		Origin:     q,
		Period:     exact("period in ms", new(big.Rat).Mul(period, rat(1000))),
		Factor:     ptr(exact("factor", factor)),
		LowerLimit: ptr(json.Number(strconv.FormatInt(min(s.LowerScaled, s.UpperScaled), 10))),
		UpperLimit: ptr(json.Number(strconv.FormatInt(max(s.LowerScaled, s.UpperScaled), 10))),
		Dimensions: max(s.Dimensions, 1),
		Data:       ptr(data(s)),
	}
	return p, nil
}

// decimalsPart passes on samples that are decimals already: origin 0, no factor.
func decimalsPart(s acom.Samples, period *big.Rat, unit acom.Code, foreign *acom.Coding) (part, error) {
	var p part
	for _, d := range s.Decimals {
		if d != "E" && !isDecimal(d) {
			return part{}, fmt.Errorf("sample %q is no decimal", d)
		}
	}
	q, alien, err := quantityOf("0", unit, foreign)
	if err != nil {
		return part{}, err
	}
	p.foreign = alien
	millis := new(big.Rat).Mul(period, rat(1000))
	text, whole := decimalOf(millis)
	if !whole {
		p.notes = append(p.notes, fmt.Sprintf("The period in ms is %s, which no decimal writes exactly; it is rounded.", millis.RatString()))
	}
	p.sampled = &samply.SampledData{Origin: q, Period: json.Number(text), Dimensions: max(s.Dimensions, 1), Data: ptr(strings.Join(s.Decimals, " "))}
	if l := s.Limits; l != nil && isDecimal(l.Low) && isDecimal(l.High) {
		p.sampled.LowerLimit, p.sampled.UpperLimit = ptr(json.Number(l.Low)), ptr(json.Number(l.High))
	}
	return p, nil
}

func data(s acom.Samples) string {
	low, high := min(s.LowerScaled, s.UpperScaled), max(s.LowerScaled, s.UpperScaled)
	words := make([]string, len(s.Raw))
	for i, raw := range s.Raw {
		switch {
		case slices.Contains(s.Missing, i):
			words[i] = "E"
		case raw < low:
			words[i] = "L"
		case raw > high:
			words[i] = "U"
		default:
			words[i] = strconv.FormatInt(raw, 10)
		}
	}
	return strings.Join(words, " ")
}

func rat(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

// decimalOf writes r as a decimal: exactly if a decimal can, otherwise rounded to
// 15 places.
func decimalOf(r *big.Rat) (text string, exact bool) {
	den, rest := new(big.Int).Set(r.Denom()), new(big.Int)
	places := 0
	for _, prime := range []int64{2, 5} {
		n := 0
		for p := big.NewInt(prime); rest.Mod(den, p).Sign() == 0; n++ {
			den.Quo(den, p)
		}
		places = max(places, n)
	}
	if den.IsInt64() && den.Int64() == 1 {
		return r.FloatString(places), true
	}
	return r.FloatString(15), false
}
