// Package omron reads the CSV export of the OMRON connect app: blood pressures.
//
//	never a number: "-" and an empty field (nothing was measured), and any other word
//	unit            in the name of each column: mmHg or kPa
//	dates           Jan 12 2025, 12 Jan 2025, or numbers whose order another row or the
//	                frame's profile tells; the time beside them or in a column of its own
//	time zone       of its own column where there is one (device); else local times of which
//	                only the frame's profile can tell the zone (user)
//	language        the columns are found by their names, in any order (columns.go)
package omron

import (
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "omron",
	Standard: "OMRON connect CSV export",
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
	b, err := records.NewBatch("omron", f)
	if err != nil {
		return adapters.Result{}, err
	}
	in := file{Batch: b, dates: records.Dates{Order: b.Settings.Order, Zone: b.Settings.Zone}}
	in.systolic, _ = table.Column("systolic (")
	in.diastolic, _ = table.Column("diastolic (")
	in.pulse, _ = table.Column("pulse (")
	in.unit = map[string]acom.Code{"mmhg)": records.MMHg, "kpa)": records.KiloPascal}[strings.TrimPrefix(in.systolic, "systolic (")]
	if in.unit == 0 || strings.TrimPrefix(in.diastolic, "diastolic (") != strings.TrimPrefix(in.systolic, "systolic (") {
		return adapters.Result{}, records.Refuse(0, "it has no columns \"Systolic\" and \"Diastolic\" in mmHg or kPa")
	}
	b.ExpectRows(f.Bytes, len("2026-1-1,1:00,90,50"))
	if !in.dates.Learn(dates(f.Bytes)) {
		return adapters.Result{}, &adapters.Error{Unprocessable: true,
			Reason: "day and month of its dates cannot be told apart: give the profile order=mdy or order=dmy"}
	}
	for row, ok := table.Next(); ok; row, ok = table.Next() {
		in.read(row)
	}
	return b.Result()
}

// file is one export.
type file struct {
	*records.Batch
	dates                      records.Dates
	systolic, diastolic, pulse string
	unit                       acom.Code
}

func dates(data []byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		table, err := records.ReadTable(data, isHeader)
		if err != nil {
			return
		}
		for row, ok := table.Next(); ok; row, ok = table.Next() {
			if !yield(numbers(row.Get("date"))) {
				return
			}
		}
	}
}

func (in file) read(row records.Row) {
	if row.Empty() {
		return
	}
	dates := in.dates
	if zone, told := records.NamedZone(row.Get("time zone"), acom.ZoneDevice); told {
		dates.Zone = zone
	}
	t, ok := dates.Read(strings.TrimSpace(numbers(row.Get("date")) + " " + row.Get("time")))
	if !ok {
		in.Fault(row.At, "date and time are no time")
		return
	}
	systolic, fineS := pressure(row.Get(in.systolic), in.unit)
	diastolic, fineD := pressure(row.Get(in.diastolic), in.unit)
	if !fineS || !fineD || systolic.Number == nil && diastolic.Number == nil {
		in.Fault(row.At, "the pressures are no numbers")
		return
	}
	m := records.Panel(systolic, diastolic, t)
	for _, column := range []string{"symptoms", "notes"} {
		if text := row.Get(column); text != "-" {
			m.Metric.Notes = append(m.Metric.Notes, records.Note(text)...)
		}
	}
	for _, column := range []string{"irregular heartbeat", "body movement"} {
		if text := records.Clip(row.Get(column), 60); text != "" && text != "-" {
			m.Components = append(m.Components, acom.Component{
				Codings: []acom.Coding{{System: records.System("omron"), Code: column}}, Value: acom.Value{Text: text}})
		}
	}
	records.By(&m, row.Get("device"))
	in.Add(acom.Device{}, m)
	if pulse, ok := records.Local(row.Get(in.pulse)); ok && records.IsPositive(pulse) {
		in.Add(acom.Device{}, records.Numeric(records.PulseBP, records.Num(pulse, records.Beats), t))
	}
}

// pressure reads a field; fine is false for a word that is neither number nor "-".
func pressure(text string, unit acom.Code) (v acom.Value, fine bool) {
	if text == "-" || text == "" {
		return acom.Value{Absent: acom.AbsentUnknown}, true
	}
	plain, ok := records.Local(text)
	return records.Num(plain, unit), ok && records.IsPositive(plain)
}
