package path

import "time"

// timeUnit reads a calendar word, or the UCUM code that date arithmetic takes
// for it, as months or nanoseconds. UCUM's a and mo are averages of the calendar
// and no units of date arithmetic (FHIRPath §6.8).
func timeUnit(unit string) (months, nanos int64, ok bool) {
	switch unit {
	case "year":
		return 12, 0, true
	case "month":
		return 1, 0, true
	case "week", "wk":
		return 0, 7 * nanosPerDay, true
	case "day", "d":
		return 0, nanosPerDay, true
	case "hour", "h":
		return 0, int64(time.Hour), true
	case "minute", "min":
		return 0, int64(time.Minute), true
	case "second", "s":
		return 0, nanosPerSecond, true
	case "millisecond", "ms":
		return 0, int64(time.Millisecond), true
	}
	return 0, 0, false
}

// add adds a number of units (FHIRPath §6.8). A fraction counts only for seconds
// and milliseconds. A unit finer than the value's precision is cut down to
// whole steps of it. ok is false when the result has no year of four digits, or
// when a Time would be given days.
func (t Temporal) add(v Decimal, months, nanos int64) (Temporal, bool) {
	if months == 0 && nanos <= nanosPerSecond {
		v = v.Mul(DecimalOf(nanos))
		months, nanos = 0, 1
	}
	n, ok := v.Int64()
	if !ok || n > 1<<58 || n < -1<<58 {
		return t, false
	}
	n, ok = mul64(n, months+nanos)
	if !ok {
		return t, false
	}
	if t.kind == KindTime {
		if months != 0 || nanos >= nanosPerDay {
			return t, false
		}
		t.clock = ((t.clock+n%nanosPerDay)%nanosPerDay + nanosPerDay) % nanosPerDay
		t.clock -= t.clock % t.step()
		t.showFraction()
		return t, true
	}
	if months != 0 {
		if t.prec == toYear {
			n -= n % 12
		}
		return t.addMonths(n)
	}
	switch t.prec {
	case toYear:
		return t.addMonths(12 * (n / (365 * nanosPerDay)))
	case toMonth:
		return t.addMonths(n / (30 * nanosPerDay))
	}
	n -= n % t.step()
	clock := t.clock + n%nanosPerDay
	days := n / nanosPerDay
	if clock < 0 {
		clock, days = clock+nanosPerDay, days-1
	}
	if clock >= nanosPerDay {
		clock, days = clock-nanosPerDay, days+1
	}
	if days > 4e6 || days < -4e6 {
		return t, false
	}
	date := time.Date(int(t.year), time.Month(t.month), int(t.day)+int(days), 0, 0, 0, 0, time.UTC)
	if date.Year() < 1 || date.Year() > 9999 {
		return t, false
	}
	t.year, t.month, t.day, t.clock = int16(date.Year()), int8(date.Month()), int8(date.Day()), clock
	t.showFraction()
	return t, true
}

// addMonths keeps the day of the month, or takes the month's last day.
func (t Temporal) addMonths(n int64) (Temporal, bool) {
	if n > 12*10000 || n < -12*10000 {
		return t, false
	}
	m := int64(t.year)*12 + int64(t.month) - 1 + n
	if m < 12 || m >= 12*10000 {
		return t, false
	}
	t.year, t.month = int16(m/12), int8(m%12+1)
	t.day = min(t.day, int8(daysIn(int(t.year), int(t.month))))
	return t, true
}

// step is how many nanoseconds the last part said stands for.
func (t Temporal) step() int64 {
	switch t.prec {
	case toHour:
		return int64(time.Hour)
	case toMinute:
		return int64(time.Minute)
	case toSecond:
		return 1
	}
	return nanosPerDay
}

func (t *Temporal) showFraction() {
	if t.prec != toSecond {
		return
	}
	for t.clock%nanosPerSecond%power(9-t.frac) != 0 {
		t.frac = min(t.frac+3-t.frac%3, 9)
	}
}

func power(n uint8) int64 { return pow10[n] }
