package template

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"vitalwire/adapters/acom"
)

// readTime reads a time as it was sent. zone is what the input says of the zone
// where the rule asks for it, nil otherwise. why says what is wrong, in words
// without the value.
func (r timeRule) readTime(text string, zone *told) (t acom.Time, why string) {
	text = strings.TrimSpace(text)
	w := new(acom.Wall)
	zoned := false
	switch r.form {
	case "unix", "unix-ms":
		if why := unixWall(w, text, r.form == "unix-ms"); why != "" {
			return t, why
		}
		return acom.Time{Wall: w, Zone: acom.ZoneOffset}, ""
	case "iso":
		rest, ok := isoWall(w, text)
		if !ok {
			return t, "it is no time of ISO 8601 such as 2026-11-22T08:30:00Z"
		}
		if zoned = rest != ""; zoned && !offset(w, rest) {
			return t, "what follows the time is no offset such as Z or +01:00"
		}
	default:
		var ok bool
		if zoned, ok = layoutWall(w, text, r.form); !ok {
			return t, "it is not written as " + r.form
		}
	}
	if day := w.Day; time.Date(w.Year, time.Month(w.Month), w.Day, 0, 0, 0, 0, time.UTC).Day() != day || w.Month < 1 || w.Month > 12 || w.Year < 1 {
		return t, "there is no such day"
	}
	t = acom.Time{Wall: w}
	if w.DateOnly {
		return t, ""
	}
	why = r.zone.put(&t, zoned, zone)
	return t, why
}

// told is what the input says of its zone: an offset, or a zone of the IANA database;
// neither when it is none of both.
type told struct {
	text    string
	minutes *int
	zone    *time.Location
}

func toldBy(text string) *told {
	var w acom.Wall
	z := &told{text: text}
	if offset(&w, text) {
		z.minutes = w.OffsetMinutes
	} else {
		z.zone = zoneOf(text)
	}
	return z
}

// put says where the time is local. An offset told with the time counts before all.
func (z zoneRule) put(t *acom.Time, zoned bool, found *told) (why string) {
	minutes := func(n int, source acom.ZoneSource) {
		t.Wall.OffsetMinutes, t.Zone = &n, source
	}
	switch {
	case zoned:
		t.Zone = acom.ZoneOffset
	case z.kind == "offset":
		return "it tells no offset from UTC, which the template demands"
	case z.kind == "utc":
		minutes(0, acom.ZoneUser)
	case z.kind == "fixed":
		minutes(z.minutes, acom.ZoneUser)
	case z.kind == "name":
		named(t, z.zone, acom.ZoneUser)
	case z.kind == "from" && found != nil && found.minutes != nil:
		minutes(*found.minutes, acom.ZoneDevice)
	case z.kind == "from" && found != nil && found.zone != nil:
		named(t, found.zone, acom.ZoneDevice)
	case z.kind == "from" && found != nil:
		return "the time zone has no offset and no name of the IANA database"
	default:
		t.Zone = acom.ZoneUnknown
	}
	return ""
}

// named reads a local time in a zone of the IANA database. A time that the end of
// summer time gives twice, or its beginning never, has no offset that is known.
func named(t *acom.Time, zone *time.Location, source acom.ZoneSource) {
	w := t.Wall
	wall := time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, 0, time.UTC)
	offsets := make([]int, 0, 2)
	for _, near := range [2]time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, seconds := wall.Add(near).In(zone).Zone()
		_, actual := wall.Add(-time.Duration(seconds) * time.Second).In(zone).Zone()
		if actual == seconds && (len(offsets) == 0 || offsets[0] != seconds) {
			offsets = append(offsets, seconds)
		}
	}
	if len(offsets) != 1 || offsets[0]%60 != 0 {
		t.Zone = acom.ZoneUnknown
		return
	}
	n := offsets[0] / 60
	w.OffsetMinutes, t.Zone = &n, source
}

// zoneOf is a zone of the IANA database, nil for what is none. The name may be
// anybody's.
func zoneOf(name string) *time.Location {
	if len(name) > 40 || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != "" || name == "" || name == "Local" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}

// unixWall reads seconds or milliseconds since 1970.
func unixWall(w *acom.Wall, text string, millis bool) string {
	whole, fraction, dotted := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || dotted && (fraction == "" || millis || n < 0 || len(fraction) > 9 || strings.Trim(fraction, "0123456789") != "") {
		return "it is no count of " + map[bool]string{true: "milliseconds", false: "seconds"}[millis]
	}
	if millis {
		whole := n / 1000
		if n%1000 < 0 {
			whole--
		}
		fraction = fmt.Sprintf("%03d", n-whole*1000)
		n = whole
	}
	if n < -62135596800 || n > 253402300799 {
		return "it lies outside the years 1 to 9999"
	}
	at := time.Unix(n, 0).UTC()
	zero := 0
	*w = acom.Wall{Year: at.Year(), Month: int(at.Month()), Day: at.Day(), Hour: at.Hour(), Minute: at.Minute(), Second: at.Second(), Fraction: fraction, OffsetMinutes: &zero}
	return ""
}

// digits takes a number of least to most digits off the front.
func digits(text string, least, most int) (n int, rest string, ok bool) {
	i := 0
	for i < len(text) && i < most && text[i] >= '0' && text[i] <= '9' {
		n = n*10 + int(text[i]-'0')
		i++
	}
	return n, text[i:], i >= least
}

// isoWall reads a date, or a date and time, of ISO 8601. rest is what follows.
func isoWall(w *acom.Wall, text string) (rest string, ok bool) {
	literal := func(words string) {
		if ok = ok && text != "" && strings.Contains(words, text[:1]); ok {
			text = text[1:]
		}
	}
	number := func(into *int, n, most int) {
		if ok {
			if *into, text, ok = digits(text, n, n); ok && *into > most {
				ok = false
			}
		}
	}
	ok = true
	number(&w.Year, 4, 9999)
	literal("-")
	number(&w.Month, 2, 12)
	literal("-")
	number(&w.Day, 2, 31)
	if ok && text == "" {
		w.DateOnly = true
		return "", true
	}
	literal("Tt ")
	number(&w.Hour, 2, 23)
	literal(":")
	number(&w.Minute, 2, 59)
	if ok && strings.HasPrefix(text, ":") {
		literal(":")
		number(&w.Second, 2, 59)
		if ok && text != "" && (text[0] == '.' || text[0] == ',') {
			end := 1
			for end < len(text) && text[end] >= '0' && text[end] <= '9' {
				end++
			}
			w.Fraction = text[1:end]
			ok = end > 1 && end <= 10
			text = text[end:]
		}
	}
	return text, ok
}

// offset reads Z, +01:00, +0100, +01 or +1.
func offset(w *acom.Wall, text string) bool {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "z") || strings.EqualFold(text, "utc") || strings.EqualFold(text, "gmt") {
		zero := 0
		w.OffsetMinutes = &zero
		return true
	}
	if text == "" || text[0] != '+' && text[0] != '-' {
		return false
	}
	hours, rest, ok := digits(text[1:], 1, 2)
	minutes := 0
	if rest = strings.TrimPrefix(rest, ":"); ok && rest != "" {
		minutes, rest, ok = digits(rest, 2, 2)
	}
	if !ok || rest != "" || hours > 14 || minutes > 59 {
		return false
	}
	n := hours*60 + minutes
	if text[0] == '-' {
		n = -n
	}
	w.OffsetMinutes = &n
	return true
}

// layoutParts are what a layout is put together from; the longer ones first.
var layoutParts = []struct {
	word        string
	least, most int
}{{"YYYY", 4, 4}, {"MM", 2, 2}, {"DD", 2, 2}, {"hh", 2, 2}, {"mm", 2, 2}, {"ss", 2, 2}, {"M", 1, 2}, {"D", 1, 2}, {"h", 1, 2}, {"f", 1, 9}, {"A", 2, 2}, {"Z", 1, 6}}

// layoutWall reads a time written as a layout says: YYYY, MM or M, DD or D, hh or h,
// mm, ss, f (digits of the second's fraction), A (AM or PM), Z (an offset); anything
// else stands for itself. told is set when an offset was there.
func layoutWall(w *acom.Wall, text, layout string) (told, ok bool) {
	half, clock := "", false
	for layout != "" {
		part := ""
		for _, p := range layoutParts {
			if strings.HasPrefix(layout, p.word) {
				part = p.word
				layout = layout[len(p.word):]
				n := 0
				switch part {
				case "A":
					if len(text) < 2 {
						return false, false
					}
					half, text = strings.ToUpper(text[:2]), text[2:]
				case "Z":
					end := strings.IndexByte(text, ' ')
					if end < 0 {
						end = len(text)
					}
					if !offset(w, text[:end]) {
						return false, false
					}
					told, text = true, text[end:]
				case "f":
					before := text
					if _, text, ok = digits(text, 1, 9); !ok {
						return false, false
					}
					w.Fraction = before[:len(before)-len(text)]
				default:
					if n, text, ok = digits(text, p.least, p.most); !ok {
						return false, false
					}
					clock = setPart(w, part, n) || clock
				}
				break
			}
		}
		if part == "" {
			if text == "" || text[0] != layout[0] {
				return false, false
			}
			text, layout = text[1:], layout[1:]
		}
	}
	switch {
	case half == "":
	case w.Hour < 1 || w.Hour > 12 || half != "AM" && half != "PM":
		return false, false
	default:
		w.Hour %= 12
		if half == "PM" {
			w.Hour += 12
		}
	}
	w.DateOnly = !clock
	return told, text == "" && w.Hour < 24 && w.Minute < 60 && w.Second < 60
}

// setPart sets a field; clock tells that it is one of the time of day.
func setPart(w *acom.Wall, part string, n int) (clock bool) {
	switch part {
	case "YYYY":
		w.Year = n
	case "MM", "M":
		w.Month = n
	case "DD", "D":
		w.Day = n
	case "hh", "h":
		w.Hour = n
		return true
	case "mm":
		w.Minute = n
		return true
	case "ss":
		w.Second = n
		return true
	}
	return false
}
