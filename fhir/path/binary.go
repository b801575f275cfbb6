package path

// binary compiles an infix operator (FHIRPath §6).
func (c *compiler) binary(n *node) (evalFn, error) {
	if n.text == "|" {
		return c.union(n)
	}
	left, err := c.expr(n.kids[0])
	if err != nil {
		return nil, err
	}
	right, err := c.expr(n.kids[1])
	if err != nil {
		return nil, err
	}
	fn := binaryOperator(n.text, left, right)
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		out, err := fn(s, f, out)
		if err == nil {
			err = s.spend(1)
		}
		return out, at(err, n.pos)
	}, nil
}

func binaryOperator(name string, left, right evalFn) evalFn {
	switch name {
	case "and", "or", "xor", "implies":
		return logic(name, left, right)
	case "=", "!=":
		return compared(left, right, func(s *session, a, b []Item) (truth, error) {
			t, err := s.equal(a, b)
			if name == "!=" {
				t = t.not()
			}
			return t, err
		})
	case "~", "!~":
		return compared(left, right, func(s *session, a, b []Item) (truth, error) {
			same, err := s.equivalent(a, b)
			return truthFrom(same == (name == "~")), err
		})
	case "<", "<=", ">", ">=":
		return compared(left, right, func(_ *session, a, b []Item) (truth, error) { return ordered(name, a, b) })
	case "in":
		return compared(left, right, (*session).in)
	case "contains":
		return compared(left, right, func(s *session, a, b []Item) (truth, error) { return s.in(b, a) })
	case "&":
		return concatenation(left, right)
	}
	return arithmetic(name, left, right)
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// logic is the three-valued logic of FHIRPath §6.5. The right side is not
// evaluated where the left one decides.
func logic(name string, left, right evalFn) evalFn {
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		a, err := s.condition(f, left)
		if err != nil {
			return nil, err
		}
		switch {
		case name == "and" && a == no:
			return no.appendTo(out), nil
		case name == "or" && a == yes, name == "implies" && a == no:
			return yes.appendTo(out), nil
		}
		b, err := s.condition(f, right)
		if err != nil {
			return nil, err
		}
		return combine(name, a, b).appendTo(out), nil
	}
}

func combine(name string, a, b truth) truth {
	switch name {
	case "and":
		switch {
		case a == no || b == no:
			return no
		case a == yes && b == yes:
			return yes
		}
	case "or":
		switch {
		case a == yes || b == yes:
			return yes
		case a == no && b == no:
			return no
		}
	case "implies":
		switch {
		case a == no || b == yes:
			return yes
		case a == yes && b == no:
			return no
		}
	case "xor":
		if a != unknown && b != unknown {
			return truthFrom(a != b)
		}
	}
	return unknown
}

// pair evaluates both sides.
func (s *session) pair(f *frame, left, right evalFn) (a, b []Item, err error) {
	if a, err = left(s, f, s.grab()); err != nil {
		return nil, nil, err
	}
	b, err = right(s, f, s.grab())
	return a, b, err
}

func compared(left, right evalFn, compare func(s *session, a, b []Item) (truth, error)) evalFn {
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		a, b, err := s.pair(f, left, right)
		if err != nil {
			return nil, err
		}
		t, err := compare(s, a, b)
		s.release(a)
		s.release(b)
		if err != nil {
			return nil, err
		}
		return t.appendTo(out), nil
	}
}

// in is membership (FHIRPath §6.4.2).
func (s *session) in(a, b []Item) (truth, error) {
	switch {
	case len(a) == 0:
		return unknown, nil
	case len(a) > 1:
		return unknown, errAt(Execution, 0, "a single item was expected, there are %d", len(a))
	}
	for i := range b {
		t, err := s.equalItems(&a[0], &b[i], 0)
		if err != nil {
			return unknown, err
		}
		if t == yes {
			return yes, nil
		}
	}
	return no, nil
}

// concatenation takes empty as an empty string (FHIRPath §6.6.7).
func concatenation(left, right evalFn) evalFn {
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		a, _, err := s.str(f, left)
		if err != nil {
			return nil, err
		}
		b, _, err := s.str(f, right)
		if err != nil {
			return nil, err
		}
		return s.appendText(out, a+b)
	}
}

// appendText appends a computed string within bounds.
func (s *session) appendText(out []Item, text string) ([]Item, error) {
	if len(text) > maxText {
		return nil, errAt(Budget, 0, "a computed string is longer than %d bytes", maxText)
	}
	return append(out, String(text)), s.spend(1 + len(text)/64)
}
