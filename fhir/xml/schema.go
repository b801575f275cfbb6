package xml

import (
	"slices"

	"vitalwire/fhir/definition"
)

// schema answers for the structure of elements. It belongs to one call and
// remembers what it asked.
type schema struct {
	src  definition.Structures
	seen map[string]*definition.Structure // by type code; nil for an unknown one
}

func newSchema(src definition.Structures) schema {
	return schema{src: src, seen: make(map[string]*definition.Structure, 16)}
}

// structure is the definition of a type, nil when there is none.
func (c *schema) structure(code string) *definition.Structure {
	s, ok := c.seen[code]
	if !ok {
		s, _ = c.src.Structure(code)
		c.seen[code] = s
	}
	return s
}

// resource is the definition of a concrete resource type, nil for other names.
func (c *schema) resource(typ string) *definition.Structure {
	s := c.structure(typ)
	if s == nil || s.Kind != definition.Resource || s.Abstract || s.Type != typ {
		return nil
	}
	return s
}

// shape is how an element's content is written.
type shape uint8

const (
	complexShape   shape = iota // elements inside
	primitiveShape              // a value attribute, and extensions inside
	xhtmlShape                  // the narrative's div
	resourceShape               // one resource inside
	unknownShape                // of a type that the definitions do not hold
)

// shape tells how e with a value of type t is written, and which element holds
// the definitions of its children.
func (c *schema) shape(e *definition.Element, t *definition.Type) (shape, *definition.Element) {
	switch {
	case e.Content != nil:
		return complexShape, e.Content
	case len(e.Children) > 0:
		return complexShape, e
	case t == nil:
		return unknownShape, nil
	case t.Code == "xhtml":
		return xhtmlShape, nil
	case t.Code == "Resource" || t.Code == "DomainResource":
		return resourceShape, nil
	}
	s := c.structure(t.Code)
	switch {
	case s == nil:
		return unknownShape, nil
	case s.Kind == definition.Primitive:
		return primitiveShape, s.Root()
	case s.Kind == definition.Resource:
		return resourceShape, nil
	}
	return complexShape, s.Root()
}

// isAttribute reports whether XML writes the element as an attribute: the id of
// an element and the url of an extension (R4 xml §2.6.1).
func isAttribute(e *definition.Element) bool {
	return slices.Contains(e.Representation, "xmlAttr")
}
