package snapshot

import (
	"fmt"

	"vitalwire/fhir"
)

// flatten writes the tree as a list of elements, with paths, ids and bases.
func (g *generator) flatten() (*fhir.Element, error) {
	list := fhir.NewArray()
	err := g.root.walk(func(n *node) error {
		if err := g.implySlicing(n); err != nil {
			return err
		}
		closeChoice(n)
		members := []fhir.Member{fhir.S("id", n.id()), fhir.S("path", n.path())}
		if n.slice != "" {
			members = append(members, fhir.S("sliceName", n.slice))
		}
		for _, m := range n.e.Members() {
			if m.Name != "id" && m.Name != "path" && m.Name != "sliceName" {
				members = append(members, m)
			}
		}
		e := fhir.NewObject(members...)
		if e.Get("base") == nil {
			e.Set("base", fhir.NewObject(fhir.S("path", n.path()), fhir.M("min", orElse(e.Get("min"), fhir.NewNumber("0"))),
				fhir.M("max", orElse(e.Get("max"), fhir.NewString("*")))))
		}
		list.Append(e)
		return nil
	})
	return list, err
}

func orElse(e, other *fhir.Element) *fhir.Element {
	if e == nil {
		return other
	}
	return e.Clone()
}

// implySlicing states the slicing that R4 implies where a profile makes slices
// without: extensions by url, choices by type.
func (g *generator) implySlicing(n *node) error {
	if len(n.slices) == 0 || n.e.Get("slicing").Get("discriminator").Len() > 0 {
		return nil
	}
	typ, path, description := "", "", ""
	_, choice := n.choice()
	switch {
	case n.isExtension():
		typ, path = "value", "url"
		description = "Extensions are always sliced by (at least) url"
	case choice:
		typ, path = "type", "$this"
	case n.e.Get("slicing") != nil || !anyFresh(n.slices):
		return nil
	default:
		return fmt.Errorf("%s has slices and says nothing of slicing", n.id())
	}
	s := n.e.Get("slicing")
	if s == nil {
		s = fhir.NewObject()
	}
	members := []fhir.Member{fhir.M("discriminator", fhir.NewArray(fhir.NewObject(fhir.S("type", typ), fhir.S("path", path))))}
	if description != "" && s.Get("description") == nil {
		members = append(members, fhir.S("description", description))
	}
	members = append(members, fhir.M("ordered", fhir.NewBool(false)), fhir.S("rules", "open"))
	n.e.Set("slicing", overlay(fhir.NewObject(members...), s))
	return nil
}

// closeChoice draws the conclusion from a slice of a choice of types that must
// be there: no other type is left. The same goes for the one slice that a path
// such as Extension.valueCode makes, where the differential says its type or
// goes on inside: so extensions were defined before choices had slices. (For
// other elements HL7's publisher once drew that conclusion too, and no longer
// does: US Core up to 5.0.1 and from 6.1.0.)
func closeChoice(n *node) {
	if _, choice := n.choice(); !choice || n.sliced != nil || n.e.Get("max").Text() != "1" {
		return
	}
	for _, s := range n.slices {
		types := codes(s.e)
		if !s.fresh && s.original == nil || len(types) != 1 || !byType(n.e.Get("slicing")) {
			continue
		}
		must := s.e.Get("min").Text() == "1"
		if !must && !(s.byType && len(n.slices) == 1 && n.e.Get("base").Get("path").Text() == "Extension.value[x]") {
			continue
		}
		kept := fhir.NewArray()
		for _, t := range n.e.Get("type").Items() {
			if t.Get("code").Text() == types[0] {
				kept.Append(t)
			}
		}
		n.e.Set("type", kept)
		if must {
			n.e.Set("min", fhir.NewNumber("1"))
		}
		n.e.Get("slicing").Set("rules", fhir.NewString("closed"))
	}
}

func anyFresh(list []*node) bool {
	for _, n := range list {
		if n.fresh {
			return true
		}
	}
	return false
}
