package records

import (
	"strings"

	"vitalwire/adapters/acom"
)

// GlucoseUnit is the MDC unit of a glucose concentration as services write it, 0 for
// any other word. Brackets around it do not count.
func GlucoseUnit(word string) acom.Code {
	switch strings.ToLower(strings.Trim(strings.ReplaceAll(word, " ", ""), "()[]")) {
	case "mg/dl", "mgdl":
		return MgPerDL
	case "mmol/l", "mmol", "mmoll":
		return MmolPerL
	}
	return 0
}

// beyond are the words that sensors and meters show beyond what they measure, in the
// languages that files are exported in.
var beyond = map[string]string{
	"lo": "<", "low": "<", "niedrig": "<", "bajo": "<", "basso": "<", "bas": "<", "laag": "<", "baixo": "<", "låg": "<", "lågt": "<",
	"hi": ">", "high": ">", "hoch": ">", "alto": ">", "élevé": ">", "hoog": ">", "hög": ">", "högt": ">",
}

// BeyondWord is the comparator that a word in place of a number stands for, "<" or ">",
// and "" for any other word.
func BeyondWord(word string) (comparator string) { return beyond[strings.ToLower(word)] }

// SensedWord is the value of a continuous glucose sensor that gave a word: below or
// above what it measures. ok is false for every other word.
func SensedWord(word string, unit acom.Code) (v acom.Value, interpretation string, ok bool) {
	switch BeyondWord(word) {
	case "<":
		return BelowSensor(unit), "L", true
	case ">":
		return AboveSensor(unit), "H", true
	}
	return v, "", false
}

// Sensed is the value of a continuous glucose sensor that measures from 40 to 400
// mg/dL (2.2 to 22.2 mmol/L), as Dexcom's do. A number from outside that range, which
// some senders write in place of a word, is no value:
//
//	39, 401                      below 40, above 400
//	anything else beyond them    an error word of the transmitter, never a number
//
// interpretation is "L", "H" or "".
func Sensed(plain string, unit acom.Code) (v acom.Value, interpretation string) {
	low, high := limits(unit)
	switch {
	case strings.HasPrefix(plain, "-"):
	case Compare(plain, low) >= 0 && Compare(plain, high) <= 0:
		return Num(plain, unit), ""
	case unit == MgPerDL && Compare(plain, "39") == 0:
		return BelowSensor(unit), "L"
	case unit == MgPerDL && Compare(plain, "401") == 0:
		return AboveSensor(unit), "H"
	}
	return acom.Value{Absent: acom.AbsentError}, ""
}

// BelowSensor and AboveSensor are what a sensor that can tell no more says beyond its
// range.
func BelowSensor(unit acom.Code) acom.Value {
	low, _ := limits(unit)
	return Beyond(acom.Below, low, unit)
}

// AboveSensor is the counterpart of BelowSensor.
func AboveSensor(unit acom.Code) acom.Value {
	_, high := limits(unit)
	return Beyond(acom.Above, high, unit)
}

func limits(unit acom.Code) (low, high string) {
	if unit == MmolPerL {
		return "2.2", "22.2"
	}
	return "40", "400"
}

// Insulin is a dose that was given, by its MDC class (0 where the source tells none):
// therapy, no sign of life.
func Insulin(class acom.Code, units string, t acom.Time) acom.Measurement {
	if class == 0 {
		class = 8417796 // MDC_CTXT_MEDICATION
	}
	m := Numeric(class, Num(units, 267616), t) // MDC_DIM_INTL_UNIT
	m.Metric.Therapy = true
	return m
}

// The classes of insulin of IEEE 11073-10417.
const (
	RapidActing acom.Code = 8417800 // MDC_CTXT_MEDICATION_RAPIDACTING
	LongActing  acom.Code = 8417812 // MDC_CTXT_MEDICATION_LONGACTING
)

// Carbohydrates are what was eaten, in grams (MDC_CTXT_GLU_CARB).
func Carbohydrates(grams string, t acom.Time) acom.Measurement {
	return Numeric(8417764, Num(grams, Gram), t)
}
