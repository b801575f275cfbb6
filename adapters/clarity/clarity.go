// Package clarity reads the CSV export of Dexcom Clarity.
//
//	never a number: any word but Low and High; a glucose below 40 or above 400 mg/dL
//	low, high       the words Low and High, in whatever language: below 40, above 400 mg/dL
//	                (2.2, 22.2 mmol/L)
//	language        columns and event types are found by their names in English, German,
//	                Spanish and Italian, in any order (columns.go)
//	unit            in the name of the glucose column, for the whole file
//	time zone       local times; only the frame's profile can tell the zone (user)
//
// Rows that hold the patient's name and birth date are passed over.
package clarity

import (
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
	in := file{Batch: b}
	in.glucose, _ = table.Column(glucose)
	in.insulin, _ = table.Column("insulin value")
	in.carbohydrates, _ = table.Column("carb value (gram")
	if in.unit = records.GlucoseUnit(strings.TrimPrefix(in.glucose, glucose)); in.unit == 0 {
		return adapters.Result{}, records.Refuse(0, "it has no column \"Glucose Value\" in mg/dL or mmol/L")
	}
	for row, ok := table.Next(); ok; row, ok = table.Next() {
		in.read(row)
	}
	return b.Result()
}

// file is one export.
type file struct {
	*records.Batch
	glucose, insulin, carbohydrates string
	unit                            acom.Code
}

func (in file) read(row records.Row) {
	kind := english(row.Get(eventType))
	switch kind {
	case "FirstName", "LastName", "DateOfBirth", "Device", "PatientIdentifier", "":
		if kind == "" && !row.Empty() {
			in.Fault(row.At, "a row without an event type")
		}
		return
	case "EGV", "Calibration", "Insulin", "Carbs", "Carbohydrates":
	default:
		in.Skip(row.At, "a row of event type %q, which is no measurement", records.Clip(kind, 40))
		return
	}
	t, ok := records.ISO(row.Get(timestamp), in.Settings.Zone)
	if !ok {
		in.Fault(row.At, "the timestamp is no time")
		return
	}
	m, ok := in.measurement(kind, row, t)
	if !ok {
		in.Fault(row.At, "the value of the %s row is no number", kind)
		return
	}
	in.Add(in.device(row), m)
}

func (in file) measurement(kind string, row records.Row, t acom.Time) (acom.Measurement, bool) {
	switch kind {
	case "Insulin":
		dose, ok := records.Local(row.Get(in.insulin))
		class := map[string]acom.Code{"Fast-Acting": records.RapidActing, "Long-Acting": records.LongActing}[english(row.Get("event subtype"))]
		return records.Insulin(class, dose, t), ok
	case "Carbs", "Carbohydrates":
		grams, ok := records.Local(row.Get(in.carbohydrates))
		return records.Carbohydrates(grams, t), ok
	case "Calibration":
		plain, ok := records.Local(row.Get(in.glucose))
		m := records.Numeric(records.GlucoseCapillary, records.Num(plain, in.unit), t)
		records.Manual(&m)
		return m, ok && records.IsPositive(plain)
	}
	m := records.Numeric(records.GlucoseISF, acom.Value{}, t)
	word := row.Get(in.glucose)
	v, interpretation, ok := records.SensedWord(word, in.unit)
	if !ok {
		plain, number := records.Local(word)
		if !number {
			return m, false
		}
		v, interpretation = records.Sensed(plain, in.unit)
	}
	if m.Value = v; interpretation != "" {
		m.Metric.Interpretation = []string{interpretation}
	}
	return m, true
}

// device is the transmitter. What somebody entered has none: the names of receivers
// and apps are those of many.
func (in file) device(row records.Row) acom.Device {
	d := in.Device(row.Get(transmitter))
	if d.Local != "" {
		d.Manufacturer, d.Model = "Dexcom", records.Clip(row.Get("device info"), 60)
	}
	return d
}
