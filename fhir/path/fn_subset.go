package path

// subsetFunction are the functions of FHIRPath §5.3 and §5.4.
func subsetFunction(name string) (function, bool) {
	switch name {
	case "single":
		return onList(func(_ *session, in, out []Item) ([]Item, error) {
			if len(in) > 1 {
				return nil, errAt(Execution, 0, "single() found %d items", len(in))
			}
			return append(out, in...), nil
		}), true
	case "first":
		return onList(func(_ *session, in, out []Item) ([]Item, error) { return append(out, in[:min(1, len(in))]...), nil }), true
	case "last":
		return onList(func(_ *session, in, out []Item) ([]Item, error) { return append(out, in[max(0, len(in)-1):]...), nil }), true
	case "tail":
		return onList(func(_ *session, in, out []Item) ([]Item, error) { return append(out, in[min(1, len(in)):]...), nil }), true
	case "skip":
		return withCount(func(in []Item, n int) []Item { return in[n:] }), true
	case "take":
		return withCount(func(in []Item, n int) []Item { return in[:n] }), true
	case "intersect":
		return withOther(func(s *session, in, other, out []Item) ([]Item, error) {
			buf := s.grab()
			for i := range in {
				found, err := s.has(other, &in[i])
				if err != nil {
					return nil, err
				}
				if found {
					buf = append(buf, in[i])
				}
			}
			out, err := s.distinct(buf, out)
			s.release(buf)
			return out, err
		}), true
	case "exclude":
		return withOther(func(s *session, in, other, out []Item) ([]Item, error) {
			for i := range in {
				found, err := s.has(other, &in[i])
				if err != nil {
					return nil, err
				}
				if !found {
					out = append(out, in[i])
				}
			}
			return out, nil
		}), true
	case "union":
		return withOther(func(s *session, in, other, out []Item) ([]Item, error) {
			buf := append(append(s.grab(), in...), other...)
			out, err := s.distinct(buf, out)
			s.release(buf)
			return out, err
		}), true
	case "combine":
		return withOther(func(_ *session, in, other, out []Item) ([]Item, error) {
			return append(append(out, in...), other...), nil
		}), true
	}
	return function{}, false
}

// withCount is skip(n) and take(n).
func withCount(cut func(in []Item, n int) []Item) function {
	return with1(func(s *session, f *frame, in []Item, arg evalFn, out []Item) ([]Item, error) {
		n, ok, err := s.integer(f, arg)
		if err != nil || !ok {
			return out, err
		}
		return append(out, cut(in, int(min(max(n, 0), int64(len(in)))))...), nil
	})
}
