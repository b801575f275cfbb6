package medibus

import (
	"strconv"
	"strings"

	"vitalwire/adapters/acom"
)

// months as devices name them, in German and in English.
var months = map[string]int{
	"JAN": 1, "FEB": 2, "MAR": 3, "MRZ": 3, "APR": 4, "MAI": 5, "MAY": 5, "JUN": 6, "JUL": 7,
	"AUG": 8, "SEP": 9, "OKT": 10, "OCT": 10, "NOV": 11, "DEZ": 12, "DEC": 12,
}

// clock reads date and time: " 9:33:00 7-OKT-14". Some devices leave out the seconds,
// some the blank. Without seconds it is no time to chart by.
func (r *reader) clock(a answer) {
	if w, seconds := wallOf(a.data); w == nil {
		r.skip(a.at, "the date and time is none")
	} else if seconds {
		r.now, r.said = w, acom.Time{Wall: w}
		if w.Year < 2000 {
			r.said.Unreliable = true
		}
	}
}

// wallOf reads "hh:mm[:ss] d-MMM-yy".
func wallOf(text string) (w *acom.Wall, seconds bool) {
	text = strings.TrimSpace(text)
	first := strings.LastIndexByte(text, ':')
	if first < 0 || len(text) < first+3 {
		return nil, false
	}
	clock := strings.Split(text[:first+3], ":")
	date := strings.Split(strings.TrimSpace(text[first+3:]), "-")
	if len(clock) > 3 || len(date) != 3 {
		return nil, false
	}
	w = &acom.Wall{Month: months[strings.ToUpper(date[1])]}
	fields := []struct {
		text      string
		into      *int
		low, high int
	}{{clock[0], &w.Hour, 0, 23}, {clock[1], &w.Minute, 0, 59}, {date[0], &w.Day, 1, 31}, {date[2], &w.Year, 0, 9999}}
	if len(clock) == 3 {
		seconds = true
		fields = append(fields, struct {
			text      string
			into      *int
			low, high int
		}{clock[2], &w.Second, 0, 59})
	}
	for _, f := range fields {
		n, err := strconv.Atoi(strings.TrimSpace(f.text))
		if err != nil || n < f.low || n > f.high {
			return nil, false
		}
		*f.into = n
	}
	switch { // the devices were built after 1980
	case w.Year < 80:
		w.Year += 2000
	case w.Year < 100:
		w.Year += 1900
	}
	if w.Month == 0 || w.Year < 1980 {
		return nil, false
	}
	return w, seconds
}
