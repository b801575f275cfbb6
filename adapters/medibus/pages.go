package medibus

import "vitalwire/adapters/acom"

// code is what a code of a page is called here, its unit, and the MDC term where that
// means the same without doubt; 0 is none.
type code struct {
	name string
	unit *acom.Coding
	mdc  acom.Code
}

func ucum(code string) *acom.Coding {
	return &acom.Coding{System: "http://unitsofmeasure.org", Code: code, Display: code}
}

// Units that the protocol fixes for a code.
var (
	mbar        = ucum("mbar")
	kPa         = ucum("kPa")
	mercury     = ucum("mm[Hg]")
	percent     = ucum("%")
	perMinute   = ucum("/min")
	mL          = ucum("mL")
	L           = ucum("L")
	mlPerMinute = ucum("mL/min")
	tenMl       = ucum("10.mL/min")
	lPerMinute  = ucum("L/min")
	mlPerMbar   = ucum("mL/mbar")
	mbarPerL    = ucum("mbar/L")
	seconds     = ucum("s")
	kilogram    = ucum("kg")
	years       = ucum("a")
)

// The pages. A code that is not here has its number alone.
var (
	page1        = page{"cp1", 1, "measurement", codes1}
	page2        = page{"cp2", 2, "measurement", codes2}
	pageSettings = page{"setting", 3, "setting", settings}
	pageTexts    = page{"text", 4, "measurement", texts}
	pageCurves   = page{"curve", 5, "measurement", curves}
)

var codes1 = map[byte]code{
	0x05: {"Breathing pressure", mbar, 0},
	0x06: {"Compliance, fraction", mlPerMbar, 0},
	0x07: {"Compliance", nil, 0},
	0x08: {"Resistance", nil, 0},
	0x09: {"Carbon dioxide production", nil, 0},
	0x0B: {"Resistance, fraction", nil, 0},
	0x50: {"Inspired halothane", kPa, 152176},
	0x51: {"Expired halothane", kPa, 152120},
	0x52: {"Inspired enflurane", kPa, 152172},
	0x53: {"Expired enflurane", kPa, 152116},
	0x54: {"Inspired isoflurane", kPa, 152184},
	0x55: {"Expired isoflurane", kPa, 152128},
	0x56: {"Inspired desflurane", kPa, 152168},
	0x57: {"Expired desflurane", kPa, 152112},
	0x58: {"Inspired sevoflurane", kPa, 152180},
	0x59: {"Expired sevoflurane", kPa, 152124},
	0x5A: {"Inspired agent", kPa, 152464},
	0x5B: {"Expired agent", kPa, 0},
	0x5C: {"Inspired second agent", kPa, 0},
	0x5D: {"Expired second agent", kPa, 0},
	0x64: {"Oxygen uptake", tenMl, 0},
	0x6B: {"Ambient pressure", mbar, 0},
	0x71: {"Minimal airway pressure", nil, 0},
	0x72: {"Occlusion pressure", nil, 0},
	0x73: {"Mean breathing pressure", mbar, 0},
	0x74: {"Plateau pressure", mbar, 151784},
	0x78: {"Positive end-expiratory pressure", mbar, 151804},
	0x79: {"Intrinsic positive end-expiratory pressure", nil, 151808},
	0x7A: {"Spontaneous minute volume, fraction", nil, 0},
	0x7D: {"Peak breathing pressure", mbar, 151817},
	0x81: {"Trapped volume", nil, 0},
	0x82: {"Tidal volume, fraction", nil, 0},
	0x88: {"Tidal volume", mL, 151868},
	0x89: {"Dead space", nil, 0},
	0x8A: {"Relative dead space", nil, 0},
	0x8B: {"Inspiratory spontaneous support volume", nil, 0},
	0xAC: {"Inspired MAC", nil, 0},
	0xAD: {"Expired MAC", nil, 0},
	0xAE: {"Inspired desflurane", percent, 152168},
	0xAF: {"Expired desflurane", percent, 152112},
	0xB0: {"Inspired sevoflurane", percent, 152180},
	0xB1: {"Expired sevoflurane", percent, 152124},
	0xB2: {"Leakage", mlPerMinute, 0},
	0xB4: {"Respiratory rate by pressure", perMinute, 0},
	0xB5: {"Spontaneous respiratory rate", nil, 0},
	0xB7: {"Spontaneous minute volume", nil, 0},
	0xB8: {"Respiratory minute volume", nil, 0},
	0xB9: {"Respiratory minute volume, fraction", L, 0},
	0xBD: {"Apnea duration", seconds, 151856},
	0xC1: {"Airway temperature", nil, 0},
	0xC4: {"Oxygen difference", percent, 0},
	0xC9: {"Rapid shallow breathing index", nil, 0},
	0xD5: {"Respiratory rate by carbon dioxide", perMinute, 0},
	0xD6: {"Respiratory rate", perMinute, 151562},
	0xD7: {"Respiratory rate by volume or flow", perMinute, 0},
	0xD9: {"Respiratory rate, derived", perMinute, 0},
	0xDA: {"Inspired carbon dioxide", percent, 151716},
	0xDB: {"End-tidal carbon dioxide", percent, 151708},
	0xDF: {"Pulse rate, derived", perMinute, 0},
	0xE1: {"Pulse rate by oximeter", perMinute, 149530},
	0xE3: {"End-tidal carbon dioxide", kPa, 151708},
	0xE5: {"Inspired carbon dioxide", mercury, 151716},
	0xE6: {"End-tidal carbon dioxide", mercury, 151708},
	0xE9: {"Inspired agent", percent, 152464},
	0xEA: {"Expired agent", percent, 0},
	0xEB: {"Oxygen saturation", percent, 150456},
	0xED: {"Inspired second agent", percent, 0},
	0xEE: {"Expired second agent", percent, 0},
	0xEF: {"Expired oxygen", percent, 0},
	0xF0: {"Inspired oxygen", percent, 152196},
	0xF4: {"Inspired halothane", percent, 152176},
	0xF5: {"Expired halothane", percent, 152120},
	0xF6: {"Inspired enflurane", percent, 152172},
	0xF7: {"Expired enflurane", percent, 152116},
	0xF8: {"Inspired isoflurane", percent, 152184},
	0xF9: {"Expired isoflurane", percent, 152128},
	0xFB: {"Inspired nitrous oxide", percent, 152192},
	0xFC: {"Expired nitrous oxide", percent, 152136},
	0xFF: {"Inspired carbon dioxide", kPa, 151716},
}

var codes2 = map[byte]code{
	0x00: {"Spontaneous tidal volume", mL, 0},
	0x06: {"Elastance", mbarPerL, 0},
	0x07: {"Time constant", seconds, 0},
	0x21: {"Expiratory tidal volume", mL, 0},
	0x22: {"Inspiratory tidal volume", mL, 0},
	0x23: {"End-inspiratory pressure", mbar, 0},
	0x7B: {"Pressure variability", percent, 0},
	0x7D: {"Maximum low time", seconds, 0},
}

var settings = map[byte]code{
	0x01: {"Oxygen", percent, 0},
	0x02: {"Maximum inspiratory flow", lPerMinute, 0},
	0x04: {"Inspiratory tidal volume", L, 0},
	0x05: {"Inspiratory time", seconds, 0},
	0x07: {"Inspiratory part", nil, 0},
	0x08: {"Expiratory part", nil, 0},
	0x09: {"Frequency, IMV", perMinute, 0},
	0x0A: {"Frequency, IPPV", perMinute, 0},
	0x0B: {"PEEP", mbar, 0},
	0x0C: {"Intermittent PEEP", mbar, 0},
	0x0D: {"BIPAP low pressure", mbar, 0},
	0x0E: {"BIPAP high pressure", mbar, 0},
	0x0F: {"BIPAP low time", seconds, 0},
	0x10: {"BIPAP high time", seconds, 0},
	0x11: {"Apnea time", seconds, 0},
	0x12: {"Pressure support", mbar, 0},
	0x13: {"Maximum inspiratory airway pressure", mbar, 0},
	0x15: {"Trigger pressure", mbar, 0},
	0x16: {"Tachypnea frequency", perMinute, 0},
	0x17: {"Tachypnea duration", seconds, 0},
	0x27: {"Inspiratory pause to inspiratory time", percent, 0},
	0x29: {"Flow trigger", lPerMinute, 0},
	0x2E: {"ASB ramp", seconds, 0},
	0x2F: {"Fresh gas flow", mlPerMinute, 0},
	0x42: {"Minimal frequency", perMinute, 0},
	0x45: {"Inspiratory pressure", mbar, 0},
	0x4A: {"Age", years, 0},
	0x4B: {"Weight", kilogram, 0},
}

var texts = map[byte]code{
	0x01: {"IPPV", nil, 0},
	0x02: {"IPPV assist", nil, 0},
	0x04: {"CPPV", nil, 0},
	0x05: {"CPPV assist", nil, 0},
	0x06: {"SIMV", nil, 0},
	0x07: {"SIMV with ASB", nil, 0},
	0x08: {"Spontaneous breathing", nil, 0},
	0x09: {"ASB", nil, 0},
	0x0A: {"CPAP", nil, 0},
	0x0B: {"CPAP with ASB", nil, 0},
	0x0C: {"MMV", nil, 0},
	0x0D: {"MMV with ASB", nil, 0},
	0x0E: {"BIPAP", nil, 0},
	0x11: {"Apnea ventilation", nil, 0},
	0x18: {"BIPAP SIMV", nil, 0},
	0x19: {"BIPAP SIMV with ASB", nil, 0},
	0x1A: {"BIPAP APRV", nil, 0},
	0x1E: {"Ventilator in standby", nil, 0},
	0x20: {"Adults", nil, 0},
	0x21: {"Neonates", nil, 0},
	0x22: {"Carbon dioxide in mmHg", nil, 0},
	0x23: {"Carbon dioxide in kPa", nil, 0},
	0x24: {"Carbon dioxide in percent", nil, 0},
	0x25: {"Halothane", nil, 0},
	0x26: {"Enflurane", nil, 0},
	0x27: {"Isoflurane", nil, 0},
	0x28: {"Desflurane", nil, 0},
	0x29: {"Sevoflurane", nil, 0},
	0x2A: {"No anaesthetic gas", nil, 0},
	0x2B: {"Manual or spontaneous", nil, 0},
	0x34: {"Pressure controlled ventilation", nil, 0},
	0x36: {"External fresh gas", nil, 0},
	0x37: {"Carrier gas air", nil, 0},
	0x38: {"Carrier gas nitrous oxide", nil, 0},
	0x53: {"Leakage test under way", nil, 0},
	0x54: {"Device in standby", nil, 0},
	0x58: {"Heart-lung machine mode", nil, 0},
	0x59: {"Volume mode", nil, 0},
	0x5A: {"Pressure mode", nil, 0},
	0x5B: {"Pressure support mode", nil, 0},
	0x5C: {"Pressure support added", nil, 0},
	0x5D: {"Synchronised intermittent ventilation", nil, 0},
}

var curves = map[byte]code{
	0x00: {"Airway pressure", mbar, 151792},
	0x01: {"Inspiratory and expiratory flow", lPerMinute, 151764},
	0x02: {"Plethysmogram", nil, 150452},
	0x03: {"Volume since inspiration began", mL, 0},
	0x05: {"Oxygen", percent, 151908},
	0x06: {"Carbon dioxide", mercury, 151700},
	0x07: {"Carbon dioxide", kPa, 151700},
	0x08: {"Carbon dioxide", percent, 151700},
	0x0A: {"Agent", percent, 152456},
	0x0B: {"Halothane", percent, 152032},
	0x0C: {"Enflurane", percent, 152028},
	0x0D: {"Isoflurane", percent, 152040},
	0x0E: {"Desflurane", percent, 152024},
	0x0F: {"Sevoflurane", percent, 152036},
	0x20: {"Inspiratory flow", lPerMinute, 151772},
	0x21: {"Expiratory flow", lPerMinute, 151768},
	0x24: {"Expiratory volume", mL, 0},
	0x2A: {"Agent", kPa, 152456},
	0x2B: {"Halothane", kPa, 152032},
	0x2C: {"Enflurane", kPa, 152028},
	0x2D: {"Isoflurane", kPa, 152040},
	0x2E: {"Desflurane", kPa, 152024},
	0x2F: {"Sevoflurane", kPa, 152036},
}
