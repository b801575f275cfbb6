package path

// evalFn appends what an expression gives in a frame.
type evalFn func(s *session, f *frame, out []Item) ([]Item, error)

// callFn appends what a member or function gives on an input. Arguments are
// evaluated in the frame around it (FHIRPath §3.2), except those that a function
// evaluates once per item of its input.
type callFn func(s *session, f *frame, in, out []Item) ([]Item, error)

type compiler struct {
	model       *Model
	singletonAs bool
}

// expr compiles a node.
func (c *compiler) expr(n *node) (evalFn, error) {
	switch n.op {
	case opLiteral:
		it := n.lit
		return func(_ *session, _ *frame, out []Item) ([]Item, error) { return append(out, it), nil }, nil
	case opNull:
		return func(_ *session, _ *frame, out []Item) ([]Item, error) { return out, nil }, nil
	case opVariable:
		return variable(n), nil
	case opDollar:
		return dollar(n), nil
	case opMember, opCall:
		return c.chain(n)
	case opIndexer:
		return c.indexer(n)
	case opPolarity:
		return c.polarity(n)
	case opType:
		return c.typeOperator(n)
	}
	return c.binary(n)
}

// chain compiles a member or call with its input.
func (c *compiler) chain(n *node) (evalFn, error) {
	call, err := c.call(n)
	if err != nil {
		return nil, err
	}
	in := n.input()
	if in == nil {
		if n.op == opMember {
			return c.leading(n), nil
		}
		return func(s *session, f *frame, out []Item) ([]Item, error) { return call(s, f, f.focus, out) }, nil
	}
	if n.op == opMember {
		return c.path(n, nil)
	}
	left, err := c.expr(in)
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		buf, err := left(s, f, s.grab())
		if err != nil {
			return nil, err
		}
		out, err = call(s, f, buf, out)
		s.release(buf)
		return out, err
	}, nil
}

// path compiles a run of members, such as the .code.coding.code of a.code.coding.code,
// into one walk. only, when given, is the type that is wanted of the last step.
func (c *compiler) path(n *node, only *typeTest) (evalFn, error) {
	var steps []*member
	for n.op == opMember && n.input() != nil {
		steps = append(steps, newMember(n.text))
		n = n.input()
	}
	for i, j := 0, len(steps)-1; i < j; i, j = i+1, j-1 {
		steps[i], steps[j] = steps[j], steps[i]
	}
	steps[len(steps)-1].only = only
	if name, ok := rootType(n); ok {
		return rootedPath(name, newMember(name), steps), nil
	}
	left, err := c.expr(n)
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		in, err := left(s, f, s.grab())
		if err != nil {
			return nil, err
		}
		out, err = walk(s, steps, in, out)
		s.release(in)
		return out, err
	}, nil
}

// walk takes the steps from in, the last one into out.
func walk(s *session, steps []*member, in, out []Item) ([]Item, error) {
	last := len(steps) - 1
	if last == 0 || len(in) == 0 {
		return steps[0].each(s, in, out)
	}
	here, err := steps[0].each(s, in, s.grab())
	for i := 1; i < last && err == nil && len(here) > 0; i++ {
		var next []Item
		next, err = steps[i].each(s, here, s.grab())
		s.release(here)
		here = next
	}
	if err == nil {
		out, err = steps[last].each(s, here, out)
	}
	s.release(here)
	return out, err
}

// rootType is the name of the type that begins a path such as Patient.name.
func rootType(n *node) (string, bool) {
	if n.op != opMember || n.input() != nil || n.text == "" || n.text[0] < 'A' || n.text[0] > 'Z' {
		return "", false
	}
	return n.text, true
}

// rootedPath is a path that begins with a type: where the focus is of another
// type, as in most of a search expression of many types, it ends at once.
func rootedPath(name string, root *member, steps []*member) evalFn {
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		var err error
		for i := range f.focus {
			it := &f.focus[i]
			if it.node != nil && it.node.typ != nil && it.node.typ.is(name) {
				out, err = walk(s, steps, f.focus[i:i+1], out)
			} else if it.node == nil || it.node.typ == nil || it.node.typ.open {
				var in []Item
				if in, err = root.step(s, it, s.grab()); err == nil {
					out, err = walk(s, steps, in, out)
					s.release(in)
				}
			}
			if err != nil {
				return nil, err
			}
		}
		return out, s.spend(1)
	}
}

func (m *member) each(s *session, in, out []Item) ([]Item, error) {
	var err error
	for i := range in {
		if out, err = m.step(s, &in[i], out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// leading compiles a name that begins a path: a child of the focus, or where it
// is the name of the focus's type the focus itself (FHIRPath §3.1).
func (c *compiler) leading(n *node) evalFn {
	m, name := newMember(n.text), n.text
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return func(s *session, f *frame, out []Item) ([]Item, error) { return m.each(s, f.focus, out) }
	}
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		var err error
		for i := range f.focus {
			it := &f.focus[i]
			if it.node != nil && it.node.typ != nil && it.node.typ.is(name) {
				out = append(out, *it)
			} else if out, err = m.step(s, it, out); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

// call compiles a member or function so that it takes its input from outside.
func (c *compiler) call(n *node) (callFn, error) {
	if n.op == opMember {
		m := newMember(n.text)
		return func(s *session, _ *frame, in, out []Item) ([]Item, error) { return m.each(s, in, out) }, nil
	}
	fn, ok := lookup(n.text)
	if !ok {
		return nil, errAt(Semantic, n.pos, "there is no function %s()", clip(n.text, 40))
	}
	if got := len(n.args()); got < fn.least || got > fn.most {
		if fn.least == fn.most {
			return nil, errAt(Semantic, n.pos, "%s() takes %d arguments, not %d", n.text, fn.least, got)
		}
		return nil, errAt(Semantic, n.pos, "%s() takes %d to %d arguments, not %d", n.text, fn.least, fn.most, got)
	}
	call, err := fn.build(c, n)
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		before := len(out)
		out, err := call(s, f, in, out)
		if err == nil {
			err = s.spend(1 + len(out) - before)
		}
		if err != nil {
			return nil, at(err, n.pos)
		}
		return out, nil
	}, nil
}

// at gives an error its place, where it has none yet.
func at(err error, pos int) error {
	if e, ok := err.(*Error); ok && e.Offset == 0 && pos > 0 { //nolint:errorlint // only an unwrapped one is ours to change
		e.Offset = pos
	}
	return err
}

func (c *compiler) indexer(n *node) (evalFn, error) {
	left, err := c.expr(n.kids[0])
	if err != nil {
		return nil, err
	}
	index, err := c.expr(n.kids[1])
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		in, err := left(s, f, s.grab())
		if err != nil {
			return nil, err
		}
		i, ok, err := s.integer(f, index)
		if err != nil {
			return nil, at(err, n.pos)
		}
		if ok && i >= 0 && i < int64(len(in)) {
			out = append(out, in[i])
		}
		s.release(in)
		return out, s.spend(1)
	}, nil
}

func (c *compiler) polarity(n *node) (evalFn, error) {
	kid, err := c.expr(n.kids[0])
	if err != nil {
		return nil, err
	}
	minus := n.text == "-"
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		it, ok, err := s.one(f, kid)
		if err != nil || !ok {
			return out, at(err, n.pos)
		}
		v, ok := it.value()
		if !ok {
			return out, nil
		}
		switch v.kind {
		case KindInteger:
			if minus {
				v.n = -v.n
			}
		case KindDecimal:
			if minus {
				v = DecimalItem(v.box.dec.Neg())
			}
		case KindQuantity:
			if minus {
				v = v.box.with(v.box.dec.Neg())
			}
		default:
			return nil, errAt(Execution, n.pos, "the sign %s does not fit %s", n.text, it.TypeName())
		}
		return append(out, v), nil
	}, nil
}

// one evaluates to at most one item.
func (s *session) one(f *frame, fn evalFn) (it Item, ok bool, err error) {
	buf, err := fn(s, f, s.grab())
	if err != nil {
		return it, false, err
	}
	if len(buf) > 1 {
		return it, false, errAt(Execution, 0, "a single item was expected, there are %d", len(buf))
	}
	if len(buf) == 1 {
		it, ok = buf[0], true
	}
	s.release(buf)
	return it, ok, nil
}

// integer evaluates to an Integer; ok is false for empty.
func (s *session) integer(f *frame, fn evalFn) (int64, bool, error) {
	it, ok, err := s.one(f, fn)
	if err != nil || !ok {
		return 0, false, err
	}
	v, ok := it.value()
	if ok && v.kind != KindInteger {
		return 0, false, errAt(Execution, 0, "an Integer was expected, not %s", it.TypeName())
	}
	return v.n, ok, nil
}

// str evaluates to a String; ok is false for empty.
func (s *session) str(f *frame, fn evalFn) (string, bool, error) {
	it, ok, err := s.one(f, fn)
	if err != nil || !ok {
		return "", false, err
	}
	return stringOf(&it)
}

// stringOf is the text of a string item; ok is false for a primitive without a value.
func stringOf(it *Item) (string, bool, error) {
	if t, ok := it.text(); ok {
		return t, true, nil
	}
	if v, ok := it.value(); ok || v.kind != KindNode {
		return "", false, errAt(Execution, 0, "a String was expected, not %s", it.TypeName())
	}
	return "", false, nil
}

// truth is three-valued (FHIRPath §4.2).
type truth uint8

const (
	unknown truth = iota
	no
	yes
)

func truthFrom(b bool) truth {
	if b {
		return yes
	}
	return no
}

// appendTo appends a Boolean, or nothing for unknown.
func (t truth) appendTo(out []Item) []Item {
	if t == unknown {
		return out
	}
	return append(out, Boolean(t == yes))
}

// truthOf is the singleton evaluation of a condition (FHIRPath §4.5).
func truthOf(items []Item) (truth, error) {
	switch len(items) {
	case 0:
		return unknown, nil
	case 1:
		v, ok := items[0].value()
		if ok && v.kind == KindBoolean {
			return truthFrom(v.n == 1), nil
		}
		if !ok && items[0].node.typ != nil && items[0].node.typ.system == KindBoolean {
			return unknown, nil
		}
		return yes, nil
	}
	return unknown, errAt(Execution, 0, "a single condition was expected, there are %d items", len(items))
}

// condition evaluates an expression as a condition.
func (s *session) condition(f *frame, fn evalFn) (truth, error) {
	buf, err := fn(s, f, s.grab())
	if err != nil {
		return unknown, err
	}
	t, err := truthOf(buf)
	s.release(buf)
	return t, err
}

// dollar compiles $this, $index and $total.
func dollar(n *node) evalFn {
	switch n.text {
	case "index":
		return func(_ *session, f *frame, out []Item) ([]Item, error) {
			if !f.inLoop {
				return out, nil
			}
			return append(out, Integer(f.index)), nil
		}
	case "total":
		return func(_ *session, f *frame, out []Item) ([]Item, error) { return append(out, f.total...), nil }
	}
	return func(_ *session, f *frame, out []Item) ([]Item, error) { return append(out, f.focus...), nil }
}

// eachItem runs fn in a frame per item of in, where $this and $index are set.
func (s *session) eachItem(f *frame, in []Item, fn func(f *frame, it Item) error) error {
	for i, it := range in {
		inner, err := s.push(f, it)
		if err != nil {
			return err
		}
		inner.index, inner.inLoop = int64(i), true
		err = fn(inner, it)
		s.pop()
		if err == nil {
			err = s.spend(1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
