package hl7v2

import (
	"bytes"
	"encoding/binary"
)

// span is a line of the message, without its end.
type span struct{ start, end int }

// splitLines finds the segments. The standard's terminator is CR (2.6, 2.5.2);
// LF and CR LF come from senders that write files, and blank lines with them. bad is
// the place of the first control character that no text has, -1 if there is none: NUL
// in particular ends strings in the software of others.
func splitLines(data []byte, from int) (lines []span, bad int) {
	ends := bytes.Count(data, []byte{'\r'}) + bytes.Count(data, []byte{'\n'})
	lines = make([]span, 0, min(ends, MaxSegments)+1)
	add := func(end int) {
		if len(bytes.TrimSpace(data[from:end])) > 0 {
			lines = append(lines, span{from, end})
		}
		from = end + 1
	}
	for i := from; i < len(data); i++ {
		for i+8 <= len(data) && plain(binary.LittleEndian.Uint64(data[i:])) {
			i += 8
		}
		if i == len(data) {
			break
		}
		switch b := data[i]; {
		case b >= 0x20 && b != 0x7F || b == '\t':
		case b == '\r' || b == '\n':
			add(i)
		default:
			return nil, i
		}
	}
	add(len(data))
	return lines, -1
}

// plain reports whether none of eight bytes is a control character. A byte that follows
// one may be taken for one too.
func plain(word uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	below := func(x, n uint64) uint64 { return (x - ones*n) &^ x } // top bits of bytes below n
	return (below(word, 0x20)|below(word^ones*0x7F, 1))&tops == 0
}

// afterHeader are the segments that tell glued segments apart.
var afterHeader = [][]byte{[]byte("PID"), []byte("PV1"), []byte("OBR"), []byte("OBX"), []byte("NTE"), []byte("MSA"), []byte("QRD"), []byte("QPD")}

// unglue takes a message apart whose sender lost all terminators (seen from
// infusion pumps). It is done only when there is not one terminator in the whole
// message: then a segment name before a field separator can be nothing else, as a
// message of MSH alone has no such field.
func unglue(data []byte, line span, separator byte) []span {
	var starts []int
	for at := line.start + 4; at+3 < line.end; at++ {
		if data[at+3] != separator {
			continue
		}
		for _, name := range afterHeader {
			if bytes.Equal(data[at:at+3], name) {
				starts = append(starts, at)
			}
		}
	}
	parts := []span{line}
	for _, at := range starts {
		parts[len(parts)-1].end = at
		parts = append(parts, span{at, line.end})
	}
	return parts
}
