package phd20601

import "vitalwire/adapters/acom"

// The standard configurations of the device specializations: what an agent
// means that associates with such a dev-config-id and sends no config report. An
// agent with a standard configuration that is not here is answered
// accepted-unknown-config and sends it.
const (
	configOximeter     = 0x0190 // IEEE 11073-10404, continuous
	configOximeterSpot = 0x0191 // IEEE 11073-10404, spot-check
	configPressure     = 0x02BC // IEEE 11073-10407
	configThermometer  = 0x0320 // IEEE 11073-10408
	configScale        = 0x05DC // IEEE 11073-10415
	configGlucose      = 0x06A4 // IEEE 11073-10417
)

// MDC terms of partition SCADA and dimension that standard configurations name.
const (
	termSpO2          = 19384
	termPulseOximeter = 18458
	termModalitySpot  = 19516
	termPressure      = 18948
	termSystolic      = 18949
	termDiastolic     = 18950
	termMean          = 18951
	termPulsePressure = 18474
	termTemperature   = 19292
	termMass          = 57664
	termGlucose       = 29112 // capillary whole blood

	dimPercent       = 544
	dimBeatPerMinute = 2720
	dimMMHg          = 3872
	dimCelsius       = 6048
	dimKilogram      = 1731
	dimMilligramPerD = 2130 // mg/dL
)

// Layouts of fixed scan reports.
var (
	basicNu      = slot{attrBasicNu, 2}
	simpleNu     = slot{attrSimpleNu, 4}
	pressures    = slot{attrCompoundBasic, 10} // count, length, three SFLOATs
	stamp        = slot{attrTimeStamp, 8}
	basicStamped = []slot{basicNu, stamp}
)

// standardConfiguration gives a standard configuration, built anew.
func standardConfiguration(id uint16) (*configuration, bool) {
	switch id {
	case configOximeter:
		// 10404 lays out the bare value; agents in the field append the time
		// stamp of the spot-check layout. The record's length tells which.
		return build(
			numeric(1, termSpO2, dimPercent, []slot{basicNu}, basicStamped),
			numeric(10, termPulseOximeter, dimBeatPerMinute, []slot{basicNu}, basicStamped)), true
	case configOximeterSpot:
		return build(
			spot(numeric(1, termSpO2, dimPercent, basicStamped)),
			spot(numeric(10, termPulseOximeter, dimBeatPerMinute, basicStamped))), true
	case configPressure:
		compound := numeric(1, termPressure, dimMMHg, []slot{pressures, stamp})
		compound.properties.ids = []uint16{termSystolic, termDiastolic, termMean}
		return build(compound, numeric(2, termPulsePressure, dimBeatPerMinute, basicStamped)), true
	case configThermometer:
		return build(numeric(1, termTemperature, dimCelsius, []slot{simpleNu, stamp})), true
	case configScale:
		return build(numeric(1, termMass, dimKilogram, []slot{simpleNu, stamp})), true
	case configGlucose:
		return build(numeric(1, termGlucose, dimMilligramPerD, basicStamped)), true
	}
	return nil, false
}

func numeric(handle, term, unit uint16, layouts ...[]slot) *object {
	return &object{
		class: classNumeric, handle: handle, layouts: layouts,
		properties: properties{typ: codeOf(term), unit: unit},
		values:     map[uint16]octets{attrUnit: octets([]byte{byte(unit >> 8), byte(unit)})},
	}
}

func spot(o *object) *object {
	o.properties.supplemental = []acom.Code{codeOf(termModalitySpot)}
	return o
}

func build(objects ...*object) *configuration {
	cfg := &configuration{objects: map[uint16]*object{}}
	for _, o := range objects {
		cfg.objects[o.handle] = o
		cfg.order = append(cfg.order, o.handle)
	}
	return cfg
}
