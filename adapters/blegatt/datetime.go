package blegatt

import (
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// dateTime reads a Date Time (GSS): year u16, month, day, hours, minutes,
// seconds. A year, month or day of 0 is unknown and stays 0. The time is the
// device's own wall clock without a zone.
func dateTime(c *cursor.Cursor, what string) *acom.Wall {
	start := c.Offset()
	const size = 7
	whole := c.Left() >= size
	part := func(name string) string {
		if whole { // then no name is asked for
			return what
		}
		return what + name
	}
	w := &acom.Wall{
		Year: int(c.U16LE(part(" year"))), Month: int(c.U8(part(" month"))), Day: int(c.U8(part(" day"))),
		Hour: int(c.U8(part(" hours"))), Minute: int(c.U8(part(" minutes"))), Second: int(c.U8(part(" seconds"))),
	}
	switch {
	case w.Year != 0 && (w.Year < 1582 || w.Year > 9999):
		c.FailAt(start, "%s year %d is not 0 or 1582..9999", what, w.Year)
	case w.Month > 12:
		c.FailAt(start+2, "%s month %d is not 0..12", what, w.Month)
	case w.Day > days(w.Year, w.Month):
		c.FailAt(start+3, "%s day %d is not in its month", what, w.Day)
	case w.Hour > 23:
		c.FailAt(start+4, "%s hours %d is not 0..23", what, w.Hour)
	case w.Minute > 59:
		c.FailAt(start+5, "%s minutes %d is not 0..59", what, w.Minute)
	case w.Second > 59:
		c.FailAt(start+6, "%s seconds %d is not 0..59", what, w.Second)
	}
	return w
}

// days in a month at most; 0 stands for an unknown year or month.
func days(year, month int) int {
	switch month {
	case 2:
		if leap := year%4 == 0 && year%100 != 0 || year%400 == 0; leap {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// timeStamp reads a Date Time as the time of a measurement.
func (r *reader) timeStamp(what string) acom.Time { return acom.Time{Wall: dateTime(r.Cursor, what)} }

// plusMinutes moves a wall time. A date that is not fully known cannot be carried
// over midnight: then its known parts are no longer known.
func plusMinutes(w acom.Wall, minutes int) acom.Wall {
	if w.Year != 0 && w.Month != 0 && w.Day != 0 {
		t := time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute+minutes, w.Second, 0, time.UTC)
		w.Year, w.Month, w.Day, w.Hour, w.Minute = t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute()
		return w
	}
	const day = 24 * 60
	total := w.Hour*60 + w.Minute + minutes
	if total < 0 || total >= day {
		w.Year, w.Month, w.Day = 0, 0, 0
		total = (total%day + day) % day
	}
	w.Hour, w.Minute = total/60, total%60
	return w
}

// zoneUnknown and dstUnknown are what Time Zone and DST Offset say when they know nothing.
const (
	zoneUnknown = -128
	dstUnknown  = 255
)

// timeZone reads a Time Zone (GSS): the offset from UTC in steps of 15
// minutes, without daylight saving; ok is false when it is not known.
func (r *reader) timeZone() (minutes int, ok bool) {
	at := r.Offset()
	raw := int(r.S8("Time Zone"))
	if raw != zoneUnknown && (raw < -48 || raw > 56) {
		r.FailAt(at, "Time Zone %d is not -48..56", raw)
	}
	return raw * 15, raw != zoneUnknown
}

// dstOffset reads a DST Offset (GSS), in minutes.
func (r *reader) dstOffset() (minutes int, ok bool) {
	at := r.Offset()
	switch raw := r.U8("DST Offset"); raw {
	case 0, 2, 4, 8:
		return int(raw) * 15, true
	case dstUnknown:
	default:
		r.FailAt(at, "DST Offset %d is not 0, 2, 4, 8 or 255", raw)
	}
	return 0, false
}

// clockRead takes a Date Time on its own for what it is: the device's clock when
// the gateway read it, a coincident time stamp (PHD guide, Coincident Time Stamp).
func (r *reader) clockRead() { r.coincident(acom.Time{Wall: dateTime(r.Cursor, "Date Time")}) }

// currentTime reads a Current Time (CTS 3.1): Date Time, day of week, 1/256 s and
// the reason of the last adjustment.
func (r *reader) currentTime() {
	w := dateTime(r.Cursor, "Current Time")
	at := r.Offset()
	if day := r.U8("Day of Week"); day > 7 {
		r.FailAt(at, "Day of Week %d is not 0..7", day)
	}
	// 1/256 is 0.00390625: the fraction is exact in eight digits.
	fraction := cursor.Decimal(int64(r.U8("Fractions256"))*390625, -8)
	w.Fraction = fraction[len("0."):]
	r.U8("Adjust Reason")
	r.coincident(acom.Time{Wall: w})
}

// coincident pairs the device's clock with the gateway's, unless the gateway
// did that itself or did not say when it read the value.
func (r *reader) coincident(device acom.Time) {
	if r.report.Clock == nil && !r.received.IsZero() {
		r.report.Clock = &acom.Clock{Device: device, Gateway: r.received.Format(time.RFC3339Nano)}
	}
	r.deviceFact = r.report.Clock != nil
}
