package fhir

import (
	"time"
)

// Precision is how much of a date or time was said.
type Precision uint8

// The precisions of date, dateTime and instant.
const (
	Year Precision = iota
	Month
	Day
	Minute // search values only (R4 search §3.1.1.5.10: minutes without seconds)
	Second
	Fraction
)

// DateTime is an R4 date, dateTime or instant as written (R4 datatypes §2.24.0.1).
// It stands for every moment it could mean: from Low up to, not including, High.
type DateTime struct {
	text      string
	precision Precision
	zoned     bool
	low, high time.Time
}

// ParseDateTime reads a date, dateTime or instant. A time of day needs seconds
// and an offset, as R4 demands; a leap second (:60) counts as the next minute's
// start in Low but keeps its text.
func ParseDateTime(s string) (DateTime, bool) {
	d, ok := parseDateTime(s, time.UTC)
	if !ok || d.precision == Minute || d.precision > Day && !d.zoned {
		return DateTime{}, false
	}
	return d, true
}

// ParseSearchDate reads a date search value, where seconds and offset may be
// missing; without an offset it is taken in the zone of the server.
func ParseSearchDate(s string, zone *time.Location) (DateTime, bool) {
	return parseDateTime(s, zone)
}

// ParseInstant reads an instant: at least seconds, with an offset.
func ParseInstant(s string) (DateTime, bool) {
	d, ok := ParseDateTime(s)
	return d, ok && d.precision >= Second
}

// String is the text as written.
func (d DateTime) String() string { return d.text }

// Precision tells how much was said.
func (d DateTime) Precision() Precision { return d.precision }

// Zoned reports whether an offset was said.
func (d DateTime) Zoned() bool { return d.zoned }

// Low is the first moment it could mean. A date without a zone is taken in UTC.
func (d DateTime) Low() time.Time { return d.low }

// High is the first moment after the last it could mean.
func (d DateTime) High() time.Time { return d.high }

func parseDateTime(s string, zone *time.Location) (DateTime, bool) {
	d := DateTime{text: s, precision: Year}
	in := scan{s: s, ok: true}
	year, month, day := in.digits(4), 1, 1
	if !in.ok || year == 0 {
		return d, false
	}
	if in.more('-') {
		d.precision, month = Month, in.digits(2)
		if in.more('-') {
			d.precision, day = Day, in.digits(2)
		}
	}
	if !in.ok || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return d, false
	}
	var hour, minute, second, nanos int
	unit := int64(0) // nanoseconds that one step of the fraction means
	if d.precision == Day && in.more('T') {
		d.precision = Minute
		hour = in.digits(2)
		in.must(':')
		minute = in.digits(2)
		if in.more(':') {
			d.precision, second = Second, in.digits(2)
			if in.more('.') {
				d.precision = Fraction
				nanos, unit = in.fraction()
			}
		}
		// 24:00 is not allowed by R4; 60 is a leap second.
		if !in.ok || hour > 23 || minute > 59 || second > 60 {
			return d, false
		}
		if loc, zoned := in.zone(); zoned {
			zone, d.zoned = loc, true
		}
	}
	if !in.ok || in.i != len(s) {
		return d, false
	}
	d.low = time.Date(year, time.Month(month), day, hour, minute, second, nanos, zone)
	switch d.precision {
	case Year:
		d.high = d.low.AddDate(1, 0, 0)
	case Month:
		d.high = d.low.AddDate(0, 1, 0)
	case Day:
		d.high = d.low.AddDate(0, 0, 1)
	case Minute:
		d.high = d.low.Add(time.Minute)
	case Second:
		d.high = d.low.Add(time.Second)
	case Fraction:
		d.high = d.low.Add(time.Duration(unit))
	}
	return d, true
}

// scan reads fixed-width fields; ok turns false at the first misfit.
type scan struct {
	s  string
	i  int
	ok bool
}

func (c *scan) digits(n int) int {
	if !c.ok || c.i+n > len(c.s) {
		c.ok = false
		return 0
	}
	v := 0
	for _, b := range []byte(c.s[c.i : c.i+n]) {
		if !isDigit(b) {
			c.ok = false
			return 0
		}
		v = v*10 + int(b-'0')
	}
	c.i += n
	return v
}

func (c *scan) more(b byte) bool {
	if c.ok && c.i < len(c.s) && c.s[c.i] == b {
		c.i++
		return true
	}
	return false
}

func (c *scan) must(b byte) {
	if !c.more(b) {
		c.ok = false
	}
}

// fraction reads the digits after the point: the nanoseconds, and how many one
// unit of the last digit means (at least one).
func (c *scan) fraction() (nanos int, unit int64) {
	start := c.i
	unit = int64(time.Second)
	for c.i < len(c.s) && isDigit(c.s[c.i]) {
		if unit > 1 {
			unit /= 10
			nanos += int(unit) * int(c.s[c.i]-'0')
		}
		c.i++
	}
	if c.i == start {
		c.ok = false
	}
	return nanos, unit
}

func (c *scan) zone() (*time.Location, bool) {
	if c.more('Z') {
		return time.UTC, true
	}
	sign := 1
	switch {
	case c.more('+'):
	case c.more('-'):
		sign = -1
	default:
		return nil, false
	}
	h := c.digits(2)
	c.must(':')
	m := c.digits(2)
	if h > 14 || m > 59 || h == 14 && m > 0 {
		c.ok = false
	}
	return time.FixedZone("", sign*(h*3600+m*60)), true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// FormatInstant writes t as an R4 instant in UTC with microseconds at most.
func FormatInstant(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
}
