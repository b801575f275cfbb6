package medibus

import (
	"strings"

	"vitalwire/adapters/cursor"
)

// Bytes of the line.
const (
	soh = 0x01
	esc = 0x1B
	cr  = 0x0D
	dc1 = 0x11
	dc3 = 0x13

	deepest   = 3    // an answer may be interrupted by a command, and that by an answer
	longest   = 8000 // of an answer
	checksums = 2    // digits
)

// answer is an answer, or a command that says how curves are sent.
type answer struct {
	at      int
	command byte
	data    string
}

// line is what a frame holds.
type line struct {
	answers []answer
	curves  []byte
}

// split takes answers and curves apart: bytes from 80 are of curves wherever they
// stand. What is between answers is passed over.
func (r *reader) split(frame []byte) (found line) {
	type open struct {
		at      int
		command bool
		text    strings.Builder
		sum     byte
	}
	var stack []*open
	c := cursor.New(frame)
	for c.Left() > 0 {
		at := c.Offset()
		b := c.U8("line")
		switch {
		case b >= 0x80:
			found.curves = append(found.curves, b)
		case b == dc1 || b == dc3:
		case b == soh || b == esc:
			if len(stack) == deepest {
				r.skip(stack[0].at, "an answer without an end")
				stack = append(stack[:0], stack[1:]...)
			}
			stack = append(stack, &open{at: at, command: b == esc, sum: b})
		case len(stack) == 0:
		case b != cr:
			top := stack[len(stack)-1]
			if top.text.Len() == longest {
				r.skip(top.at, "an answer without an end")
				stack = stack[:len(stack)-1]
				continue
			}
			top.text.WriteByte(b)
			top.sum += b
		default:
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			text := top.text.String()
			if len(text) < 1+checksums {
				continue // an answer without data, or a lone command
			}
			body, sum := text[:len(text)-checksums], text[len(text)-checksums:]
			if n, ok := hex(sum); !ok || byte(n) != top.sum-sum[0]-sum[1] {
				r.skip(top.at, "the checksum is wrong")
				continue
			}
			if a := (answer{top.at, body[0], body[1:]}); !top.command || a.command == curveOrder {
				if top.command || a.command != curveOrder { // the answer to the order has nothing
					found.answers = append(found.answers, a)
				}
			}
		}
	}
	for _, o := range stack {
		r.skip(o.at, "an answer without an end")
	}
	return found
}

// hex reads hex digits; blanks before them are noughts.
func hex(text string) (n int, ok bool) {
	for i := range len(text) {
		b := text[i]
		switch {
		case b == ' ' && n == 0:
		case b >= '0' && b <= '9':
			n = n<<4 | int(b-'0')
		case b >= 'A' && b <= 'F':
			n = n<<4 | int(b-'A'+10)
		case b >= 'a' && b <= 'f':
			n = n<<4 | int(b-'a'+10)
		default:
			return 0, false
		}
	}
	return n, text != ""
}

// decimal reads a field padded with blanks, also between the sign and the digits.
func decimal(field string) (string, bool) {
	text := strings.ReplaceAll(field, " ", "")
	sign := ""
	switch {
	case strings.HasPrefix(text, "-"):
		sign, text = "-", text[1:]
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	}
	whole, fraction, point := strings.Cut(text, ".")
	if whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" || point && fraction == "" {
		return "", false
	}
	if inner := strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(field), "+-")); strings.Contains(inner, " ") {
		return "", false // two numbers are none
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if point {
		whole += "." + fraction
	}
	return sign + whole, true
}
