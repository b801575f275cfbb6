package path

import "math"

// conversionFunction are the functions of FHIRPath §5.5.
func conversionFunction(name string) (function, bool) {
	switch name {
	case "toBoolean":
		return conversion(toBoolean), true
	case "toInteger":
		return conversion(toInteger), true
	case "toDecimal":
		return conversion(toDecimal), true
	case "toString":
		return conversion(toText), true
	case "toDate":
		return conversion(toTemporal(KindDate)), true
	case "toDateTime":
		return conversion(toTemporal(KindDateTime)), true
	case "toTime":
		return conversion(toTemporal(KindTime)), true
	case "convertsToBoolean":
		return convertible(toBoolean), true
	case "convertsToInteger":
		return convertible(toInteger), true
	case "convertsToDecimal":
		return convertible(toDecimal), true
	case "convertsToString":
		return convertible(toText), true
	case "convertsToDate":
		return convertible(toTemporal(KindDate)), true
	case "convertsToDateTime":
		return convertible(toTemporal(KindDateTime)), true
	case "convertsToTime":
		return convertible(toTemporal(KindTime)), true
	case "toQuantity", "convertsToQuantity":
		return function{0, 1, buildToQuantity}, true
	}
	return function{}, false
}

// converter turns a System value into one of another type.
type converter func(v *Item) (Item, bool)

func conversion(to converter) function {
	return onValue(func(_ *session, v *Item, out []Item) ([]Item, error) {
		if r, ok := to(v); ok {
			out = append(out, r)
		}
		return out, nil
	})
}

func convertible(to converter) function {
	return onValue(func(_ *session, v *Item, out []Item) ([]Item, error) {
		_, ok := to(v)
		return append(out, Boolean(ok)), nil
	})
}

func toBoolean(v *Item) (Item, bool) {
	switch v.kind {
	case KindBoolean:
		return *v, true
	case KindString:
		switch asciiLower(v.s) {
		case "true", "t", "yes", "y", "1", "1.0":
			return Boolean(true), true
		case "false", "f", "no", "n", "0", "0.0":
			return Boolean(false), true
		}
	case KindInteger, KindDecimal:
		d, _ := v.number()
		if d.Cmp(DecimalOf(1)) == 0 {
			return Boolean(true), true
		}
		return Boolean(false), d.Sign() == 0
	}
	return Item{}, false
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func toInteger(v *Item) (Item, bool) {
	switch v.kind {
	case KindInteger:
		return *v, true
	case KindBoolean:
		return Integer(v.n), true
	case KindString:
		n, ok := parseInt(v.s)
		return Integer(n), ok && n >= math.MinInt32 && n <= math.MaxInt32
	}
	return Item{}, false
}

func toDecimal(v *Item) (Item, bool) {
	switch v.kind {
	case KindDecimal:
		return *v, true
	case KindInteger, KindBoolean:
		return DecimalItem(DecimalOf(v.n)), true
	case KindString:
		d, ok := plainDecimal(v.s)
		return DecimalItem(d), ok
	}
	return Item{}, false
}

// plainDecimal is a decimal without an exponent (FHIRPath §5.5.5: (\+|-)?\d+(\.\d+)?).
func plainDecimal(s string) (Decimal, bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == 'e' || s[i] == 'E' {
			return Decimal{}, false
		}
	}
	return ParseDecimal(s)
}

func toText(v *Item) (Item, bool) {
	if v.kind == KindNode || v.kind == KindTypeInfo {
		return Item{}, false
	}
	text, ok := v.Text()
	return String(text), ok
}

// toTemporal is toDate, toDateTime and toTime: strings are read, Date and
// DateTime turn into each other.
func toTemporal(kind Kind) converter {
	return func(v *Item) (Item, bool) {
		switch {
		case v.kind == kind:
			return *v, true
		case v.kind == KindString:
			t, ok := parseTemporal(v.s, kind)
			return TemporalItem(t), ok && (kind != KindDateTime || v.s[len(v.s)-1] != 'T')
		case v.kind == KindDate && kind == KindDateTime:
			t := v.box.when
			t.kind = KindDateTime
			return TemporalItem(t), true
		case v.kind == KindDateTime && kind == KindDate:
			t := v.box.when
			return TemporalItem(Temporal{kind: KindDate, prec: min(t.prec, toDay), year: t.year, month: t.month, day: t.day}), true
		}
		return Item{}, false
	}
}

func toQuantity(v *Item) (Item, bool) {
	switch v.kind {
	case KindQuantity:
		return *v, true
	case KindInteger, KindBoolean, KindDecimal:
		d, ok := v.number()
		if !ok {
			d = DecimalOf(v.n)
		}
		return QuantityItem(d, "1"), true
	case KindString:
		return parseQuantity(v.s)
	}
	return Item{}, false
}

// buildToQuantity compiles toQuantity(unit) and convertsToQuantity(unit).
func buildToQuantity(c *compiler, n *node) (callFn, error) {
	unit, err := c.optional(n, 0)
	if err != nil {
		return nil, err
	}
	convert := func(s *session, f *frame, v *Item) (Item, bool, error) {
		q, ok := toQuantity(v)
		if !ok || unit == nil {
			return q, ok, nil
		}
		code, given, err := s.str(f, unit)
		if err != nil || !given {
			return q, err == nil, err
		}
		target := box{dec: DecimalOf(0), unit: code}
		if word := calendarWord(code); word != "" {
			target.unit, target.cal = word, true
		}
		_, value, ok := commonUnit(&target, q.box, false)
		if !ok {
			return q, false, nil
		}
		if target.unit == q.box.unit {
			return q, true, nil
		}
		return target.with(decimalOfRat(value)), true, nil
	}
	answers := n.text == "toQuantity"
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		if len(in) == 0 {
			return out, nil
		}
		if len(in) > 1 {
			return nil, errAt(Execution, 0, "a single item was expected, there are %d", len(in))
		}
		v, ok := in[0].value()
		if !ok {
			return out, nil
		}
		q, ok, err := convert(s, f, &v)
		switch {
		case err != nil:
			return nil, err
		case !answers:
			return append(out, Boolean(ok)), nil
		case ok:
			return append(out, q), nil
		}
		return out, nil
	}, nil
}
