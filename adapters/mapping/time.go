package mapping

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
)

// moment is when a measurement was taken, as far as can be said.
type moment struct {
	// at is the moment for those who need one in any case: who wore the device.
	at time.Time
	// text is the FHIR dateTime, "" when no time may be claimed.
	text string
	// digits of the second's fraction in text; -1 when text is only a date.
	digits int
	// receipt is set when the time is that of the reception, not the device's.
	receipt bool
	clock   clockUse
	notes   []string
}

// clockUse tells which coincident time stamp explains a moment.
type clockUse int

const (
	noClock    clockUse = iota // none was needed or known
	clockRead                  // the two clocks were read at one moment
	clockFault                 // the device's clock says nothing about this time
)

const farAhead = 24 * time.Hour

// timeOf gives the moment of a device time. It follows the guide's table
// (PhdBaseObservation, Timestamp): synchronised times are kept, others are moved
// to the gateway's timeline where both clocks were read at one moment, a local
// time takes the gateway's offset. Where the guide says "throw away" the reading
// is kept without a time.
func timeOf(t acom.Time, clock *coincidence, c Context) moment {
	m := deviceTime(t, clock, c)
	if m.text != "" && !m.receipt && !c.Received.IsZero() && m.at.Sub(c.Received) > farAhead {
		m.notes = append(m.notes, "By the device's clock this lies more than a day after it was received.")
	}
	return m
}

func deviceTime(t acom.Time, clock *coincidence, c Context) moment {
	switch {
	case t.IsZero():
		return received(c, noClock)
	case t.Unreliable:
		m := received(c, clock.fault())
		m.notes = append(m.notes, "The device said that its time, "+said(t)+", is not to be trusted.")
		return m
	case t.Earlier && (!t.Synced || t.Wall == nil):
		// PHD: "should be thrown away since there is no way to give them a correct timestamp".
		return moment{at: c.Received, clock: clock.fault(),
			notes: []string{"When this was measured is not known: the device's clock was set since. It said " + said(t) + "; received " + format(c.Received, fraction(c.Received)) + "."}}
	case t.Zone == acom.ZoneUnknown && t.Wall != nil && t.Wall.OffsetMinutes == nil && complete(acom.Wall{Year: t.Wall.Year, Month: t.Wall.Month, Day: t.Wall.Day}):
		return zoneless(*t.Wall, c)
	case t.Wall != nil && !complete(*t.Wall):
		return partial(*t.Wall, clock, c)
	case t.Wall != nil:
		return wallTime(t, clock, c)
	case clock.readable() && clock.ticks != nil:
		at := clock.gateway.Add(tickSpan(*clock.ticks, *t.Ticks))
		return moment{at: at, text: format(at, 3), digits: 3, clock: clockRead}
	}
	m := received(c, clock.fault())
	m.notes = append(m.notes, "The device told only its running clock, which nobody could relate to the time of day.")
	return m
}

// wallTime maps a complete calendar time.
func wallTime(t acom.Time, clock *coincidence, c Context) moment {
	w := *t.Wall
	zone := zoneOf(c)
	if clock != nil {
		zone = clock.gateway.Location()
	}
	at := instant(w, zone).Add(time.Duration(t.Step) * time.Millisecond)
	m := moment{at: at, digits: len(w.Fraction)}
	local := !w.UTC && w.OffsetMinutes == nil
	switch {
	case t.Synced || t.Earlier:
		if !t.Earlier && !w.UTC && clock.readable() {
			m.clock = clockRead
		}
	case clock.readable() && clock.ticks == nil:
		// The two clocks are read through two radios: below a millisecond the
		// difference means nothing.
		shift := clock.gateway.Sub(clock.device).Round(time.Millisecond)
		at = at.Add(shift).In(clock.gateway.Location())
		m.at, m.clock, m.digits = at, clockRead, max(m.digits, places(shift))
	}
	if m.clock == noClock && clock != nil && clock.bad {
		m.clock = clockFault
	}
	if local && m.clock != clockRead && !c.ReceivedKnown {
		m.notes = append(m.notes, "The device told no offset from UTC; its clock was read as "+at.Format("-07:00")+".")
	}
	m.text = format(at, m.digits)
	return m
}

// zoneless maps a local time of which nobody knows where it was: FHIR can say its
// date, and a note the rest. Who wore the device is looked up in the configured zone.
func zoneless(w acom.Wall, c Context) moment {
	m := moment{at: instant(w, zoneOf(c)), digits: -1, text: fmt.Sprintf("%04d-%02d-%02d", w.Year, w.Month, w.Day)}
	if !w.DateOnly {
		m.notes = []string{"Local time " + saidWall(w) + "; nobody told the time zone, so that only the date is given."}
	}
	return m
}

// partial maps a calendar time with unknown parts: the receipt if the gateway
// told it, otherwise as much of the date as FHIR can say.
func partial(w acom.Wall, clock *coincidence, c Context) moment {
	m := received(c, clock.fault())
	if !c.ReceivedKnown || w.DateOnly {
		switch {
		case w.DateOnly && complete(acom.Wall{Year: w.Year, Month: w.Month, Day: w.Day}):
			m.text, m.digits, m.receipt = fmt.Sprintf("%04d-%02d-%02d", w.Year, w.Month, w.Day), -1, false
		case w.Year < 1 || w.Year > 9999:
		case w.Month < 1 || w.Month > 12:
			m.text, m.digits, m.receipt = fmt.Sprintf("%04d", w.Year), -1, false
		default:
			m.text, m.digits, m.receipt = fmt.Sprintf("%04d-%02d", w.Year, w.Month), -1, false
		}
	}
	if w.DateOnly && !m.receipt {
		return m // as precise as it was meant
	}
	note := "The device knew its date only in part: " + saidWall(w) + "."
	if m.receipt {
		note += " The time given is that of the receipt."
	}
	m.notes = []string{note}
	return m
}

// received is the moment of reception.
func received(c Context, clock clockUse) moment {
	digits := fraction(c.Received)
	m := moment{at: c.Received, text: format(c.Received, digits), digits: digits, receipt: true, clock: clock}
	if !c.ReceivedKnown {
		m.notes = []string{"Neither device nor gateway told a time; this is when the server received it."}
	}
	return m
}

// zoneOf is the zone to read a wall clock in: the gateway's offset, or the
// configured zone of the server.
func zoneOf(c Context) *time.Location {
	if !c.ReceivedKnown {
		return c.Received.Location()
	}
	_, offset := c.Received.Zone()
	return time.FixedZone("", offset)
}

// complete reports whether a calendar time has all its parts.
func complete(w acom.Wall) bool {
	if w.DateOnly {
		return false
	}
	_, ok := fhir.ParseDateTime(fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second))
	return ok
}

// instant is the moment a complete calendar time means, in its own offset or,
// when it has none, in zone.
func instant(w acom.Wall, zone *time.Location) time.Time {
	if w.OffsetMinutes != nil {
		zone = time.FixedZone("", *w.OffsetMinutes*60)
	}
	from := zone
	if w.UTC {
		from = time.UTC
	}
	var nanos int
	for i, unit := 0, 100_000_000; i < len(w.Fraction) && unit > 0; i, unit = i+1, unit/10 {
		nanos += int(w.Fraction[i]-'0') * unit
	}
	return time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, nanos, from).In(zone)
}

// tickSpan is how much later at is than from on one running clock. A RelativeTime
// of 125 µs wraps every 6.2 days; the shorter way round is taken.
func tickSpan(from, at acom.Ticks) time.Duration {
	span := int64(at.Micros - from.Micros)
	if at.Resolution == 125 {
		const turn = int64(1<<32) * 125
		span %= turn
		switch {
		case span > turn/2:
			span -= turn
		case span < -turn/2:
			span += turn
		}
	}
	return time.Duration(span) * time.Microsecond
}

// duration reads seconds as decimal text; digits are its decimals.
func duration(text string) (span time.Duration, digits int, err error) {
	if text == "" {
		return 0, 0, nil
	}
	seconds, ok := new(big.Rat).SetString(text)
	if !ok || seconds.Sign() < 0 {
		return 0, 0, fmt.Errorf("%q is no duration", text)
	}
	nanos := new(big.Rat).Mul(seconds, rat(int64(time.Second)))
	whole := new(big.Int).Quo(nanos.Num(), nanos.Denom())
	if !whole.IsInt64() {
		return 0, 0, fmt.Errorf("%q s is too long", text)
	}
	_, decimals, _ := strings.Cut(text, ".")
	return time.Duration(whole.Int64()), len(decimals), nil
}

// format writes a FHIR dateTime with so many digits of the second's fraction.
func format(t time.Time, digits int) string {
	layout := "2006-01-02T15:04:05"
	if digits > 0 {
		layout += "." + strings.Repeat("0", min(digits, 9))
	}
	return t.Format(layout + "Z07:00")
}

// fraction is how many digits t's fraction of a second needs.
func fraction(t time.Time) int { return places(time.Duration(t.Nanosecond())) }

// places is how many decimals a duration needs in seconds.
func places(d time.Duration) int {
	n := 0
	for unit := time.Second; d%unit != 0; unit /= 10 {
		n++
	}
	return n
}

// said writes a device time for a note.
func said(t acom.Time) string {
	if t.Wall != nil {
		return saidWall(*t.Wall)
	}
	return fmt.Sprintf("%d µs on its running clock", t.Ticks.Micros)
}

func saidWall(w acom.Wall) string {
	unknown := func(n, width int) string {
		if n == 0 {
			return "????"[:width]
		}
		return fmt.Sprintf("%0*d", width, n)
	}
	return fmt.Sprintf("%s-%s-%s %02d:%02d:%02d", unknown(w.Year, 4), unknown(w.Month, 2), unknown(w.Day, 2), w.Hour, w.Minute, w.Second)
}
