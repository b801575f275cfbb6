// Package withings reads the answers of the Withings API "Measure - Getmeas", and of an
// account's export the tables of blood pressure, weight, height and temperature.
//
//	never a number: a group of category 2 (a goal); a value below nought but for
//	                temperatures, and one of nought
//	values          value times ten to the power of unit, by moving the point
//	unit            fixed by the type: kg, m, mmHg, °C, %
//	                In a table the name of a column has it
//	time zone       date is UTC; group.timezone (device), else body.timezone (user). A table
//	                has local times; only the frame's profile can tell the zone (user)
package withings

import (
	"strconv"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "withings",
	Standard: "Withings API Measure - Getmeas; CSV export",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

type decoder struct{}

// meaning is what a measure of one type is.
type meaning struct {
	code acom.Code
	unit acom.Code
	// own says it in words where MDC has no code.
	own string
	// below is set where values below nought are measured.
	below bool
}

const (
	diastolic = 9
	systolic  = 10
	pulse     = 11
)

// types of measures. One that is not here stays a number of the service's own code.
var types = map[int64]meaning{
	1:  {code: records.Weight, unit: records.Kilogram},
	4:  {code: records.Height, unit: records.Metre},
	5:  {own: "Fat free mass", unit: records.Kilogram},
	6:  {code: records.BodyFat, unit: records.Percent},
	8:  {own: "Fat mass", unit: records.Kilogram},
	11: {code: records.Pulse, unit: records.Beats},
	12: {own: "Temperature", unit: records.Celsius, below: true}, // of a room or a body: the type does not say
	54: {code: records.Saturation, unit: records.Percent},
	71: {code: records.Temperature, unit: records.Celsius},
	73: {code: records.SkinTemperature, unit: records.Celsius, below: true},
	76: {own: "Muscle mass", unit: records.Kilogram},
	77: {own: "Hydration", unit: records.Kilogram},
	88: {own: "Bone mass", unit: records.Kilogram},
}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	if isTable(f.Bytes) {
		return table(f)
	}
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("withings", f)
	if err != nil {
		return adapters.Result{}, err
	}
	body := doc.Get("body")
	if status, ok := doc.Get("status").Int(); !ok || status != 0 {
		return adapters.Result{}, &adapters.Error{Offset: doc.At, Reason: "its status is not 0: the service answered with a failure", Unprocessable: true}
	}
	if !body.Get("measuregrps").Is('[') {
		return adapters.Result{}, records.Refuse(doc.At, "it has no array \"body.measuregrps\"")
	}
	user, _ := records.NamedZone(body.Get("timezone").Text(), acom.ZoneUser)
	for group := range body.Get("measuregrps").Items() {
		read(b, group, user.Or(b.Settings.Zone))
	}
	return b.Result()
}

// group is what the readings of one group share.
type group struct {
	*records.Batch
	value    records.Value
	device   acom.Device
	time     acom.Time
	attrib   int64
	record   string
	comment  []string
	pressure bool
}

func read(b *records.Batch, value records.Value, user records.Zone) {
	if category, ok := value.Get("category").Int(); !ok || category != 1 {
		b.Skip(value.At, "a group that is no measurement but a goal")
		return
	}
	zone, _ := records.NamedZone(value.Get("timezone").Text(), acom.ZoneDevice)
	seconds, _ := value.Get("date").Int()
	t, ok := records.Epoch(seconds, 0, zone.Or(user))
	if !ok {
		b.Fault(value.At, "the date of a group is no time")
		return
	}
	g := group{Batch: b, value: value, time: t, device: b.Device(value.Get("deviceid").Text())}
	g.attrib, _ = value.Get("attrib").Int()
	// Looked up once: a lookup passes over all measures of the group.
	g.record, g.comment = records.Clip(value.Get("grpid").Text(), 40), records.Note(value.Get("comment").Text())
	if g.device.Local != "" {
		g.device.Manufacturer, g.device.Model = "Withings", records.Clip(value.Get("model").Text(), 60)
	}
	g.panel()
	for measure := range value.Get("measures").Items() {
		g.measure(measure)
	}
}

// panel joins the two pressures of the group.
func (g *group) panel() {
	low, high := acom.Value{Absent: acom.AbsentUnknown}, acom.Value{Absent: acom.AbsentUnknown}
	for measure := range g.value.Get("measures").Items() {
		typ, _ := measure.Get("type").Int()
		if typ != diastolic && typ != systolic {
			continue
		}
		g.pressure = true
		into := &low
		if typ == systolic {
			into = &high
		}
		if plain, ok := scaled(measure); ok && records.IsPositive(plain) {
			*into = records.Num(plain, records.MMHg)
		} else {
			into.Absent = acom.AbsentError
		}
	}
	if g.pressure {
		g.add(records.Panel(high, low, g.time))
	}
}

func (g *group) measure(measure records.Value) {
	typ, ok := measure.Get("type").Int()
	plain, number := scaled(measure)
	known, named := types[typ]
	switch {
	case !ok || !number:
		g.Fault(measure.At, "a measure without type, value and unit")
		return
	case typ == diastolic || typ == systolic:
		return
	case !named && !records.IsPositive(plain):
		g.Skip(measure.At, "a measure of unknown type %d without a positive value", typ)
		return
	}
	v := records.Num(plain, known.unit)
	if !known.below && !records.IsPositive(plain) {
		v = acom.Value{Absent: acom.AbsentError}
	}
	switch {
	case typ == pulse && g.pressure:
		g.add(records.Numeric(records.PulseBP, v, g.time))
	case known.code != 0:
		g.add(records.Numeric(known.code, v, g.time))
	default:
		m := records.Own("withings", strconv.FormatInt(typ, 10), known.own, v, g.time)
		m.Metric.Activity = false
		g.add(m)
	}
}

// add completes a reading with what the group says of all of its.
func (g *group) add(m acom.Measurement) {
	m.Record = g.record
	switch g.attrib {
	case 1, 8:
		m.Status |= acom.Questionable
		m.Metric.Notes = append(m.Metric.Notes, "Several people use the device; the service was not sure whose this is.")
	case 2, 4:
		records.Manual(&m)
	}
	m.Metric.Notes = append(m.Metric.Notes, g.comment...)
	g.Add(g.device, m)
}

// scaled is value times ten to the power of unit.
func scaled(measure records.Value) (plain string, ok bool) {
	plain, ok = measure.Get("value").Decimal(true)
	power, whole := measure.Get("unit").Int()
	if !ok || !whole || power < -12 || power > 6 {
		return "", false
	}
	return records.Shift(plain, int(power)), true
}
