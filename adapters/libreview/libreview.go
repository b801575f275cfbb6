// Package libreview reads the CSV export of Abbott LibreView (FreeStyle Libre).
//
//	never a number: any word but LO and HI (Low, High), in whatever language
//	low, high       LO is below 40 mg/dL (2.2 mmol/L). HI is above 400 (22.2): some
//	                sensors measure up to 500, and above 400 is true for them too. A strip
//	                measures from 20 to 500 (1.1 to 27.8), a ketone strip to 8 mmol/L
//	unit            at the end of the name of each glucose column
//	language        the columns are found by their names in English, German, French,
//	                Spanish, Italian and Dutch, in any order (columns.go)
//	dates           day and month stand in the order of the account's country. A date
//	                that has two readings is read only where another row of the file, or
//	                the frame's profile (order=mdy, order=dmy), tells the order
//	time zone       local times; only the frame's profile can tell the zone (user)
package libreview

import (
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "libreview",
	Standard: "Abbott LibreView CSV export",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
	Split:    records.SplitTable(isHeader),
}

type decoder struct{}

// file is one export: its columns of values with their units.
type file struct {
	*records.Batch
	dates    records.Dates
	historic column
	scan     column
	strip    column
	ketone   column
	// names of columns that have no unit to look for
	rapid, long, carbohydrates string
}

// column is a column of concentrations, "" when the file has none.
type column struct {
	name string
	unit acom.Code
}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	table, err := records.ReadTable(f.Bytes, isHeader)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("libreview", f)
	if err != nil {
		return adapters.Result{}, err
	}
	in := file{Batch: b, dates: records.Dates{Order: b.Settings.Order, Zone: b.Settings.Zone}}
	in.historic, in.scan = find(table, "historic glucose"), find(table, "scan glucose")
	in.strip, in.ketone = find(table, "strip glucose"), find(table, "ketone")
	in.rapid, _ = table.Column("rapid-acting insulin")
	in.long, _ = table.Column("long-acting insulin")
	in.carbohydrates, _ = table.Column("carbohydrates (gram")
	if in.historic.unit == 0 && in.scan.unit == 0 {
		return adapters.Result{}, records.Refuse(0, "it has no column of historic or scan glucose in mg/dL or mmol/L")
	}
	b.ExpectRows(f.Bytes, len("2026-1-1 1:00,0,99"))
	if !in.dates.Learn(texts(f.Bytes, table.Preamble)) {
		return adapters.Result{}, &adapters.Error{Unprocessable: true,
			Reason: "day and month of its dates cannot be told apart: give the profile order=mdy or order=dmy"}
	}
	for row, ok := table.Next(); ok; row, ok = table.Next() {
		in.read(row)
	}
	return b.Result()
}

func find(table *records.Table, prefix string) column {
	name, _ := table.Column(prefix)
	return column{name, records.GlucoseUnit(name[strings.LastIndexAny(name, " (")+1:])}
}

// texts are all dates of the file: those of its rows, and when it was made.
func texts(data []byte, preamble [][]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, row := range preamble {
			for _, field := range row {
				if !yield(field) {
					return
				}
			}
		}
		table, err := records.ReadTable(data, isHeader)
		if err != nil {
			return
		}
		for row, ok := table.Next(); ok; row, ok = table.Next() {
			if !yield(row.Get(timestamp)) {
				return
			}
		}
	}
}

// read reads a row; its record type says which columns count.
func (in file) read(row records.Row) {
	if row.Empty() {
		return
	}
	t, ok := in.dates.Read(row.Get(timestamp))
	if !ok {
		in.Fault(row.At, "the device timestamp is no time")
		return
	}
	d := in.Device(row.Get("serial number"))
	d.Model = records.Clip(row.Get("device"), 60)
	if d.Local != "" {
		d.Serial, d.Manufacturer = records.Clip(row.Get("serial number"), 60), "Abbott"
	}
	switch kind := row.Get("record type"); kind {
	case "0":
		in.glucose(row, d, in.historic, records.GlucoseISF, t)
	case "1":
		in.glucose(row, d, in.scan, records.GlucoseISF, t)
	case "2":
		in.glucose(row, d, in.strip, records.GlucoseCapillary, t)
	case "3":
		in.ketones(row, d, t)
	case "4":
		in.insulin(row, d, t)
	case "5":
		in.food(row, d, t)
	case "6":
		in.Skip(row.At, "a note, which is no measurement")
	default:
		in.Fault(row.At, "record type %q is not known", records.Clip(kind, 10))
	}
}

func (in file) glucose(row records.Row, d acom.Device, c column, typ acom.Code, t acom.Time) {
	m := records.Numeric(typ, acom.Value{}, t)
	word := row.Get(c.name)
	plain, number := records.Local(word)
	beyond, interpretation, outside := sensed(word, c.unit, typ)
	switch {
	case c.unit == 0:
		in.Fault(row.At, "the file has no column with a unit for this record type")
		return
	case outside:
		m.Value, m.Metric.Interpretation = beyond, []string{interpretation}
	case number && records.IsPositive(plain):
		m.Value = records.Num(plain, c.unit)
	default:
		in.Fault(row.At, "the glucose value is no number")
		return
	}
	in.Add(d, m)
}

// sensed is the value of a word: the sensor's, or the strip's, which measures further.
func sensed(word string, unit, typ acom.Code) (v acom.Value, interpretation string, ok bool) {
	if v, interpretation, ok = records.SensedWord(word, unit); !ok || typ == records.GlucoseISF {
		return v, interpretation, ok
	}
	low, high := "20", "500"
	if unit == records.MmolPerL {
		low, high = "1.1", "27.8"
	}
	if v.Comparator == acom.Below {
		return records.Beyond(acom.Below, low, unit), interpretation, true
	}
	return records.Beyond(acom.Above, high, unit), interpretation, true
}

func (in file) ketones(row records.Row, d acom.Device, t acom.Time) {
	word := row.Get(in.ketone.name)
	plain, ok := records.Local(word)
	v := records.Num(plain, in.ketone.unit)
	high := records.BeyondWord(word) == ">" && in.ketone.unit == records.MmolPerL
	switch {
	case high:
		v = records.Beyond(acom.Above, "8.0", in.ketone.unit)
	case !ok || in.ketone.unit == 0:
		in.Fault(row.At, "the ketone value is no number")
		return
	}
	m := records.Own("libreview", "ketone", "Ketones in blood", v, t)
	m.Metric.Activity = false
	if high {
		m.Metric.Interpretation = []string{"H"}
	}
	in.Add(d, m)
}

func (in file) insulin(row records.Row, d acom.Device, t acom.Time) {
	rapid := in.dose(row, d, in.rapid, records.RapidActing, t)
	if long := in.dose(row, d, in.long, records.LongActing, t); !rapid && !long {
		in.Skip(row.At, "insulin without a dose")
	}
}

func (in file) dose(row records.Row, d acom.Device, name string, class acom.Code, t acom.Time) bool {
	plain, ok := records.Local(row.Get(name))
	if ok {
		m := records.Insulin(class, plain, t)
		records.Manual(&m)
		in.Add(d, m)
	}
	return ok
}

func (in file) food(row records.Row, d acom.Device, t acom.Time) {
	plain, ok := records.Local(row.Get(in.carbohydrates))
	if !ok {
		in.Skip(row.At, "food without grams of carbohydrates")
		return
	}
	m := records.Carbohydrates(plain, t)
	records.Manual(&m)
	in.Add(d, m)
}
