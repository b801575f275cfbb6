package xml

import (
	"strings"
	"unicode/utf8"
)

// start reads a start tag or a tag that ends itself.
func (s *scanner) start() error {
	if len(s.open) == 0 && s.seen {
		return s.fail(s.at, "a second root element is not allowed")
	}
	if len(s.open) >= MaxTags {
		return s.fail(s.at, "tags nest deeper than %d levels", MaxTags)
	}
	s.pos++
	from := s.pos
	written, err := s.qname("an element name")
	if err != nil {
		return err
	}
	raw := s.in[from:s.pos]
	mark := len(s.bind)
	s.attrs, s.named = s.attrs[:0], false
	for {
		spaced := s.space()
		if s.pos >= len(s.in) {
			return s.fail(s.at, "the tag <%s is not closed", clip(raw))
		}
		if s.in[s.pos] == '>' {
			s.pos++
			break
		}
		if s.has("/>") {
			s.pos += 2
			s.empty = true
			break
		}
		if !spaced {
			return s.fail(s.pos, "unexpected %s in a tag", s.here())
		}
		if err := s.attribute(); err != nil {
			return err
		}
	}
	if err := s.resolve(&written); err != nil {
		return err
	}
	s.kind, s.name, s.seen = startTag, written, true
	s.open = append(s.open, tag{raw: raw, bind: mark})
	return nil
}

// end reads an end tag and compares it with the open one.
func (s *scanner) end() error {
	s.pos += 2
	from := s.pos
	written, err := s.qname("an element name")
	if err != nil {
		return err
	}
	raw := s.in[from:s.pos]
	s.space()
	if s.pos >= len(s.in) || s.in[s.pos] != '>' {
		return s.fail(s.pos, "'>' was expected, found %s", s.here())
	}
	s.pos++
	switch {
	case len(s.open) == 0:
		return s.fail(s.at, "</%s> closes nothing", clip(raw))
	case s.open[len(s.open)-1].raw != raw:
		return s.fail(s.at, "</%s> closes <%s>", clip(raw), clip(s.open[len(s.open)-1].raw))
	}
	s.kind, s.name = endTag, written
	s.close()
	return nil
}

func (s *scanner) close() {
	last := len(s.open) - 1
	s.bind = s.bind[:s.open[last].bind]
	s.open = s.open[:last]
}

func (s *scanner) space() bool {
	from := s.pos
	for s.pos < len(s.in) && isSpace(s.in[s.pos]) {
		s.pos++
	}
	return s.pos > from
}

// qname reads prefix:local or local; the namespace is resolved later.
func (s *scanner) qname(what string) (name, error) {
	at := s.pos
	first := s.ncname()
	if first == "" {
		return name{}, s.fail(s.pos, "%s was expected, found %s", what, s.here())
	}
	if s.pos >= len(s.in) || s.in[s.pos] != ':' {
		return name{local: first}, nil
	}
	s.pos++
	local := s.ncname()
	if local == "" || s.pos < len(s.in) && s.in[s.pos] == ':' {
		return name{}, s.fail(at, "%q is no name with a prefix", clip(s.in[at:s.pos]))
	}
	return name{prefix: first, local: local}, nil
}

func (s *scanner) ncname() string {
	from := s.pos
	for s.pos < len(s.in) {
		r, size := utf8.DecodeRuneInString(s.in[s.pos:])
		if s.pos == from && !isNameStart(r) || !isNameChar(r) {
			break
		}
		s.pos += size
	}
	return s.in[from:s.pos]
}

func (s *scanner) attribute() error {
	a := attribute{at: s.pos}
	var err error
	if a.name, err = s.qname("an attribute"); err != nil {
		return err
	}
	if len(s.attrs) >= maxAttributes {
		return s.fail(a.at, "a tag with more than %d attributes is not read", maxAttributes)
	}
	s.space()
	if s.pos >= len(s.in) || s.in[s.pos] != '=' {
		return s.fail(s.pos, "'=' was expected after attribute %s, found %s", clip(a.name.local), s.here())
	}
	s.pos++
	s.space()
	if s.pos >= len(s.in) || s.in[s.pos] != '"' && s.in[s.pos] != '\'' {
		return s.fail(s.pos, "attribute %s needs a value in quotes, found %s", clip(a.name.local), s.here())
	}
	if a.value, err = s.quoted(); err != nil {
		return err
	}
	for i := range s.attrs {
		if s.attrs[i].name.local == a.name.local && s.attrs[i].name.prefix == a.name.prefix {
			return s.fail(a.at, "attribute %s appears twice", clip(a.name.local))
		}
	}
	s.attrs = append(s.attrs, a)
	return s.declare(a)
}

// quoted reads an attribute value. Bare line ends and tabs become blanks, those
// written as references stay (XML 1.0 §3.3.3).
func (s *scanner) quoted() (string, error) {
	open := s.pos
	quote := s.in[open]
	length := strings.IndexByte(s.in[open+1:], quote)
	if length < 0 {
		return "", s.fail(open, "this attribute value is not closed")
	}
	from := open + 1
	piece := s.in[from : from+length]
	s.pos = from + length + 1
	if i := strings.IndexByte(piece, '<'); i >= 0 {
		return "", s.fail(from+i, "'<' must be written as &lt; in an attribute")
	}
	if err := s.chars(from, piece); err != nil {
		return "", err
	}
	if !strings.ContainsAny(piece, "&\t\n\r") {
		return piece, nil
	}
	var b strings.Builder
	b.Grow(len(piece))
	for i := 0; i < len(piece); {
		switch c := piece[i]; c {
		case '&':
			r, n, err := s.reference(from+i, piece[i:])
			if err != nil {
				return "", err
			}
			b.WriteString(r)
			i += n
			continue
		case '\r':
			if i+1 < len(piece) && piece[i+1] == '\n' {
				i++
			}
			b.WriteByte(' ')
		case '\n', '\t':
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
		i++
	}
	return b.String(), nil
}

// declare puts a namespace declaration in scope (Namespaces in XML §3).
func (s *scanner) declare(a attribute) error {
	var prefix string
	switch {
	case a.name.prefix == "xmlns":
		prefix = a.name.local
		if prefix == "xmlns" || (prefix == "xml") != (a.value == nsXML) || a.value == "" {
			return s.fail(a.at, "prefix %q cannot stand for %q", clip(prefix), clip(a.value))
		}
	case a.name.prefix != "" || a.name.local != "xmlns":
		return nil
	}
	if len(s.bind) >= maxBindings {
		return s.fail(a.at, "more than %d namespace declarations are in scope", maxBindings)
	}
	s.bind = append(s.bind, binding{prefix: prefix, space: a.value})
	return nil
}

// resolve gives the tag and its attributes their namespaces.
func (s *scanner) resolve(element *name) error {
	var ok bool
	if element.space, ok = s.lookup(element.prefix); !ok {
		return s.fail(s.at, "prefix %q is not declared", clip(element.prefix))
	}
	for i := range s.attrs {
		n := &s.attrs[i].name
		if n.prefix == "" || n.prefix == "xmlns" {
			continue
		}
		if n.space, ok = s.lookup(n.prefix); !ok {
			return s.fail(s.attrs[i].at, "prefix %q is not declared", clip(n.prefix))
		}
		for j := range s.attrs[:i] {
			if o := s.attrs[j].name; o.local == n.local && o.space == n.space {
				return s.fail(s.attrs[i].at, "attribute %s appears twice", clip(n.local))
			}
		}
	}
	return nil
}

func (s *scanner) lookup(prefix string) (string, bool) {
	for i := len(s.bind) - 1; i >= 0; i-- {
		if s.bind[i].prefix == prefix {
			return s.bind[i].space, true
		}
	}
	if prefix == "xml" {
		return nsXML, true
	}
	return "", prefix == ""
}

// isDeclaration reports whether an attribute declares a namespace.
func (a *attribute) isDeclaration() bool {
	return a.name.prefix == "xmlns" || a.name.prefix == "" && a.name.local == "xmlns"
}
