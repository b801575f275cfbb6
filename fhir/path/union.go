package path

import (
	"slices"
	"sync/atomic"
)

// union compiles a | b | c as one: all that is found, each once (FHIRPath §6.4.1).
func (c *compiler) union(n *node) (evalFn, error) {
	var sides []*node
	for ; n.op == opBinary && n.text == "|"; n = n.kids[0] {
		sides = append(sides, n.kids[1])
	}
	sides = append(sides, n)
	slices.Reverse(sides)
	fns, err := c.exprs(sides)
	if err != nil {
		return nil, err
	}
	u := unionOf{fns: fns}
	for _, side := range sides {
		u.roots = append(u.roots, rootOf(side))
	}
	return u.eval, nil
}

// unionOf is a union of expressions. R4 writes one search parameter of many types
// as a union of paths that begin with a type each; roots tells which.
type unionOf struct {
	fns   []evalFn
	roots []string // the type a side begins with, "" for a side to evaluate always
	last  atomic.Pointer[sidesOf]
}

// sidesOf are the sides that can give something on a type.
type sidesOf struct {
	typ *Type
	fns []evalFn
}

// sides are the functions to evaluate on a focus.
func (u *unionOf) sides(focus []Item) []evalFn {
	if len(focus) != 1 || focus[0].node == nil {
		return u.fns
	}
	t := focus[0].node.typ
	if t == nil || t.open {
		return u.fns
	}
	if l := u.last.Load(); l != nil && l.typ == t {
		return l.fns
	}
	l := &sidesOf{typ: t}
	for i, fn := range u.fns {
		if u.roots[i] == "" || t.is(u.roots[i]) {
			l.fns = append(l.fns, fn)
		}
	}
	u.last.Store(l)
	return l.fns
}

func (u *unionOf) eval(s *session, f *frame, out []Item) ([]Item, error) {
	fns := u.sides(f.focus)
	if len(fns) == 0 {
		return out, s.spend(1)
	}
	buf := s.grab()
	var err error
	for _, fn := range fns {
		if buf, err = fn(s, f, buf); err != nil {
			return nil, err
		}
	}
	if len(buf) == 1 {
		out = append(out, buf[0])
	} else if len(buf) > 1 {
		out, err = s.distinct(buf, out)
	}
	s.release(buf)
	return out, err
}

// rootOf is the type that a path begins with, when the path gives nothing on
// any other type; "" otherwise.
func rootOf(n *node) string {
	for {
		switch n.op {
		case opMember:
			if n.input() == nil {
				name, _ := rootType(n)
				return name
			}
		case opCall:
			switch n.text {
			case "where", "select", "as", "ofType", "extension", "resolve", "first", "last":
			default:
				return ""
			}
			if n.input() == nil {
				return ""
			}
		case opIndexer:
		case opType:
			if n.text != "as" {
				return ""
			}
		default:
			return ""
		}
		n = n.kids[0]
	}
}
