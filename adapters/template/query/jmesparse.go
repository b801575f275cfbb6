package query

import "strings"

// How strongly operators bind (the grammar's precedence); flatten and filter end a
// projection that is weaker.
const (
	bindPipe    = 1
	bindOr      = 2
	bindAnd     = 3
	bindCompare = 5
	bindFlatten = 9
	bindStar    = 20
	bindFilter  = 21
	bindDot     = 40
	bindNot     = 45
	bindBracket = 55
)

// expression reads as long as what comes binds stronger than min.
func (s *scanner) expression(least int) (term, error) {
	if err := s.deeper(); err != nil {
		return nil, err
	}
	defer func() { s.nest-- }()
	left, err := s.prefix()
	for err == nil {
		s.space()
		rest := s.rest()
		var next term
		switch {
		case strings.HasPrefix(rest, "||"):
			if next, err = s.infix(least, bindOr, 2); next != nil {
				left = either{left, next}
			}
		case strings.HasPrefix(rest, "|"):
			if next, err = s.infix(least, bindPipe, 1); next != nil {
				left = chain{left, next}
			}
		case strings.HasPrefix(rest, "&&"):
			if next, err = s.infix(least, bindAnd, 2); next != nil {
				left = both{left, next}
			}
		case comparator(rest) != "":
			op := comparator(rest)
			if next, err = s.infix(least, bindCompare, len(op)); next != nil {
				left = compared{op, left, next}
			}
		case s.peek() == '.' && least < bindDot:
			s.pos++
			if s.space(); s.take("*") {
				var right term
				if right, err = s.projected(bindStar); err == nil {
					next = projection{kind: '{', left: left, right: right}
				}
			} else if next, err = s.afterDot(); err == nil {
				next = chain{left, next}
			}
			left = next
		case s.peek() == '[':
			if next, err = s.bracketAfter(left, least); next != nil {
				left = next
			}
		}
		if next == nil {
			break
		}
	}
	return left, err
}

func comparator(rest string) string {
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">"} {
		if strings.HasPrefix(rest, op) {
			return op
		}
	}
	return ""
}

// infix reads the right side of an operator, nil when it binds too weakly here.
func (s *scanner) infix(least, power, width int) (term, error) {
	if least >= power {
		return nil, nil
	}
	s.pos += width
	return s.expression(power)
}

// afterDot reads what may follow a dot: a name, a function, [..] or {..}.
func (s *scanner) afterDot() (term, error) {
	s.space()
	switch c := s.peek(); {
	case c == '[':
		s.pos++
		return s.multiList()
	case c == '{' || c == '"' || letter(rune(c)):
		return s.prefix()
	}
	return nil, s.fail("a name is missing after the dot")
}

// prefix reads what an expression may begin with.
func (s *scanner) prefix() (term, error) {
	s.space()
	c := s.peek()
	switch {
	case c == '"':
		name, err := s.jsonText()
		return field{name}, err
	case c == '\'':
		begin := s.pos
		for s.pos++; !s.done() && s.peek() != '\''; s.pos++ {
			if s.peek() == '\\' {
				s.pos++
			}
		}
		if s.done() {
			return nil, s.fail("the quote is not closed")
		}
		s.pos++
		return rawString(s.text[begin+1 : s.pos-1]), nil
	case c == '`':
		return s.backquoted()
	case c == '@':
		s.pos++
		return current{}, nil
	case c == '!':
		s.pos++
		of, err := s.expression(bindNot)
		return not{of}, err
	case c == '&':
		s.pos++
		of, err := s.expression(0)
		return reference{of}, err
	case c == '(':
		s.pos++
		inner, err := s.expression(0)
		if err != nil {
			return nil, err
		}
		// A projection ends at its parenthesis.
		return chain{inner, current{}}, s.expect(")")
	case c == '{':
		return s.multiHash()
	case c == '*':
		s.pos++
		right, err := s.projected(bindStar)
		return projection{kind: '{', left: current{}, right: right}, err
	case c == '[':
		return s.leadingBracket()
	case letter(rune(c)):
		begin := s.pos
		name := s.identifier()
		if s.space(); s.peek() == '(' {
			return s.call(name, begin)
		}
		return field{name}, nil
	}
	return nil, s.fail("an expression is missing")
}

func rawString(text string) term {
	text = strings.NewReplacer(`\'`, "'", `\\`, `\`).Replace(text)
	return literal{stringElement(text)}
}

// leadingBracket reads [0], [*], [], [?..], a slice or a list at the beginning.
func (s *scanner) leadingBracket() (term, error) {
	if t, err := s.bracketAfter(current{}, 0); t != nil || err != nil {
		return t, err
	}
	s.pos++
	return s.multiList()
}

// bracketAfter reads the bracket after left; nil when it is none that may follow.
func (s *scanner) bracketAfter(left term, least int) (term, error) {
	begin := s.pos
	s.pos++
	s.space()
	c := s.peek()
	switch {
	case c == ']' && least < bindFlatten:
		s.pos++
		right, err := s.projected(bindFlatten)
		return projection{kind: 'f', left: left, right: right}, err
	case c == '?' && least < bindFilter:
		s.pos++
		filter, err := s.expression(0)
		if err == nil {
			err = s.expect("]")
		}
		if err != nil {
			return nil, err
		}
		right, err := s.projected(bindFilter)
		return projection{kind: '?', left: left, right: right, filter: filter}, err
	case c == '*' && least < bindBracket:
		s.pos++
		if s.space(); s.take("]") {
			right, err := s.projected(bindStar)
			return projection{kind: '[', left: left, right: right}, err
		}
	case (c == ':' || c == '-' || c >= '0' && c <= '9') && least < bindBracket:
		var st step
		if err := s.numbers(&st); err != nil {
			return nil, err
		}
		if err := s.expect("]"); err != nil {
			return nil, err
		}
		if st.slice == nil {
			if len(st.indexes) != 1 {
				return nil, s.fail("one index is meant")
			}
			return chain{left, index{st.indexes[0]}}, nil
		}
		right, err := s.projected(bindStar)
		return projection{kind: '[', left: chain{left, part{*st.slice}}, right: right}, err
	}
	s.pos = begin
	return nil, nil
}

// projected reads what is done with each item of a projection.
func (s *scanner) projected(power int) (term, error) {
	s.space()
	switch c := s.peek(); {
	case c == '.':
		s.pos++
		if s.space(); s.take("*") {
			right, err := s.projected(bindStar)
			if err != nil {
				return nil, err
			}
			return s.continued(projection{kind: '{', left: current{}, right: right}, power)
		}
		first, err := s.afterDot()
		if err != nil {
			return nil, err
		}
		return s.continued(first, power)
	case c == '[':
		t, err := s.bracketAfter(current{}, power)
		if err != nil {
			return nil, err
		}
		if t != nil {
			return s.continued(t, power)
		}
	}
	return current{}, nil
}

// continued reads on after the first part of a projection's right side.
func (s *scanner) continued(left term, power int) (term, error) {
	for {
		s.space()
		var next term
		var err error
		switch {
		case s.peek() == '.':
			s.pos++
			if s.space(); s.take("*") {
				var right term
				right, err = s.projected(bindStar)
				next = projection{kind: '{', left: left, right: right}
			} else if next, err = s.afterDot(); err == nil {
				next = chain{left, next}
			}
		case s.peek() == '[':
			next, err = s.bracketAfter(left, power)
		}
		if err != nil || next == nil {
			return left, err
		}
		left = next
	}
}

// multiList reads the rest of [a, b].
func (s *scanner) multiList() (term, error) {
	var l list
	for {
		item, err := s.expression(0)
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, item)
		if s.space(); !s.take(",") {
			return l, s.expect("]")
		}
	}
}

// multiHash reads {a: b, "c": d}.
func (s *scanner) multiHash() (term, error) {
	var h hash
	s.pos++
	for {
		s.space()
		name := s.identifier()
		if s.peek() == '"' && name == "" {
			var err error
			if name, err = s.jsonText(); err != nil {
				return nil, err
			}
		} else if name == "" {
			return nil, s.fail("a name is missing")
		}
		if err := s.expect(":"); err != nil {
			return nil, err
		}
		item, err := s.expression(0)
		if err != nil {
			return nil, err
		}
		h.names, h.items = append(h.names, name), append(h.items, item)
		if s.space(); !s.take(",") {
			return h, s.expect("}")
		}
	}
}

// call reads the arguments of a function.
func (s *scanner) call(name string, begin int) (term, error) {
	f := functionOf(name)
	if f == nil {
		s.pos = begin
		return nil, s.fail("there is no function %s", name)
	}
	s.pos++
	c := call{f: f}
	if s.space(); !s.take(")") {
		for {
			arg, err := s.expression(0)
			if err != nil {
				return nil, err
			}
			c.args = append(c.args, arg)
			if s.space(); !s.take(",") {
				break
			}
		}
		if err := s.expect(")"); err != nil {
			return nil, err
		}
	}
	if n := len(c.args); n < f.least || n > f.most {
		s.pos = begin
		return nil, s.fail("%s takes another number of arguments", name)
	}
	for i, arg := range c.args {
		if _, ok := arg.(reference); ok != (strings.Contains(f.each, string(rune('0'+i)))) {
			s.pos = begin
			return nil, s.fail("argument %d of %s is the wrong kind", i+1, name)
		}
	}
	return c, nil
}
