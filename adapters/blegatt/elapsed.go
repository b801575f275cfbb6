package blegatt

import (
	"fmt"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Flags of an Elapsed Time (ETS 3.1.1); bits 2 and 3 are the resolution.
const (
	elapsedTicks   = 0 // a running clock and no time of day
	elapsedUTC     = 1
	elapsedZone    = 4 // the offset counts
	elapsedCurrent = 5 // on the current timeline
)

// resolutions of an Elapsed Time: microseconds of one count, and the decimals of a
// second that it tells.
var resolutions = [...]struct {
	micros uint64
	digits int
}{{1_000_000, 0}, {100_000, 1}, {1_000, 3}, {100, 4}}

// maxElapsed bounds times of day to year 9999 and ticks to what 64 bits hold.
const maxElapsed = uint64(8000) * 366 * 24 * 60 * 60 * 1_000_000

// syncSources are the Time Sync Source Types (ETS 3.1.1): the MDC code of the way the clock
// is synchronised, and whether it then is by something other than a person.
var syncSources = map[uint8]struct {
	code   acom.Code
	synced bool
}{
	1: {0, true},       // NTP of no said version
	2: {532238, true},  // MDC_TIME_SYNC_GPS
	3: {532230, true},  // MDC_TIME_SYNC_RADIO
	4: {532234, false}, // MDC_TIME_SYNC_EBWW
	5: {532236, true},  // MDC_TIME_SYNC_OTHER: an atomic clock
	6: {532237, true},  // MDC_TIME_SYNC_OTHER_MOBILE
	7: {532224, false}, // MDC_TIME_SYNC_NONE
}

// elapsedTime reads an Elapsed Time (ETS 3.1.1): flags, 48 bits of counts since
// 2000-01-01 or since the clock was started, the source the clock is synchronised
// with and the offset from UTC in quarters of an hour. sync is the code of the
// source.
func elapsedTime(c *cursor.Cursor) (t acom.Time, sync acom.Code) {
	start := c.Offset()
	flags := c.U8("Time Flags")
	count := c.U48LE("Time Value")
	source := syncSources[c.U8("Time Sync Source Type")]
	offset := int(c.S8("TZ/DST Offset"))
	if c.Err() != nil {
		return acom.Time{}, 0
	}
	step := resolutions[flags>>2&3]
	t.Earlier = !flag(flags, elapsedCurrent)
	if count > maxElapsed/step.micros {
		c.FailAt(start+1, "Time Value %d is beyond the year 9999", count)
		return acom.Time{}, 0
	}
	micros := count * step.micros
	if flag(flags, elapsedTicks) {
		t.Ticks = &acom.Ticks{Micros: micros, Resolution: uint32(step.micros)}
		return t, source.code
	}
	epoch := time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	at := time.Unix(epoch.Unix()+int64(micros/1_000_000), 0).UTC()
	if at.Year() > 9999 {
		c.FailAt(start+1, "Time Value %d is beyond the year 9999", count)
		return acom.Time{}, 0
	}
	t.Wall = &acom.Wall{Year: at.Year(), Month: int(at.Month()), Day: at.Day(), Hour: at.Hour(), Minute: at.Minute(), Second: at.Second(),
		Fraction: fmt.Sprintf("%06d", micros%1_000_000)[:step.digits], UTC: flag(flags, elapsedUTC)}
	if flag(flags, elapsedZone) && offset != zoneUnknown {
		if offset < -48 || offset > 56 {
			c.FailAt(start+8, "TZ/DST Offset %d is not -48..56", offset)
		}
		minutes := offset * 15
		t.Wall.OffsetMinutes = &minutes
	}
	t.Synced = source.synced
	t.Unreliable = count == 0 // a clock at its epoch was never set
	return t, source.code
}

// currentElapsedTime reads a Current Elapsed Time (ETS 3.1): the time, the clock's
// status, of which bit 0 asks for the time to be set, and its capabilities.
func (r *reader) currentElapsedTime() {
	t, sync := elapsedTime(r.Cursor)
	status := r.U8("Clock Status")
	r.U8("Clock Capabilities")
	t.Unreliable = t.Unreliable || flag(status, 0)
	t.Earlier = false // it is the clock as it runs now
	r.report.Device.TimeSync = sync
	r.coincident(t)
	r.deviceFact = r.deviceFact || sync != 0
}
