package hl7v2

import (
	"bytes"
	"fmt"
	"strings"
)

// Bounds of what is read. A message with a 12-lead ECG of ten seconds has 300 KB
// and fewer than 200 segments.
const (
	MaxBytes    = 1 << 20
	MaxSegments = 20_000
)

// Message is a message that was read.
type Message struct {
	Delimiters Delimiters
	// Segments in the order sent; the first is MSH.
	Segments []Segment
	// Glued is set when the segments had no terminators between them and were told
	// apart by their names.
	Glued bool
}

// Segment is one segment of a message (HL7 2.6, 2.5.2).
type Segment struct {
	// Name is the segment id: three upper-case letters or digits.
	Name string
	// Sequence is the segment's number among those of its name, 1 being the first.
	Sequence int
	// Offset of its first byte in the message.
	Offset     int
	fields     []string
	delimiters *Delimiters
}

// Error says where a message cannot be read.
type Error struct {
	Segment  string // "" before the first
	Sequence int    // which one of that name, from 1
	Field    int    // 0 when it is none in particular
	Offset   int    // byte from the start of the message
	Reason   string // it never holds a field's content
}

func (e *Error) Error() string {
	switch {
	case e.Segment == "":
		return e.Reason
	case e.Field == 0:
		return fmt.Sprintf("segment %s (number %d): %s", e.Segment, e.Sequence, e.Reason)
	}
	return fmt.Sprintf("segment %s (number %d), field %s-%d: %s", e.Segment, e.Sequence, e.Segment, e.Field, e.Reason)
}

// Errorf is an error at a field of the segment, or at the segment with field 0.
func (s Segment) Errorf(field int, format string, values ...any) *Error {
	return &Error{Segment: s.Name, Sequence: s.Sequence, Field: field, Offset: s.Offset, Reason: fmt.Sprintf(format, values...)}
}

// Field is field n in HL7's count: of MSH, 1 is the field separator itself and 2
// the encoding characters. A field that was not sent is empty.
func (s Segment) Field(n int) Part {
	if s.Name == "MSH" {
		switch n--; {
		case n == 0:
			return Part{text: string([]byte{s.delimiters.Field})}
		case n == 1 && len(s.fields) > 1:
			return Part{text: s.fields[1]} // delimiters that delimit nothing
		}
	}
	if n < 1 || n >= len(s.fields) {
		return Part{delimiters: s.delimiters}
	}
	return Part{text: s.fields[n], delimiters: s.delimiters}
}

// Last is the number of the last field sent.
func (s Segment) Last() int {
	if s.Name == "MSH" {
		return len(s.fields)
	}
	return len(s.fields) - 1
}

// Parse reads one message without its transport frame. The error is an *Error.
func Parse(data []byte) (*Message, error) {
	if len(data) > MaxBytes {
		return nil, &Error{Offset: MaxBytes, Reason: fmt.Sprintf("a message is at most %d bytes", MaxBytes)}
	}
	start := 0
	for start < len(data) && (data[start] == '\r' || data[start] == '\n') {
		start++
	}
	if bytes.HasPrefix(data[start:], []byte("\xEF\xBB\xBF")) {
		start += 3
	}
	d, err := readDelimiters(data[start:])
	if err != nil {
		err.Offset += start
		return nil, err
	}
	if at := controlAt(data); at >= 0 {
		return nil, &Error{Offset: at, Reason: fmt.Sprintf("byte 0x%02X is no character of a message", data[at])}
	}
	m := &Message{Delimiters: *d}
	lines := splitLines(data, start)
	if len(lines) == 1 {
		lines = unglue(data, lines[0], d.Field)
		m.Glued = len(lines) > 1
	}
	if len(lines) > MaxSegments {
		return nil, &Error{Offset: lines[MaxSegments].start, Reason: fmt.Sprintf("a message has at most %d segments", MaxSegments)}
	}
	if err := m.read(data, lines); err != nil {
		return nil, err
	}
	return m, nil
}

// read makes the segments of lines.
func (m *Message) read(data []byte, lines []span) error {
	seen := map[string]int{}
	m.Segments = make([]Segment, 0, len(lines))
	var set charset
	for i, line := range lines {
		raw := data[line.start:line.end]
		name := string(raw[:min(3, len(raw))])
		if !segmentName(name) || len(raw) > 3 && raw[3] != m.Delimiters.Field {
			return &Error{Offset: line.start, Reason: "a segment begins with its name, three capital letters or digits, and the field separator"}
		}
		if (name == "MSH") != (i == 0) {
			return &Error{Segment: name, Sequence: seen[name] + 1, Offset: line.start, Reason: "a message has one MSH, at its start"}
		}
		seen[name]++
		s := Segment{Name: name, Sequence: seen[name], Offset: line.start, delimiters: &m.Delimiters}
		if i == 0 {
			var err error
			if set, err = charsetOf(s, raw); err != nil {
				return err
			}
			m.Delimiters.decode = set.text
		}
		text, at := set.decode(raw)
		if at >= 0 {
			return s.Errorf(fieldAt(raw[:at], m.Delimiters.Field, name), "byte 0x%02X is no %s", raw[at], set.name)
		}
		s.fields = strings.Split(text, string([]byte{m.Delimiters.Field}))
		if err := checkEscapes(s); err != nil {
			return err
		}
		m.Segments = append(m.Segments, s)
	}
	return nil
}

// First is the first segment of a name.
func (m *Message) First(name string) (Segment, bool) {
	for _, s := range m.Segments {
		if s.Name == name {
			return s, true
		}
	}
	return Segment{Name: name, delimiters: &m.Delimiters}, false
}

// fieldAt is the number of the field in which text ends.
func fieldAt(text []byte, separator byte, name string) int {
	n := bytes.Count(text, []byte{separator})
	if name == "MSH" {
		n++
	}
	return n
}

// controlAt is the place of the first control character that no text has; -1 if
// there is none. NUL in particular ends strings in the software of others.
func controlAt(data []byte) int {
	return bytes.IndexFunc(data, func(r rune) bool {
		return r < 0x20 && r != '\r' && r != '\n' && r != '\t' || r == 0x7F
	})
}

func segmentName(name string) bool {
	if len(name) != 3 || name[0] < 'A' || name[0] > 'Z' {
		return false
	}
	return strings.Trim(name[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}
