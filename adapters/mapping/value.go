package mapping

import (
	"encoding/json"
	"fmt"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/fhir/term"
)

// part is a value on its way into an Observation or a component. At most one of
// the values is set; absent says why none is.
type part struct {
	quantity *samply.Quantity
	concept  *samply.CodeableConcept
	text     *string
	sampled  *samply.SampledData
	dated    *string
	between  *samply.Range
	ratio    *samply.Ratio
	absent   string
	// foreign is set when the unit has no UCUM code (or none was sent), which the
	// guide's text allows and its numeric profiles forbid.
	foreign bool
	notes   []string
}

func (p part) observation(o *samply.Observation) {
	o.ValueQuantity, o.ValueCodeableConcept, o.ValueString, o.ValueSampledData = p.quantity, p.concept, p.text, p.sampled
	o.ValueDateTime, o.ValueRange, o.ValueRatio = p.dated, p.between, p.ratio
	if p.absent != "" {
		o.DataAbsentReason = absentReason(p.absent)
	}
}

func (p part) component(c *samply.ObservationComponent) {
	c.ValueQuantity, c.ValueCodeableConcept, c.ValueString, c.ValueSampledData = p.quantity, p.concept, p.text, p.sampled
	c.ValueDateTime, c.ValueRange, c.ValueRatio = p.dated, p.between, p.ratio
	if p.absent != "" {
		c.DataAbsentReason = absentReason(p.absent)
	}
}

// putValue sets code, value[x], dataAbsentReason and the value's components, and
// says which profiles the result follows. With a reason in suppressed no value
// may be shown.
func putValue(o *samply.Observation, m acom.Measurement, suppressed string) (profiles, notes []string, err error) {
	o.Code = measured(m.Type, ucum(m.Value.Unit))
	switch {
	case m.Kind == acom.CompoundNumeric || m.Kind == acom.Compound:
		return compound(o, m, suppressed)
	case m.Kind == acom.BitsEnumeration && suppressed == "" && m.Value.Bits != nil:
		o.Component = bitComponents(m.Type, *m.Value.Bits)
		if len(o.Component) == 0 {
			o.DataAbsentReason = absentReason("unsupported")
		}
		return []string{"PhdBitsEnumerationObservation"}, nil, nil
	case m.Kind == acom.CodedEnumeration && suppressed == "" && len(m.Value.Coded) > 1:
		// Codings of one concept would have to mean the same; these are several values.
		for _, code := range m.Value.Coded {
			o.Component = append(o.Component, samply.ObservationComponent{Code: measured(m.Type, ""), ValueCodeableConcept: ptr(mdcConcept(code))})
		}
		return []string{"PhdCompoundObservation"}, nil, nil
	}
	profile := map[acom.Kind]string{
		acom.Numeric: "PhdNumericObservation", acom.CodedEnumeration: "PhdCodedEnumerationObservation",
		acom.BitsEnumeration: "PhdBitsEnumerationObservation", acom.StringEvent: "PhdStringObservation", acom.RTSA: "PhdRtsaObservation",
	}[m.Kind]
	if profile == "" {
		return nil, nil, fmt.Errorf("mapping: MDC %d is of no known kind %q", m.Type, m.Kind)
	}
	p, err := valuePart(m.Value, suppressed)
	if err != nil {
		return nil, nil, fmt.Errorf("mapping: MDC %d: %w", m.Type, err)
	}
	if p.foreign {
		profile = "PhdBaseObservation"
	}
	p.observation(o)
	return []string{profile}, p.notes, nil
}

// compound maps the components. A blood pressure keeps every component it was
// sent with, each with its value or the reason why there is none.
func compound(o *samply.Observation, m acom.Measurement, suppressed string) (profiles, notes []string, err error) {
	profiles = []string{"PhdCompoundObservation"}
	if m.Kind == acom.CompoundNumeric {
		// The guide's own examples claim both.
		profiles = []string{"PhdCompoundNumericObservation", "PhdCompoundObservation"}
	}
	for _, sub := range m.Components {
		if sub.Value.Bits != nil && suppressed == "" {
			// No compound profile has a place for booleans.
			o.Component = append(o.Component, bitComponents(sub.Type, *sub.Value.Bits)...)
			profiles = []string{"PhdBaseObservation"}
			continue
		}
		p, err := valuePart(sub.Value, suppressed)
		if err != nil {
			return nil, nil, fmt.Errorf("mapping: MDC %d, component %d: %w", m.Type, sub.Type, err)
		}
		if p.foreign {
			profiles = []string{"PhdBaseObservation"}
		}
		c := samply.ObservationComponent{Code: measured(sub.Type, ucum(sub.Value.Unit))}
		p.component(&c)
		o.Component = append(o.Component, c)
		notes = append(notes, p.notes...)
	}
	if suppressed != "" {
		o.DataAbsentReason = absentReason(suppressed)
	}
	return profiles, notes, nil
}

// valuePart maps the member of the value that is set.
func valuePart(v acom.Value, suppressed string) (part, error) {
	switch {
	case suppressed != "":
		return part{absent: suppressed}, nil
	case v.Number != nil:
		return numberPart(v)
	case v.Range != nil:
		return rangePart(v)
	case v.Ratio != nil:
		return ratioPart(v)
	case v.Samples != nil:
		return samplesPart(*v.Samples, v.Unit, v.Foreign)
	case len(v.Coded) > 0 || len(v.Concept) > 0:
		return part{concept: conceptOf(v)}, nil
	case v.Wall != nil:
		return wallPart(*v.Wall), nil
	case v.Text != "":
		return part{text: ptr(v.Text)}, nil
	case v.Absent != 0:
		return part{absent: v.Absent.String()}, nil
	}
	return part{absent: "unknown"}, nil
}

// special is the reason of a FLOAT value that is no number (PHD IG, "Mder FLOATs
// and SFLOATs"), "" for a word that is no special value.
func special(s acom.Special) string {
	switch s {
	case acom.NaN:
		return "not-a-number"
	case acom.PosInfinity:
		return "positive-infinity"
	case acom.NegInfinity:
		return "negative-infinity"
	case acom.NRes, acom.Reserved:
		return "error"
	}
	return ""
}

// numberPart maps a number as its text in its unit; it never computes with it.
func numberPart(v acom.Value) (part, error) {
	if v.Number.Special != 0 {
		reason := special(v.Number.Special)
		if reason == "" {
			return part{}, fmt.Errorf("%s is no special value", v.Number.Special)
		}
		return part{absent: reason}, nil
	}
	if v.Absent != 0 {
		return part{absent: v.Absent.String()}, nil
	}
	q, foreign, err := quantityOf(v.Number.Text, v.Unit, v.Foreign)
	if err != nil {
		return part{}, err
	}
	return part{quantity: &q, foreign: foreign}, compare(&q, v.Comparator)
}

func compare(q *samply.Quantity, comparator acom.Comparator) error {
	switch comparator {
	case 0:
	case acom.Below:
		q.Comparator = ptr(samply.QuantityComparatorLessThan)
	case acom.Above:
		q.Comparator = ptr(samply.QuantityComparatorGreaterThan)
	case acom.AtMost:
		q.Comparator = ptr(samply.QuantityComparatorLessOrEquals)
	case acom.AtLeast:
		q.Comparator = ptr(samply.QuantityComparatorGreaterOrEquals)
	default:
		return fmt.Errorf("%s is no comparator", comparator)
	}
	return nil
}

// rangePart maps a value of which only bounds are known.
func rangePart(v acom.Value) (part, error) {
	low, foreign, err := quantityOf(v.Range.Low, v.Unit, v.Foreign)
	if err != nil {
		return part{}, err
	}
	high, _, err := quantityOf(v.Range.High, v.Unit, v.Foreign)
	return part{between: &samply.Range{Low: &low, High: &high}, foreign: foreign}, err
}

// ratioPart maps a titre or another relation: its unit, if there is one, is of both.
func ratioPart(v acom.Value) (part, error) {
	numerator, foreign, err := quantityOf(v.Ratio.Numerator, v.Unit, v.Foreign)
	if err != nil {
		return part{}, err
	}
	denominator, _, err := quantityOf(v.Ratio.Denominator, v.Unit, v.Foreign)
	if err != nil {
		return part{}, err
	}
	return part{ratio: &samply.Ratio{Numerator: &numerator, Denominator: &denominator}, foreign: foreign}, compare(&numerator, v.Comparator)
}

// quantity is the number in its unit: UCUM where the table knows it, otherwise
// the MDC unit as sent.
func quantity(text string, unit acom.Code) (q samply.Quantity, foreign bool, err error) {
	if !isDecimal(text) {
		return q, false, fmt.Errorf("%q is no decimal", text)
	}
	q.Value = ptr(json.Number(text))
	if known, ok := term.LookupUnit(uint32(unit)); ok {
		q.Unit, q.System, q.Code = ptr(known.Display), ptr(ucumSystem), ptr(known.UCUM)
		return q, false, nil
	}
	if unit != 0 {
		q.System, q.Code = ptr(term.MDCSystem), ptr(decimal(unit))
	}
	return q, true, nil
}

// isDecimal reports whether text is a number as JSON has them.
func isDecimal(text string) bool {
	number, err := fhir.ParseElement([]byte(text))
	return err == nil && number.Is(fhir.Number)
}

// ucum is the UCUM code of a unit, "" when there is none.
func ucum(unit acom.Code) string {
	known, _ := term.LookupUnit(uint32(unit))
	return known.UCUM
}
