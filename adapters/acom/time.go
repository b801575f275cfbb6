package acom

// Time is when something happened by the device's own clock, as sent.
// The zero Time means the device gave none.
type Time struct {
	// Wall is set when the device told a calendar time.
	Wall *Wall `json:"wall,omitempty"`
	// Ticks is set when the device told only its running clock.
	Ticks *Ticks `json:"ticks,omitempty"`
	// Unreliable is set when the device itself said that this time is not to be
	// trusted: its clock was never set, or it noticed a time fault. The time still
	// orders the device's records; it is no date to chart by.
	Unreliable bool `json:"unreliable,omitempty"`
	// Synced is set when the device said that its clock was synchronised with an
	// outside source.
	Synced bool `json:"synced,omitempty"`
	// Earlier is set when the time comes from an earlier timeline: the device's clock
	// was set or lost since, so that a Clock read now says nothing about it.
	Earlier bool `json:"earlier,omitempty"`
	// Step is how many milliseconds the device has set its clock by since, by its own
	// account: so much later the time is on its clock of now. The time itself, which
	// names the reading, is as it was told then.
	Step int64 `json:"step,omitempty"`
	// Zone says where the offset of Wall comes from, or that nobody knows one; 0 is
	// a device's own clock, which the gateway's offset explains (PHD 2.0).
	Zone ZoneSource `json:"zone,omitempty"`
}

// ZoneSource is where the offset of a time comes from.
type ZoneSource uint8

// The sources. A reading of an unknown zone is charted by its date alone.
const (
	ZoneOffset  ZoneSource = iota + 1 // told with the time itself
	ZoneDevice                        // a setting of the device or app that measured
	ZoneUser                          // a setting of the account, or of who sent the file
	ZoneUnknown                       // a local time, nobody said where
)

// IsZero reports whether the device gave no time.
func (t Time) IsZero() bool { return t.Wall == nil && t.Ticks == nil }

// Wall is a calendar time. Year, Month and Day are 0 when the device said
// "unknown"; they are never filled in.
type Wall struct {
	Year   int `json:"year"`
	Month  int `json:"month"`
	Day    int `json:"day"`
	Hour   int `json:"hour"`
	Minute int `json:"minute"`
	Second int `json:"second"`
	// DateOnly is set when no time of day was told.
	DateOnly bool `json:"dateOnly,omitempty"`
	// Fraction holds the digits after the decimal point of the second as sent,
	// "" when the format has none.
	Fraction string `json:"fraction,omitempty"`
	// UTC is set when the fields are UTC; local time is then later by OffsetMinutes.
	// Otherwise they are local time, that of OffsetMinutes if the device told one.
	UTC bool `json:"utc,omitempty"`
	// OffsetMinutes from UTC, when the device told one.
	OffsetMinutes *int `json:"offsetMinutes,omitempty"`
}

// Ticks is a running clock without a calendar.
type Ticks struct {
	// Micros is the count in microseconds since an epoch only the device knows.
	Micros uint64 `json:"micros"`
	// Resolution of the clock in microseconds: 125 for 20601 RelativeTime, 1 for hi-res.
	Resolution uint32 `json:"resolution"`
}

// Clock is a coincident time stamp: the device's clock and the gateway's read
// at one moment. With it a wrong device clock can be corrected.
type Clock struct {
	Device Time `json:"device"`
	// Gateway is the gateway's instant, RFC 3339 with offset.
	Gateway string `json:"gateway"`
}
