package query

import "strings"

// parseJSONPath reads a path of RFC 9535. Of the Newtonsoft dialect it knows what
// templates in the wild use: no $ at the beginning, @name for @.name, and names with
// any character but those that end one.
func parseJSONPath(s *scanner) (path, error) {
	s.take("$")
	if c := s.peek(); c != '.' && c != '[' && !s.done() {
		p, err := s.jsonSteps(path{}, ".[]'\"()", true)
		return p, err
	}
	return s.jsonSteps(path{}, ".[]'\"()", false)
}

// jsonSteps reads .name, ..name, [..] until something else comes. ends are the
// characters that end a name; bare is set when the first step is a name.
func (s *scanner) jsonSteps(p path, ends string, bare bool) (path, error) {
	for {
		var st step
		switch {
		case bare:
		case s.take(".."):
			st.deep = true
		case s.peek() == '.':
			s.pos++
		case s.peek() != '[':
			return p, nil
		}
		bare = false
		var err error
		switch {
		case s.take("*"):
			st.wild = true
		case s.peek() == '[':
			err = s.bracket(&st)
		default:
			begin := s.pos
			for !s.done() && strings.IndexByte(ends, s.peek()) < 0 {
				s.pos++
			}
			name := strings.TrimRight(s.text[begin:s.pos], " ")
			if name == "" {
				return p, s.fail("a name is missing")
			}
			st.names = []string{name}
		}
		if err != nil {
			return p, err
		}
		p.steps = append(p.steps, st)
	}
}

// bracket reads ['name'], [0], [1:5], [*], [?(..)] and lists of names or indexes.
func (s *scanner) bracket(st *step) error {
	s.pos++
	s.space()
	switch c := s.peek(); {
	case s.take("*"):
		st.wild = true
	case s.take("?"):
		filter, err := s.condition(s.jsonOperand)
		if err != nil {
			return err
		}
		st.filter = filter
	case c == '\'' || c == '"':
		for {
			name, err := s.quoted()
			if err != nil {
				return err
			}
			st.names = append(st.names, name)
			if s.space(); !s.take(",") {
				break
			}
			if s.space(); s.peek() != '\'' && s.peek() != '"' {
				return s.fail("a quoted name is missing")
			}
		}
	default:
		if err := s.numbers(st); err != nil {
			return err
		}
	}
	return s.expect("]")
}

// numbers reads indexes or a slice.
func (s *scanner) numbers(st *step) error {
	parts, colons := [3]*int{}, 0
	for {
		s.space()
		if c := s.peek(); c == '-' || c >= '0' && c <= '9' {
			n, err := s.integer()
			if err != nil {
				return err
			}
			parts[colons] = &n
			if s.space(); s.peek() == ',' && colons == 0 {
				s.pos++
				st.indexes = append(st.indexes, n)
				continue
			}
		}
		if s.space(); s.peek() != ':' {
			break
		}
		if colons++; colons > 2 || len(st.indexes) > 0 {
			return s.fail("a slice has at most three numbers")
		}
		s.pos++
	}
	switch {
	case colons > 0:
		if parts[2] != nil && *parts[2] == 0 {
			return s.fail("a slice cannot go by steps of 0")
		}
		st.slice = &slice{parts[0], parts[1], parts[2]}
	case parts[0] == nil:
		return s.fail("a name, a number, * or ? is missing")
	default:
		st.indexes = append(st.indexes, *parts[0])
	}
	return nil
}

// jsonOperand reads one side of a filter's comparison.
func (s *scanner) jsonOperand() (operand, error) {
	s.space()
	if e, ok, err := s.literal(); ok {
		return operand{literal: e}, err
	}
	const ends = ".[]()'\" \t=!<>&|,"
	p := path{}
	switch {
	case s.take("$"):
		p.absolute = true
	case s.take("@"):
	default:
		return operand{}, s.fail("@, $ or a literal is missing")
	}
	c := s.peek()
	p, err := s.jsonSteps(p, ends, c != 0 && strings.IndexByte(ends, c) < 0)
	return operand{path: &p}, err
}
