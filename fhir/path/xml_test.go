package path_test

import (
	"encoding/xml"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// xmlNode is an element of FHIR XML, enough to read the inputs of the suite.
type xmlNode struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Inner   string     `xml:",innerxml"`
	Nodes   []xmlNode  `xml:",any"`
}

func (n *xmlNode) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// xmlResource turns FHIR XML into the JSON tree.
func xmlResource(p *corePackage, data []byte) (*fhir.Resource, error) {
	var n xmlNode
	if err := xml.Unmarshal(data, &n); err != nil {
		return nil, err
	}
	el, err := xmlToElement(p, &n)
	if err != nil {
		return nil, err
	}
	return fhir.AsResource(el)
}

func xmlToElement(p *corePackage, n *xmlNode) (*fhir.Element, error) {
	s, err := p.Structure(n.XMLName.Local)
	if err != nil {
		return nil, err
	}
	out := fhir.NewObject(fhir.S("resourceType", n.XMLName.Local))
	return out, xmlChildren(p, n, s.Root(), out)
}

func xmlChildren(p *corePackage, n *xmlNode, def *definition.Element, out *fhir.Element) error {
	for _, name := range []string{"id", "url"} {
		if v := n.attr(name); v != "" {
			out.Set(name, fhir.NewString(v))
		}
	}
	for i := range n.Nodes {
		c := &n.Nodes[i]
		name := c.XMLName.Local
		child, typ := def.Child(name)
		if child == nil {
			continue
		}
		value, extra, err := xmlValue(p, c, child, typ)
		if err != nil {
			return err
		}
		for key, v := range map[string]*fhir.Element{name: value, "_" + name: extra} {
			switch {
			case !child.Repeats():
				if v != nil {
					out.Set(key, v)
				}
			case out.Get(key) != nil || v != nil:
				list := out.Get(key)
				if list == nil {
					list = fhir.NewArray()
					out.Set(key, list)
				}
				other := out.Get(name).Len()
				if key == name {
					other = out.Get("_" + name).Len()
				}
				for list.Len() < other-1 {
					list.Append(fhir.NewNull())
				}
				if v == nil {
					v = fhir.NewNull()
				}
				list.Append(v)
			}
		}
	}
	return nil
}

func xmlValue(p *corePackage, n *xmlNode, child *definition.Element, typ *definition.Type) (value, extra *fhir.Element, err error) {
	if n.XMLName.Local == "div" {
		return fhir.NewString(`<div xmlns="http://www.w3.org/1999/xhtml">` + n.Inner + "</div>"), nil, nil
	}
	code := ""
	if typ != nil {
		code = typ.Code
	}
	if code == "Resource" {
		e, err := xmlToElement(p, &n.Nodes[0])
		return e, nil, err
	}
	def := child
	if len(child.Children) == 0 && child.Content == nil {
		s, err := p.Structure(code)
		if err != nil {
			return nil, nil, err
		}
		def = s.Root()
		if s.Kind == definition.Primitive {
			if v := n.attr("value"); v != "" {
				switch code {
				case "boolean":
					value = fhir.NewBool(strings.TrimSpace(v) == "true")
				case "integer", "positiveInt", "unsignedInt", "decimal":
					value = fhir.NewNumber(v)
				default:
					value = fhir.NewString(v)
				}
			}
			if n.attr("id") != "" || len(n.Nodes) > 0 {
				extra = fhir.NewObject()
				err = xmlChildren(p, n, def, extra)
			}
			return value, extra, err
		}
	}
	out := fhir.NewObject()
	return out, nil, xmlChildren(p, n, def, out)
}
