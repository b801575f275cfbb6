package blegatt

import (
	"strconv"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// heartRate reads a Heart Rate Measurement (HRS 3.1, GSS): flags, rate as
// u8 or u16 (bit 0), energy expended (3) and R-R intervals to the end (4); bits
// 1..2 tell skin contact. The service is for chest straps, which sense the ECG:
// the Transcoding white paper (section 3.2) makes it MDC_ECG_HEART_RATE.
//
// A notification has no time: it is of the moment the gateway received it.
func (r *reader) heartRate() {
	flags := r.U8("Flags")
	rate := acom.Measurement{Kind: acom.Numeric, Type: mdcHeartRate, Key: "hr"}
	if flag(flags, 0) {
		rate.Value = scaled(int64(r.U16LE("Heart Rate")), 0, unitBeatPerMin)
	} else {
		rate.Value = scaled(int64(r.U8("Heart Rate")), 0, unitBeatPerMin)
	}
	contactKnown, contact := flag(flags, 2), flag(flags, 1)
	if contactKnown && !contact {
		// A strap off the skin may still send its last rate or noise.
		rate.Status = acom.Questionable
	}
	r.add(rate)
	if contactKnown {
		r.add(sensorContact(contact))
	}
	if flag(flags, 3) {
		// The counter stops at FFFF kJ until it is reset (HRS 3.1).
		sent := r.U16LE("Energy Expended")
		value := beyond(scaled(int64(sent), 0, unitKilojoule), false, sent == 0xFFFF)
		r.add(acom.Measurement{Kind: acom.Numeric, Type: mdcEnergyExpended, Value: value})
	}
	if flag(flags, 4) {
		for i := 1; i == 1 || r.Left() > 0; i++ {
			ticks := r.U16LE("RR-Interval")
			r.add(acom.Measurement{Kind: acom.Numeric, Type: mdcRRInterval, Key: "rr." + strconv.Itoa(i),
				Value: number(acom.Number{Text: milliseconds(ticks)}, unitMillisecond)})
		}
	}
}

// sensorContact tells skin contact as the loss of an electrode, the one bit of
// MDC_ECG_DEV_STAT that says it (bit 0, lead wire or electrode connection).
func sensorContact(contact bool) acom.Measurement {
	bits := acom.Bits{Mask: 0x8000, Width: 16}
	if !contact {
		bits.Value = 0x8000
	}
	return acom.Measurement{Kind: acom.BitsEnumeration, Type: mdcECGDeviceStatus, DerivedFrom: []string{"hr"}, Value: acom.Value{Bits: &bits}}
}

// milliseconds writes ticks of 1/1024 s exactly: a tick is 0.9765625 ms. Zeros at
// the end are cut, because they would promise a precision the tick has not.
func milliseconds(ticks uint16) string {
	text := cursor.Decimal(int64(ticks)*9765625, -7)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
