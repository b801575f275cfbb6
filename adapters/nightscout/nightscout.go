// Package nightscout reads what Nightscout (cgm-remote-monitor, API versions 1 to 3)
// tells of entries and treatments.
//
//	never a number: sgv below 13 (error words of the transmitter), 14 to 38 and above 500,
//	                which no sensor measures; 39 and LOW, 401 and HIGH are below 40 and above
//	                400 mg/dL
//	unit            units of each record; mg/dL where an entry tells none, which is what
//	                Nightscout keeps them in. A treatment's glucose needs units
//	noise           4 (heavy) makes a reading questionable
//	deleted         isValid false takes a reading back
//	time zone       date is UTC, utcOffset minutes (device)
package nightscout

import (
	"strconv"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "nightscout",
	Standard: "Nightscout API 3: entries, treatments",
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
	b, err := records.NewBatch("nightscout", f)
	if err != nil {
		return adapters.Result{}, err
	}
	list := doc
	if doc.Get("result").Is('[') {
		list = doc.Get("result")
	}
	switch {
	case list.Is('['):
		for document := range list.Items() {
			read(b, document)
		}
	case doc.Get("type").Is('"') || doc.Get("eventType").Is('"'):
		read(b, doc)
	default:
		return adapters.Result{}, records.Refuse(doc.At, "it holds neither entries nor treatments")
	}
	return b.Result()
}

// document is an entry or a treatment that is being read.
type document struct {
	*records.Batch
	records.Value
	time acom.Time
}

func read(b *records.Batch, v records.Value) {
	d := document{Batch: b, Value: v}
	var ok bool
	if d.time, ok = when(b, v); !ok {
		b.Fault(v.At, "it has neither date nor created_at that is a time")
		return
	}
	switch kind := v.Get("type").Text(); {
	case kind == "sgv":
		d.sensed()
	case kind == "mbg":
		d.pricked()
	case v.Get("eventType").Is('"'):
		d.treatment()
	default:
		b.Skip(v.At, "a record of type %q, which is not read", records.Clip(kind, 40))
	}
}

// when is date in milliseconds, else created_at, shown in the zone of the uploader.
func when(b *records.Batch, v records.Value) (acom.Time, bool) {
	zone := b.Settings.Zone
	if minutes, ok := v.Get("utcOffset").Int(); ok && minutes > -1000 && minutes < 1000 {
		zone = records.Offset(int(minutes), acom.ZoneDevice).Or(zone)
	}
	if plain, ok := v.Get("date").Decimal(true); ok {
		// Some uploaders send a fraction of a millisecond, which nobody measured.
		whole, _, _ := strings.Cut(plain, ".")
		if millis, err := strconv.ParseInt(whole, 10, 64); err == nil {
			return records.Epoch(millis, 3, zone)
		}
	}
	for _, name := range []string{"created_at", "dateString"} {
		t, ok := records.ISO(v.Get(name).Text(), records.Zone{})
		if at, known := records.Moment(t); ok && known {
			if *t.Wall.OffsetMinutes != 0 {
				return t, true
			}
			return records.Instant(at, t.Wall.Fraction, zone)
		}
	}
	return acom.Time{}, false
}

// add completes a reading with what its record says of all of its.
func (d document) add(m acom.Measurement) {
	m.Record = records.Clip(d.Get("identifier").Text(), 80)
	if m.Record == "" {
		m.Record = records.Clip(d.Get("_id").Text(), 80)
	}
	if d.Get("isValid").Text() == "false" {
		m.Metric.Stage = acom.Withdrawn
	}
	records.By(&m, d.Get("device").Text())
	d.Add(acom.Device{}, m)
}

// unit is what the record says; else otherwise.
func (d document) unit(otherwise acom.Code) acom.Code {
	if word := d.Get("units"); !word.Missing() {
		return records.GlucoseUnit(word.Text())
	}
	return otherwise
}

func (d document) sensed() {
	unit := d.unit(records.MgPerDL)
	plain, ok := d.Get("sgv").Decimal(true)
	word, interpretation, beyond := records.SensedWord(d.Get("sgv").Text(), unit)
	if unit == 0 || !ok && !beyond {
		d.Fault(d.At, "sgv is no number in mg/dL or mmol/L")
		return
	}
	m := records.Numeric(records.GlucoseISF, acom.Value{}, d.time)
	if m.Value, m.Metric.Interpretation = word, []string{interpretation}; !beyond {
		m.Value, m.Metric.Interpretation = sensor(plain, unit)
	}
	if n, ok := d.Get("noise").Int(); ok && n >= 4 {
		m.Status |= acom.Questionable
		m.Metric.Notes = append(m.Metric.Notes, "The sensor's signal was heavily disturbed (noise 4).")
	}
	if word := records.Clip(d.Get("direction").Text(), 40); word != "" {
		m.Components = []acom.Component{{
			Codings: []acom.Coding{{System: records.System("nightscout"), Code: "direction", Display: "Glucose trend arrow"}},
			Value:   acom.Value{Concept: []acom.Coding{{System: records.System("nightscout"), Code: word}}}}}
	}
	d.add(m)
}

// sensor is a value of any sensor: from 40 to 500 mg/dL, or the words beyond them.
func sensor(plain string, unit acom.Code) (acom.Value, []string) {
	if unit == records.MmolPerL {
		if !records.IsPositive(plain) || records.Compare(plain, "2.2") < 0 || records.Compare(plain, "27.8") > 0 {
			return acom.Value{Absent: acom.AbsentError}, nil
		}
		return records.Num(plain, unit), nil
	}
	switch {
	case !records.IsPositive(plain), records.Compare(plain, "39") < 0, records.Compare(plain, "500") > 0:
		return acom.Value{Absent: acom.AbsentError}, nil
	case records.Compare(plain, "40") < 0:
		return records.BelowSensor(unit), []string{"L"}
	case records.Compare(plain, "401") == 0: // true of a sensor that measures higher as well
		return records.AboveSensor(unit), []string{"H"}
	}
	return records.Num(plain, unit), nil
}

func (d document) pricked() {
	unit := d.unit(records.MgPerDL)
	plain, ok := d.Get("mbg").Decimal(true)
	if unit == 0 || !ok || !records.IsPositive(plain) {
		d.Fault(d.At, "mbg is no number in mg/dL or mmol/L")
		return
	}
	d.add(records.Numeric(records.GlucoseCapillary, records.Num(plain, unit), d.time))
}

// treatment is what somebody wrote down: insulin, carbohydrates, a finger prick.
func (d document) treatment() {
	found := false
	enter := func(m acom.Measurement) {
		records.Manual(&m)
		m.Metric.Notes = records.Note(d.Get("notes").Text())
		d.add(m)
		found = true
	}
	if units, ok := d.Get("insulin").Decimal(true); ok && records.IsPositive(units) {
		enter(records.Insulin(0, units, d.time))
	}
	if grams, ok := d.Get("carbs").Decimal(true); ok && records.IsPositive(grams) {
		enter(records.Carbohydrates(grams, d.time))
	}
	unit := d.unit(0)
	if plain, ok := d.Get("glucose").Decimal(true); ok && unit != 0 && records.IsPositive(plain) && d.Get("glucoseType").Text() == "Finger" {
		enter(records.Numeric(records.GlucoseCapillary, records.Num(plain, unit), d.time))
	}
	if !found {
		d.Skip(d.At, "a treatment %q without a number to keep", records.Clip(d.Get("eventType").Text(), 40))
	}
}
