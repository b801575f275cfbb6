package validate

import (
	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// root validates the outermost resource.
func (r *run) root(el *fhir.Element, profiles []string) {
	r.push(frame{index: -1, el: el, ids: true})
	r.resource(profiles)
	r.pop()
	r.finish()
}

// resource validates the resource at hand, whose frame is on top, against its
// type, its meta.profile and the profiles listed.
func (r *run) resource(profiles []string) {
	el := r.top().el
	if !el.Is(fhir.Object) {
		r.err(fhir.CodeStructure, "a resource is a JSON object")
		return
	}
	kind := el.Get("resourceType")
	if !kind.Is(fhir.String) {
		r.err(fhir.CodeRequired, "resourceType is missing: it names the type of a resource")
		return
	}
	sh := r.v.shape(kind.Text())
	if sh == nil || !sh.resource || sh.abstract {
		r.err(fhir.CodeStructure, "%q is no resource type of R4", clip(kind.Text()))
		return
	}
	r.top().sh = sh
	r.object(sh, el)
	if !r.opts.StructureOnly {
		r.resourceRules(sh, el)
		r.declared(el, profiles)
		if r.opts.VitalSigns && sh.path == "Observation" {
			r.vitalSign(el)
		}
	}
}

// declared validates the resource at hand against meta.profile and the profiles asked for.
func (r *run) declared(el *fhir.Element, profiles []string) {
	for _, canonical := range profiles {
		r.conform(canonical, true)
	}
	list := el.Get("meta").Get("profile")
	for i := range list.Len() {
		if list.At(i).Is(fhir.String) {
			r.conform(list.At(i).Text(), false)
		}
	}
}

// object validates the object at hand against a base shape: its members by
// name, what is required, its invariants.
func (r *run) object(sh *shape, el *fhir.Element) {
	members := el.Members()
	if len(members) == 0 || len(members) == 1 && members[0].Name == "id" && !sh.resource {
		r.err(fhir.CodeInvariant, "ele-1: an element has a value or children; leave it out when it has none")
		return
	}
	var seen mask
	unders := false
	for i := range members {
		if n := members[i].Name; len(n) > 0 && n[0] == '_' {
			unders = true
			break
		}
	}
	for i := range members {
		m := &members[i]
		if sh.resource && m.Name == "resourceType" {
			continue
		}
		f := sh.names.find(m.Name)
		if f == nil {
			r.unknown(sh, m.Name)
			continue
		}
		if f.isUnder {
			r.underOnly(el, f.base, m.Value, &seen)
			continue
		}
		if seen.has(f.slot) {
			r.err(fhir.CodeStructure, "%s is there more than once, with different types; only one is allowed", f.name)
		}
		seen.set(f.slot)
		if f.json == "id" && !sh.resource && sh.path != "ElementDefinition" {
			r.elementID(m.Value)
		}
		var ext *fhir.Element
		if f.kind == isPrimitiveField {
			if unders {
				ext = el.Get(f.under)
			}
			if ext == nil && !f.list && r.plain(f, m.Value) {
				r.step()
				continue
			}
		}
		r.values(f, m.Value, ext)
	}
	if seen[0]&sh.needed[0] != sh.needed[0] || seen[1]&sh.needed[1] != sh.needed[1] {
		for i := range sh.slots {
			if sh.needed.has(i) && !seen.has(i) {
				r.err(fhir.CodeRequired, "%s.%s is missing: at least %d is required", sh.path, sh.slots[i].def.Name+choiceMark(sh.slots[i].def), sh.slots[i].min)
			}
		}
	}
	if sh.check != nil {
		sh.check(r, el)
	}
	if !r.opts.StructureOnly {
		for _, inv := range sh.invs {
			r.invariant(inv)
		}
	}
}

// elementID demands that an element's id is its own in the resource (R4
// element §2.23.0.1).
func (r *run) elementID(id *fhir.Element) {
	if !id.Is(fhir.String) {
		return
	}
	key := idKey{r.stack[r.resourceFrame()].el, id.Text()}
	if _, twice := r.ids[key]; twice {
		r.err(fhir.CodeBusinessRule, "another element of the resource has the same id")
		return
	}
	if r.ids == nil {
		r.ids = make(map[idKey]struct{})
	}
	r.ids[key] = struct{}{}
}

func choiceMark(e *definition.Element) string {
	if e.Choice {
		return "[x]"
	}
	return ""
}

// unknown names a member that the type does not have, and what was perhaps meant.
func (r *run) unknown(sh *shape, name string) {
	severity := fhir.ErrorLevel
	if r.opts.UnknownElements {
		severity = fhir.Warning
	}
	if r.full(severity) {
		return
	}
	if near := nearest(sh, name); near != "" {
		r.issue(severity, fhir.CodeStructure, "%s has no element %q; did you mean %s?", sh.path, clip(name), near)
		return
	}
	r.issue(severity, fhir.CodeStructure, "%s has no element %q", sh.path, clip(name))
}

// underOnly validates a "_name" member that has no member of the name beside it.
func (r *run) underOnly(el *fhir.Element, f *field, ext *fhir.Element, seen *mask) {
	if el.Get(f.json) != nil {
		return // seen with its value
	}
	if seen.has(f.slot) {
		r.err(fhir.CodeStructure, "%s is there more than once, with different types; only one is allowed", f.name)
	}
	seen.set(f.slot)
	r.values(f, nil, ext)
}

// values validates a member: one value or a list, with the "_name" sibling of
// primitives (R4 json §2.6.2.1: an element that may repeat is an array even
// when there is one).
func (r *run) values(f *field, value, ext *fhir.Element) {
	if r.over {
		return
	}
	if !f.list {
		if value.Is(fhir.Array) || ext.Is(fhir.Array) {
			r.push(frame{f: f, index: -1, el: value})
			r.err(fhir.CodeStructure, "%s does not repeat: it must not be a JSON array", f.json)
			r.pop()
			for i := range value.Len() {
				if value.Is(fhir.Array) {
					r.value(f, value.At(i), ext.At(i), -1)
				}
			}
			return
		}
		r.value(f, value, ext, -1)
		return
	}
	if value != nil && !value.Is(fhir.Array) || ext != nil && !ext.Is(fhir.Array) {
		r.push(frame{f: f, index: -1, el: value})
		r.err(fhir.CodeStructure, "%s may repeat: it must be a JSON array even with one value", f.json)
		r.pop()
		if !value.Is(fhir.Array) && !ext.Is(fhir.Array) {
			r.value(f, value, ext, 0)
		}
		return
	}
	n := max(value.Len(), ext.Len())
	if n == 0 {
		r.push(frame{f: f, index: -1, el: value})
		r.err(fhir.CodeStructure, "an array must not be empty; leave %s out when it has no value", f.json)
		r.pop()
		return
	}
	if max := f.def.Max; max > 0 && n > max {
		r.err(fhir.CodeStructure, "%s may be there at most %d times, found %d", f.name, max, n)
	}
	for i := range n {
		r.value(f, value.At(i), ext.At(i), int32(i))
	}
}

// value validates one value of a field.
func (r *run) value(f *field, value, ext *fhir.Element, index int32) {
	if !r.step() || ext == nil && f.kind == isPrimitiveField && r.plain(f, value) {
		return
	}
	fr := r.place(f, index, value, ext)
	switch f.kind {
	case isPrimitiveField:
		r.primitive(f, value, ext)
	case isResource:
		if r.opts.SkipContained && f.name == "contained" {
			break
		}
		if value.Is(fhir.Object) {
			fr.ids = true
			r.resource(nil)
		} else {
			r.err(fhir.CodeStructure, "%s is a resource: it must be a JSON object", f.json)
		}
	default:
		sh := f.shape(r.v)
		switch {
		case sh == nil:
			r.err(fhir.CodeException, "the definition of %s is not known", f.typ)
		case !value.Is(fhir.Object):
			r.err(fhir.CodeStructure, "%s is a %s: it must be a JSON object, found %s", f.json, sh.typ, value.Kind())
		default:
			fr.sh = sh
			r.object(sh, value)
		}
	}
	if !r.opts.StructureOnly {
		if f.types != nil && f.kind == isComplex && value.Is(fhir.Object) {
			if f.typ == "Reference" && len(f.types.Targets) > 0 {
				r.reference(f.types.Targets, f.def.Path, true)
			}
			if len(f.types.Profiles) > 0 {
				r.typeProfiles([]*definition.Type{f.types})
			}
		}
		for _, inv := range f.invs {
			r.invariant(inv)
		}
		if f.bound != nil {
			r.bound(f.bound, f.typ, value)
		}
	}
	r.pop()
}

// plain reports whether a primitive without extensions is plainly good: most
// are, and need no place on the stack.
func (r *run) plain(f *field, value *fhir.Element) bool {
	if !value.Is(f.written) || !f.prim.takes(value.Text(), value.Form()) {
		return false
	}
	return r.opts.StructureOnly || len(f.invs) == 0 && (f.bound == nil || f.bound.accepts(value.Text()))
}

// primitive validates a primitive value, its id and its extensions (R4 json §2.6.2.3).
func (r *run) primitive(f *field, value, ext *fhir.Element) {
	if ext != nil && ext.Kind() != fhir.Null {
		r.extras(f, ext)
	}
	switch {
	case value == nil || value.Kind() == fhir.Null:
		if ext == nil || ext.Kind() == fhir.Null || ext.Len() == 1 && ext.Get("id") != nil {
			r.err(fhir.CodeInvariant, "ele-1: null is no value; an element has a value or an extension that says why not")
		}
		return
	case !value.Is(f.prim.jsonKind()):
		r.err(fhir.CodeValue, "a %s is written as a JSON %s, found %s", f.prim, f.prim.jsonKind(), value.Kind())
		return
	}
	text := value.Text()
	if wrong := f.prim.check(text); wrong != "" {
		r.err(fhir.CodeValue, "%s", wrong)
		return
	}
	switch f.prim {
	case primXHTML:
		r.narrative(text)
	case primURL, primURI, primCanonical:
		r.uri(f, text)
	}
}

// extras validates the object of a "_name" member: id and extension.
func (r *run) extras(f *field, ext *fhir.Element) {
	sh := r.v.shape("Element")
	if sh == nil || !ext.Is(fhir.Object) {
		r.err(fhir.CodeStructure, "%s holds id and extension: it must be a JSON object", f.under)
		return
	}
	if ext.Len() == 0 {
		r.err(fhir.CodeInvariant, "ele-1: %s must not be empty", f.under)
	}
	for _, m := range ext.Members() {
		if m.Name == "fhir_comments" {
			continue
		}
		g := sh.names.find(m.Name)
		if g == nil || g.isUnder {
			r.err(fhir.CodeStructure, "%s has no element %q: only id and extension", f.under, clip(m.Name))
			continue
		}
		r.values(g, m.Value, nil)
	}
}
