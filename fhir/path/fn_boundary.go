package path

import "strings"

// boundaryFunction are lowBoundary, highBoundary, precision and comparable of
// FHIRPath 2.1, which R4's tests use.
func boundaryFunction(name string) (function, bool) {
	switch name {
	case "lowBoundary", "highBoundary":
		return function{0, 1, buildBoundary}, true
	case "precision":
		return onValue(func(_ *session, v *Item, out []Item) ([]Item, error) {
			switch v.kind {
			case KindInteger, KindDecimal:
				d, _ := v.number()
				return append(out, Integer(int64(d.scale))), nil
			case KindDate, KindDateTime, KindTime:
				return append(out, Integer(v.box.when.digits())), nil
			}
			return nil, errAt(Execution, 0, "precision() works on numbers, dates and times, not %s", v.TypeName())
		}), true
	case "comparable":
		return with1(func(s *session, f *frame, in []Item, arg evalFn, out []Item) ([]Item, error) {
			v, ok, err := singleValue(in)
			if err != nil || !ok {
				return out, err
			}
			other, ok, err := s.one(f, arg)
			if err != nil || !ok {
				return out, err
			}
			w, _ := other.value()
			if v.kind != KindQuantity || w.kind != KindQuantity {
				return nil, errAt(Execution, 0, "comparable() works on Quantities")
			}
			return append(out, Boolean(comparableQuantity(v.box, w.box))), nil
		}), true
	}
	return function{}, false
}

// digits counts the digits that were written; hundredths of a second count as
// three digits.
func (t Temporal) digits() int64 {
	n := [...]int64{4, 6, 8, 10, 12, 14}[t.prec]
	if t.prec == toSecond && t.frac > 0 {
		n += int64(max(t.frac, 3))
	}
	if t.kind == KindTime {
		n -= 8
	}
	return n
}

// buildBoundary compiles lowBoundary(digits) and highBoundary(digits): the least
// and greatest value that could be meant, written with that many digits.
func buildBoundary(c *compiler, n *node) (callFn, error) {
	digits, err := c.optional(n, 0)
	if err != nil {
		return nil, err
	}
	high := n.text == "highBoundary"
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		v, ok, err := singleValue(in)
		if err != nil || !ok {
			return out, err
		}
		want, given := int64(0), false
		if digits != nil {
			if want, given, err = s.integer(f, digits); err != nil || !given {
				return out, err
			}
		}
		r, ok, err := boundary(&v, high, want, given)
		if ok {
			out = append(out, r)
		}
		return out, err
	}, nil
}

func boundary(v *Item, high bool, want int64, given bool) (Item, bool, error) {
	switch v.kind {
	case KindInteger, KindDecimal, KindQuantity:
		if !given {
			want = 8
		}
		if want < 0 || want > 31 {
			return Item{}, false, nil
		}
		if v.kind == KindQuantity {
			return v.box.with(boundaryOf(v.box.dec, high, int32(want))), true, nil
		}
		d, _ := v.number()
		return DecimalItem(boundaryOf(d, high, int32(want))), true, nil
	case KindDate, KindDateTime, KindTime:
		if !given {
			want = map[Kind]int64{KindDate: 8, KindDateTime: 17, KindTime: 9}[v.kind]
		}
		t, ok := v.box.when.boundary(high, want)
		return TemporalItem(t), ok, nil
	}
	return Item{}, false, errAt(Execution, 0, "a boundary is one of a number, date or time, not of %s", v.TypeName())
}

// boundaryOf is the number less or plus half a step of its last digit. Cut to
// fewer digits, the magnitude of a low bound loses them and that of a high one is
// rounded: what R4's tests demand (LowBoundaryDecimal15, HighBoundaryDecimal15),
// though it is then no bound any more.
func boundaryOf(d Decimal, high bool, digits int32) Decimal {
	half := Decimal{small: 5, scale: d.scale + 1}
	outward := high == (d.Sign() >= 0)
	magnitude := d.abs()
	if outward {
		magnitude = magnitude.Add(half)
	} else {
		magnitude = magnitude.Sub(half)
	}
	mode := down
	if outward {
		mode = halfUp
	}
	magnitude = magnitude.round(digits, mode)
	if magnitude.scale < digits {
		magnitude = magnitude.withScale(digits)
	}
	if d.Sign() < 0 {
		return magnitude.Neg()
	}
	return magnitude
}

// boundary is the first or last moment the value could mean, written with that
// many digits: 4 for a year up to 17 for milliseconds, of a Time 2 to 9. A DateTime
// without a zone could be in any.
func (t Temporal) boundary(high bool, digits int64) (Temporal, bool) {
	if t.kind == KindTime {
		digits += 8
	}
	prec := strings.IndexByte("\x04\x06\x08\x0a\x0c\x0e\x11", byte(digits))
	if digits > 17 || prec < 0 || t.kind == KindDate && prec > int(toDay) || t.kind == KindTime && prec < int(toHour) {
		return t, false
	}
	r := t
	if high {
		if t.prec < toMonth {
			r.month = 12
		}
		if t.prec < toDay {
			r.day = int8(daysIn(int(r.year), int(r.month)))
		}
		if t.prec <= toDay {
			r.clock = nanosPerDay - 1e6
		}
		switch {
		case t.prec == toHour:
			r.clock += 3600*nanosPerSecond - 1e6
		case t.prec == toMinute:
			r.clock += 60*nanosPerSecond - 1e6
		case t.prec == toSecond && t.frac < 3:
			r.clock += power(9-t.frac) - 1e6
		}
	}
	r.prec, r.frac = precision(prec), 0
	if prec > int(toSecond) {
		r.prec, r.frac = toSecond, max(t.frac, 3)
	}
	if r.prec >= toHour {
		r.clock -= r.clock % map[precision]int64{toHour: 3600 * nanosPerSecond, toMinute: 60 * nanosPerSecond, toSecond: power(9 - r.frac)}[r.prec]
	}
	switch {
	case r.prec < toHour:
		r.zoned, r.utc, r.zone, r.clock = false, false, 0, 0
	case t.kind == KindDateTime && !t.zoned:
		r.zoned, r.zone = true, 14*60
		if high {
			r.zone = -12 * 60
		}
	}
	return r, true
}
