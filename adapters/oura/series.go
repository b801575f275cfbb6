package oura

import (
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// scores are what the score of a day is of, by a contributor that it alone has.
var scores = []struct{ contributor, code, display string }{
	{"total_sleep", "sleep_score", "Sleep score"}, {"body_temperature", "readiness_score", "Readiness score"},
	{"meet_daily_targets", "activity_score", "Activity score"},
}

// score reads the score of a day, which is sent again when the day is analysed anew.
func score(b *records.Batch, item records.Value) {
	plain, ok := item.Get("score").Decimal(true)
	t, isDay := records.Day(item.Get("day").Text())
	if !ok || !isDay || plain[0] == '-' {
		b.Fault(item.At, "a score without day or value")
		return
	}
	code, display := "score", "Score"
	for _, s := range scores {
		if !item.Get("contributors", s.contributor).Missing() {
			code, display = s.code, s.display
		}
	}
	m := records.Own("oura", code, display, records.Num(plain, 262656), t)
	m.Record, m.Metric.Stage = code+"/"+item.Get("day").Text(), acom.Newest
	b.Add(acom.Device{}, m)
}

// series reads values at a fixed interval from a time, as one reading: null, and the -1 of
// a value that could not be made, are samples that are missing.
func series(b *records.Batch, list records.Value, m acom.Measurement, unit acom.Code) {
	if !list.Is('{') {
		return
	}
	t, ok := records.ISO(list.Get("timestamp").Text(), b.Settings.Zone)
	period, number := list.Get("interval").Decimal(true)
	if !ok || !number || !records.IsPositive(period) {
		b.Fault(list.At, "a series without timestamp or interval")
		return
	}
	samples := &acom.Samples{Period: strings.TrimSuffix(period, ".0")}
	found := false
	for item := range list.Get("items").Items() {
		plain, number := item.Decimal(true)
		if number = number && records.IsPositive(plain); !number {
			plain = "E"
		}
		found = found || number
		samples.Decimals = append(samples.Decimals, plain)
	}
	if !found {
		return
	}
	m.Kind, m.Time, m.Value = acom.RTSA, t, acom.Value{Unit: unit, Samples: samples}
	m.Metric.Activity = false
	b.Add(acom.Device{}, m)
}
