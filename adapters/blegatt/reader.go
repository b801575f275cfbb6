package blegatt

import (
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// reader is one value being read: the bytes, what is remembered of the device,
// and the facts found so far. They are thrown away if the cursor ends in error.
type reader struct {
	*cursor.Cursor
	memory   adapters.Memory
	device   string // that memory keys begin with
	received time.Time

	reports    [1]acom.Report // in one piece with the reader: each frame makes both
	report     *acom.Report   // the one of reports
	deviceFact bool           // the report counts even without measurements
	remember   []adapters.Memo
}

// usualMeasurements are the most that a value without a list holds.
const usualMeasurements = 3

// add appends measurements in the order sent.
func (r *reader) add(m ...acom.Measurement) {
	r.room(max(len(m), usualMeasurements))
	r.report.Measurements = append(r.report.Measurements, m...)
}

// room is made for n measurements, unless there are some already.
func (r *reader) room(n int) {
	if r.report.Measurements == nil {
		r.report.Measurements = make([]acom.Measurement, 0, n)
	}
}

// next appends a measurement that is still to be filled; it holds while there is room.
func (r *reader) next(kind acom.Kind, typ acom.Code) *acom.Measurement {
	r.room(usualMeasurements)
	r.report.Measurements = append(r.report.Measurements, acom.Measurement{})
	m := &r.report.Measurements[len(r.report.Measurements)-1]
	m.Kind, m.Type = kind, typ
	return m
}

// recall asks the memory for this device's key.
func (r *reader) recall(key string) ([]byte, bool) {
	if r.memory == nil {
		return nil, false
	}
	return r.memory.Recall(r.device + "/" + key)
}

// keep asks for value to be remembered; nil forgets.
func (r *reader) keep(key string, value []byte) {
	r.remember = append(r.remember, adapters.Memo{Key: r.device + "/" + key, Value: value})
}

// recalled is a cursor over a remembered value. Reading it badly is no error of
// the frame: the caller checks Err and goes on as if nothing was remembered.
func (r *reader) recalled(key string) (*cursor.Cursor, bool) {
	value, ok := r.recall(key)
	if !ok {
		return nil, false
	}
	return cursor.New(value), true
}

// number is a numeric value in a unit.
func number(n acom.Number, unit acom.Code) acom.Value { return acom.Value{Number: &n, Unit: unit} }

// scaled is raw * 10^exponent as a value in a unit.
func scaled(raw int64, exponent int, unit acom.Code) acom.Value {
	return number(acom.Number{Text: cursor.Decimal(raw, exponent)}, unit)
}

// unsuccessful is the value of a measurement that the device tried and failed.
func unsuccessful(unit acom.Code) acom.Value { return acom.Value{Unit: unit, Absent: acom.AbsentError} }

// beyond marks a number as lying beyond what the device can tell. A special
// value and contradicting flags get no comparator.
func beyond(v acom.Value, below, above bool) acom.Value {
	if v.Number == nil || v.Number.Special != 0 || below == above {
		return v
	}
	v.Comparator = acom.Below
	if above {
		v.Comparator = acom.Above
	}
	return v
}

// reversed turns the low width bits of a GATT bit field, whose bit 0 is the least
// significant, into an MDC bit string, whose bit 0 is the most significant.
func reversed(bits uint32, width int) uint32 { //nolint:unparam // widths are facts of the fields, and 16 so far
	var out uint32
	for i := range width {
		if bits>>i&1 == 1 {
			out |= 1 << (width - 1 - i)
		}
	}
	return out
}

// userIndex is a User Index (GSS): FF is an unknown user. acom counts no
// user as 0, so index 0 cannot be told from none.
func (r *reader) userIndex() uint32 {
	if id := r.U8("User ID"); id != 0xFF {
		return uint32(id)
	}
	return 0
}

// flag tells whether bit is set in flags.
func flag[T ~uint8 | ~uint16 | ~uint32](flags T, bit int) bool { return flags>>bit&1 == 1 }
