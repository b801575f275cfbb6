package healthkit

import (
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// identifiers are the quantity types of HealthKit behind metrics of Health Auto Export
// whose names are not theirs in other letters.
var identifiers = map[string]string{
	"blood_oxygen_saturation": "OxygenSaturation", "weight_body_mass": "BodyMass", "heart_rate_variability": "HeartRateVariabilitySDNN",
	"active_energy": "ActiveEnergyBurned", "peak_expiratory_flow_rate": "PeakExpiratoryFlowRate", "forced_expiratory_volume_1": "ForcedExpiratoryVolume1",
}

// fractions are metrics of which nobody has 1 %.
var fractions = map[string]bool{"OxygenSaturation": true, "BodyFatPercentage": true}

// metric reads what Health Auto Export says of one metric.
func (b batch) metric(v records.Value) {
	name, unit := v.Get("name").Text(), v.Get("units").Text()
	if name == "" {
		b.Fault(v.At, "a metric without a name")
		return
	}
	for point := range v.Get("data").Items() {
		t, ok := records.ISO(point.Get("date").Text(), b.Settings.Zone)
		if !ok {
			b.Fault(point.At, "date is no time")
			continue
		}
		switch {
		case name == "blood_pressure":
			b.pressure(point, unit, t)
		case name == "heart_rate" && !point.Get("Avg").Missing():
			b.mean(point, unit, t)
		default:
			b.point(point, name, unit, t)
		}
	}
}

// point reads the number of a metric.
func (b batch) point(v records.Value, name, unit string, t acom.Time) {
	plain, ok := v.Get("qty").Decimal(true)
	if !ok {
		b.Fault(v.At, "a point of %s without a number", records.Clip(name, 40))
		return
	}
	typ, known := identifiers[name]
	if !known {
		typ = camel(name)
	}
	if !records.IsHealthKit(typ) { // what HealthKit calls it is not known
		m := records.Own("healthkit", records.Clip(name, 80), "", records.Unit(plain, unit), t)
		b.exported(v, name, m)
		return
	}
	if unit == "%" && !(fractions[typ] && records.Compare(plain, "1") <= 0) {
		plain = records.Shift(plain, -2) // as HealthKit has it
	}
	m, ok := records.HealthKit(prefix+typ, plain, word(unit), t)
	if !ok {
		b.Fault(v.At, "a metric without a name")
		return
	}
	if meal := records.Clip(v.Get("mealTime").Text(), 40); meal != "" && meal != "Unspecified" {
		m.Metric.Notes = append(m.Metric.Notes, "Meal: "+meal+".")
	}
	b.exported(v, name, m)
}

// mean reads a heart rate over a time.
func (b batch) mean(v records.Value, unit string, t acom.Time) {
	plain, ok := v.Get("Avg").Decimal(true)
	if !ok {
		b.Fault(v.At, "a heart rate without a number")
		return
	}
	m, _ := records.HealthKit(prefix+"HeartRate", plain, word(unit), t)
	low, okLow := v.Get("Min").Decimal(true)
	high, okHigh := v.Get("Max").Decimal(true)
	if okLow && okHigh && (records.Compare(low, plain) != 0 || records.Compare(high, plain) != 0) {
		m.Metric.Notes = append(m.Metric.Notes, "A mean over a time; the lowest was "+low+", the highest "+high+".")
	}
	b.exported(v, "heart_rate", m)
}

func (b batch) pressure(v records.Value, unit string, t acom.Time) {
	value := func(name string) acom.Value {
		plain, ok := v.Get(name).Decimal(true)
		switch {
		case !ok:
			return acom.Value{Absent: acom.AbsentUnknown}
		case !records.IsPositive(plain):
			return acom.Value{Absent: acom.AbsentError}
		}
		return records.Unit(plain, unit)
	}
	m := records.Panel(value("systolic"), value("diastolic"), t)
	if m.Components[0].Value.Number == nil && m.Components[1].Value.Number == nil {
		b.Fault(v.At, "a blood pressure without pressures")
		return
	}
	b.exported(v, "blood_pressure", m)
}

// exported completes a point. The app names no records: a metric has one for its time and
// source, and what is sent again is the same.
func (b batch) exported(v records.Value, name string, m acom.Measurement) {
	source := records.Clip(v.Get("source").Text(), 60)
	m.Record = strings.Join([]string{records.Clip(name, 60), source, v.Get("date").Text()}, "|")
	m.Metric.Stage = acom.Newest // a sum of the day grows until it is over
	records.By(&m, source)
	b.Add(acom.Device{}, m)
}

// word is a unit as HealthKit writes it.
func word(unit string) string {
	if unit == "bpm" {
		return "count/min"
	}
	return unit
}

// camel writes a name such as step_count as StepCount.
func camel(name string) string {
	var b strings.Builder
	for _, part := range strings.Split(records.Clip(name, 80), "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}
