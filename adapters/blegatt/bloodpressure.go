package blegatt

import (
	"time"

	"vitalwire/adapters/acom"
)

// keyBloodPressure names the pressures within their report.
const keyBloodPressure = "bp"

// fromBloodPressure is what all that was measured with the pressures was derived from.
var fromBloodPressure = []string{keyBloodPressure}

// featureBloodPressure is the memory key of the Blood Pressure Feature, two bytes as sent.
const featureBloodPressure = "feature/2A49"

// pressureUnit is told by flag 0 of every blood pressure characteristic. The unit
// sent is the unit kept.
func pressureUnit(flags uint8) acom.Code {
	if flag(flags, 0) {
		return unitKilopascal
	}
	return unitMmHg
}

// bloodPressure reads a Blood Pressure Measurement (BLS 3.1, GSS): flags,
// systolic, diastolic and mean SFLOAT, then time stamp (bit 1), pulse rate (2),
// user (3) and measurement status (4).
func (r *reader) bloodPressure() {
	flags := r.U8("Flags")
	bp := r.pressures(flags)
	if flag(flags, 1) {
		bp.Time = r.timeStamp("Time Stamp")
	}
	r.derive(bp, r.pulseUserStatusValues(flags))
}

// enhancedBloodPressure reads an Enhanced Blood Pressure Measurement (BLS 1.1
// 3.3, GSS): as above, but the time stamp is UTC in seconds since 1900 or 2000
// (bit 6), and a user-facing time (5), the same in local time, ends the value.
func (r *reader) enhancedBloodPressure() {
	flags := r.U8("Flags")
	bp := r.pressures(flags)
	var utc, local uint32
	if flag(flags, 1) {
		utc = r.U32LE("Time Stamp")
	}
	rest := r.pulseUserStatusValues(flags)
	if flag(flags, 5) {
		local = r.U32LE("User Facing Time")
	}
	epoch := time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC)
	if flag(flags, 6) {
		epoch = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	bp.Time = enhancedTime(epoch, utc, flag(flags, 1), local, flag(flags, 5))
	r.derive(bp, rest)
}

// enhancedTime joins the two clocks of an Enhanced Blood Pressure Measurement:
// both give local time with its offset from UTC, the time stamp alone gives UTC,
// the user-facing time alone gives a wall clock without a zone. Two clocks that
// lie no plausible offset apart are two opinions: the time stamp counts. A clock
// that reads its own epoch was never set.
func enhancedTime(epoch time.Time, utc uint32, hasUTC bool, local uint32, hasLocal bool) acom.Time {
	offset := 0
	seconds := utc
	switch {
	case !hasUTC && !hasLocal:
		return acom.Time{}
	case !hasUTC:
		return acom.Time{Wall: wallAt(epoch, local), Unreliable: local == 0}
	case hasLocal:
		const widest = 15 * 60 * 60
		apart := int64(local) - int64(utc)
		if apart%60 == 0 && apart <= widest && apart >= -widest {
			offset, seconds = int(apart/60), local
		}
	}
	w := wallAt(epoch, seconds)
	w.OffsetMinutes = &offset
	return acom.Time{Wall: w, Unreliable: utc == 0}
}

// wallAt is the calendar time some seconds after epoch.
func wallAt(epoch time.Time, seconds uint32) *acom.Wall {
	t := epoch.Add(time.Duration(seconds) * time.Second)
	return &acom.Wall{Year: t.Year(), Month: int(t.Month()), Day: t.Day(), Hour: t.Hour(), Minute: t.Minute(), Second: t.Second()}
}

// intermediateCuffPressure reads an Intermediate Cuff Pressure (BLS 3.2): the
// layout of a measurement of which only the first value counts. It is a number
// for the device's display while the cuff deflates and no result: it is checked
// and gives no facts.
func (r *reader) intermediateCuffPressure() {
	flags := r.U8("Flags")
	r.SFLOATLE("Current Cuff Pressure")
	r.Take(4, "Unused")
	if flag(flags, 1) {
		r.timeStamp("Time Stamp")
	}
	r.pulseUserStatusValues(flags)
}

// pressures reads the compound value and adds it.
func (r *reader) pressures(flags uint8) *acom.Measurement {
	r.room(1 + int(flags>>2&1) + int(flags>>4&1)) // with pulse rate and status
	bp := r.next(acom.CompoundNumeric, mdcBloodPressure)
	bp.Key = keyBloodPressure
	told := &struct { // in one piece
		parts   [3]acom.Component
		numbers [3]acom.Number
	}{numbers: [3]acom.Number{r.SFLOATLE("Systolic"), r.SFLOATLE("Diastolic"), r.SFLOATLE("Mean Arterial Pressure")}}
	unit := pressureUnit(flags)
	for i, code := range [...]acom.Code{mdcSystolic, mdcDiastolic, mdcMeanPressure} {
		part := &told.parts[i]
		part.Type, part.Value.Number, part.Value.Unit = code, &told.numbers[i], unit
	}
	bp.Components = told.parts[:]
	return bp
}

// pressureRest is what may follow the pressures.
type pressureRest struct {
	pulse     acom.Number
	person    uint32
	status    uint16
	hasPulse  bool
	hasStatus bool
}

func (r *reader) pulseUserStatusValues(flags uint8) pressureRest {
	rest := pressureRest{hasPulse: flag(flags, 2), hasStatus: flag(flags, 4)}
	if rest.hasPulse {
		rest.pulse = r.SFLOATLE("Pulse Rate")
	}
	if flag(flags, 3) {
		rest.person = r.userIndex()
	}
	if rest.hasStatus {
		rest.status = r.U16LE("Measurement Status")
	}
	return rest
}

// derive adds to the pressures the pulse rate that the cuff felt and the measurement
// status, both derived from them (IEEE 11073-10407).
func (r *reader) derive(bp *acom.Measurement, rest pressureRest) {
	bp.Person = rest.person
	at, from := bp.Time, fromBloodPressure
	if rest.hasPulse {
		pulse := r.next(acom.Numeric, mdcPulseRateNonInv)
		pulse.Time, pulse.Person, pulse.DerivedFrom = at, rest.person, from
		pulse.Value = number(rest.pulse, unitBeatPerMin)
	}
	if rest.hasStatus {
		status := r.next(acom.BitsEnumeration, mdcBloodPressureStatus)
		status.Time, status.Person, status.DerivedFrom = at, rest.person, from
		status.Value.Bits = r.pressureStatus(rest.status)
	}
}

// Bits of the Measurement Status (GSS): 0 body movement, 1 cuff too
// loose, 2 irregular pulse, 3..4 pulse rate range (0 in range, 1 above, 2 below),
// 5 improper position. MDC 8410608 has the same bits counted from the other end,
// with 3 as "above" and 4 as "below".
const (
	pressureStatusBits = 0x3F
	pressureRangeBits  = 0x18
)

// pressureStatus gives the status as MDC bits. The mask holds what the device
// supports by its Blood Pressure Feature (BLS 3.4), when that was read; else all.
func (r *reader) pressureStatus(sent uint16) *acom.Bits {
	value, mask := uint32(sent)&pressureStatusBits, uint32(pressureStatusBits)
	if c, ok := r.recalled(featureBloodPressure); ok {
		if feature := c.U16LE("feature"); c.Err() == nil {
			// Feature bits 0..4: movement, cuff fit, irregular pulse, pulse range, position.
			mask = uint32(feature) & 0x0F
			if flag(feature, 3) {
				mask |= 0x10
			}
			if flag(feature, 4) {
				mask |= 0x20
			}
		}
	}
	mask |= value // what a device sends it supports
	if value&pressureRangeBits == pressureRangeBits {
		// Range 3 is reserved: neither above nor below was said.
		value &^= pressureRangeBits
		mask &^= pressureRangeBits
	}
	return &acom.Bits{Value: reversed(value, 16), Mask: reversed(mask, 16), Width: 16}
}

// bloodPressureFeature remembers which status bits the device supports (BLS 3.4).
func (r *reader) bloodPressureFeature() {
	raw := r.Peek(2)
	r.U16LE("Blood Pressure Feature")
	r.keep(featureBloodPressure, raw)
}
