package records

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep JSON may be nested.
const maxDepth = 32

// Value is a place in a JSON document; the zero Value is one that is not there. It
// holds no copy: numbers are the text that was sent.
type Value struct {
	raw []byte
	// At is the offset of the value in the document.
	At int
}

// Parse reads a JSON document: RFC 8259 in UTF-8, of bounded depth, and with no
// member twice in one object.
func Parse(data []byte) (Value, error) {
	switch {
	case !utf8.Valid(data):
		return Value{}, Refuse(0, "it is not UTF-8")
	case !json.Valid(data):
		var any json.RawMessage
		err := json.Unmarshal(data, &any)
		var syntax *json.SyntaxError
		if asSyntax(err, &syntax) {
			return Value{}, Refuse(min(int(syntax.Offset), len(data)), "it is no JSON: %s", syntax.Error())
		}
		return Value{}, Refuse(0, "it is no JSON")
	}
	v := Value{raw: data}.trimmed()
	if err := v.check(1); err != nil {
		return Value{}, err
	}
	return v, nil
}

func asSyntax(err error, into **json.SyntaxError) bool {
	return errors.As(err, into)
}

// check looks for what would be ambiguous or too deep.
func (v Value) check(depth int) error {
	if depth > maxDepth {
		return Refuse(v.At, "it is nested deeper than %d", maxDepth)
	}
	var few [16]string
	seen, many := few[:0], map[string]bool(nil)
	for name, member := range v.Members() {
		twice := many[name]
		for _, other := range seen {
			twice = twice || other == name
		}
		switch {
		case twice:
			return Refuse(member.At, "member %q stands twice in one object", Clip(name, 40))
		case len(seen) < len(few):
			seen = append(seen, name)
		case many == nil:
			many = map[string]bool{name: true}
		default:
			many[name] = true
		}
		if err := member.check(depth + 1); err != nil {
			return err
		}
	}
	for item := range v.Items() {
		if err := item.check(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// trimmed is v without the white space around it.
func (v Value) trimmed() Value {
	cut := bytes.TrimLeft(v.raw, " \t\r\n")
	return Value{bytes.TrimRight(cut, " \t\r\n"), v.At + len(v.raw) - len(cut)}
}

// Is reports whether v is there and begins as kind does: '{', '[', '"', 't', 'n'
// (null) or '0' for a number.
func (v Value) Is(kind byte) bool {
	if len(v.raw) == 0 {
		return false
	}
	switch c := v.raw[0]; {
	case c == '-' || c >= '0' && c <= '9':
		return kind == '0'
	case c == 'f':
		return kind == 't'
	default:
		return c == kind
	}
}

// Missing reports whether v is not there, or null.
func (v Value) Missing() bool { return len(v.raw) == 0 || v.raw[0] == 'n' }

// end is the offset after the value that begins at i of valid JSON.
func end(raw []byte, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
			i++
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', ':':
			if depth == 0 {
				return i
			}
			i++
		default:
			i++
			continue
		}
		if depth == 0 {
			return min(i, len(raw))
		}
	}
	return len(raw)
}

// parts yields the values between the brackets and separators of an object or array.
func (v Value) parts() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for i := 1; i < len(v.raw)-1; {
			switch v.raw[i] {
			case ' ', '\t', '\r', '\n', ',', ':':
				i++
				continue
			}
			to := end(v.raw, i)
			if to == i || !yield(Value{v.raw[i:to], v.At + i}.trimmed()) {
				return
			}
			i = to
		}
	}
}

// Items yields the items of an array; nothing else has any.
func (v Value) Items() iter.Seq[Value] {
	if !v.Is('[') {
		return func(func(Value) bool) {}
	}
	return v.parts()
}

// Members yields the members of an object; nothing else has any.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if !v.Is('{') {
			return
		}
		var name *Value
		for part := range v.parts() {
			if name == nil {
				name = &part
				continue
			}
			if !yield(name.Text(), part) {
				return
			}
			name = nil
		}
	}
}

// Get follows member names into objects.
func (v Value) Get(path ...string) Value {
	for _, name := range path {
		v = v.member(name)
	}
	return v
}

func (v Value) member(name string) Value {
	if !v.Is('{') {
		return Value{}
	}
	key, matches := true, false
	for part := range v.parts() {
		switch {
		case key && bytes.IndexByte(part.raw, '\\') < 0:
			matches = string(part.raw[1:len(part.raw)-1]) == name
		case key:
			matches = part.Text() == name
		case matches:
			return part
		}
		key = !key
	}
	return Value{}
}

// Text is a string's characters, the digits of a number, "true" or "false", and ""
// for everything else.
func (v Value) Text() string {
	switch {
	case len(v.raw) == 0 || v.raw[0] == 'n' || v.raw[0] == '{' || v.raw[0] == '[':
		return ""
	case v.raw[0] != '"':
		return string(v.raw)
	case bytes.IndexByte(v.raw, '\\') < 0:
		return string(v.raw[1 : len(v.raw)-1])
	}
	var text string
	if json.Unmarshal(v.raw, &text) != nil {
		return ""
	}
	return text
}

// Decimal is a number as a plain decimal, see Decimal; a string that holds one counts
// only with quoted.
func (v Value) Decimal(quoted bool) (string, bool) {
	if !v.Is('0') && !(quoted && v.Is('"')) {
		return "", false
	}
	return Decimal(v.Text())
}

// Int is a whole number that fits into 64 bits, sent as number or string.
func (v Value) Int() (int64, bool) {
	n, err := strconv.ParseInt(v.Text(), 10, 64)
	return n, err == nil
}
