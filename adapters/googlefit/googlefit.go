// Package googlefit reads data sets of the Google Fit REST API.
//
//	never a number: nought and less
//	unit            fixed by the data type: /min, m, kg, %, mmHg, mmol/L, °C
//	numbers         32-bit binary fractions written out (72.0999984741211): as sent, and a
//	                note says the 72.1 that they were made of
//	time zone       nanoseconds in UTC; the frame's profile may tell the user's zone
//	by hand         an origin that ends in user_input
//
// A data set names no device: deviceId must be given.
package googlefit

import (
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "googlefit",
	Standard: "Google Fit REST API: data sets",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

type decoder struct{}

// types by data type without its "com.google.".
var types = map[string]struct{ code, unit acom.Code }{
	"heart_rate.bpm":      {records.Pulse, records.Beats},
	"height":              {records.Height, records.Metre},
	"weight":              {records.Weight, records.Kilogram},
	"body.fat.percentage": {records.BodyFat, records.Percent},
	"oxygen_saturation":   {records.Saturation, records.Percent},
	"body.temperature":    {records.Temperature, records.Celsius},
	"blood_glucose":       {160020, records.MmolPerL}, // MDC_CONC_GLU_GEN
}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	if !doc.Get("point").Is('[') {
		return adapters.Result{}, records.Refuse(doc.At, "it has no array \"point\": no data set of Google Fit")
	}
	b, err := records.NewBatch("googlefit", f)
	if err != nil {
		return adapters.Result{}, err
	}
	for point := range doc.Get("point").Items() {
		read(b, point)
	}
	return b.Result()
}

func read(b *records.Batch, point records.Value) {
	from, _ := point.Get("startTimeNanos").Int()
	t, ok := records.Epoch(from, 9, b.Settings.Zone)
	if !ok {
		b.Fault(point.At, "startTimeNanos is no time")
		return
	}
	var numbers []string
	for v := range point.Get("value").Items() {
		plain, ok := v.Get("fpVal").Decimal(true)
		if !ok {
			plain, _ = v.Get("intVal").Decimal(true)
		}
		numbers = append(numbers, plain)
	}
	typ := strings.TrimPrefix(point.Get("dataTypeName").Text(), "com.google.")
	m, ok := measurement(typ, numbers, t)
	if !ok {
		b.Fault(point.At, "a point of type %q without a value that is read", records.Clip(typ, 60))
		return
	}
	to, _ := point.Get("endTimeNanos").Int()
	if end, ok := records.Epoch(to, 9, b.Settings.Zone); ok {
		records.Lasting(&m, end)
	}
	origin := point.Get("originDataSourceId").Text()
	if strings.HasSuffix(origin, "user_input") {
		records.Manual(&m)
	}
	records.Rounded(&m, "Google Fit")
	records.By(&m, origin)
	b.Add(acom.Device{}, m)
}

func measurement(typ string, numbers []string, t acom.Time) (m acom.Measurement, ok bool) {
	value := func(i int) string {
		if i < len(numbers) && numbers[i] != "" && records.IsPositive(numbers[i]) {
			return numbers[i]
		}
		return ""
	}
	known, named := types[typ]
	switch plain := value(0); {
	case plain == "":
		return m, false
	case named:
		return records.Numeric(known.code, records.Num(plain, known.unit), t), true
	case typ == "blood_pressure":
		low := acom.Value{Absent: acom.AbsentUnknown}
		if value(1) != "" {
			low = records.Num(value(1), records.MMHg)
		}
		return records.Panel(records.Num(plain, records.MMHg), low, t), true
	case typ == "step_count.delta":
		return records.Own("googlefit", typ, "Steps", records.Num(plain, 262656), t), true
	case len(numbers) == 1 && typ != "": // of a unit that nobody told
		return records.Own("googlefit", records.Clip(typ, 80), "", records.Words(plain, ""), t), true
	}
	return m, false
}
