package records

import (
	"regexp"
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

var (
	numericDate = regexp.MustCompile(`^(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[ T,]+(.+))?$`)
	timeOfDay   = regexp.MustCompile(`^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*([AaPp]\.?[Mm]\.?)?$`)
)

// Evidence says which order of day and month a date can only have: "mdy", "dmy", or
// "" when it can have both or tells nothing.
func Evidence(text string) string {
	p := numericDate.FindStringSubmatch(strings.TrimSpace(text))
	if p == nil || len(p[1]) > 2 || len(p[3]) != 4 {
		return ""
	}
	switch first, second := small(p[1]), small(p[2]); {
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
		p := numericDate.FindStringSubmatch(strings.TrimSpace(text))
		ambiguous = ambiguous || p != nil && len(p[1]) <= 2 && evidence == ""
	}
	return d.Order != "" || !ambiguous
}

// Read reads a date with a time of day. ok is false for what is none, for a day the
// calendar does not have, and for a date of unknown order.
func (d Dates) Read(text string) (t acom.Time, ok bool) {
	p := numericDate.FindStringSubmatch(strings.TrimSpace(text))
	if p == nil || p[4] == "" {
		return acom.Time{}, false
	}
	var w acom.Wall
	switch {
	case len(p[1]) == 4 && len(p[3]) <= 2:
		w.Year, w.Month, w.Day = small(p[1]), small(p[2]), small(p[3])
	case len(p[1]) > 2 || len(p[3]) != 4:
		return acom.Time{}, false
	case d.Order == "mdy":
		w.Year, w.Month, w.Day = small(p[3]), small(p[1]), small(p[2])
	case d.Order == "dmy":
		w.Year, w.Month, w.Day = small(p[3]), small(p[2]), small(p[1])
	default:
		return acom.Time{}, false
	}
	if !TimeOfDay(&w, p[4]) || !Complete(w) {
		return acom.Time{}, false
	}
	return d.Zone.Local(w), true
}

// TimeOfDay reads 23:30, 23:30:15 and 11:30 PM.
func TimeOfDay(w *acom.Wall, text string) (ok bool) {
	p := timeOfDay.FindStringSubmatch(strings.TrimSpace(text))
	if p == nil {
		return false
	}
	w.Hour, w.Minute, w.Second, w.Fraction = small(p[1]), small(p[2]), small(p[3]), p[4]
	if p[5] != "" {
		if w.Hour < 1 || w.Hour > 12 {
			return false
		}
		w.Hour %= 12
		if p[5][0] == 'P' || p[5][0] == 'p' {
			w.Hour += 12
		}
	}
	return w.Hour < 24 && w.Minute < 60 && w.Second < 60
}
