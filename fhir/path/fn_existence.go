package path

// existenceFunction are the functions of FHIRPath §5.1.
func existenceFunction(name string) (function, bool) {
	switch name {
	case "empty":
		return onList(func(_ *session, in, out []Item) ([]Item, error) { return append(out, Boolean(len(in) == 0)), nil }), true
	case "exists":
		return function{0, 1, buildExists}, true
	case "all":
		return function{1, 1, buildAll}, true
	case "not":
		return onList(func(_ *session, in, out []Item) ([]Item, error) {
			t, err := truthOf(in)
			return t.not().appendTo(out), err
		}), true
	case "allTrue":
		return ofBooleans(no, false), true
	case "anyTrue":
		return ofBooleans(yes, true), true
	case "allFalse":
		return ofBooleans(yes, false), true
	case "anyFalse":
		return ofBooleans(no, true), true
	case "subsetOf":
		return withOther(func(s *session, in, other, out []Item) ([]Item, error) { return s.subset(in, other, out) }), true
	case "supersetOf":
		return withOther(func(s *session, in, other, out []Item) ([]Item, error) { return s.subset(other, in, out) }), true
	case "count":
		return onList(func(_ *session, in, out []Item) ([]Item, error) { return append(out, Integer(int64(len(in)))), nil }), true
	case "distinct":
		return onList(func(s *session, in, out []Item) ([]Item, error) { return s.distinct(in, out) }), true
	case "isDistinct":
		return onList(func(s *session, in, out []Item) ([]Item, error) {
			buf, err := s.distinct(in, s.grab())
			if err != nil {
				return nil, err
			}
			out = append(out, Boolean(len(buf) == len(in)))
			s.release(buf)
			return out, nil
		}), true
	}
	return function{}, false
}

// buildExists compiles exists() and exists(criteria), which is where(criteria).exists().
func buildExists(c *compiler, n *node) (callFn, error) {
	criteria, err := c.optional(n, 0)
	if err != nil {
		return nil, err
	}
	if criteria == nil {
		return func(_ *session, _ *frame, in, out []Item) ([]Item, error) {
			return append(out, Boolean(len(in) > 0)), nil
		}, nil
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		found, err := s.anyItem(f, in, criteria, yes)
		return append(out, Boolean(found)), err
	}, nil
}

// buildAll compiles all(criteria): no item for which it is not true.
func buildAll(c *compiler, n *node) (callFn, error) {
	criteria, err := c.expr(n.args()[0])
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		all := true
		err := s.eachItem(f, in, func(f *frame, _ Item) error {
			if !all {
				return nil
			}
			t, err := s.condition(f, criteria)
			all = t == yes
			return err
		})
		return append(out, Boolean(all)), err
	}, nil
}

// anyItem reports whether the criteria have that truth for an item.
func (s *session) anyItem(f *frame, in []Item, criteria evalFn, want truth) (bool, error) {
	found := false
	err := s.eachItem(f, in, func(f *frame, _ Item) error {
		if found {
			return nil
		}
		t, err := s.condition(f, criteria)
		found = t == want
		return err
	})
	return found, err
}

// ofBooleans is allTrue, anyTrue, allFalse and anyFalse: the answer is whenFound
// where one of the items has that truth.
func ofBooleans(want truth, whenFound bool) function {
	return onList(func(_ *session, in, out []Item) ([]Item, error) {
		found := false
		for i := range in {
			v, ok := in[i].value()
			if !ok {
				continue
			}
			if v.kind != KindBoolean {
				return nil, errAt(Execution, 0, "Booleans were expected, not %s", in[i].TypeName())
			}
			found = found || truthFrom(v.n == 1) == want
		}
		return append(out, Boolean(found == whenFound)), nil
	})
}

func (s *session) subset(of, whole, out []Item) ([]Item, error) {
	for i := range of {
		found, err := s.has(whole, &of[i])
		if err != nil {
			return nil, err
		}
		if !found {
			return append(out, Boolean(false)), nil
		}
	}
	return append(out, Boolean(true)), nil
}
