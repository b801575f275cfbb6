package fitbit

import (
	"strconv"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// maxSample is the most a sample can be: they are 16-bit words.
const maxSample = 32767

// ecg reads an ECG: mV = sample / scalingFactor.
func ecg(b *records.Batch, reading records.Value) {
	t, ok := records.ISO(reading.Get("startTime").Text(), b.Settings.Zone)
	if !ok {
		b.Fault(reading.At, "startTime is no time")
		return
	}
	hertz, okHertz := reading.Get("samplingFrequencyHz").Int()
	scale, okScale := reading.Get("scalingFactor").Int()
	var raw []int64
	for sample := range reading.Get("waveformSamples").Items() {
		n, ok := sample.Int()
		if !ok || n < -maxSample-1 || n > maxSample {
			b.Fault(sample.At, "a sample is no 16-bit number")
			return
		}
		raw = append(raw, n)
	}
	if told, ok := reading.Get("numberOfWaveformSamples").Int(); !okHertz || !okScale || hertz < 1 || hertz > 100_000 || scale < 1 || scale > 1_000_000 ||
		len(raw) == 0 || ok && told != int64(len(raw)) {
		b.Fault(reading.At, "samplingFrequencyHz, scalingFactor and the number of samples do not fit together")
		return
	}
	millivolts := maxSample/scale + 1 // a range that holds every sample
	m := acom.Measurement{Kind: acom.RTSA, Type: records.ECGLeadI, Time: t, Metric: &acom.Metric{},
		Value: acom.Value{Unit: records.MilliVolt, Samples: &acom.Samples{
			Period:        "1/" + strconv.FormatInt(hertz, 10),
			LowerAbsolute: acom.Number{Text: strconv.FormatInt(-millivolts, 10)}, UpperAbsolute: acom.Number{Text: strconv.FormatInt(millivolts, 10)},
			LowerScaled: -millivolts * scale, UpperScaled: millivolts * scale, Raw: raw}}}
	add := func(m acom.Measurement) {
		records.By(&m, reading.Get("deviceName").Text())
		b.Add(acom.Device{}, m)
	}
	add(m)
	if plain, ok := reading.Get("averageHeartRate").Decimal(true); ok && records.IsPositive(plain) {
		add(records.Numeric(147842, records.Num(plain, records.Beats), t)) // MDC_ECG_HEART_RATE
	}
	if word := records.Clip(reading.Get("resultClassification").Text(), 80); word != "" {
		m := records.Own("fitbit", "resultClassification", "ECG classification by the device", acom.Value{Concept: []acom.Coding{{System: records.System("fitbit"), Code: word}}}, t)
		m.Metric.Activity = false
		add(m)
	}
}
