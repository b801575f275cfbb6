package xml

import (
	"strings"

	"vitalwire/fhir"
)

// xhtml reads the div whose start tag is the current token, up to its end tag.
// Its text is kept as it was written, save for what would change its meaning
// outside this document: prefixes of XHTML are taken away, the declaration of
// the namespace is put on the div, comments are dropped, line ends are LF.
func (s *scanner) xhtml() (string, error) {
	var b strings.Builder
	level, from := 0, s.at // text from here on is not copied yet
	for {
		switch s.kind {
		case startTag:
			if rewritten, err := s.rewrite(level == 0); err != nil {
				return "", err
			} else if rewritten != "" {
				b.WriteString(s.in[from:s.at])
				b.WriteString(rewritten)
				from = s.pos
			}
			if level++; level > maxNarrative {
				return "", s.fail(s.at, "a narrative is nested deeper than %d levels", maxNarrative)
			}
		case endTag:
			level--
			// An end tag without text belongs to a tag that ended itself.
			if s.name.prefix != "" && s.at < s.pos {
				b.WriteString(s.in[from:s.at])
				b.WriteString("</" + s.name.local + ">")
				from = s.pos
			}
			if level == 0 {
				if b.Len() == 0 {
					return lineEnds(s.in[from:s.pos]), nil
				}
				b.WriteString(s.in[from:s.pos])
				return lineEnds(b.String()), nil
			}
		}
		end := s.pos
		if err := s.next(); err != nil {
			return "", err
		}
		if s.at > end { // comments and instructions lie between
			b.WriteString(s.in[from:end])
			from = s.at
		}
		if s.kind == text && s.named {
			b.WriteString(s.in[from:s.at])
			if err := s.plain(&b); err != nil {
				return "", err
			}
			from = s.pos
		}
	}
}

// rewrite gives a start tag anew where it cannot stay as it is, else "".
func (s *scanner) rewrite(outermost bool) (string, error) {
	if s.name.space != nsXHTML && s.name.prefix != "" {
		return "", s.fail(s.at, "element %q in a narrative must be XHTML, it is in %q", clip(s.name.local), clip(s.name.space))
	}
	change := s.name.prefix != "" || s.named
	declared := false
	for i := range s.attrs {
		switch a := &s.attrs[i]; {
		case a.isDeclaration() && a.name.prefix == "":
			declared = true
		case a.isDeclaration():
			change = true
		case a.name.prefix != "" && a.name.space != nsXML:
			return "", s.fail(a.at, "attribute %q in a narrative must have no prefix", clip(a.name.local))
		}
	}
	if outermost && !declared {
		change = true
	}
	if !change {
		return "", nil
	}
	b := []byte("<" + s.name.local)
	if outermost || declared {
		b = append(b, ` xmlns="`...)
		b = append(appendAttribute(b, s.name.space), '"')
	}
	for i := range s.attrs {
		a := &s.attrs[i]
		if a.isDeclaration() {
			continue
		}
		b = append(b, ' ')
		if a.name.prefix != "" {
			b = append(b, "xml:"...)
		}
		b = append(append(b, a.name.local...), `="`...)
		b = append(appendAttribute(b, a.value), '"')
	}
	if s.empty {
		b = append(b, '/')
	}
	return string(append(b, '>')), nil
}

// plain writes the current text with entities of HTML as characters.
func (s *scanner) plain(b *strings.Builder) error {
	piece := s.in[s.at:s.pos]
	for i := 0; i < len(piece); {
		if piece[i] != '&' {
			b.WriteByte(piece[i])
			i++
			continue
		}
		s.named = false
		c, n, err := s.reference(s.at+i, piece[i:])
		if err != nil {
			return err
		}
		if s.named {
			b.Write(appendAttribute(nil, c))
		} else {
			b.WriteString(piece[i : i+n])
		}
		i += n
	}
	return nil
}

// appendXHTML appends a div that came as JSON. Entities that only HTML has are
// written as characters, since XML lacks them.
func appendXHTML(b []byte, div, expression string) ([]byte, error) {
	s := scanner{in: div, html: true}
	for {
		if err := s.next(); err != nil {
			return nil, notXHTML(expression, err)
		}
		if s.kind == startTag {
			break
		}
	}
	if s.name.local != "div" || s.name.space != nsXHTML && s.name.space != "" {
		return nil, fhir.Unprocessable(expression, "a narrative is one XHTML div").WithCode(fhir.CodeStructure)
	}
	if s.name.space == "" {
		s.name.space = nsXHTML
	}
	out, err := s.xhtml()
	for err == nil && s.kind != endOfInput {
		err = s.next()
	}
	if err != nil {
		return nil, notXHTML(expression, err)
	}
	return append(b, out...), nil
}

func notXHTML(expression string, err error) error {
	return fhir.Unprocessable(expression, "this narrative cannot be written as XML: %s", err).WithCode(fhir.CodeStructure)
}
