package xml

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"

	"vitalwire/fhir"
)

type kind uint8

const (
	endOfInput kind = iota
	startTag
	endTag
	text
)

// name is a name with its namespace; prefix is what was written.
type name struct{ space, prefix, local string }

// attribute is one attribute of a start tag; namespace declarations are among
// them, for the narrative.
type attribute struct {
	name  name
	value string // references replaced, white space normalised
	at    int
}

// scanner reads XML 1.0 with namespaces, as much of it as FHIR allows, and
// checks that it is well-formed. It holds one token at a time.
type scanner struct {
	in  string
	pos int
	// html accepts the named entities of HTML, for a narrative that came as JSON.
	html bool

	kind  kind
	at    int // where the token begins; it ends at pos
	name  name
	attrs []attribute // of a start tag; reused by the next one
	empty bool        // a start tag that ends itself: its end tag comes next
	blank bool        // a text of white space only
	cdata bool        // a text that was a CDATA section
	named bool        // a start tag or text with an entity of HTML

	open []tag
	bind []binding
	seen bool // the root was
}

type tag struct {
	raw  string // as written, to compare with the end tag
	bind int    // declarations in scope before it
}

type binding struct{ prefix, space string }

func (s *scanner) fail(at int, format string, args ...any) error {
	return fhir.Malformed("", "%s: %s", s.place(at), fmt.Sprintf(format, args...))
}

// place is "XML line 3 column 7", counted from 1 in bytes as for JSON.
func (s *scanner) place(at int) string {
	line := 1 + strings.Count(s.in[:at], "\n")
	return fmt.Sprintf("XML line %d column %d", line, at-strings.LastIndexByte(s.in[:at], '\n'))
}

func (s *scanner) here() string {
	if s.pos >= len(s.in) {
		return "the end of input"
	}
	r, size := utf8.DecodeRuneInString(s.in[s.pos:])
	if r == utf8.RuneError && size <= 1 {
		return fmt.Sprintf("byte 0x%02X", s.in[s.pos])
	}
	return fmt.Sprintf("%q", r)
}

func (s *scanner) rest() string { return s.in[s.pos:] }

func (s *scanner) has(prefix string) bool { return strings.HasPrefix(s.in[s.pos:], prefix) }

// prolog takes a byte order mark and the XML declaration, and refuses other
// encodings (R4 xml: UTF-8).
func (s *scanner) prolog() error {
	switch {
	case s.has("\xff\xfe"), s.has("\xfe\xff"), s.has("<\x00"), s.has("\x00<"):
		return s.fail(0, "this is UTF-16; FHIR is exchanged in UTF-8")
	case s.has("\uFEFF"):
		s.pos += len("\uFEFF")
	}
	if !s.has("<?xml") || s.pos+5 >= len(s.in) || !isSpace(s.in[s.pos+5]) {
		return nil
	}
	at := s.pos
	end := strings.Index(s.rest(), "?>")
	if end < 0 {
		return s.fail(at, "the XML declaration is not closed")
	}
	fields := s.in[s.pos+5 : s.pos+end]
	s.pos += end + 2
	expect := []string{"version", "encoding", "standalone"}
	for first := true; ; first = false {
		fields = strings.TrimLeft(fields, " \t\r\n")
		if fields == "" && !first {
			return nil
		}
		key, rest, _ := strings.Cut(fields, "=")
		key = strings.TrimRight(key, " \t\r\n")
		for len(expect) > 0 && expect[0] != key && !first {
			expect = expect[1:]
		}
		if len(expect) == 0 || expect[0] != key {
			return s.fail(at, `the XML declaration must be <?xml version="1.0" encoding="UTF-8"?>`)
		}
		expect = expect[1:]
		rest = strings.TrimLeft(rest, " \t\r\n")
		if rest == "" || rest[0] != '"' && rest[0] != '\'' {
			return s.fail(at, "%s in the XML declaration needs a value in quotes", key)
		}
		value, after, ok := strings.Cut(rest[1:], rest[:1])
		switch {
		case !ok:
			return s.fail(at, "%s in the XML declaration is not closed", key)
		case key == "version" && value != "1.0":
			return s.fail(at, "XML version %q is not read, only 1.0", clip(value))
		case key == "encoding" && !strings.EqualFold(value, "utf-8") && !strings.EqualFold(value, "us-ascii"):
			return s.fail(at, "encoding %q is not read, only UTF-8", clip(value))
		}
		fields = after
	}
}

// next moves to the next token: a start tag, an end tag, a text or the end.
func (s *scanner) next() error {
	if s.empty {
		s.empty = false
		s.kind = endTag
		s.at = s.pos
		s.close()
		return nil
	}
	for s.pos < len(s.in) {
		s.at = s.pos
		if s.in[s.pos] != '<' {
			return s.text()
		}
		switch {
		case s.has("<!--"):
			if err := s.comment(); err != nil {
				return err
			}
		case s.has("<![CDATA["):
			return s.section()
		case s.has("<!"):
			return s.fail(s.at, "a document type or other declaration is not allowed in FHIR")
		case s.has("<?"):
			if err := s.instruction(); err != nil {
				return err
			}
		case s.has("</"):
			return s.end()
		default:
			return s.start()
		}
	}
	s.at = s.pos
	if len(s.open) > 0 {
		return s.fail(s.pos, "<%s> is not closed at the end of input", clip(s.open[len(s.open)-1].raw))
	}
	if !s.seen {
		return s.fail(s.pos, "there is no element")
	}
	s.kind = endOfInput
	return nil
}

func (s *scanner) comment() error {
	end := strings.Index(s.in[s.pos+4:], "--")
	if end < 0 || s.pos+4+end+2 >= len(s.in) {
		return s.fail(s.at, "this comment is not closed")
	}
	body := s.in[s.pos+4 : s.pos+4+end]
	if s.in[s.pos+4+end+2] != '>' {
		return s.fail(s.pos+4+end, `"--" is not allowed inside a comment`)
	}
	if err := s.chars(s.pos+4, body); err != nil {
		return err
	}
	s.pos += 4 + end + 3
	return nil
}

// instruction skips a processing instruction: FHIR gives them no meaning (R4 xml).
func (s *scanner) instruction() error {
	end := strings.Index(s.in[s.pos+2:], "?>")
	if end < 0 {
		return s.fail(s.at, "this processing instruction is not closed")
	}
	body := s.in[s.pos+2 : s.pos+2+end]
	r, _ := utf8.DecodeRuneInString(body)
	if !isNameStart(r) {
		return s.fail(s.at, "a processing instruction needs a name")
	}
	if len(body) >= 3 && strings.EqualFold(body[:3], "xml") && (len(body) == 3 || isSpace(body[3])) {
		return s.fail(s.at, "the XML declaration must come first")
	}
	if err := s.chars(s.pos+2, body); err != nil {
		return err
	}
	s.pos += end + 4
	return nil
}

// chars checks that a piece is UTF-8 of characters that XML allows.
func (s *scanner) chars(at int, piece string) error {
	for i := 0; i < len(piece); {
		if c := piece[i]; c >= 0x20 && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(piece[i:])
		if r == utf8.RuneError && size <= 1 {
			return s.fail(at+i, "byte 0x%02X is not valid UTF-8", piece[i])
		}
		if !isChar(r) {
			return s.fail(at+i, "character U+%04X is not allowed in XML", r)
		}
		i += size
	}
	return nil
}

func (s *scanner) section() error {
	end := strings.Index(s.rest(), "]]>")
	if end < 0 {
		return s.fail(s.at, "this CDATA section is not closed")
	}
	body := s.in[s.pos+9 : s.pos+end]
	if len(s.open) == 0 {
		return s.fail(s.at, "text is not allowed outside the root element")
	}
	if err := s.chars(s.pos+9, body); err != nil {
		return err
	}
	s.pos += end + 3
	s.kind, s.blank, s.cdata, s.named = text, isBlank(body), true, false
	return nil
}

// text reads character data up to the next tag.
func (s *scanner) text() error {
	end := strings.IndexByte(s.rest(), '<')
	if end < 0 {
		end = len(s.in) - s.pos
	}
	piece := s.in[s.pos : s.pos+end]
	s.kind, s.blank, s.cdata, s.named = text, isBlank(piece), false, false
	if !s.blank {
		if len(s.open) == 0 {
			for isSpace(s.in[s.pos]) {
				s.pos++
			}
			return s.fail(s.pos, "unexpected %s outside the root element", s.here())
		}
		if err := s.chars(s.pos, piece); err != nil {
			return err
		}
		if i := strings.Index(piece, "]]>"); i >= 0 {
			return s.fail(s.pos+i, `"]]>" is not allowed in text`)
		}
		for i := strings.IndexByte(piece, '&'); i >= 0; {
			_, n, err := s.reference(s.pos+i, piece[i:])
			if err != nil {
				return err
			}
			i += n
			if next := strings.IndexByte(piece[i:], '&'); next >= 0 {
				i += next
			} else {
				i = -1
			}
		}
	}
	s.pos += end
	return nil
}

// reference reads the reference at the start of piece and says how long it is.
// Only characters by number and the five entities of XML 1.0 §4.6 exist without
// a document type.
func (s *scanner) reference(at int, piece string) (string, int, error) {
	end := strings.IndexByte(piece[:min(len(piece), 40)], ';')
	if end < 2 {
		return "", 0, s.fail(at, "'&' must be written as &amp; or begin a reference")
	}
	body := piece[1:end]
	switch body {
	case "amp":
		return "&", end + 1, nil
	case "lt":
		return "<", end + 1, nil
	case "gt":
		return ">", end + 1, nil
	case "quot":
		return `"`, end + 1, nil
	case "apos":
		return "'", end + 1, nil
	}
	if body[0] == '#' {
		r, ok := number(body[1:])
		if !ok || !isChar(r) {
			return "", 0, s.fail(at, "&%s; is no character that XML allows", body)
		}
		return string(r), end + 1, nil
	}
	if s.html {
		if c := html.UnescapeString(piece[:end+1]); c != piece[:end+1] {
			s.named = true
			return c, end + 1, nil
		}
	}
	return "", 0, s.fail(at, "entity %q is not known: XML has amp, lt, gt, quot and apos, and characters by number", clip(body))
}

// number reads the digits of a character reference.
func number(digits string) (rune, bool) {
	base := rune(10)
	if strings.HasPrefix(digits, "x") {
		base, digits = 16, digits[1:]
	}
	var r rune
	for i := 0; i < len(digits); i++ {
		var d rune
		switch c := digits[i]; {
		case c >= '0' && c <= '9':
			d = rune(c - '0')
		case base == 16 && c >= 'a' && c <= 'f':
			d = rune(c-'a') + 10
		case base == 16 && c >= 'A' && c <= 'F':
			d = rune(c-'A') + 10
		default:
			return 0, false
		}
		r = r*base + d
		if r > utf8.MaxRune {
			return 0, false
		}
	}
	return r, len(digits) > 0
}
