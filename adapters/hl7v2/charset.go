package hl7v2

import (
	"strings"
	"unicode/utf8"
)

// charset is a character set of MSH-18 (HL7 table 0211).
type charset struct {
	name          string
	latin1, ascii bool
}

// charsets by their name in MSH-18, blanks and case aside. "" is ASCII by the
// standard; that senders mean UTF-8 is common, and no byte of it can be anything
// else. What is not here is refused: a name in wrong letters is another person.
var charsets = map[string]charset{
	"":              {name: "UTF-8, and MSH-18 names no character set"},
	"ASCII":         {name: "ASCII, which MSH-18 says", ascii: true},
	"8859/1":        {name: "ISO 8859-1", latin1: true},
	"ISO IR100":     {name: "ISO 8859-1", latin1: true},
	"UNICODE UTF-8": {name: "UTF-8, which MSH-18 says"},
	"UNICODE":       {name: "UTF-8, which MSH-18 UNICODE is read as"},
	"UTF-8":         {name: "UTF-8, which MSH-18 says"},
}

// charsetOf reads MSH-18 of the undecoded header; its names are ASCII themselves.
// Further repetitions are sets to switch to, which checkEscapes judges.
func charsetOf(header *Segment, raw string) (charset, error) {
	whole := Part{raw, header.delimiters}
	name := whole.cut(header.delimiters.Field, 18).Component(1).Raw()
	set, ok := charsets[name]
	if !ok {
		set, ok = charsets[strings.ToUpper(strings.Join(strings.Fields(name), " "))]
	}
	if !ok {
		return set, header.Errorf(18, "this character set is not read here; ASCII, 8859/1 and UNICODE UTF-8 are")
	}
	return set, nil
}

// decode gives bytes as UTF-8; at is the place of one that is no character of the
// set, -1 if there is none.
func (c charset) decode(raw string) (text string, at int) {
	if c.latin1 || c.ascii {
		other := 0
		for other < len(raw) && raw[other] < utf8.RuneSelf {
			other++
		}
		switch {
		case other == len(raw):
			return raw, -1
		case c.latin1:
			return c.text([]byte(raw)), -1
		}
		return "", other
	}
	if utf8.ValidString(raw) {
		return raw, -1
	}
	for i, r := range raw {
		if r == utf8.RuneError && !strings.HasPrefix(raw[i:], string(utf8.RuneError)) {
			return "", i
		}
	}
	return raw, -1 // cannot be: it is not valid
}

// text gives bytes of an escape as UTF-8, without the control characters that no
// text has; bytes that are no characters become U+FFFD.
func (c charset) text(raw []byte) string {
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); {
		r, size := rune(raw[i]), 1
		if !c.latin1 {
			r, size = utf8.DecodeRune(raw[i:])
		}
		if r < 0x20 && r != '\r' && r != '\n' && r != '\t' || r == 0x7F {
			r = utf8.RuneError
		}
		b.WriteRune(r)
		i += size
	}
	return b.String()
}
