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
	text       string  // the line
	ends       []int32 // where in it each field ends, its name being the first
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
func (s *Segment) Errorf(field int, format string, values ...any) *Error {
	return &Error{Segment: s.Name, Sequence: s.Sequence, Field: field, Offset: s.Offset, Reason: fmt.Sprintf(format, values...)}
}

// Field is field n in HL7's count: of MSH, 1 is the field separator itself and 2
// the encoding characters. A field that was not sent is empty.
func (s *Segment) Field(n int) Part {
	if s.Name == "MSH" {
		switch n--; {
		case n == 0:
			return Part{text: string([]byte{s.delimiters.Field})}
		case n == 1 && len(s.ends) > 1:
			return Part{text: s.word(1)} // delimiters that delimit nothing
		}
	}
	if n < 1 || n >= len(s.ends) {
		return Part{delimiters: s.delimiters}
	}
	return Part{text: s.word(n), delimiters: s.delimiters}
}

// word is what stands after the nth field separator.
func (s *Segment) word(n int) string { return s.text[s.ends[n-1]+1 : s.ends[n]] }

// Last is the number of the last field sent.
func (s *Segment) Last() int {
	if s.Name == "MSH" {
		return len(s.ends)
	}
	return len(s.ends) - 1
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
	lines, bad := splitLines(data, start)
	if bad >= 0 {
		return nil, &Error{Offset: bad, Reason: fmt.Sprintf("byte 0x%02X is no character of a message", data[bad])}
	}
	m := &Message{Delimiters: *d}
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
	m.Segments = make([]Segment, 0, len(lines))
	whole := string(data) // whose parts all texts are
	ends := make([]int32, 0, bytes.Count(data, []byte{m.Delimiters.Field})+len(lines))
	seen := map[string]int{}
	var set charset
	for i, line := range lines {
		raw := whole[line.start:line.end]
		name := raw[:min(3, len(raw))]
		if !segmentName(name) || len(raw) > 3 && raw[3] != m.Delimiters.Field {
			return &Error{Offset: line.start, Reason: "a segment begins with its name, three capital letters or digits, and the field separator"}
		}
		if (name == "MSH") != (i == 0) {
			return &Error{Segment: name, Sequence: seen[name] + 1, Offset: line.start, Reason: "a message has one MSH, at its start"}
		}
		seen[name]++
		m.Segments = append(m.Segments, Segment{Name: name, Sequence: seen[name], Offset: line.start, delimiters: &m.Delimiters})
		s := &m.Segments[i]
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
		first := len(ends)
		ends = separators(ends, text, m.Delimiters.Field)
		s.text, s.ends = text, ends[first:len(ends):len(ends)]
		if strings.IndexByte(text, m.Delimiters.Escape) >= 0 {
			if err := checkEscapes(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// separators appends where a text's separators are, and its end.
func separators(ends []int32, text string, separator byte) []int32 {
	for i := range len(text) {
		if text[i] == separator {
			ends = append(ends, int32(i))
		}
	}
	return append(ends, int32(len(text)))
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
func fieldAt(text string, separator byte, name string) int {
	n := strings.Count(text, string([]byte{separator}))
	if name == "MSH" {
		n++
	}
	return n
}

func segmentName(name string) bool {
	if len(name) != 3 {
		return false
	}
	for i := range len(name) {
		letter, digit := name[i] >= 'A' && name[i] <= 'Z', name[i] >= '0' && name[i] <= '9'
		if !letter && (!digit || i == 0) {
			return false
		}
	}
	return true
}
