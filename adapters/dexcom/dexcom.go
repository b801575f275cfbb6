// Package dexcom reads the answers of the Dexcom API version 3: estimated glucose
// values (GET /users/self/egvs) and calibrations.
//
//	never a number: value null; a value below 40 or above 400 mg/dL
//	low, high       status low and high, the words Low and High, and the values 39 and 401
//	unit            told with each record
//	time zone       systemTime is UTC; the offset is that of displayTime, the clock of
//	                the receiver or phone: told (v3), or the difference (older)
package dexcom

import (
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "dexcom",
	Standard: "Dexcom API v3: egvs, calibrations",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

// decoder has no state: every page says all of itself.
type decoder struct{}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("dexcom", f)
	if err != nil {
		return adapters.Result{}, err
	}
	list, kind := doc.Get("records"), doc.Get("recordType").Text()
	switch {
	case !list.Is('['):
		return adapters.Result{}, records.Refuse(doc.At, "it has no array \"records\": no answer of the Dexcom API v3")
	case kind != "egv" && kind != "calibration":
		return adapters.Result{}, &adapters.Error{Offset: doc.At, Reason: "recordType is neither egv nor calibration", Unprocessable: true}
	}
	for r := range list.Items() {
		read(b, r, kind)
	}
	return b.Result()
}

func read(b *records.Batch, r records.Value, kind string) {
	unit := records.GlucoseUnit(r.Get("unit").Text())
	if unit == 0 {
		b.Fault(r.At, "unit is neither mg/dL nor mmol/L")
		return
	}
	t, notes, ok := when(b, r)
	if !ok {
		b.Fault(r.At, "systemTime is no time")
		return
	}
	m := records.Numeric(records.GlucoseISF, acom.Value{}, t)
	if kind == "calibration" { // of a finger prick, typed into the receiver
		m.Type = records.GlucoseCapillary
		records.Manual(&m)
	}
	m.Record, m.Metric.Notes = records.Clip(r.Get("recordId").Text(), 100), notes
	plain, number := r.Get("value").Decimal(true)
	status := r.Get("status").Text()
	interpretation := ""
	switch {
	case kind == "calibration" && number && records.IsPositive(plain):
		m.Value = records.Num(plain, unit)
	case kind == "calibration":
		m.Value.Absent = acom.AbsentError
	case status == "low":
		m.Value, interpretation = records.BelowSensor(unit), "L"
	case status == "high":
		m.Value, interpretation = records.AboveSensor(unit), "H"
	case number:
		m.Value, interpretation = records.Sensed(plain, unit)
	default:
		var word bool
		if m.Value, interpretation, word = records.SensedWord(r.Get("value").Text(), unit); !word {
			m.Value.Absent = acom.AbsentUnknown
		}
	}
	if interpretation != "" {
		m.Metric.Interpretation = []string{interpretation}
	}
	if kind == "egv" {
		m.Components = trend(r)
	}
	b.Add(device(b, r), m)
}

// trend is the arrow, and the rate of change where it could be computed.
func trend(r records.Value) (list []acom.Component) {
	word := r.Get("trend").Text()
	if word != "" {
		list = append(list, acom.Component{
			Codings: []acom.Coding{{System: records.System("dexcom"), Code: "trend", Display: "Glucose trend arrow"}},
			Value:   acom.Value{Concept: []acom.Coding{{System: records.System("dexcom"), Code: records.Clip(word, 40)}}}})
	}
	unit := map[string]string{"mg/dL/min": "mg/dL/min", "mmol/L/min": "mmol/L/min"}[r.Get("rateUnit").Text()]
	rate, ok := r.Get("trendRate").Decimal(true)
	switch word {
	case "none", "unknown", "notComputable", "rateOutOfRange":
		return list // whatever rate stands beside it is none
	}
	if ok && unit != "" {
		list = append(list, acom.Component{Type: records.GlucoseTrend, Value: records.In(rate, unit)})
	}
	return list
}

// when is systemTime, shown with the offset of the display's clock. Where the display's
// clock is wrong, systemTime counts and a note says so.
func when(b *records.Batch, r records.Value) (t acom.Time, notes []string, ok bool) {
	utc := records.Offset(0, acom.ZoneOffset)
	system, ok := records.ISO(r.Get("systemTime").Text(), utc) // without an offset it is UTC, by the API
	if !ok {
		return t, nil, false
	}
	at, _ := records.Moment(system)
	display, shown := records.ISO(r.Get("displayTime").Text(), records.Zone{})
	switch {
	case !shown:
		zone := b.Settings.Zone
		t, ok = records.Instant(at, system.Wall.Fraction, zone)
		return t, nil, ok
	case display.Wall.OffsetMinutes == nil:
		// Older pages leave the offset out: the display runs in quarters of an hour off UTC.
		asUTC, _ := records.ISO(r.Get("displayTime").Text(), utc)
		wall, _ := records.Moment(asUTC)
		ahead := wall.Sub(at).Round(15 * time.Minute)
		drift := wall.Sub(at) - ahead
		zone := records.Offset(int(ahead/time.Minute), acom.ZoneDevice)
		if drift.Abs() > 2*time.Minute || !zone.Known() {
			notes = append(notes, "The display's clock shows "+records.Clip(r.Get("displayTime").Text(), 40)+"; its offset from UTC cannot be told from that.")
			zone = records.Zone{}
		}
		t, ok = records.Instant(at, system.Wall.Fraction, zone)
		return t, notes, ok
	}
	other, _ := records.Moment(display)
	if other.Sub(at).Abs() > 2*time.Minute {
		notes = append(notes, "The display's clock showed another moment, "+records.Clip(r.Get("displayTime").Text(), 40)+".")
	}
	t, ok = records.Instant(at, system.Wall.Fraction, records.Offset(*display.Wall.OffsetMinutes, acom.ZoneOffset))
	return t, notes, ok
}

// device is the transmitter, with the app that showed its values.
func device(b *records.Batch, r records.Value) acom.Device {
	d := b.Device(r.Get("transmitterId").Text())
	if d.Local == "" {
		return d
	}
	d.Manufacturer, d.Model = "Dexcom", records.Clip(r.Get("transmitterGeneration").Text(), 60)
	for _, name := range []string{"displayDevice", "displayApp"} {
		if text := records.Clip(r.Get(name).Text(), 60); text != "" {
			d.Attributes = append(d.Attributes, acom.Attribute{Name: acom.Coding{System: records.System("dexcom"), Code: name}, Value: text})
		}
	}
	return d
}
