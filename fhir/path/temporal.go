package path

import (
	"fmt"
	"strings"
	"time"
)

// precision is how much of a date or time is said. Seconds and fractions of
// them are one precision with decimals (FHIRPath §6.2).
type precision uint8

const (
	toYear precision = iota
	toMonth
	toDay
	toHour
	toMinute
	toSecond
)

// Temporal is a Date, DateTime or Time, partial as it was written (FHIRPath
// §2.1.5 to 2.1.7). Fractions beyond nanoseconds are dropped.
type Temporal struct {
	kind  Kind
	prec  precision
	frac  uint8 // digits of the fraction
	zoned bool
	utc   bool  // the zone was written Z
	zone  int16 // minutes east of UTC
	year  int16
	month int8
	day   int8
	clock int64 // nanoseconds since midnight
}

const (
	nanosPerSecond = int64(time.Second)
	nanosPerDay    = 24 * int64(time.Hour)
)

// DateTimeOf is a DateTime with milliseconds and the offset of t.
func DateTimeOf(t time.Time) Temporal {
	_, offset := t.Zone()
	return Temporal{
		kind: KindDateTime, prec: toSecond, frac: 3, zoned: true, zone: int16(offset / 60), utc: offset == 0,
		year: int16(t.Year()), month: int8(t.Month()), day: int8(t.Day()),
		clock: int64(t.Hour())*int64(time.Hour) + int64(t.Minute())*int64(time.Minute) + int64(t.Second())*nanosPerSecond + int64(t.Nanosecond()/1e6)*1e6,
	}
}

// Kind is KindDate, KindDateTime or KindTime.
func (t Temporal) Kind() Kind { return t.kind }

// ParseTemporal reads a date, dateTime or time as R4 writes them; a date may
// also be given for a dateTime.
func ParseTemporal(s string, kind Kind) (Temporal, bool) { return parseTemporal(s, kind) }

// temporalScan reads the parts; bad turns true at the first misfit.
type temporalScan struct {
	s   string
	bad bool
}

func (c *temporalScan) number(digits int) int {
	if c.bad || len(c.s) < digits {
		c.bad = true
		return 0
	}
	n := 0
	for i := range digits {
		d := c.s[i]
		if d < '0' || d > '9' {
			c.bad = true
			return 0
		}
		n = n*10 + int(d-'0')
	}
	c.s = c.s[digits:]
	return n
}

func (c *temporalScan) next(b byte) bool {
	if c.bad || c.s == "" || c.s[0] != b {
		return false
	}
	c.s = c.s[1:]
	return true
}

func parseTemporal(s string, kind Kind) (Temporal, bool) {
	t := Temporal{kind: kind, prec: toYear, month: 1, day: 1}
	c := temporalScan{s: s}
	if kind == KindTime {
		c.next('T')
		t.prec = toHour
		c.clock(&t)
		return t, !c.bad && c.s == ""
	}
	t.year = int16(c.number(4))
	if c.next('-') {
		t.prec, t.month = toMonth, int8(c.number(2))
		if c.next('-') {
			t.prec, t.day = toDay, int8(c.number(2))
		}
	}
	if c.bad || t.year == 0 || t.month < 1 || t.month > 12 || t.day < 1 || int(t.day) > daysIn(int(t.year), int(t.month)) {
		return t, false
	}
	if kind == KindDateTime && c.next('T') && c.s != "" {
		if t.prec != toDay {
			return t, false
		}
		t.prec = toHour
		c.clock(&t)
		c.offset(&t)
	}
	return t, !c.bad && c.s == ""
}

func (c *temporalScan) clock(t *Temporal) {
	hour, minute, second, nanos := c.number(2), 0, 0, int64(0)
	if c.next(':') {
		t.prec, minute = toMinute, c.number(2)
		if c.next(':') {
			t.prec, second = toSecond, c.number(2)
			if c.next('.') {
				nanos = c.fraction(t)
			}
		}
	}
	// 60 is a leap second (R4 datatypes §2.24.0.1); it counts as the next minute.
	if hour > 23 || minute > 59 || second > 60 {
		c.bad = true
	}
	t.clock = (int64(hour)*3600+int64(minute)*60+int64(second))*nanosPerSecond + nanos
}

func (c *temporalScan) fraction(t *Temporal) int64 {
	n, unit := int64(0), nanosPerSecond
	for c.s != "" && c.s[0] >= '0' && c.s[0] <= '9' {
		if unit > 1 {
			unit /= 10
			n += unit * int64(c.s[0]-'0')
			t.frac++
		}
		c.s = c.s[1:]
	}
	if t.frac == 0 {
		c.bad = true
	}
	return n
}

func (c *temporalScan) offset(t *Temporal) {
	if c.next('Z') {
		t.zoned, t.utc = true, true
		return
	}
	sign := 1
	switch {
	case c.next('+'):
	case c.next('-'):
		sign = -1
	default:
		return
	}
	h := c.number(2)
	if !c.next(':') {
		c.bad = true
	}
	m := c.number(2)
	if h > 14 || m > 59 {
		c.bad = true
	}
	t.zoned, t.zone = true, int16(sign*(h*60+m))
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// String writes the value as it would be in FHIR, without the literal's "@".
func (t Temporal) String() string {
	var b strings.Builder
	if t.kind != KindTime {
		fmt.Fprintf(&b, "%04d", t.year)
		if t.prec >= toMonth {
			fmt.Fprintf(&b, "-%02d", t.month)
		}
		if t.prec >= toDay {
			fmt.Fprintf(&b, "-%02d", t.day)
		}
		if t.prec >= toHour {
			b.WriteByte('T')
		}
	}
	if t.prec >= toHour {
		fmt.Fprintf(&b, "%02d", t.clock/int64(time.Hour))
	}
	if t.prec >= toMinute {
		fmt.Fprintf(&b, ":%02d", t.clock/int64(time.Minute)%60)
	}
	if t.prec >= toSecond {
		fmt.Fprintf(&b, ":%02d", t.clock/nanosPerSecond%60)
		if t.frac > 0 {
			fmt.Fprintf(&b, ".%09d", t.clock%nanosPerSecond)
			s := b.String()
			s = s[:len(s)-9+int(t.frac)]
			b.Reset()
			b.WriteString(s)
		}
	}
	switch {
	case !t.zoned:
	case t.utc:
		b.WriteByte('Z')
	default:
		sign, zone := byte('+'), t.zone
		if zone < 0 {
			sign, zone = '-', -zone
		}
		fmt.Fprintf(&b, "%c%02d:%02d", sign, zone/60, zone%60)
	}
	return b.String()
}

// moment is a point in time: seconds since 1970 and nanoseconds.
type moment struct{ sec, nano int64 }

func (a moment) cmp(b moment) int {
	switch {
	case a.sec < b.sec, a.sec == b.sec && a.nano < b.nano:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// low is the first moment the value could mean, read in its zone or UTC.
func (t Temporal) low() moment {
	days := int64(0)
	if t.kind != KindTime {
		days = daysFromCivil(int64(t.year), int64(t.month), int64(t.day))
	}
	return moment{days*86400 + t.clock/nanosPerSecond - int64(t.zone)*60, t.clock % nanosPerSecond}
}

// high is the first moment after all that the value could mean. A second, with
// or without fraction, is the moment itself.
func (t Temporal) high() moment {
	m := t.low()
	switch t.prec {
	case toYear:
		m.sec += 86400 * (daysFromCivil(int64(t.year)+1, 1, 1) - daysFromCivil(int64(t.year), 1, 1))
	case toMonth:
		m.sec += 86400 * int64(daysIn(int(t.year), int(t.month)))
	case toDay:
		m.sec += 86400
	case toHour:
		m.sec += 3600
	case toMinute:
		m.sec += 60
	case toSecond:
		m.nano++
	}
	return m
}

// daysFromCivil counts days from 1970-01-01 in the Gregorian calendar.
func daysFromCivil(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	yoe := y - era*400
	doy := (153*((m+9)%12)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

// compare orders two values; unknown where one is said less exactly than the
// other and that decides (FHIRPath §6.2: comparison gives empty). A value
// without a zone beside one with a zone could be in any zone.
func (t Temporal) compare(u Temporal) (order int, known bool) {
	if t.zoned == u.zoned && t.prec == u.prec {
		return t.low().cmp(u.low()), true
	}
	tl, th, ul, uh := t.low(), t.high(), u.low(), u.high()
	if t.zoned != u.zoned {
		if t.zoned {
			ul.sec, uh.sec = ul.sec-14*3600, uh.sec+12*3600
		} else {
			tl.sec, th.sec = tl.sec-14*3600, th.sec+12*3600
		}
	}
	switch {
	case th.cmp(ul) <= 0:
		return -1, true
	case uh.cmp(tl) <= 0:
		return 1, true
	}
	return 0, false
}

// comparableWith reports whether the two can be ordered at all: a Time only with a Time.
func (t Temporal) comparableWith(u Temporal) bool {
	return (t.kind == KindTime) == (u.kind == KindTime)
}
