// Package query finds values in a document by expressions: JSONPath (RFC 9535,
// and of the Newtonsoft dialect what iomt-fhir templates are written in), a
// subset of XPath 1.0, and JMESPath with the functions that iomt-fhir adds.
//
// Both sides are hostile. An expression has at most 4096 characters and is
// compiled once; a search spends steps of a Budget that all searches in one
// document share. There are no regular expressions. Numbers stay decimal text
// and are computed with exactly.
package query

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"vitalwire/fhir"
)

// The languages an expression may be in. They are matched without regard to case.
const (
	JSONPath = "JsonPath"
	JMESPath = "JmesPath"
	XPath    = "XPath"
)

// maxText is the longest expression in bytes, maxNest how deep one may nest.
const (
	maxText = 4096
	maxNest = 32
)

// ErrSteps is the error of a search that would take too long.
var ErrSteps = errors.New("the search takes too many steps")

// ErrBytes is the error of a search that would find or make too much.
var ErrBytes = errors.New("the search finds too much for a document of this size")

// Budget bounds the work of all searches in one document: Steps is how many elements
// may still be looked at, Bytes what may still be kept of what is found and made.
// Blind is set when nobody asks for the Path of what is found.
type Budget struct {
	Steps, Bytes int
	Blind        bool
}

// places is what the way to something of a depth costs.
func (b *Budget) places(depth int) int {
	if b.Blind {
		return 0
	}
	return placeSize * (depth + 2)
}

// Take takes bytes of the budget for n things of a size each. The error is ErrBytes.
func (b *Budget) Take(n, size int) error {
	if n > b.Bytes/size {
		b.Bytes = 0
		return ErrBytes
	}
	b.Bytes -= n * size
	return nil
}

// sizes of what searches keep, with what lists waste as they grow.
const (
	matchSize = 160
	placeSize = 24
	itemSize  = 64
)

func (b *Budget) spend(n int) error {
	if b.Steps -= n; b.Steps < 0 {
		b.Steps = 0
		return ErrSteps
	}
	return nil
}

// Expression is a compiled expression. It is safe for concurrent use.
type Expression struct {
	// Language and Text as given.
	Language, Text string

	find func(in Match, b *Budget) ([]Match, error)
	// direct is set where the way is nothing but names.
	direct *path
}

// Match is an element that was found, and where. A computed one is nowhere.
type Match struct {
	Element *fhir.Element
	// Computed is set for the result of a function and for what was put together.
	Computed bool

	at  []place
	xml bool
}

// place is one step of the way to an element: a member's name or, with name "",
// an index.
type place struct {
	name  string
	index int
}

// Root is a whole document; one of XML has members for its elements, "@name" for
// attributes and "#text" for text, and members of one name may repeat.
func Root(e *fhir.Element, xml bool) Match { return Match{Element: e, xml: xml} }

func (m Match) step(e *fhir.Element, p place, b *Budget) Match {
	if b.Blind {
		return Match{Element: e, Computed: m.Computed, xml: m.xml}
	}
	return Match{Element: e, Computed: m.Computed, at: append(m.at[:len(m.at):len(m.at)], p), xml: m.xml}
}

// Path tells where the element is, for people: $.readings[0].value, or
// /vitals/row[2]/@t in XML; "" for a computed one.
func (m Match) Path() string {
	if m.Computed {
		return ""
	}
	var b strings.Builder
	if !m.xml {
		b.WriteByte('$')
	}
	for _, p := range m.at {
		switch {
		case m.xml:
			b.WriteString("/" + strings.Replace(p.name, "#text", "text()", 1))
			if p.index > 0 {
				fmt.Fprintf(&b, "[%d]", p.index+1)
			}
		case p.name == "":
			fmt.Fprintf(&b, "[%d]", p.index)
		case plainName(p.name):
			b.WriteString("." + p.name)
		default:
			b.WriteString("['" + strings.ReplaceAll(p.name, "'", `\'`) + "']")
		}
	}
	return b.String()
}

func plainName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < 0x80 && !letter(r) && (r < '0' || r > '9') && r != '-' }) < 0
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' }

// Text is the scalar that the element is: a string's value, a number as written,
// true or false; of XML the text. ok is false for null, for what has children,
// and for nothing.
func (m Match) Text() (text string, ok bool) {
	e := m.Element
	if m.xml && e.Is(fhir.Object) {
		for _, member := range e.Members() {
			if !strings.HasPrefix(member.Name, "@") && member.Name != "#text" {
				return "", false
			}
		}
		return e.Get("#text").Text(), true
	}
	switch e.Kind() {
	case fhir.String, fhir.Number, fhir.Bool:
		return e.Text(), true
	}
	return "", false
}

// Compile reads an expression. The error says at which character it goes wrong.
func Compile(language, text string) (*Expression, error) {
	x := &Expression{Language: language, Text: text}
	if len(text) > maxText {
		return nil, fmt.Errorf("an expression is at most %d bytes", maxText)
	}
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("the expression is empty")
	}
	var err error
	switch {
	case strings.EqualFold(language, JSONPath):
		x.Language = JSONPath
		x.find, x.direct, err = compilePath(text, parseJSONPath)
	case strings.EqualFold(language, XPath):
		x.Language = XPath
		x.find, _, err = compilePath(text, parseXPath)
	case strings.EqualFold(language, JMESPath):
		x.Language = JMESPath
		x.find, err = compileJMES(text)
	default:
		return nil, fmt.Errorf("%q is no expression language; JsonPath, JmesPath and XPath are", language)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", x.Language, text, err)
	}
	return x, nil
}

// Column is the expression for a column of the row that a search stands at.
func Column(name string) *Expression {
	x := &Expression{Language: "column", Text: name, direct: &path{steps: []step{{names: []string{name}}}}}
	x.find = func(in Match, b *Budget) ([]Match, error) {
		if err := b.spend(1 + in.Element.Len()); err != nil {
			return nil, err
		}
		if err := b.Take(1, matchSize/2+b.places(len(in.at))); err != nil {
			return nil, err
		}
		if e := in.Element.Get(name); e != nil {
			return []Match{in.step(e, place{name: name}, b)}, nil
		}
		return nil, nil
	}
	return x
}

// Find searches from an element on. What is found is in the order of the document.
// The error is ErrSteps, or of JMESPath that of a function.
func (x *Expression) Find(in Match, b *Budget) ([]Match, error) { return x.find(in, b) }

// IsDecimal reports whether a text is a number as JSON has them, of a size that is
// no attack.
func IsDecimal(text string) bool {
	rest := strings.TrimPrefix(text, "-")
	whole := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	if whole == 0 || whole > 1 && rest[0] == '0' || len(text) > 64 {
		return false
	}
	if rest = rest[whole:]; strings.HasPrefix(rest, ".") {
		after := strings.TrimLeft(rest[1:], "0123456789")
		if len(after) == len(rest)-1 {
			return false
		}
		rest = after
	}
	if rest == "" {
		return true
	}
	exponent := strings.TrimLeft(rest[1:], "+-")
	return (rest[0] == 'e' || rest[0] == 'E') && exponent != "" && len(exponent) <= 2 && len(rest)-len(exponent) <= 2 && strings.Trim(exponent, "0123456789") == ""
}

// One searches for one element; n is how many there are.
func (x *Expression) One(in Match, b *Budget) (m Match, n int, err error) {
	if b.Blind && x.direct != nil {
		e, ok, err := x.direct.plain(in, in, b)
		if err != nil || ok && e == nil {
			return Match{}, 0, err
		}
		if ok {
			return Match{Element: e, Computed: in.Computed}, 1, nil
		}
	}
	found, err := x.Find(in, b)
	if err != nil || len(found) == 0 {
		return Match{}, 0, err
	}
	return found[0], len(found), nil
}

// scanner reads an expression character by character.
type scanner struct {
	text string
	pos  int
	nest int
}

func (s *scanner) fail(format string, args ...any) error {
	return fmt.Errorf("at character %d: %s", s.pos+1, fmt.Sprintf(format, args...))
}

func (s *scanner) done() bool { return s.pos >= len(s.text) }

// peek is the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.done() {
		return 0
	}
	return s.text[s.pos]
}

func (s *scanner) rest() string { return s.text[s.pos:] }

// take steps over a word if it is next.
func (s *scanner) take(word string) bool {
	if strings.HasPrefix(s.rest(), word) {
		s.pos += len(word)
		return true
	}
	return false
}

func (s *scanner) space() {
	for !s.done() && strings.IndexByte(" \t\r\n", s.peek()) >= 0 {
		s.pos++
	}
}

// expect steps over a word that must come, after blanks.
func (s *scanner) expect(word string) error {
	if s.space(); !s.take(word) {
		return s.fail("%q is missing", word)
	}
	return nil
}

// quoted reads a text between quotes, with a backslash before what means itself.
func (s *scanner) quoted() (string, error) {
	quote := s.peek()
	var b strings.Builder
	for s.pos++; !s.done(); s.pos++ {
		switch c := s.peek(); {
		case c == quote:
			s.pos++
			return b.String(), nil
		case c == '\\' && s.pos+1 < len(s.text):
			s.pos++
			b.WriteByte(s.peek())
		default:
			b.WriteByte(c)
		}
	}
	return "", s.fail("the quote is not closed")
}

// integer reads a whole number of at most nine digits.
func (s *scanner) integer() (int, error) {
	begin := s.pos
	s.take("-")
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	n, err := strconv.Atoi(s.text[begin:s.pos])
	if err != nil || s.pos-begin > 10 {
		s.pos = begin
		return 0, s.fail("a whole number is missing")
	}
	return n, nil
}

// deeper counts a level of nesting; the caller takes it back.
func (s *scanner) deeper() error {
	if s.nest++; s.nest > maxNest {
		return s.fail("the expression nests deeper than %d", maxNest)
	}
	return nil
}
