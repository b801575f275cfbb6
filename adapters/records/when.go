package records

import (
	"strconv"
	"strings"
	"time"

	"vitalwire/adapters/acom"
)

// rfc3339 takes a date and time apart as most services write it; seconds, fraction and
// offset may be missing, the T may be a blank, and one may be before the offset. Files
// have one in every row, so that it allocates nothing.
func rfc3339(text string) (w acom.Wall, offset string, ok bool) {
	const form = "0000-00-00T00:00"
	if len(text) < len(form) || text[10] != 'T' && text[10] != ' ' {
		return w, "", false
	}
	for i := range form {
		if form[i] == '0' && (text[i] < '0' || text[i] > '9') || form[i] != '0' && form[i] != 'T' && text[i] != form[i] {
			return w, "", false
		}
	}
	w = acom.Wall{Year: small(text[:4]), Month: small(text[5:7]), Day: small(text[8:10]), Hour: small(text[11:13]), Minute: small(text[14:16])}
	text = text[len(form):]
	if len(text) >= 3 && text[0] == ':' && isDigits(text[1:3]) {
		w.Second, text = small(text[1:3]), text[3:]
		if n := leadingDigits(text[min(1, len(text)):]); strings.HasPrefix(text, ".") && n > 0 {
			w.Fraction, text = text[1:1+n], text[1+n:]
			if n > 9 {
				return w, "", false
			}
		}
	}
	if text != "" && strings.IndexByte(" \t\n\f\r", text[0]) >= 0 {
		text = text[1:]
	}
	digits := strings.TrimLeft(text, "+-")
	if len(digits) == 5 && digits[2] == ':' {
		digits = digits[:2] + digits[3:]
	}
	return w, text, text == "" || text == "Z" || len(text) == len(strings.TrimLeft(text, "+-"))+1 && len(digits) == 4 && isDigits(digits)
}

func leadingDigits(text string) int { return len(text) - len(strings.TrimLeft(text, "0123456789")) }

// ISO reads an RFC 3339 date and time. Without an offset it is a local time of zone.
// ok is false for what is no time, such as 31 February.
func ISO(text string, zone Zone) (t acom.Time, ok bool) {
	w, offset, ok := rfc3339(text)
	if !ok || !Complete(w) {
		return acom.Time{}, false
	}
	if offset == "" {
		return zone.Local(w), true
	}
	minutes, ok := offsetMinutes(offset)
	if !ok {
		return acom.Time{}, false
	}
	w.OffsetMinutes = &minutes
	return acom.Time{Wall: &w, Zone: acom.ZoneOffset}, true
}

// Complete reports whether a date and time exists in the calendar, in a year in which
// somebody may have measured.
func Complete(w acom.Wall) bool {
	t := time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, 0, time.UTC)
	return w.Year >= 1970 && w.Year <= 2199 && t.Year() == w.Year && int(t.Month()) == w.Month && t.Day() == w.Day &&
		t.Hour() == w.Hour && t.Minute() == w.Minute && t.Second() == w.Second
}

// Local is a local time in z. In the hour that is repeated in autumn, and in the one
// that is left out in spring, the zone does not tell the offset: it is unknown then.
func (z Zone) Local(w acom.Wall) acom.Time {
	unknown := acom.Time{Wall: &w, Zone: acom.ZoneUnknown}
	if !z.Known() {
		return unknown
	}
	utc := time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, 0, time.UTC)
	var offsets []int
	for _, around := range []time.Duration{-26 * time.Hour, 26 * time.Hour} {
		_, seconds := utc.Add(around).In(z.location).Zone()
		_, there := utc.Add(-time.Duration(seconds) * time.Second).In(z.location).Zone()
		if there == seconds && (len(offsets) == 0 || offsets[0] != seconds) {
			offsets = append(offsets, seconds)
		}
	}
	if len(offsets) != 1 || offsets[0]%60 != 0 {
		return unknown
	}
	minutes := offsets[0] / 60
	w.OffsetMinutes = &minutes
	return acom.Time{Wall: &w, Zone: z.source}
}

// Epoch is a count since 1970 in UTC, with so many decimals of a second in it (0 for
// seconds, 3 for milliseconds, 9 for nanoseconds), shown in zone where one is known.
// A fraction of nought is not shown: nobody measured it.
func Epoch(count int64, decimals int, zone Zone) (t acom.Time, ok bool) {
	unit := int64(1)
	for range decimals {
		unit *= 10
	}
	if count <= 0 {
		return acom.Time{}, false // 0 and -1 stand for "no time"
	}
	fraction := ""
	if rest := count % unit; rest != 0 {
		fraction = strconv.FormatInt(rest, 10)
		fraction = strings.TrimRight(strings.Repeat("0", decimals-len(fraction))+fraction, "0")
	}
	return Instant(time.Unix(count/unit, 0), fraction, zone)
}

// Instant is a moment whose fraction of a second is told apart, shown in zone where
// one is known and in UTC otherwise.
func Instant(at time.Time, fraction string, zone Zone) (t acom.Time, ok bool) {
	source := zone.source
	if !zone.Known() {
		zone.location, source = time.UTC, acom.ZoneOffset
	}
	at = at.In(zone.location)
	_, seconds := at.Zone()
	if seconds%60 != 0 {
		at, seconds = at.UTC(), 0
	}
	minutes := seconds / 60
	w := acom.Wall{Year: at.Year(), Month: int(at.Month()), Day: at.Day(), Hour: at.Hour(), Minute: at.Minute(), Second: at.Second(), Fraction: fraction, OffsetMinutes: &minutes}
	if !Complete(w) {
		return acom.Time{}, false
	}
	return acom.Time{Wall: &w, Zone: source}, true
}

// Moment is the instant of a time whose offset is known.
func Moment(t acom.Time) (at time.Time, ok bool) {
	w := t.Wall
	if w == nil || w.OffsetMinutes == nil {
		return time.Time{}, false
	}
	nanos := small((w.Fraction + "000000000")[:9])
	return time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, nanos, time.FixedZone("", *w.OffsetMinutes*60)), true
}

// Day is a date without a time of day, such as 2026-03-01. A daily value needs a
// Record: its time does not tell it from another upload's.
func Day(text string) (t acom.Time, ok bool) {
	full, ok := ISO(text+"T00:00", Zone{})
	if !ok {
		return acom.Time{}, false
	}
	full.Wall.DateOnly = true
	return full, true
}
