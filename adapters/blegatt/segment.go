package blegatt

import (
	"encoding/binary"
	"strconv"
)

// A Segmentation Header (GHSS 3.1.1, BLS 3.6, GSS) precedes each part of a value
// that may be longer than a notification: bit 0 marks the first part, bit 1 the
// last, bits 2 to 7 count the parts from 0 to 63 and over.
const (
	segmentFirst = 1 << 0
	segmentLast  = 1 << 1
	segmentCount = 64
)

// Bounds of a value in parts: the longest record of GHSS has a length of 16 bits,
// behind a record number, a class and that length.
const (
	maxSegmented = 4 + 3 + 0xFFFF
	maxSegments  = 4096
)

// begun is what is remembered of a value whose parts have not all come, under its
// key: the counter of the last part (u8), how many there are and how many bytes
// (u16 and u32, big-endian). The parts are under the key, a slash and their number.
type begun struct {
	counter uint8
	parts   uint16
	bytes   uint32
}

func (b begun) memo() []byte {
	m := binary.BigEndian.AppendUint16([]byte{b.counter}, b.parts)
	return binary.BigEndian.AppendUint32(m, b.bytes)
}

func (r *reader) begunUnder(key string) (b begun, held bool) {
	c, ok := r.recalled(key)
	if !ok {
		return b, false
	}
	b = begun{c.U8("counter"), c.U16("parts"), c.U32("bytes")}
	c.Close("segments")
	return b, c.Err() == nil && b.parts <= maxSegments
}

func partKey(key string, n int) string { return key + "/" + strconv.Itoa(n) }

// segmented joins the parts of a value under a memory key. It gives the whole once
// the last part is there; nil while parts are missing and in error.
func (r *reader) segmented(key string) []byte {
	at := r.Offset()
	header := r.U8("Segmentation Header")
	counter, part := header>>2, r.Take(r.Left(), "segment")
	if r.Err() != nil {
		return nil
	}
	before, held := r.begunUnder(key)
	switch {
	case header&segmentFirst != 0:
		if held {
			r.forget(key, before)
		}
		before, held = begun{}, false
	case !held:
		r.FailAt(at, "segment %d continues a value whose beginning was not sent", counter)
		return nil
	case counter != (before.counter+1)%segmentCount:
		r.FailAt(at, "segment %d follows segment %d: one was lost, ask for the record again", counter, before.counter)
		return nil
	}
	if int(before.bytes)+len(part) > maxSegmented || before.parts == maxSegments {
		r.FailAt(at, "segments of more than %d bytes, or more than %d of them", maxSegmented, maxSegments)
		return nil
	}
	if header&segmentLast == 0 {
		r.keep(partKey(key, int(before.parts)), part)
		r.keep(key, begun{counter, before.parts + 1, before.bytes + uint32(len(part))}.memo())
		return nil
	}
	if !held {
		return part
	}
	whole := make([]byte, 0, int(before.bytes)+len(part))
	for n := range int(before.parts) {
		earlier, ok := r.recall(partKey(key, n))
		if !ok {
			r.FailAt(at, "segment %d of this value is no longer known: ask for the record again", n)
			return nil
		}
		whole = append(whole, earlier...)
	}
	r.forget(key, before)
	return append(whole, part...)
}

// forget takes back what was remembered of a value in parts.
func (r *reader) forget(key string, b begun) {
	r.keep(key, nil)
	for n := range int(b.parts) {
		r.keep(partKey(key, n), nil)
	}
}
