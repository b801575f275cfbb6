package snapshot

import (
	"fmt"

	"vitalwire/fhir"
)

// slice makes a slice of n: what n was before the differential changed it. A
// slice of a slice that the differential made begins as that slice is.
func (g *generator) slice(n *node, name string, d *fhir.Element, last bool) (*node, error) {
	host := n.outer(name)
	if err := g.spend(host); err != nil {
		return nil, err
	}
	s := &node{name: n.name, slice: name, fresh: true}
	if host.fresh {
		s.e = host.e.Clone()
	} else {
		s.e = host.before().Clone()
	}
	host.addSlice(s)
	s.e.Set("slicing", nil)
	s.e.Set("sliceName", nil)
	s.e.Set("min", fhir.NewNumber("0"))
	for _, c := range host.children {
		switch {
		case host.fresh:
			s.children = append(s.children, c.copyTo(s))
		case !host.expanded:
			s.children = append(s.children, pristine(c, s))
		}
	}
	if stem, choice := n.choice(); choice {
		if err := g.typeSlice(host, s, stem, d, last); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// pristine copies a subtree as it was before the differential.
func pristine(n *node, parent *node) *node {
	c := &node{name: n.name, slice: n.slice, e: n.before().Clone(), parent: parent}
	if !n.expanded {
		for _, kid := range n.children {
			c.children = append(c.children, pristine(kid, c))
		}
	}
	for _, s := range n.slices {
		if !s.fresh {
			c.addSlice(pristine(s, parent))
		}
	}
	return c
}

// typeSlice gives a slice of a choice the one type its name says.
func (g *generator) typeSlice(host, s *node, stem string, d *fhir.Element, last bool) error {
	kept := fhir.NewArray()
	for _, t := range host.before().Get("type").Items() {
		if stem+capital(t.Get("code").Text()) == s.slice {
			kept.Append(t.Clone())
		}
	}
	if kept.Len() == 1 {
		s.e.Set("type", kept)
		return nil
	}
	types := codes(d)
	if last && len(types) == 1 && s.slice != stem+capital(types[0]) && byType(host.e.Get("slicing")) {
		return fmt.Errorf("the slice of type %s is named %s%s, not %s", types[0], stem, capital(types[0]), s.slice)
	}
	return nil
}

// byType reports whether a slicing goes by the type of the element, as that of
// a choice does where nothing else is said.
func byType(slicing *fhir.Element) bool {
	list := slicing.Get("discriminator")
	if list.Len() == 0 {
		return true
	}
	for _, d := range list.Items() {
		if d.Get("type").Text() == "type" && d.Get("path").Text() == "$this" {
			return true
		}
	}
	return false
}
