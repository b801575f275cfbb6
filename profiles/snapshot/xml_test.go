package snapshot_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// readXML reads a resource in FHIR XML, as far as the test cases need it.
func readXML(data []byte, types definition.Structures) (*fhir.Resource, error) {
	x := &xmlReader{in: xml.NewDecoder(bytes.NewReader(data)), types: types}
	for {
		token, err := x.in.Token()
		if err != nil {
			return nil, err
		}
		if start, ok := token.(xml.StartElement); ok {
			root, err := x.resource(start)
			if err != nil {
				return nil, err
			}
			return fhir.AsResource(root)
		}
	}
}

type xmlReader struct {
	in    *xml.Decoder
	types definition.Structures
}

func (x *xmlReader) resource(start xml.StartElement) (*fhir.Element, error) {
	st, err := x.types.Structure(start.Name.Local)
	if err != nil {
		return nil, err
	}
	e := fhir.NewObject(fhir.S("resourceType", start.Name.Local))
	return e, x.children(start, e, st.Root())
}

// children reads up to the end of start; primitives come in pairs: value and rest.
func (x *xmlReader) children(start xml.StartElement, into *fhir.Element, def *definition.Element) error {
	for _, a := range start.Attr {
		if a.Name.Local == "id" || a.Name.Local == "url" {
			into.Set(a.Name.Local, fhir.NewString(a.Value))
		}
	}
	for {
		token, err := x.in.Token()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if err := x.child(token, into, def); err != nil {
				return err
			}
		}
	}
}

func (x *xmlReader) child(start xml.StartElement, into *fhir.Element, parent *definition.Element) error {
	name := start.Name.Local
	if name == "div" {
		return x.in.Skip()
	}
	def, typ := parent.Child(name)
	if def == nil {
		return fmt.Errorf("%s has no %s", parent.Path, name)
	}
	code := ""
	if typ != nil {
		code = typ.Code
	}
	walk := def
	if len(def.Children) == 0 && def.Content == nil && code != "Resource" {
		st, err := x.types.Structure(code)
		if err != nil {
			return err
		}
		walk = st.Root()
		if st.Kind == definition.Primitive {
			return x.primitive(start, into, def, walk, code)
		}
	}
	value := fhir.NewObject()
	if code == "Resource" {
		for {
			token, err := x.in.Token()
			if err == io.EOF {
				return err
			}
			if inner, ok := token.(xml.StartElement); ok {
				if value, err = x.resource(inner); err != nil {
					return err
				}
			} else if _, ok := token.(xml.EndElement); ok {
				break
			}
		}
	} else if err := x.children(start, value, walk); err != nil {
		return err
	}
	put(into, name, value, def.Repeats())
	return nil
}

func (x *xmlReader) primitive(start xml.StartElement, into *fhir.Element, def, walk *definition.Element, code string) error {
	var value *fhir.Element
	for _, a := range start.Attr {
		if a.Name.Local != "value" {
			continue
		}
		switch code {
		case "boolean", "integer", "unsignedInt", "positiveInt", "decimal":
			parsed, err := fhir.ParseElement([]byte(strings.TrimSpace(a.Value)))
			if err != nil {
				return err
			}
			value = parsed
		default:
			value = fhir.NewString(a.Value)
		}
	}
	rest := fhir.NewObject()
	if err := x.children(start, rest, walk); err != nil {
		return err
	}
	if value != nil {
		put(into, start.Name.Local, value, def.Repeats())
	}
	if rest.Len() > 0 && !def.Repeats() {
		into.Set("_"+start.Name.Local, rest)
	}
	return nil
}

func put(into *fhir.Element, name string, value *fhir.Element, repeats bool) {
	if !repeats {
		into.Set(name, value)
		return
	}
	list := into.Get(name)
	if list == nil {
		list = fhir.NewArray()
		into.Set(name, list)
	}
	list.Append(value)
}
