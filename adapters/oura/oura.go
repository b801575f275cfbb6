// Package oura reads answers of the Oura API version 2: sleep with its phases and series,
// heart rate, and the scores of a day.
//
//	never a number: null; nought and less of rates
//	unit            fixed by the member: seconds, percent, per minute, milliseconds (RMSSD)
//	time zone       told with each time (offset)
//	periods         one that ends before it starts keeps its start alone, with a note
//
// Scores and phases have no clinical code: they keep Oura's. The answers name no device:
// deviceId must be given.
package oura

import (
	"strconv"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "oura",
	Standard: "Oura API v2: sleep, heart rate, scores",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

type decoder struct{}

// members of a sleep that are numbers.
var members = []struct {
	name, display string
	unit          acom.Code
	activity      bool
}{
	{"total_sleep_duration", "Time asleep", records.Seconds, true}, {"time_in_bed", "Time in bed", records.Seconds, true},
	{"deep_sleep_duration", "Deep sleep", records.Seconds, true}, {"light_sleep_duration", "Light sleep", records.Seconds, true},
	{"rem_sleep_duration", "REM sleep", records.Seconds, true}, {"awake_time", "Time awake in bed", records.Seconds, true},
	{"efficiency", "Sleep efficiency", records.Percent, true},
	{"average_heart_rate", "Mean heart rate asleep", records.Beats, false}, {"lowest_heart_rate", "Lowest heart rate asleep", records.Beats, false},
	{"average_hrv", "Mean heart rate variability asleep (RMSSD)", records.Millis, false}, {"average_breath", "Mean respiratory rate asleep", records.Breaths, false},
}

// phases of a hypnogram, each a digit.
var phases = map[rune]string{'1': "deep", '2': "light", '3': "rem", '4': "awake"}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("oura", f)
	if err != nil {
		return adapters.Result{}, err
	}
	found := false
	for name, list := range doc.Members() {
		switch {
		case list.Is('[') && name != "detail": // which says why there is no answer
			found = true
			for item := range list.Items() {
				read(b, item)
			}
		case list.Is('{'):
			found = true
			read(b, list)
		case name != "next_token" && !list.Missing() && name != "id":
			b.Skip(list.At, "%q is not read", records.Clip(name, 40))
		}
	}
	if !found {
		return adapters.Result{}, records.Refuse(doc.At, "it has no array \"data\"")
	}
	return b.Result()
}

func read(b *records.Batch, item records.Value) {
	switch {
	case item.Get("bedtime_start").Is('"'):
		sleep(b, item)
	case item.Get("bpm").Is('0'):
		t, ok := records.ISO(item.Get("timestamp").Text(), b.Settings.Zone)
		plain, number := item.Get("bpm").Decimal(true)
		if !ok || !number || !records.IsPositive(plain) {
			b.Fault(item.At, "a heart rate without time or value")
			return
		}
		b.Add(acom.Device{}, records.Numeric(records.Pulse, records.Num(plain, records.Beats), t))
	case item.Get("score").Is('0') && item.Get("day").Is('"'):
		score(b, item)
	default:
		b.Skip(item.At, "a document that is neither sleep, heart rate nor a score")
	}
}

func sleep(b *records.Batch, item records.Value) {
	t, ok := records.ISO(item.Get("bedtime_start").Text(), b.Settings.Zone)
	if !ok {
		b.Fault(item.At, "bedtime_start is no time")
		return
	}
	id := records.Clip(item.Get("id").Text(), 80)
	end, _ := records.ISO(item.Get("bedtime_end").Text(), b.Settings.Zone)
	for _, member := range members {
		plain, ok := item.Get(member.name).Decimal(true)
		if !ok || plain[0] == '-' || !member.activity && !records.IsPositive(plain) {
			continue
		}
		m := records.Own("oura", member.name, member.display, records.Num(plain, member.unit), t)
		m.Metric.Activity, m.Record = member.activity, id
		records.Lasting(&m, end)
		b.Add(acom.Device{}, m)
	}
	rates := records.Numeric(records.Pulse, acom.Value{}, acom.Time{})
	variability := records.Own("oura", "hrv", "Heart rate variability asleep (RMSSD)", acom.Value{}, acom.Time{})
	if id != "" {
		rates.Record, variability.Record = id+"/heart_rate", id+"/hrv"
	}
	series(b, item.Get("heart_rate"), rates, records.Beats)
	series(b, item.Get("hrv"), variability, records.Millis)
	hypnogram(b, item.Get("sleep_phase_30_sec"), 30, t, id)
	hypnogram(b, item.Get("sleep_phase_5_min"), 300, t, id)
}

// maxStretches is the most stretches of a night; of a real one there are about a hundred.
const maxStretches = 300

// changes counts the stretches.
func changes(steps []rune) (n int) {
	for i, step := range steps {
		if i == 0 || step != steps[i-1] {
			n++
		}
	}
	return n
}

// hypnogram makes one reading of each stretch of one phase; a digit is a step of so many
// seconds.
func hypnogram(b *records.Batch, digits records.Value, step int, t acom.Time, id string) {
	begin, ok := records.Moment(t)
	if !ok || digits.Missing() {
		return
	}
	zone := records.Offset(*t.Wall.OffsetMinutes, t.Zone)
	steps := []rune(digits.Text())
	if changes(steps) > maxStretches {
		b.Fault(digits.At, "a hypnogram of more than %d stretches, which is no sleep", maxStretches)
		return
	}
	for from := 0; from < len(steps); {
		to := from
		for to < len(steps) && steps[to] == steps[from] {
			to++
		}
		phase, known := phases[steps[from]]
		at, ok := records.Instant(begin.Add(time.Duration(from*step)*time.Second), t.Wall.Fraction, zone)
		if !known || !ok {
			b.Fault(digits.At, "a sleep phase that is no digit from 1 to 4")
		} else {
			m := records.Own("oura", "sleep_phase", "Sleep phase", acom.Value{Concept: []acom.Coding{{System: records.System("oura"), Code: phase}}}, at)
			m.Duration = strconv.Itoa((to - from) * step)
			if id != "" {
				m.Record = id + "/" + strconv.Itoa(step) + "+" + strconv.Itoa(from*step)
			}
			b.Add(acom.Device{}, m)
		}
		from = to
	}
}
