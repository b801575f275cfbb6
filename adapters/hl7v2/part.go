package hl7v2

import "strings"

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
	d := p.delimiters
	return strings.Trim(p.text, string([]byte{d.Component, d.Repetition, d.Sub, ' '})) == ""
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
	text := strings.TrimSpace(p.text)
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

// Component is component n, from 1, of the first repetition.
func (p Part) Component(n int) Part {
	if p.delimiters == nil {
		return Part{}
	}
	return p.cut(p.delimiters.Repetition, 1).cut(p.delimiters.Component, n)
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
	text := p.text
	for ; n > 0; n-- {
		word, rest, more := strings.Cut(text, string([]byte{by}))
		if by == 0 {
			word, more = text, false
		}
		if n == 1 {
			return Part{word, p.delimiters}
		}
		if !more {
			break
		}
		text = rest
	}
	return Part{"", p.delimiters}
}
