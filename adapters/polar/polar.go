// Package polar reads the sleep of Polar AccessLink.
//
//	never a number: null; a heart rate of nought or less
//	unit            fixed by the member: seconds; scores have none
//	time zone       told with the start and the end of sleep (offset); samples have clock
//	                times, which run over midnight
//
// Scores and stages have no clinical code: they keep Polar's. device_id may be a model:
// deviceId must be given.
package polar

import (
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "polar",
	Standard: "Polar AccessLink API v3: sleep",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

type decoder struct{}

// members of a night that are numbers.
var members = []struct {
	name, display string
	unit          acom.Code
}{
	{"light_sleep", "Light sleep", records.Seconds}, {"deep_sleep", "Deep sleep", records.Seconds}, {"rem_sleep", "REM sleep", records.Seconds},
	{"unrecognized_sleep_stage", "Sleep of no recognised stage", records.Seconds}, {"total_interruption_duration", "Interruptions of sleep", records.Seconds},
	{"sleep_score", "Sleep score", 262656},
}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("polar", f)
	if err != nil {
		return adapters.Result{}, err
	}
	found := false
	for _, name := range []string{"sleep", "nights"} {
		if list := doc.Get(name); list.Is('[') {
			found = true
			for item := range list.Items() {
				night(b, item)
			}
		}
	}
	switch {
	case !found && doc.Get("sleep_start_time").Is('"'):
		night(b, doc)
	case !found:
		return adapters.Result{}, records.Refuse(doc.At, "it has no array \"sleep\" or \"nights\"")
	}
	return b.Result()
}

func night(b *records.Batch, item records.Value) {
	t, ok := records.ISO(item.Get("sleep_start_time").Text(), b.Settings.Zone)
	if !ok {
		b.Fault(item.At, "sleep_start_time is no time")
		return
	}
	end, _ := records.ISO(item.Get("sleep_end_time").Text(), b.Settings.Zone)
	key := "sleep/" + records.Clip(item.Get("date").Text(), 20)
	device := item.Get("device_id").Text() // looked up once: a lookup passes over all samples
	add := func(m acom.Measurement, key string) {
		m.Record, m.Metric.Stage = key, acom.Newest // a night is sent again when it was analysed anew
		records.By(&m, device)
		b.Add(acom.Device{}, m)
	}
	for _, member := range members {
		plain, ok := item.Get(member.name).Decimal(true)
		if !ok || plain[0] == '-' {
			continue
		}
		m := records.Own("polar", member.name, member.display, records.Num(plain, member.unit), t)
		records.Lasting(&m, end)
		add(m, key)
	}
	for clock, v := range item.Get("heart_rate_samples").Members() {
		plain, number := v.Decimal(true)
		at, ok := after(t, clock)
		if !ok || !number || !records.IsPositive(plain) {
			b.Fault(v.At, "a heart rate without clock time or value")
			continue
		}
		add(records.Numeric(records.Pulse, records.Num(plain, records.Beats), at), key+"+"+clock)
	}
	for clock, v := range item.Get("hypnogram").Members() {
		at, ok := after(t, clock)
		if _, whole := v.Int(); !ok || !whole {
			b.Fault(v.At, "a sleep stage without clock time or number")
			continue
		}
		add(records.Own("polar", "hypnogram", "Sleep stage that begins", acom.Value{Concept: []acom.Coding{{System: records.System("polar"), Code: records.Clip(v.Text(), 20)}}}, at), key+"+"+clock)
	}
}

// after is the moment, within a day from the minute that the night began, at which the
// clock showed a time.
func after(start acom.Time, clock string) (acom.Time, bool) {
	w := *start.Wall
	if !records.TimeOfDay(&w, clock) {
		return acom.Time{}, false
	}
	minutes := (w.Hour*60 + w.Minute - start.Wall.Hour*60 - start.Wall.Minute + 24*60) % (24 * 60)
	day := time.Date(start.Wall.Year, time.Month(start.Wall.Month), start.Wall.Day, start.Wall.Hour, start.Wall.Minute+minutes, w.Second, 0, time.UTC)
	w.Year, w.Month, w.Day, w.Hour, w.Minute = day.Year(), int(day.Month()), day.Day(), day.Hour(), day.Minute()
	return acom.Time{Wall: &w, Zone: start.Zone}, records.Complete(w)
}
