package path

import (
	"strings"
	"unicode"

	"vitalwire/fhir"
)

// equal is the = of collections (FHIRPath §6.1.1).
func (s *session) equal(a, b []Item) (truth, error) {
	if len(a) == 0 || len(b) == 0 {
		return unknown, nil
	}
	if len(a) != len(b) {
		return no, nil
	}
	result := yes
	for i := range a {
		t, err := s.equalItems(&a[i], &b[i], 0)
		if err != nil || t == no {
			return t, err
		}
		result = min(result, t) // unknown before yes
	}
	return result, nil
}

// equalItems compares two items; depth counts the levels of elements.
func (s *session) equalItems(a, b *Item, depth int) (truth, error) {
	if err := s.spend(1); err != nil {
		return unknown, err
	}
	if a.node != nil && b.node != nil && (a.node == b.node || a.node.el != nil && a.node.el == b.node.el) {
		return yes, nil
	}
	if a.isElement() && b.isElement() {
		return s.equalElements(a, b, depth)
	}
	x, xok := a.value()
	y, yok := b.value()
	switch {
	case xok != yok:
		return no, nil
	case !xok:
		return s.equalElements(a, b, depth) // both have extensions only
	case x.kind == KindNode || y.kind == KindNode:
		if x.kind != y.kind {
			return no, nil
		}
		return s.equalElements(a, b, depth)
	}
	return equalValues(&x, &y), nil
}

// isElement reports whether the item is an element without a System value.
func (it *Item) isElement() bool {
	return it.kind == KindNode && it.node.typ != nil && !it.node.typ.open && it.node.typ.system == KindNode
}

func equalValues(x, y *Item) truth {
	switch x.kind {
	case KindBoolean:
		return truthFrom(y.kind == x.kind && x.n == y.n)
	case KindString, KindTypeInfo:
		return truthFrom(y.kind == x.kind && x.s == y.s)
	case KindInteger, KindDecimal:
		if y.kind == KindQuantity {
			return equalValues(y, x)
		}
		if x.kind == KindInteger && y.kind == KindInteger {
			return truthFrom(x.n == y.n)
		}
		d, ok1 := x.number()
		e, ok2 := y.number()
		return truthFrom(ok1 && ok2 && d.Cmp(e) == 0)
	case KindQuantity:
		if d, ok := y.number(); ok {
			q := QuantityItem(d, "1")
			y = &q
		}
		if y.kind != KindQuantity {
			return no
		}
		order, known := compareQuantity(x.box, y.box)
		if !known {
			return unknown
		}
		return truthFrom(order == 0)
	}
	if y.kind < KindDate || y.kind > KindTime || !x.box.when.comparableWith(y.box.when) {
		return no
	}
	order, known := x.box.when.compare(y.box.when)
	if !known {
		return unknown
	}
	return truthFrom(order == 0)
}

// maxElementDepth ends the comparison of elements that nest absurdly.
const maxElementDepth = 100

// equalElements compares the children of two elements by name; their order in
// the JSON means nothing, the order within a list does.
func (s *session) equalElements(a, b *Item, depth int) (truth, error) {
	if depth > maxElementDepth {
		return unknown, errAt(Budget, 0, "elements nest too deep to be compared")
	}
	if a.node.typ.Name() != b.node.typ.Name() {
		return no, nil
	}
	if t := sameJSON(a.node.el, b.node.el); t != unknown && a.node.ext == nil && b.node.ext == nil {
		return t, s.spend(a.node.el.Len())
	}
	x, y, err := s.bothChildren(a, b)
	if err != nil {
		return unknown, err
	}
	defer s.release(x)
	defer s.release(y)
	if len(x) != len(y) {
		return no, nil
	}
	result := yes
	for i := range x {
		j := sameName(x, i, y)
		if j < 0 {
			return no, nil
		}
		t, err := s.equalItems(&x[i], &y[j], depth+1)
		if err != nil || t == no {
			return t, err
		}
		result = min(result, t)
	}
	return result, nil
}

func (s *session) bothChildren(a, b *Item) (x, y []Item, err error) {
	if x, err = s.allChildren(a, s.grab()); err != nil {
		return nil, nil, err
	}
	y, err = s.allChildren(b, s.grab())
	return x, y, err
}

// sameName finds the item of y with the name and place in its list of x[i].
func sameName(x []Item, i int, y []Item) int {
	n := x[i].node
	if i < len(y) && y[i].node.name == n.name && y[i].node.index == n.index {
		return i
	}
	for j := range y {
		if y[j].node.name == n.name && y[j].node.index == n.index {
			return j
		}
	}
	return -1
}

// equivalent is the ~ of collections: order means nothing (FHIRPath §6.1.2).
func (s *session) equivalent(a, b []Item) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	used := make([]bool, len(b))
	for i := range a {
		found := false
		for j := range b {
			if used[j] {
				continue
			}
			same, err := s.equivalentItems(&a[i], &b[j], 0)
			if err != nil {
				return false, err
			}
			if same {
				used[j], found = true, true
				break
			}
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}

func (s *session) equivalentItems(a, b *Item, depth int) (bool, error) {
	if err := s.spend(1); err != nil {
		return false, err
	}
	x, xok := a.value()
	y, yok := b.value()
	switch {
	case xok != yok:
		return false, nil
	case !xok:
		return s.equivalentElements(a, b, depth)
	case x.kind == KindNode || y.kind == KindNode:
		if x.kind != y.kind {
			return false, nil
		}
		return s.equivalentElements(a, b, depth)
	}
	return equivalentValues(&x, &y), nil
}

func equivalentValues(x, y *Item) bool {
	switch x.kind {
	case KindString:
		return y.kind == KindString && folded(x.s) == folded(y.s)
	case KindInteger, KindDecimal:
		d, ok1 := x.number()
		e, ok2 := y.number()
		if !ok1 || !ok2 {
			return y.kind == KindQuantity && equivalentValues(y, x)
		}
		d, e = d.trim(), e.trim()
		scale := min(d.scale, e.scale)
		return d.round(scale, halfUp).Cmp(e.round(scale, halfUp)) == 0
	case KindQuantity:
		if d, ok := y.number(); ok {
			q := QuantityItem(d, "1")
			y = &q
		}
		return y.kind == KindQuantity && equivalentQuantity(x.box, y.box)
	case KindDate, KindDateTime, KindTime:
		return y.kind >= KindDate && y.kind <= KindTime && x.box.when.prec == y.box.when.prec && equalValues(x, y) == yes
	}
	return equalValues(x, y) == yes
}

func (s *session) equivalentElements(a, b *Item, depth int) (bool, error) {
	if depth > maxElementDepth {
		return false, errAt(Budget, 0, "elements nest too deep to be compared")
	}
	if a.node.typ.Name() != b.node.typ.Name() {
		return false, nil
	}
	x, y, err := s.bothChildren(a, b)
	if err != nil {
		return false, err
	}
	defer s.release(x)
	defer s.release(y)
	if len(x) != len(y) {
		return false, nil
	}
	used := make([]bool, len(y))
	for i := range x {
		found := false
		for j := range y {
			if used[j] || y[j].node.name != x[i].node.name {
				continue
			}
			same, err := s.equivalentItems(&x[i], &y[j], depth+1)
			if err != nil {
				return false, err
			}
			if same {
				used[j], found = true, true
				break
			}
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}

// folded is the text without regard to case and kind of white space.
func folded(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return unicode.ToLower(unicode.ToUpper(r))
	}, s)
}

// distinct appends the items of in that differ from all before (FHIRPath §5.3.4).
// Of strings, which are what large lists have, it remembers what it saw.
func (s *session) distinct(in, out []Item) ([]Item, error) {
	start := len(out)
	var seen map[string]struct{}
	if len(in) > 16 && allStrings(in) {
		seen = make(map[string]struct{}, len(in))
	}
	for i := range in {
		var twice bool
		if seen != nil {
			text, _ := in[i].text()
			_, twice = seen[text]
			seen[text] = struct{}{}
			if err := s.spend(1); err != nil {
				return nil, err
			}
		} else {
			var err error
			if twice, err = s.has(out[start:], &in[i]); err != nil {
				return nil, err
			}
		}
		if !twice {
			out = append(out, in[i])
		}
	}
	return out, nil
}

func allStrings(in []Item) bool {
	for i := range in {
		if in[i].kind == KindString {
			continue
		}
		if n := in[i].node; n == nil || n.typ == nil || n.typ.system != KindString || !n.el.Is(fhir.String) {
			return false
		}
	}
	return true
}

// has reports whether an item equal to it is in the list.
func (s *session) has(list []Item, it *Item) (bool, error) {
	for i := range list {
		t, err := s.equalItems(&list[i], it, 0)
		if err != nil {
			return false, err
		}
		if t == yes {
			return true, nil
		}
	}
	return false, nil
}
