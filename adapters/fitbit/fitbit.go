// Package fitbit reads answers of the Fitbit Web API: body weight and fat logs, heart
// rate with its intraday series, and ECG readings.
//
//	never a number: 0
//	unit            the API tells none: kg, as it has them unless the request's
//	                Accept-Language asked for another system; do not send that
//	time zone       local times of the user's profile; only the frame's profile can tell
//	                it here (user)
package fitbit

import (
	"strconv"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "fitbit",
	Standard: "Fitbit Web API: body, heart rate, ECG",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

type decoder struct{}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("fitbit", f)
	if err != nil {
		return adapters.Result{}, err
	}
	found := false
	for name, list := range doc.Members() {
		known := true
		switch name {
		case "weight", "fat":
			for log := range list.Items() {
				body(b, log, name)
			}
		case "activities-heart":
			resting(b, list)
		case "activities-heart-intraday":
			intraday(b, doc, list)
		case "ecgReadings":
			for reading := range list.Items() {
				ecg(b, reading)
			}
		default:
			known = false
			b.Skip(list.At, "%q is not read", records.Clip(name, 40))
		}
		found = found || known
	}
	if !found {
		return adapters.Result{}, records.Refuse(doc.At, "it is none of the answers that are read: weight, fat, activities-heart, ecgReadings")
	}
	return b.Result()
}

// body reads a log of weight or fat.
func body(b *records.Batch, log records.Value, name string) {
	t, ok := records.ISO(log.Get("date").Text()+"T"+log.Get("time").Text(), b.Settings.Zone)
	if !ok {
		b.Fault(log.At, "date and time are no time")
		return
	}
	found := false
	for _, part := range []struct {
		name       string
		code, unit acom.Code
	}{{"weight", records.Weight, records.Kilogram}, {"fat", records.BodyFat, records.Percent}, {"bmi", records.BMI, records.KgPerM2}} {
		plain, ok := log.Get(part.name).Decimal(true)
		if !ok || !records.IsPositive(plain) {
			continue
		}
		found = true
		m := records.Numeric(part.code, records.Num(plain, part.unit), t)
		m.Record = records.Clip(log.Get("logId").Text(), 40)
		if source := log.Get("source").Text(); source == "Web" || source == "API" || source == "Mobile" {
			records.Manual(&m)
		}
		b.Add(acom.Device{}, m)
	}
	if !found {
		b.Fault(log.At, "a log of %s without a value", name)
	}
}

// resting reads the resting heart rate of each day.
func resting(b *records.Batch, days records.Value) {
	for day := range days.Items() {
		plain, ok := day.Get("value", "restingHeartRate").Decimal(true)
		if !ok || !records.IsPositive(plain) {
			continue // a day on which the band was not worn has none
		}
		date := day.Get("dateTime").Text()
		t, ok := records.Day(date)
		if !ok {
			b.Fault(day.At, "dateTime is no date")
			continue
		}
		m := records.Own("fitbit", "restingHeartRate", "Resting heart rate", records.Num(plain, records.Beats), t)
		m.Metric.Codings = append(m.Metric.Codings, acom.Coding{System: "http://loinc.org", Code: "40443-4", Display: "Heart rate --resting"})
		m.Metric.Activity, m.Record = false, date
		b.Add(acom.Device{}, m)
	}
}

// intraday reads the series of one day; the day stands beside it.
func intraday(b *records.Batch, doc, series records.Value) {
	var dates []string
	for day := range doc.Get("activities-heart").Items() {
		dates = append(dates, day.Get("dateTime").Text())
	}
	if len(dates) != 1 {
		b.Fault(series.At, "an intraday series of %d days; it is of one", len(dates))
		return
	}
	n, ok := series.Get("datasetInterval").Int()
	unit := map[string]int64{"second": 1, "minute": 60}[series.Get("datasetType").Text()]
	if !ok || n < 1 || n > 60 || unit == 0 {
		b.Fault(series.At, "datasetInterval and datasetType tell no interval")
		return
	}
	for point := range series.Get("dataset").Items() {
		t, ok := records.ISO(dates[0]+"T"+point.Get("time").Text(), b.Settings.Zone)
		plain, number := point.Get("value").Decimal(true)
		if !ok || !number || !records.IsPositive(plain) {
			b.Fault(point.At, "a point of the series without time or value")
			continue
		}
		m := records.Numeric(records.Pulse, records.Num(plain, records.Beats), t)
		if n*unit > 1 { // the mean of an interval that begins then
			m.Duration = strconv.FormatInt(n*unit, 10)
		}
		b.Add(acom.Device{}, m)
	}
}
