package xml

import (
	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// content reads the element whose start tag is the current token, up to its end
// tag. depth is that of the JSON value around it.
func (r *reader) content(def *definition.Element, typ *definition.Type, depth int) (it item, err error) {
	how, owner := r.shape(def, typ)
	switch how {
	case primitiveShape:
		return r.primitive(typ, owner, depth)
	case xhtmlShape:
		div, err := r.xhtml()
		if err != nil {
			return item{}, err
		}
		return item{value: fhir.NewString(div)}, nil
	case resourceShape:
		it.value, err = r.inner(depth)
		return it, err
	case complexShape:
		at, mark := r.at, len(r.kids)
		if depth+1 > maxDepth {
			return item{}, r.tooDeep()
		}
		r.attributes(owner)
		if err := r.children(owner, depth+1); err != nil {
			return item{}, err
		}
		if len(r.kids) == mark {
			r.note(true, fhir.CodeStructure, at, "", "an element must have content")
		}
		return item{value: fhir.NewObject(r.take(mark)...)}, nil
	}
	r.note(false, fhir.CodeStructure, r.at, "", "the type of this element is not known to the definitions")
	return item{}, r.skip()
}

// attributes reads those of a complex element: the ones its definition has.
func (r *reader) attributes(owner *definition.Element) {
	for i := range r.attrs {
		a := &r.attrs[i]
		if r.ignored(a) {
			continue
		}
		var def *definition.Element
		if a.name.space == "" {
			def, _ = owner.Child(a.name.local)
		}
		if def == nil || !isAttribute(def) {
			r.note(false, fhir.CodeStructure, a.at, "", "attribute %q is not known here", clip(a.name.local))
			continue
		}
		if isBlank(a.value) {
			r.note(true, fhir.CodeValue, a.at, def.Name, "an attribute must not be empty")
		}
		r.kids = append(r.kids, fhir.S(a.name.local, a.value))
	}
}

// primitive reads a value attribute, and id and extensions beside it.
func (r *reader) primitive(typ *definition.Type, owner *definition.Element, depth int) (it item, err error) {
	at, mark := r.at, len(r.kids)
	for i := range r.attrs {
		a := &r.attrs[i]
		switch {
		case r.ignored(a):
		case a.name.space == "" && a.name.local == "value":
			var ok bool
			if it.value, ok = primitive(typ.Code, a.value); !ok {
				r.note(true, fhir.CodeValue, a.at, "", "%q is no %s", clip(a.value), typ.Code)
			} else if isBlank(a.value) {
				r.note(true, fhir.CodeValue, a.at, "", "an attribute must not be empty")
			}
		case a.name.space == "" && a.name.local == "id":
			r.kids = append(r.kids, fhir.S("id", a.value))
			if isBlank(a.value) {
				r.note(true, fhir.CodeValue, a.at, "", "an attribute must not be empty")
			}
		default:
			r.note(false, fhir.CodeStructure, a.at, "", "attribute %q is not known here", clip(a.name.local))
		}
	}
	if err := r.children(owner, depth+1); err != nil {
		return item{}, err
	}
	switch kids := r.take(mark); {
	case len(kids) > 0 && depth+1 > maxDepth:
		return item{}, r.tooDeep()
	case len(kids) > 0:
		it.shadow = fhir.NewObject(kids...)
	case it.value == nil:
		r.note(true, fhir.CodeStructure, at, "", "an element must have a value or an extension")
		it.shadow = fhir.NewObject()
	}
	return it, nil
}

// inner reads the one resource inside contained, Bundle.entry.resource or
// Parameters.parameter.resource (R4 xml §2.6.1.4). Without one it is {}.
func (r *reader) inner(depth int) (*fhir.Element, error) {
	at := r.at
	for i := range r.attrs {
		if a := &r.attrs[i]; !r.ignored(a) {
			r.note(false, fhir.CodeStructure, a.at, "", "attribute %q is not known here", clip(a.name.local))
		}
	}
	var found *fhir.Element
	for {
		if err := r.next(); err != nil {
			return nil, err
		}
		switch r.kind {
		case endTag:
			if found == nil {
				r.note(true, fhir.CodeStructure, at, "", "a resource is missing here")
				found = fhir.NewObject()
			}
			return found, nil
		case text:
			if !r.blank {
				r.note(false, fhir.CodeStructure, r.at, "", "text is not allowed here")
			}
			continue
		}
		switch {
		case r.name.space != nsFHIR || r.resource(r.name.local) == nil:
			r.note(false, fhir.CodeStructure, r.at, "", "%q is no resource type of R4", clip(r.name.local))
		case found != nil:
			r.note(false, fhir.CodeStructure, r.at, "", "only one resource is allowed here")
		default:
			var err error
			if found, err = r.readResource(depth); err != nil {
				return nil, err
			}
			continue
		}
		if err := r.skip(); err != nil {
			return nil, err
		}
	}
}
