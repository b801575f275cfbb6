package query

import (
	"strings"

	"vitalwire/fhir"
)

// condition is the filter of a step.
type condition interface {
	holds(m, root Match, b *Budget) (bool, error)
}

// junction is && or ||.
type junction struct {
	or          bool
	left, right condition
}

func (j junction) holds(m, root Match, b *Budget) (bool, error) {
	ok, err := j.left.holds(m, root, b)
	if err != nil || ok == j.or {
		return ok, err
	}
	return j.right.holds(m, root, b)
}

type negation struct{ of condition }

func (n negation) holds(m, root Match, b *Budget) (bool, error) {
	ok, err := n.of.holds(m, root, b)
	return !ok, err
}

// presence holds where a path finds something; null and false are something.
type presence struct{ path path }

func (p presence) holds(m, root Match, b *Budget) (bool, error) {
	if e, ok, err := p.path.plain(m, root, b); ok || err != nil {
		return e != nil, err
	}
	found, err := p.path.find(m, root, b)
	return len(found) > 0, err
}

// comparison holds if any value of one side compares so with any of the other.
type comparison struct {
	op          string
	left, right operand
}

// operand is a path or a literal.
type operand struct {
	path    *path
	literal *fhir.Element
}

func (o operand) values(m, root Match, b *Budget) ([]Match, error) {
	if o.path == nil {
		return []Match{{Element: o.literal}}, nil
	}
	if e, ok, err := o.path.plain(m, root, b); err != nil || ok && e == nil {
		return nil, err
	} else if ok {
		return []Match{{Element: e}}, nil
	}
	return o.path.find(m, root, b)
}

func (c comparison) holds(m, root Match, b *Budget) (bool, error) {
	left, err := c.left.values(m, root, b)
	if err != nil {
		return false, err
	}
	right, err := c.right.values(m, root, b)
	if err != nil {
		return false, err
	}
	if err := b.spend(len(left) * len(right)); err != nil {
		return false, err
	}
	for _, l := range left {
		for _, r := range right {
			if compare(c.op, l, r) {
				return true, nil
			}
		}
	}
	return false, nil
}

// compare compares numbers by value and texts by code point; of other things only
// equality is asked. In XML a number is a text that reads as one.
func compare(op string, l, r Match) bool {
	x, xOK := number(l, r)
	y, yOK := number(r, l)
	order, same := 0, false
	switch {
	case xOK && yOK:
		order = x.Cmp(y)
		same = order == 0
	case text(l) && text(r):
		a, _ := l.Text()
		z, _ := r.Text()
		order = strings.Compare(a, z)
		same = order == 0
	default:
		same = l.Element.Kind() == r.Element.Kind() && l.Element.Equal(r.Element)
		if op != "==" && op != "!=" {
			return false
		}
	}
	switch op {
	case "==":
		return same
	case "!=":
		return !same
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func text(m Match) bool {
	_, ok := m.Text()
	return ok && (m.xml || m.Element.Is(fhir.String))
}

// expression of a filter: or, and, not, comparison.
func (s *scanner) condition(operand func() (operand, error)) (condition, error) {
	if err := s.deeper(); err != nil {
		return nil, err
	}
	defer func() { s.nest-- }()
	return s.joined([]string{"||", "or "}, true, func() (condition, error) {
		return s.joined([]string{"&&", "and "}, false, func() (condition, error) { return s.test(operand) })
	})
}

func (s *scanner) joined(words []string, or bool, part func() (condition, error)) (condition, error) {
	left, err := part()
	for err == nil {
		s.space()
		if !s.take(words[0]) && !s.take(words[1]) {
			return left, nil
		}
		var right condition
		if right, err = part(); err == nil {
			left = junction{or, left, right}
		}
	}
	return nil, err
}

func (s *scanner) test(read func() (operand, error)) (condition, error) {
	s.space()
	if s.take("!") || s.take("not(") {
		closing := s.text[s.pos-1] == '('
		if err := s.deeper(); err != nil {
			return nil, err
		}
		defer func() { s.nest-- }()
		if !closing {
			of, err := s.test(read)
			return negation{of}, err
		}
		of, err := s.condition(read)
		if err != nil {
			return nil, err
		}
		return negation{of}, s.expect(")")
	}
	if s.take("(") {
		inner, err := s.condition(read)
		if err != nil {
			return nil, err
		}
		return inner, s.expect(")")
	}
	left, err := read()
	if err != nil {
		return nil, err
	}
	s.space()
	if strings.HasPrefix(s.rest(), "=~") {
		return nil, s.fail("regular expressions are not read here")
	}
	for _, op := range []string{"===", "!==", "==", "!=", "<=", ">=", "<", ">", "="} {
		if s.take(op) {
			s.space()
			right, err := read()
			if len(op) == 3 {
				op = op[:2]
			}
			if op == "=" {
				op = "=="
			}
			return comparison{op, left, right}, err
		}
	}
	if left.path == nil {
		return nil, s.fail("a comparison is missing")
	}
	return presence{*left.path}, nil
}

// literal reads a quoted text, a number, true, false or null.
func (s *scanner) literal() (*fhir.Element, bool, error) {
	switch c := s.peek(); {
	case c == '\'' || c == '"':
		text, err := s.quoted()
		return fhir.NewString(text), true, err
	case c == '-' || c >= '0' && c <= '9':
		begin := s.pos
		for !s.done() && strings.IndexByte("+-.0123456789eE", s.peek()) >= 0 {
			s.pos++
		}
		e, err := fhir.ParseElement([]byte(s.text[begin:s.pos]))
		if err != nil {
			s.pos = begin
			return nil, true, s.fail("this is no number")
		}
		return e, true, nil
	}
	for word, value := range map[string]*fhir.Element{"true": fhir.NewBool(true), "false": fhir.NewBool(false), "null": fhir.NewNull()} {
		if rest, ok := strings.CutPrefix(s.rest(), word); ok && (rest == "" || !plainName(rest[:1])) {
			s.pos += len(word)
			return value, true, nil
		}
	}
	return nil, false, nil
}
