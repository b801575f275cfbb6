package path

// utilityFunction are the functions of FHIRPath §5.9 and §5.5.1.
func utilityFunction(name string) (function, bool) {
	switch name {
	case "iif":
		return function{2, 3, buildIif}, true
	case "trace":
		return function{1, 2, buildTrace}, true
	case "now":
		return onList(func(s *session, _, out []Item) ([]Item, error) { return append(out, TemporalItem(s.clock())), nil }), true
	case "today":
		return onList(func(s *session, _, out []Item) ([]Item, error) {
			t := s.clock()
			return append(out, TemporalItem(Temporal{kind: KindDate, prec: toDay, year: t.year, month: t.month, day: t.day})), nil
		}), true
	case "timeOfDay":
		return onList(func(s *session, _, out []Item) ([]Item, error) {
			t := s.clock()
			return append(out, TemporalItem(Temporal{kind: KindTime, prec: toSecond, frac: t.frac, clock: t.clock})), nil
		}), true
	case "type":
		return onList(func(_ *session, in, out []Item) ([]Item, error) {
			for i := range in {
				if info, ok := typeInfo(&in[i]); ok {
					out = append(out, info)
				}
			}
			return out, nil
		}), true
	}
	return function{}, false
}

// buildIif compiles iif(criterion, then, otherwise); only the one that is needed
// is evaluated, with the input as $this (FHIRPath §5.5.1).
func buildIif(c *compiler, n *node) (callFn, error) {
	args, err := c.exprs(n.args())
	if err != nil {
		return nil, err
	}
	called := n.input() != nil
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		if len(in) > 1 && called {
			return nil, errAt(Execution, 0, "iif() needs a single item, there are %d", len(in))
		}
		inner := f
		if called && len(in) == 1 {
			var err error
			if inner, err = s.push(f, in[0]); err != nil {
				return nil, err
			}
			defer s.pop()
		}
		t, err := s.condition(inner, args[0])
		switch {
		case err != nil:
			return nil, err
		case t == yes:
			return args[1](s, inner, out)
		case len(args) == 3:
			return args[2](s, inner, out)
		}
		return out, nil
	}, nil
}

// buildTrace compiles trace(name, projection), which passes its input on.
func buildTrace(c *compiler, n *node) (callFn, error) {
	name, err := c.expr(n.args()[0])
	if err != nil {
		return nil, err
	}
	projection, err := c.optional(n, 1)
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		if s.env.Trace != nil {
			label, _, err := s.str(f, name)
			if err != nil {
				return nil, err
			}
			shown := append(Collection(nil), in...)
			if projection != nil {
				shown = shown[:0]
				err = s.eachItem(f, in, func(f *frame, _ Item) error {
					shown, err = projection(s, f, shown)
					return err
				})
				if err != nil {
					return nil, err
				}
			}
			s.env.Trace(label, shown)
		}
		return append(out, in...), nil
	}, nil
}
