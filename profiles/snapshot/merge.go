package snapshot

import (
	"strings"

	"vitalwire/fhir"
)

// adopt takes over what the profile of the element's type says of its root:
// texts and constraints, and for an extension its cardinality.
func (g *generator) adopt(n *node, d *fhir.Element) error {
	types := d.Get("type").Items()
	if len(types) != 1 || types[0].Get("profile").Len() != 1 {
		return nil
	}
	code := types[0].Get("code").Text()
	if code == "Reference" || code == "canonical" {
		return nil
	}
	root, err := g.structure(types[0].Get("profile").At(0).Text())
	if unknown(err) {
		return nil // the snapshot says less, it is not wrong
	}
	if err != nil {
		return err
	}
	n.touch()
	template := root.e
	for _, name := range []string{"id", "path", "sliceName", "base", "type", "slicing", "extension"} {
		template.Set(name, nil)
	}
	if code != "Extension" {
		template.Set("min", nil)
		template.Set("max", nil)
	}
	constraints := n.e.Get("constraint")
	for _, m := range template.Members() {
		if m.Name != "constraint" {
			n.e.Set(m.Name, m.Value)
		}
	}
	n.e.Set("constraint", union(constraints, template.Get("constraint"), "key"))
	return nil
}

// touch keeps the element as it was, before the first change.
func (n *node) touch() {
	if n.original == nil {
		n.original = n.e.Clone()
	}
}

// structural are members that the tree keeps, not the differential.
var structural = map[string]bool{
	"id": true, "path": true, "sliceName": true, "base": true, "contentReference": true,
}

// additive are lists that a profile adds to; the value is what tells items apart.
var additive = map[string]string{
	"constraint": "key", "condition": "", "alias": "", "mapping": "", "example": "", "extension": "url",
}

// texts are replaced, or added to where they begin with "..." (R4
// elementdefinition §2.25.2.1).
var texts = map[string]bool{"short": true, "definition": true, "comment": true, "requirements": true}

// merge lets the differential's element change n.
func (g *generator) merge(n *node, d *fhir.Element) {
	n.touch()
	for _, m := range d.Members() {
		switch {
		case structural[m.Name]:
			if m.Name == "contentReference" && !g.profile {
				n.e.Set(m.Name, m.Value.Clone())
			}
		case m.Name == "constraint":
			n.e.Set("constraint", union(n.e.Get("constraint"), g.sourced(m.Value), "key"))
		case m.Name == "mapping" || m.Name == "condition" || m.Name == "alias" || m.Name == "example" || m.Name == "extension":
			n.e.Set(m.Name, union(n.e.Get(m.Name), m.Value, additive[m.Name]))
		case texts[m.Name]:
			text := m.Value.Text()
			if more, ok := strings.CutPrefix(text, "..."); ok {
				text = n.e.Get(m.Name).Text() + "\r\n" + more
			}
			n.e.Set(m.Name, fhir.NewString(text))
		case m.Name == "binding":
			n.e.Set("binding", overlay(n.e.Get("binding"), m.Value))
		case m.Name == "slicing":
			n.e.Set("slicing", slicing(n.e.Get("slicing"), m.Value))
		case valued(m.Name, "fixed"), valued(m.Name, "pattern"):
			for _, old := range n.e.Clone().Members() {
				if valued(old.Name, "fixed") || valued(old.Name, "pattern") {
					n.e.Set(old.Name, nil)
				}
			}
			n.e.Set(m.Name, m.Value.Clone())
		default:
			n.e.Set(m.Name, m.Value.Clone())
		}
	}
	if b := n.e.Get("binding"); b != nil && n.e.Get("type").Len() > 0 && !bindable(n.e) {
		n.e.Set("binding", nil)
	}
}

// valued reports whether a member is prefix[x], such as fixedUri.
func valued(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z'
}

// sourced gives constraints without a source that of this structure.
func (g *generator) sourced(list *fhir.Element) *fhir.Element {
	list = list.Clone()
	for _, c := range list.Items() {
		if c.Get("source") == nil {
			c.Set("source", fhir.NewString(g.url))
		}
	}
	return list
}

// union adds the items of more to those of list; one of the same identity
// replaces, where key names the member that identifies.
func union(list, more *fhir.Element, key string) *fhir.Element {
	if list.Len() == 0 && more.Len() == 0 {
		return nil
	}
	items := append([]*fhir.Element(nil), list.Items()...)
	for _, m := range more.Items() {
		at := -1
		for i, old := range items {
			if key == "" && old.Equal(m) || key != "" && old.Get(key).Text() == m.Get(key).Text() {
				at = i
			}
		}
		if at >= 0 {
			items[at] = m.Clone()
		} else {
			items = append(items, m.Clone())
		}
	}
	return fhir.NewArray(items...)
}

// overlay is base with the members of more.
func overlay(base, more *fhir.Element) *fhir.Element {
	if base == nil {
		return more.Clone()
	}
	out := base.Clone()
	for _, m := range more.Members() {
		out.Set(m.Name, m.Value.Clone())
	}
	return out
}

// slicing adds the discriminators of more to those of base; the rest is
// replaced.
func slicing(base, more *fhir.Element) *fhir.Element {
	if base == nil {
		return more.Clone()
	}
	out := overlay(base, more)
	if list := union(base.Get("discriminator"), more.Get("discriminator"), ""); list != nil {
		out.Set("discriminator", list)
	}
	return out
}

// bindable reports whether one of the types takes a binding (R4
// elementdefinition, eld-11).
func bindable(e *fhir.Element) bool {
	for _, code := range codes(e) {
		switch code {
		case "code", "Coding", "CodeableConcept", "Quantity", "string", "uri", "url", "canonical", "Duration",
			"Age", "Distance", "Count", "Money", "SimpleQuantity", "CodeableReference":
			return true
		}
		if strings.Contains(code, "/") {
			return true
		}
	}
	return false
}
