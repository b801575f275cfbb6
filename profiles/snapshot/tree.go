package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// node is an element of a snapshot in the making.
type node struct {
	name     string // last part of the path, "value[x]"; of the root the type
	slice    string // slice name, "" for what is no slice
	e        *fhir.Element
	original *fhir.Element // e before the differential changed it; nil while it has not
	fresh    bool          // a slice that the differential makes
	byType   bool          // a slice whose path names the type, as in valueQuantity
	expanded bool          // the children come from its type, not from the base
	parent   *node         // of a slice: the parent of what it slices
	sliced   *node
	children []*node
	slices   []*node
}

// grow makes the tree of a snapshot; it copies the elements.
func grow(r *fhir.Resource) (*node, error) {
	var open []*node
	for _, item := range r.Get("snapshot").Get("element").Items() {
		path := item.Get("path").Text()
		parts := strings.Split(path, ".")
		n := &node{name: parts[len(parts)-1], slice: item.Get("sliceName").Text(), e: item.Clone()}
		depth := len(parts) - 1
		if depth == 0 {
			if open != nil {
				return nil, fmt.Errorf("%s is a second root", path)
			}
			open = []*node{n}
			continue
		}
		if depth > len(open) {
			return nil, fmt.Errorf("%s has no parent", path)
		}
		open = append(open[:depth], n)
		parent := open[depth-1]
		n.parent = parent
		if n.slice != "" {
			if host := parent.child(n.name); host != nil {
				host.outer(n.slice).addSlice(n)
				continue
			}
		}
		parent.children = append(parent.children, n)
	}
	if open == nil {
		return nil, errors.New("it has no snapshot")
	}
	return open[0], nil
}

// child is the child of that name that is no slice.
func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// addSlice puts a slice below what it slices.
func (n *node) addSlice(slice *node) {
	slice.sliced, slice.parent = n, n.parent
	n.slices = append(n.slices, slice)
}

// outer is what a slice of that name slices: for "a/b" the slice a, for others n.
func (n *node) outer(slice string) *node {
	if i := strings.LastIndexByte(slice, '/'); i > 0 {
		if found := n.findSlice(slice[:i]); found != nil {
			return found
		}
	}
	return n
}

// findSlice finds a slice by name, at any depth of slicing.
func (n *node) findSlice(name string) *node {
	for _, s := range n.slices {
		if s.slice == name {
			return s
		}
		if found := s.findSlice(name); found != nil {
			return found
		}
	}
	return nil
}

// copyTo is a deep copy below another parent.
func (n *node) copyTo(parent *node) *node {
	c := &node{name: n.name, slice: n.slice, e: n.e.Clone(), parent: parent}
	for _, kid := range n.children {
		c.children = append(c.children, kid.copyTo(c))
	}
	for _, s := range n.slices {
		c.addSlice(s.copyTo(parent))
	}
	return c
}

// before is the element as it was before the differential changed it.
func (n *node) before() *fhir.Element {
	if n.original != nil {
		return n.original
	}
	return n.e
}

func (n *node) path() string {
	if n.parent == nil {
		return n.name
	}
	return n.parent.path() + "." + n.name
}

func (n *node) id() string {
	id := n.name
	if n.parent != nil {
		id = n.parent.id() + "." + n.name
	}
	if n.slice != "" {
		id += ":" + n.slice
	}
	return id
}

// choice reports whether the element is a choice of types, and its name without [x].
func (n *node) choice() (string, bool) { return strings.CutSuffix(n.name, "[x]") }

func (n *node) isExtension() bool { return n.name == "extension" || n.name == "modifierExtension" }

// walk goes through the tree in the order of a snapshot.
func (n *node) walk(visit func(*node) error) error {
	if err := visit(n); err != nil {
		return err
	}
	for _, c := range n.children {
		if err := c.walk(visit); err != nil {
			return err
		}
	}
	for _, s := range n.slices {
		if err := s.walk(visit); err != nil {
			return err
		}
	}
	return nil
}

// place is where the node stands in the order of a snapshot: the numbers of the
// steps down to it, the children of a node before its slices.
func (n *node) place() []int {
	switch {
	case n.sliced != nil:
		return append(n.sliced.place(), 1, slices.Index(n.sliced.slices, n))
	case n.parent != nil:
		return append(n.parent.place(), 0, slices.Index(n.parent.children, n))
	}
	return nil
}

// places number the nodes in the order of a snapshot.
func (g *generator) places() map[*node]int {
	place := make(map[*node]int)
	_ = g.root.walk(func(n *node) error {
		place[n] = len(place)
		return nil
	})
	return place
}

// codes are the type codes of an element.
func codes(e *fhir.Element) []string {
	var out []string
	for _, t := range e.Get("type").Items() {
		out = append(out, t.Get("code").Text())
	}
	return out
}
