package validate

import (
	"errors"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

type trialKey struct {
	el      *fhir.Element
	profile string
}

// conform validates the resource at hand against a profile that it declares
// (meta.profile) or that was asked for.
func (r *run) conform(canonical string, asked bool) {
	p, err := r.v.profile(canonical)
	if err != nil {
		switch {
		case asked:
			r.err(fhir.CodeNotFound, "the profile %s cannot be used: %s", clip(canonical), reason(err))
		default:
			r.warn(fhir.CodeNotFound, "the profile %s, named in meta.profile, cannot be used and was not checked: %s", clip(canonical), reason(err))
		}
		return
	}
	r.profile(p)
}

func reason(err error) string {
	if errors.Is(err, definition.ErrUnknown) {
		return "its definition is not known here"
	}
	return "its definition has an error"
}

// profile validates the element at hand, base rules apart, against a profile.
func (r *run) profile(p *profile) {
	fr := r.top()
	if fr.el == nil && fr.ext == nil {
		return
	}
	key := trialKey{fr.el, p.s.Canonical()}
	if _, done := r.checked[key]; done || !r.step() {
		return
	}
	typ := r.typeAtHand()
	if typ != "" && !r.v.typeFits(typ, p.s.Type) {
		r.err(fhir.CodeInvalid, "the profile %s is for %s, and this is a %s", p.s.Canonical(), p.s.Type, typ)
		return
	}
	for _, imposed := range p.s.Imposes {
		if q, err := r.v.profile(imposed); err == nil && q != p && r.nested < maxNested {
			r.nested++
			r.profile(q)
			r.nested--
		}
	}
	if p.root == nil {
		return
	}
	if r.nested >= maxNested {
		r.warn(fhir.CodeTooCostly, "profiles lead into each other more than %d times; this one was not checked: %s", maxNested, p.s.Canonical())
		return
	}
	if r.checked == nil {
		r.checked = make(map[trialKey]struct{})
	}
	r.checked[key] = struct{}{}
	r.nested++
	r.rule(p, p.root)
	r.nested--
	delete(r.checked, key)
}

// typeAtHand is the FHIR type of the element at hand.
func (r *run) typeAtHand() string {
	fr := r.top()
	switch {
	case fr.sh != nil:
		return fr.sh.typ
	case fr.f != nil:
		return fr.f.typ
	}
	return ""
}

// typeFits reports whether a type is the other or derives from it.
func (v *Validator) typeFits(typ, want string) bool {
	return typ == want || want == "Resource" || want == "Element" || definition.Descends(v.src, typ, want)
}

// rule checks what a rule says of the element at hand itself and below it.
func (r *run) rule(p *profile, ru *rule) {
	if !r.step() {
		return
	}
	fr := r.top()
	el, ext := fr.el, fr.ext
	e := ru.e
	if ru.types != nil && !r.types(p, ru) {
		return
	}
	if e.Fixed.Present() {
		r.fixed(p, e.Fixed.Element, el)
	}
	if e.Pattern.Present() {
		r.pattern(p, e.Pattern.Element, el)
	}
	r.limits(e, el)
	if ru.extras != nil {
		r.extrasHold(p, ru.extras)
	}
	if ru.bound != nil {
		r.bound(ru.bound, r.typeAtHand(), el)
	}
	for _, inv := range ru.invs {
		r.invariant(inv)
	}
	if len(ru.kids) == 0 {
		return
	}
	sh := fr.sh
	if !el.Is(fhir.Object) {
		// The children of a primitive are in its "_name" sibling.
		sh, el = r.v.shape("Element"), ext
	}
	for _, kid := range ru.kids {
		r.kid(p, kid, sh, el)
	}
}

// occurrence is one value of an element.
type occurrence struct {
	f     *field
	el    *fhir.Element
	ext   *fhir.Element
	index int32
}

// occurrences appends the values of an element in an object.
func occurrences(sh *shape, el *fhir.Element, name, only string, out []occurrence) []occurrence {
	if sh == nil || !el.Is(fhir.Object) {
		return out
	}
	members := el.Members()
	for i := range members {
		m := &members[i]
		f := sh.names.find(m.Name)
		if f == nil || f.name != name {
			continue
		}
		if f.isUnder {
			f = f.base
			if only != "" && f.json != only || el.Get(f.json) != nil {
				continue
			}
			out = spread(f, nil, m.Value, out)
			continue
		}
		if only != "" && f.json != only {
			continue
		}
		var ext *fhir.Element
		if f.kind == isPrimitiveField {
			ext = el.Get(f.under)
		}
		out = spread(f, m.Value, ext, out)
	}
	return out
}

func spread(f *field, value, ext *fhir.Element, out []occurrence) []occurrence {
	if !value.Is(fhir.Array) && !ext.Is(fhir.Array) {
		index := int32(-1)
		if f.list {
			index = 0
		}
		return append(out, occurrence{f, value, ext, index})
	}
	for i := range max(value.Len(), ext.Len()) {
		v, x := value.At(i), ext.At(i)
		if v.Kind() == fhir.Null {
			v = nil
		}
		if x.Kind() == fhir.Null {
			x = nil
		}
		if v != nil || x != nil {
			out = append(out, occurrence{f, v, x, int32(i)})
		}
	}
	return out
}

// enter puts an occurrence on the stack.
func (r *run) enter(o occurrence) {
	fr := frame{f: o.f, index: o.index, el: o.el, ext: o.ext}
	switch {
	case o.f.kind == isResource:
		fr.ids = true
		fr.sh = r.v.shape(o.el.Get("resourceType").Text())
	case o.f.kind == isComplex:
		fr.sh = o.f.shape(r.v)
	}
	r.push(fr)
}

// kid checks an element below the one at hand.
func (r *run) kid(p *profile, kid *rule, sh *shape, el *fhir.Element) {
	var buf [8]occurrence
	found := occurrences(sh, el, kid.name, kid.only, buf[:0])
	if kid.counted {
		r.count(p, kid, len(found))
	}
	var sorted []*slice
	if len(kid.slices) > 0 {
		sorted = r.sort(p, kid, found)
	}
	for i := range found {
		if found[i].f.kind != isPrimitiveField && !found[i].el.Is(fhir.Object) {
			continue // the base walk has said so
		}
		r.enter(found[i])
		r.rule(p, kid)
		if sorted != nil && sorted[i] != nil {
			if sorted[i].rule != nil {
				r.rule(p, sorted[i].rule)
			}
		}
		r.pop()
	}
}

func (r *run) count(p *profile, ru *rule, n int) {
	if n < ru.min {
		r.err(fhir.CodeRequired, "%s: at least %d is required, found %d (profile %s)", label(ru.e), ru.min, n, p.s.Canonical())
	}
	if ru.max != definition.Unbounded && n > ru.max {
		r.err(fhir.CodeInvalid, "%s: at most %d is allowed, found %d (profile %s)", label(ru.e), ru.max, n, p.s.Canonical())
	}
}

// label names an element of a definition.
func label(e *definition.Element) string {
	if e.ID != "" {
		return e.ID
	}
	return e.Path
}
