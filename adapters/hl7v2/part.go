package hl7v2

import (
	"strings"
	"unicode/utf8"
)

// Part is a field, a repetition, a component or a subcomponent: text that may be
// taken apart further.
type Part struct {
	text       string // as sent, with escapes
	delimiters *Delimiters
}

// Empty reports whether nothing was sent. A part of delimiters alone is empty too.
func (p Part) Empty() bool {
	if p.delimiters == nil {
		return p.text == ""
	}
	for i := range len(p.text) {
		switch p.text[i] {
		case p.delimiters.Component, p.delimiters.Repetition, p.delimiters.Sub, ' ':
		default:
			return false
		}
	}
	return true
}

// Null reports whether the sender says that there is no value, with "" (2.6, 2.5.3).
func (p Part) Null() bool { return p.text == `""` }

// Raw is the part as it was sent, with its delimiters and escapes.
func (p Part) Raw() string { return p.text }

// Text is the part with its escapes read and without blanks around it; "" for Null.
func (p Part) Text() string {
	if p.Null() {
		return ""
	}
	text := p.text
	if text == "" {
		return ""
	}
	if text[0] <= ' ' || text[len(text)-1] <= ' ' || text[0] >= utf8.RuneSelf || text[len(text)-1] >= utf8.RuneSelf {
		text = strings.TrimSpace(text)
	}
	if d := p.delimiters; d != nil && d.Escape != 0 && strings.IndexByte(text, d.Escape) >= 0 {
		text = strings.TrimSpace(d.unescape(text))
	}
	return text
}

// Repetitions of a field; none when it is empty.
func (p Part) Repetitions() []Part {
	if p.Empty() {
		return nil
	}
	if p.delimiters == nil {
		return []Part{p}
	}
	return p.split(p.delimiters.Repetition)
}

// Repeats is how many repetitions there are, without making them.
func (p Part) Repeats() int {
	if p.delimiters == nil || p.delimiters.Repetition == 0 || strings.IndexByte(p.text, p.delimiters.Repetition) < 0 {
		return 1
	}
	return 1 + strings.Count(p.text, string([]byte{p.delimiters.Repetition}))
}

// Component is component n, from 1, of the first repetition.
func (p Part) Component(n int) Part {
	if p.delimiters == nil {
		return Part{}
	}
	if n == 1 {
		return p.first()
	}
	return p.cut(p.delimiters.Repetition, 1).cut(p.delimiters.Component, n)
}

// first is the first component, which is often the only one.
func (p Part) first() Part {
	for i := range len(p.text) {
		if c := p.text[i]; c == p.delimiters.Component || c == p.delimiters.Repetition {
			return Part{p.text[:i], p.delimiters}
		}
	}
	return p
}

// Texts reads the texts of the first components of the first repetition, as many as
// there is room for; "" for those that were not sent.
func (p Part) Texts(into []string) {
	rest, more := p, false
	if p.delimiters != nil {
		rest, more = p.cut(p.delimiters.Repetition, 1), true
	}
	for i := range into {
		into[i] = ""
		if more {
			var word Part
			word, rest, more = rest.next(p.delimiters.Component)
			into[i] = word.Text()
		}
	}
}

// Components of the first repetition, at least one.
func (p Part) Components() []Part {
	if p.delimiters == nil {
		return []Part{p}
	}
	return p.cut(p.delimiters.Repetition, 1).split(p.delimiters.Component)
}

// Sub is subcomponent n, from 1, of a component.
func (p Part) Sub(n int) Part {
	if p.delimiters == nil {
		return Part{}
	}
	return p.cut(p.delimiters.Sub, n)
}

func (p Part) split(by byte) []Part {
	words := strings.Split(p.text, string([]byte{by}))
	if by == 0 {
		words = []string{p.text}
	}
	parts := make([]Part, len(words))
	for i, w := range words {
		parts[i] = Part{w, p.delimiters}
	}
	return parts
}

// cut is the nth of the parts between delimiters, without making the others.
func (p Part) cut(by byte, n int) Part {
	rest, more := p, n > 0
	for ; n > 1 && more; n-- {
		_, rest, more = rest.next(by)
	}
	if !more {
		return Part{"", p.delimiters}
	}
	word, _, _ := rest.next(by)
	return word
}

// next is the part before the first delimiter and what follows it, if there is one.
func (p Part) next(by byte) (word, rest Part, more bool) {
	at := -1
	if by != 0 {
		at = strings.IndexByte(p.text, by)
	}
	if at < 0 {
		return p, Part{"", p.delimiters}, false
	}
	return Part{p.text[:at], p.delimiters}, Part{p.text[at+1:], p.delimiters}, true
}
