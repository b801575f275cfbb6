package hl7v2

import (
	"strings"
	"time"
)

// Time is a DTM or TS as it was sent (HL7 2.6, 2.A.22): as precise as it was, with
// the offset it had, if any.
type Time struct {
	Year, Month, Day, Hour, Minute, Second int
	// Parts is how many of these were told, 1 to 6: 3 is a date.
	Parts int
	// Fraction holds the digits after the second's point.
	Fraction string
	// Offset from UTC in minutes, nil when none was told.
	Offset *int
}

// ParseTime reads YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]. Zeros for a
// month or a day are "not known", as senders of partial birth dates write. Offsets in the
// manner of ISO 8601 (Z, +01:00), which senders write too, mean the same. ok is
// false when it is no time; the text is then the caller's to keep.
func ParseTime(text string) (t Time, ok bool) {
	if at := strings.IndexFunc(text, func(r rune) bool { return r == '+' || r == '-' || r == 'Z' }); at >= 0 {
		if t.Offset, ok = offset(text[at:]); !ok {
			return t, false
		}
		text = text[:at]
	}
	text, t.Fraction, ok = strings.Cut(text, ".")
	if !digits(text) || ok && (len(text) != 14 || !digits(t.Fraction) || t.Fraction == "" || len(t.Fraction) > 9) {
		return t, false
	}
	switch len(text) {
	case 4, 6, 8, 10, 12, 14:
	default:
		return t, false
	}
	pair := func(at int) int {
		if at >= len(text) {
			return 0
		}
		return int(text[at]-'0')*10 + int(text[at+1]-'0') // digits all
	}
	t.Parts = len(text)/2 - 1
	t.Year, t.Month, t.Day = pair(0)*100+pair(2), pair(4), pair(6)
	t.Hour, t.Minute, t.Second = pair(8), pair(10), pair(12)
	if t.Parts > 1 && t.Month == 0 {
		return Time{Year: t.Year, Parts: 1, Offset: t.Offset}, t.Year > 0
	}
	if t.Parts > 2 && t.Day == 0 {
		return Time{Year: t.Year, Month: t.Month, Parts: 2, Offset: t.Offset}, t.Year > 0 && t.Month <= 12
	}
	return t, t.Year > 0 && t.Month <= 12 && t.Hour < 24 && t.Minute < 60 && t.Second <= 60 &&
		(t.Day <= 28 || t.Day <= time.Date(t.Year, time.Month(t.Month+1), 0, 0, 0, 0, 0, time.UTC).Day())
}

func offset(text string) (*int, bool) {
	switch {
	case text == "Z":
		text = "+0000"
	case len(text) == 6 && text[3] == ':':
		text = text[:3] + text[4:]
	}
	if len(text) != 5 || !digits(text[1:]) {
		return nil, false
	}
	n := (int(text[1]-'0')*10+int(text[2]-'0'))*60 + int(text[3]-'0')*10 + int(text[4]-'0')
	if n > 14*60 || text[3] > '5' {
		return nil, false
	}
	if text[0] == '-' {
		n = -n
	}
	return &n, true
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}
