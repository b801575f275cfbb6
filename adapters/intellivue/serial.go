package intellivue

import (
	"bytes"

	"vitalwire/adapters"
	"vitalwire/adapters/cursor"
)

// Bytes of the serial line (Programming Guide, "Fixed Baudrate Protocol": as HDLC's).
const (
	begin  = 0xC0
	finish = 0xC1
	escape = 0x7D
	hide   = 0x20
)

// message is what a datagram or a frame of the serial line holds.
type message struct {
	at   int // where it begins in the frame
	data []byte
	err  error // why it is not whole
}

// messages takes a frame apart: the frames of a serial line, or the one payload.
func messages(frame []byte) (list []message, serial bool) {
	c := cursor.New(frame)
	head := c.U16("first bytes")
	if c.Err() != nil {
		return nil, false
	}
	if head == sessionData || head == connectHead || associations[uint8(head>>8)] {
		return []message{{data: frame}}, false
	}
	return unframe(frame), true
}

// unframe finds the frames of a serial line; what is between them is passed over. The
// checksum is FCS-16, low byte first, and so is told apart from bytes by accident.
func unframe(line []byte) (list []message) {
	c := cursor.New(line)
	for {
		next := bytes.IndexByte(c.Peek(c.Left()), begin)
		if next < 0 {
			return list
		}
		c.Take(next+1, "what is passed over")
		m := message{at: c.Offset() - 1}
		m.data = make([]byte, 0, min(c.Left(), 1500))
		ended := false
		for hidden := false; c.Left() > 0 && !ended; {
			if b := c.Peek(1); !hidden && bytes.IndexByte(b, begin) == 0 {
				break // another begins before this one ended
			}
			switch b := c.U8("frame"); {
			case hidden:
				m.data, hidden = append(m.data, b^hide), false
			case b == escape:
				hidden = true
			case b == finish:
				ended = true
			default:
				m.data = append(m.data, b)
			}
		}
		data := cursor.New(m.data)
		body := data.Take(len(m.data)-2, "frame")
		switch sum := data.U16LE("checksum"); {
		case !ended:
			m.err = &adapters.Error{Offset: m.at, Reason: "the serial frame has no end"}
		case data.Err() != nil || sum != fcs(body):
			m.err = &adapters.Error{Offset: m.at, Reason: "the checksum of the serial frame is wrong"}
		default:
			m.data = body
		}
		list = append(list, m)
	}
}

// fcs is the checksum of RFC 1662, C.2 (CRC-16/X.25).
func fcs(data []byte) uint16 {
	sum := uint16(0xFFFF)
	for _, b := range data {
		sum ^= uint16(b)
		for range 8 {
			low := sum & 1
			if sum >>= 1; low != 0 {
				sum ^= 0x8408
			}
		}
	}
	return ^sum
}
