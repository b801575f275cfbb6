// Package tidepool reads data of the Tidepool platform: cbg, smbg, bloodKetone, bolus,
// basal, food, and what a wizard was told (the meal and the glucose that somebody typed
// into the calculator; what it suggested is no fact, and the bolus stands by itself).
//
//	never a number: null; a value without units mg/dL or mmol/L
//	low, high       annotation bg/out-of-range: below or above its threshold, else the
//	                sensor's range of 40 to 400 mg/dL, 2.2 to 22.2 mmol/L. The threshold stays
//	                in mg/dL where the value was made mmol/L
//	unit            units of each record. Tidepool keeps mg/dL as mmol/L of 16 digits: they
//	                stay as sent, and a note says the mg/dL that they were made from
//	time zone       time is UTC, timezoneOffset the minutes of the device's clock (device).
//	                The platform has taken a wrong clock (clockDriftOffset) out of time
package tidepool

import (
	"math/big"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "tidepool",
	Standard: "Tidepool data model: device data",
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
	b, err := records.NewBatch("tidepool", f)
	if err != nil {
		return adapters.Result{}, err
	}
	switch {
	case doc.Is('['):
		for datum := range doc.Items() {
			read(b, datum)
		}
	case doc.Is('{') && doc.Get("type").Is('"'):
		read(b, doc)
	default:
		return adapters.Result{}, records.Refuse(doc.At, "it is neither a datum with a type nor an array of them")
	}
	return b.Result()
}

func read(b *records.Batch, datum records.Value) {
	kind := datum.Get("type").Text()
	switch kind {
	case "cbg", "smbg", "bloodKetone", "bolus", "basal", "food", "wizard":
	default:
		b.Skip(datum.At, "a datum of type %q, which is not read", records.Clip(kind, 40))
		return
	}
	if datum.Get("_active").Text() == "false" {
		b.Skip(datum.At, "a datum that another has replaced")
		return
	}
	zone := b.Settings.Zone
	if minutes, ok := datum.Get("timezoneOffset").Int(); ok && minutes > -1000 && minutes < 1000 {
		zone = records.Offset(int(minutes), acom.ZoneDevice)
	}
	t, ok := when(datum.Get("time").Text(), zone)
	if !ok {
		b.Fault(datum.At, "time is no time in UTC")
		return
	}
	d := b.Device(datum.Get("deviceId").Text())
	list := measurements(datum, kind, t)
	for _, m := range list {
		m.Record = records.Clip(datum.Get("id").Text(), 60)
		if m.Record == "" {
			m.Record = records.Clip(datum.Get("guid").Text(), 60)
		}
		b.Add(d, m)
	}
	switch {
	case list == nil && kind == "wizard":
		b.Skip(datum.At, "a wizard that was told neither a meal nor a glucose")
	case list == nil:
		b.Fault(datum.At, "the %s has no value that can be read", kind)
	}
}

// when is an instant, shown in the zone of the device.
func when(text string, zone records.Zone) (acom.Time, bool) {
	t, ok := records.ISO(text, records.Zone{})
	at, known := records.Moment(t)
	if !ok || !known {
		return acom.Time{}, false
	}
	return records.Instant(at, t.Wall.Fraction, zone)
}

func measurements(datum records.Value, kind string, t acom.Time) (list []acom.Measurement) {
	switch kind {
	case "bolus":
		for _, part := range []string{"normal", "extended"} {
			if units, ok := datum.Get(part).Decimal(true); ok && records.IsPositive(units) {
				m := records.Insulin(8418344, units, t) // MDC_INS_BOLUS
				if part == "extended" {
					m.Duration = seconds(datum)
				}
				list = append(list, m)
			}
		}
		return list
	case "basal":
		rate, ok := datum.Get("rate").Decimal(true)
		if !ok {
			return nil
		}
		m := records.Numeric(8418288, records.Num(rate, 267840), t) // MDC_INS_BASAL, MDC_DIM_X_INTL_UNIT_PER_HR
		m.Duration, m.Metric.Therapy = seconds(datum), true
		return append(list, m)
	case "food":
		grams, ok := datum.Get("nutrition", "carbohydrate", "net").Decimal(true)
		if !ok || datum.Get("nutrition", "carbohydrate", "units").Text() != "grams" {
			return nil
		}
		return append(list, records.Carbohydrates(grams, t))
	case "wizard":
		return wizard(datum, t)
	}
	unit := records.GlucoseUnit(datum.Get("units").Text())
	plain, ok := datum.Get("value").Decimal(true)
	if unit == 0 || !ok || !records.IsPositive(plain) {
		return nil
	}
	m := records.Numeric(records.GlucoseISF, records.Num(plain, unit), t)
	switch kind {
	case "smbg":
		m.Type = records.GlucoseCapillary
		if datum.Get("subType").Text() == "manual" {
			records.Manual(&m)
		}
	case "bloodKetone":
		m = records.Own("tidepool", "bloodKetone", "Ketones in blood", records.Num(plain, unit), t)
		m.Metric.Activity = false
		return append(list, m)
	}
	if unit == records.MmolPerL {
		m.Metric.Notes = original(plain)
	}
	for annotation := range datum.Get("annotations").Items() {
		if annotation.Get("code").Text() != "bg/out-of-range" {
			continue
		}
		low, high := records.BelowSensor(unit), records.AboveSensor(unit)
		if limit, ok := annotation.Get("threshold").Decimal(true); ok && records.IsPositive(limit) {
			low, high = records.Beyond(acom.Below, limit, thresholdUnit(limit, "10", unit)), records.Beyond(acom.Above, limit, thresholdUnit(limit, "50", unit))
		}
		switch annotation.Get("value").Text() {
		case "low":
			m.Value, m.Metric.Interpretation, m.Metric.Notes = low, []string{"L"}, nil
		case "high":
			m.Value, m.Metric.Interpretation, m.Metric.Notes = high, []string{"H"}, nil
		}
	}
	return append(list, m)
}

// thresholdUnit is the unit of a limit: the value's, or mg/dL where it is more mmol/L than
// any meter's limit of that kind is.
func thresholdUnit(limit, most string, unit acom.Code) acom.Code {
	if unit == records.MmolPerL && records.Compare(limit, most) >= 0 {
		return records.MgPerDL
	}
	return unit
}

// wizard is what somebody told the bolus calculator.
func wizard(datum records.Value, t acom.Time) (list []acom.Measurement) {
	if grams, ok := datum.Get("carbInput").Decimal(true); ok && records.IsPositive(grams) && (datum.Get("carbUnits").Missing() || datum.Get("carbUnits").Text() == "grams") {
		m := records.Carbohydrates(grams, t)
		records.Manual(&m)
		list = append(list, m)
	}
	unit := records.GlucoseUnit(datum.Get("units").Text())
	if plain, ok := datum.Get("bgInput").Decimal(true); ok && unit != 0 && records.IsPositive(plain) {
		m := records.Numeric(160020, records.Num(plain, unit), t) // MDC_CONC_GLU_GEN: of a meter or a sensor
		records.Manual(&m)
		if unit == records.MmolPerL {
			m.Metric.Notes = original(plain)
		}
		list = append(list, m)
	}
	return list
}

// seconds is the duration of a datum, which is in milliseconds.
func seconds(datum records.Value) string {
	millis, ok := datum.Get("duration").Decimal(true)
	if !ok || !records.IsPositive(millis) || len(millis) > 12 {
		return ""
	}
	return strings.TrimSuffix(strings.TrimRight(records.Shift(millis, -3), "0"), ".")
}

// original says which whole mg/dL a concentration in mmol/L was made from, by
// Tidepool's own factor. A meter that measures in mmol/L has one decimal, and no such note.
func original(mmol string) []string {
	if _, decimals, _ := strings.Cut(mmol, "."); len(decimals) < 6 {
		return nil
	}
	n, ok := new(big.Rat).SetString(mmol)
	if !ok {
		return nil
	}
	n.Mul(n, big.NewRat(1801559, 100_000))
	return []string{"Tidepool made these mmol/L from " + n.FloatString(0) + " mg/dL (factor 18.01559)."}
}
