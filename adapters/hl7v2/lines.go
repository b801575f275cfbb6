package hl7v2

import "bytes"

// span is a line of the message, without its end.
type span struct{ start, end int }

// splitLines finds the segments. The standard's terminator is CR (2.6, 2.5.2);
// LF and CR LF come from senders that write files, and blank lines with them.
func splitLines(data []byte, from int) []span {
	var lines []span
	for at := from; at <= len(data); {
		end := bytes.IndexAny(data[at:], "\r\n")
		if end < 0 {
			end = len(data) - at
		}
		if len(bytes.TrimSpace(data[at:at+end])) > 0 {
			lines = append(lines, span{at, at + end})
		}
		at += end + 1
	}
	return lines
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
