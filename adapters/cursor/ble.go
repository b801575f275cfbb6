package cursor

import "vitalwire/adapters/acom"

// Peek gives up to n of the next bytes without reading them, for a checksum
// over bytes that are parsed afterwards. The bytes alias the frame.
func (c *Cursor) Peek(n int) []byte {
	left := c.Left()
	if n > left {
		n = left
	}
	if n <= 0 {
		return nil
	}
	return c.data[c.pos : c.pos+n : c.pos+n]
}

// S8 reads one byte in two's complement.
func (c *Cursor) S8(what string) int8 { return int8(c.U8(what)) }

// S16LE reads two bytes in two's complement, little-endian.
func (c *Cursor) S16LE(what string) int16 { return int16(c.U16LE(what)) }

// SFLOATLE reads a little-endian SFLOAT (Bluetooth medfloat16).
func (c *Cursor) SFLOATLE(what string) acom.Number { return c.SFLOATLEShift(0, what) }

// SFLOATLEShift reads a little-endian SFLOAT and adds shift to its decimal
// exponent: kg/L with shift 5 is mg/dL. Moving the decimal point is exact and
// keeps every digit sent; a special value stays that special value.
func (c *Cursor) SFLOATLEShift(shift int, what string) acom.Number {
	raw := c.U16LE(what)
	number := SFLOAT(raw)
	if shift == 0 || number.Special != 0 {
		return number
	}
	mantissa := int64(raw & 0x0FFF)
	if mantissa >= 0x0800 {
		mantissa -= 0x1000
	}
	return acom.Number{Text: Decimal(mantissa, int(int8(raw>>8)>>4)+shift)}
}

// FLOATLE reads a little-endian FLOAT (Bluetooth medfloat32).
func (c *Cursor) FLOATLE(what string) acom.Number { return FLOAT(c.U32LE(what)) }

// S32LE reads four bytes in two's complement, little-endian.
func (c *Cursor) S32LE(what string) int32 { return int32(c.U32LE(what)) }

// U48LE reads six bytes, little-endian.
func (c *Cursor) U48LE(what string) uint64 {
	low := uint64(c.U32LE(what))
	return low | uint64(c.U16LE(what))<<32
}

// UintLE reads n bytes, 1 to 4, as one little-endian number.
func (c *Cursor) UintLE(n int, what string) uint32 {
	var v uint32
	for i, b := range c.Take(n, what) {
		v |= uint32(b) << (8 * i)
	}
	return v
}
