package query

import (
	"fmt"
	"strings"

	"vitalwire/fhir"
)

// JMESPath (jmespath.org/specification), all of its grammar and functions, and the
// functions of iomt-fhir: add, subtract, multiply, divide, pow, insertString,
// fromUnixTimestamp and fromUnixTimestampMs.

// term is a node of a compiled JMESPath expression. A nil Element is null.
type term interface {
	eval(in Match, b *Budget) (Match, error)
}

var null = Match{Computed: true}

// made is a computed value.
func made(e *fhir.Element) Match { return Match{Element: e, Computed: true} }

func compileJMES(text string) (func(Match, *Budget) ([]Match, error), error) {
	s := &scanner{text: text}
	t, err := s.expression(0)
	if err != nil {
		return nil, err
	}
	if s.space(); !s.done() {
		return nil, s.fail("%q is not understood", s.rest())
	}
	return func(in Match, b *Budget) ([]Match, error) {
		m, err := t.eval(in, b)
		switch {
		case err != nil:
			return nil, err
		case m.Element.Kind() == fhir.Null:
			return nil, nil
		case m.Element.Is(fhir.Array):
			// A list is its items, as the matches of a path are.
			if err := b.Take(m.Element.Len(), matchSize+b.places(len(m.at))); err != nil {
				return nil, err
			}
			var found []Match
			for i, item := range m.Element.Members() {
				found = append(found, m.step(item.Value, place{index: i}, b))
			}
			return found, nil
		}
		return []Match{m}, nil
	}, nil
}

type (
	current struct{}
	field   struct{ name string }
	index   struct{ n int }
	part    struct{ of slice }
	literal struct{ value *fhir.Element }
	// chain is left, then right on what left gave: a.b, a | b.
	chain struct{ left, right term }
	// projection is right on every item of left; kind says which items.
	projection struct {
		kind        byte // '[' list, '{' object values, 'f' flatten, '?' filter
		left, right term
		filter      term
	}
	either   struct{ left, right term } // ||
	both     struct{ left, right term } // &&
	not      struct{ of term }
	compared struct {
		op          string
		left, right term
	}
	list struct{ items []term }
	hash struct {
		names []string
		items []term
	}
	call struct {
		f    *function
		args []term
	}
	reference struct{ of term } // &expression
)

func (current) eval(in Match, b *Budget) (Match, error) { return in, b.spend(1) }

func (f field) eval(in Match, b *Budget) (Match, error) {
	if err := b.spend(1 + in.Element.Len()/8); err != nil || !in.Element.Is(fhir.Object) {
		return null, err
	}
	if err := b.Take(1, 1+b.places(len(in.at))); err != nil {
		return null, err
	}
	e := in.Element.Get(f.name)
	if e == nil {
		return null, nil
	}
	return in.step(e, place{name: f.name}, b), nil
}

func (i index) eval(in Match, b *Budget) (Match, error) {
	n := i.n
	if n < 0 {
		n += in.Element.Len()
	}
	if err := b.spend(1); err != nil || !in.Element.Is(fhir.Array) || n < 0 || n >= in.Element.Len() {
		return null, err
	}
	return in.step(in.Element.At(n), place{index: n}, b), nil
}

func (p part) eval(in Match, b *Budget) (Match, error) {
	if !in.Element.Is(fhir.Array) {
		return null, b.spend(1)
	}
	if err := b.Take(1+in.Element.Len(), itemSize); err != nil {
		return null, err
	}
	var items []*fhir.Element
	for _, i := range p.of.bounds(in.Element.Len()) {
		items = append(items, in.Element.At(i))
	}
	return made(fhir.NewArray(items...)), nil
}

func (l literal) eval(_ Match, b *Budget) (Match, error) { return made(l.value), b.spend(1) }

func (c chain) eval(in Match, b *Budget) (Match, error) {
	m, err := c.left.eval(in, b)
	if err != nil {
		return null, err
	}
	return c.right.eval(m, b)
}

func (p projection) eval(in Match, b *Budget) (Match, error) {
	m, err := p.left.eval(in, b)
	if err != nil {
		return null, err
	}
	want := fhir.Array
	if p.kind == '{' {
		want = fhir.Object
	}
	if !m.Element.Is(want) {
		return null, nil
	}
	if err := b.spend(1 + m.Element.Len()); err != nil {
		return null, err
	}
	var items []*fhir.Element
	take := func(item Match) error {
		if p.filter != nil {
			ok, err := p.filter.eval(item, b)
			if err != nil || !truth(ok.Element) {
				return err
			}
		}
		out, err := p.right.eval(item, b)
		if err == nil && out.Element.Kind() != fhir.Null {
			items = append(items, out.Element)
			err = b.Take(1, itemSize)
		}
		return err
	}
	for i, member := range m.Element.Members() {
		if p.kind == 'f' && member.Value.Is(fhir.Array) {
			if err := b.spend(member.Value.Len()); err != nil {
				return null, err
			}
			for _, inner := range member.Value.Members() {
				if err := take(made(inner.Value)); err != nil {
					return null, err
				}
			}
			continue
		}
		if err := b.Take(1, itemSize+b.places(len(m.at))); err != nil {
			return null, err
		}
		if err := take(m.step(member.Value, place{name: member.Name, index: i}, b)); err != nil {
			return null, err
		}
	}
	return made(fhir.NewArray(items...)), nil
}

func (e either) eval(in Match, b *Budget) (Match, error) {
	m, err := e.left.eval(in, b)
	if err != nil || truth(m.Element) {
		return m, err
	}
	return e.right.eval(in, b)
}

func (e both) eval(in Match, b *Budget) (Match, error) {
	m, err := e.left.eval(in, b)
	if err != nil || !truth(m.Element) {
		return m, err
	}
	return e.right.eval(in, b)
}

func (n not) eval(in Match, b *Budget) (Match, error) {
	m, err := n.of.eval(in, b)
	return made(fhir.NewBool(!truth(m.Element))), err
}

func (c compared) eval(in Match, b *Budget) (Match, error) {
	l, err := c.left.eval(in, b)
	if err != nil {
		return null, err
	}
	r, err := c.right.eval(in, b)
	if err != nil {
		return null, err
	}
	if c.op == "==" || c.op == "!=" {
		same, err := equal(l.Element, r.Element, b)
		return made(fhir.NewBool(same == (c.op == "=="))), err
	}
	if !l.Element.Is(fhir.Number) || !r.Element.Is(fhir.Number) {
		return null, b.spend(1)
	}
	return made(fhir.NewBool(compare(c.op, l, r))), b.spend(1)
}

func (l list) eval(in Match, b *Budget) (Match, error) {
	if in.Element.Kind() == fhir.Null {
		return null, nil
	}
	items := make([]*fhir.Element, len(l.items))
	for i, item := range l.items {
		m, err := item.eval(in, b)
		if err != nil {
			return null, err
		}
		items[i] = some(m.Element)
	}
	return made(fhir.NewArray(items...)), b.Take(1+len(items), itemSize)
}

func (h hash) eval(in Match, b *Budget) (Match, error) {
	if in.Element.Kind() == fhir.Null {
		return null, nil
	}
	members := make([]fhir.Member, len(h.items))
	for i, item := range h.items {
		m, err := item.eval(in, b)
		if err != nil {
			return null, err
		}
		members[i] = fhir.M(h.names[i], some(m.Element))
	}
	return made(fhir.NewObject(members...)), b.Take(1+len(members), itemSize)
}

func (r reference) eval(in Match, b *Budget) (Match, error) { return r.of.eval(in, b) }

func (c call) eval(in Match, b *Budget) (Match, error) {
	if err := b.Take(1+len(c.args), itemSize); err != nil {
		return null, err
	}
	args := make([]argument, len(c.args))
	for i, t := range c.args {
		if r, ok := t.(reference); ok {
			args[i].each = r.of
			continue
		}
		m, err := t.eval(in, b)
		if err != nil {
			return null, err
		}
		args[i].e = m.Element
	}
	if err := b.spend(1); err != nil {
		return null, err
	}
	e, err := c.f.call(args, b)
	if err != nil {
		return null, fmt.Errorf("%s: %w", c.f.name, err)
	}
	return made(e), nil
}

// some is null for an element that is not there, as an item has to be something.
func some(e *fhir.Element) *fhir.Element {
	if e == nil {
		return fhir.NewNull()
	}
	return e
}

// truth is false for null, false and what is empty.
func truth(e *fhir.Element) bool {
	switch e.Kind() {
	case fhir.Null:
		return false
	case fhir.Bool:
		return e.Text() == "true"
	case fhir.String:
		return e.Text() != ""
	case fhir.Array, fhir.Object:
		return e.Len() > 0
	}
	return true
}

// equal compares by value: numbers as numbers, objects without order.
func equal(l, r *fhir.Element, b *Budget) (bool, error) {
	if err := b.spend(1 + l.Len()); err != nil {
		return false, err
	}
	if l.Kind() != r.Kind() || l.Len() != r.Len() {
		return false, nil
	}
	switch l.Kind() {
	case fhir.Number:
		return compare("==", made(l), made(r)), nil
	case fhir.Array, fhir.Object:
		for i, member := range l.Members() {
			other := r.At(i)
			if l.Is(fhir.Object) {
				if err := b.spend(r.Len()); err != nil {
					return false, err
				}
				if other = r.Get(member.Name); other == nil {
					return false, nil
				}
			}
			if same, err := equal(member.Value, other, b); err != nil || !same {
				return false, err
			}
		}
		return true, nil
	}
	return l.Text() == r.Text(), nil
}

// identifier reads an unquoted name, "" when none is next.
func (s *scanner) identifier() string {
	begin := s.pos
	for !s.done() && (letter(rune(s.peek())) || s.pos > begin && s.peek() >= '0' && s.peek() <= '9') {
		s.pos++
	}
	return s.text[begin:s.pos]
}

// jsonText reads a JSON string in double quotes.
func (s *scanner) jsonText() (string, error) {
	begin := s.pos
	for s.pos++; !s.done(); s.pos++ {
		switch s.peek() {
		case '\\':
			s.pos++
		case '"':
			s.pos++
			e, err := fhir.ParseElement([]byte(s.text[begin:s.pos]))
			if err != nil {
				return "", s.fail("this is no JSON string")
			}
			return e.Text(), nil
		}
	}
	return "", s.fail("the quote is not closed")
}

// backquoted reads a `literal` of JSON.
func (s *scanner) backquoted() (term, error) {
	begin := s.pos + 1
	for s.pos++; !s.done() && s.peek() != '`'; s.pos++ {
		if s.peek() == '\\' {
			s.pos++
		}
	}
	if s.done() {
		return nil, s.fail("the backquote is not closed")
	}
	text := strings.ReplaceAll(s.text[begin:s.pos], "\\`", "`")
	s.pos++
	e, err := fhir.ParseElement([]byte(text))
	if err != nil {
		return nil, s.fail("the literal is no JSON")
	}
	return literal{e}, nil
}
