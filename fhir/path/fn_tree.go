package path

// treeFunction are the functions of FHIRPath §5.8.
func treeFunction(name string) (function, bool) {
	switch name {
	case "children":
		return onList(func(s *session, in, out []Item) ([]Item, error) {
			var err error
			for i := range in {
				if out, err = s.allChildren(&in[i], out); err != nil {
					return nil, err
				}
			}
			return out, nil
		}), true
	case "descendants":
		return onList(func(s *session, in, out []Item) ([]Item, error) {
			var err error
			for i := range in {
				if out, err = s.descendants(&in[i], out); err != nil {
					return nil, err
				}
			}
			return out, nil
		}), true
	}
	return function{}, false
}

// descendants appends children level by level, as repeat(children()) would.
func (s *session) descendants(it *Item, out []Item) ([]Item, error) {
	from := len(out)
	out, err := s.allChildren(it, out)
	for ; err == nil && from < len(out); from++ {
		child := out[from]
		out, err = s.allChildren(&child, out)
	}
	return out, err
}
