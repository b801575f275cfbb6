package blegatt

import (
	"encoding/json"
	"strconv"

	"vitalwire/adapters/acom"
)

// featureGlucose is the memory key of the Glucose Feature, two bytes as sent.
const featureGlucose = "feature/2A51"

// glucoseKey names record seq of a device, as Measurement.Key and as memory key.
func glucoseKey(seq uint16) string { return "glucose/" + strconv.Itoa(int(seq)) }

// glucoseMemo is what a context needs of its measurement, kept as JSON under
// glucoseKey: the time, and whether it was control solution.
type glucoseMemo struct {
	Time   acom.Time   `json:"time"`
	Status acom.Status `json:"status,omitempty"`
}

// sampleTypes gives the MDC code of each glucose Type (GSS, low nibble), the
// kind of sample; others are reserved and give plain glucose.
var sampleTypes = map[uint8]acom.Code{
	1: 160184, // MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD
	2: 160188, // MDC_CONC_GLU_CAPILLARY_PLASMA
	3: 160192, // MDC_CONC_GLU_VENOUS_WHOLEBLOOD
	4: 160196, // MDC_CONC_GLU_VENOUS_PLASMA
	5: 160200, // MDC_CONC_GLU_ARTERIAL_WHOLEBLOOD
	6: 160204, // MDC_CONC_GLU_ARTERIAL_PLASMA
	7: 160364, // MDC_CONC_GLU_UNDETERMINED_WHOLEBLOOD
	8: 160368, // MDC_CONC_GLU_UNDETERMINED_PLASMA
	9: mdcGlucoseISF, 10: mdcGlucoseControl,
}

// sampleLocations gives the MDC code of each Sample Location (GSS, high
// nibble); 15 is "not available" and says nothing.
var sampleLocations = map[uint8]acom.Code{
	1: 8417848, // MDC_CTXT_GLU_SAMPLELOCATION_FINGER
	2: 8417852, // MDC_CTXT_GLU_SAMPLELOCATION_AST
	3: 8417856, // MDC_CTXT_GLU_SAMPLELOCATION_EARLOBE
	4: locationControl,
}

// locationControl is MDC_CTXT_GLU_SAMPLELOCATION_CTRLSOLUTION.
const locationControl acom.Code = 8417860

// sample splits a Type-Sample Location octet. Control solution, said by either
// nibble, is a test of the meter: its status keeps it apart from any patient.
func sample(octet uint8) (code, location acom.Code, status acom.Status) {
	code, location = sampleTypes[octet&0x0F], sampleLocations[octet>>4]
	if code == 0 {
		code = mdcGlucose
	}
	if code == mdcGlucoseControl || location == locationControl {
		status = acom.TestData
	}
	return code, location, status
}

// Time Offset values that are no offset (GLS 3.1): beyond what 16 bits hold.
const (
	offsetOverrun  = 0x7FFF
	offsetUnderrun = -0x8000
)

// glucose reads a Glucose Measurement (GLS 3.1, GSS): flags, sequence
// number, base time, then time offset in minutes (bit 0), concentration with type
// and location (1) and sensor status (3). Bit 2 selects mol/L over kg/L, bit 4
// announces a context. A user who corrects the meter's clock changes the offset,
// not the base time: their sum is the time to chart.
func (r *reader) glucose() {
	flags := r.U8("Flags")
	seq := r.U16LE("Sequence Number")
	shared := acom.Measurement{Time: r.timeStamp("Base Time")}
	if flag(flags, 0) {
		switch offset := int(r.S16LE("Time Offset")); offset {
		case offsetOverrun, offsetUnderrun:
			shared.Time.Unreliable = true
		default:
			moved := plusMinutes(*shared.Time.Wall, offset)
			shared.Time.Wall = &moved
		}
	}
	// A record without a concentration is still a record: the meter tried.
	result := acom.Measurement{Kind: acom.Numeric, Type: mdcGlucose, Key: glucoseKey(seq), Value: acom.Value{Absent: acom.AbsentUnknown}}
	var location acom.Code
	if flag(flags, 1) {
		if flag(flags, 2) {
			result.Value = number(r.SFLOATLEShift(3, "Glucose Concentration"), unitMmolPerL) // mol/L
		} else {
			result.Value = number(r.SFLOATLEShift(5, "Glucose Concentration"), unitMgPerDL) // kg/L
		}
		result.Type, location, shared.Status = sample(r.U8("Type-Sample Location"))
	}
	var status *uint16
	if flag(flags, 3) {
		bits := r.U16LE("Sensor Status Annunciation")
		status = &bits
		// Bit 5: above what the sensor can process, bit 6: below.
		result.Value = beyond(result.Value, flag(bits, 6), flag(bits, 5))
		if flag(bits, 11) {
			shared.Time.Unreliable = true // time fault: the time may be wrong
		}
	}
	result.Time, result.Status = shared.Time, shared.Status
	r.add(result)
	shared.DerivedFrom = []string{glucoseKey(seq)}
	if location != 0 {
		r.add(coded(shared, mdcSampleLocation, location))
	}
	if status != nil {
		shared.Kind, shared.Type = acom.BitsEnumeration, mdcGlucoseMeterStatus
		shared.Value = acom.Value{Bits: r.meterStatus(*status)}
		r.add(shared)
	}
	if memo, err := json.Marshal(glucoseMemo{result.Time, result.Status}); err == nil {
		r.keep(glucoseKey(seq), memo)
	}
}

// coded is shared as a coded enumeration; a code of 0 is an answer MDC has no code for.
func coded(shared acom.Measurement, code, value acom.Code) acom.Measurement {
	shared.Kind, shared.Type = acom.CodedEnumeration, code
	if value == 0 {
		shared.Value = acom.Value{Absent: acom.AbsentUnknown}
	} else {
		shared.Value = acom.Value{Coded: []acom.Code{value}}
	}
	return shared
}

// meterStatusBits are the annunciation bits that MDC 8417752 has too, in the same
// order from the other end: 0 battery low, 1 malfunction, 2 sample too small, 3
// strip insertion, 4 strip type, 5 result too high, 6 too low, 7 too hot, 8 too
// cold, 9 read interrupted, 10 device fault. GATT bit 11, time fault, is told by
// Time.Unreliable (MDC bit 11 is another thing: temperature out of range).
const meterStatusBits = 0x07FF

// meterStatus gives the status as MDC bits; the mask is what the Glucose Feature
// says the meter can detect, when that was read.
func (r *reader) meterStatus(sent uint16) *acom.Bits {
	value, mask := uint32(sent)&meterStatusBits, uint32(meterStatusBits)
	if c, ok := r.recalled(featureGlucose); ok {
		if f := c.U16LE("feature"); c.Err() == nil {
			mask = meterStatusSupport(f)
		}
	}
	return &acom.Bits{Value: reversed(value, 16), Mask: reversed(mask|value, 16), Width: 16}
}

// meterStatusSupport turns Glucose Feature bits (GLS 3.3) into status bits: 5 and 6 stand
// for a high and a low status bit each, so that later bits move up.
func meterStatusSupport(feature uint16) uint32 {
	support := [...]uint32{1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 3 << 5, 3 << 7, 1 << 9, 1 << 10}
	var mask uint32
	for i, bits := range support {
		if flag(feature, i) {
			mask |= bits
		}
	}
	return mask
}

// glucoseFeature remembers what the meter can detect (GLS 3.3).
func (r *reader) glucoseFeature() {
	raw := r.Peek(2)
	r.U16LE("Glucose Feature")
	r.keep(featureGlucose, raw)
}
