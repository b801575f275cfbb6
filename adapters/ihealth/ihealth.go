// Package ihealth reads the answers of the iHealth OpenAPI: blood pressure, glucose,
// oxygen saturation and weight.
//
//	never a number: 0 and -1 (HR, IsArr, FatValue, BoneValue, MuscaleValue, WaterValue...)
//	unit            for the page: BPUnit 0 mmHg, 1 kPa; BGUnit 0 mg/dL, 1 mmol/L;
//	                WeightUnit 0 kg, 1 lb. A page without it, or with another, is refused
//	numbers         32-bit binary fractions written out: as sent, with a note
//	time zone       MDate is the local wall clock written as if it were UTC; TimeZone is
//	                attached and shifts nothing (offset). Without it the zone is unknown
package ihealth

import (
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "ihealth",
	Standard: "iHealth OpenAPI V2",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

type decoder struct{}

// lists of the pages, with the member that holds the unit of each and its meanings.
var lists = []struct {
	name, unit string
	units      []acom.Code
	read       func(*page, records.Value)
}{
	{"BPDataList", "BPUnit", []acom.Code{records.MMHg, records.KiloPascal}, (*page).pressure},
	{"BGDataList", "BGUnit", []acom.Code{records.MgPerDL, records.MmolPerL}, (*page).glucose},
	{"BODataList", "", nil, (*page).saturation},
	{"WeightDataList", "WeightUnit", []acom.Code{records.Kilogram, records.Pound}, (*page).weight},
}

// page is one answer, and the reading that is being read of it.
type page struct {
	*records.Batch
	unit acom.Code
	// of the record being read
	record records.Value
	time   acom.Time
}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("ihealth", f)
	if err != nil {
		return adapters.Result{}, err
	}
	found := false
	for _, list := range lists {
		values := doc.Get(list.name)
		if !values.Is('[') {
			continue
		}
		found = true
		p := page{Batch: b}
		if list.unit != "" {
			n, ok := doc.Get(list.unit).Int()
			if !ok || n < 0 || n >= int64(len(list.units)) {
				return adapters.Result{}, &adapters.Error{Offset: doc.At, Reason: list.unit + " is missing or not known: the values have no unit", Unprocessable: true}
			}
			p.unit = list.units[n]
		}
		for record := range values.Items() {
			t, ok := when(b, record)
			if !ok {
				b.Fault(record.At, "MDate is no time")
				continue
			}
			p.record, p.time = record, t
			list.read(&p, record)
		}
	}
	if !found {
		return adapters.Result{}, records.Refuse(doc.At, "it has none of BPDataList, BGDataList, BODataList and WeightDataList")
	}
	return b.Result()
}

// when is MDate as the wall clock it is, with TimeZone attached: "+0100", "-0800" or a
// number of hours.
func when(b *records.Batch, record records.Value) (acom.Time, bool) {
	seconds, _ := record.Get("MDate").Int()
	if seconds <= 0 {
		return acom.Time{}, false
	}
	at := time.Unix(seconds, 0).UTC()
	w := acom.Wall{Year: at.Year(), Month: int(at.Month()), Day: at.Day(), Hour: at.Hour(), Minute: at.Minute(), Second: at.Second()}
	if !records.Complete(w) {
		return acom.Time{}, false
	}
	zone := b.Settings.Zone
	switch told := record.Get("TimeZone"); {
	case told.Is('0'):
		if hours, ok := told.Int(); ok && hours >= -12 && hours <= 14 {
			zone = records.Offset(int(hours)*60, acom.ZoneOffset)
		}
	case told.Is('"'):
		if named, ok := records.NamedZone(told.Text(), acom.ZoneOffset); ok {
			zone = named
		}
	}
	return zone.Local(w), true
}

// number is a member of the record that is more than nought.
func (p *page) number(name string) (string, bool) {
	plain, ok := p.record.Get(name).Decimal(true)
	return plain, ok && records.IsPositive(plain)
}

// add completes a reading with what its record says of all of its.
func (p *page) add(m acom.Measurement) {
	m.Record = records.Clip(p.record.Get("DataID").Text(), 60)
	if p.record.Get("DataSource").Text() == "Manual" {
		records.Manual(&m)
	}
	m.Metric.Notes = append(m.Metric.Notes, records.Note(p.record.Get("Note").Text())...)
	records.Rounded(&m, "iHealth")
	changed, _ := p.record.Get("LastChangeTime").Int() // UTC, as MDate is not
	if t, ok := records.Epoch(changed, 0, records.Zone{}); ok {
		at, _ := records.Moment(t)
		m.Metric.Issued = at.UTC().Format(time.RFC3339)
	}
	p.Add(acom.Device{}, m)
}

// numeric adds the member where it is a value.
func (p *page) numeric(name string, code, unit acom.Code) bool {
	plain, ok := p.number(name)
	if ok {
		p.add(records.Numeric(code, records.Num(plain, unit), p.time))
	}
	return ok
}

func (p *page) pressure(record records.Value) {
	value := func(name string) acom.Value {
		if plain, ok := p.number(name); ok {
			return records.Num(plain, p.unit)
		}
		return acom.Value{Absent: acom.AbsentUnknown}
	}
	systolic, diastolic := value("HP"), value("LP")
	if systolic.Number == nil && diastolic.Number == nil {
		p.Fault(record.At, "HP and LP are no pressures")
		return
	}
	m := records.Panel(systolic, diastolic, p.time)
	if flag, ok := record.Get("IsArr").Int(); ok && (flag == 0 || flag == 1) {
		word := map[int64]string{0: "not detected", 1: "detected"}[flag]
		m.Components = append(m.Components, acom.Component{
			Codings: []acom.Coding{{System: records.System("ihealth"), Code: "IsArr", Display: "Irregular heartbeat"}},
			Value:   acom.Value{Text: word}})
	}
	p.add(m)
	p.numeric("HR", records.PulseBP, records.Beats)
}

// meals are the words of DinnerSituation, as MDC_CTXT_GLU_MEAL values.
var meals = map[string]acom.Code{
	"Before_breakfast": 8417868, "Before_lunch": 8417868, "Before_dinner": 8417868, // preprandial
	"After_breakfast": 8417872, "After_lunch": 8417872, "After_dinner": 8417872, // postprandial
	"Bedtime": 8417869, "Before_sleep": 8417869,
}

func (p *page) glucose(record records.Value) {
	plain, ok := p.number("BG")
	if !ok {
		p.Fault(record.At, "BG is no concentration")
		return
	}
	m := records.Numeric(records.GlucoseCapillary, records.Num(plain, p.unit), p.time)
	if word := records.Clip(record.Get("DinnerSituation").Text(), 40); word != "" {
		v := acom.Value{Concept: []acom.Coding{{System: records.System("ihealth"), Code: word}}}
		if code, known := meals[word]; known {
			v.Coded = []acom.Code{code}
		}
		m.Components = []acom.Component{{Type: 8417864, Value: v}} // MDC_CTXT_GLU_MEAL
	}
	p.add(m)
}

func (p *page) saturation(record records.Value) {
	found := p.numeric("BO", records.Saturation, records.Percent)
	if pulse := p.numeric("HR", 149530, records.Beats); !found && !pulse { // MDC_PULS_OXIM_PULS_RATE
		p.Fault(record.At, "BO is no saturation")
	}
}

func (p *page) weight(record records.Value) {
	if !p.numeric("WeightValue", records.Weight, p.unit) {
		p.Fault(record.At, "WeightValue is no weight")
		return
	}
	p.numeric("BMI", records.BMI, records.KgPerM2)
	p.numeric("FatValue", records.BodyFat, records.Percent)
	for _, part := range []struct {
		name, display string
		unit          acom.Code
	}{{"BoneValue", "Bone mass", p.unit}, {"MuscaleValue", "Muscle mass", p.unit}, {"WaterValue", "Body water", records.Percent}} {
		if plain, ok := p.number(part.name); ok {
			m := records.Own("ihealth", part.name, part.display, records.Num(plain, part.unit), p.time)
			m.Metric.Activity = false
			p.add(m)
		}
	}
}
