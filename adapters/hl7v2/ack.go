package hl7v2

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Outcome of a message, as its sender may know it (HL7 2.6, 2.9).
type Outcome int

// The outcomes. None of them says what the receiver knows of a patient.
const (
	// Accepted: the message is kept for good.
	Accepted Outcome = iota
	// Faulty: the message's content is wrong; sent again it will be so again.
	Faulty
	// Rejected: the message is of a kind, version or processing that is not taken,
	// or it could not be kept for reasons that are not its own; MSA|AR, MSA|CR.
	Rejected
)

// Fault is what an ERR segment says of a message that was not accepted.
type Fault struct {
	// Code of HL7 table 0357, such as "102" (data type error).
	Code string
	// At is the place, as far as known.
	At *Error
	// Text for the people who look after the sender.
	Text string
}

// Codes of HL7 table 0357.
const (
	SegmentSequenceError   = "100"
	RequiredFieldMissing   = "101"
	DataTypeError          = "102"
	UnsupportedMessageType = "200"
	InternalError          = "207"
)

// Acknowledge answers a message. Which code it carries is told by the message's
// MSH-15 and MSH-16 (2.9.2, 2.9.3):
//
//   - both empty: original mode, AA, AE or AR;
//   - MSH-16 asks: an application acknowledgement, AA, AE or AR. One that asks for
//     the accept acknowledgement too gets this one alone: the message is both kept
//     and read by then, and senders that read one answer per message stay in step;
//   - MSH-15 asks: an accept acknowledgement, CA, CE or CR;
//   - neither asks for this outcome: nil, the sender wants no answer.
//
// MSH-10 is echoed to the byte. It works on what is left of a message that cannot
// be read, and gives nil for bytes that have no MSH. It reads no clock: MSH-7 of
// the answer is the message's own.
func Acknowledge(message []byte, outcome Outcome, fault *Fault) []byte {
	start := bytes.Index(message, []byte("MSH"))
	if start < 0 {
		return nil
	}
	d, err := readDelimiters(message[start:])
	if err != nil {
		d = &Delimiters{Field: '|', Component: '^', Repetition: '~', Escape: '\\', Sub: '&'}
	}
	line := message[start:]
	if end := bytes.IndexAny(line, "\r\n"); end >= 0 {
		line = line[:end]
	}
	h := Segment{Name: "MSH", text: string(line[:min(len(line), 4096)]), delimiters: d}
	h.ends = separators(nil, h.text, d.Field)
	code, wanted := ackCode(h.Field(15).Text(), h.Field(16).Text(), outcome)
	if !wanted {
		return nil
	}
	return reply{header: h, d: d, control: h.Field(10).Raw()}.write(code, fault)
}

// ackCode is MSA-1, and whether the sender wants an answer.
func ackCode(accept, application string, outcome Outcome) (code string, wanted bool) {
	level := "A"
	switch {
	case accept == "" && application == "":
		wanted = true
	case asks(application, outcome):
		wanted = true
	case asks(accept, outcome):
		level, wanted = "C", true
	}
	return level + [...]string{"A", "E", "R"}[outcome], wanted
}

// asks reads a condition of HL7 table 0155.
func asks(condition string, outcome Outcome) bool {
	switch strings.ToUpper(condition) {
	case "AL":
		return true
	case "ER":
		return outcome != Accepted
	case "SU":
		return outcome == Accepted
	}
	return false
}

type reply struct {
	header  Segment
	d       *Delimiters
	control string
}

func (r reply) write(code string, fault *Fault) []byte {
	f := string([]byte{r.d.Field})
	part := func(n int) string { return clean(r.header.Field(n).Raw()) }
	version := part(12)
	if version == "" {
		version = "2.6"
	}
	trigger := ""
	if event := clean(r.header.Field(9).Component(2).Raw()); event != "" {
		trigger = string([]byte{r.d.Component}) + event
	}
	sum := sha256.Sum256([]byte("ack" + code + r.control + part(7)))
	processing := part(11)
	if processing == "" {
		processing = "P"
	}
	header := []string{"MSH", string(r.d.encoding()), part(5), part(6), part(3), part(4), part(7), "",
		"ACK" + trigger, strings.ToUpper(hex.EncodeToString(sum[:10])), processing, version}
	if _, read := charsets[strings.ToUpper(r.header.Field(18).Raw())]; read && r.header.Field(18).Raw() != "" {
		header = append(header, "", "", "", "", "", part(18))
	}
	lines := []string{strings.Join(header, f), "MSA" + f + code + f + clean(r.control)}
	if fault != nil {
		lines = append(lines, r.fault(fault, version))
	}
	return []byte(strings.Join(lines, "\r") + "\r")
}

// fault is ERR: in the form of 2.5 and later with a place, a code and a text,
// before that with the place and the code alone.
func (r reply) fault(fault *Fault, version string) string {
	f, c := string([]byte{r.d.Field}), string([]byte{r.d.Component})
	place := ""
	if at := fault.At; at != nil && at.Segment != "" {
		place = at.Segment + c + strconv.Itoa(at.Sequence)
		if at.Field > 0 {
			place += c + strconv.Itoa(at.Field)
		}
	}
	if version < "2.5" {
		return "ERR" + f + place
	}
	return "ERR" + f + f + place + f + fault.Code + f + "E" + f + f + f + f + r.d.escape(fault.Text)
}

// encoding is MSH-2 of the answer.
func (d *Delimiters) encoding() []byte {
	list := []byte{d.Component, d.Repetition}
	if d.Escape != 0 {
		list = append(list, d.Escape)
	}
	if d.Sub != 0 {
		list = append(list, d.Sub)
	}
	return list
}

// escape writes text so that no delimiter in it is one, in ASCII whatever the character
// set of the answer is.
func (d *Delimiters) escape(text string) string {
	return d.Text(strings.Map(func(r rune) rune {
		if r > 0x7E {
			return '?'
		}
		return r
	}, text))
}

// Text writes text so that no delimiter in it is one (HL7 2.6, 2.7) and no character
// breaks the message.
func (d *Delimiters) Text(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "?") {
		letter := byte(0)
		if r < 0x20 || r == 0x7F {
			r = ' '
		}
		switch {
		case r > 0x7E:
		case byte(r) == d.Field:
			letter = 'F'
		case byte(r) == d.Component:
			letter = 'S'
		case byte(r) == d.Repetition:
			letter = 'R'
		case byte(r) == d.Escape:
			letter = 'E'
		case byte(r) == d.Sub:
			letter = 'T'
		}
		switch {
		case letter == 0:
			b.WriteRune(r)
		case d.Escape != 0:
			b.Write([]byte{d.Escape, letter, d.Escape})
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// clean leaves out what would break the answer's own frame. It works on bytes: an
// echo is in whatever character set it came in.
func clean(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7F }) < 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		if text[i] >= 0x20 && text[i] != 0x7F {
			out = append(out, text[i])
		}
	}
	return string(out)
}
