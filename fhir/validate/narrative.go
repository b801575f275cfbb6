package validate

import (
	"strings"

	"vitalwire/fhir"
)

// narrative checks the XHTML of a Narrative.div: txt-1 and txt-2 of R4, and
// that it is well formed and holds nothing active (R4 narrative §2.4.1).
func (r *run) narrative(text string) {
	res := checkXHTML(text)
	if res.wrong != "" {
		r.err(fhir.CodeInvariant, "txt-1: %s", res.wrong)
	}
	if res.empty && res.wrong == "" {
		r.err(fhir.CodeInvariant, "txt-2: the narrative has neither text nor an image")
	}
}

type xhtmlResult struct {
	wrong string
	empty bool
}

// xhtmlElements are those of XHTML 1.0 chapters 7 to 11 without forms, and 15,
// that R4 narrative allows.
const xhtmlElements = " p br div h1 h2 h3 h4 h5 h6 a b em i strong small big tt dfn code var abbr acronym cite " +
	"blockquote q hr address bdo kbd samp span sub sup ul ol li dl dt dd pre table caption colgroup col thead tr " +
	"tfoot tbody th td img map area s u strike del ins center font figure figcaption details summary " // tolerated by common practice up to center

// xhtmlForbidden are elements of the list above that R4 does not allow after all.
const xhtmlForbidden = " s u strike center font figure figcaption details summary del ins "

const xhtmlAttributes = " title style class id lang xml:lang xml:space dir accesskey tabindex align valign char charoff abbr " +
	"axis headers scope rowspan colspan span width height href name rel rev hreflang type charset src alt longdesc border " +
	"usemap ismap cite summary frame rules cellspacing cellpadding compact start value nowrap noshade size clear shape " +
	"coords nohref xmlns bgcolor target idref "

const maxXHTMLDepth = 256

// checkXHTML reads a narrative once. What is wrong never repeats the text.
func checkXHTML(s string) (res xhtmlResult) {
	res.empty = true
	fail := func(what string) xhtmlResult {
		res.wrong = what
		return res
	}
	t := strings.TrimSpace(s)
	if !strings.HasPrefix(t, "<div") {
		return fail("the narrative is one XHTML div")
	}
	var open []string
	for i := 0; i < len(t); {
		if t[i] != '<' {
			end := strings.IndexByte(t[i:], '<')
			if end < 0 {
				end = len(t) - i
			}
			text := t[i : i+end]
			if len(open) == 0 {
				return fail("there is text outside of the div")
			}
			if name := badEntity(text); name != "" {
				return fail("the entity " + clip(name) + " is not one of XML; write the character itself")
			}
			if res.empty && strings.TrimSpace(text) != "" {
				res.empty = false
			}
			i += end
			continue
		}
		rest := t[i:]
		switch {
		case strings.HasPrefix(rest, "<!--"):
			end := strings.Index(rest, "-->")
			if end < 0 {
				return fail("a comment is not closed")
			}
			i += end + 3
			continue
		case strings.HasPrefix(rest, "<![CDATA["):
			end := strings.Index(rest, "]]>")
			if end < 0 || len(open) == 0 {
				return fail("a CDATA section is not closed")
			}
			res.empty = res.empty && strings.TrimSpace(rest[9:end]) == ""
			i += end + 3
			continue
		case strings.HasPrefix(rest, "<!"), strings.HasPrefix(rest, "<?"):
			return fail("declarations and processing instructions are not allowed in a narrative")
		}
		tag, n, wrong := readTag(rest)
		if wrong != "" {
			return fail(wrong)
		}
		i += n
		if tag.closing {
			if len(open) == 0 || open[len(open)-1] != tag.name {
				return fail("the closing tag </" + clip(tag.name) + "> closes nothing that is open")
			}
			open = open[:len(open)-1]
			if len(open) == 0 && i < len(t) {
				return fail("there is something behind the div")
			}
			continue
		}
		if len(open) == 0 && (tag.name != "div" || i != n) {
			return fail("the narrative is one XHTML div")
		}
		if !allowedIn(xhtmlElements, tag.name) || allowedIn(xhtmlForbidden, tag.name) {
			return fail("the element <" + clip(tag.name) + "> is not allowed in a narrative")
		}
		if len(open) == 0 && tag.xmlns != "http://www.w3.org/1999/xhtml" {
			return fail(`the div has the namespace http://www.w3.org/1999/xhtml`)
		}
		if tag.name == "img" {
			res.empty = false
		}
		if !tag.single {
			if len(open) >= maxXHTMLDepth {
				return fail("the narrative nests too deep")
			}
			open = append(open, tag.name)
		} else if len(open) == 0 && i < len(t) {
			return fail("there is something behind the div")
		}
	}
	if len(open) > 0 {
		return fail("the element <" + clip(open[len(open)-1]) + "> is not closed")
	}
	return res
}

func allowedIn(list, name string) bool {
	if name == "" || strings.ContainsRune(name, ' ') {
		return false
	}
	i := strings.Index(list, " "+name+" ")
	return i >= 0
}

type xhtmlTag struct {
	name            string
	closing, single bool
	xmlns           string
}

func nameEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', isDigit(c), c == ':', c == '-', c == '_':
		default:
			return i
		}
	}
	return len(s)
}

// readTag reads a tag at the beginning of s and how long it is.
func readTag(s string) (tag xhtmlTag, n int, wrong string) {
	i := 1
	if i < len(s) && s[i] == '/' {
		tag.closing = true
		i++
	}
	e := nameEnd(s[i:])
	if e == 0 {
		return tag, 0, "a < that begins no tag must be written as &lt;"
	}
	tag.name = s[i : i+e]
	i += e
	for {
		before := i
		for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
			i++
		}
		if i >= len(s) {
			return tag, 0, "a tag is not closed"
		}
		if s[i] == '>' {
			return tag, i + 1, ""
		}
		if s[i] == '/' && i+1 < len(s) && s[i+1] == '>' && !tag.closing {
			tag.single = true
			return tag, i + 2, ""
		}
		e := nameEnd(s[i:])
		if e == 0 || tag.closing || i == before {
			return tag, 0, "the tag <" + clip(tag.name) + "> is not well formed"
		}
		name := s[i : i+e]
		i += e
		for i < len(s) && s[i] == ' ' {
			i++
		}
		if i >= len(s) || s[i] != '=' {
			return tag, 0, "the attribute " + clip(name) + " has no value"
		}
		i++
		for i < len(s) && s[i] == ' ' {
			i++
		}
		if i >= len(s) || s[i] != '"' && s[i] != '\'' {
			return tag, 0, "the value of the attribute " + clip(name) + " is not in quotes"
		}
		end := strings.IndexByte(s[i+1:], s[i])
		if end < 0 {
			return tag, 0, "the value of the attribute " + clip(name) + " is not closed"
		}
		value := s[i+1 : i+1+end]
		i += end + 2
		if wrong := checkAttribute(&tag, name, value); wrong != "" {
			return tag, 0, wrong
		}
	}
}

func checkAttribute(tag *xhtmlTag, name, value string) string {
	if strings.IndexByte(value, '<') >= 0 {
		return "a < in an attribute must be written as &lt;"
	}
	if e := badEntity(value); e != "" {
		return "the entity " + clip(e) + " is not one of XML; write the character itself"
	}
	switch {
	case name == "xmlns":
		tag.xmlns = value
		return ""
	case strings.HasPrefix(name, "xmlns:"):
		return ""
	case strings.HasPrefix(name, "on") || !allowedIn(xhtmlAttributes, name):
		return "the attribute " + clip(name) + " is not allowed in a narrative"
	}
	if name == "href" || name == "src" {
		v := strings.ToLower(strings.TrimSpace(value))
		if strings.HasPrefix(v, "javascript:") || strings.HasPrefix(v, "vbscript:") || name == "href" && strings.HasPrefix(v, "data:") {
			return "a link in a narrative must not run anything"
		}
	}
	return ""
}

// badEntity is the first entity of a text that XML and R4's narrative do not
// define, "" when there is none.
func badEntity(s string) string {
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			return ""
		}
		s = s[i:]
		end := strings.IndexByte(s, ';')
		if end < 2 || end > 32 {
			return "&"
		}
		name := s[1:end]
		switch {
		case name == "amp", name == "lt", name == "gt", name == "quot", name == "apos":
		case name[0] == '#':
			digits, hex := name[1:], false
			if digits != "" && digits[0] == 'x' {
				digits, hex = digits[1:], true
			}
			if digits == "" {
				return s[:end+1]
			}
			for _, c := range []byte(digits) {
				if !isDigit(c) && !(hex && (c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F')) {
					return s[:end+1]
				}
			}
		default:
			return s[:end+1]
		}
		s = s[end+1:]
	}
}
