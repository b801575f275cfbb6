// Package cursor reads device frames. A Cursor remembers its first error and
// gives zero values from then on, so that a decoder reads straight through and
// asks Err once. Adapters never index a slice themselves.
package cursor

import (
	"encoding/binary"
	"fmt"

	"vitalwire/adapters"
)

// Cursor is a position in a frame. Sub-cursors made by Sub share its error.
type Cursor struct {
	data  []byte
	base  int // offset of data[0] in the frame
	pos   int
	fault *fault
}

// fault is the first error, shared by a cursor and all its sub-cursors.
type fault struct{ err *adapters.Error }

// New starts at the first byte of frame.
func New(frame []byte) *Cursor {
	root := &struct {
		Cursor
		own fault
	}{}
	root.data, root.fault = frame, &root.own
	return &root.Cursor
}

// Err is the first error met, or nil. It is always an *adapters.Error.
func (c *Cursor) Err() error {
	if c.fault.err == nil {
		return nil
	}
	return c.fault.err
}

// Offset of the next byte from the start of the frame.
func (c *Cursor) Offset() int { return c.base + c.pos }

// Left is the number of unread bytes; 0 after an error.
func (c *Cursor) Left() int {
	if c.fault.err != nil {
		return 0
	}
	return len(c.data) - c.pos
}

// Fail records an error at the current offset unless there is one already.
func (c *Cursor) Fail(format string, args ...any) { c.FailAt(c.Offset(), format, args...) }

// FailAt records an error at a frame offset unless there is one already.
func (c *Cursor) FailAt(offset int, format string, args ...any) {
	if c.fault.err == nil {
		c.fault.err = &adapters.Error{Offset: offset, Reason: fmt.Sprintf(format, args...)}
	}
}

// Take reads n bytes; what names them in an error. The bytes alias the frame.
func (c *Cursor) Take(n int, what string) []byte {
	if c.fault.err != nil {
		return nil
	}
	if n < 0 || n > len(c.data)-c.pos {
		c.Fail("%s needs %d bytes, %d left", what, n, len(c.data)-c.pos)
		return nil
	}
	b := c.data[c.pos : c.pos+n : c.pos+n]
	c.pos += n
	return b
}

// Sub reads n bytes as a cursor of their own, which shares this one's error.
func (c *Cursor) Sub(n int, what string) *Cursor {
	start := c.base + c.pos // small enough to be inlined: most cursors then cost nothing
	return &Cursor{data: c.Take(n, what), base: start, fault: c.fault}
}

// Close fails when bytes are left over.
func (c *Cursor) Close(what string) {
	if left := c.Left(); left > 0 {
		c.Fail("%d bytes left over after %s", left, what)
	}
}

// U8 reads one byte.
func (c *Cursor) U8(what string) uint8 {
	if b := c.Take(1, what); b != nil {
		return b[0]
	}
	return 0
}

// U16 reads two bytes, big-endian.
func (c *Cursor) U16(what string) uint16 {
	if b := c.Take(2, what); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// U32 reads four bytes, big-endian.
func (c *Cursor) U32(what string) uint32 {
	if b := c.Take(4, what); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// U64 reads eight bytes, big-endian.
func (c *Cursor) U64(what string) uint64 {
	if b := c.Take(8, what); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// U16LE reads two bytes, little-endian.
func (c *Cursor) U16LE(what string) uint16 {
	if b := c.Take(2, what); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// U24LE reads three bytes, little-endian.
func (c *Cursor) U24LE(what string) uint32 {
	if b := c.Take(3, what); b != nil {
		return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
	}
	return 0
}

// U32LE reads four bytes, little-endian.
func (c *Cursor) U32LE(what string) uint32 {
	if b := c.Take(4, what); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}
