package blegatt

import "vitalwire/adapters/acom"

// Control points are dialogue between collector and sensor. What a sensor
// indicates is checked here, so that a broken exchange is seen; none of it is a
// fact about a patient. What a collector writes is refused: no sensor sends it.

// recordAccess is a Record Access Control Point indication.
type recordAccess struct {
	request  uint8  // the op code answered, 0 in a count
	response uint8  // 1 success, 6 no records, others are errors
	records  uint32 // of a count
}

// Op codes of the Record Access Control Point that a sensor indicates.
const (
	racpCount    = 5
	racpResponse = 6
)

// recordAccess reads a Record Access Control Point (GLS 3.4, CGMS 3.6, GSS):
// op code, operator (always 0 in an indication), then the answered op code and
// its result, or the number of stored records as u8, u16 or u32.
func (r *reader) recordAccess() recordAccess {
	var ra recordAccess
	start := r.Offset()
	op := r.U8("Op Code")
	if operator := r.U8("Operator"); operator != 0 {
		r.FailAt(start+1, "Operator %d in an indication must be 0", operator)
	}
	switch op {
	case racpResponse:
		ra.request, ra.response = r.U8("Request Op Code"), r.U8("Response Code Value")
	case racpCount:
		switch r.Left() {
		case 1:
			ra.records = uint32(r.U8("Number of Records"))
		case 4:
			ra.records = r.U32LE("Number of Records")
		default:
			ra.records = uint32(r.U16LE("Number of Records"))
		}
	default:
		r.FailAt(start, "Op Code %d is no response: a sensor indicates 5 or 6", op)
	}
	return ra
}

// cgmOps is a CGM Specific Ops Control Point indication.
type cgmOps struct {
	op       uint8
	request  uint8       // of a response code
	response uint8       // 1 success
	interval uint8       // minutes; 255 is as fast as possible
	level    acom.Number // of an alert: mg/dL or mg/dL/min
	// Calibration record:
	glucose     acom.Number // mg/dL
	time        uint16      // minutes since session start
	sample      uint8       // type and location
	next        uint16      // minutes since session start
	record      uint16
	calibration uint8 // status
}

// Op codes of the CGM Specific Ops Control Point that a sensor indicates (CGMS 3.7).
const (
	cgmOpInterval     = 0x03
	cgmOpCalibration  = 0x06
	cgmOpPatientHigh  = 0x09
	cgmOpPatientLow   = 0x0C
	cgmOpHypo         = 0x0F
	cgmOpHyper        = 0x12
	cgmOpRateDecrease = 0x15
	cgmOpRateIncrease = 0x18
	cgmOpResponse     = 0x1C
)

// cgmOps reads a CGM Specific Ops Control Point (CGMS 3.7): op code, operand, CRC.
func (r *reader) cgmOps() cgmOps {
	f, _ := r.cgmFeatures()
	start, size := r.Offset(), r.Left()
	protected := r.Peek(size - crcSize)
	o := cgmOps{op: r.U8("Op Code")}
	switch o.op {
	case cgmOpInterval:
		o.interval = r.U8("Communication Interval")
	case cgmOpCalibration:
		o.glucose = r.SFLOATLE("Calibration Glucose Concentration")
		o.time = r.U16LE("Calibration Time")
		o.sample = r.U8("Calibration Type-Sample Location")
		o.next = r.U16LE("Next Calibration Time")
		o.record = r.U16LE("Calibration Data Record Number")
		o.calibration = r.U8("Calibration Status")
	case cgmOpPatientHigh, cgmOpPatientLow, cgmOpHypo, cgmOpHyper, cgmOpRateDecrease, cgmOpRateIncrease:
		o.level = r.SFLOATLE("Alert Level")
	case cgmOpResponse:
		o.request, o.response = r.U8("Request Op Code"), r.U8("Response Code Value")
	default:
		r.FailAt(start, "Op Code %02X is no response of a CGM", o.op)
	}
	endCRC(r.Cursor, protected, f.crc())
	return o
}
