package blegatt

import "vitalwire/adapters/acom"

// keySpO2 names the saturation of a report, for its pulse rate and status.
const keySpO2 = "spo2"

// featurePLX is the memory key of the device and sensor status bits that PLX
// Features lists as supported, three bytes as sent.
const featurePLX = "feature/2A60"

// statusFromGATT keeps the bits of a PLX Measurement Status (GSS) that are
// IEEE 11073-20601 MeasurementStatus bits; both have invalid as 8000. Bits 8
// (fully qualified) and 9 (from storage) exist in GATT alone and are dropped.
const statusFromGATT = acom.Invalid | acom.Questionable | acom.NotAvailable | acom.CalibrationOngoing |
	acom.TestData | acom.DemoData | acom.ValidatedData | acom.EarlyIndication | acom.MsmtOngoing

// plxSpotCheck reads a PLX Spot-Check Measurement (PLXS 3.1): flags, SpO2 and
// pulse rate, then time stamp (bit 0), measurement status (1), device and sensor
// status (2), pulse amplitude index (3). Bit 4 says that the clock was never set.
func (r *reader) plxSpotCheck() {
	flags := r.U8("Flags")
	spot := []acom.Code{mdcModalitySpot}
	pair := r.saturation("", spot)
	var shared acom.Measurement
	if flag(flags, 0) {
		shared.Time = r.timeStamp("Time Stamp")
		shared.Time.Unreliable = flag(flags, 4)
	}
	r.plxRest(pair, spot, shared, flag(flags, 1), flag(flags, 2), flag(flags, 3))
}

// plxContinuous reads a PLX Continuous Measurement (PLXS 3.2): flags, SpO2 and
// pulse rate, the same pair with fast (bit 0) and slow response (1), measurement
// status (2), device and sensor status (3), pulse amplitude index (4). It has no
// time: it is of the moment the gateway received it.
func (r *reader) plxContinuous() {
	flags := r.U8("Flags")
	pairs := r.saturation("", nil)
	if flag(flags, 0) {
		pairs = append(pairs, r.saturation(".fast", []acom.Code{mdcModalityFast})...)
	}
	if flag(flags, 1) {
		pairs = append(pairs, r.saturation(".slow", []acom.Code{mdcModalitySlow})...)
	}
	r.plxRest(pairs, nil, acom.Measurement{}, flag(flags, 2), flag(flags, 3), flag(flags, 4))
}

// saturation reads SpO2 and pulse rate. IEEE 11073-10404 tells the response mode
// by a supplemental type.
func (r *reader) saturation(suffix string, mode []acom.Code) []acom.Measurement {
	return []acom.Measurement{
		{Kind: acom.Numeric, Type: mdcSpO2, Supplemental: mode, Key: keySpO2 + suffix,
			Value: number(r.SFLOATLE("SpO2"), unitPercent)},
		{Kind: acom.Numeric, Type: mdcPulseRateOxim, Supplemental: mode, DerivedFrom: []string{keySpO2 + suffix},
			Value: number(r.SFLOATLE("Pulse Rate"), unitBeatPerMin)},
	}
}

// plxRest reads what follows the values and emits everything: the measurement
// status and the time are those of every value, the device status is a fact of
// its own.
func (r *reader) plxRest(values []acom.Measurement, mode []acom.Code, shared acom.Measurement, hasStatus, hasSensor, hasAmplitude bool) {
	if hasStatus {
		shared.Status = acom.Status(r.U16LE("Measurement Status")) & statusFromGATT
	}
	if hasSensor {
		values = append(values, acom.Measurement{Kind: acom.BitsEnumeration, Type: mdcOximeterStatus, DerivedFrom: []string{keySpO2},
			Value: acom.Value{Bits: r.oximeterStatus(r.U24LE("Device and Sensor Status"))}})
	}
	if hasAmplitude {
		values = append(values, acom.Measurement{Kind: acom.Numeric, Type: mdcPulseAmplitude, Supplemental: mode,
			DerivedFrom: []string{keySpO2}, Value: number(r.SFLOATLE("Pulse Amplitude Index"), unitPercent)})
	}
	for _, m := range values {
		m.Time, m.Status = shared.Time, shared.Status
		if m.Kind == acom.BitsEnumeration {
			// The status is no less true for a poor measurement, but a
			// demonstration stays one.
			m.Status &= acom.TestData | acom.DemoData
		}
		r.add(m)
	}
}

// oximeterStatus gives the Device and Sensor Status (PLXS 3.1) as MDC 150604.
// GATT counts bits 0..15 from the least significant (0 display update, 15 sensor
// disconnected), MDC from the most significant (0 sensor disconnected, 15 display
// update): the sixteen bits are the same number. Bits 16..23 are reserved.
func (r *reader) oximeterStatus(sent uint32) *acom.Bits {
	mask := uint32(0xFFFF)
	if c, ok := r.recalled(featurePLX); ok {
		if supported := c.U24LE("supported"); c.Err() == nil {
			mask = supported
		}
	}
	value := sent & 0xFFFF
	return &acom.Bits{Value: value, Mask: (mask | value) & 0xFFFF, Width: 16}
}

// plxFeatures reads PLX Features (PLXS 3.3): supported features, then the
// supported measurement status (bit 0) and device and sensor status bits (1).
func (r *reader) plxFeatures() {
	features := r.U16LE("Supported Features")
	if flag(features, 0) {
		r.U16LE("Measurement Status Support")
	}
	if flag(features, 1) {
		raw := r.Peek(3)
		r.U24LE("Device and Sensor Status Support")
		r.keep(featurePLX, raw)
	}
}
