package blegatt

import (
	"strconv"

	"vitalwire/adapters/cursor"
)

// keyPressureRecord is the memory key of a Blood Pressure Record whose segments have
// not all come yet.
const keyPressureRecord = "bp/record"

// featurePressureCRC is the Blood Pressure Feature bit that promises an E2E-CRC on
// every record (BLS 3.4).
const featurePressureCRC = 5

// recorded are the characteristics a Blood Pressure Record may hold, by UUID.
var recorded = map[uint16]func(*reader){
	0x2A35: (*reader).bloodPressure, 0x2B34: (*reader).enhancedBloodPressure,
	0x2A36: (*reader).intermediateCuffPressure, 0x2B35: (*reader).enhancedCuffPressure,
}

// pressureRecord reads a Blood Pressure Record (BLS 3.6, GSS): sequence number and
// UUID, the stored value of that characteristic, and an E2E-CRC over all of it when
// the Blood Pressure Feature promises one. The sequence number is the record's in
// the store: the measurement is the same that was sent live, and has no other name.
func (r *reader) pressureRecord() {
	whole := r.segmented(keyPressureRecord)
	if r.Err() != nil || whole == nil {
		return
	}
	want := false
	if c, ok := r.recalled(featureBloodPressure); ok {
		want = flag(c.U16LE("feature"), featurePressureCRC) && c.Err() == nil
	}
	in := *r
	in.Cursor = cursor.New(whole)
	covered := in.Peek(in.Left() - crcSize)
	in.U16LE("Sequence Number")
	uuid := in.U16LE("UUID")
	decode, known := recorded[uuid]
	switch {
	case in.Err() != nil:
	case !known:
		in.Fail("a record of characteristic %s is no blood pressure", strconv.FormatUint(uint64(uuid), 16))
	default:
		decode(&in)
		endCRC(in.Cursor, covered, want)
		in.Close("Blood Pressure Record")
	}
	if err := in.Err(); err != nil {
		r.FailAt(0, "blood pressure record, %v", err)
		return
	}
	r.remember = in.remember
}

// enhancedCuffPressure reads an Enhanced Intermediate Cuff Pressure (BLS 3.7, GSS):
// a number for the display while the cuff deflates and no result.
func (r *reader) enhancedCuffPressure() {
	flags := r.U8("Flags")
	r.SFLOATLE("Current Cuff Pressure")
	r.Take(4, "Unused")
	if flag(flags, 1) {
		r.U32LE("Time Stamp")
	}
	r.pulseUserStatusValues(flags)
	if flag(flags, 5) {
		r.U32LE("User Facing Time")
	}
}

// registeredUser reads a Registered User (UDS, GSS): flags, index and, with bit 0, the
// name a person gave the device. It is checked and gives no facts: who a user number
// is gets decided here by association, never by a name in a device.
func (r *reader) registeredUser() {
	r.U8("Segmentation Header")
	flags := r.U8("Registered User Flags")
	r.U8("Registered User Index")
	if flag(flags, 0) {
		r.Take(r.Left(), "Registered User Name")
	}
}
