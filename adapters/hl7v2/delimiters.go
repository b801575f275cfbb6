package hl7v2

import "strings"

// Delimiters are the characters a message is taken apart by, as its own MSH-1 and
// MSH-2 say (HL7 2.6, 2.5.4).
type Delimiters struct {
	Field, Component, Repetition, Escape, Sub byte
	// decode reads the bytes of a \X..\ escape in the message's character set.
	decode func(data []byte) string
}

// readDelimiters reads the start of MSH. The escape and subcomponent characters
// may be left out, which later versions allow where they are not used; 0 is none.
func readDelimiters(data []byte) (*Delimiters, *Error) {
	if len(data) < 8 || string(data[:3]) != "MSH" {
		return nil, &Error{Reason: "a message begins with MSH, its field separator and its encoding characters"}
	}
	d := &Delimiters{Field: data[3]}
	encoding := data[4:min(len(data), 10)]
	for i, c := range encoding {
		if c == d.Field || c == '\r' || c == '\n' {
			encoding = encoding[:i]
			break
		}
	}
	bad := func(reason string) (*Delimiters, *Error) {
		return nil, &Error{Segment: "MSH", Sequence: 1, Field: 2, Offset: 4, Reason: reason}
	}
	if len(encoding) < 2 || len(encoding) > 5 {
		return bad("the encoding characters are four, or five with the truncation character, such as ^~\\&")
	}
	all := string(d.Field) + string(encoding)
	for i := range all {
		c := all[i]
		if c <= ' ' || c >= 0x7F || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte(all, c) != i {
			return bad("the field separator and the encoding characters are different characters, no letters or digits")
		}
	}
	d.Component, d.Repetition = encoding[0], encoding[1]
	if len(encoding) > 2 {
		d.Escape = encoding[2]
	}
	if len(encoding) > 3 {
		d.Sub = encoding[3]
	}
	return d, nil
}
