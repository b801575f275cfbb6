package intellivue

import (
	"math/big"
	"strconv"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

const (
	invalidMask = 1      // the fixed value that marks invalid samples
	outerBits   = 0x1000 // flag: bits beyond the significant ones mean something else
	signed      = 255    // in the place of the significant bits
	mostSamples = 8192   // of one wave in one message; a monitor sends 128
)

// wave is a SaObsValue.
type wave struct {
	physio, state uint16
	at            int // of the samples in the message
	data          []byte
}

func (r *reader) wave(c *cursor.Cursor) wave {
	r.spend(c, 1)
	w := wave{physio: c.U16("physiological identifier"), state: c.U16("state")}
	length := int(c.U16("samples"))
	w.at = c.Offset()
	if w.data = c.Take(length, "samples"); len(w.data) > mostSamples {
		c.FailAt(w.at, "%d bytes of samples are more than a monitor sends", length)
	}
	return w
}

// sampled is a wave with the period and scale that its object told, now or earlier. One
// whose period nobody told cannot be shown; the frame keeps it.
func (r *reader) sampled(w wave, o *seen) (m acom.Measurement, ok bool) {
	if len(w.data) == 0 {
		return m, false // a poll of the object's description
	}
	d := o.now
	if d.Period == 0 || d.Bits != 8 && d.Bits != 16 {
		r.result.Skipped = append(r.result.Skipped, adapters.Skip{Offset: min(r.base+w.at, len(r.frame.Bytes)), Reason: "samples of a wave whose sample period and size were not told yet"})
		return m, false
	}
	m = r.measured(acom.RTSA, w.physio, w.state, o.time)
	period := big.NewRat(int64(d.Period), 8000)
	s := &acom.Samples{Period: period.RatString(), Raw: make([]int64, 0, len(w.data)*8/int(d.Bits))}
	for c := cursor.New(w.data); c.Left() >= int(d.Bits)/8; {
		raw := uint16(0)
		if d.Bits == 16 {
			raw = c.U16("sample")
		} else {
			raw = uint16(c.U8("sample"))
		}
		if d.Invalid != 0 && raw&d.Invalid == d.Invalid {
			s.Missing = append(s.Missing, len(s.Raw))
		}
		s.Raw = append(s.Raw, d.sample(raw))
	}
	m.Duration = seconds(period.Mul(period, big.NewRat(int64(len(s.Raw)), 1)))
	s.LowerAbsolute, s.UpperAbsolute = acom.Number{Special: acom.NaN}, acom.Number{Special: acom.NaN}
	if d.Scale != nil {
		s.LowerAbsolute, s.UpperAbsolute = *number(uint32(d.Scale[0]), 0).Number, *number(uint32(d.Scale[1]), 0).Number
		s.LowerScaled, s.UpperScaled = d.sample(uint16(d.Scale[2])), d.sample(uint16(d.Scale[3]))
	}
	m.Value.Samples = s
	if s.LowerAbsolute.Special == 0 && s.UpperAbsolute.Special == 0 {
		switch {
		case d.Unit >= private:
			m.Value.Foreign = own("unit", d.Unit)
		case d.Unit != 0:
			m.Value.Unit = acom.MDC(acom.PartitionDimension, d.Unit)
		}
		return m, true
	}
	// A wave without absolute values, as a plethysmogram: its steps alone.
	lowest, highest := int64(0), int64(1)<<d.width()-1
	if d.Used == signed {
		lowest, highest = -(highest+1)/2, highest/2
	}
	if d.Scale != nil && s.LowerScaled < s.UpperScaled {
		lowest, highest = s.LowerScaled, s.UpperScaled
	}
	s.LowerScaled, s.UpperScaled = lowest, highest
	s.LowerAbsolute, s.UpperAbsolute = acom.Number{Text: strconv.FormatInt(lowest, 10)}, acom.Number{Text: strconv.FormatInt(highest, 10)}
	m.Metric.Notes = []string{"The samples have no absolute value; they are the monitor's steps."}
	return m, true
}

// width is how many bits of a sample are its value.
func (d described) width() int {
	if d.Masked && d.Used > 0 && d.Used < d.Bits {
		return int(d.Used)
	}
	return int(d.Bits)
}

// sample is the value in a sample's bits.
func (d described) sample(raw uint16) int64 {
	switch {
	case d.Used == signed && d.Bits == 8:
		return int64(int8(raw))
	case d.Used == signed:
		return int64(int16(raw))
	}
	return int64(raw) & (1<<d.width() - 1)
}

// seconds writes a duration as decimal text; ticks of 125 µs always have one.
func seconds(r *big.Rat) string {
	text := r.FloatString(6)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
