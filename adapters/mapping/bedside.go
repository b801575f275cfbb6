package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
	"vitalwire/fhir/term"
	units "vitalwire/fhir/ucum"
)

// pocd is where the profiles of the HL7 point-of-care device guide stand.
const pocd = "http://hl7.org/fhir/uv/pocd/StructureDefinition/"

// bedsideObservation maps one measurement of a point-of-care device (PoCD guide,
// page "Mapping v2", and its Numeric-, Enumeration- and SampleArrayObservation).
func bedsideObservation(m acom.Measurement, when moment, name named, c Context) (Observation, error) {
	more := m.Metric
	if more == nil {
		more = &acom.Metric{}
	}
	state := bedsideState(m, more)
	o := samply.Observation{
		Meta:           &samply.Meta{Security: state.security},
		Identifier:     name.identifiers(),
		Status:         state.status,
		Interpretation: append(state.interpretation, interpretations(more.Interpretation)...),
		Subject:        reference(c.Device),
		Device:         reference(c.Device),
		Code:           bedsideCode(m, more),
	}
	// What a device shows in a demonstration is never a patient's, nor is a control solution.
	known, _ := term.LookupMDC(uint32(m.Type))
	if c.Patient.ID != "" && m.Status&(acom.TestData|acom.DemoData) == 0 && !known.Control {
		o.Subject = reference(c.Patient)
	}
	metric, placed := c.Metrics[MetricName(m)]
	if placed {
		o.Device = reference(metric)
	}
	p, err := bedsideValue(&o, m, state.absent)
	if err != nil {
		return Observation{}, fmt.Errorf("mapping: %s: %w", typeName(m), err)
	}
	if placed && !p.foreign && (len(o.Component) == 0 || m.Kind == acom.CompoundNumeric) {
		o.Meta.Profile = bedsideProfile(m)
	}
	o.Category = bedsideCategory(m, more, o.Code)
	switch {
	case more.Site != nil:
		o.BodySite = conceptPtr(*more.Site)
	case m.Site != 0:
		o.BodySite = ptr(mdcConcept(m.Site))
	}
	if more.Method != nil {
		o.Method = conceptPtr(*more.Method)
	}
	for _, who := range more.Observers {
		o.Performer = append(o.Performer, performer(who))
	}
	if more.Reference != nil {
		o.ReferenceRange = referenceRange(*more.Reference, m.Value)
	}
	periodNotes, err := putTime(&o, m, when)
	if err != nil {
		return Observation{}, err
	}
	for _, list := range [][]string{more.Notes, p.notes, when.notes, periodNotes} {
		for _, text := range list {
			o.Note = append(o.Note, samply.Annotation{Text: text})
		}
	}
	if o.Meta.Security == nil && o.Meta.Profile == nil {
		o.Meta = nil
	}
	r, err := wire("Observation", samply.OtherObservation(o))
	if err != nil {
		return Observation{}, err
	}
	if o.EffectiveDateTime == nil && o.EffectivePeriod == nil {
		absent(r.Root(), "effectiveDateTime")
	}
	return Observation{
		Resource: r, Identifier: Identifier{System: name.system, Value: name.full}, Digest: name.digest, Key: m.Key, Time: when.at,
		Amends: more.Stage == acom.Corrected || more.Stage == acom.Withdrawn || more.Event != "",
		Event:  more.Event != "",
	}, nil
}

// bedsideValue sets the value, or the components of what has several.
func bedsideValue(o *samply.Observation, m acom.Measurement, suppressed string) (part, error) {
	if len(m.Components) == 0 {
		p, err := valuePart(m.Value, suppressed)
		if err == nil {
			p.observation(o)
		}
		return p, err
	}
	var all part
	for _, sub := range m.Components {
		own := bedsideState(acom.Measurement{Status: sub.Status}, &acom.Metric{})
		if suppressed != "" {
			own.absent = suppressed
		}
		p, err := valuePart(sub.Value, own.absent)
		if err != nil {
			return part{}, fmt.Errorf("component %d: %w", sub.Type, err)
		}
		named := acom.Measurement{Type: sub.Type, Value: sub.Value}
		c := samply.ObservationComponent{
			Code:           bedsideCode(named, &acom.Metric{Codings: sub.Codings}),
			Interpretation: append(own.interpretation, interpretations(sub.Interpretation)...),
		}
		p.component(&c)
		o.Component = append(o.Component, c)
		all.notes, all.foreign = append(all.notes, p.notes...), all.foreign || p.foreign
	}
	if suppressed != "" {
		o.DataAbsentReason = absentReason(suppressed)
	}
	return all, nil
}

// bedsideState is the table of OBX-8 of the guide's page "Mapping v2": reliability as
// a security label, and why a value is absent. OBX-11 gives the status; R, which the
// guide leaves open, is final by the device's own opinion.
func bedsideState(m acom.Measurement, more *acom.Metric) state {
	st := statusOf(m.Status &^ (acom.Invalid | acom.NotAvailable | acom.TestData | acom.DemoData))
	for _, flag := range []struct {
		bit           acom.Status
		code, display string
	}{{acom.InAlarm, "in-alarm", "Measurement in alarm"}, {acom.AlarmInhibited, "alarm-inhibited", "Measurement alarms inhibited"}} {
		if m.Status&flag.bit != 0 {
			st.interpretation = append(st.interpretation, concept(measurementStatus, flag.code, flag.display))
		}
	}
	label := func(code, display string) {
		st.security = append(st.security, coding("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", code, display))
	}
	switch {
	case m.Status&acom.Invalid != 0:
		label("UNRELIABLE", "unreliable")
		st.absent = "error"
	case m.Status&(acom.Questionable|acom.CalibrationOngoing) != 0:
		label("UNCERTREL", "uncertain reliability")
	case m.Status&acom.ValidatedData != 0:
		label("HRELIABLE", "highly reliable")
	case more.Stage == acom.Withdrawn, more.Stage == acom.Unclear:
	case m.Status == 0 && m.Value.Absent == 0 && !partsInvalid(m) && !offScale(more):
		label("RELIABLE", "reliable")
	}
	if m.Status&acom.NotAvailable != 0 {
		st.absent = "temp-unknown"
	}
	if m.Status&(acom.TestData|acom.DemoData) != 0 {
		st.security = append(st.security, coding("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", "test health data"))
	}
	switch more.Stage {
	case acom.Preliminary:
		st.status = samply.ObservationStatusPreliminary
	case acom.Corrected:
		st.status = samply.ObservationStatusCorrected
	case acom.Unclear:
		st.status = samply.ObservationStatusUnknown
	case acom.Withdrawn:
		st.status, st.absent = samply.ObservationStatusEnteredInError, "error"
	}
	return st
}

// partsInvalid reports whether the device calls a part of the measurement invalid.
func partsInvalid(m acom.Measurement) bool {
	for _, c := range m.Components {
		if c.Status&acom.Invalid != 0 {
			return true
		}
	}
	return false
}

// offScale reports whether the sender interprets the value as off the scale of its sensor
// (SDC's Oflw and Uflw), of which the guide claims no reliability.
func offScale(more *acom.Metric) bool {
	return slices.Contains(more.Interpretation, "<") || slices.Contains(more.Interpretation, ">")
}

// bedsideCode is the MDC code with LOINC where that means the same, and the sender's
// own codes. A waveform has no LOINC of a number.
func bedsideCode(m acom.Measurement, more *acom.Metric) samply.CodeableConcept {
	var c samply.CodeableConcept
	switch {
	case m.Type != 0 && m.Kind == acom.RTSA:
		c = mdcConcept(m.Type)
	case m.Type != 0:
		c = measured(m.Type, unitCode(m.Value))
	}
	for _, extra := range more.Codings {
		if !isCode(extra.Code) {
			if c.Text == nil {
				c.Text = some(cmp.Or(extra.Display, extra.Code))
			}
			continue
		}
		for i, there := range c.Coding {
			if *there.System == extra.System && *there.Code == extra.Code {
				// The number is matched, and the name that was sent for it kept: the guides
				// themselves have two for 147842 (docs/adr/0004, D.5.9).
				if there.Display == nil || strings.HasPrefix(extra.Display, "MDC_") {
					c.Coding[i].Display = some(extra.Display)
				}
				extra.Code = ""
			}
		}
		if extra.Code != "" {
			c.Coding = append(c.Coding, coding(extra.System, extra.Code, extra.Display))
			if c.Text == nil {
				c.Text = some(extra.Display)
			}
		}
	}
	return c
}

// bedsideProfile is the profile of a measurement that has a DeviceMetric.
func bedsideProfile(m acom.Measurement) []string {
	switch {
	case m.Value.Range != nil, m.Value.Ratio != nil:
		return nil // no profile has them
	case m.Kind == acom.RTSA:
		return []string{pocd + "SampleArrayObservation"}
	case m.Kind == acom.Numeric:
		return []string{pocd + "NumericObservation"}
	case m.Kind == acom.CompoundNumeric:
		return []string{pocd + "CompoundNumericObservation"}
	case m.Value.Wall != nil:
		return nil // no profile has dates
	}
	return []string{pocd + "EnumerationObservation"}
}

func bedsideCategory(m acom.Measurement, more *acom.Metric, code samply.CodeableConcept) []samply.CodeableConcept {
	known, _ := term.LookupMDC(uint32(m.Type))
	word, display := "", ""
	switch {
	case more.Therapy:
		word, display = "procedure", "Procedure"
	case m.Kind != acom.RTSA && (known.Vital && hasLOINC(code) || m.Type == 0 && vitalSign(code)):
		word, display = "vital-signs", "Vital Signs"
	default:
		return nil
	}
	return []samply.CodeableConcept{concept("http://terminology.hl7.org/CodeSystem/observation-category", word, display)}
}

// vitalSign reports whether a code is one of those of R4's vital signs profiles, of which
// the category is due whoever says it.
func vitalSign(c samply.CodeableConcept) bool {
	return slices.ContainsFunc(c.Coding, func(coding samply.Coding) bool {
		if coding.System == nil || *coding.System != loincSystem || coding.Code == nil {
			return false
		}
		_, ok := vitalProfiles[*coding.Code]
		return ok || slices.Contains([]string{"85354-9", "59408-5", "8480-6", "8462-4", "9843-4"}, *coding.Code)
	})
}

func hasLOINC(c samply.CodeableConcept) bool {
	for _, coding := range c.Coding {
		if coding.System != nil && *coding.System == loincSystem {
			return true
		}
	}
	return false
}

// interpretations are codes of v3 ObservationInterpretation.
func interpretations(codes []string) (list []samply.CodeableConcept) {
	displays := map[string]string{"N": "Normal", "L": "Low", "LL": "Critical low", "H": "High", "HH": "Critical high", "A": "Abnormal",
		"AA": "Critical abnormal", "U": "Significant change up", "D": "Significant change down", "B": "Better", "W": "Worse",
		"POS": "Positive", "NEG": "Negative", "IND": "Indeterminate", "<": "Off scale low", ">": "Off scale high"}
	for _, code := range codes {
		list = append(list, concept("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", code, displays[code]))
	}
	return list
}

// referenceRange has the value's unit; limits that are no decimals were never sent.
func referenceRange(limits acom.Range, v acom.Value) []samply.ObservationReferenceRange {
	var r samply.ObservationReferenceRange
	for _, side := range []struct {
		text string
		into **samply.Quantity
	}{{limits.Low, &r.Low}, {limits.High, &r.High}} {
		if q, _, err := quantityOf(side.text, v.Unit, v.Foreign); err == nil {
			*side.into = &q
		}
	}
	r.Text = some(limits.Text)
	if r.Low == nil && r.High == nil && r.Text == nil {
		return nil
	}
	return []samply.ObservationReferenceRange{r}
}

// unitCode is the UCUM code of a value's unit, "" when there is none.
func unitCode(v acom.Value) string {
	if code := ucum(v.Unit); code != "" || v.Foreign == nil || v.Foreign.System != ucumSystem {
		return code
	}
	return v.Foreign.Code
}

// quantityOf is the number in its MDC unit or, where that says nothing, in the
// unit that was sent in its place: a UCUM code if it is one, otherwise words.
func quantityOf(text string, unit acom.Code, foreign *acom.Coding) (samply.Quantity, bool, error) {
	q, alien, err := quantity(text, unit)
	if err != nil || !alien || foreign == nil {
		return q, alien, err
	}
	if foreign.System == ucumSystem && units.Valid(foreign.Code) {
		q.Unit, q.System, q.Code = some(foreign.Display), ptr(ucumSystem), ptr(foreign.Code)
		return q, false, nil
	}
	if q.Unit = some(foreign.Display); q.Unit == nil {
		q.Unit = some(foreign.Code)
	}
	return q, true, nil
}

// conceptOf is a coded value: the MDC code first, then other codes, or words.
func conceptOf(v acom.Value) *samply.CodeableConcept {
	var c samply.CodeableConcept
	if len(v.Coded) > 0 {
		c = mdcConcept(v.Coded[0])
	}
	for _, other := range v.Concept {
		if isCode(other.Code) {
			c.Coding = append(c.Coding, samply.Coding{System: some(other.System), Code: ptr(other.Code), Display: some(other.Display)})
		}
		if c.Text == nil {
			c.Text = some(other.Display)
			if c.Text == nil && !isCode(other.Code) {
				c.Text = some(other.Code)
			}
		}
	}
	return &c
}

// isCode reports whether R4 has a code of this form: no blanks at its ends and no two in a
// row. What a sender calls one otherwise is words.
func isCode(text string) bool {
	return text != "" && strings.Join(strings.Fields(text), " ") == text
}

func conceptPtr(c acom.Coding) *samply.CodeableConcept {
	return conceptOf(acom.Value{Concept: []acom.Coding{c}})
}

// wallPart is a value that is a date or time. One without an offset has no dateTime
// beyond its date, and stays text.
func wallPart(w acom.Wall) part {
	switch {
	case w.DateOnly || w.Month == 0 || w.Day == 0:
		text := fmt.Sprintf("%04d-%02d-%02d", w.Year, w.Month, w.Day)
		if w.Month == 0 {
			text = text[:4]
		} else if w.Day == 0 {
			text = text[:7]
		}
		return part{dated: ptr(text)}
	case w.OffsetMinutes != nil && complete(w):
		return part{dated: ptr(format(instant(w, nil), len(w.Fraction)))}
	}
	return part{text: ptr(saidWall(w))}
}
