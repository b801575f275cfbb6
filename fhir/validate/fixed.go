package validate

import (
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
)

// fixed demands that the element at hand is exactly the value (R4
// elementdefinition §2.25: fixed[x]).
func (r *run) fixed(p *profile, want, got *fhir.Element) {
	r.compare(p, want, got, "", true)
}

// pattern demands that the element at hand has at least what the value has (R4
// elementdefinition §2.25: pattern[x]).
func (r *run) pattern(p *profile, want, got *fhir.Element) {
	r.compare(p, want, got, "", false)
}

func (r *run) compare(p *profile, want, got *fhir.Element, below string, exact bool) {
	word := "the pattern"
	if exact {
		word = "the fixed value"
	}
	switch want.Kind() {
	case fhir.Object:
		if !got.Is(fhir.Object) {
			r.errBelow(fhir.CodeInvalid, below, "%s of %s asks for an object here", word, p.s.Canonical())
			return
		}
		for _, m := range want.Members() {
			have := got.Get(m.Name)
			if have == nil {
				r.errBelow(fhir.CodeInvalid, below, "%s is missing, which %s of %s asks for%s", m.Name, word, p.s.Canonical(), example(m.Value))
				continue
			}
			r.compare(p, m.Value, have, below+"."+m.Name, exact)
		}
		if exact {
			for _, m := range got.Members() {
				if want.Get(m.Name) == nil && m.Name != "id" && m.Name != "extension" {
					r.errBelow(fhir.CodeInvalid, below+"."+m.Name, "%s is not in the fixed value of %s and must be left out", m.Name, p.s.Canonical())
				}
			}
		}
	case fhir.Array:
		if exact && want.Len() != got.Len() {
			r.errBelow(fhir.CodeInvalid, below, "the fixed value of %s has %d items here, found %d", p.s.Canonical(), want.Len(), got.Len())
			return
		}
		for i := range want.Len() {
			if exact {
				r.compare(p, want.At(i), got.At(i), below, exact)
				continue
			}
			found := false
			for j := range got.Len() {
				if fits(want.At(i), got.At(j), false) {
					found = true
					break
				}
			}
			if !found {
				r.errBelow(fhir.CodeInvalid, cutLast(below), "no item of %s fits the pattern of %s%s", lastName(below), p.s.Canonical(), example(want.At(i)))
			}
		}
	default:
		if !fits(want, got, exact) {
			r.errBelow(fhir.CodeInvalid, below, "the value is not what %s of %s asks for%s", word, p.s.Canonical(), example(want))
		}
	}
}

func cutLast(below string) string {
	if i := strings.LastIndexByte(below, '.'); i >= 0 {
		return below[:i]
	}
	return below
}

func lastName(below string) string { return below[strings.LastIndexByte(below, '.')+1:] }

// example shows what a definition asks for; it is no patient's data.
func example(want *fhir.Element) string {
	text := string(want.AppendJSON(nil))
	if len(text) > 160 {
		return ""
	}
	return ": " + text
}

// fits reports whether got is want, or with exact unset has at least what want has.
func fits(want, got *fhir.Element, exact bool) bool {
	if got == nil || want.Kind() != got.Kind() {
		return false
	}
	switch want.Kind() {
	case fhir.Object:
		if exact && want.Len() != got.Len() {
			return false
		}
		for _, m := range want.Members() {
			if !fits(m.Value, got.Get(m.Name), exact) {
				return false
			}
		}
		return true
	case fhir.Array:
		if exact && want.Len() != got.Len() {
			return false
		}
		for i := range want.Len() {
			found := false
			if exact {
				found = fits(want.At(i), got.At(i), true)
			} else {
				for j := range got.Len() {
					if fits(want.At(i), got.At(j), false) {
						found = true
						break
					}
				}
			}
			if !found {
				return false
			}
		}
		return true
	case fhir.Number:
		a, ok := path.ParseDecimal(want.Text())
		b, ok2 := path.ParseDecimal(got.Text())
		return ok && ok2 && a.Cmp(b) == 0
	}
	return want.Text() == got.Text()
}

// fitsValue reports whether the element at hand has the values that a
// definition and the definitions below it ask for; slices are told by it.
func (r *run) fitsValue(e *definition.Element, depth int) bool {
	fr := r.top()
	el := fr.el
	if e.Fixed.Present() && !fits(e.Fixed.Element, el, true) || e.Pattern.Present() && !fits(e.Pattern.Element, el, false) {
		return false
	}
	if b := r.v.ownBinding(e); b != nil && !e.Fixed.Present() && !e.Pattern.Present() {
		typ := r.typeAtHand()
		if ok, _ := r.try(func() { r.inValueSet(nil, b.ValueSet, true, typ, el) }); !ok {
			return false
		}
	}
	if depth > 6 {
		return true
	}
	sh := fr.sh
	if !el.Is(fhir.Object) {
		sh, el = r.v.shape("Element"), fr.ext
	}
	for _, c := range e.Children {
		if !says(r.v, c, 0) {
			continue
		}
		var buf [8]occurrence
		found := occurrences(sh, el, c.Name, "", buf[:0])
		if len(found) == 0 {
			if c.Min > 0 {
				return false
			}
			continue
		}
		if c.Fixed.Present() || c.Pattern.Present() || c.Binding != nil || len(c.Children) > 0 {
			any := false
			for _, o := range found {
				r.enter(o)
				any = r.fitsValue(c, depth+1)
				r.pop()
				if any {
					break
				}
			}
			if !any {
				return false
			}
		}
		for _, s := range c.Slices {
			if s.Min == 0 || !says(r.v, s, 0) {
				continue
			}
			any := false
			for _, o := range found {
				r.enter(o)
				any = r.fitsValue(s, depth+1)
				r.pop()
				if any {
					break
				}
			}
			if !any {
				return false
			}
		}
	}
	return true
}

// limits checks minValue, maxValue and maxLength.
func (r *run) limits(e *definition.Element, el *fhir.Element) {
	if e.MaxLength > 0 && el.Is(fhir.String) && len(el.Text()) > e.MaxLength && len([]rune(el.Text())) > e.MaxLength {
		r.err(fhir.CodeTooLong, "the text is longer than the %d characters allowed", e.MaxLength)
	}
	if e.MinValue.Present() {
		r.limitOf(e.MinValue, el, -1)
	}
	if e.MaxValue.Present() {
		r.limitOf(e.MaxValue, el, 1)
	}
}
