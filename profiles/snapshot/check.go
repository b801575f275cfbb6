package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// check refuses an element of a profile that contradicts its base.
func (g *generator) check(n *node, d *fhir.Element) error {
	if !g.profile || n.parent == nil && len(codes(d)) == 0 {
		return nil
	}
	before := n.before()
	if before.Get("mustSupport").Text() == "true" && d.Get("mustSupport").Text() == "false" && !n.fresh {
		return errors.New("mustSupport is true in the base and cannot become false")
	}
	if err := g.checkTypes(n, d); err != nil {
		return err
	}
	if err := checkValue(n, d); err != nil {
		return err
	}
	return g.checkTypeSlices(n, d)
}

// checkTypes refuses a type that the base does not allow, and a profile of
// another type.
func (g *generator) checkTypes(n *node, d *fhir.Element) error {
	allowed := codes(n.before())
	for _, t := range d.Get("type").Items() {
		code := t.Get("code").Text()
		if len(allowed) > 0 && !slices.ContainsFunc(allowed, func(base string) bool { return g.isA(code, base) }) {
			return fmt.Errorf("type %s is not among those of the base: %s", code, strings.Join(allowed, ", "))
		}
		for _, p := range t.Get("profile").Items() {
			if url, _ := definition.Split(p.Text()); url == g.url {
				return errors.New("it refers to itself")
			}
			r, err := g.lookup(p.Text())
			if err != nil {
				continue
			}
			typ := r.Get("type").Text()
			if code != "Reference" && code != "canonical" && r.Type() == "StructureDefinition" && !g.isA(typ, code) {
				return fmt.Errorf("profile %s is of type %s, not %s", p.Text(), typ, code)
			}
		}
	}
	return nil
}

// isA reports whether a type is the other or derives from it.
func (g *generator) isA(code, base string) bool {
	if code == base || base == "Element" || base == "*" || strings.HasPrefix(base, "http://hl7.org/fhirpath/") {
		return true
	}
	for range 16 {
		canonical := code
		if !strings.Contains(canonical, "/") {
			canonical = definition.TypeURL(code)
		}
		r, err := g.lookup(canonical)
		if err != nil {
			return unknown(err) // whether it fits cannot be said
		}
		code = definition.TypeName(r.Get("baseDefinition").Text())
		if code == base {
			return true
		}
		if code == "" {
			return false
		}
	}
	return false
}

// checkValue refuses fixed[x] and pattern[x] of a type that the element has not.
func checkValue(n *node, d *fhir.Element) error {
	types := codes(d)
	if len(types) == 0 {
		types = codes(n.e)
	}
	for _, m := range d.Members() {
		for _, prefix := range []string{"fixed", "pattern"} {
			if !valued(m.Name, prefix) {
				continue
			}
			suffix := m.Name[len(prefix):]
			fits := slices.ContainsFunc(types, func(code string) bool {
				return capital(code) == suffix || strings.HasPrefix(code, "http://")
			})
			if !fits && len(types) > 0 {
				return fmt.Errorf("%s is of none of the types: %s", m.Name, strings.Join(types, ", "))
			}
		}
	}
	return nil
}

// checkTypeSlices refuses a further slice of a choice where another one must be
// there already.
func (g *generator) checkTypeSlices(n *node, _ *fhir.Element) error {
	if _, choice := n.choice(); !choice || n.sliced == nil || !n.fresh {
		return nil
	}
	if maximum, err := strconv.Atoi(n.sliced.e.Get("max").Text()); err != nil || maximum > 1 {
		return nil //nolint:nilerr // no number is "*"
	}
	for _, other := range n.sliced.slices {
		if minimum, err := strconv.Atoi(other.e.Get("min").Text()); other != n && other.fresh && err == nil && minimum > 0 {
			return fmt.Errorf("the slice %s must be there, so no other can", other.slice)
		}
	}
	return nil
}
