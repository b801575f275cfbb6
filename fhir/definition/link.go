package definition

import (
	"fmt"
	"strings"
)

// link makes the tree of the flat snapshot. Order and path decide, not ids:
// ids are absent or wrong in snapshots of older tools, order never is.
func (s *Structure) link() error {
	s.byID = make(map[string]*Element, len(s.Elements))
	s.byPath = make(map[string]*Element, len(s.Elements))
	root := s.Elements[0]
	if strings.Contains(root.Path, ".") {
		return fmt.Errorf("the first element %s is no root", root.Path)
	}
	open := []*Element{root} // from the root to the latest element
	s.index(root)
	for _, e := range s.Elements[1:] {
		parentPath := e.Path[:max(0, strings.LastIndexByte(e.Path, '.'))]
		for len(open) > 0 && open[len(open)-1].Path != parentPath {
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			return fmt.Errorf("element %s has no parent before it", e.Path)
		}
		parent := open[len(open)-1]
		e.Parent = parent
		parent.adopt(e)
		open = append(open, e)
		s.index(e)
	}
	for _, e := range s.Elements {
		if _, id, ok := strings.Cut(e.ContentReference, "#"); ok {
			e.Content = s.byID[id]
			if e.Content == nil {
				e.Content = s.byPath[id]
			}
		}
	}
	return nil
}

func (s *Structure) index(e *Element) {
	if e.ID != "" && s.byID[e.ID] == nil {
		s.byID[e.ID] = e
	}
	if s.byPath[e.Path] == nil {
		s.byPath[e.Path] = e
	}
}

// adopt puts a child in its place: among the children, or among the slices of
// the child it slices.
func (e *Element) adopt(child *Element) {
	if child.SliceName != "" {
		if sliced := e.slicedBy(child); sliced != nil {
			child.Sliced = sliced
			sliced.Slices = append(sliced.Slices, child)
			return
		}
	}
	e.Children = append(e.Children, child)
}

func (e *Element) slicedBy(child *Element) *Element {
	var target *Element
	for _, c := range e.Children {
		if c.Path == child.Path && c.SliceName == "" {
			target = c
		}
	}
	if target == nil {
		return nil
	}
	// "outer/inner" is a slice of the slice "outer".
	for at := 0; ; {
		cut := strings.IndexByte(child.SliceName[at:], '/')
		if cut < 0 {
			return target
		}
		at += cut
		outer := child.SliceName[:at]
		at++
		found := false
		for _, slice := range target.Slices {
			if slice.SliceName == outer {
				target, found = slice, true
				break
			}
		}
		if !found {
			return target
		}
	}
}
