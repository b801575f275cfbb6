package biceps

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"vitalwire/adapters/acom"
)

// clock is what the state of a clock tells of its epochs (SDPi, Timestamp versioning). A
// clock that was set by a step began an epoch; times of earlier ones are on other time
// lines.
type clock struct {
	System  string  `json:"system"`
	LastSet int64   `json:"lastSet,omitempty"` // ms
	Now     uint64  `json:"now"`               // version of the epoch that it is in
	Steps   []epoch `json:"steps,omitempty"`
}

// epoch is one that is over: at its Version's end the clock was set by Offset ms.
type epoch struct {
	Version uint64 `json:"version"`
	Offset  int64  `json:"offset"`
}

// clockState learns the epochs of a clock.
func (t *turn) clockState(e *element, handle string, d *descriptor) {
	if !d.Epochs {
		return // R0601
	}
	c := clock{System: d.System}
	c.LastSet, _ = millis(e.get("LastSet"))
	if epochs := e.extension("Epochs"); epochs != nil {
		c.Now = number(epochs.get("Version"))
		for step := range epochs.children() {
			offset, ok := span(step.get("Offset"))
			if step.name != "Epoch" || !ok || len(c.Steps) >= 1000 {
				continue
			}
			ms := new(big.Rat).Mul(offset, big.NewRat(1000, 1))
			if ms.IsInt() && ms.Num().IsInt64() {
				c.Steps = append(c.Steps, epoch{number(step.get("Version")), ms.Num().Int64()})
			}
		}
	}
	if t.head.Clocks == nil {
		t.head.Clocks = map[string]clock{}
	}
	if _, known := t.head.Clocks[handle]; !known && len(t.head.Clocks) >= 2*maxSystems {
		t.skip(e, "more clocks than a device has")
		return
	}
	t.head.Clocks[handle], t.learned = c, true
}

// clockOf is the clock of an MDS: the one that is named, else the first that tells epochs.
func (t *turn) clockOf(system, handle string) (clock, bool) {
	if handle != "" {
		c, ok := t.head.Clocks[handle]
		return c, ok
	}
	first := ""
	for name, c := range t.head.Clocks {
		if c.System == system && (first == "" || name < first) {
			first = name
		}
	}
	c, ok := t.head.Clocks[first]
	return c, ok
}

// when reads a time stamp of a state: milliseconds since 1970 by the device's clock. In
// an earlier epoch it was another clock; what it was set by since is told beside the time,
// which stays as it was sent.
func (t *turn) when(system, text string, versioned *element, name string) (at acom.Time, notes []string) {
	ms, ok := millis(text)
	if !ok {
		if text != "" {
			notes = append(notes, "The device gave a time that is none: "+short(text)+".")
		}
		return at, notes
	}
	at = acom.Time{Wall: wall(ms), Zone: acom.ZoneOffset}
	handle, told := "", ""
	if versioned != nil {
		handle, told = versioned.get("Clock"), versioned.get(name)
	}
	c, ok := t.clockOf(system, handle)
	switch {
	case !ok:
	case told != "" && number(told) < c.Now:
		step, known := c.since(number(told))
		if !known {
			at.Unreliable = true
			return at, append(notes, fmt.Sprintf("The device's clock was set since, it does not tell by how much: epoch %s, now %d.", short(told), c.Now))
		}
		at.Step = step
		notes = append(notes, fmt.Sprintf("The device's clock was set since by %s s, which is added here; by its clock of then it was %s.", seconds(step), stamp(ms)))
	case told == "" && ms < c.LastSet:
		notes = append(notes, "The device's clock was set after this time, at "+stamp(c.LastSet)+"; the time may be of the clock before.")
	}
	return at, notes
}

// since is what a clock was set by from an epoch until now, if it tells all of the way.
func (c clock) since(version uint64) (step int64, known bool) {
	for ; version < c.Now; version++ {
		found := false
		for _, e := range c.Steps {
			if e.Version == version {
				step, found = step+e.Offset, true
			}
		}
		if !found {
			return 0, false
		}
	}
	return step, true
}

// millis reads a pm:Timestamp. 0 and what lies beyond the year 9999 is no time.
func millis(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n > 0 && n < 253402300800000
}

func wall(ms int64) *acom.Wall {
	at := time.UnixMilli(ms).UTC()
	zero := 0
	return &acom.Wall{Year: at.Year(), Month: int(at.Month()), Day: at.Day(), Hour: at.Hour(), Minute: at.Minute(), Second: at.Second(),
		Fraction: fmt.Sprintf("%03d", ms%1000), UTC: true, OffsetMinutes: &zero}
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// instantOf is a time in ms, for comparing with the bounds of contexts.
func instantOf(t acom.Time) (int64, bool) {
	w := t.Wall
	if w == nil {
		return 0, false
	}
	fraction, _ := strconv.Atoi(w.Fraction)
	return time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, 0, time.UTC).UnixMilli() + int64(fraction) + t.Step, true
}

func seconds(ms int64) string { return decimalText(big.NewRat(ms, 1000)) }

var durations = regexp.MustCompile(`^(-?)P(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9}(?:\.[0-9]{1,12})?)S)?)?$`)

// span reads an xs:duration in seconds. Months and years have none.
func span(text string) (*big.Rat, bool) {
	parts := durations.FindStringSubmatch(text)
	if parts == nil || strings.HasSuffix(text, "P") || strings.HasSuffix(text, "T") {
		return nil, false
	}
	total := new(big.Rat)
	for i, unit := range []int64{86400, 3600, 60, 1} {
		if n, ok := new(big.Rat).SetString(parts[i+2]); ok {
			total.Add(total, n.Mul(n, big.NewRat(unit, 1)))
		}
	}
	if parts[1] == "-" {
		total.Neg(total)
	}
	return total, true
}

// decimalText writes a number of seconds that has at most 12 decimals.
func decimalText(r *big.Rat) string {
	text := r.FloatString(12)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// date is an xs:date or xs:dateTime as FHIR has it, "" for what is neither.
func date(text string) string {
	if _, err := time.Parse("2006-01-02", text); err == nil {
		return text
	}
	if _, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return text
	}
	if day, _, found := strings.Cut(text, "T"); found {
		return date(day)
	}
	return ""
}
