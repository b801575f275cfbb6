// Package garmin reads what the Garmin Health API pushes: dailies, epochs, bodyComps,
// bloodPressures, pulseox, allDayRespiration, hrv, stressDetails and skinTemp.
//
//	never a number: stress below nought (-1 off wrist, -2 to -5 states); a saturation,
//	                rate or weight of nought or less
//	unit            in the name of each member: grams (written as kg by moving the point),
//	                percent, seconds; the heart rate variability is RMSSD, never SDNN
//	time zone       start and measurement are UTC seconds; ...OffsetInSeconds beside them
//	                is that of the watch (device)
//	once            a summary is sent again all day with another summaryId: its kind and
//	                start name it, and the newest replaces what was sent before
//
// The pushes name their user and no device: deviceId must be given.
package garmin

import (
	"strconv"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "garmin",
	Standard: "Garmin Health API push",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

type decoder struct{}

// lists of summaries and how each is read; the start is the member that times it.
var lists = map[string]struct {
	start string
	read  func(*summary)
}{
	"dailies":           {"start", (*summary).daily},
	"epochs":            {"start", (*summary).epoch},
	"bodyComps":         {"measurement", (*summary).body},
	"bloodPressures":    {"measurement", (*summary).pressure},
	"pulseox":           {"start", (*summary).saturation},
	"allDayRespiration": {"start", (*summary).respiration},
	"hrv":               {"start", (*summary).variability},
	"stressDetails":     {"start", (*summary).stress},
	"skinTemp":          {"start", (*summary).skin},
}

// summary is one that is being read.
type summary struct {
	*records.Batch
	records.Value
	kind  string
	start int64
	zone  records.Zone
	time  acom.Time
	found bool
}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	doc, err := records.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	b, err := records.NewBatch("garmin", f)
	if err != nil {
		return adapters.Result{}, err
	}
	found := false
	for kind, list := range doc.Members() {
		reader, known := lists[kind]
		if !known {
			b.Skip(list.At, "%q is not read", records.Clip(kind, 40))
			continue
		}
		found = true
		for item := range list.Items() {
			s := summary{Batch: b, Value: item, kind: kind}
			s.start, _ = item.Get(reader.start + "TimeInSeconds").Int()
			if seconds, ok := item.Get(reader.start + "TimeOffsetInSeconds").Int(); ok && seconds%60 == 0 && seconds > -50_000 && seconds < 51_000 {
				s.zone = records.Offset(int(seconds/60), acom.ZoneDevice)
			}
			s.zone = s.zone.Or(b.Settings.Zone)
			var ok bool
			if s.time, ok = records.Epoch(s.start, 0, s.zone); !ok {
				b.Fault(item.At, "a summary of %s without a time", kind)
				continue
			}
			reader.read(&s)
			if !s.found {
				b.Skip(item.At, "a summary of %s without a value", kind)
			}
		}
	}
	if !found {
		return adapters.Result{}, records.Refuse(doc.At, "it holds none of the summaries that are read, such as dailies and bodyComps")
	}
	return b.Result()
}

// key names the summary, which is sent again under other names.
func (s *summary) key() string { return s.kind + "/" + strconv.FormatInt(s.start, 10) }

// add takes a reading under a key. What is sent again with another value replaces it.
func (s *summary) add(m acom.Measurement, key string) {
	s.found = true
	m.Record, m.Metric.Stage = key, acom.Newest
	s.Add(acom.Device{}, m)
}

// lasting is how long the summary lasted, "" for a moment.
func (s *summary) lasting() string {
	seconds, ok := s.Get("durationInSeconds").Int()
	if !ok || seconds <= 0 || seconds > 31*86400 {
		return ""
	}
	return strconv.FormatInt(seconds, 10)
}

// own adds a member that only Garmin has a code for.
func (s *summary) own(name, display string, power int, unit acom.Code, activity bool) {
	plain, ok := s.Get(name).Decimal(false)
	if !ok || plain[0] == '-' {
		return
	}
	m := records.Own("garmin", name, display, records.Num(records.Shift(plain, power), unit), s.time)
	m.Metric.Activity, m.Duration = activity, s.lasting()
	s.add(m, s.key())
}

// coded adds a member that MDC has a code for.
func (s *summary) coded(name string, power int, code, unit acom.Code) {
	plain, ok := s.Get(name).Decimal(false)
	if !ok || !records.IsPositive(plain) {
		return
	}
	s.add(records.Numeric(code, records.Num(records.Shift(plain, power), unit), s.time), s.key())
}

// series adds a value for each offset from the start, in seconds; accepted says which
// numbers are values.
func (s *summary) series(name, suffix string, accepted func(plain string) bool, reading func(plain string, t acom.Time) acom.Measurement) {
	points := 0
	for range s.Get(name).Members() {
		points++
	}
	s.Expect(points)
	for offset, v := range s.Get(name).Members() {
		seconds, err := strconv.ParseInt(offset, 10, 32)
		plain, ok := v.Decimal(false)
		if err != nil || seconds < 0 || !ok {
			s.Fault(v.At, "a point of %s without offset or value", name)
			continue
		}
		s.found = true
		t, ok := records.Epoch(s.start+seconds, 0, s.zone)
		if ok && accepted(plain) {
			s.add(reading(plain, t), s.key()+"+"+offset+suffix)
		}
	}
}

func notNegative(plain string) bool { return plain[0] != '-' }

func (s *summary) daily() {
	s.own("steps", "Steps", 0, 262656, true)
	s.own("distanceInMeters", "Distance", 0, records.Metre, true)
	s.own("activeKilocalories", "Energy of activity", 0, records.Kilocal, true)
	s.own("bmrKilocalories", "Energy at rest", 0, records.Kilocal, true)
	s.own("floorsClimbed", "Floors climbed", 0, 262656, true)
	s.own("restingHeartRateInBeatsPerMinute", "Resting heart rate", 0, records.Beats, false)
	s.own("averageHeartRateInBeatsPerMinute", "Average heart rate", 0, records.Beats, false)
	s.own("averageStressLevel", "Average stress level", 0, 262656, true)
	s.series("timeOffsetHeartRateSamples", "", records.IsPositive, func(plain string, t acom.Time) acom.Measurement {
		return records.Numeric(records.Pulse, records.Num(plain, records.Beats), t)
	})
}

// epoch reads a quarter of an hour. It is sent once for each activity in it.
func (s *summary) epoch() {
	if word := records.Clip(s.Get("activityType").Text(), 40); word != "" {
		s.kind += "/" + word
	}
	s.own("steps", "Steps", 0, 262656, true)
	s.own("distanceInMeters", "Distance", 0, records.Metre, true)
	s.own("activeKilocalories", "Energy of activity", 0, records.Kilocal, true)
}

func (s *summary) body() {
	s.coded("weightInGrams", -3, records.Weight, records.Kilogram)
	s.coded("bodyFatInPercent", 0, records.BodyFat, records.Percent)
	s.coded("bodyMassIndex", 0, records.BMI, records.KgPerM2)
	s.own("muscleMassInGrams", "Muscle mass", -3, records.Kilogram, false)
	s.own("boneMassInGrams", "Bone mass", -3, records.Kilogram, false)
	s.own("bodyWaterInPercent", "Body water", 0, records.Percent, false)
}

func (s *summary) pressure() {
	value := func(name string) acom.Value {
		plain, ok := s.Get(name).Decimal(false)
		if !ok || !records.IsPositive(plain) {
			return acom.Value{Absent: acom.AbsentUnknown}
		}
		return records.Num(plain, records.MMHg)
	}
	key := records.Clip(s.Get("summaryId").Text(), 80) // of one measurement, and stable
	if key == "" {
		key = s.key()
	}
	list := []acom.Measurement{records.Panel(value("systolic"), value("diastolic"), s.time)}
	if pulse := value("pulse"); pulse.Number != nil {
		pulse.Unit = records.Beats
		list = append(list, records.Numeric(records.PulseBP, pulse, s.time))
	}
	if c := list[0].Components; c[0].Value.Number == nil && c[1].Value.Number == nil {
		return
	}
	for _, m := range list {
		if s.Get("sourceType").Text() == "MANUAL" {
			records.Manual(&m)
		}
		s.add(m, key)
	}
}

func (s *summary) saturation() {
	mode := ":continuous"
	if s.Get("onDemand").Text() == "true" {
		mode = ":on_demand"
	}
	s.series("timeOffsetSpo2Values", mode, records.IsPositive, func(plain string, t acom.Time) acom.Measurement {
		return records.Numeric(records.Saturation, records.Num(plain, records.Percent), t)
	})
}

func (s *summary) respiration() {
	s.series("timeOffsetEpochToBreaths", "", records.IsPositive, func(plain string, t acom.Time) acom.Measurement {
		return records.Numeric(records.Respiration, records.Num(plain, records.Breaths), t)
	})
}

func (s *summary) variability() {
	s.own("lastNightAvg", "Heart rate variability (RMSSD), mean of the night", 0, records.Millis, false)
	s.own("lastNight5MinHigh", "Heart rate variability (RMSSD), highest of 5 minutes", 0, records.Millis, false)
	s.series("hrvValues", "", records.IsPositive, func(plain string, t acom.Time) acom.Measurement {
		m := records.Own("garmin", "hrvValues", "Heart rate variability (RMSSD)", records.Num(plain, records.Millis), t)
		m.Metric.Activity = false
		return m
	})
}

func (s *summary) stress() {
	s.series("timeOffsetStressLevelValues", "", notNegative, func(plain string, t acom.Time) acom.Measurement {
		return records.Own("garmin", "stressLevel", "Stress level", records.Num(plain, 262656), t)
	})
	s.series("timeOffsetBodyBatteryValues", "", notNegative, func(plain string, t acom.Time) acom.Measurement {
		return records.Own("garmin", "bodyBattery", "Body battery", records.Num(plain, 262656), t)
	})
}

// skin reads the deviation from the wearer's own mean, which is no temperature.
func (s *summary) skin() {
	plain, ok := s.Get("avgDeviationCelsius").Decimal(false)
	if !ok {
		return
	}
	m := records.Own("garmin", "avgDeviationCelsius", "Deviation of skin temperature from the wearer's mean", records.Num(plain, records.Celsius), s.time)
	m.Metric.Activity, m.Duration = false, s.lasting()
	s.add(m, s.key())
}
