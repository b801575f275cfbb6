package intellivue

import (
	"encoding/binary"

	"vitalwire/adapters/cursor"
)

// First bytes of messages: of the data of an association, of a connect indication
// (nomenclature 1.0) and of the messages that set up and end associations.
const (
	sessionData = 0xE100
	connectHead = 0x0000
)

var associations = map[uint8]bool{0x0D: true, 0x0E: true, 0x0C: true, 0x09: true, 0x0A: true, 0x19: true}

// Remote operations and their commands (ISO 9072-2 as 11073 has it).
const (
	invoke       = 1
	outcome      = 2
	failure      = 3
	linked       = 5 // a part of an outcome
	eventReport  = 0
	confirmed    = 1
	action       = 7
	mdsCreate    = 3334
	pollData     = 3094
	pollExtended = 61755
)

// protocolHeader begins a message on the serial line: data export, version 1, length.
const protocolHeader = 0x1101

// session reads the headers, of a message or of several one after the other, and gives
// the answer that the monitor waits for.
func (r *reader) session(c *cursor.Cursor, serial bool) (reply []byte) {
	if serial {
		if kind := c.U16("protocol and type"); kind != protocolHeader {
			c.FailAt(0, "the serial frame is of another protocol than data export")
		}
		if length := int(c.U16("length")); length != c.Left() {
			c.Fail("the serial frame has %d bytes, and says %d", c.Left(), length)
		}
	}
	for c.Err() == nil && c.Left() > 0 {
		head := c.U16("session")
		if associations[uint8(head>>8)] {
			c.Take(c.Left(), "association")
			return nil
		}
		if context := c.U16("presentation context"); head == connectHead && context != 0x0100 || head != connectHead && head != sessionData {
			c.FailAt(c.Offset()-4, "no message of the Data Export protocol begins here")
		}
		kind := c.U16("remote operation")
		body := c.Sub(int(c.U16("length")), "remote operation")
		if answer := r.operation(kind, body); answer != nil {
			reply = answer
			if serial {
				reply = framed(answer)
			}
		}
		body.Close("remote operation")
	}
	return reply
}

// operation reads a remote operation: events of the monitor and results of polls. What
// a client asked, and what has no values, is passed over.
func (r *reader) operation(kind uint16, c *cursor.Cursor) (reply []byte) {
	if kind == linked {
		c.U16("linked identifier")
	}
	id := c.U16("invoke identifier")
	if kind == failure {
		c.Take(c.Left(), "error")
		return nil
	}
	command := c.U16("command")
	body := c.Sub(int(c.U16("length")), "command")
	switch {
	case kind == invoke && (command == eventReport || command == confirmed):
		object := body.Take(6, "managed object")
		at := body.U32("event time")
		event := body.U16("event type")
		info := body.Sub(int(body.U16("length")), "event")
		if event != mdsCreate || c.Err() != nil {
			return nil
		}
		info.Take(6, "managed object")
		r.relative = at
		r.object(info, objectKey{}, true)
		if command == confirmed && c.Err() == nil {
			reply = created(id, object, at)
		}
	case (kind == outcome || kind == linked) && command == action:
		body.Take(6, "managed object")
		what := body.U16("action")
		result := body.Sub(int(body.U16("length")), "result")
		if what == pollData || what == pollExtended {
			r.poll(result, what == pollExtended)
		}
	default:
		body.Take(body.Left(), "command")
	}
	return reply
}

// poll reads the result of a poll.
func (r *reader) poll(c *cursor.Cursor, extended bool) {
	c.U16("poll number")
	if extended {
		c.U16("sequence number")
	}
	r.relative = c.U32("relative time")
	absolute := c.Take(8, "absolute time")
	c.U32("object type")
	c.U16("attribute group")
	r.moment = r.timeOf(absolute, r.relative)
	r.follow()
	if c.Left() == 0 {
		return // the end of linked results may say no more
	}
	each(c, "contexts", func(c *cursor.Cursor) {
		context := c.U16("context")
		each(c, "objects", func(c *cursor.Cursor) {
			if r.spend(c, 1) {
				r.object(c, objectKey{context, c.U16("handle")}, false)
			}
		})
	})
}

// each reads a list: how many, how long, and the elements.
func each(c *cursor.Cursor, what string, element func(*cursor.Cursor)) {
	count := int(c.U16(what))
	list := c.Sub(int(c.U16(what)), what)
	for range count {
		if list.Err() != nil {
			return
		}
		if list.Left() == 0 {
			list.Fail("the list of %s ends before its elements do", what)
			return
		}
		element(list)
	}
	list.Close(what)
}

// created confirms an MDS Create Event; without it the monitor ends the association.
func created(id uint16, object []byte, at uint32) []byte {
	b := []byte{0xE1, 0x00, 0x00, 0x02, 0, outcome, 0, 20}
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, 0, confirmed, 0, 14)
	b = append(b, object...)
	b = binary.BigEndian.AppendUint32(b, at)
	b = binary.BigEndian.AppendUint16(b, mdsCreate)
	return append(b, 0, 0)
}

// framed is an answer as the serial line has it.
func framed(body []byte) []byte {
	data := append([]byte{0x11, 0x01}, byte(len(body)>>8), byte(len(body)))
	data = append(data, body...)
	data = binary.LittleEndian.AppendUint16(data, fcs(data))
	line := []byte{begin}
	for _, b := range data {
		if b == begin || b == finish || b == escape {
			line = append(line, escape)
			b ^= hide
		}
		line = append(line, b)
	}
	return append(line, finish)
}
