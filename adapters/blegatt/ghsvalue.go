package blegatt

import (
	"encoding/hex"
	"math/big"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// value reads a value of one of the classes 1 to 6 (GHSS 3.1.2.11), in an
// observation or in a component.
func (g *ghs) value(class uint8) acom.Value {
	c := g.Cursor
	switch class {
	case classNumeric:
		unit := unitOf(c)
		return number(c.FLOATLE("Value"), unit)
	case classDiscrete:
		return codedValue([]acom.Code{acom.Code(c.U32LE("Value"))})
	case classString:
		return textValue(c.Take(int(c.U16LE("Length of String")), "Value"))
	case classSampleArray:
		return g.samples()
	case classDiscreteEvent:
		return codedValue(g.codes("Value"))
	case classStateEvent:
		return acom.Value{Bits: g.bits()}
	}
	c.Fail("Component Value Type %d is none of 1 to 6", class)
	return acom.Value{}
}

// unitOf reads a Unit Code: a term of partition 4, whose number alone is sent.
func unitOf(c *cursor.Cursor) acom.Code {
	term := c.U16LE("Unit Code")
	if term == 0 {
		return 0
	}
	return acom.MDC(acom.PartitionDimension, term)
}

// codedValue leaves out what is no code; nothing left is an unknown.
func codedValue(sent []acom.Code) acom.Value {
	var codes []acom.Code
	for _, code := range sent {
		if code != 0 {
			codes = append(codes, code)
		}
	}
	if codes == nil {
		return acom.Value{Absent: acom.AbsentUnknown}
	}
	return acom.Value{Coded: codes}
}

func textValue(raw []byte) acom.Value {
	text := strings.TrimRight(strings.ToValidUTF8(string(raw), "\uFFFD"), "\x00 ")
	if text = strings.ReplaceAll(text, "\x00", ""); text == "" {
		return acom.Value{Absent: acom.AbsentUnknown}
	}
	return acom.Value{Text: text}
}

// bits reads a compound state or event: the bits supported, which of them are
// states, and the bits themselves, each as one little-endian number in which MDC's
// bit 0 is the most significant, as everywhere in IEEE 11073.
func (g *ghs) bits() *acom.Bits {
	c := g.Cursor
	n := int(c.U8("Number of Bytes"))
	if n < 1 || n > 4 {
		c.Fail("a compound state of %d bytes is not 1 to 4", n)
		return nil
	}
	b := &acom.Bits{Mask: c.UintLE(n, "Supported Bits"), Width: 8 * n}
	c.UintLE(n, "State or Event Bits")
	b.Value = c.UintLE(n, "Value")
	b.Mask |= b.Value // what a sensor sends it supports
	return b
}

// compound reads the components of a compound observation.
func (g *ghs) compound() (acom.Kind, []acom.Component) {
	c, kind := g.Cursor, acom.CompoundNumeric
	n := int(c.U8("Number of Components"))
	var parts []acom.Component
	for i := 0; i < n && c.Err() == nil; i++ {
		part := acom.Component{Type: acom.Code(c.U32LE("Component Type"))}
		class := c.U8("Component Value Type")
		part.Value = g.value(class)
		if class != classNumeric {
			kind = acom.Compound
		}
		parts = append(parts, part)
	}
	return kind, parts
}

// Format types of TLVs (Assigned Numbers, 2.4.1) that are numbers or words.
const (
	formatSFLOAT = 0x16
	formatFLOAT  = 0x17
	formatUTF8   = 0x19
)

// formatWidths of the integers, by format type; a negative one is signed.
var formatWidths = map[uint8]int{0x04: 1, 0x06: 2, 0x07: 3, 0x08: 4, 0x0C: -1, 0x0E: -2, 0x0F: -3, 0x10: -4}

// tlvs reads type-length-value triples. What has a format this does not know stays
// what it is, bytes in hexadecimal.
func (g *ghs) tlvs() []acom.Component {
	c := g.Cursor
	n := int(c.U8("Number of TLVs"))
	var parts []acom.Component
	for i := 0; i < n && c.Err() == nil; i++ {
		part := acom.Component{Type: acom.Code(c.U32LE("TLV Type"))}
		length := int(c.U16LE("TLV Length"))
		format := c.U8("TLV Format Type")
		part.Value = tlv(c.Sub(length, "TLV Value"), format)
		parts = append(parts, part)
	}
	return parts
}

func tlv(v *cursor.Cursor, format uint8) acom.Value {
	size := v.Left()
	width := formatWidths[format]
	switch {
	case format == formatUTF8:
		return textValue(v.Take(size, "TLV Value"))
	case format == formatSFLOAT && size == 2:
		return number(v.SFLOATLE("TLV Value"), 0)
	case format == formatFLOAT && size == 4:
		return number(v.FLOATLE("TLV Value"), 0)
	case width > 0 && width == size:
		return scaled(int64(v.UintLE(size, "TLV Value")), 0, 0)
	case width < 0 && -width == size:
		return scaled(signed(v.UintLE(size, "TLV Value"), size), 0, 0)
	}
	return textValue([]byte(strings.ToUpper(hex.EncodeToString(v.Take(size, "TLV Value")))))
}

func signed(raw uint32, size int) int64 {
	shift := 32 - 8*size
	return int64(int32(raw<<shift) >> shift)
}

// samples reads a sample array: unit, scale factor and offset, the least and the
// greatest scaled value, the sample period in seconds, the samples in each period
// (which are the dimensions of a sample), the bytes of one, how many, and they
// themselves. They are signed where the least is negative.
func (g *ghs) samples() acom.Value {
	const what = "Sample Array"
	c := g.Cursor
	unit := unitOf(c)
	factor, offset := c.FLOATLE(what), c.FLOATLE(what)
	low, high := int64(c.S32LE(what)), int64(c.S32LE(what))
	period := c.FLOATLE("Sample Period")
	dimensions, size := c.U8("Number of Samples per Period"), int(c.U8("Number of Bytes per Sample"))
	count := c.U32LE("Number of Samples")
	switch {
	case c.Err() != nil:
		return acom.Value{}
	case size < 1 || size > 4:
		c.Fail("samples of %d bytes are not of 1 to 4", size)
		return acom.Value{}
	case uint64(count)*uint64(size) > uint64(c.Left()):
		c.Fail("%d samples of %d bytes need more than the %d bytes left", count, size, c.Left())
		return acom.Value{}
	}
	s := &acom.Samples{Period: period.Text, Dimensions: int(dimensions), LowerScaled: low, UpperScaled: high,
		LowerAbsolute: absolute(factor, offset, low), UpperAbsolute: absolute(factor, offset, high), Raw: make([]int64, 0, count)}
	for range count {
		raw := c.UintLE(size, what)
		if low < 0 {
			s.Raw = append(s.Raw, signed(raw, size))
		} else {
			s.Raw = append(s.Raw, int64(raw))
		}
	}
	if span, ok := new(big.Rat).SetString(period.Text); period.Special != 0 || !ok || span.Sign() <= 0 || dimensions == 0 || count%uint32(dimensions) != 0 {
		return acom.Value{Absent: acom.AbsentError} // no telling when a sample was
	}
	return acom.Value{Samples: s, Unit: unit}
}

// absolute is factor times scaled plus offset, exactly; special when one of them is.
func absolute(factor, offset acom.Number, scaled int64) acom.Number {
	for _, n := range []acom.Number{factor, offset} {
		if n.Special != 0 {
			return n
		}
	}
	f, _ := new(big.Rat).SetString(factor.Text)
	o, _ := new(big.Rat).SetString(offset.Text)
	sum := f.Mul(f, new(big.Rat).SetInt64(scaled))
	sum.Add(sum, o)
	digits, _ := sum.FloatPrec()
	return acom.Number{Text: sum.FloatString(digits)}
}
