package validate

import (
	"slices"
	"strings"

	"vitalwire/fhir/definition"
)

// profile is a compiled profile: what it asks beyond the base type.
type profile struct {
	s    *definition.Structure
	root *rule // nil when it asks nothing more
	err  error // why there is none
}

// maxMissing is how many canonicals are remembered as not known.
const maxMissing = 1000

// rule is an element of a profile. Fields that say nothing beyond the base
// type are zero, and elements that say nothing at all are left out.
type rule struct {
	e       *definition.Element
	name    string // FHIRPath name
	choice  bool
	only    string // JSON name, where the profile's path names one type of a choice
	min     int
	max     int
	counted bool // whether min or max is to be checked
	types   []definition.Type
	bound   *binding
	invs    []*invariant
	kids    []*rule
	slicing *definition.Slicing
	slices  []*slice
	extras  *extras
}

// slice is a slice of an element and how its members are told.
type slice struct {
	name    string
	rule    *rule
	min     int
	max     int
	tests   []test
	slicing *definition.Slicing
	slices  []*slice // slices of this slice
}

// profile finds a compiled profile. Base types are profiles that ask nothing more.
func (v *Validator) profile(canonical string) (*profile, error) {
	if p, ok := v.profiles.Load(canonical); ok {
		return p.(*profile), p.(*profile).err
	}
	s, err := v.src.Structure(canonical)
	if err != nil {
		if v.missing.Add(1) < maxMissing {
			v.profiles.Store(strings.Clone(canonical), &profile{err: err})
		}
		return nil, err
	}
	p := &profile{s: s}
	if constrains(s) {
		c := profileCompiler{v: v, s: s, extras: v.extrasOf(s)}
		var base *definition.Element
		if b, err := v.src.Structure(s.Type); err == nil && !b.IsProfile() {
			base = b.Root()
		}
		p.root = c.rule(s.Root(), base, 0)
	}
	kept, _ := v.profiles.LoadOrStore(strings.Clone(canonical), p)
	return kept.(*profile), nil
}

// constrains reports whether a structure is a profile; some lack the derivation
// that says so, or state specialization for the type of another structure.
func constrains(s *definition.Structure) bool {
	return s.IsProfile() || s.Kind != definition.Logical && s.Base != "" && s.URL != definition.TypeURL(s.Type)
}

type profileCompiler struct {
	v      *Validator
	s      *definition.Structure
	extras map[string]*extras
}

// rule compiles an element; base is the same element of the base type, nil
// when there is none. It is nil for an element that adds nothing.
func (c *profileCompiler) rule(e, base *definition.Element, depth int) *rule {
	ru := &rule{e: e, name: e.Name, choice: e.Choice, min: e.Min, max: e.Max}
	said := e.Fixed.Present() || e.Pattern.Present() || e.MinValue.Present() || e.MaxValue.Present() || e.MaxLength > 0
	if ru.extras = c.extras[e.ID]; ru.extras == nil {
		ru.extras = c.extras[e.Path]
	}
	said = said || ru.extras != nil
	if base == nil {
		ru.counted = e.Min > 0 || e.Max != definition.Unbounded
		ru.types = e.Types
		if e.Binding != nil {
			ru.bound = c.v.binding(e.Binding)
		}
		ru.invs = c.v.invariants(e.Constraints, nil)
	} else {
		ru.name, ru.choice = base.Name, base.Choice
		if base.Choice && !e.Choice {
			ru.only = e.Name
		}
		ru.counted = e.Min > base.Min || e.Max != base.Max && e.Max != definition.Unbounded
		if depth == 0 {
			ru.counted = false
		} else if narrower(e.Types, base.Types) {
			ru.types = e.Types
		}
		if e.Binding != nil && (base.Binding == nil || base.Binding.ValueSet != e.Binding.ValueSet || base.Binding.Strength != e.Binding.Strength ||
			len(e.Binding.Additional) > 0 || e.Binding.MaxValueSet != base.Binding.MaxValueSet) {
			ru.bound = c.v.binding(e.Binding)
		}
		known := base.Constraints
		if len(base.Types) == 1 {
			known = slices.Concat(known, c.v.rootConstraints(base.Types[0].Code))
		} else if len(e.Types) == 1 {
			known = slices.Concat(known, c.v.rootConstraints(e.Types[0].Code))
		}
		ru.invs = c.v.invariants(e.Constraints, known)
	}
	for _, inv := range ru.invs {
		inv.outer = depth > 0
	}
	if depth < 32 {
		for _, kid := range e.Children {
			if k := c.rule(kid, c.baseChild(e, base, kid), depth+1); k != nil {
				ru.kids = append(ru.kids, k)
			}
		}
		c.slices(ru, e, base, depth)
	}
	if !said && !ru.counted && ru.types == nil && ru.bound == nil && len(ru.invs) == 0 && len(ru.kids) == 0 && len(ru.slices) == 0 && ru.slicing == nil {
		return nil
	}
	return ru
}

func (c *profileCompiler) slices(ru *rule, e, base *definition.Element, depth int) {
	if len(e.Slices) == 0 {
		return
	}
	ru.slicing = e.Slicing
	needed := 0
	for _, s := range e.Slices {
		ru.slices = append(ru.slices, c.slice(e, s, base, e.Slicing, depth))
		if s.Min > 0 {
			needed++
		}
	}
	if e.Choice && e.Max == 1 && needed > 1 {
		// Tools write the minimum of the element on each type of a choice; one
		// value cannot be of two types.
		for _, s := range ru.slices {
			s.min = 0
		}
	}
}

func (c *profileCompiler) slice(e, s, base *definition.Element, slicing *definition.Slicing, depth int) *slice {
	out := &slice{name: s.SliceName, min: s.Min, max: s.Max, rule: c.rule(s, base, depth+1), slicing: s.Slicing}
	if out.rule != nil {
		out.rule.slicing, out.rule.slices = nil, nil // re-slices are sorted with their slice
	}
	if slicing == nil {
		// R4 §5.1.0.12 lets the slicing of extensions and choices go without saying.
		switch {
		case e.Name == "extension" || e.Name == "modifierExtension":
			slicing = &definition.Slicing{Rules: "open", Discriminators: []definition.Discriminator{{Type: "value", Path: "url"}}}
		case e.Choice:
			slicing = &definition.Slicing{Rules: "open", Discriminators: []definition.Discriminator{{Type: "type", Path: "$this"}}}
		default:
			slicing = &definition.Slicing{Rules: "open"}
		}
	}
	for _, d := range slicing.Discriminators {
		out.tests = append(out.tests, c.v.test(s, d))
	}
	inner := s.Slicing
	if inner == nil {
		inner = slicing // slices of a slice are told like the slices around
	}
	for _, sub := range s.Slices {
		out.slices = append(out.slices, c.slice(s, sub, base, inner, depth+1))
	}
	return out
}

// narrower reports whether types say something that base does not.
func narrower(types, base []definition.Type) bool {
	if len(types) != len(base) {
		return len(types) > 0
	}
	for i := range types {
		t, b := &types[i], &base[i]
		if t.Code != b.Code || !slices.Equal(t.Profiles, b.Profiles) || !slices.Equal(t.Targets, b.Targets) || len(t.Aggregation) > 0 {
			return true
		}
	}
	return false
}

// baseChild finds the child of base that kid constrains: in the base type
// itself, or where that stops in the type of the element.
func (c *profileCompiler) baseChild(e, base, kid *definition.Element) *definition.Element {
	if base == nil {
		return nil
	}
	owner := base
	if len(owner.Children) == 0 && owner.Content != nil {
		owner = owner.Content
	}
	if len(owner.Children) == 0 {
		types := base.Types
		if len(e.Types) == 1 {
			types = e.Types
		}
		if len(types) == 0 {
			return nil
		}
		code := types[0].Code
		if len(types) > 1 {
			code = "Element"
		}
		s, err := c.v.src.Structure(code)
		if err != nil || s.IsProfile() {
			return nil
		}
		owner = s.Root()
	}
	for _, child := range owner.Children {
		if child.Name == kid.Name && child.Choice == kid.Choice {
			return child
		}
	}
	if child, _ := owner.Child(kid.Name); child != nil {
		return child
	}
	return nil
}

// typeOfCanonical is the type that a profile or type constrains, "" when not known.
func (v *Validator) typeOfCanonical(canonical string) string {
	if name := definition.TypeName(canonical); !strings.Contains(name, "/") && !strings.Contains(name, "|") {
		if s, err := v.src.Structure(name); err == nil {
			return s.Type
		}
	}
	s, err := v.src.Structure(canonical)
	if err != nil {
		return ""
	}
	return s.Type
}
