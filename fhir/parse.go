package fhir

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep JSON may nest.
const MaxDepth = 64

// ParseElement reads one JSON value (RFC 8259) strictly: valid UTF-8, no byte
// order mark, no duplicate member, no nesting beyond MaxDepth, nothing after it.
// The error is a Malformed *Error with line and column, counted from 1 in bytes.
// The texts of the tree are parts of data, which is the tree's from then on: the
// caller must not change it.
func ParseElement(data []byte) (*Element, error) {
	if uint64(len(data)) > maxLen {
		return nil, Malformed("", "JSON of more than 4 GiB is not read")
	}
	p := parser{in: asText(data)}
	if strings.HasPrefix(p.in, "\uFEFF") {
		return nil, p.fail("a byte order mark is not allowed before JSON")
	}
	p.prepare()
	open, _ := opens.Get().(*[]Member)
	if open == nil {
		open = new([]Member)
	}
	p.kids = *open
	p.space()
	e, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if clear(p.kids[:p.deepest]); cap(p.kids) <= mostOpen {
		*open = p.kids[:0]
		opens.Put(open)
	}
	p.space()
	if p.pos < len(p.in) {
		return nil, p.fail("unexpected %s after the end of the JSON value", p.here())
	}
	return e, nil
}

type parser struct {
	in      string
	pos     int
	slab    []Element // elements are handed out of slabs: one allocation for many
	used    int       // of slab
	room    []Member  // members are handed out likewise
	placed  int       // in room
	kids    []Member  // the members of what is open: a stack
	deepest int       // members on it at once
}

// opens are *[]Member for parser.kids, empty and clear.
var opens sync.Pool

// mostOpen is the longest stack that is kept for the next document.
const mostOpen = 4096

// The largest slabs: as many as fit in 8 KB with the runtime's header.
const (
	mostElements = 511
	mostMembers  = 340
)

// prepare makes the first slabs. Each value but the outermost stands behind a
// comma, or first in an object or array: counting those gives small documents
// what they need in one piece.
func (p *parser) prepare() {
	if len(p.in) > 16*mostElements {
		return // of a large document the ends of slabs are a small part
	}
	n := 1 + strings.Count(p.in, ",") + strings.Count(p.in, "{") + strings.Count(p.in, "[")
	p.slab = make([]Element, min(n, mostElements))
	p.room = make([]Member, min(n-1, mostMembers))
}

func (p *parser) alloc() *Element {
	if p.used == len(p.slab) {
		p.slab, p.used = make([]Element, mostElements), 0
	}
	e := &p.slab[p.used]
	p.used++
	return e
}

func (p *parser) fail(format string, args ...any) error {
	return p.failAt(p.pos, format, args...)
}

func (p *parser) failAt(pos int, format string, args ...any) error {
	line := 1 + strings.Count(p.in[:pos], "\n")
	column := pos - strings.LastIndexByte(p.in[:pos], '\n')
	return Malformed("", "JSON line %d column %d: %s", line, column, fmt.Sprintf(format, args...))
}

// here names the next byte for an error, without echoing longer content.
func (p *parser) here() string {
	if p.pos >= len(p.in) {
		return "end of input"
	}
	r, size := utf8.DecodeRuneInString(p.in[p.pos:])
	if r == utf8.RuneError && size <= 1 {
		return fmt.Sprintf("byte 0x%02X", p.in[p.pos])
	}
	return fmt.Sprintf("%q", r)
}

func (p *parser) space() {
	if p.pos < len(p.in) && p.in[p.pos] > ' ' {
		return // the usual case, small enough to be inlined
	}
	p.skip()
}

func (p *parser) skip() {
	for p.pos < len(p.in) {
		switch p.in[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
			for p.pos+8 <= len(p.in) {
				n := bits.TrailingZeros64(load(p.in, p.pos)^blanks) / 8
				p.pos += n
				if n < 8 {
					break
				}
			}
		default:
			return
		}
	}
}

func (p *parser) value(depth int) (*Element, error) {
	if p.pos >= len(p.in) {
		return nil, p.fail("a value is missing at the end of input")
	}
	switch c := p.in[p.pos]; {
	case c == '{':
		return p.object(depth + 1)
	case c == '[':
		return p.array(depth + 1)
	case c == '"':
		s, form, err := p.str()
		if err != nil {
			return nil, err
		}
		e := p.alloc()
		e.setText(String, s)
		e.form = form
		return e, nil
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 't':
		return p.word("true", Bool, "true")
	case c == 'f':
		return p.word("false", Bool, "false")
	case c == 'n':
		return p.word("null", Null, "")
	}
	return nil, p.fail("unexpected %s where a value begins", p.here())
}

func (p *parser) word(word string, kind Kind, text string) (*Element, error) {
	if !strings.HasPrefix(p.in[p.pos:], word) {
		return nil, p.fail("unexpected %s where a value begins", p.here())
	}
	p.pos += len(word)
	e := p.alloc()
	e.setText(kind, text)
	return e, nil
}

func (p *parser) object(depth int) (*Element, error) {
	if depth > MaxDepth {
		return nil, p.fail("nested deeper than %d levels", MaxDepth)
	}
	e := p.alloc()
	e.kind = Object
	p.pos++
	mark := len(p.kids)
	var names nameSet
	p.space()
	if p.pos < len(p.in) && p.in[p.pos] == '}' {
		p.pos++
		return e, nil
	}
	for {
		p.space()
		if p.pos >= len(p.in) || p.in[p.pos] != '"' {
			return nil, p.fail("a member name in quotes was expected, found %s", p.here())
		}
		at := p.pos
		name, _, err := p.str()
		if err != nil {
			return nil, err
		}
		p.space()
		if p.pos >= len(p.in) || p.in[p.pos] != ':' {
			return nil, p.fail("':' was expected after a member name, found %s", p.here())
		}
		p.pos++
		p.space()
		value, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		if names.add(name) && p.duplicate(mark, name) {
			return nil, p.failAt(at, "member %q appears twice in one object", clip(name))
		}
		p.kids = append(p.kids, Member{Name: name, Value: value})
		p.space()
		if p.pos < len(p.in) && p.in[p.pos] == ',' {
			p.pos++
			continue
		}
		if p.pos < len(p.in) && p.in[p.pos] == '}' {
			p.pos++
			kids := p.take(mark)
			e.setKids(Object, kids)
			if name, twice := wideDuplicate(kids); twice {
				return nil, p.fail("member %q appears twice in the object that ends here", clip(name))
			}
			return e, nil
		}
		return nil, p.fail("',' or '}' was expected in an object, found %s", p.here())
	}
}

// nameSet tells which names an object surely has not had.
type nameSet uint64

// add reports whether the name may have been added before.
func (s *nameSet) add(name string) bool {
	hash := uint(len(name))
	if hash > 0 {
		hash = hash*7 + uint(name[0])*3 + uint(name[len(name)-1])*5
	}
	bit := nameSet(1) << (hash & 63)
	had := *s&bit != 0
	*s |= bit
	return had
}

// scanned is how many members are compared one by one while an object is read;
// a wider object, which FHIR never has, is checked with a map when it ends.
const scanned = 64

func (p *parser) duplicate(mark int, name string) bool {
	members := p.kids[mark:]
	if len(members) > scanned {
		return false
	}
	for i := range members {
		if members[i].Name == name {
			return true
		}
	}
	return false
}

// wideDuplicate gives a name that a wide object has twice, or "".
func wideDuplicate(members []Member) (string, bool) {
	if len(members) <= scanned {
		return "", false
	}
	seen := make(map[string]struct{}, len(members))
	for i := range members {
		if _, twice := seen[members[i].Name]; twice {
			return members[i].Name, true
		}
		seen[members[i].Name] = struct{}{}
	}
	return "", false
}

func (p *parser) array(depth int) (*Element, error) {
	if depth > MaxDepth {
		return nil, p.fail("nested deeper than %d levels", MaxDepth)
	}
	e := p.alloc()
	e.kind = Array
	p.pos++
	mark := len(p.kids)
	p.space()
	if p.pos < len(p.in) && p.in[p.pos] == ']' {
		p.pos++
		return e, nil
	}
	for {
		p.space()
		value, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		p.kids = append(p.kids, Member{Value: value})
		p.space()
		if p.pos < len(p.in) && p.in[p.pos] == ',' {
			p.pos++
			continue
		}
		if p.pos < len(p.in) && p.in[p.pos] == ']' {
			p.pos++
			e.setKids(Array, p.take(mark))
			return e, nil
		}
		return nil, p.fail("',' or ']' was expected in an array, found %s", p.here())
	}
}

// take pops the members gathered since mark off the scratch stack. What it gives
// has no room to grow, so that appending to it copies.
func (p *parser) take(mark int) []Member {
	p.deepest = max(p.deepest, len(p.kids))
	open := p.kids[mark:]
	p.kids = p.kids[:mark]
	n := len(open)
	if n > len(p.room)-p.placed {
		if n > mostMembers/2 { // what is left serves those that follow
			return slices.Clone(open)
		}
		p.room, p.placed = make([]Member, mostMembers), 0
	}
	kids := p.room[p.placed : p.placed+n : p.placed+n]
	p.placed += n
	copy(kids, open)
	return kids
}

// number reads a JSON number (RFC 8259 §6) and keeps its text.
func (p *parser) number() (*Element, error) {
	start := p.pos
	if p.in[p.pos] == '-' {
		p.pos++
	}
	switch {
	case p.pos < len(p.in) && p.in[p.pos] == '0':
		p.pos++
		if p.pos < len(p.in) && isDigit(p.in[p.pos]) {
			return nil, p.fail("a number must not begin with a zero followed by digits")
		}
	case !p.digits():
		return nil, p.fail("a digit was expected in a number, found %s", p.here())
	}
	if p.pos < len(p.in) && p.in[p.pos] == '.' {
		p.pos++
		if !p.digits() {
			return nil, p.fail("a digit was expected after the decimal point, found %s", p.here())
		}
	}
	if p.pos < len(p.in) && (p.in[p.pos] == 'e' || p.in[p.pos] == 'E') {
		p.pos++
		if p.pos < len(p.in) && (p.in[p.pos] == '+' || p.in[p.pos] == '-') {
			p.pos++
		}
		if !p.digits() {
			return nil, p.fail("a digit was expected in an exponent, found %s", p.here())
		}
	}
	e := p.alloc()
	e.setText(Number, p.in[start:p.pos])
	return e, nil
}

func (p *parser) digits() bool {
	start := p.pos
	for p.pos < len(p.in) && isDigit(p.in[p.pos]) {
		p.pos++
	}
	return p.pos > start
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// str reads a JSON string (RFC 8259 §7). Text without escapes is a part of the
// input.
func (p *parser) str() (s string, form Form, err error) {
	start := p.pos + 1
	in, pos, ascii, blank := p.in, start, true, false
	for pos < len(in) {
		if pos+8 <= len(in) {
			eight := load(in, pos)
			ends, gaps := special(eight), eight-0x21*ones
			if ends == 0 {
				blank = blank || gaps&highs != 0
				pos += 8
				continue
			}
			pos += bits.TrailingZeros64(ends) / 8
			blank = blank || gaps&highs&(ends&-ends-1) != 0
		}
		switch c := in[pos]; {
		case c == '"':
			p.pos = pos + 1
			s = in[start:pos]
			switch {
			case !ascii:
				return s, AnyForm, p.utf8(start, s)
			case s == "":
				return s, AnyForm, nil
			case blank:
				return s, Line, nil
			}
			return s, Word, nil
		case c == '\\':
			p.pos = pos
			s, err = p.escaped(start)
			return s, AnyForm, err
		case c < 0x20:
			return "", AnyForm, p.failAt(pos, "control character 0x%02X must be escaped in a string", c)
		case c == 0x20:
			blank = true
		case c >= utf8.RuneSelf:
			ascii = false
		}
		pos++
	}
	return "", AnyForm, p.failAt(start-1, "this string is not closed")
}

// escaped goes on from the first backslash of a string that began at start.
func (p *parser) escaped(start int) (string, error) {
	var b strings.Builder
	from := start
	for p.pos < len(p.in) {
		switch c := p.in[p.pos]; {
		case c == '"':
			b.WriteString(p.in[from:p.pos])
			if err := p.utf8(start, p.in[start:p.pos]); err != nil {
				return "", err
			}
			p.pos++
			return b.String(), nil
		case c == '\\':
			b.WriteString(p.in[from:p.pos])
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			from = p.pos
		case c < 0x20:
			return "", p.fail("control character 0x%02X must be escaped in a string", c)
		default:
			p.pos++
		}
	}
	return "", p.failAt(start-1, "this string is not closed")
}

func (p *parser) utf8(start int, s string) error {
	if utf8.ValidString(s) {
		return nil
	}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return p.failAt(start+i, "byte 0x%02X is not valid UTF-8", s[i])
		}
		i += size
	}
	return nil
}

func (p *parser) escape() (rune, error) {
	at := p.pos
	if p.pos+1 >= len(p.in) {
		return 0, p.fail("an escape is cut off")
	}
	c := p.in[p.pos+1]
	p.pos += 2
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, ok := p.hex4()
		if !ok {
			return 0, p.failAt(at, `\u needs four hexadecimal digits`)
		}
		if !utf16.IsSurrogate(r) {
			return r, nil
		}
		if strings.HasPrefix(p.in[p.pos:], `\u`) {
			p.pos += 2
			if low, ok := p.hex4(); ok {
				if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
					return full, nil
				}
			}
		}
		return 0, p.failAt(at, "a lone UTF-16 surrogate is not a character")
	}
	return 0, p.failAt(at, "unknown escape")
}

func (p *parser) hex4() (rune, bool) {
	if p.pos+4 > len(p.in) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.in[p.pos : p.pos+4]) {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	p.pos += 4
	return r, true
}

func clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	n := 64
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
