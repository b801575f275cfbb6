package path

import (
	"slices"

	"vitalwire/fhir"
)

// filterFunction are the functions of FHIRPath §5.2, §7 aggregate, and sort.
func filterFunction(name string) (function, bool) {
	switch name {
	case "where":
		return function{1, 1, buildWhere}, true
	case "select":
		return function{1, 1, buildSelect}, true
	case "repeat":
		return function{1, 1, buildRepeat}, true
	case "ofType", "as", "is":
		return function{1, 1, buildTypeCall}, true
	case "aggregate":
		return function{1, 2, buildAggregate}, true
	case "sort":
		return function{0, 16, buildSort}, true
	}
	return function{}, false
}

func buildWhere(c *compiler, n *node) (callFn, error) {
	if fn, ok, err := c.resolvesTo(n.args()[0]); ok || err != nil {
		return fn, err
	}
	criteria, err := c.expr(n.args()[0])
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		err := s.eachItem(f, in, func(f *frame, it Item) error {
			t, err := s.condition(f, criteria)
			if t == yes {
				out = append(out, it)
			}
			return err
		})
		return out, err
	}, nil
}

func buildSelect(c *compiler, n *node) (callFn, error) {
	projection, err := c.expr(n.args()[0])
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		err := s.eachItem(f, in, func(f *frame, _ Item) error {
			var err error
			before := len(out)
			if out, err = projection(s, f, out); err != nil {
				return err
			}
			return s.spend(len(out) - before)
		})
		return out, err
	}, nil
}

// buildRepeat compiles repeat(projection): what the projection gives on the
// input, on that, and so on, each item once (FHIRPath §5.2.3).
func buildRepeat(c *compiler, n *node) (callFn, error) {
	projection, err := c.expr(n.args()[0])
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		start := len(out)
		seen := map[*fhir.Element]bool{}
		queue := slices.Clone(in)
		for len(queue) > 0 {
			next := s.grab()
			err := s.eachItem(f, queue, func(f *frame, _ Item) error {
				found, err := projection(s, f, s.grab())
				if err != nil {
					return err
				}
				for i := range found {
					if fresh, err := s.fresh(seen, out[start:], &found[i]); err != nil {
						return err
					} else if fresh {
						out, next = append(out, found[i]), append(next, found[i])
					}
				}
				s.release(found)
				return nil
			})
			if err != nil {
				return nil, err
			}
			queue = append(queue[:0], next...)
			s.release(next)
		}
		return out, nil
	}, nil
}

// fresh reports whether an item was not found yet. An element met again is told
// by its place; one elsewhere that is equal counts as found too.
func (s *session) fresh(seen map[*fhir.Element]bool, before []Item, it *Item) (bool, error) {
	if it.node != nil && it.node.el != nil {
		if seen[it.node.el] {
			return false, nil
		}
		seen[it.node.el] = true
	}
	found, err := s.has(before, it)
	return !found, err
}

// buildAggregate compiles aggregate(aggregator, init) (FHIRPath §7.1).
func buildAggregate(c *compiler, n *node) (callFn, error) {
	step, err := c.expr(n.args()[0])
	if err != nil {
		return nil, err
	}
	initial, err := c.optional(n, 1)
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		var total []Item
		if initial != nil {
			if total, err = initial(s, f, nil); err != nil {
				return nil, err
			}
		}
		err := s.eachItem(f, in, func(f *frame, _ Item) error {
			f.total = total
			next, err := step(s, f, nil)
			if err == nil {
				err = s.spend(1 + len(next))
			}
			total = next
			return err
		})
		return append(out, total...), err
	}, nil
}

// sortKey is an argument of sort: an expression, backwards when a minus stands
// before it.
type sortKey struct {
	eval     evalFn
	backward bool
}

// buildSort compiles sort(keys) as R4's tests use it, from FHIRPath 3.0 §5.5.9. Empty keys
// come first either way.
func buildSort(c *compiler, n *node) (callFn, error) {
	keys := make([]sortKey, 0, len(n.args()))
	for _, arg := range n.args() {
		k := sortKey{}
		if arg.op == opPolarity && arg.text == "-" {
			k.backward, arg = true, arg.kids[0]
		}
		var err error
		if k.eval, err = c.expr(arg); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		rows := make([]sortRow, 0, len(in))
		err := s.eachItem(f, in, func(f *frame, it Item) error {
			row := sortRow{item: it}
			for _, k := range keys {
				v, ok, err := s.one(f, k.eval)
				if err != nil {
					return err
				}
				if !ok {
					row.keys = append(row.keys, nil)
					continue
				}
				row.keys = append(row.keys, &v)
			}
			if len(keys) == 0 {
				row.keys = append(row.keys, &row.item)
			}
			rows = append(rows, row)
			return nil
		})
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(rows, func(a, b sortRow) int {
			if err != nil {
				return 0
			}
			var order int
			order, err = s.compareRows(a, b, keys)
			return order
		})
		for i := range rows {
			out = append(out, rows[i].item)
		}
		return out, err
	}, nil
}

type sortRow struct {
	item Item
	keys []*Item
}

func (s *session) compareRows(a, b sortRow, keys []sortKey) (int, error) {
	if err := s.spend(1); err != nil {
		return 0, err
	}
	for i := range a.keys {
		order := 0
		switch x, y := a.keys[i], b.keys[i]; {
		case x == nil && y == nil:
		case x == nil:
			return -1, nil
		case y == nil:
			return 1, nil
		default:
			var err error
			if order, _, err = compareItems(x, y); err != nil {
				return 0, err
			}
		}
		if i < len(keys) && keys[i].backward {
			order = -order
		}
		if order != 0 {
			return order, nil
		}
	}
	return 0, nil
}
