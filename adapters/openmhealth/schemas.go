package openmhealth

import (
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// schema is what a schema measures: the member of the body and its code. Without a code
// it keeps the schema's name.
type schema struct {
	member  string
	code    acom.Code
	display string
	// below is set where nought and less are values, zero where nought alone is.
	below, zero bool
	// clinical is set for what is no matter of everyday life though MDC has no code.
	clinical bool
	// count is set for a plain number of things.
	count bool
}

// schemas by name. Blood pressure and glucose are read apart.
var schemas = map[string]schema{
	"heart-rate":                {member: "heart_rate", code: records.Pulse},
	"oxygen-saturation":         {member: "oxygen_saturation", code: records.Saturation},
	"respiratory-rate":          {member: "respiratory_rate", code: records.Respiration},
	"body-temperature":          {member: "body_temperature", code: records.Temperature, below: true},
	"body-weight":               {member: "body_weight", code: records.Weight},
	"body-height":               {member: "body_height", code: records.Height},
	"body-mass-index":           {member: "body_mass_index", code: records.BMI},
	"body-fat-percentage":       {member: "body_fat_percentage", code: records.BodyFat},
	"rr-interval":               {member: "rr_interval", code: 147240}, // MDC_ECG_TIME_PD_RR_GL
	"heart-rate-variability":    {member: "heart_rate_variability", display: "Heart rate variability", clinical: true},
	"ambient-temperature":       {member: "ambient_temperature", display: "Ambient temperature", below: true, clinical: true},
	"step-count":                {member: "step_count", display: "Steps", zero: true, count: true},
	"calories-burned":           {member: "kcal_burned", display: "Energy burned", zero: true},
	"sleep-duration":            {member: "sleep_duration", display: "Time asleep", zero: true},
	"total-sleep-time":          {member: "total_sleep_time", display: "Time asleep", zero: true},
	"minutes-moderate-activity": {member: "minutes_moderate_activity", display: "Time of moderate activity", zero: true},
}

// quantity is a value with its unit. ok is false for what is no number.
func quantity(v records.Value) (value acom.Value, plain string, ok bool) {
	plain, ok = v.Get("value").Decimal(true)
	return records.Unit(plain, v.Get("unit").Text()), plain, ok
}

func (p *point) known(at int, s schema) {
	member := p.body.Get(s.member)
	v, plain, ok := quantity(member)
	if bare, isNumber := member.Decimal(true); s.count && isNumber {
		v, plain, ok = records.Num(bare, 262656), bare, true
	} else if s.count && ok {
		v = records.Num(plain, 262656) // the unit says what is counted
	}
	switch {
	case !ok:
		p.Fault(at, "%s is no number", s.member)
		return
	case !s.below && !records.IsPositive(plain) && !(s.zero && records.IsZero(plain)):
		v = acom.Value{Absent: acom.AbsentError}
	}
	m := records.Numeric(s.code, v, p.time)
	if s.code == 0 {
		m = records.Own("openmhealth", p.schema, s.display, v, p.time)
		m.Kind, m.Metric.Activity = acom.Numeric, !s.clinical
	}
	for _, name := range []string{"measurement_location", "temporal_relationship_to_physical_activity", "temporal_relationship_to_sleep", "body_posture"} {
		m.Components = append(m.Components, p.context(name)...)
	}
	p.add(p.statistic(m))
}

// context is a member of the body that says how it was measured, in the schema's word.
func (p *point) context(name string) []acom.Component {
	word := records.Clip(p.body.Get(name).Text(), 60)
	if word == "" {
		return nil
	}
	system := records.System("openmhealth")
	return []acom.Component{{Codings: []acom.Coding{{System: system, Code: name}}, Value: acom.Value{Concept: []acom.Coding{{System: system, Code: word}}}}}
}

func (p *point) pressure(at int) {
	part := func(name string) acom.Value {
		v, plain, ok := quantity(p.body.Get(name))
		switch {
		case !ok:
			return acom.Value{Absent: acom.AbsentUnknown}
		case !records.IsPositive(plain):
			return acom.Value{Absent: acom.AbsentError}
		}
		return v
	}
	m := records.Panel(part("systolic_blood_pressure"), part("diastolic_blood_pressure"), p.time)
	if m.Components[0].Value.Number == nil && m.Components[1].Value.Number == nil {
		p.Fault(at, "a blood pressure without pressures")
		return
	}
	for _, name := range []string{"position_during_measurement", "body_posture", "measurement_location"} {
		m.Components = append(m.Components, p.context(name)...)
	}
	switch word := records.Clip(p.body.Get("descriptive_statistic").Text(), 40); word {
	case "":
	case "average", "median", "minimum", "maximum":
		m.Metric.Notes = append(m.Metric.Notes, "The "+word+" of several values.")
	default: // a deviation of pressures is no pressure
		p.Skip(at, "a %s of blood pressures", word)
		return
	}
	p.add(m)
}

// specimens by specimen_source; another keeps plain glucose.
var specimens = map[string]acom.Code{"interstitial fluid": records.GlucoseISF, "capillary blood": records.GlucoseCapillary,
	"venous blood": 160192, "venous plasma": 160196, "arterial blood": 160200, "arterial plasma": 160204}

// meals by temporal_relationship_to_meal, as values of MDC_CTXT_GLU_MEAL.
var meals = map[string]acom.Code{"fasting": 8417876, "before meal": 8417868, "before breakfast": 8417868, "before lunch": 8417868, "before dinner": 8417868,
	"after meal": 8417872, "after breakfast": 8417872, "after lunch": 8417872, "after dinner": 8417872, "2 hours postprandial": 8417872, "at bedtime": 8417869}

func (p *point) glucose(at int) {
	member := p.body.Get("blood_glucose")
	plain, ok := member.Get("value").Decimal(true)
	unit := records.GlucoseUnit(member.Get("unit").Text())
	if !ok || unit == 0 {
		p.Fault(at, "blood_glucose is no number in mg/dL or mmol/L")
		return
	}
	v := records.Num(plain, unit)
	if !records.IsPositive(plain) {
		v = acom.Value{Absent: acom.AbsentError}
	}
	code := specimens[p.body.Get("specimen_source").Text()]
	if code == 0 {
		code = 160020 // MDC_CONC_GLU_GEN
	}
	m := records.Numeric(code, v, p.time)
	if word := records.Clip(p.body.Get("temporal_relationship_to_meal").Text(), 40); word != "" {
		meal := acom.Value{Concept: []acom.Coding{{System: records.System("openmhealth"), Code: word}}}
		if known, ok := meals[word]; ok {
			meal.Coded = []acom.Code{known}
		}
		m.Components = append(m.Components, acom.Component{Type: 8417864, Value: meal}) // MDC_CTXT_GLU_MEAL
	}
	m.Components = append(m.Components, p.context("temporal_relationship_to_sleep")...)
	p.add(p.statistic(m))
}

// maxOthers is the most values that are kept of a schema without a meaning here.
const maxOthers = 4

// other keeps the numbers of a schema that is not known here, under the schema's name.
func (p *point) other(at int) {
	found := 0
	for name, member := range p.body.Members() {
		v, plain, ok := quantity(member)
		if !ok || plain == "" {
			continue
		}
		if found++; found > maxOthers {
			p.Skip(member.At, "more than %d values of schema %q", maxOthers, p.schema)
			return
		}
		p.add(p.statistic(records.Own("openmhealth", p.schema+"/"+records.Clip(name, 60), "", v, p.time)))
	}
	if found == 0 {
		p.Skip(at, "a data point of schema %q, which is not read", p.schema)
	}
}
