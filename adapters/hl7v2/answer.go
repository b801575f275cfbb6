package hl7v2

import (
	"strings"
	"unicode/utf8"
)

// Answer is the answer to a message, in its delimiters and, where that has the
// characters, its character set.
type Answer struct {
	Delimiters Delimiters
	header     []string
	lines      []string
	set        string
}

// AnswerTo begins the answer to a message: its header, with kind as MSH-9, such as
// ADR^A19^ADR_A19 in three words, control as MSH-10 and at, an HL7 time, as MSH-7; then
// MSA with a code of table 0008 and the control id of the message.
func AnswerTo(m *Message, code, control, at string, kind ...string) *Answer {
	h := m.Segments[0]
	a := &Answer{Delimiters: m.Delimiters, set: h.Field(18).Raw()}
	raw := func(n int) string { return clean(h.Field(n).Raw()) }
	version, processing := raw(12), raw(11)
	if version == "" {
		version = "2.6"
	}
	if processing == "" {
		processing = "P"
	}
	a.header = []string{"MSH", string(m.Delimiters.encoding()), raw(5), raw(6), raw(3), raw(4), at, "", a.Join(kind...), control, processing, version}
	a.Add("MSA", code, raw(10))
	return a
}

// Add adds a segment of fields that are written already (see Text and Join). Those
// that are empty at its end are left out.
func (a *Answer) Add(name string, fields ...string) {
	a.lines = append(a.lines, trimmed(append([]string{name}, fields...), a.Delimiters.Field))
}

// Echo adds a segment of the message as it was sent.
func (a *Answer) Echo(s Segment) {
	a.lines = append(a.lines, s.text)
}

// Text writes a text as the whole of a component.
func (a *Answer) Text(text string) string { return a.Delimiters.Text(text) }

// Join makes a field of components that are written already.
func (a *Answer) Join(components ...string) string {
	return trimmed(components, a.Delimiters.Component)
}

// Repeat makes a field of repetitions.
func (a *Answer) Repeat(fields ...string) string {
	return strings.Join(fields, string([]byte{a.Delimiters.Repetition}))
}

// Parts makes a component of subcomponents that are written already.
func (a *Answer) Parts(words ...string) string { return trimmed(words, a.Delimiters.Sub) }

func trimmed(words []string, by byte) string {
	for len(words) > 1 && words[len(words)-1] == "" {
		words = words[:len(words)-1]
	}
	if by == 0 {
		return words[0]
	}
	return strings.Join(words, string([]byte{by}))
}

// Bytes is the answer, without its transport frame. Its character set is that of the
// message or, where that lacks a character, UTF-8.
func (a *Answer) Bytes() []byte {
	body := strings.Join(a.lines, "\r") + "\r"
	head := strings.Join(a.header, string([]byte{a.Delimiters.Field}))
	set, latin := a.set, false
	if text := head + body; !ascii(text) {
		known := charsets[strings.ToUpper(a.set)]
		latin = known.latin1 && strings.IndexFunc(text, func(r rune) bool { return r > 0xFF }) < 0
		if !latin && (known.latin1 || known.ascii || a.set == "") {
			set = "UNICODE UTF-8"
		}
	}
	if set != "" {
		head += strings.Repeat(string([]byte{a.Delimiters.Field}), 6) + clean(set)
	}
	text := head + "\r" + body
	if !latin {
		return []byte(text)
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		out = append(out, byte(r))
	}
	return out
}

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
