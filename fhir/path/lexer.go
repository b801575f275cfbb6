package path

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// tokenKind is the kind of a token (FHIRPath §12.1: grammar).
type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokIdent
	tokQuotedIdent // `given`
	tokString
	tokNumber
	tokTemporal
	tokVariable // %name
	tokDollar   // $this
	tokSymbol
)

type token struct {
	kind tokenKind
	pos  int
	text string // name, symbol or number; of a string its value
	lit  Item   // of tokTemporal
}

// lex cuts a text into tokens.
func lex(text string) ([]token, *Error) {
	l := lexer{in: text}
	if !utf8.ValidString(text) {
		return nil, errAt(Syntax, 0, "the text is not valid UTF-8")
	}
	var out []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		if t.kind == tokEnd {
			return out, nil
		}
	}
}

type lexer struct {
	in  string
	pos int
}

// space skips blanks and comments (FHIRPath §2.3, §2.5).
func (l *lexer) space() *Error {
	for l.pos < len(l.in) {
		switch rest := l.in[l.pos:]; {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n' || rest[0] == '\r':
			l.pos++
		case strings.HasPrefix(rest, "//"):
			if i := strings.IndexAny(rest, "\r\n"); i >= 0 {
				l.pos += i
			} else {
				l.pos = len(l.in)
			}
		case strings.HasPrefix(rest, "/*"):
			i := strings.Index(rest[2:], "*/")
			if i < 0 {
				return errAt(Syntax, l.pos, "this comment is not closed")
			}
			l.pos += i + 4
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) next() (token, *Error) {
	if err := l.space(); err != nil {
		return token{}, err
	}
	t := token{pos: l.pos}
	if l.pos >= len(l.in) {
		return t, nil
	}
	switch c := l.in[l.pos]; {
	case isLetter(c):
		t.kind, t.text = tokIdent, l.word()
	case isDigit(c):
		t.kind, t.text = tokNumber, l.number()
	case c == '`':
		s, err := l.quoted('`')
		t.kind, t.text = tokQuotedIdent, s
		return t, err
	case c == '\'':
		s, err := l.quoted('\'')
		t.kind, t.text = tokString, s
		return t, err
	case c == '@':
		return l.temporal()
	case c == '%':
		return l.variable()
	case c == '$':
		l.pos++
		t.kind, t.text = tokDollar, l.word()
		if t.text != "this" && t.text != "index" && t.text != "total" {
			return t, errAt(Syntax, t.pos, "only $this, $index and $total exist")
		}
	default:
		return l.symbol()
	}
	return t, nil
}

func (l *lexer) symbol() (token, *Error) {
	t := token{kind: tokSymbol, pos: l.pos}
	for _, two := range [...]string{"<=", ">=", "!=", "!~"} {
		if strings.HasPrefix(l.in[l.pos:], two) {
			l.pos += 2
			t.text = two
			return t, nil
		}
	}
	if c := l.in[l.pos]; strings.IndexByte("+-*/&|<>=~()[]{}.,", c) >= 0 {
		t.text = l.in[l.pos : l.pos+1]
		l.pos++
		return t, nil
	}
	r, _ := utf8.DecodeRuneInString(l.in[l.pos:])
	return t, errAt(Syntax, l.pos, "unexpected character %q", r)
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func (l *lexer) word() string {
	start := l.pos
	for l.pos < len(l.in) && (isLetter(l.in[l.pos]) || isDigit(l.in[l.pos])) {
		l.pos++
	}
	return l.in[start:l.pos]
}

func (l *lexer) digits() {
	for l.pos < len(l.in) && isDigit(l.in[l.pos]) {
		l.pos++
	}
}

func (l *lexer) number() string {
	start := l.pos
	l.digits()
	if l.pos+1 < len(l.in) && l.in[l.pos] == '.' && isDigit(l.in[l.pos+1]) {
		l.pos++
		l.digits()
	}
	return l.in[start:l.pos]
}

// quoted reads a string or delimited identifier with escapes (FHIRPath §2.1.2).
func (l *lexer) quoted(quote byte) (string, *Error) {
	start := l.pos
	l.pos++
	var b strings.Builder
	for l.pos < len(l.in) {
		switch c := l.in[l.pos]; c {
		case quote:
			l.pos++
			return b.String(), nil
		case '\\':
			if err := l.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
	return "", errAt(Syntax, start, "the text that begins here is not closed")
}

func (l *lexer) escape(b *strings.Builder) *Error {
	at := l.pos
	if l.pos+1 >= len(l.in) {
		return errAt(Syntax, at, "an escape is cut off")
	}
	c := l.in[l.pos+1]
	l.pos += 2
	switch c {
	case '\'', '"', '`', '\\', '/':
		b.WriteByte(c)
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'u':
		r, ok := l.hex4()
		if ok && utf16.IsSurrogate(r) && strings.HasPrefix(l.in[l.pos:], `\u`) {
			l.pos += 2
			var low rune
			low, ok = l.hex4()
			r = utf16.DecodeRune(r, low)
		}
		if !ok || utf16.IsSurrogate(r) || r == utf8.RuneError {
			return errAt(Syntax, at, `\u needs four hexadecimal digits that are a character`)
		}
		b.WriteRune(r)
	default:
		return errAt(Syntax, at, "unknown escape; a backslash itself is written twice")
	}
	return nil
}

func (l *lexer) hex4() (rune, bool) {
	if l.pos+4 > len(l.in) {
		return 0, false
	}
	n, err := strconv.ParseUint(l.in[l.pos:l.pos+4], 16, 16)
	l.pos += 4
	return rune(n), err == nil
}

// variable reads %name, %`name` or, as R4 once had it, %"name" and %'name'.
func (l *lexer) variable() (token, *Error) {
	t := token{kind: tokVariable, pos: l.pos}
	l.pos++
	if l.pos < len(l.in) {
		if c := l.in[l.pos]; c == '`' || c == '\'' || c == '"' {
			s, err := l.quoted(c)
			t.text = s
			return t, err
		}
	}
	if t.text = l.word(); t.text == "" {
		return t, errAt(Syntax, t.pos, "a name was expected after %%")
	}
	return t, nil
}

// temporal reads @2015-02-04T14:34:28+09:00, @2015T, @T14:34 and their like
// (FHIRPath §2.1.5 to 2.1.7).
func (l *lexer) temporal() (token, *Error) {
	t := token{kind: tokTemporal, pos: l.pos}
	l.pos++
	start := l.pos
	for l.pos < len(l.in) {
		c := l.in[l.pos]
		if isDigit(c) || c == ':' || c == 'T' || c == 'Z' ||
			c == '-' && (l.pos+1 < len(l.in) && isDigit(l.in[l.pos+1])) && l.dashes(start) ||
			c == '+' && strings.IndexByte(l.in[start:l.pos], 'T') >= 0 && l.zoneFollows() ||
			c == '.' && l.pos+1 < len(l.in) && isDigit(l.in[l.pos+1]) {
			l.pos++
			continue
		}
		break
	}
	text := l.in[start:l.pos]
	kind := KindDate
	switch at := strings.IndexByte(text, 'T'); {
	case at == 0:
		kind = KindTime
	case at > 0:
		kind = KindDateTime
	}
	v, ok := parseTemporal(text, kind)
	if !ok {
		if kind == KindTime && strings.ContainsAny(text, "Z+-") {
			return t, errAt(Syntax, t.pos, "a Time has no time zone")
		}
		return t, errAt(Syntax, t.pos, "@%s is not a date or time", clip(text, 40))
	}
	t.lit = TemporalItem(v)
	return t, nil
}

// dashes tells the dash of a date or zone from a minus that follows a literal.
func (l *lexer) dashes(start int) bool {
	text := l.in[start:l.pos]
	at := strings.IndexByte(text, 'T')
	if at < 0 {
		return len(text) == 4 || len(text) == 7
	}
	return strings.IndexByte(text[at:], '-') < 0 && l.zoneFollows()
}

// zoneFollows looks for hh:mm after the sign.
func (l *lexer) zoneFollows() bool {
	rest := l.in[l.pos+1:]
	return len(rest) >= 5 && isDigit(rest[0]) && isDigit(rest[1]) && rest[2] == ':' && isDigit(rest[3]) && isDigit(rest[4])
}
