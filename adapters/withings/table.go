package withings

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// column is one of an export that is one number.
type column struct {
	// begins is how its name begins, in lower case; the unit stands in brackets behind.
	begins string
	code   acom.Code
	// typ is the API's own, where MDC has no code.
	typ int64
}

var quantities = []column{
	{"weight (", records.Weight, 1}, {"height (", records.Height, 4}, {"body temperature (", records.Temperature, 71},
	{"fat mass (", 0, 8}, {"bone mass (", 0, 88}, {"muscle mass (", 0, 76}, {"hydration (", 0, 77},
}

// isHeader knows bp.csv, weight.csv and their like by the date and one of the values.
func isHeader(names []string) bool {
	return slices.Contains(names, "date") && slices.ContainsFunc(names, func(name string) bool {
		return name == "systolic" || slices.ContainsFunc(quantities, func(q column) bool { return strings.HasPrefix(name, q.begins) })
	})
}

// isTable reports whether a frame is a table rather than JSON.
func isTable(data []byte) bool {
	text := bytes.TrimLeft(data, " \t\r\n")
	return len(text) > 0 && text[0] != '{' && text[0] != '['
}

// table reads a file of the account's export. Its dates are local times of a zone that it
// does not tell; pressures are in mmHg and rates in beats per minute.
func table(f adapters.Frame) (adapters.Result, error) {
	t, err := records.ReadTable(f.Bytes, isHeader)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("withings", f)
	if err != nil {
		return adapters.Result{}, err
	}
	names := make([]string, len(quantities))
	for i, q := range quantities {
		names[i], _ = t.Column(q.begins)
	}
	for row, ok := t.Next(); ok; row, ok = t.Next() {
		if !row.Empty() {
			line(b, row, names)
		}
	}
	return b.Result()
}

// line reads a row; an empty field was not measured.
func line(b *records.Batch, row records.Row, names []string) {
	t, ok := records.ISO(row.Get("date"), b.Settings.Zone)
	if !ok {
		b.Fault(row.At, "the date is no time")
		return
	}
	found := false
	add := func(m acom.Measurement) {
		m.Metric.Notes = append(m.Metric.Notes, records.Note(row.Get("comments"))...)
		b.Add(acom.Device{}, m)
		found = true
	}
	high, low := field(row, "systolic", records.MMHg), field(row, "diastolic", records.MMHg)
	panel := high.Number != nil || low.Number != nil
	if panel {
		add(records.Panel(high, low, t))
	}
	if rate := field(row, "heart rate", records.Beats); rate.Number != nil {
		code := records.Pulse
		if panel {
			code = records.PulseBP
		}
		add(records.Numeric(code, rate, t))
	}
	for i, q := range quantities {
		plain, ok := records.Local(row.Get(names[i]))
		if names[i] == "" || !ok || !records.IsPositive(plain) {
			continue
		}
		v := records.Unit(plain, strings.TrimSuffix(strings.TrimPrefix(names[i], q.begins), ")"))
		if q.code != 0 {
			add(records.Numeric(q.code, v, t))
			continue
		}
		m := records.Own("withings", strconv.FormatInt(q.typ, 10), types[q.typ].own, v, t)
		m.Metric.Activity = false
		add(m)
	}
	if !found {
		b.Fault(row.At, "a row without a number")
	}
}

func field(row records.Row, name string, unit acom.Code) acom.Value {
	plain, ok := records.Local(row.Get(name))
	switch {
	case !ok:
		return acom.Value{Absent: acom.AbsentUnknown}
	case !records.IsPositive(plain):
		return acom.Value{Absent: acom.AbsentError}
	}
	return records.Num(plain, unit)
}
