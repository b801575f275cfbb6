package hl7v2

import (
	"strconv"
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
// month or a day are "not known", as senders of partial birth dates write. ok is
// false when it is no time; the text is then the caller's to keep.
func ParseTime(text string) (t Time, ok bool) {
	if at := strings.IndexAny(text, "+-"); at >= 0 {
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
	for i, into := range [...]*int{&t.Year, &t.Month, &t.Day, &t.Hour, &t.Minute, &t.Second} {
		width := 2
		if i == 0 {
			width = 4
		}
		if text == "" {
			break
		}
		*into, _ = strconv.Atoi(text[:width]) // digits all
		text = text[width:]
		t.Parts = i + 1
	}
	if t.Parts > 1 && t.Month == 0 {
		return Time{Year: t.Year, Parts: 1, Offset: t.Offset}, t.Year > 0
	}
	if t.Parts > 2 && t.Day == 0 {
		return Time{Year: t.Year, Month: t.Month, Parts: 2, Offset: t.Offset}, t.Year > 0 && t.Month <= 12
	}
	whole := time.Date(t.Year, time.Month(max(t.Month, 1)), max(t.Day, 1), t.Hour, t.Minute, min(t.Second, 59), 0, time.UTC)
	return t, t.Year > 0 && t.Second <= 60 && t.Hour < 24 && t.Minute < 60 &&
		(t.Parts < 2 || int(whole.Month()) == t.Month) && (t.Parts < 3 || whole.Day() == t.Day)
}

func offset(text string) (*int, bool) {
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

func digits(text string) bool { return strings.Trim(text, "0123456789") == "" }
