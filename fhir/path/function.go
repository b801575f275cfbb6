package path

// function is an entry of the function library.
type function struct {
	least, most int // how many arguments it takes
	build       func(c *compiler, n *node) (callFn, error)
}

// lookup finds a function by name.
func lookup(name string) (function, bool) {
	for _, family := range [...]func(string) (function, bool){
		existenceFunction, filterFunction, subsetFunction, conversionFunction,
		stringFunction, textFunction, mathFunction, treeFunction, utilityFunction, fhirFunction, boundaryFunction,
	} {
		if f, ok := family(name); ok {
			return f, true
		}
	}
	return function{}, false
}

// listFn works on a whole input without arguments.
type listFn func(s *session, in, out []Item) ([]Item, error)

// onList is a function without arguments.
func onList(fn listFn) function {
	return function{0, 0, func(*compiler, *node) (callFn, error) {
		return func(s *session, _ *frame, in, out []Item) ([]Item, error) { return fn(s, in, out) }, nil
	}}
}

// onItem is a function without arguments on a single item; empty stays empty.
func onItem(fn func(s *session, it *Item, out []Item) ([]Item, error)) function {
	return onList(func(s *session, in, out []Item) ([]Item, error) {
		if len(in) == 0 {
			return out, nil
		}
		if len(in) > 1 {
			return nil, errAt(Execution, 0, "a single item was expected, there are %d", len(in))
		}
		return fn(s, &in[0], out)
	})
}

// onValue is onItem on the System value; an item without one gives empty.
func onValue(fn func(s *session, v *Item, out []Item) ([]Item, error)) function {
	return onItem(func(s *session, it *Item, out []Item) ([]Item, error) {
		v, ok := it.value()
		if !ok {
			return out, nil
		}
		return fn(s, &v, out)
	})
}

// onText is a function on a single string with string arguments; any empty
// one gives empty.
func onText(least, most int, fn func(s *session, text string, args []string, out []Item) ([]Item, error)) function {
	return function{least, most, func(c *compiler, n *node) (callFn, error) {
		args, err := c.exprs(n.args())
		if err != nil {
			return nil, err
		}
		return func(s *session, f *frame, in, out []Item) ([]Item, error) {
			text, ok, err := inputText(in)
			if err != nil || !ok {
				return out, err
			}
			values := make([]string, len(args))
			for i, arg := range args {
				if values[i], ok, err = s.str(f, arg); err != nil || !ok {
					return out, err
				}
			}
			return fn(s, text, values, out)
		}, nil
	}}
}

// inputText is the input as a single string.
func inputText(in []Item) (string, bool, error) {
	switch len(in) {
	case 0:
		return "", false, nil
	case 1:
		return stringOf(&in[0])
	}
	return "", false, errAt(Execution, 0, "a single String was expected, there are %d items", len(in))
}

// exprs compiles arguments.
func (c *compiler) exprs(args []*node) ([]evalFn, error) {
	fns := make([]evalFn, len(args))
	for i, arg := range args {
		fn, err := c.expr(arg)
		if err != nil {
			return nil, err
		}
		fns[i] = fn
	}
	return fns, nil
}

// with1 is a function with one argument that is evaluated in the outer frame.
func with1(fn func(s *session, f *frame, in []Item, arg evalFn, out []Item) ([]Item, error)) function {
	return function{1, 1, func(c *compiler, n *node) (callFn, error) {
		arg, err := c.expr(n.args()[0])
		if err != nil {
			return nil, err
		}
		return func(s *session, f *frame, in, out []Item) ([]Item, error) { return fn(s, f, in, arg, out) }, nil
	}}
}

// withOther is a function of two collections.
func withOther(fn func(s *session, in, other, out []Item) ([]Item, error)) function {
	return with1(func(s *session, f *frame, in []Item, arg evalFn, out []Item) ([]Item, error) {
		other, err := arg(s, f, s.grab())
		if err != nil {
			return nil, err
		}
		out, err = fn(s, in, other, out)
		s.release(other)
		return out, err
	})
}

// optional is the argument at i, nil when absent.
func (c *compiler) optional(n *node, i int) (evalFn, error) {
	if i >= len(n.args()) {
		return nil, nil
	}
	return c.expr(n.args()[i])
}
