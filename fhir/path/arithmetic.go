package path

import "math"

// ordered is <, <=, > and >= (FHIRPath §6.2).
func ordered(name string, a, b []Item) (truth, error) {
	if len(a) == 0 || len(b) == 0 {
		return unknown, nil
	}
	if len(a) > 1 || len(b) > 1 {
		return unknown, errAt(Execution, 0, "%s compares single items, there are %d and %d", name, len(a), len(b))
	}
	order, known, err := compareItems(&a[0], &b[0])
	if err != nil || !known {
		return unknown, err
	}
	switch name {
	case "<":
		return truthFrom(order < 0), nil
	case "<=":
		return truthFrom(order <= 0), nil
	case ">":
		return truthFrom(order > 0), nil
	}
	return truthFrom(order >= 0), nil
}

// compareItems orders two items of one kind; Integers are Decimals here, and
// numbers Quantities of unit 1 beside a Quantity.
func compareItems(a, b *Item) (order int, known bool, err error) {
	x, ok1 := a.value()
	y, ok2 := b.value()
	if !ok1 || !ok2 {
		return 0, false, nil
	}
	mismatch := errAt(Execution, 0, "%s and %s have no order", a.TypeName(), b.TypeName())
	switch {
	case x.kind == KindInteger && y.kind == KindInteger:
		return compareInt(x.n, y.n), true, nil
	case x.kind == KindString && y.kind == KindString:
		return compareString(x.s, y.s), true, nil
	case x.kind >= KindDate && x.kind <= KindTime && y.kind >= KindDate && y.kind <= KindTime:
		if !x.box.when.comparableWith(y.box.when) {
			return 0, false, mismatch
		}
		order, known = x.box.when.compare(y.box.when)
		return order, known, nil
	}
	d, dok := x.number()
	e, eok := y.number()
	switch {
	case dok && eok:
		return d.Cmp(e), true, nil
	case dok && y.kind == KindQuantity:
		x = QuantityItem(d, "1")
	case eok && x.kind == KindQuantity:
		y = QuantityItem(e, "1")
	case x.isQuantity() && y.isQuantity() && (x.kind == KindNode || y.kind == KindNode):
		return 0, false, nil // a comparator: less than 5 is nowhere exactly
	case x.kind != KindQuantity || y.kind != KindQuantity:
		return 0, false, mismatch
	}
	order, known = compareQuantity(x.box, y.box)
	return order, known, nil
}

// isQuantity reports whether the item is a Quantity, even one with a comparator.
func (it *Item) isQuantity() bool {
	return it.kind == KindQuantity || it.kind == KindNode && it.node.typ != nil && it.node.typ.system == KindQuantity
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compareString orders by code points, which for UTF-8 is the order of bytes.
func compareString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// arithmetic is + - * / div mod (FHIRPath §6.6). Overflow and division by zero
// give empty.
func arithmetic(name string, left, right evalFn) evalFn {
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		a, ok1, err := s.one(f, left)
		if err != nil {
			return nil, err
		}
		b, ok2, err := s.one(f, right)
		if err != nil {
			return nil, err
		}
		if !ok1 || !ok2 {
			return out, nil
		}
		x, ok1 := a.value()
		y, ok2 := b.value()
		if !ok1 || !ok2 {
			return out, nil
		}
		if x.kind == KindString && y.kind == KindString && name == "+" {
			return s.appendText(out, x.s+y.s)
		}
		r, ok, fits := compute(name, &x, &y)
		if !fits {
			return nil, errAt(Execution, 0, "%s does not work on %s and %s", name, a.TypeName(), b.TypeName())
		}
		if ok && bounded(&r) {
			out = append(out, r)
		}
		return out, s.spend(1)
	}
}

// bounded reports whether a number is within the bounds of its type.
func bounded(it *Item) bool {
	switch it.kind {
	case KindInteger:
		return it.n >= math.MinInt32 && it.n <= math.MaxInt32
	case KindDecimal, KindQuantity:
		return it.box.dec.fits()
	}
	return true
}

// compute gives a result; fits is false where the operator does not know the
// types, ok where the result is empty.
func compute(name string, x, y *Item) (r Item, ok, fits bool) {
	if x.kind == KindInteger && y.kind == KindInteger {
		if r, ok, done := computeInt(name, x.n, y.n); done {
			return r, ok, true
		}
	}
	d, dok := x.number()
	e, eok := y.number()
	switch {
	case dok && eok:
		r, ok = computeDecimal(name, d, e)
		return r, ok, true
	case x.kind >= KindDate && x.kind <= KindTime && y.kind == KindQuantity && (name == "+" || name == "-"):
		return moved(name, x.box.when, y.box)
	case x.kind == KindQuantity && eok && name != "div" && name != "mod":
		q := QuantityItem(e, "1")
		return computeQuantity(name, x.box, q.box)
	case dok && y.kind == KindQuantity && name != "div" && name != "mod":
		q := QuantityItem(d, "1")
		return computeQuantity(name, q.box, y.box)
	case x.kind == KindQuantity && y.kind == KindQuantity:
		return computeQuantity(name, x.box, y.box)
	}
	return r, false, false
}

// computeInt is arithmetic on Integers; done is false for /, which gives a Decimal.
func computeInt(name string, a, b int64) (r Item, ok, done bool) {
	switch name {
	case "+":
		return Integer(a + b), true, true
	case "-":
		return Integer(a - b), true, true
	case "*":
		p, ok := mul64(a, b)
		return Integer(p), ok, true
	case "div":
		if b == 0 {
			return r, false, true
		}
		return Integer(a / b), true, true
	case "mod":
		if b == 0 {
			return r, false, true
		}
		return Integer(a % b), true, true
	}
	return r, false, false
}

func computeDecimal(name string, d, e Decimal) (Item, bool) {
	switch name {
	case "+":
		return DecimalItem(d.Add(e)), true
	case "-":
		return DecimalItem(d.Sub(e)), true
	case "*":
		return DecimalItem(d.Mul(e)), true
	}
	if e.Sign() == 0 {
		return Item{}, false
	}
	switch name {
	case "/":
		return DecimalItem(d.Quo(e)), true
	case "div":
		n, ok := d.wholeQuo(e).Int64()
		return Integer(n), ok
	}
	return DecimalItem(d.Sub(e.Mul(d.wholeQuo(e)))), true
}

// wholeQuo is the quotient without what stands behind the point.
func (d Decimal) wholeQuo(e Decimal) Decimal {
	d, e = align(d, e)
	if d.big == nil && e.big == nil && d.small != math.MinInt64 {
		return Decimal{small: d.small / e.small}
	}
	return decimalOfBig(newInt().Quo(d.int(), e.int()), 0)
}

func computeQuantity(name string, q, r *box) (it Item, ok, fits bool) {
	switch name {
	case "+":
		it, ok = addQuantity(q, r, 1)
	case "-":
		it, ok = addQuantity(q, r, -1)
	case "*":
		it, ok = multiplyQuantity(q, r)
	case "/":
		it, ok = divideQuantity(q, r)
	default:
		return it, false, false
	}
	return it, ok, true
}

// moved is a date or time plus or minus a quantity of time (FHIRPath §6.8).
func moved(name string, t Temporal, q *box) (it Item, ok, fits bool) {
	unit := q.unit
	if q.fhir {
		switch unit { // R4 fhirpath §2.9.1.1
		case "a":
			unit = "year"
		case "mo":
			unit = "month"
		}
	}
	months, nanos, known := timeUnit(unit)
	if !known || t.kind == KindTime && (months != 0 || nanos >= nanosPerDay) {
		return it, false, false
	}
	d := q.dec
	if name == "-" {
		d = d.Neg()
	}
	t, ok = t.add(d, months, nanos)
	return TemporalItem(t), ok, true
}
