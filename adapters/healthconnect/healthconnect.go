// Package healthconnect reads the batches in which phone apps upload what Health
// Connect, Samsung Health and HealthKit hold: JSON of the Open Wearables mobile SDK, with
// data.records of type, value and unit.
//
//	never a number: of vital signs, nought and less; of a fraction (provider apple), more
//	                than 1; an oxygen saturation of 1 % or less (a fraction sent as percent)
//	percent         of provider apple a fraction (0.304 is 30.4 %), of all others 0 to 100
//	unit            with each record
//	time zone       zoneOffset of each record (offset); startDate is UTC
//	deleted         a record with deleted true takes back what was sent under its id
package healthconnect

import (
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "healthconnect",
	Standard: "Open Wearables mobile SDK sync batch (Health Connect, Samsung Health, HealthKit)",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

type decoder struct{}

const (
	systolicType  = "BLOOD_PRESSURE_SYSTOLIC"
	diastolicType = "BLOOD_PRESSURE_DIASTOLIC"
)

// types by the names that Health Connect and Samsung Health share. What is not here
// keeps its name as a code of the batch.
var types = map[string]acom.Code{
	"HEART_RATE": records.Pulse, "OXYGEN_SATURATION": records.Saturation, "BODY_TEMPERATURE": records.Temperature, "SKIN_TEMPERATURE": records.SkinTemperature,
	"RESPIRATORY_RATE": records.Respiration, "WEIGHT": records.Weight, "BODY_MASS": records.Weight, "HEIGHT": records.Height,
	"BODY_FAT_PERCENTAGE": records.BodyFat, "BODY_FAT": records.BodyFat, "BODY_MASS_INDEX": records.BMI, "BLOOD_GLUCOSE": 160020, // MDC_CONC_GLU_GEN
}

// clinical are types that MDC has no code for and that are more than everyday life.
var clinical = map[string]bool{"RESTING_HEART_RATE": true, "HEART_RATE_VARIABILITY_RMSSD": true, "HEART_RATE_VARIABILITY_SDNN": true, "LEAN_BODY_MASS": true}

// batch is one upload.
type batch struct {
	*records.Batch
	apple bool
	// pressures by parentId, in the order of their first part.
	pressures map[string]*pressure
	order     []*pressure
}

// pressure is a blood pressure of which the parts come one by one.
type pressure struct {
	systolic, diastolic acom.Value
	first               records.Value
	id                  string
}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	list := doc.Get("data", "records")
	if !list.Is('[') {
		return adapters.Result{}, records.Refuse(doc.At, "it has no array \"data.records\"")
	}
	inner, err := records.NewBatch("healthconnect", f)
	if err != nil {
		return adapters.Result{}, err
	}
	b := batch{Batch: inner, apple: strings.EqualFold(doc.Get("provider").Text(), "apple"), pressures: map[string]*pressure{}}
	for record := range list.Items() {
		b.read(record)
	}
	for _, p := range b.order {
		if t, ok := b.when(p.first, "startDate"); ok {
			m := records.Panel(p.systolic, p.diastolic, t)
			b.add(p.first, p.id, m)
		}
	}
	for _, name := range []string{"sleep", "workouts"} {
		for item := range doc.Get("data", name).Items() {
			b.Skip(item.At, "%q is not read", name)
		}
	}
	return b.Result()
}

// when is a time in UTC shown in the zone of its record.
func (b batch) when(record records.Value, name string) (acom.Time, bool) {
	t, ok := records.ISO(record.Get(name).Text(), records.Zone{})
	at, known := records.Moment(t)
	if !ok || !known {
		return acom.Time{}, false
	}
	zone, told := records.NamedZone(record.Get("zoneOffset").Text(), acom.ZoneOffset)
	switch {
	case told:
		return records.Instant(at, t.Wall.Fraction, zone)
	case *t.Wall.OffsetMinutes != 0:
		return t, true
	}
	return records.Instant(at, t.Wall.Fraction, b.Settings.Zone)
}

func (b *batch) read(record records.Value) {
	t, ok := b.when(record, "startDate")
	plain, number := record.Get("value").Decimal(true)
	typ, unit := record.Get("type").Text(), record.Get("unit").Text()
	gone := record.Get("deleted").Text() == "true"
	switch {
	case !ok:
		b.Fault(record.At, "startDate is no time with an offset")
		return
	case !number && !gone:
		b.Fault(record.At, "value is no number")
		return
	case typ == "":
		b.Fault(record.At, "a record without a type")
		return
	}
	id := records.Clip(record.Get("id").Text(), 80)
	if strings.HasPrefix(typ, "HK") {
		m, ok := records.HealthKit(typ, plain, unit, t)
		if !ok || !number {
			b.Skip(record.At, "a record of type %q, which is not read", records.Clip(typ, 60))
			return
		}
		b.add(record, id, m)
		return
	}
	typ = strings.ToUpper(typ)
	if typ == systolicType || typ == diastolicType {
		b.part(record, typ, plain, unit, id)
		return
	}
	v := records.Unit(plain, unit)
	if unit == "%" && b.apple {
		v = records.Num(records.Shift(plain, 2), records.Percent)
		if strings.HasPrefix(plain, "-") || records.Compare(plain, "1") > 0 {
			v = acom.Value{Absent: acom.AbsentError}
		}
	}
	code := types[typ]
	if !number || code != 0 && code != records.Temperature && code != records.SkinTemperature && !records.IsPositive(plain) ||
		code == records.Saturation && !b.apple && records.Compare(plain, "1") <= 0 {
		v = acom.Value{Absent: acom.AbsentError}
	}
	if code != 0 {
		b.add(record, id, records.Numeric(code, v, t))
		return
	}
	m := records.Own("healthconnect", records.Clip(typ, 80), "", v, t)
	m.Kind, m.Metric.Activity = acom.Numeric, !clinical[typ]
	b.add(record, id, m)
}

// part takes one of the two pressures of a parent. Without a parent it is alone.
func (b *batch) part(record records.Value, typ, plain, unit, id string) {
	parent := records.Clip(record.Get("parentId").Text(), 80)
	if parent == "" {
		parent = id
	}
	p := b.pressures[parent]
	if p == nil {
		unknown := acom.Value{Absent: acom.AbsentUnknown}
		p = &pressure{systolic: unknown, diastolic: unknown, first: record, id: parent}
		b.pressures[parent] = p
		b.order = append(b.order, p)
	}
	v := records.Unit(plain, unit)
	if !records.IsPositive(plain) {
		v = acom.Value{Absent: acom.AbsentError}
	}
	if typ == systolicType {
		p.systolic = v
	} else {
		p.diastolic = v
	}
}

// add completes a reading with what its record says of all of its.
func (b *batch) add(record records.Value, id string, m acom.Measurement) {
	m.Record = id
	if end, ok := b.when(record, "endDate"); ok {
		records.Lasting(&m, end)
	}
	if record.Get("deleted").Text() == "true" {
		m.Metric.Stage = acom.Withdrawn
	}
	source := record.Get("source")
	switch strings.ToUpper(source.Get("recordingMethod").Text()) {
	case "MANUAL", "MANUAL_ENTRY", "RECORDING_METHOD_MANUAL_ENTRY":
		records.Manual(&m)
	}
	d := b.Device(source.Get("deviceId").Text())
	if d.Local == "" {
		records.By(&m, source.Get("deviceName").Text())
	} else {
		d.Manufacturer, d.Model = records.Clip(source.Get("deviceManufacturer").Text(), 60), records.Clip(source.Get("deviceModel").Text(), 60)
	}
	b.Add(d, m)
}
