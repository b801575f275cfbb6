package phd20601

import (
	"math/big"

	"vitalwire/adapters/acom"
)

// Units of time that ticks become.
const (
	unitTick        = acom.Code(268992) // MDC_DIM_TICK
	unitMillisecond = acom.Code(264338) // MDC_DIM_MILLI_SEC
)

// untick writes a number of ticks as milliseconds. A tick is no unit: only the
// MDS's Tick-Resolution says how many a second has, and the guide wants the value
// converted with it (PHD 2.0, "Mapping Numerics to FHIR", MDC_DIM_TICK). It is
// done where the result is an exact decimal, as it is for every power of two that
// clocks count by; else the ticks stay ticks.
func untick(v *acom.Value, resolution uint16) {
	if v.Unit != unitTick || resolution == 0 || v.Number == nil || v.Number.Special != 0 {
		return
	}
	ticks, ok := new(big.Rat).SetString(v.Number.Text)
	if !ok {
		return
	}
	millis := ticks.Mul(ticks, big.NewRat(1000, int64(resolution)))
	// 1000/2^15 has 12 decimals, and an SFLOAT has 8 of its own at most.
	const most = 24
	digits, exact := millis.FloatPrec()
	if !exact || digits > most {
		return
	}
	v.Number, v.Unit = &acom.Number{Text: millis.FloatString(digits)}, unitMillisecond
}
