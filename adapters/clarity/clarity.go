// Package clarity reads the CSV export of Dexcom Clarity.
//
//	never a number: any word but Low and High; a glucose below 40 or above 400 mg/dL
//	low, high       the words Low and High: below 40, above 400 mg/dL (2.2, 22.2 mmol/L)
//	unit            in the name of the glucose column, for the whole file
//	time zone       local times; only the frame's profile can tell the zone (user)
//
// Rows that hold the patient's name and birth date are passed over.
package clarity

import (
	"slices"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "clarity",
	Standard: "Dexcom Clarity CSV export",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
	Split:    records.SplitTable(isHeader),
}

type decoder struct{}

// columns of the file, in lower case; the glucose column ends in its unit.
const (
	timestamp   = "timestamp (yyyy-mm-ddthh:mm:ss)"
	eventType   = "event type"
	glucose     = "glucose value ("
	transmitter = "transmitter id"
)

func isHeader(names []string) bool {
	return slices.Contains(names, timestamp) && slices.Contains(names, eventType)
}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	table, err := records.ReadTable(f.Bytes, isHeader)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("clarity", f)
	if err != nil {
		return adapters.Result{}, err
	}
	column, ok := table.Column(glucose)
	unit := records.GlucoseUnit(strings.TrimSuffix(strings.TrimPrefix(column, glucose), ")"))
	if !ok || unit == 0 {
		return adapters.Result{}, records.Refuse(0, "it has no column \"Glucose Value\" in mg/dL or mmol/L")
	}
	for row, ok := table.Next(); ok; row, ok = table.Next() {
		read(b, row, column, unit)
	}
	return b.Result()
}

func read(b *records.Batch, row records.Row, column string, unit acom.Code) {
	kind := row.Get(eventType)
	switch kind {
	case "FirstName", "LastName", "DateOfBirth", "Device", "PatientIdentifier", "":
		if kind == "" && !row.Empty() {
			b.Fault(row.At, "a row without an event type")
		}
		return
	case "EGV", "Calibration", "Insulin", "Carbs", "Carbohydrates":
	default:
		b.Skip(row.At, "a row of event type %q, which is no measurement", records.Clip(kind, 40))
		return
	}
	t, ok := records.ISO(row.Get(timestamp), b.Settings.Zone)
	if !ok {
		b.Fault(row.At, "the timestamp is no time")
		return
	}
	m, ok := measurement(kind, row, column, unit, t)
	if !ok {
		b.Fault(row.At, "the value of the %s row is no number", kind)
		return
	}
	b.Add(device(b, row), m)
}

func measurement(kind string, row records.Row, column string, unit acom.Code, t acom.Time) (acom.Measurement, bool) {
	switch kind {
	case "Insulin":
		dose, ok := records.Decimal(row.Get("insulin value (u)"))
		class := map[string]acom.Code{"Fast-Acting": records.RapidActing, "Long-Acting": records.LongActing}[row.Get("event subtype")]
		return records.Insulin(class, dose, t), ok
	case "Carbs", "Carbohydrates":
		grams, ok := records.Decimal(row.Get("carb value (grams)"))
		return records.Carbohydrates(grams, t), ok
	case "Calibration":
		plain, ok := records.Decimal(row.Get(column))
		m := records.Numeric(records.GlucoseCapillary, records.Num(plain, unit), t)
		records.Manual(&m)
		return m, ok && records.IsPositive(plain)
	}
	m := records.Numeric(records.GlucoseISF, acom.Value{}, t)
	switch word := row.Get(column); word {
	case "Low":
		m.Value, m.Metric.Interpretation = records.BelowSensor(unit), []string{"L"}
	case "High":
		m.Value, m.Metric.Interpretation = records.AboveSensor(unit), []string{"H"}
	default:
		plain, ok := records.Decimal(word)
		if !ok {
			return m, false
		}
		var interpretation string
		if m.Value, interpretation = records.Sensed(plain, unit); interpretation != "" {
			m.Metric.Interpretation = []string{interpretation}
		}
	}
	return m, true
}

// device is the transmitter. What somebody entered has none: the names of receivers
// and apps are those of many.
func device(b *records.Batch, row records.Row) acom.Device {
	d := b.Device(row.Get(transmitter))
	if d.Local != "" {
		d.Manufacturer, d.Model = "Dexcom", records.Clip(row.Get("device info"), 60)
	}
	return d
}
