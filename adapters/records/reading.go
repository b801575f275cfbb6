package records

import (
	"strconv"
	"time"

	"vitalwire/adapters/acom"
)

// MDC codes that several services measure by, with the units they tell them in.
const (
	Pulse            acom.Code = 149514 // MDC_PULS_RATE
	PulseBP          acom.Code = 149546 // MDC_PULS_RATE_NON_INV
	BloodPressure    acom.Code = 150020 // MDC_PRESS_BLD_NONINV
	Systolic         acom.Code = 150021
	Diastolic        acom.Code = 150022
	MeanPressure     acom.Code = 150023
	Saturation       acom.Code = 150456 // MDC_PULS_OXIM_SAT_O2
	Temperature      acom.Code = 150364 // MDC_TEMP_BODY
	SkinTemperature  acom.Code = 150388 // MDC_TEMP_SKIN
	Respiration      acom.Code = 151562 // MDC_RESP_RATE
	GlucoseISF       acom.Code = 160212 // MDC_CONC_GLU_ISF
	GlucoseCapillary acom.Code = 160184 // MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD
	GlucoseTrend     acom.Code = 8418008
	Weight           acom.Code = 188736 // MDC_MASS_BODY_ACTUAL
	Height           acom.Code = 188740 // MDC_LEN_BODY_ACTUAL
	BodyFat          acom.Code = 188748 // MDC_BODY_FAT
	BMI              acom.Code = 188752 // MDC_RATIO_MASS_BODY_LEN_SQ
	ECGLeadI         acom.Code = 131329 // MDC_ECG_ELEC_POTL_I

	Percent    acom.Code = 262688
	PerMinute  acom.Code = 264672
	Beats      acom.Code = 264864
	Breaths    acom.Code = 264928
	MMHg       acom.Code = 266016
	KiloPascal acom.Code = 265987
	MgPerDL    acom.Code = 264274
	MmolPerL   acom.Code = 266866
	Celsius    acom.Code = 268192
	Fahrenheit acom.Code = 266560
	Kilogram   acom.Code = 263875
	Gram       acom.Code = 263872
	Pound      acom.Code = 263904
	Metre      acom.Code = 263424
	Centimetre acom.Code = 263441
	Inch       acom.Code = 263520
	KgPerM2    acom.Code = 264096
	Millis     acom.Code = 264338
	Seconds    acom.Code = 264320
	Minutes    acom.Code = 264352
	Kilocal    acom.Code = 270499
	MilliVolt  acom.Code = 266418
)

// Num is a number in an MDC unit.
func Num(plain string, unit acom.Code) acom.Value {
	return acom.Value{Number: &acom.Number{Text: plain}, Unit: unit}
}

// In is a number in a unit that MDC has no code for: a UCUM code.
func In(plain, ucum string) acom.Value {
	return acom.Value{Number: &acom.Number{Text: plain}, Foreign: &acom.Coding{System: "http://unitsofmeasure.org", Code: ucum}}
}

// Words is a number in a unit that nobody can code: it stays the words that were sent.
func Words(plain, unit string) acom.Value {
	return acom.Value{Number: &acom.Number{Text: plain}, Foreign: &acom.Coding{Display: Clip(unit, 60)}}
}

// Numeric is a measurement of one number.
func Numeric(typ acom.Code, v acom.Value, t acom.Time) acom.Measurement {
	return acom.Measurement{Kind: acom.Numeric, Type: typ, Value: v, Time: t, Metric: &acom.Metric{}}
}

// Own is a measurement of everyday life that only the service has a code for.
func Own(service, code, display string, v acom.Value, t acom.Time) acom.Measurement {
	kind := acom.Numeric
	if v.Number == nil {
		kind = acom.CodedEnumeration
	}
	return acom.Measurement{Kind: kind, Value: v, Time: t, Metric: &acom.Metric{
		Codings: []acom.Coding{{System: System(service), Code: code, Display: display}}, Activity: true}}
}

// Panel is a blood pressure. A part that was not told has the reason for that.
func Panel(systolic, diastolic acom.Value, t acom.Time) acom.Measurement {
	return acom.Measurement{Kind: acom.CompoundNumeric, Type: BloodPressure, Time: t, Metric: &acom.Metric{},
		Components: []acom.Component{{Type: Systolic, Value: systolic}, {Type: Diastolic, Value: diastolic}}}
}

// Manual marks a reading that somebody typed in: no device measured it.
func Manual(m *acom.Measurement) {
	m.Metric.Method = &acom.Coding{System: "urn:vitalwire:code:method", Code: "manual", Display: "Entered by hand"}
}

// By notes which device or app measured, by a name that is not its alone.
func By(m *acom.Measurement, name string) {
	if name = Clip(name, 100); name != "" {
		m.Metric.Notes = append(m.Metric.Notes, "Measured by "+name+".")
	}
}

// Rounded notes what was measured where the service wrote out a number of 32-bit binary.
// The value stays as it was sent.
func Rounded(m *acom.Measurement, service string) {
	for _, v := range append([]acom.Component{{Value: m.Value}}, m.Components...) {
		if n := v.Value.Number; n != nil {
			if short, ok := Binary32(n.Text); ok {
				m.Metric.Notes = append(m.Metric.Notes, service+" keeps numbers in 32-bit binary: "+n.Text+" was measured as "+short+".")
			}
		}
	}
}

// Lasting gives a measurement that began at its time an end. One that ends before
// it began has none, which is said in a note (R4 Period per-1).
func Lasting(m *acom.Measurement, end acom.Time) {
	from, okFrom := Moment(m.Time)
	to, okTo := Moment(end)
	switch {
	case !okFrom || !okTo:
	case to.Before(from):
		m.Metric.Notes = append(m.Metric.Notes, "The source gives an end before the start; only the start is kept.")
	case to.After(from):
		m.Duration = Span(to.Sub(from))
	}
}

// Span is a duration as seconds.
func Span(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// Beyond is a value that the source says lies below or above a limit.
func Beyond(comparator acom.Comparator, limit string, unit acom.Code) acom.Value {
	v := Num(limit, unit)
	v.Comparator = comparator
	return v
}
