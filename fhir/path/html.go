package path

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
)

// safeHTML is the htmlChecks() of R4 narrative (txt-1, txt-2): one div in the XHTML
// namespace, basic formatting only, nothing active, and some content.
func safeHTML(div string) bool {
	d := xml.NewDecoder(strings.NewReader(div))
	d.Entity = xml.HTMLEntity
	depth, content := 0, false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return content && depth == 0
		}
		if err != nil {
			return false
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 && (content || t.Name.Local != "div") || t.Name.Space != "http://www.w3.org/1999/xhtml" || !slices.Contains(htmlElements(), t.Name.Local) {
				return false
			}
			if !safeAttributes(t) {
				return false
			}
			content = content || t.Name.Local == "img"
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			blank := strings.TrimSpace(string(t)) == ""
			if depth == 0 && !blank {
				return false
			}
			content = content || !blank
		case xml.ProcInst, xml.Directive:
			return false
		}
	}
}

func htmlElements() []string {
	return []string{
		"a", "abbr", "acronym", "b", "big", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "dfn",
		"div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "q", "samp",
		"small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "ul", "var",
	}
}

func safeAttributes(t xml.StartElement) bool {
	for _, a := range t.Attr {
		name, value := a.Name.Local, strings.ToLower(strings.TrimSpace(a.Value))
		switch {
		case a.Name.Space == "xmlns" || name == "xmlns" || a.Name.Space == "xml" || a.Name.Space == "http://www.w3.org/XML/1998/namespace":
		case name == "href" && t.Name.Local == "a", name == "src" && t.Name.Local == "img":
			if strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "vbscript:") {
				return false
			}
		case slices.Contains([]string{
			"title", "style", "class", "id", "lang", "dir", "accesskey", "tabindex", "span", "width", "align", "valign", "char",
			"charoff", "abbr", "axis", "headers", "scope", "rowspan", "colspan", "cellpadding", "cellspacing", "border", "frame",
			"rules", "summary", "alt", "height", "longdesc", "name", "rel", "rev", "charset", "type", "hreflang", "cite", "start",
			"value", "compact", "nowrap", "bgcolor",
		}, name):
		default:
			return false
		}
	}
	return true
}
