package mapping

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/internal/shared"
)

// TestTime_GuideTable walks the guide's 18 rows. The device's clock is six minutes
// slow and says 09:54:00 when the gateway, at -05:00, says 10:00:00; the reading is
// of 09:50:00 by that clock. An offset told is -06:00.
func TestTime_GuideTable(t *testing.T) {
	var table struct{ Rows [][]string }
	if err := json.Unmarshal(shared.Read(t, "vectors", "fhir-phd-ig", "time_mapping_table.json"), &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 18 {
		t.Fatalf("%d rows", len(table.Rows))
	}
	want := map[string]string{ // by mapping, for a reading without its own offset / with it
		"UTC keep":                                    "2026-03-01T08:50:00-06:00", // 14:50Z in its offset
		"UTC keep, add PHG offset":                    "2026-03-01T09:50:00-05:00",
		"UTC map to PHG timeline incl. offset":        "2026-03-01T09:56:00-05:00",
		"UTC map to PHG UTC timeline, add PHG offset": "2026-03-01T09:56:00-05:00",
		"Local map to UTC+offset":                     "2026-03-01T09:50:00-06:00",
		"Local map to UTC+offset, add PHG offset":     "2026-03-01T09:50:00-05:00",
		"Local map to PHG timeline incl. offset":      "2026-03-01T09:56:00-05:00",
		"Tick map to PHG timeline incl. offset":       "2026-03-01T09:56:00.000-05:00",
	}
	for _, row := range table.Rows {
		kind, current, synced, hasOffset, mapping, stamp := row[0], row[1], row[2], row[3], row[4], row[5]
		deviceNow, reading := wall("2026-03-01 09:54:00"), wall("2026-03-01 09:50:00")
		switch kind {
		case "UTC":
			deviceNow, reading = utc(wall("2026-03-01 14:54:00")), utc(wall("2026-03-01 14:50:00"))
		case "Tick":
			deviceNow = acom.Time{Ticks: &acom.Ticks{Micros: 1_000_000_000, Resolution: 1000}}
			reading = acom.Time{Ticks: &acom.Ticks{Micros: 760_000_000, Resolution: 1000}}
		}
		if hasOffset == "Y" {
			deviceNow, reading = offset(deviceNow, -360), offset(reading, -360)
			if kind == "Local" && synced == "N" {
				// Local time in -06:00 as the same instants.
				deviceNow, reading = offset(wall("2026-03-01 08:54:00"), -360), offset(wall("2026-03-01 08:50:00"), -360)
			}
		}
		reading.Synced, reading.Earlier = synced == "Y", current == "N"
		list, err := Observations(acom.Report{Clock: &acom.Clock{Device: deviceNow, Gateway: "2026-03-01T10:00:00-05:00"},
			Measurements: []acom.Measurement{{Kind: acom.Numeric, Type: 150364, Time: reading, Value: num("37.0", 268192)}}}, someContext)
		if err != nil {
			t.Fatal(err)
		}
		o := list[len(list)-1]
		got := o.Resource.Get("effectiveDateTime").Text()
		name := strings.Join(row[:4], " ")
		switch stamp {
		case "na": // the guide throws the reading away; it is kept without a time
			if got != "" || o.Resource.Path("_effectiveDateTime", "extension", "valueCode").Text() != "unknown" || o.Resource.Get("note").Len() != 1 {
				t.Errorf("%s: discarded reading has time %q: %s", name, got, o.Resource.JSON())
			}
		default:
			if got != want[kind+" "+mapping] {
				t.Errorf("%s: %s: effective %s, want %s", name, mapping, got, want[kind+" "+mapping])
			}
			if explained := len(list) == 2; explained != (stamp == "yes") {
				t.Errorf("%s: coincident time stamp %v, the guide says %s", name, explained, stamp)
			}
		}
	}
}

func TestTime_Cases(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	unknown := someContext
	unknown.ReceivedKnown, unknown.Received = false, time.Date(2026, 7, 1, 12, 0, 0, 0, berlin)
	precise := someContext
	precise.Received = at("2026-03-01T10:00:00.250-05:00")
	ticks := func(micros uint64) acom.Time { return acom.Time{Ticks: &acom.Ticks{Micros: micros, Resolution: 125}} }
	unreliable := wall("2026-02-28 10:00:00")
	unreliable.Unreliable = true
	partialDay := acom.Time{Wall: &acom.Wall{Year: 2026, Month: 2, Hour: 7}}
	for _, test := range []struct {
		name  string
		time  acom.Time
		clock *acom.Clock
		c     Context
		want  string
		note  string
	}{
		{"hundredths stay", wall("2007-02-01 12:10:00.00"), nil, someContext, "2007-02-01T12:10:00.00-05:00", ""},
		{"none: receipt", acom.Time{}, nil, precise, "2026-03-01T10:00:00.25-05:00", ""},
		{"none, no gateway: server's receipt", acom.Time{}, nil, unknown, "2026-07-01T12:00:00+02:00", "server received it"},
		{"configured zone at the wall time", wall("2026-01-01 12:00:00"), nil, unknown, "2026-01-01T12:00:00+01:00", "read as +01:00"},
		{"own offset", offset(wall("2026-01-01 12:00:00"), 330), nil, unknown, "2026-01-01T12:00:00+05:30", ""},
		{"a day missing, receipt known", partialDay, nil, someContext, "2026-03-01T10:00:00-05:00", "2026-02-?? 07:00:00"},
		{"a day missing, receipt not known", partialDay, nil, unknown, "2026-02", "in part"},
		{"only a year, receipt not known", acom.Time{Wall: &acom.Wall{Year: 2026}}, nil, unknown, "2026", "in part"},
		{"nothing known of the date", acom.Time{Wall: &acom.Wall{Hour: 9}}, nil, unknown, "2026-07-01T12:00:00+02:00", "in part"},
		{"day 31 of February is no date", acom.Time{Wall: &acom.Wall{Year: 2026, Month: 2, Day: 31}}, nil, someContext, "2026-03-01T10:00:00-05:00", "in part"},
		{"unreliable", unreliable, nil, someContext, "2026-03-01T10:00:00-05:00", "not to be trusted"},
		{"ticks alone", ticks(1000), nil, someContext, "2026-03-01T10:00:00-05:00", "running clock"},
		{"ticks with a wall clock read", ticks(1000), clock("2026-03-01 10:00:00", "2026-03-01T10:00:00-05:00"), someContext, "2026-03-01T10:00:00-05:00", "running clock"},
		{"ticks wrap", ticks(125), &acom.Clock{Device: ticks((1<<32 - 1) * 125), Gateway: "2026-03-01T09:00:00-05:00"}, someContext, "2026-03-01T09:00:00.000-05:00", ""},
		{"ahead of its receipt", wall("2026-03-03 10:00:00"), nil, someContext, "2026-03-03T10:00:00-05:00", "more than a day after"},
		{"ahead, corrected", wall("2030-03-03 10:00:00"), clock("2030-03-03 10:00:05", "2026-03-01T10:00:00-05:00"), someContext, "2026-03-01T09:59:55-05:00", ""},
		{"the clock's sub-millisecond is noise", wall("2026-03-01 09:00:00"), clock("2026-03-01 09:00:00", "2026-03-01T09:00:01.250400-05:00"), someContext, "2026-03-01T09:00:01.25-05:00", ""},
		{"the gateway's guide example of ticks", acom.Time{Ticks: &acom.Ticks{Micros: 108_000_000, Resolution: 1000}},
			&acom.Clock{Device: acom.Time{Ticks: &acom.Ticks{Micros: 100_000_000, Resolution: 1000}}, Gateway: "2017-11-27T05:31:44.555-05:00"}, someContext, "2017-11-27T05:31:52.555-05:00", ""},
	} {
		list, err := Observations(acom.Report{Clock: test.clock, Measurements: []acom.Measurement{{Kind: acom.Numeric, Type: 150364, Time: test.time, Value: num("37.0", 268192)}}}, test.c)
		if err != nil {
			t.Fatal(err)
		}
		o := list[len(list)-1]
		if got := o.Resource.Get("effectiveDateTime").Text(); got != test.want {
			t.Errorf("%s: effective %s, want %s", test.name, got, test.want)
		}
		if _, ok := fhir.ParseDateTime(test.want); !ok {
			t.Errorf("%s: %s is no dateTime", test.name, test.want)
		}
		note := o.Resource.Path("note", "text").Text()
		if (test.note == "") != (note == "") || !strings.Contains(note, test.note) {
			t.Errorf("%s: note %q, want %q", test.name, note, test.note)
		}
		m := acom.Measurement{Time: test.time}
		if r := ReadingTime(m, acom.Report{Clock: test.clock}, test.c); !r.Equal(o.Time) {
			t.Errorf("%s: ReadingTime %v, Observation.Time %v", test.name, r, o.Time)
		}
	}
}

func TestTime_Period(t *testing.T) {
	m := acom.Measurement{Kind: acom.Numeric, Type: 8454247, Duration: "90.5", Time: wall("2026-03-01 09:00:00"), Value: num("3", 263424)}
	o := one(t, m, someContext).Resource
	if got := []string{o.Path("effectivePeriod", "start").Text(), o.Path("effectivePeriod", "end").Text()}; !slices.Equal(got, []string{"2026-03-01T09:00:00.0-05:00", "2026-03-01T09:01:30.5-05:00"}) {
		t.Errorf("period %v", got)
	}
	m.Time = acom.Time{}
	o = one(t, m, someContext).Resource
	if got := []string{o.Path("effectivePeriod", "start").Text(), o.Path("effectivePeriod", "end").Text()}; !slices.Equal(got, []string{"2026-03-01T09:58:29.5-05:00", "2026-03-01T10:00:00.0-05:00"}) {
		t.Errorf("the receipt is the end: %v", got)
	}
}

// The zone of the process must not show: a gateway's offset that happens to be the
// server's own would otherwise bring the server's daylight saving into old times.
func TestTime_GatewayOffsetIsFixed(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	c := someContext
	c.Received = time.Date(2026, 7, 1, 12, 0, 0, 0, berlin)
	o := one(t, acom.Measurement{Kind: acom.Numeric, Type: 150364, Time: wall("2026-01-01 12:00:00"), Value: num("37", 268192)}, c)
	if got := o.Resource.Get("effectiveDateTime").Text(); got != "2026-01-01T12:00:00+02:00" {
		t.Errorf("effective %s", got)
	}
}
