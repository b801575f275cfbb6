package records

import (
	"strings"

	"vitalwire/adapters/acom"
)

// units are the words that phones' health stores write for units.
var units = map[string]acom.Code{
	"count": 262656, "count/min": PerMinute, "/min": PerMinute, "bpm": Beats, "beats/min": Beats, "breaths/min": Breaths, "%": Percent,
	"kg": Kilogram, "g": Gram, "lb": Pound, "m": Metre, "cm": Centimetre, "in": Inch, "km": 263427,
	"mmHg": MMHg, "kPa": KiloPascal, "mg/dL": MgPerDL, "mmol/L": MmolPerL, "degC": Celsius, "celsius": Celsius, "°C": Celsius, "C": Celsius, "degF": Fahrenheit, "°F": Fahrenheit,
	"F": Fahrenheit, "°c": Celsius, "°f": Fahrenheit, "kcal": Kilocal,
	"ms": Millis, "s": Seconds, "sec": Seconds, "min": Minutes, "hr": 264384, "h": 264384, "kJ": 266115, "W": 266176, "IU": 267616,
	"L": 263744, "mL": 263762, "L/min": 265216, "mg": 263890, "mcg": 263891, "m/s": 264960, "kg/m2": KgPerM2, "kg/m^2": KgPerM2,
	"mL/min·kg": 270930, "mL/kg*min": 270930, "mL/kg/min": 270930, "mL/min/kg": 270930, "mV": MilliVolt,
}

// ucums are those that MDC has no code for.
var ucums = map[string]string{"km/hr": "km/h", "mi": "[mi_i]", "ft": "[ft_i]", "Cal": "[Cal]", "oz": "[oz_av]"}

// Unit is a number in a unit by its word. A word that is not known stays a word.
func Unit(plain, word string) acom.Value {
	if strings.HasPrefix(word, "mmol<") && strings.HasSuffix(word, ">/L") { // HealthKit tells the molar mass in it
		word = "mmol/L"
	}
	switch code, ucum := units[word], ucums[word]; {
	case code != 0:
		return Num(plain, code)
	case ucum != "":
		return In(plain, ucum)
	}
	return Words(plain, word)
}
