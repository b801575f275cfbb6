package query

import "strings"

// parseXPath reads the subset of XPath 1.0 that templates need: /a/b, //b, *, .,
// @attribute, text(), and the predicates [2], [last()], [@x='y'], [b>5], [not(c)],
// joined by and, or. A path that does not begin with a slash begins where the
// search stands. Names are matched without their prefix.
func parseXPath(s *scanner) (path, error) {
	p := path{xml: true}
	err := s.xmlSteps(&p)
	return p, err
}

func (s *scanner) xmlSteps(p *path) error {
	first := true
	for {
		st := step{}
		switch {
		case s.take("//"):
			st.deep = true
		case s.take("/"):
		case !first:
			return nil
		}
		first = false
		if !st.deep && s.take(".") {
			if s.peek() == '.' {
				return s.fail("the parent axis is not read here")
			}
			st.self = true
		} else if err := s.xmlTest(&st); err != nil {
			return err
		}
		p.steps = append(p.steps, st)
		for s.peek() == '[' {
			narrowed, err := s.predicate(p.steps[len(p.steps)-1])
			if err != nil {
				return err
			}
			if narrowed.self && !st.self {
				p.steps = append(p.steps, narrowed)
			} else {
				p.steps[len(p.steps)-1] = narrowed
			}
		}
	}
}

// xmlTest reads what a step selects.
func (s *scanner) xmlTest(st *step) error {
	switch {
	case s.take("*"):
		st.wild = true
		return nil
	case s.take("text()"):
		st.names = []string{"#text"}
		return nil
	}
	begin := s.pos
	s.take("@")
	for !s.done() && strings.IndexByte("/[]()=!<>|,'\" \t\r\n@", s.peek()) < 0 {
		s.pos++
	}
	name := s.text[begin:s.pos]
	if attribute, rest := strings.HasPrefix(name, "@"), strings.TrimPrefix(name, "@"); strings.Contains(rest, ":") {
		if strings.Contains(rest, "::") {
			return s.fail("axes are not read here")
		}
		name = rest[strings.LastIndexByte(rest, ':')+1:]
		if attribute {
			name = "@" + name
		}
	}
	if name == "" || name == "@" {
		return s.fail("a name is missing")
	}
	st.names = []string{name}
	return nil
}

// predicate reads [..]. A filter and a position after it are part of the step; each
// filter after that is a step of its own on what was found.
func (s *scanner) predicate(st step) (step, error) {
	s.pos++
	s.space()
	c := s.peek()
	positional := s.take("last()")
	nth := -1
	if !positional && c >= '0' && c <= '9' {
		n, err := s.integer()
		if err != nil || n < 1 {
			return st, s.fail("positions count from 1")
		}
		positional, nth = true, n
	}
	switch {
	case positional && st.nth == 0 && !st.self:
		st.nth = nth
	case positional:
		return st, s.fail("a step has one position at most")
	default:
		if st.filter != nil || st.nth != 0 {
			st = step{self: true}
		}
		filter, err := s.condition(s.xmlOperand)
		if err != nil {
			return st, err
		}
		st.filter = filter
	}
	return st, s.expect("]")
}

func (s *scanner) xmlOperand() (operand, error) {
	s.space()
	if e, ok, err := s.literal(); ok {
		return operand{literal: e}, err
	}
	p := path{xml: true, absolute: s.peek() == '/'}
	err := s.xmlSteps(&p)
	return operand{path: &p}, err
}
