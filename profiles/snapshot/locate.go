package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// step is a part of the way to an element.
type step struct{ name, slice string }

// locate finds the node that an element of the differential is about, walking
// into types and making slices as needed.
func (g *generator) locate(d *fhir.Element) (*node, error) {
	path, slice := d.Get("path").Text(), d.Get("sliceName").Text()
	parts := strings.Split(path, ".")
	if parts[0] != g.root.name {
		return nil, fmt.Errorf("the path does not begin with %s", g.root.name)
	}
	steps, exact := stepsOfID(d.Get("id").Text(), parts, slice)
	exact = exact && g.there(steps)
	from := g.root
	if !exact {
		steps = make([]step, len(parts)-1)
		for i, name := range parts[1:] {
			steps[i] = step{name: name}
		}
		if len(steps) > 0 {
			steps[len(steps)-1].slice = slice
		}
		from, steps = g.context(parts, steps)
	}
	n := from
	for i, s := range steps {
		last := i == len(steps)-1
		next, err := g.step(n, s, last, d)
		if err != nil {
			return nil, err
		}
		n = next
	}
	g.remember(n)
	if !exact && !g.unordered {
		if err := g.inOrder(n); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// stepsOfID reads the way from an id such as "Patient.identifier:mrn.system".
// It is only used where it agrees with path and slice name.
func stepsOfID(id string, parts []string, slice string) ([]step, bool) {
	ids := strings.Split(id, ".")
	if len(ids) != len(parts) || ids[0] != parts[0] {
		return nil, false
	}
	steps := make([]step, len(ids)-1)
	for i, part := range ids[1:] {
		steps[i].name, steps[i].slice, _ = strings.Cut(part, ":")
		if steps[i].name != parts[i+1] {
			return nil, false
		}
	}
	if len(steps) > 0 {
		last := &steps[len(steps)-1]
		if last.slice == "" {
			last.slice = slice
		}
		if slice != "" && last.slice != slice {
			return nil, false
		}
	}
	return steps, true
}

// there reports whether the slices on the way to an element are there: an id
// that names others disagrees with the slice names of the elements before.
func (g *generator) there(steps []step) bool {
	n := g.root
	for _, s := range steps[:max(0, len(steps)-1)] {
		if n = n.child(s.name); n == nil {
			return true // further down everything is still to be made
		}
		if s.slice == "" {
			continue
		}
		_, choice := n.choice()
		slice := n.findSlice(s.slice)
		if slice == nil {
			return choice
		}
		n = slice
	}
	return true
}

// context finds how far the way was gone by the elements before: a child
// belongs to the latest slice of its parent's path.
func (g *generator) context(parts []string, steps []step) (*node, []step) {
	for i := len(g.open) - 1; i > 0; i-- {
		n := g.open[i]
		depth := n.depth()
		if depth < len(parts)-1 && n.covers(parts[:depth+1]) {
			return n, steps[depth:]
		}
	}
	return g.root, steps
}

func (n *node) depth() int {
	if n.parent == nil {
		return 0
	}
	return n.parent.depth() + 1
}

// covers reports whether the path leads to n; a choice of types may be written
// by the type, as in valueQuantity.
func (n *node) covers(parts []string) bool {
	last := parts[len(parts)-1]
	if n.name != last && n.slice != last {
		name, choice := n.choice()
		if !choice || !strings.HasPrefix(last, name) || n.slice != "" {
			return false
		}
	}
	if n.parent == nil {
		return len(parts) == 1
	}
	return n.parent.covers(parts[:len(parts)-1])
}

// remember keeps the nodes from the root to the latest one.
func (g *generator) remember(n *node) {
	var chain []*node
	for ; n != nil; n = n.parent {
		chain = append(chain, n)
	}
	slices.Reverse(chain)
	g.open = chain
}

// inOrder refuses a differential without ids whose order is not that of the
// snapshot: which slice an element belongs to would be a guess.
func (g *generator) inOrder(n *node) error {
	if len(g.applied) == 0 {
		return nil
	}
	latest := g.applied[len(g.applied)-1].to
	if slices.Compare(n.place(), latest.place()) < 0 {
		return fmt.Errorf("it stands behind %s, out of order, and has no id", latest.id())
	}
	return nil
}

// step goes one step down from n.
func (g *generator) step(n *node, s step, last bool, d *fhir.Element) (*node, error) {
	if len(n.children) == 0 {
		if err := g.expand(n); err != nil {
			return nil, err
		}
	}
	next := n.child(s.name)
	short := false
	if next == nil {
		if typed := g.typed(n, s.name); typed != nil {
			if s.slice == "" {
				s.slice = s.name
			}
			next, short = typed, true
			implied := !last || d.Get("sliceName") == nil
			if implied && next.findSlice(s.slice) == nil && (len(codes(next.before())) == 1 || n.inBackboneSlice()) {
				// Only this type is left: the constraint is on the element itself.
				next.narrow(s.name)
				return next, nil
			}
		}
	}
	if next == nil {
		if !g.profile && last {
			next = &node{name: s.name, parent: n, e: fhir.NewObject(), fresh: true}
			n.children = append(n.children, next)
			return next, nil
		}
		return nil, fmt.Errorf("%s has no element %s", n.path(), s.name)
	}
	if s.slice == "" {
		return next, nil
	}
	if slice := next.findSlice(s.slice); slice != nil {
		if short && !last {
			slice.byType = slice.byType || slice.fresh
		}
		return slice, nil
	}
	slice, err := g.slice(next, s.slice, d, last)
	if err == nil {
		slice.byType = short && (!last || d.Get("type") != nil)
	}
	return slice, err
}

// inBackboneSlice reports whether n is a slice of a backbone that the
// differential makes. There a path such as valueQuantity has always meant the
// element itself, with no type but that.
func (n *node) inBackboneSlice() bool {
	return n.fresh && n.sliced != nil && !n.isExtension()
}

// narrow leaves a choice the one type that a name such as valueQuantity says.
func (n *node) narrow(name string) {
	stem, _ := n.choice()
	kept := fhir.NewArray()
	for _, t := range n.e.Get("type").Items() {
		if stem+capital(t.Get("code").Text()) == name {
			kept.Append(t)
		}
	}
	if kept.Len() > 0 && kept.Len() < n.e.Get("type").Len() {
		n.touch()
		n.e.Set("type", kept)
	}
}

// typed finds the choice of types that a name such as valueQuantity is of.
func (g *generator) typed(n *node, name string) *node {
	for _, c := range n.children {
		stem, choice := c.choice()
		suffix, ok := strings.CutPrefix(name, stem)
		if !choice || !ok || suffix == "" {
			continue
		}
		for _, code := range append(codes(c.e), codes(c.before())...) {
			if capital(code) == suffix {
				return c
			}
		}
	}
	return nil
}

func capital(code string) string {
	if code == "" {
		return ""
	}
	return strings.ToUpper(code[:1]) + code[1:]
}

// expand gives n the children of its content reference or type.
func (g *generator) expand(n *node) error {
	n.touch()
	n.expanded = true
	if ref := n.e.Get("contentReference").Text(); ref != "" {
		return g.expandReference(n, ref)
	}
	types := n.e.Get("type").Items()
	switch len(types) {
	case 0:
		if n.parent != nil {
			return fmt.Errorf("%s has no type to look into", n.path())
		}
		return nil
	case 1:
		return g.expandType(n, types[0])
	}
	code := types[0].Get("code").Text()
	for _, t := range types[1:] {
		if t.Get("code").Text() != code {
			code = "Element" // what all types have: id and extension
		}
	}
	return g.graft(n, definition.TypeURL(code))
}

func (g *generator) expandType(n *node, t *fhir.Element) error {
	code := t.Get("code").Text()
	if strings.HasPrefix(code, "http://hl7.org/fhirpath/") {
		return fmt.Errorf("%s is a value without elements", n.path())
	}
	if profiles := t.Get("profile").Items(); len(profiles) == 1 && code != "Reference" && code != "canonical" {
		err := g.graft(n, profiles[0].Text())
		if err == nil || !unknown(err) {
			return err
		}
	}
	if !strings.Contains(code, "/") {
		code = definition.TypeURL(code)
	}
	return g.graft(n, code)
}

// graft copies the children of a structure's root below n.
func (g *generator) graft(n *node, canonical string) error {
	if url, _ := definition.Split(canonical); url == g.url {
		return errors.New("it refers to itself")
	}
	root, err := g.structure(canonical)
	if err != nil {
		return err
	}
	return g.copyChildren(root, n)
}

// copyChildren copies the children of one node below another.
func (g *generator) copyChildren(from, to *node) error {
	if err := g.spend(from); err != nil {
		return err
	}
	for _, c := range from.children {
		to.children = append(to.children, c.copyTo(to))
	}
	return nil
}

// expandReference gives n the content of another element of the base, and that
// element's type.
func (g *generator) expandReference(n *node, ref string) error {
	url, id, _ := strings.Cut(ref, "#")
	root := g.pristine
	if url != "" {
		other, err := g.structure(url)
		if err != nil {
			return err
		}
		root = other
	} else if typ, _, _ := strings.Cut(id, "."); typ != root.name {
		other, err := g.structure(definition.TypeURL(typ))
		if err != nil {
			return err
		}
		root = other
	}
	var target *node
	_ = root.walk(func(c *node) error {
		if target == nil && c.path() == id && c.slice == "" {
			target = c
		}
		return nil
	})
	if target == nil {
		return fmt.Errorf("%s refers to %s, which is not there", n.path(), ref)
	}
	n.e.Set("contentReference", nil)
	n.e.Set("type", target.e.Get("type").Clone())
	return g.copyChildren(target, n)
}
