// Package acom is the abstract content information model of IEEE 11073-10206:
// what a personal health device said, in the standard's words and before any
// FHIR. Every adapter emits it and only adapters/mapping turns it into FHIR.
//
// The values are exactly what the device sent: numbers stay decimal text, times
// stay as partial as they were, units stay the device's MDC unit, an unknown
// stays unknown. All types survive a JSON round trip, because quarantine keeps
// reports as JSON until a patient is known.
package acom

// Report is what one frame said about one device.
type Report struct {
	// Device describes the sensor, as far as this frame and what the adapter
	// remembered tell it. SystemID or Address is set, or the frame's own
	// Device was.
	Device Device `json:"device"`
	// Clock pairs the device's clock with the gateway's, when the device told
	// its time (coincident time stamp, PHD 2.0).
	Clock *Clock `json:"clock,omitempty"`
	// Measurements in the order the device sent them.
	Measurements []Measurement `json:"measurements,omitempty"`
	// Bedside is set by the adapters of point-of-care devices.
	Bedside *Bedside `json:"bedside,omitempty"`
	// Service names the vendor's service, app or file that passed the readings on,
	// such as "dexcom". A Report that has one is mapped as R4 vital signs and by
	// neither device guide: nobody on the way was a gateway in their sense.
	Service string `json:"service,omitempty"`
	// Subject is the patient as the sender of a report without Bedside names him. It
	// is a claim, as there.
	Subject *Subject `json:"subject,omitempty"`
	// Template is set when a template of the operator made the report.
	Template *Template `json:"template,omitempty"`
}

// Template names a template, so that what it made can be found when it was wrong.
type Template struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Digest is the beginning of the SHA-256 of the template's files, in hex.
	Digest string `json:"digest"`
}

// Kind says which of the ACOM measurement classes a Measurement is.
type Kind uint8

// The measurement classes of IEEE 11073-10206, by the PHD guide's profile names.
const (
	Numeric          Kind = iota + 1 // Value.Number with Unit
	CompoundNumeric                  // Components, all numeric
	Compound                         // Components of mixed kinds
	CodedEnumeration                 // Value.Coded
	BitsEnumeration                  // Value.Bits
	StringEvent                      // Value.Text
	RTSA                             // Value.Samples: real-time sample array
)

// Measurement is one fact: a value of a Type at a Time.
type Measurement struct {
	Kind Kind `json:"kind"`
	// Type is the 32-bit context-free MDC code of what was measured.
	Type Code `json:"type"`
	// Supplemental types qualify Type (20601 Supplemental-Types), in sent order.
	Supplemental []Code `json:"supplemental,omitempty"`
	Status       Status `json:"status,omitempty"`
	Time         Time   `json:"time"`
	// Duration in seconds, decimal text; "" when the measurement is a point in time.
	Duration string `json:"duration,omitempty"`
	// Person is the device's own user number (multi-person devices); 0 is none.
	// It is never a patient identity.
	Person uint32 `json:"person,omitempty"`
	// Site is the MDC code of the body site; 0 is not said.
	Site Code `json:"site,omitempty"`
	// Key names this measurement within its device so that others can relate to
	// it, such as "glucose/7" for sequence number 7; "" when nothing can. A word, a
	// slash and digits name the device's own record number: it tells two records of
	// one time apart when duplicates are looked for.
	Key string `json:"key,omitempty"`
	// DerivedFrom and HasMember hold Keys of the same device.
	DerivedFrom []string `json:"derivedFrom,omitempty"`
	HasMember   []string `json:"hasMember,omitempty"`
	// Setting marks a value the device was set to, not one it measured.
	Setting bool `json:"setting,omitempty"`
	// Quality is the device's own estimate of how good Value is, in percent
	// (CGM Quality, CGMS 3.1); nil when not said. It is no value of its own.
	Quality    *Number     `json:"quality,omitempty"`
	Value      Value       `json:"value"`
	Components []Component `json:"components,omitempty"`
	// Record is what the Service of the report calls the record, unique among its
	// records of one type for one person; "" when it has no name. The same record
	// sent again is the same reading.
	Record string `json:"record,omitempty"`
	// Metric is set by the adapters of point-of-care devices and of services.
	Metric *Metric `json:"metric,omitempty"`
}

// Component is a part of a compound measurement.
type Component struct {
	Type  Code  `json:"type"`
	Value Value `json:"value"`
	// Codings name the type in other systems; with a Type of 0 they are all that is
	// known. Only reports of a Service and of point-of-care devices have them.
	Codings []Coding `json:"codings,omitempty"`
	// Status and Interpretation are of this part alone, beside those of the whole. Only
	// reports of point-of-care devices have them.
	Status         Status   `json:"status,omitempty"`
	Interpretation []string `json:"interpretation,omitempty"`
}

// Value holds what was sent; which member counts is told by the Kind of the
// measurement or, in a Component, by which one is set. An empty Value with
// Absent set is a value the device could not give.
type Value struct {
	Number *Number `json:"number,omitempty"`
	// Unit is the 32-bit MDC unit code (partition 4), 0 when none was sent.
	Unit Code `json:"unit,omitempty"`
	// Foreign is a unit that was not sent as an MDC code: with System
	// http://unitsofmeasure.org a UCUM code, with none the words that were sent.
	Foreign *Coding `json:"foreign,omitempty"`
	Coded   []Code  `json:"coded,omitempty"`
	// Concept is a coded value in systems other than MDC, or in words (Display).
	Concept []Coding `json:"concept,omitempty"`
	Text    string   `json:"text,omitempty"`
	// Wall is a value that is a date or time itself.
	Wall *Wall `json:"wall,omitempty"`
	Bits *Bits `json:"bits,omitempty"`
	// Range is a value that is known to lie between two numbers, Ratio one that is the
	// relation of two. Only reports of point-of-care devices have them.
	Range *Range `json:"range,omitempty"`
	Ratio *Ratio `json:"ratio,omitempty"`
	// Samples of a real-time sample array.
	Samples *Samples `json:"samples,omitempty"`
	// Absent says why there is no value though the device reported one.
	Absent Absent `json:"absent,omitempty"`
	// Comparator is set when the device said the true value lies beyond Number.
	Comparator Comparator `json:"comparator,omitempty"`
}

// Ratio has decimal texts. A Comparator of the Value is of the numerator.
type Ratio struct {
	Numerator   string `json:"numerator"`
	Denominator string `json:"denominator"`
}

// Comparator says where the true value lies from the number told.
type Comparator uint8

// The comparators; 0 is the number itself.
const (
	Below   Comparator = iota + 1 // <
	AtMost                        // <=
	Above                         // >
	AtLeast                       // >=
)

// Absent is the reason for a missing value, in words of the FHIR
// data-absent-reason code system that the mapping passes on.
type Absent uint8

// Reasons an adapter may give beyond the specials of Number.
const (
	AbsentUnknown Absent = iota + 1
	AbsentError
	AbsentNotPerformed
	AbsentTemporarily
	AbsentUnsupported // sent in a form that has no place here
)

// Number is a decimal as sent: either Text, a plain decimal such as "37.60"
// whose trailing zeros are the device's precision, or a Special.
type Number struct {
	Text    string  `json:"text,omitempty"`
	Special Special `json:"special,omitempty"`
}

// Special is a FLOAT or SFLOAT value that is no number (IEEE 11073-20601 F.8).
type Special uint8

// The special values. None of them may ever be shown as a number.
const (
	NaN  Special = iota + 1
	NRes         // not at this resolution
	PosInfinity
	NegInfinity
	Reserved
)

// Bits is a bit-string enumeration. Bit 0 is the most significant, as in
// ASN.1 BIT STRING (IEEE 11073-20601 A.2).
type Bits struct {
	Value uint32 `json:"value"`
	// Mask has a 1 for every bit the device supports.
	Mask uint32 `json:"mask"`
	// Width is 8, 16, 24 or 32 bits.
	Width int `json:"width"`
}

// Samples is a real-time sample array: sample = Factor*raw + Origin.
type Samples struct {
	// Period between samples in seconds, decimal text.
	Period string `json:"period"`
	// Dimensions are the values of one point in time, which follow one another in Raw
	// or Decimals; 0 is one.
	Dimensions int `json:"dimensions,omitempty"`
	// Decimals are samples sent as decimals: the scale-range specification and Raw are
	// not used then. A sample that is missing is "E".
	Decimals []string `json:"decimals,omitempty"`
	// Limits of Decimals, as far as told.
	Limits *Range `json:"limits,omitempty"`
	// LowerAbsolute..UpperScaled are the scale-range specification.
	LowerAbsolute Number  `json:"lowerAbsolute"`
	UpperAbsolute Number  `json:"upperAbsolute"`
	LowerScaled   int64   `json:"lowerScaled"`
	UpperScaled   int64   `json:"upperScaled"`
	Raw           []int64 `json:"raw"`
	// Missing are the indexes of Raw that hold no sample (gaps).
	Missing []int `json:"missing,omitempty"`
}

// Status is the measurement status, with the bit values of IEEE 11073-20601
// MeasurementStatus (bit 0 = most significant of 16).
type Status uint16

// Measurement status bits.
const (
	Invalid            Status = 0x8000
	Questionable       Status = 0x4000
	NotAvailable       Status = 0x2000
	CalibrationOngoing Status = 0x1000
	TestData           Status = 0x0800
	DemoData           Status = 0x0400
	ValidatedData      Status = 0x0080
	EarlyIndication    Status = 0x0040
	MsmtOngoing        Status = 0x0020
	InAlarm            Status = 0x0002 // 11073-10201 msmt-state-in-alarm
	AlarmInhibited     Status = 0x0001 // 11073-10201 msmt-state-al-inhibited
)
