package template

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"vitalwire/fhir"
)

// maxNest is how deep XML may nest.
const maxNest = fhir.MaxDepth

// readXML reads the elements, attributes and text of a document (XML 1.0, names
// without their prefix). There is no DOCTYPE and hence no entity but the five that
// every document has: nothing expands, nothing is fetched.
func readXML(frame []byte) (*fhir.Element, error) {
	if !utf8.Valid(frame) {
		return nil, refusedAt(0, "the frame is not UTF-8")
	}
	r := xmlReader{text: strings.TrimPrefix(string(frame), "\uFEFF")}
	r.base = len(frame) - len(r.text)
	var top []fhir.Member
	if err := r.inside(&top, "", 0); err != nil {
		return nil, err
	}
	roots := 0
	for _, m := range top {
		if m.Name == "#text" {
			return nil, refusedAt(0, "there is text outside the XML's root")
		}
		roots++
	}
	if roots != 1 {
		return nil, refusedAt(0, "an XML document has one root")
	}
	return fhir.NewObject(top...), nil
}

type xmlReader struct {
	text string
	base int
	pos  int
}

func (r *xmlReader) fail(format string, args ...any) error {
	return refusedAt(r.base+min(r.pos, len(r.text)), format, args...)
}

// inside reads what is in an element up to its end tag. White space between
// elements is no text.
func (r *xmlReader) inside(members *[]fhir.Member, name string, depth int) error {
	if depth > maxNest {
		return r.fail("XML nests deeper than %d", maxNest)
	}
	var text []string
	for {
		rest := r.text[r.pos:]
		next := strings.IndexByte(rest, '<')
		if next < 0 {
			next = len(rest)
		}
		piece, err := r.unescape(rest[:next])
		if err != nil {
			return err
		}
		if piece != "" {
			text = append(text, piece)
		}
		r.pos += next
		rest = rest[next:]
		switch {
		case rest == "" && depth == 0:
			return put(members, text)
		case rest == "":
			return r.fail("an element is not closed")
		case strings.HasPrefix(rest, "</"):
			r.pos += 2
			if depth == 0 || r.name() != name {
				return r.fail("an end tag closes what is not open")
			}
			r.blanks()
			if !r.take(">") {
				return r.fail("> is missing")
			}
			return put(members, text)
		case strings.HasPrefix(rest, "<!--"):
			err = r.over("-->")
		case strings.HasPrefix(rest, "<?"):
			err = r.over("?>")
		case strings.HasPrefix(rest, "<![CDATA["):
			begin := r.pos + len("<![CDATA[")
			if err = r.over("]]>"); err == nil {
				text = append(text, r.text[begin:r.pos-3])
			}
		case strings.HasPrefix(rest, "<!"):
			return r.fail("a document type is not read")
		default:
			err = r.element(members, depth)
		}
		if err != nil {
			return err
		}
	}
}

// put keeps the text of an element that has any.
func put(members *[]fhir.Member, text []string) error {
	whole := ""
	if len(text) == 1 {
		whole = text[0]
	} else if len(text) > 1 {
		whole = strings.Join(text, "")
	}
	if whole = strings.TrimSpace(whole); whole != "" {
		*members = append(*members, fhir.S("#text", whole))
	}
	return nil
}

func (r *xmlReader) element(members *[]fhir.Member, depth int) error {
	r.pos++
	name := r.name()
	if name == "" {
		return r.fail("a name is missing")
	}
	var own []fhir.Member
	for {
		blank := r.blanks()
		switch {
		case r.take("/>"):
			*members = append(*members, fhir.M(name, fhir.NewObject(own...)))
			return nil
		case r.take(">"):
			if err := r.inside(&own, name, depth+1); err != nil {
				return err
			}
			*members = append(*members, fhir.M(name, fhir.NewObject(own...)))
			return nil
		case !blank:
			return r.fail("a tag is not closed")
		}
		attribute, value, err := r.attribute()
		if err != nil {
			return err
		}
		if attribute == "" {
			continue // a namespace is declared
		}
		for _, m := range own {
			if m.Name == attribute {
				return r.fail("an attribute is there twice")
			}
		}
		if len(own) >= 100 {
			return r.fail("an element has 100 attributes at most")
		}
		own = append(own, fhir.S(attribute, value))
	}
}

func (r *xmlReader) attribute() (name, value string, err error) {
	declares := strings.HasPrefix(r.text[r.pos:], "xmlns")
	name = r.name()
	r.blanks()
	if name == "" || !r.take("=") {
		return "", "", r.fail("an attribute is missing")
	}
	r.blanks()
	quote := r.text[r.pos:min(r.pos+1, len(r.text))]
	if quote != `"` && quote != "'" {
		return "", "", r.fail("a quote is missing")
	}
	r.pos++
	end := strings.Index(r.text[r.pos:], quote)
	if end < 0 {
		return "", "", r.fail("the quote is not closed")
	}
	raw := r.text[r.pos : r.pos+end]
	if strings.Contains(raw, "<") {
		return "", "", r.fail("< stands in an attribute")
	}
	value, err = r.unescape(raw)
	r.pos += end + 1
	if declares {
		return "", "", err
	}
	return "@" + name, strings.TrimSpace(value), err
}

// name reads a name without its prefix, "" when none is next.
func (r *xmlReader) name() string {
	begin := r.pos
	for r.pos < len(r.text) && strings.IndexByte(" \t\r\n/><='\"&", r.text[r.pos]) < 0 {
		r.pos++
	}
	name := r.text[begin:r.pos]
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	return name
}

func (r *xmlReader) blanks() bool {
	begin := r.pos
	for r.pos < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.pos]) >= 0 {
		r.pos++
	}
	return r.pos > begin
}

func (r *xmlReader) take(word string) bool {
	if strings.HasPrefix(r.text[r.pos:], word) {
		r.pos += len(word)
		return true
	}
	return false
}

// over steps behind the end of a comment or the like.
func (r *xmlReader) over(end string) error {
	at := strings.Index(r.text[r.pos:], end)
	if at < 0 {
		return r.fail("%s is missing", end)
	}
	r.pos += at + len(end)
	return nil
}

// entities that every document has (XML 1.0, 4.6).
var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "apos": "'", "quot": `"`}

func (r *xmlReader) unescape(text string) (string, error) {
	if strings.IndexByte(text, '&') < 0 {
		return text, nil
	}
	var b strings.Builder
	for text != "" {
		before, after, found := strings.Cut(text, "&")
		b.WriteString(before)
		if !found {
			break
		}
		name, rest, closed := strings.Cut(after, ";")
		if !closed || len(name) > 8 {
			return "", r.fail("an & begins no entity")
		}
		if digits, numeric := strings.CutPrefix(name, "#"); numeric {
			base := 10
			if hex, ok := strings.CutPrefix(digits, "x"); ok {
				digits, base = hex, 16
			}
			n, err := strconv.ParseUint(digits, base, 21)
			if err != nil || !utf8.ValidRune(rune(n)) || n < 32 && n != 9 && n != 10 && n != 13 {
				return "", r.fail("a character reference means no character")
			}
			b.WriteRune(rune(n))
		} else if value, ok := entities[name]; ok {
			b.WriteString(value)
		} else {
			return "", r.fail("only the five entities of XML are known")
		}
		text = rest
	}
	return b.String(), nil
}
