package hl7v2

import (
	"encoding/hex"
	"strings"
)

// unescape reads the escape sequences of HL7 2.6, 2.7: delimiters, characters in
// hex, line breaks. Formatting that plain text has no place for is dropped; a
// sequence of the sender's own (\Z..\) and an escape character that begins none
// stay as they are.
func (d *Delimiters) unescape(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, string([]byte{d.Escape}))
		b.WriteString(before)
		if !found {
			return b.String()
		}
		sequence, after, closed := strings.Cut(rest, string([]byte{d.Escape}))
		meaning, known := d.meaning(sequence)
		if !closed || !known {
			b.WriteByte(d.Escape)
			text = rest
			continue
		}
		b.WriteString(meaning)
		text = after
	}
}

// meaning of one escape sequence, without its escape characters.
func (d *Delimiters) meaning(sequence string) (text string, known bool) {
	switch sequence {
	case "F":
		return string([]byte{d.Field}), true
	case "S":
		return string([]byte{d.Component}), true
	case "T":
		return string([]byte{d.Sub}), d.Sub != 0
	case "R":
		return string([]byte{d.Repetition}), true
	case "E":
		return string([]byte{d.Escape}), true
	case "P": // truncation character (2.7)
		return "#", true
	case "H", "N": // highlighting begins, ends
		return "", true
	case "":
		return "", false
	}
	switch sequence[0] {
	case 'X':
		data, err := hex.DecodeString(sequence[1:])
		return d.decode(data), err == nil
	case 'C', 'M': // checkEscapes let only those pass that change nothing
		_, harmless := switches[sequence]
		return "", harmless
	case '.':
		return formatting(sequence[1:])
	}
	return "", false
}

// formatting are the commands of formatted text (2.6, 2.7.6).
func formatting(command string) (text string, known bool) {
	switch strings.TrimRight(command, "+-0123456789 ") {
	case "br", "sp", "ce":
		return "\n", true
	case "in", "ti", "sk", "fi", "nf":
		return "", true
	}
	return "", false
}

// switches are the character set escapes (2.6, 2.7.3) that lead to what is read
// anyhow: ASCII, and the right half of Latin-1.
var switches = map[string]bool{"C2842": true, "C2D41": true}

// checkEscapes refuses what would be misread: characters in hex that are none, and
// a switch to another character set in the midst of a text.
func checkEscapes(s *Segment) error {
	d := s.delimiters
	if d.Escape == 0 {
		return nil
	}
	for i := range s.ends {
		if i == 0 {
			continue // its name
		}
		n, field := i, s.word(i)
		if s.Name == "MSH" {
			if n++; n == 2 {
				continue
			}
		}
		if strings.IndexByte(field, d.Escape) < 0 {
			continue
		}
		words := strings.Split(field, string([]byte{d.Escape}))
		for at := 1; at < len(words)-1; at++ {
			w := words[at]
			if w == "" || strings.ContainsAny(w, string([]byte{d.Component, d.Repetition})) {
				continue
			}
			_, known := d.meaning(w)
			switch {
			case w[0] == 'X' && !known && strings.Trim(w[1:], "0123456789abcdefABCDEF") == "":
				return s.Errorf(n, "an escape in hex has two digits for each byte")
			case (w[0] == 'C' || w[0] == 'M') && !known && hexDigits(w[1:]):
				return s.Errorf(n, "a switch to another character set within a field is not read here; send UNICODE UTF-8")
			case known:
				at++ // the next word is plain text again
			}
		}
	}
	return nil
}

func hexDigits(text string) bool {
	return (len(text) == 4 || len(text) == 6) && strings.Trim(text, "0123456789ABCDEFabcdef") == ""
}
