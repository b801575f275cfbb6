// Package healthkit reads samples of Apple's HealthKit as apps pass them on in JSON: one by
// one under Apple's own type identifiers, and as the app Health Auto Export groups them by
// metric.
//
//	never a number: a percentage of HealthKit above 1 (it is a fraction: 0.96 is 96 %); a
//	                rate, pressure, saturation or weight of nought or less
//	unit            with each sample or metric. Health Auto Export tells percentages as 96;
//	                a saturation or body fat of at most 1 is a fraction there too, as nobody
//	                has one of 1 %
//	time zone       told with each time (offset)
//	means           a heart rate with Avg, Min and Max is a mean over a time, which a note says
//	                unless all three are the same
//
// Nothing in it names a device uniquely: deviceId must be given. A single systolic or
// diastolic sample is skipped where it is no part of a correlation, as in export.xml.
package healthkit

import (
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "healthkit",
	Standard: "HealthKit samples as JSON; Health Auto Export JSON",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

type decoder struct{}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	inner, err := records.NewBatch("healthkit", f)
	if err != nil {
		return adapters.Result{}, err
	}
	b := batch{inner}
	samples, metrics := doc, doc.Get("data", "metrics")
	if !doc.Is('[') {
		samples = doc.Get("samples")
	}
	switch {
	case samples.Is('['):
		for sample := range samples.Items() {
			b.sample(sample)
		}
	case metrics.Is('['):
		for metric := range metrics.Items() {
			b.metric(metric)
		}
		for name, list := range doc.Get("data").Members() {
			for item := range list.Items() {
				if name != "metrics" {
					b.Skip(item.At, "%q is not read", records.Clip(name, 40))
				}
			}
		}
	case doc.Is('{') && !typeOf(doc).Missing():
		b.sample(doc)
	default:
		return adapters.Result{}, records.Refuse(doc.At, "it is no array of samples, has no \"samples\" and no \"data.metrics\"")
	}
	return b.Result()
}

type batch struct{ *records.Batch }

// first is the first member of several names that is there.
func first(v records.Value, names ...string) records.Value {
	for _, name := range names {
		if m := v.Get(name); !m.Missing() {
			return m
		}
	}
	return records.Value{}
}

func typeOf(v records.Value) records.Value {
	return first(v, "type", "sampleType", "quantityType", "categoryType", "correlationType")
}

const prefix = "HKQuantityTypeIdentifier"

// sample reads an HKQuantitySample, HKCategorySample or a blood pressure's HKCorrelation.
func (b batch) sample(v records.Value) {
	typ := typeOf(v).Text()
	t, ok := records.ISO(first(v, "startDate", "start").Text(), b.Settings.Zone)
	switch {
	case typ == "":
		b.Fault(v.At, "a sample without a type")
		return
	case !ok:
		b.Fault(v.At, "startDate is no time")
		return
	case typ == "HKCorrelationTypeIdentifierBloodPressure":
		b.correlation(v, t)
		return
	case strings.HasSuffix(typ, "BloodPressureSystolic") || strings.HasSuffix(typ, "BloodPressureDiastolic"):
		b.Skip(v.At, "a single pressure; its correlation holds both")
		return
	case strings.HasPrefix(typ, "HKCategoryTypeIdentifier"):
		own := []acom.Coding{{System: records.HealthKitSystem, Code: records.Clip(typ, 100)}}
		m := acom.Measurement{Kind: acom.CodedEnumeration, Time: t, Metric: &acom.Metric{Codings: own, Activity: true}, Value: acom.Value{Absent: acom.AbsentUnknown}}
		if word := records.Clip(v.Get("value").Text(), 100); word != "" {
			m.Value = acom.Value{Concept: []acom.Coding{{System: records.HealthKitSystem, Code: word}}}
		}
		b.add(v, m)
		return
	}
	plain, unit, ok := quantity(v)
	if !ok {
		b.Fault(v.At, "a quantity without a number")
		return
	}
	m, ok := records.HealthKit(typ, plain, unit, t)
	if !ok {
		b.Skip(v.At, "a sample of type %q, which is not read", records.Clip(typ, 60))
		return
	}
	b.add(v, m)
}

// quantity is the number and the unit of a sample, beside it or in an object of its own.
func quantity(v records.Value) (plain, unit string, ok bool) {
	q := first(v, "value", "quantity", "qty")
	unit = first(v, "unit", "units").Text()
	if q.Is('{') {
		unit = first(q, "unit", "units").Text()
		q = first(q, "value", "doubleValue", "quantity")
	}
	plain, ok = q.Decimal(true)
	return plain, unit, ok
}

// correlation reads a blood pressure of two samples.
func (b batch) correlation(v records.Value, t acom.Time) {
	unknown := acom.Value{Absent: acom.AbsentUnknown}
	high, low := unknown, unknown
	for part := range first(v, "objects", "samples", "components").Items() {
		plain, unit, ok := quantity(part)
		if !ok || !records.IsPositive(plain) {
			continue
		}
		switch strings.TrimPrefix(typeOf(part).Text(), prefix) {
		case "BloodPressureSystolic":
			high = records.Unit(plain, unit)
		case "BloodPressureDiastolic":
			low = records.Unit(plain, unit)
		}
	}
	if high.Number == nil && low.Number == nil {
		b.Fault(v.At, "a blood pressure without pressures")
		return
	}
	b.add(v, records.Panel(high, low, t))
}

// add completes a reading with what its sample says of all of its.
func (b batch) add(v records.Value, m acom.Measurement) {
	if end, ok := records.ISO(first(v, "endDate", "end").Text(), b.Settings.Zone); ok {
		records.Lasting(&m, end)
	}
	m.Record = records.Clip(first(v, "uuid", "id").Text(), 80)
	if flag := v.Get("metadata", "HKWasUserEntered").Text(); flag == "1" || flag == "true" {
		records.Manual(&m)
	}
	source := first(v, "sourceName", "source")
	if source.Is('{') {
		source = source.Get("name")
	}
	records.By(&m, source.Text())
	b.Add(acom.Device{}, m)
}
