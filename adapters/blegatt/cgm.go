package blegatt

import (
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Memory keys of a CGM: its feature without the CRC (u24 features, type and
// location), and its session start without the CRC (Date Time, zone, DST), both
// as sent.
const (
	keyCGMFeature = "feature/2AA8"
	keyCGMSession = "cgm/session"
)

// cgmRecordMin is the length of a CGM record without optional fields (CGMS 3.1).
const cgmRecordMin = 6

// featureE2ECRC is the CGM Feature bit that promises a CRC on every value.
const featureE2ECRC = 12

// cgmFeatures is what a CGM Feature says (CGMS 3.2).
type cgmFeatures struct {
	bits     uint32
	code     acom.Code // of the concentration, by the kind of sample
	location acom.Code
	status   acom.Status
}

// crc tells whether every value must end in a CRC.
func (f cgmFeatures) crc() bool { return flag(f.bits, featureE2ECRC) }

// readCGMFeatures reads the features and the type and location octet.
func readCGMFeatures(c *cursor.Cursor) cgmFeatures {
	f := cgmFeatures{bits: c.U24LE("CGM Feature")}
	f.code, f.location, f.status = sample(c.U8("CGM Type-Sample Location"))
	return f
}

// cgmFeature reads a CGM Feature (CGMS 3.2): a CRC always ends it, FFFF when the
// device has no CRC, and remembers it.
func (r *reader) cgmFeature() {
	raw := r.Peek(4)
	f := readCGMFeatures(r.Cursor)
	if f.crc() {
		endCRC(r.Cursor, raw, true)
	} else {
		at := r.Offset()
		if sent := r.U16LE("E2E-CRC"); sent != 0xFFFF {
			r.FailAt(at, "E2E-CRC is %04X, but a CGM without CRC support sends FFFF", sent)
		}
	}
	r.keep(keyCGMFeature, raw)
}

// cgmFeatures recalls the features; a device whose feature was not read is taken
// for an ordinary sensor in the interstitial fluid.
func (r *reader) cgmFeatures() (f cgmFeatures, known bool) {
	if c, ok := r.recalled(keyCGMFeature); ok {
		if f := readCGMFeatures(c); c.Err() == nil {
			return f, true
		}
	}
	return cgmFeatures{code: mdcGlucoseISF}, false
}

// cgmSessionStart reads a CGM Session Start Time (CGMS 3.4): Date Time, Time Zone,
// DST Offset, CRC. It is remembered as the zero of later time offsets.
func (r *reader) cgmSessionStart() {
	f, _ := r.cgmFeatures()
	raw := r.Peek(9)
	r.sessionStart()
	endCRC(r.Cursor, raw, f.crc())
	r.keep(keyCGMSession, raw)
}

// sessionStart reads start and zone. The offset from UTC is known when zone and
// daylight saving both are.
func (r *reader) sessionStart() *acom.Wall {
	start := dateTime(r.Cursor, "Session Start Time")
	zone, zoneKnown := r.timeZone()
	dst, dstKnown := r.dstOffset()
	if zoneKnown && dstKnown {
		offset := zone + dst
		start.OffsetMinutes = &offset
	}
	return start
}

// cgmTime is so many minutes after the session start. Without a session start the
// offset is still a running clock whose zero only the device knows.
func (r *reader) cgmTime(offset uint16) acom.Time {
	if c, ok := r.recalled(keyCGMSession); ok {
		past := &reader{Cursor: c}
		if start := past.sessionStart(); c.Err() == nil {
			w := plusMinutes(*start, int(offset))
			return acom.Time{Wall: &w}
		}
	}
	const minute = 60_000_000
	return acom.Time{Ticks: &acom.Ticks{Micros: uint64(offset) * minute, Resolution: minute}}
}

// cgmMeasurement reads a CGM Measurement (CGMS 3.1): one or more records, each
// with its own size, flags and CRC.
func (r *reader) cgmMeasurement() {
	f, known := r.cgmFeatures()
	for first := true; first || r.Left() > 0; first = false {
		r.cgmRecord(f, known)
	}
}

// cgmRecord reads one record: size, flags, concentration in mg/dL, time offset in
// minutes, the octets of the Sensor Status Annunciation that flags 7 (status), 6
// (calibration and temperature) and 5 (warning) announce, in that order, trend
// (bit 0) and quality (1), CRC. A status octet left out has no bit set.
func (r *reader) cgmRecord(f cgmFeatures, known bool) {
	start := r.Offset()
	var size int
	for _, b := range r.Peek(1) {
		size = int(b)
	}
	if r.Left() > 0 && size < cgmRecordMin {
		r.FailAt(start, "a CGM record has at least %d bytes, its size says %d", cgmRecordMin, size)
	}
	protected := r.Peek(size - crcSize)
	c := r.Sub(max(size, 1), "CGM record")
	c.U8("Size")
	flags := c.U8("Flags")
	concentration := number(c.SFLOATLE("CGM Glucose Concentration"), unitMgPerDL)
	at := r.cgmTime(c.U16LE("Time Offset"))
	var status uint32
	if flag(flags, 7) {
		status |= uint32(c.U8("Status Octet"))
	}
	if flag(flags, 6) {
		status |= uint32(c.U8("Cal/Temp Octet")) << 8
	}
	if flag(flags, 5) {
		status |= uint32(c.U8("Warning Octet")) << 16
	}
	key := "cgm." + cursor.Decimal(int64(start), 0)
	m := acom.Measurement{Kind: acom.Numeric, Type: f.code, Status: f.status, Time: at, Key: key,
		// Warning bits 6 and 7: below and above what the device can process.
		Value: beyond(concentration, flag(status, 22), flag(status, 23))}
	if flag(status, 14) {
		m.Status |= acom.CalibrationOngoing
	}
	var trend *acom.Measurement
	if flag(flags, 0) {
		// mg/dL/min has no MDC unit; a hundredth of it, g/L/min, has.
		trend = &acom.Measurement{Kind: acom.Numeric, Type: mdcGlucoseTrend, Status: f.status, Time: at, DerivedFrom: []string{key},
			Value: number(c.SFLOATLEShift(-2, "CGM Trend Information"), unitGPerLPerMin)}
	}
	if flag(flags, 1) {
		quality := c.SFLOATLE("CGM Quality")
		m.Quality = &quality
	}
	endCRC(c, protected, f.crc())
	c.Close("CGM record")

	r.add(m)
	if trend != nil {
		r.add(*trend)
	}
	if flags&0xE0 != 0 {
		r.add(annunciation(status, f, known, acom.Measurement{Time: at, Status: f.status, DerivedFrom: []string{key}})...)
	}
}

// cgmStatus reads a CGM Status (CGMS 3.3): time offset, the three octets of the
// Sensor Status Annunciation, CRC.
func (r *reader) cgmStatus() {
	f, known := r.cgmFeatures()
	protected := r.Peek(5)
	at := r.cgmTime(r.U16LE("Time Offset"))
	status := r.U24LE("CGM Status")
	endCRC(r.Cursor, protected, f.crc())
	r.add(annunciation(status, f, known, acom.Measurement{Time: at})...)
}

// annunciationBits pairs the bits of a Sensor Status Annunciation (CGMS 3.1)
// with those of MDC 8418060, or of MDC 8408608 for what is no matter of CGM alone:
// battery, fault, clock. Feature is the CGM Feature bit that says the sensor can
// tell, -1 when it always can. GATT bit 14 is told by acom.CalibrationOngoing.
var annunciationBits = [...]struct {
	gatt, feature int
	code          acom.Code
	bit           int
}{
	{0, -1, mdcCGMStatus, 0},     // session stopped
	{1, 9, mdcDeviceStatus, 25},  // device battery low
	{2, 10, mdcCGMStatus, 2},     // sensor type incorrect
	{3, 6, mdcCGMStatus, 3},      // sensor malfunction
	{4, 5, mdcCGMStatus, 4},      // device specific alert
	{5, 11, mdcDeviceStatus, 5},  // general device fault
	{8, -1, mdcDeviceStatus, 16}, // time synchronization required
	{9, 0, mdcCGMStatus, 7},      // calibration not allowed
	{10, 0, mdcCGMStatus, 8},     // calibration recommended
	{11, 0, mdcCGMStatus, 9},     // calibration required
	{12, 7, mdcCGMStatus, 10},    // temperature too high
	{13, 7, mdcCGMStatus, 11},    // temperature too low
	{16, 1, mdcCGMStatus, 12},    // below the patient low level
	{17, 1, mdcCGMStatus, 13},    // above the patient high level
	{18, 2, mdcCGMStatus, 14},    // below the hypo level
	{19, 3, mdcCGMStatus, 15},    // above the hyper level
	{20, 4, mdcCGMStatus, 16},    // rate of decrease exceeded
	{21, 4, mdcCGMStatus, 17},    // rate of increase exceeded
	{22, 8, mdcCGMStatus, 18},    // below what the device can process
	{23, 8, mdcCGMStatus, 19},    // above what the device can process
}

// annunciation gives the status as two MDC bit strings. The masks hold what the
// CGM Feature supports when that was read; else every bit there is.
func annunciation(status uint32, f cgmFeatures, known bool, shared acom.Measurement) []acom.Measurement {
	sensor, device := &acom.Bits{Width: 32}, &acom.Bits{Width: 32}
	for _, a := range annunciationBits {
		bits, bit := sensor, uint32(1)<<(31-a.bit)
		if a.code == mdcDeviceStatus {
			bits = device
		}
		set := flag(status, a.gatt)
		if set {
			bits.Value |= bit
		}
		if set || !known || a.feature < 0 || flag(f.bits, a.feature) {
			bits.Mask |= bit
		}
	}
	var out []acom.Measurement
	for _, b := range []struct {
		code acom.Code
		bits *acom.Bits
	}{{mdcCGMStatus, sensor}, {mdcDeviceStatus, device}} {
		m := shared
		m.Kind, m.Type, m.Value = acom.BitsEnumeration, b.code, acom.Value{Bits: b.bits}
		out = append(out, m)
	}
	return out
}

// cgmSessionRunTime reads a CGM Session Run Time (CGMS 3.5): the hours a session
// is meant to run, CRC. It is a setting of the sensor.
func (r *reader) cgmSessionRunTime() {
	f, _ := r.cgmFeatures()
	protected := r.Peek(2)
	hours := r.U16LE("CGM Session Run Time")
	endCRC(r.Cursor, protected, f.crc())
	r.add(acom.Measurement{Kind: acom.Numeric, Type: mdcCGMRunTime, Setting: true, Value: scaled(int64(hours), 0, unitHour)})
}
