package acom

import (
	"fmt"
	"slices"
	"strconv"
)

// The enumerations of this package are one byte each, of which a report has thousands,
// and their words in JSON and for people. 0 is "not said", the empty word.

// words are those of an enumeration, by its values.
type words []string

// of is the word of a value; one that is not of the enumeration has its number.
func (w words) of(value uint8) string {
	if int(value) < len(w) {
		return w[value]
	}
	return "#" + strconv.Itoa(int(value))
}

// text is the word of a value of the enumeration.
func (w words) text(value uint8) ([]byte, error) {
	if int(value) >= len(w) {
		return nil, fmt.Errorf("acom: no such value: %d", value)
	}
	return []byte(w[value]), nil
}

// find is the value whose word text is; false when none is.
func (w words) find(text string) (uint8, bool) {
	at := slices.Index(w, text)
	return uint8(max(at, 0)), at >= 0
}

// read sets the value whose word text is.
func (w words) read(value *uint8, text []byte) error {
	found, ok := w.find(string(text))
	if !ok {
		return fmt.Errorf("acom: no such word: %.40q", text)
	}
	*value = found
	return nil
}

var (
	kinds       = words{"", "numeric", "compound-numeric", "compound", "coded-enumeration", "bits-enumeration", "string", "rtsa"}
	reasons     = words{"", "unknown", "error", "not-performed", "temp-unknown", "unsupported"}
	comparators = words{"", "<", "<=", ">", ">="}
	specials    = words{"", "NaN", "NRes", "+INF", "-INF", "reserved"}
	stages      = words{"", "preliminary", "corrected", "withdrawn", "unclear", "newest"}
	sources     = words{"", "offset", "device", "user", "unknown"}
)

// String is the kind's word, such as "numeric".
func (k Kind) String() string { return kinds.of(uint8(k)) }

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return kinds.text(uint8(k)) }

// UnmarshalText implements encoding.TextUnmarshaler; it refuses a word that is of no kind.
func (k *Kind) UnmarshalText(text []byte) error { return kinds.read((*uint8)(k), text) }

// AbsentOf is the reason with a code of the FHIR data-absent-reason code system; false
// for one that is not used here.
func AbsentOf(code string) (Absent, bool) {
	a, ok := reasons.find(code)
	return Absent(a), ok
}

// String is the code of the FHIR data-absent-reason code system.
func (a Absent) String() string { return reasons.of(uint8(a)) }

// MarshalText implements encoding.TextMarshaler.
func (a Absent) MarshalText() ([]byte, error) { return reasons.text(uint8(a)) }

// UnmarshalText implements encoding.TextUnmarshaler; it refuses a word that is no reason.
func (a *Absent) UnmarshalText(text []byte) error { return reasons.read((*uint8)(a), text) }

// ComparatorOf is the comparator of a sign, such as "<"; false for what is no sign.
func ComparatorOf(sign string) (Comparator, bool) {
	c, ok := comparators.find(sign)
	return Comparator(c), ok
}

// String is the sign, such as "<".
func (c Comparator) String() string { return comparators.of(uint8(c)) }

// MarshalText implements encoding.TextMarshaler.
func (c Comparator) MarshalText() ([]byte, error) { return comparators.text(uint8(c)) }

// UnmarshalText implements encoding.TextUnmarshaler; it refuses what is no sign.
func (c *Comparator) UnmarshalText(text []byte) error { return comparators.read((*uint8)(c), text) }

// String is the name the standard gives the value, such as "NRes".
func (s Special) String() string { return specials.of(uint8(s)) }

// MarshalText implements encoding.TextMarshaler.
func (s Special) MarshalText() ([]byte, error) { return specials.text(uint8(s)) }

// UnmarshalText implements encoding.TextUnmarshaler; it refuses a name that is none.
func (s *Special) UnmarshalText(text []byte) error { return specials.read((*uint8)(s), text) }

// String is the stage's word, such as "corrected".
func (s Stage) String() string { return stages.of(uint8(s)) }

// MarshalText implements encoding.TextMarshaler.
func (s Stage) MarshalText() ([]byte, error) { return stages.text(uint8(s)) }

// UnmarshalText implements encoding.TextUnmarshaler; it refuses a word that is no stage.
func (s *Stage) UnmarshalText(text []byte) error { return stages.read((*uint8)(s), text) }

// String is the source's word, such as "device".
func (z ZoneSource) String() string { return sources.of(uint8(z)) }

// MarshalText implements encoding.TextMarshaler.
func (z ZoneSource) MarshalText() ([]byte, error) { return sources.text(uint8(z)) }

// UnmarshalText implements encoding.TextUnmarshaler; it refuses a word that is no source.
func (z *ZoneSource) UnmarshalText(text []byte) error { return sources.read((*uint8)(z), text) }
