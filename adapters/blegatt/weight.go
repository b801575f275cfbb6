package blegatt

import "vitalwire/adapters/acom"

// measurementUnsuccessful is what a scale sends for a weight (WSS 3.2) or a
// body fat percentage (BCS 3.2.1.2) that it could not determine.
const measurementUnsuccessful = 0xFFFF

// Keys of the values of a weighing, within their report.
const (
	keyWeight = "weight"
	keyHeight = "height"
)

// weight reads a Weight Measurement (WSS 3.2, GSS): flags, weight u16, then
// time stamp (bit 1), user (2), BMI and height (3). Bit 0 selects pound and inch.
func (r *reader) weight() {
	flags := r.U8("Flags")
	imperial := flag(flags, 0)
	weight := acom.Measurement{Kind: acom.Numeric, Type: mdcBodyWeight, Key: keyWeight,
		Value: failable(r.U16LE("Weight"), imperial, mass)}
	var shared acom.Measurement
	if flag(flags, 1) {
		shared.Time = r.timeStamp("Time Stamp")
	}
	if flag(flags, 2) {
		shared.Person = r.userIndex()
	}
	values := []acom.Measurement{weight}
	if flag(flags, 3) {
		bmi := r.U16LE("BMI")
		values = append(values,
			acom.Measurement{Kind: acom.Numeric, Type: mdcBodyMassIndex, DerivedFrom: []string{keyWeight, keyHeight},
				Value: scaled(int64(bmi), -1, unitKgPerM2)},
			acom.Measurement{Kind: acom.Numeric, Type: mdcBodyHeight, Key: keyHeight, Value: length(r.U16LE("Height"), imperial)})
	}
	r.addShared(shared, values)
}

// addShared adds values of one time and one person.
func (r *reader) addShared(shared acom.Measurement, values []acom.Measurement) {
	for _, m := range values {
		m.Time, m.Person = shared.Time, shared.Person
		r.add(m)
	}
}

// failable is a value whose all-ones pattern means that the attempt failed.
func failable(raw uint16, imperial bool, read func(uint16, bool) acom.Value) acom.Value {
	v := read(raw, imperial)
	if raw == measurementUnsuccessful {
		return unsuccessful(v.Unit)
	}
	return v
}

// mass is in steps of 0.005 kg or 0.01 lb.
func mass(raw uint16, imperial bool) acom.Value {
	if imperial {
		return scaled(int64(raw), -2, unitPound)
	}
	return scaled(int64(raw)*5, -3, unitKilogram)
}

// length is in steps of 0.001 m or 0.1 in.
func length(raw uint16, imperial bool) acom.Value {
	if imperial {
		return scaled(int64(raw), -1, unitInch)
	}
	return scaled(int64(raw), -3, unitMetre)
}

// percent is in steps of 0.1 %.
func percent(raw uint16, _ bool) acom.Value { return scaled(int64(raw), -1, unitPercent) }

// kilojoules are whole.
func kilojoules(raw uint16, _ bool) acom.Value { return scaled(int64(raw), 0, unitKilojoule) }

// ohms are in steps of 0.1 Ohm.
func ohms(raw uint16, _ bool) acom.Value { return scaled(int64(raw), -1, unitOhm) }
