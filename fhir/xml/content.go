package xml

import (
	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// content reads the element whose start tag is the current token. For a
// primitive it gives the value and, apart, its id and extensions. depth is that
// of the JSON value around it.
func (r *reader) content(def *definition.Element, typ *definition.Type, f *frame, depth int) (value, shadow *fhir.Element, err error) {
	how, owner := r.shape(def, typ)
	switch how {
	case primitiveShape:
		return r.primitive(typ, owner, f, depth)
	case xhtmlShape:
		div, err := r.xhtml()
		if err != nil {
			return nil, nil, err
		}
		return fhir.NewString(div), nil, nil
	case resourceShape:
		value, err = r.inner(f, depth)
		return value, nil, err
	case complexShape:
		at := r.at
		if depth+1 > maxDepth {
			return nil, nil, r.tooDeep(f)
		}
		kids, err := r.children(r.attributes(owner, f), owner, f, depth+1)
		if err != nil {
			return nil, nil, err
		}
		if len(kids) == 0 {
			r.note(true, fhir.CodeStructure, at, f, "an element must have content")
		}
		return fhir.NewObject(kids...), nil, nil
	}
	r.note(false, fhir.CodeStructure, r.at, f, "the type of this element is not known to the definitions")
	return nil, nil, r.skip()
}

// attributes reads those of a complex element: the ones its definition has.
func (r *reader) attributes(owner *definition.Element, f *frame) []fhir.Member {
	var kids []fhir.Member
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
			r.note(false, fhir.CodeStructure, a.at, f, "attribute %q is not known here", clip(a.name.local))
			continue
		}
		if isBlank(a.value) {
			r.note(true, fhir.CodeValue, a.at, &frame{f, def.Name, -1}, "an attribute must not be empty")
		}
		kids = append(kids, fhir.S(a.name.local, a.value))
	}
	return kids
}

// primitive reads a value attribute, and id and extensions beside it.
func (r *reader) primitive(typ *definition.Type, owner *definition.Element, f *frame, depth int) (value, shadow *fhir.Element, err error) {
	at := r.at
	var kids []fhir.Member
	for i := range r.attrs {
		a := &r.attrs[i]
		switch {
		case r.ignored(a):
		case a.name.space == "" && a.name.local == "value":
			var ok bool
			if value, ok = primitive(typ.Code, a.value); !ok {
				r.note(true, fhir.CodeValue, a.at, f, "%q is no %s", clip(a.value), typ.Code)
			} else if isBlank(a.value) {
				r.note(true, fhir.CodeValue, a.at, f, "an attribute must not be empty")
			}
		case a.name.space == "" && a.name.local == "id":
			kids = append(kids, fhir.S("id", a.value))
			if isBlank(a.value) {
				r.note(true, fhir.CodeValue, a.at, f, "an attribute must not be empty")
			}
		default:
			r.note(false, fhir.CodeStructure, a.at, f, "attribute %q is not known here", clip(a.name.local))
		}
	}
	if kids, err = r.children(kids, owner, f, depth+1); err != nil {
		return nil, nil, err
	}
	switch {
	case len(kids) > 0 && depth+1 > maxDepth:
		return nil, nil, r.tooDeep(f)
	case len(kids) > 0:
		shadow = fhir.NewObject(kids...)
	case value == nil:
		r.note(true, fhir.CodeStructure, at, f, "an element must have a value or an extension")
		shadow = fhir.NewObject()
	}
	return value, shadow, nil
}

// inner reads the one resource inside contained, Bundle.entry.resource or
// Parameters.parameter.resource (R4 xml §2.6.1.4). Without one it is {}.
func (r *reader) inner(f *frame, depth int) (*fhir.Element, error) {
	at := r.at
	for i := range r.attrs {
		if a := &r.attrs[i]; !r.ignored(a) {
			r.note(false, fhir.CodeStructure, a.at, f, "attribute %q is not known here", clip(a.name.local))
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
				r.note(true, fhir.CodeStructure, at, f, "a resource is missing here")
				found = fhir.NewObject()
			}
			return found, nil
		case text:
			if !r.blank {
				r.note(false, fhir.CodeStructure, r.at, f, "text is not allowed here")
			}
			continue
		}
		switch {
		case r.name.space != nsFHIR || r.resource(r.name.local) == nil:
			r.note(false, fhir.CodeStructure, r.at, f, "%q is no resource type of R4", clip(r.name.local))
		case found != nil:
			r.note(false, fhir.CodeStructure, r.at, f, "only one resource is allowed here")
		default:
			var err error
			if found, err = r.readResource(f, depth); err != nil {
				return nil, err
			}
			continue
		}
		if err := r.skip(); err != nil {
			return nil, err
		}
	}
}
