package phd20601

import (
	"strings"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// relativeTimeNone says that an agent has no running clock.
const relativeTimeNone = 0xFFFFFFFF

// wallClock reads AbsoluteTime (A.2.5): century, year, month, day, hour, minute,
// second and hundredths, one BCD byte each. It is local time without a zone.
func wallClock(c *cursor.Cursor, what string) *acom.Wall {
	at := c.Offset()
	raw := c.Sub(8, what)
	var field [8]int
	for i := range field {
		b := raw.U8(what)
		if (b>>4 > 9 || b&15 > 9) && raw.Err() == nil {
			raw.FailAt(at+i, "%s: %02X is no BCD", what, b)
		}
		field[i] = int(b>>4)*10 + int(b&15)
	}
	w := &acom.Wall{
		Year: field[0]*100 + field[1], Month: field[2], Day: field[3],
		Hour: field[4], Minute: field[5], Second: field[6],
		Fraction: hundredths(field[7]),
	}
	if raw.Err() == nil && !possible(w) {
		raw.FailAt(at, "%s: %04d-%02d-%02d %02d:%02d:%02d is no date and time",
			what, w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second)
	}
	return w
}

// hundredths are two digits, of a text that has all of them.
func hundredths(n int) string {
	const all = "00010203040506070809" + "10111213141516171819" + "20212223242526272829" + "30313233343536373839" + "40414243444546474849" +
		"50515253545556575859" + "60616263646566676869" + "70717273747576777879" + "80818283848586878889" + "90919293949596979899"
	n %= 100 // what is no BCD is refused in the end
	return all[n*2 : n*2+2]
}

// possible tells whether the calendar has such a time. Year, month and day may
// be 0, unknown, when nothing finer is known either.
func possible(w *acom.Wall) bool {
	if w.Month > 12 || w.Hour > 23 || w.Minute > 59 || w.Second > 59 {
		return false
	}
	if w.Month == 0 || w.Year == 0 {
		return w.Day <= 31
	}
	return w.Day <= 28 || w.Day <= time.Date(w.Year, time.Month(w.Month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// baseOffsetTime reads BaseOffsetTime (A.2.5, 2010 amendment): seconds since
// 1900-01-01 UTC, 1/65536 of a second, and the local offset in minutes.
func baseOffsetTime(c *cursor.Cursor, what string) *acom.Wall {
	at := c.Offset()
	seconds, fraction, offset := c.U32(what), c.U16(what), int(int16(c.U16(what)))
	if (offset < -14*60 || offset > 14*60) && c.Err() == nil {
		c.FailAt(at+6, "%s: %d minutes is no offset from UTC", what, offset)
	}
	epoch := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	w := wall(time.Unix(epoch.Unix()+int64(seconds)+int64(offset)*60, 0).UTC())
	w.OffsetMinutes = &offset
	if fraction != 0 { // six digits tell every 1/65536 apart
		w.Fraction = strings.TrimRight(sprintf("%06d", uint64(fraction)*1_000_000/65536), "0")
	}
	return w
}

func wall(t time.Time) *acom.Wall {
	return &acom.Wall{Year: t.Year(), Month: int(t.Month()), Day: t.Day(), Hour: t.Hour(), Minute: t.Minute(), Second: t.Second()}
}

// relativeTime reads RelativeTime: 125 us ticks, all ones for none.
func relativeTime(c *cursor.Cursor, what string) *acom.Ticks {
	ticks := c.U32(what)
	if ticks == relativeTimeNone {
		return nil
	}
	return &acom.Ticks{Micros: uint64(ticks) * 125, Resolution: 125}
}

// hiResTime reads HighResRelativeTime: 64 bits of microseconds.
func hiResTime(c *cursor.Cursor, what string) *acom.Ticks {
	return &acom.Ticks{Micros: c.U64(what), Resolution: 1}
}

// seconds writes RelativeTime ticks as seconds without needless zeros.
func seconds(ticks uint32) string {
	s := cursor.Decimal(int64(ticks)*125, -6)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// maxTicks bounds a span: more than 4000 years.
const maxTicks = 1 << 50

// after adds a span in ticks to a calendar time of full precision.
func after(w *acom.Wall, ticks uint64) (*acom.Wall, bool) {
	if w.Year == 0 || w.Month == 0 || w.Day == 0 || ticks > maxTicks {
		return nil, false
	}
	digits := (w.Fraction + "000000")[:6]
	var micros int64
	for _, d := range []byte(digits) {
		micros = micros*10 + int64(d-'0')
	}
	span := ticks * 125
	at := time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, 0, time.UTC).
		Add(time.Duration(micros+int64(span%1_000_000)) * time.Microsecond)
	at = time.Unix(at.Unix()+int64(span/1_000_000), int64(at.Nanosecond())).UTC()
	if at.Year() > 9999 {
		return nil, false
	}
	sum := wall(at)
	sum.OffsetMinutes = w.OffsetMinutes
	sum.Fraction = strings.TrimRight(sprintf("%06d", at.Nanosecond()/1000), "0")
	return sum, true
}
