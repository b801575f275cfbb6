package intellivue

import (
	"fmt"
	"strconv"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
	"vitalwire/fhir/term"
)

// private is where Philips' own codes of a partition begin.
const private = 0xF000

// numeric is a NuObsValue.
type numeric struct {
	physio, state, unit uint16
	value               uint32
}

func (r *reader) numeric(c *cursor.Cursor) numeric {
	r.spend(c, 1)
	return numeric{c.U16("physiological identifier"), c.U16("state"), c.U16("unit"), c.U32("value")}
}

// enumeration is an EnumObsVal: an identifier, or one with a number.
type enumeration struct {
	physio, state, value, unit uint16
	number                     uint32
	numbered                   bool
}

func (r *reader) enumeration(c *cursor.Cursor) enumeration {
	const identifier, withNumber = 1, 4
	r.spend(c, 1)
	e := enumeration{physio: c.U16("physiological identifier"), state: c.U16("state")}
	choice := c.U16("choice")
	v := c.Sub(int(c.U16("value length")), "value")
	switch choice {
	case identifier, withNumber:
		e.value = v.U16("value")
		if choice == withNumber {
			e.numbered, e.number, e.unit = true, v.U32("number"), v.U16("unit")
		}
	default:
		c.Fail("enumeration of the unknown choice %d", choice)
	}
	return e
}

// values adds what an object measured, after the attributes that explain it.
func (r *reader) values(o *seen) {
	if n := len(o.numbers) + len(o.waves) + len(o.enums); n == 0 {
		return
	}
	r.needs = true
	passing := acom.MsmtOngoing | acom.InAlarm | acom.AlarmInhibited
	if o.time.IsZero() {
		o.time, passing = r.moment, 0
	}
	path := fmt.Sprintf("1.0.%d.%d", o.key.context, o.key.handle)
	objects := &r.bedside().Objects
	if len(*objects) == 0 {
		*objects = append(*objects, acom.Object{Path: "1", Type: r.mds.Type})
	}
	add := func(m acom.Measurement, unit *acom.Coding) {
		r.facts = true
		m.Metric.Path = path
		// A value with a time of its own is told with every poll until the next: what
		// goes on meanwhile is no part of it.
		m.Status &^= passing
		m.Setting = o.now.setting()
		m.Metric.Therapy = m.Setting
		if o.now.Label != "" {
			m.Metric.Codings = append(m.Metric.Codings, acom.Coding{Display: o.now.Label})
		}
		if o.now.Manual || o.now.Category == 2 || o.now.Category == 6 {
			m.Metric.Method = &acom.Coding{Display: "Manual"}
		}
		if o.now.Off {
			m.Value = acom.Value{Absent: acom.AbsentNotPerformed}
		}
		r.report.Measurements = append(r.report.Measurements, m)
		*objects = append(*objects, acom.Object{Path: path, Type: m.Type, Codings: m.Metric.Codings, Kind: m.Kind, Unit: unit, Category: o.now.category()})
	}
	for _, n := range o.numbers {
		m := r.measured(acom.Numeric, n.physio, n.state, o.time)
		m.Value = number(n.value, n.unit)
		add(m, unitOf(n.unit))
	}
	for _, e := range o.enums {
		m := r.measured(acom.CodedEnumeration, e.physio, e.state, o.time)
		if code, own := physiological(e.value); own == nil {
			m.Value.Coded = []acom.Code{code}
		} else {
			m.Value.Concept = []acom.Coding{*own}
		}
		if e.numbered {
			m.Kind = acom.Compound
			m.Components = []acom.Component{{Type: m.Type, Codings: m.Metric.Codings, Value: m.Value}, {Type: m.Type, Codings: m.Metric.Codings, Value: number(e.number, e.unit)}}
			m.Value = acom.Value{}
		}
		add(m, nil)
	}
	for _, w := range o.waves {
		if m, ok := r.sampled(w, o); ok {
			add(m, unitOf(o.now.Unit))
		}
	}
}

// measured begins a measurement. The bits of the state are those of 11073-10201, which
// are acom's.
func (r *reader) measured(kind acom.Kind, physio, state uint16, at acom.Time) acom.Measurement {
	m := acom.Measurement{Kind: kind, Status: acom.Status(state), Time: at, Metric: &acom.Metric{}}
	code, own := physiological(physio)
	if m.Type = code; own != nil {
		m.Metric.Codings = []acom.Coding{*own}
	}
	return m
}

// setting reports whether a metric is what the monitor or a device at it is set to.
func (d described) setting() bool {
	return d.Setting || d.Category == 3 || d.Category == 4 || d.Category == alarmLimit
}

func (d described) category() string {
	switch {
	case d.setting():
		return "setting"
	case d.Category == 5 || d.Category == 6:
		return "calculation"
	}
	return "measurement"
}

// physiological is an identifier of partition 2, or Philips' own.
func physiological(id uint16) (acom.Code, *acom.Coding) {
	if id >= private {
		return 0, own("physio", id)
	}
	return acom.MDC(acom.PartitionSCADA, id), nil
}

// own is a code of Philips' own in a partition.
func own(partition string, id uint16) *acom.Coding {
	return &acom.Coding{System: system + ":" + partition, Code: strconv.Itoa(int(id)), Display: fmt.Sprintf("0x%04X", id)}
}

// number is a FLOAT in a unit. The mantissas of what is no number are none with any
// exponent: so the monitor's guide has them.
func number(raw uint32, unit uint16) acom.Value {
	n := cursor.FLOAT(raw)
	if none := cursor.FLOAT(raw & 0x00FFFFFF); none.Special != 0 {
		n = none
	}
	v := acom.Value{Number: &n}
	switch {
	case unit >= private:
		v.Foreign = own("unit", unit)
	case unit != 0:
		v.Unit = acom.MDC(acom.PartitionDimension, unit)
	}
	return v
}

// unitOf is the unit of a metric; 0 is none.
func unitOf(unit uint16) *acom.Coding {
	switch {
	case unit == 0:
		return nil
	case unit >= private:
		return own("unit", unit)
	}
	c := mdc(acom.MDC(acom.PartitionDimension, unit))
	return &c
}

// mdc is a code as a coding, with its name if the table has it.
func mdc(code acom.Code) acom.Coding {
	c := acom.Coding{System: term.MDCSystem, Code: strconv.FormatUint(uint64(code), 10)}
	if known, ok := term.LookupMDC(uint32(code)); ok {
		c.Display = known.RefID
	}
	if known, ok := term.LookupUnit(uint32(code)); ok {
		c.Display = known.RefID
	}
	return c
}

func parse(code string) acom.Code {
	n, err := strconv.ParseUint(code, 10, 32)
	if err != nil {
		return 0
	}
	return acom.Code(n)
}
