package records

import (
	"strings"

	"vitalwire/adapters/acom"
)

// Dates reads the local dates and times of a file, such as 06-24-2026 08:15 AM,
// 24/06/2026 08:15 and 2026-06-24 08:15.
type Dates struct {
	// Order is "mdy" or "dmy"; "" reads only dates that have one reading.
	Order string
	// Zone of the times.
	Zone Zone
}

// numericDate takes a date of three numbers apart, of 1 to 4, 1 to 2 and 1 to 4 digits with
// - / or . between them, and what comes after blanks, commas and a T. A file has one in
// every row, so that it allocates nothing.
func numericDate(text string) (p [4]string, ok bool) {
	for i, most := range [...]int{4, 2, 4} {
		n := leadingDigits(text)
		if n == 0 || n > most {
			return p, false
		}
		p[i], text = text[:n], text[n:]
		if i == 2 {
			break
		}
		if text == "" || strings.IndexByte("-/.", text[0]) < 0 {
			return p, false
		}
		text = text[1:]
	}
	if text == "" {
		return p, true
	}
	rest := strings.TrimLeft(text, " T,")
	if rest == "" { // separators alone: the last is what comes after the others
		rest = text[len(text)-1:]
	}
	p[3] = rest
	return p, len(rest) < len(text) && !strings.Contains(rest, "\n")
}

// timeOfDay takes a time apart: hours, minutes, seconds, their fraction and the half of
// the day, of which the last three may be missing.
func timeOfDay(text string) (p [5]string, ok bool) {
	n := leadingDigits(text)
	if n == 0 || n > 2 || len(text) < n+3 || text[n] != ':' || !isDigits(text[n+1:n+3]) {
		return p, false
	}
	p[0], p[1], text = text[:n], text[n+1:n+3], text[n+3:]
	if len(text) >= 3 && text[0] == ':' && isDigits(text[1:3]) {
		p[2], text = text[1:3], text[3:]
		if n := leadingDigits(text[min(1, len(text)):]); strings.HasPrefix(text, ".") && n > 0 {
			if n > 9 {
				return p, false
			}
			p[3], text = text[1:1+n], text[1+n:]
		}
	}
	text = strings.TrimLeft(text, " \t\n\f\r")
	if text == "" {
		return p, true
	}
	letters := text[1:]
	letters = strings.TrimPrefix(letters, ".")
	if strings.IndexByte("AaPp", text[0]) < 0 || letters == "" || letters[0] != 'M' && letters[0] != 'm' || letters[1:] != "" && letters[1:] != "." {
		return p, false
	}
	p[4] = text
	return p, true
}

// Evidence says which order of day and month a date can only have: "mdy", "dmy", or
// "" when it can have both or tells nothing.
func Evidence(text string) string {
	p, ok := numericDate(strings.TrimSpace(text))
	if !ok || len(p[0]) > 2 || len(p[2]) != 4 {
		return ""
	}
	switch first, second := small(p[0]), small(p[1]); {
	case first > 12 && first <= 31 && second <= 12:
		return "dmy"
	case second > 12 && second <= 31 && first <= 12:
		return "mdy"
	}
	return ""
}

// Learn takes the order from what a file's dates can only be. ok is false when they
// contradict each other, or when Order is not known after all of them.
func (d *Dates) Learn(texts func(yield func(string) bool)) (ok bool) {
	if d.Order != "" {
		return true
	}
	ambiguous := false
	for text := range texts {
		evidence := Evidence(text)
		if evidence != "" && d.Order != "" && evidence != d.Order {
			return false
		}
		if evidence != "" {
			d.Order = evidence
		}
		p, isDate := numericDate(strings.TrimSpace(text))
		ambiguous = ambiguous || isDate && len(p[0]) <= 2 && evidence == ""
	}
	return d.Order != "" || !ambiguous
}

// Read reads a date with a time of day. ok is false for what is none, for a day the
// calendar does not have, and for a date of unknown order.
func (d Dates) Read(text string) (t acom.Time, ok bool) {
	p, ok := numericDate(strings.TrimSpace(text))
	if !ok || p[3] == "" {
		return acom.Time{}, false
	}
	var w acom.Wall
	switch {
	case len(p[0]) == 4 && len(p[2]) <= 2:
		w.Year, w.Month, w.Day = small(p[0]), small(p[1]), small(p[2])
	case len(p[0]) > 2 || len(p[2]) != 4:
		return acom.Time{}, false
	case d.Order == "mdy":
		w.Year, w.Month, w.Day = small(p[2]), small(p[0]), small(p[1])
	case d.Order == "dmy":
		w.Year, w.Month, w.Day = small(p[2]), small(p[1]), small(p[0])
	default:
		return acom.Time{}, false
	}
	if !TimeOfDay(&w, p[3]) || !Complete(w) {
		return acom.Time{}, false
	}
	return d.Zone.Local(w), true
}

// TimeOfDay reads 23:30, 23:30:15 and 11:30 PM.
func TimeOfDay(w *acom.Wall, text string) (ok bool) {
	p, ok := timeOfDay(strings.TrimSpace(text))
	if !ok {
		return false
	}
	w.Hour, w.Minute, w.Second, w.Fraction = small(p[0]), small(p[1]), small(p[2]), p[3]
	if p[4] != "" {
		if w.Hour < 1 || w.Hour > 12 {
			return false
		}
		w.Hour %= 12
		if p[4][0] == 'P' || p[4][0] == 'p' {
			w.Hour += 12
		}
	}
	return w.Hour < 24 && w.Minute < 60 && w.Second < 60
}
