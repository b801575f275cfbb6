package biceps

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"vitalwire/adapters"
)

// Namespaces of the messages (IEEE 11073-10207 annex, 20701, SDPi).
const (
	base   = "http://standards.ieee.org/downloads/11073/11073-10207-2017/"
	pm     = base + "participant"
	msg    = base + "message"
	ext    = base + "extension"
	sdpi   = "urn:oid:1.3.6.1.4.1.19376.1.6.2.10.1.1.1"
	soap12 = "http://www.w3.org/2003/05/soap-envelope"
	xsi    = "http://www.w3.org/2001/XMLSchema-instance"
)

// understood are the namespaces whose elements a sender may demand to be understood.
var understood = map[string]bool{
	pm: true, msg: true, ext: true, sdpi: true, soap12: true,
	"http://www.w3.org/2005/08/addressing":                        true,
	"http://schemas.xmlsoap.org/ws/2004/08/eventing":              true,
	"http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01":            true,
	"http://standards.ieee.org/downloads/11073/11073-20702-201x/": true,
}

// Bounds of a document. The MDIB of a large monitor has some 3000 elements.
const (
	maxElements = 40_000
	maxDepth    = 40
	maxScopes   = 200 // namespace declarations that hold at one place
	maxHandle   = 200 // bytes
	maxSystems  = 50
	maxParts    = 5000 // descriptors
)

// element is one element, with the children that are of a known namespace.
type element struct {
	space, name       string
	kind              string // local name of xsi:type, if that is of the participant model
	attrs             []xml.Attr
	text              string
	first, last, next *element
	offset            int
	// foreign is set when an extension of it must be understood and is not: it may not
	// be used then (IEEE 11073-10207, extension point).
	foreign bool
}

func refuse(e *element, format string, args ...any) error {
	return &adapters.Error{Offset: e.offset, Reason: e.name + ": " + fmt.Sprintf(format, args...), Unprocessable: true}
}

// scope is a namespace declaration.
type scope struct {
	prefix, space string
	depth         int
}

// parse reads a document (XML 1.0 with namespaces). A document type, and with it every
// entity beyond the five of XML, is refused.
func parse(frame []byte) (*element, error) {
	p := parser{xml: xml.NewDecoder(bytes.NewReader(frame)), size: len(frame)}
	var root *element
	for {
		p.at = int(p.xml.InputOffset())
		token, err := p.xml.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, p.syntax(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if root != nil {
				return nil, p.refuse("a document has one root")
			}
			if root, err = p.element(token, 1); err != nil {
				return nil, err
			}
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return nil, p.refuse("there is text outside the root")
			}
		case xml.Directive:
			return nil, p.refuse("a document type is not read")
		}
	}
	if root == nil {
		return nil, p.refuse("there is no document")
	}
	return root, nil
}

type parser struct {
	xml      *xml.Decoder
	scopes   []scope
	elements int
	at, size int
}

func (p *parser) refuse(reason string) error {
	return &adapters.Error{Offset: min(p.at, p.size), Reason: reason}
}

func (p *parser) syntax(err error) error {
	var wrong *xml.SyntaxError
	if errors.As(err, &wrong) {
		return p.refuse(fmt.Sprintf("this is no XML: line %d: %s", wrong.Line, short(wrong.Msg)))
	}
	return p.refuse("this is no XML that is read: " + short(err.Error()))
}

// element reads an element up to its end. What is of an unknown namespace is passed over,
// but for whether it had to be understood.
func (p *parser) element(start xml.StartElement, depth int) (*element, error) {
	e := &element{space: start.Name.Space, name: start.Name.Local, attrs: start.Attr, offset: p.at}
	if p.elements++; p.elements > maxElements || depth > maxDepth {
		return nil, p.refuse("more elements, or deeper ones, than a device has")
	}
	outer := len(p.scopes)
	if err := p.declare(start.Attr, depth); err != nil {
		return nil, err
	}
	if e.space != "" && !p.declared(e.space) {
		return nil, p.refuse("the prefix " + short(e.space) + " is not declared")
	}
	if err := p.typed(e); err != nil {
		return nil, err
	}
	var text strings.Builder
	for {
		p.at = int(p.xml.InputOffset())
		token, err := p.xml.Token()
		if err != nil {
			return nil, p.syntax(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			child, err := p.element(token, depth+1)
			if err != nil {
				return nil, err
			}
			e.adopt(child)
		case xml.CharData:
			text.Write(token)
		case xml.Directive:
			return nil, p.refuse("a document type is not read")
		case xml.EndElement:
			e.text = strings.TrimSpace(text.String())
			p.scopes = p.scopes[:outer]
			return e, nil
		}
	}
}

// adopt takes a child in. One that is not understood leaves its mark on the element that
// its extension point is of.
func (e *element) adopt(child *element) {
	if e.space == ext && e.name == "Extension" {
		must := child.attr(ext, "MustUnderstand")
		e.foreign = e.foreign || (must == "true" || must == "1") && !extensions[child.space+" "+child.name]
	}
	if child.space == ext && child.name == "Extension" && child.foreign {
		e.foreign = true
	}
	if e.space == soap12 && e.name == "Header" && !understood[child.space] {
		must := child.attr(soap12, "mustUnderstand")
		e.foreign = e.foreign || must == "true" || must == "1"
	}
	if !understood[child.space] {
		return
	}
	if e.first == nil {
		e.first = child
	} else {
		e.last.next = child
	}
	e.last = child
}

// extensions are those that are understood here.
var extensions = map[string]bool{
	sdpi + " EpochSupport": true, sdpi + " Epochs": true, sdpi + " MetricEpoch": true,
	sdpi + " Relations": true, sdpi + " EquipmentIdentifier": true, sdpi + " CodedAttributes": true, sdpi + " Gender": true,
}

// declare takes the element's namespace declarations; no attribute may be there twice.
func (p *parser) declare(attrs []xml.Attr, depth int) error {
	for i, a := range attrs {
		for _, b := range attrs[:i] {
			if a.Name == b.Name {
				return p.refuse("an attribute is there twice")
			}
		}
		if i >= 100 {
			return p.refuse("an element has 100 attributes at most")
		}
		switch {
		case a.Name.Space == "xmlns":
			p.scopes = append(p.scopes, scope{a.Name.Local, a.Value, depth})
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			p.scopes = append(p.scopes, scope{"", a.Value, depth})
		}
	}
	if len(p.scopes) > maxScopes {
		return p.refuse("too many namespaces are declared")
	}
	return nil
}

func (p *parser) declared(space string) bool {
	for _, s := range p.scopes {
		if s.space == space {
			return true
		}
	}
	return space == "http://www.w3.org/XML/1998/namespace"
}

// typed reads xsi:type, whose value is a name with a prefix of its own.
func (p *parser) typed(e *element) error {
	value := strings.TrimSpace(e.attr(xsi, "type"))
	if value == "" {
		return nil
	}
	prefix, local, found := strings.Cut(value, ":")
	if !found {
		prefix, local = "", value
	}
	for i := len(p.scopes) - 1; i >= 0; i-- {
		if p.scopes[i].prefix == prefix {
			if p.scopes[i].space == pm {
				e.kind = local
			}
			return nil
		}
	}
	if prefix != "" {
		return p.refuse("the prefix of an xsi:type is not declared")
	}
	return nil
}

// attr is an attribute's value, "" for none. Attributes of the messages have no namespace.
func (e *element) attr(space, name string) string {
	for _, a := range e.attrs {
		if a.Name.Local == name && a.Name.Space == space {
			return a.Value
		}
	}
	return ""
}

// get is an attribute without a namespace, trimmed.
func (e *element) get(name string) string { return clean(e.attr("", name)) }

// children are the elements in it, in order.
func (e *element) children() iter.Seq[*element] {
	return func(yield func(*element) bool) {
		if e == nil {
			return
		}
		for c := e.first; c != nil; c = c.next {
			if !yield(c) {
				return
			}
		}
	}
}

// child is the first child of a name, nil for none.
func (e *element) child(space, name string) *element {
	for c := range e.children() {
		if c.space == space && c.name == name {
			return c
		}
	}
	return nil
}

// pm is the first child of the participant model of a name, nil for none.
func (e *element) pm(name string) *element { return e.child(pm, name) }

// extension is an extension of the SDPi supplement.
func (e *element) extension(name string) *element {
	for c := range e.children() {
		if c.space == ext && c.name == "Extension" {
			if found := c.child(sdpi, name); found != nil {
				return found
			}
		}
	}
	return nil
}

// words is the text of a child of the participant model, "" for none.
func (e *element) words(name string) string {
	if c := e.pm(name); c != nil {
		return clean(c.text)
	}
	return ""
}

// clean takes away blanks, and the marks that are not seen and that copied codes bring
// along, at both ends.
func clean(text string) string {
	return strings.TrimFunc(text, func(r rune) bool {
		return r <= ' ' || r == 0x00A0 || r >= 0x200B && r <= 0x200F || r >= 0x202A && r <= 0x202E || r == 0x2060 || r == 0xFEFF
	})
}
