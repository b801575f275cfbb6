package fhir

import "bytes"

// AppendJSON appends the element as compact JSON: members in order, numbers as
// written, only what RFC 8259 §7 demands escaped.
func (e *Element) AppendJSON(b []byte) []byte {
	switch e.Kind() {
	case String:
		if e.form != AnyForm {
			b = append(b, '"')
			b = append(b, e.text()...)
			return append(b, '"')
		}
		return AppendString(b, e.text())
	case Number, Bool:
		return append(b, e.text()...)
	case Array:
		b = append(b, '[')
		for i, m := range e.kids() {
			if i > 0 {
				b = append(b, ',')
			}
			b = m.Value.AppendJSON(b)
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		for i, m := range e.kids() {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendString(b, m.Name)
			b = append(b, ':')
			b = m.Value.AppendJSON(b)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// printed is how many bytes the compact JSON has where no text needs escapes.
func (e *Element) printed() int {
	if e == nil {
		return len("null")
	}
	n := len(e.text()) + 4 // quotes, comma and colon, or brackets, or null
	for _, m := range e.kids() {
		n += len(m.Name) + 2 + m.Value.printed()
	}
	return n
}

// AppendString appends s as a JSON string.
func AppendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
		}
		from = i + 1
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

// AppendIndented appends the element as JSON for human eyes (_pretty, R4 http
// §3.1.0.1.12), indented by two blanks.
func (e *Element) AppendIndented(b []byte, prefix string) []byte {
	if e.Len() == 0 {
		return e.AppendJSON(b)
	}
	open, end := byte('{'), byte('}')
	if e.kind == Array {
		open, end = '[', ']'
	}
	inner := prefix + "  "
	b = append(b, open, '\n')
	for i, m := range e.kids() {
		b = append(b, inner...)
		if e.kind == Object {
			b = AppendString(b, m.Name)
			b = append(b, ": "...)
		}
		b = m.Value.AppendIndented(b, inner)
		if i < e.Len()-1 {
			b = append(b, ',')
		}
		b = append(b, '\n')
	}
	b = append(b, prefix...)
	return append(b, end)
}

// MarshalJSON gives the compact JSON, so that encoding/json can embed elements.
func (e *Element) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON is ParseElement for encoding/json.
func (e *Element) UnmarshalJSON(data []byte) error {
	parsed, err := ParseElement(bytes.Clone(data)) // the decoder's own, and used again
	if err != nil {
		return err
	}
	*e = *parsed
	return nil
}
