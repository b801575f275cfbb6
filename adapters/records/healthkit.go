package records

import (
	"strings"

	"vitalwire/adapters/acom"
)

// HealthKitSystem is the code system of Apple's type identifiers.
const HealthKitSystem = "http://developer.apple.com/documentation/healthkit"

const healthKitQuantity = "HKQuantityTypeIdentifier"

// kit is what a quantity type of HealthKit measures: an MDC term, or a LOINC code
// beside Apple's own.
type kit struct {
	code  acom.Code
	loinc string
	// clinical is set for what is no matter of everyday life though MDC has no code.
	clinical bool
}

// kits by the type identifier without its prefix. What is not here keeps Apple's code.
var kits = map[string]kit{
	"HeartRate": {code: Pulse}, "OxygenSaturation": {code: Saturation}, "BodyTemperature": {code: Temperature}, "RespiratoryRate": {code: Respiration},
	"BodyMass": {code: Weight}, "Height": {code: Height}, "BodyMassIndex": {code: BMI}, "BodyFatPercentage": {code: BodyFat},
	"BloodGlucose":             {code: 160020}, // MDC_CONC_GLU_GEN: the type does not tell blood from interstitial fluid
	"PeakExpiratoryFlowRate":   {code: 152584}, // MDC_FLOW_AWAY_EXP_FORCED_PEAK
	"ForcedExpiratoryVolume1":  {code: 152586}, // MDC_VOL_AWAY_EXP_FORCED_1S
	"PeripheralPerfusionIndex": {code: 150488}, // MDC_BLD_PERF_INDEX
	"DietaryCarbohydrates":     {code: 8417764},
	"RestingHeartRate":         {loinc: "40443-4", clinical: true},
	"HeartRateVariabilitySDNN": {loinc: "80404-7", clinical: true},
	"ForcedVitalCapacity":      {loinc: "19870-5", clinical: true},
	"LeanBodyMass":             {loinc: "91557-9", clinical: true},
	"WaistCircumference":       {loinc: "8280-0", clinical: true},
	"BasalBodyTemperature":     {clinical: true}, "AtrialFibrillationBurden": {clinical: true}, "BloodAlcoholContent": {clinical: true},
	"StepCount": {loinc: "55423-8"}, "ActiveEnergyBurned": {loinc: "41981-2"},
}

// IsHealthKit reports whether a name is that of a quantity type of HealthKit, without its
// prefix, which has a meaning here.
func IsHealthKit(name string) bool { _, ok := kits[name]; return ok }

// HealthKit is a quantity sample of Apple's HealthKit: type is its identifier, plain and
// unit the value as it was told. A percentage is a fraction there: its point is moved,
// and more than 1 is no value. ok is false for a type that is no quantity.
func HealthKit(typ, plain, unit string, t acom.Time) (m acom.Measurement, ok bool) {
	name, ok := strings.CutPrefix(typ, healthKitQuantity)
	if !ok || name == "" {
		return m, false
	}
	v := Unit(plain, unit)
	if unit == "%" {
		if strings.HasPrefix(plain, "-") || Compare(plain, "1") > 0 {
			v = acom.Value{Absent: acom.AbsentError}
		} else {
			v = Num(Shift(plain, 2), Percent)
		}
	}
	if name == "InsulinDelivery" && unit == "IU" {
		return Insulin(0, plain, t), true
	}
	known := kits[name]
	if name == "BodyMassIndex" && unit == "count" {
		v = Num(plain, KgPerM2)
	}
	own := acom.Coding{System: HealthKitSystem, Code: Clip(typ, 100)}
	if known.code != 0 {
		m = Numeric(known.code, v, t)
		m.Metric.Codings = []acom.Coding{own}
		if v.Number != nil && !IsPositive(v.Number.Text) && known.code != Temperature {
			m.Value = acom.Value{Absent: acom.AbsentError} // nobody has a heart rate or a weight of nought
		}
		return m, true
	}
	own.Display = words(name)
	m = acom.Measurement{Kind: acom.Numeric, Value: v, Time: t, Metric: &acom.Metric{Codings: []acom.Coding{own}, Activity: !known.clinical}}
	if known.loinc != "" {
		m.Metric.Codings = append(m.Metric.Codings, acom.Coding{System: "http://loinc.org", Code: known.loinc})
	}
	return m, true
}

// words parts a name such as StepCount.
func words(name string) string {
	var b strings.Builder
	before := ' '
	for _, c := range Clip(name, 80) {
		capital := c >= 'A' && c <= 'Z' && (before >= 'a' && before <= 'z' || before >= '0' && before <= '9')
		before = c
		if capital {
			b.WriteByte(' ')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}
