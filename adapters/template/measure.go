package template

import (
	"math/big"
	"slices"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/template/query"
)

// measurement makes the fact of one bundle; ok is false when it has no value.
func (r *run) measurement(b *bundle) (m acom.Measurement, ok bool, err error) {
	s, first := b.shape, b.readings[0]
	m = acom.Measurement{Type: s.mdc, Time: first.time, Setting: s.setting, Metric: s.shared, Record: first.record}
	there := false
	var notes []string
	if s.value != nil {
		v, ok, note, err := r.valueOf(b, s.value)
		if err != nil {
			return m, false, err
		}
		if ok {
			m.Kind, m.Value, there = s.value.acomKind(), v, true
		}
		notes = append(notes, note...)
	}
	numeric := true
	for i := range s.parts {
		p := &s.parts[i]
		v, ok, note, err := r.valueOf(b, &p.value)
		if err != nil {
			return m, false, err
		}
		if !ok {
			continue
		}
		if m.Components == nil {
			if err := r.budget.Take(len(s.parts), 350); err != nil {
				return m, false, r.failed(first.rule, r.root, "components", err.Error())
			}
			m.Components = make([]acom.Component, 0, len(s.parts))
		}
		m.Components = append(m.Components, acom.Component{Type: p.mdc, Codings: p.codings, Value: v})
		numeric = numeric && p.value.kind == quantity
		there = true
		notes = append(notes, note...)
	}
	if !there {
		return m, false, nil
	}
	switch {
	case m.Kind != 0:
	case s.value != nil:
		// It has components, and no value of its own.
		m.Kind, m.Value = s.value.acomKind(), acom.Value{Absent: acom.AbsentUnknown}
	case numeric:
		m.Kind = acom.CompoundNumeric
	default:
		m.Kind = acom.Compound
	}
	if n := b.steps(); n > 0 {
		m.Duration = seconds(new(big.Rat).Mul(big.NewRat(int64(n), 1), periodOf(s.values()[0])))
	} else if len(b.readings) > 1 && !b.series {
		if span := instant(b.readings[len(b.readings)-1].time).Sub(instant(first.time)); span > 0 {
			m.Duration = seconds(big.NewRat(int64(span), int64(time.Millisecond)))
		}
	}
	if len(notes) > 0 {
		if err := r.budget.Take(1, 600); err != nil {
			return m, false, r.failed(first.rule, r.root, "note", err.Error())
		}
		own := *m.Metric
		own.Notes = append(slices.Clone(own.Notes), notes...)
		m.Metric = &own
	}
	return m, true, nil
}

func periodOf(v valueShape) *big.Rat {
	ms, ok := new(big.Rat).SetString(v.period)
	if !ok {
		return new(big.Rat)
	}
	return ms
}

// steps is how many periods lie between the first and the last sample of a series.
func (b *bundle) steps() int {
	if !b.series {
		return 0
	}
	period := b.shape.values()[0].span()
	if period == 0 || len(b.readings) < 2 {
		return 0
	}
	return int(instant(b.readings[len(b.readings)-1].time).Sub(instant(b.readings[0].time)) / period)
}

func (v valueShape) acomKind() acom.Kind {
	switch v.kind {
	case quantity:
		return acom.Numeric
	case sampled:
		return acom.RTSA
	case concept:
		return acom.CodedEnumeration
	}
	return acom.StringEvent
}

// valueOf is a value of the bundle in its shape.
func (r *run) valueOf(b *bundle, shown *valueShape) (v acom.Value, ok bool, notes []string, err error) {
	if shown.kind == sampled {
		return r.sampledOf(b, shown)
	}
	for _, x := range b.readings {
		found, named := x.named(shown.name)
		if !named || !found.there {
			continue
		}
		if found.absent != 0 {
			return acom.Value{Absent: found.absent}, true, nil, nil
		}
		switch shown.kind {
		case quantity:
			if !query.IsDecimal(found.text) {
				return v, false, nil, r.failed(x.rule, r.root, shown.name, "it is no decimal number")
			}
			u := shown.of(found)
			return acom.Value{Number: &acom.Number{Text: found.text}, Unit: u.mdc, Foreign: u.foreign}, true, nil, nil
		case concept:
			v, notes = shown.concepts(found.text)
			return v, true, notes, nil
		}
		return acom.Value{Text: found.text}, true, nil, nil
	}
	return v, false, nil, nil
}

// of is the unit that was found, or else the shape's.
func (v valueShape) of(found value) unit {
	if found.unit != (unit{}) {
		return found.unit
	}
	return v.unit
}

// concepts is a coded value. Where any value means the same, as in iomt-fhir, a note
// says what was sent; a value that is not known keeps the sender's system.
func (v valueShape) concepts(text string) (out acom.Value, notes []string) {
	if known, ok := v.known[text]; ok {
		return acom.Value{Concept: known}, nil
	}
	if v.concept != nil {
		if text != "true" && !slices.ContainsFunc(v.concept, func(c acom.Coding) bool { return c.Code == text }) {
			notes = []string{"The device sent " + v.name + " as " + clip(text) + "."}
		}
		return acom.Value{Concept: v.concept}, notes
	}
	return acom.Value{Concept: []acom.Coding{{System: v.system, Code: clip(text)}}}, nil
}

// clip bounds what is quoted of an input.
func clip(text string) string {
	if len(text) <= maxID {
		return text
	}
	cut := maxID
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}

// sampledOf is a series of readings, or the samples of one.
func (r *run) sampledOf(b *bundle, shown *valueShape) (v acom.Value, ok bool, notes []string, err error) {
	samples := acom.Samples{Period: seconds(periodOf(*shown))}
	var u unit
	period := shown.span()
	begin := instant(b.readings[0].time)
	for _, x := range b.readings {
		found, named := x.named(shown.name)
		if !named || !found.there {
			continue
		}
		if found.absent != 0 {
			return acom.Value{Absent: found.absent}, true, nil, nil
		}
		ok, u = true, shown.of(found)
		if found.list != nil {
			samples.Decimals = found.list
			continue
		}
		if !query.IsDecimal(found.text) {
			return v, false, nil, r.failed(x.rule, r.root, shown.name, "it is no decimal number")
		}
		at := 0
		if len(b.readings) > 1 && period > 0 {
			at = int(instant(x.time).Sub(begin) / period)
		}
		for len(samples.Decimals) < at {
			if err := r.budget.Take(1, 32); err != nil {
				return v, false, nil, r.failed(x.rule, r.root, shown.name, err.Error())
			}
			samples.Decimals = append(samples.Decimals, noSample)
		}
		samples.Decimals = append(samples.Decimals, found.text)
	}
	if !ok {
		return v, false, nil, nil
	}
	// Parts of one series are equally long.
	if n := b.steps() + 1; b.series && len(b.readings) > 1 {
		for len(samples.Decimals) < n {
			samples.Decimals = append(samples.Decimals, noSample)
		}
	}
	return acom.Value{Samples: &samples, Unit: u.mdc, Foreign: u.foreign}, true, nil, nil
}
