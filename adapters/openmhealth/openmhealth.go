// Package openmhealth reads data points of Open mHealth and of IEEE 1752.1, which has the
// same form: a header that names the schema, and a body with the value and when it counts.
//
//	never a number: null, a word; nought and less of a rate, pressure, saturation or
//	                weight; a deviation, variance or count of values, which keeps a code of
//	                its own
//	unit            with each value
//	time zone       told with each time (offset); else only the frame's profile can tell it
//	interval        a time_interval is the period; a date with a part of the day stays a date
//	by hand         modality self-reported
//
// A data point may name a product and never the one device: deviceId must be given.
package openmhealth

import (
	"math/big"
	"strings"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "openmhealth",
	Standard: "Open mHealth data points; IEEE 1752.1",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
	Split:    records.SplitArray,
}

type decoder struct{}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("openmhealth", f)
	if err != nil {
		return adapters.Result{}, err
	}
	list := doc
	if doc.Get("body").Is('[') { // as Shimmer wraps what it has read of a service
		list = doc.Get("body")
	}
	switch {
	case list.Is('['):
		for item := range list.Items() {
			read(b, item)
		}
	case doc.Get("header").Is('{') && doc.Get("body").Is('{'):
		read(b, doc)
	default:
		return adapters.Result{}, records.Refuse(doc.At, "it is neither a data point with header and body nor an array of them")
	}
	return b.Result()
}

// point is a data point that is being read.
type point struct {
	*records.Batch
	header, body records.Value
	schema       string
	time, end    acom.Time
	notes        []string
}

func read(b *records.Batch, item records.Value) {
	p := point{Batch: b, header: item.Get("header"), body: item.Get("body")}
	p.schema = records.Clip(p.header.Get("schema_id", "name").Text(), 60)
	if p.schema == "" || !p.body.Is('{') {
		b.Fault(item.At, "a data point without schema_id.name or body")
		return
	}
	if !p.when(p.body.Get("effective_time_frame")) {
		b.Fault(item.At, "effective_time_frame tells no time")
		return
	}
	switch known, ok := schemas[p.schema]; {
	case p.schema == "blood-pressure":
		p.pressure(item.At)
	case p.schema == "blood-glucose":
		p.glucose(item.At)
	case ok:
		p.known(item.At, known)
	default:
		p.other(item.At)
	}
}

// when reads a time frame: a moment, or an interval by two of its start, end and duration,
// or a day of which only a part is told.
func (p *point) when(frame records.Value) (ok bool) {
	zone := p.Settings.Zone
	if moment := frame.Get("date_time"); !moment.Missing() {
		p.time, ok = records.ISO(moment.Text(), zone)
		return ok
	}
	interval := frame.Get("time_interval")
	length, measured := span(interval.Get("duration"))
	start, hasStart := records.ISO(interval.Get("start_date_time").Text(), zone)
	end, hasEnd := records.ISO(interval.Get("end_date_time").Text(), zone)
	day, hasDay := records.Day(interval.Get("date").Text())
	switch {
	case hasStart:
		p.time, p.end = start, end
		if begin, known := records.Moment(start); !hasEnd && measured && known {
			p.end, _ = records.Instant(begin.Add(length), start.Wall.Fraction, records.Zone{})
		}
	case hasEnd && measured:
		finish, known := records.Moment(end)
		if !known {
			return false
		}
		p.end = end
		p.time, hasStart = records.Instant(finish.Add(-length), end.Wall.Fraction, records.Offset(*end.Wall.OffsetMinutes, end.Zone))
		return hasStart
	case hasEnd:
		p.time = end
		p.notes = append(p.notes, "Of an interval that ends then; its start was not told.")
	case hasDay:
		p.time = day
		if part := records.Clip(interval.Get("part_of_day").Text(), 20); part != "" {
			p.notes = append(p.notes, "In the "+part+".")
		}
	default:
		return false
	}
	return true
}

// units of a duration by the words of the schema duration-unit-value.
var units = map[string]time.Duration{"ms": time.Millisecond, "sec": time.Second, "s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "wk": 7 * 24 * time.Hour}

func span(v records.Value) (time.Duration, bool) {
	unit := units[v.Get("unit").Text()]
	plain, ok := v.Get("value").Decimal(true)
	if !ok || unit == 0 || !records.IsPositive(plain) || len(plain) > 9 {
		return 0, false
	}
	const longest = int64(366 * 24 * time.Hour / time.Millisecond)
	length, _ := new(big.Rat).SetString(plain)
	length.Mul(length, big.NewRat(int64(unit/time.Millisecond), 1))
	millis := new(big.Int).Quo(length.Num(), length.Denom())
	if !millis.IsInt64() || millis.Int64() > longest {
		return 0, false
	}
	return time.Duration(millis.Int64()) * time.Millisecond, true
}

// add completes a reading with what header and body say of all of its.
func (p *point) add(m acom.Measurement) {
	records.Lasting(&m, p.end)
	if m.Record = records.Clip(p.header.Get("id").Text(), 80); m.Record == "" {
		m.Record = records.Clip(p.header.Get("uuid").Text(), 80)
	}
	provenance := p.header.Get("acquisition_provenance")
	for _, modality := range []records.Value{provenance.Get("modality"), p.header.Get("modality")} {
		if modality.Text() == "self-reported" && m.Metric.Method == nil {
			records.Manual(&m)
		}
	}
	for _, at := range []records.Value{provenance.Get("source_creation_date_time"), p.header.Get("source_creation_date_time")} {
		t, _ := records.ISO(at.Text(), records.Zone{})
		if moment, ok := records.Moment(t); ok {
			m.Metric.Issued = moment.Format(time.RFC3339)
		}
	}
	m.Metric.Notes = append(append(m.Metric.Notes, p.notes...), records.Note(p.body.Get("user_notes").Text())...)
	records.By(&m, provenance.Get("source_name").Text())
	for sheet := range p.header.Get("external_datasheets").Items() {
		records.By(&m, sheet.Get("datasheet_reference").Text())
		break
	}
	p.Add(acom.Device{}, m)
}

// statistic marks a reading as what a statistic made of several. One that is no value of
// its kind, such as a deviation, keeps a code of its own.
func (p *point) statistic(m acom.Measurement) acom.Measurement {
	word := records.Clip(p.body.Get("descriptive_statistic").Text(), 40)
	switch word {
	case "":
		return m
	case "average", "median", "minimum", "maximum":
		m.Metric.Notes = append(m.Metric.Notes, "The "+word+" of several values.")
		return m
	}
	own := records.Own("openmhealth", p.schema+"/"+strings.ReplaceAll(word, " ", "-"), "", m.Value, m.Time)
	own.Metric.Activity = m.Metric.Activity
	return own
}
