package records

import (
	"regexp"
	"strings"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
)

// Settings are what the files of many services leave out and whoever sends them must
// say. They stand in the frame's profile, as "zone=Europe/Berlin;order=dmy".
type Settings struct {
	// Zone of local times that come without one, by the user's own word.
	Zone Zone
	// Order of day and month in dates such as 03-04-2026: "mdy", "dmy", or "" where
	// only dates may be read that have one reading.
	Order string
}

func settingsOf(profile string) (Settings, error) {
	var s Settings
	for part := range strings.SplitSeq(profile, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case key == "" && value == "":
		case key == "zone":
			zone, ok := NamedZone(value, acom.ZoneUser)
			if !ok {
				return s, &adapters.Error{Reason: "the profile's zone is no time zone; it is a name such as Europe/Berlin or an offset such as +01:00", Unprocessable: true}
			}
			s.Zone = zone
		case key == "order" && (value == "mdy" || value == "dmy"):
			s.Order = value
		default:
			return s, &adapters.Error{Reason: "the profile is not understood; it is zone=... and order=mdy or order=dmy, with a semicolon between", Unprocessable: true}
		}
	}
	return s, nil
}

// Zone is where a local time was, as far as somebody told.
type Zone struct {
	location *time.Location
	source   acom.ZoneSource
}

// Known reports whether somebody told.
func (z Zone) Known() bool { return z.location != nil }

// Or is z or, when that is not known, another.
func (z Zone) Or(other Zone) Zone {
	if z.Known() {
		return z
	}
	return other
}

var zoneName = regexp.MustCompile(`^[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}$`)

// NamedZone is a zone by its name in the tz database, or by its offset.
func NamedZone(name string, source acom.ZoneSource) (Zone, bool) {
	if minutes, ok := offsetMinutes(name); ok {
		return Zone{time.FixedZone("", minutes*60), source}, true
	}
	if !zoneName.MatchString(name) || len(name) > 64 || name == "Local" {
		return Zone{}, false
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return Zone{}, false
	}
	return Zone{location, source}, true
}

// Offset is the zone of so many minutes from UTC; an offset nobody lives in is none.
func Offset(minutes int, source acom.ZoneSource) Zone {
	if minutes < -12*60 || minutes > 14*60 {
		return Zone{}
	}
	return Zone{time.FixedZone("", minutes*60), source}
}

// offsetMinutes reads Z, +01:00, +0100 and -8.
func offsetMinutes(text string) (int, bool) {
	if text == "Z" || text == "z" || text == "UTC" {
		return 0, true
	}
	if len(text) < 2 || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	digits := strings.Replace(text[1:], ":", "", 1)
	if !isDigits(digits) || len(digits) > 4 || len(digits) == 3 || strings.Contains(text, ":") && len(digits) != 4 {
		return 0, false
	}
	hours, minutes := digits, "0"
	if len(digits) == 4 {
		hours, minutes = digits[:2], digits[2:]
	}
	h, m := small(hours), small(minutes)
	if m > 59 || h*60+m > 14*60 {
		return 0, false
	}
	if text[0] == '-' {
		return -(h*60 + m), true
	}
	return h*60 + m, true
}

// small is the number of a few digits.
func small(digits string) (n int) {
	for _, d := range digits {
		n = n*10 + int(d-'0')
	}
	return n
}
