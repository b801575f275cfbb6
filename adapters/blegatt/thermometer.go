package blegatt

import "vitalwire/adapters/acom"

// keyThermometerType is the memory key of a Temperature Type that was read on its
// own (HTS 3.2: it does not change while connected), one byte as sent.
const keyThermometerType = "thermometer/type"

// thermometerSites gives the MDC code of each Temperature Type (GSS).
// Type 2 is the body in general and so names no site; others are reserved.
var thermometerSites = map[uint8]struct {
	name string
	site acom.Code
}{
	1: {"armpit", mdcTempArmpit}, 2: {"body", 0}, 3: {"ear", mdcTempEar}, 4: {"finger", mdcTempFinger},
	5: {"gastro-intestinal tract", mdcTempGut}, 6: {"mouth", mdcTempMouth}, 7: {"rectum", mdcTempRectum},
	8: {"toe", mdcTempToe}, 9: {"tympanum", mdcTempTympanum},
}

// temperature reads a Temperature Measurement (HTS 3.1, GSS): flags, FLOAT
// in Celsius or Fahrenheit (bit 0), time stamp (1), type (2).
func (r *reader) temperature() { r.add(r.temperatureValue()) }

// intermediateTemperature reads an Intermediate Temperature (HTS 3.3), the same
// layout while the value still rises: an early indication.
func (r *reader) intermediateTemperature() {
	m := r.temperatureValue()
	m.Status = acom.EarlyIndication
	r.add(m)
}

func (r *reader) temperatureValue() acom.Measurement {
	flags := r.U8("Flags")
	unit := unitDegreeCelsius
	if flag(flags, 0) {
		unit = unitFahrenheit
	}
	m := acom.Measurement{Kind: acom.Numeric, Type: mdcBodyTemperature, Value: number(r.FLOATLE("Temperature"), unit)}
	if flag(flags, 1) {
		m.Time = r.timeStamp("Time Stamp")
	}
	if flag(flags, 2) {
		_, m.Site = temperatureTypeOf(r.U8("Temperature Type"))
	} else if c, ok := r.recalled(keyThermometerType); ok {
		_, m.Site = temperatureTypeOf(c.U8("type"))
	}
	return m
}

// temperatureTypeOf gives the name and site of a Temperature Type. A reserved one
// has neither: a reading is not refused because its place is new to us.
func temperatureTypeOf(raw uint8) (name string, site acom.Code) {
	known := thermometerSites[raw]
	return known.name, known.site
}

// temperatureType remembers a Temperature Type for measurements that carry none.
func (r *reader) temperatureType() {
	raw := r.Peek(1)
	r.U8("Temperature Type")
	r.keep(keyThermometerType, raw)
}

// measurementInterval reads a Measurement Interval in seconds (HTS 3.4); 0 is "no
// periodic measurements". It says nothing of the patient and gives no facts.
func (r *reader) measurementInterval() uint16 { return r.U16LE("Measurement Interval") }
