package mapping

import (
	"fmt"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
	"vitalwire/fhir/term"
)

// observation maps one measurement, but for its links.
func observation(m acom.Measurement, when moment, name named, c Context) (Observation, error) {
	known, _ := term.LookupMDC(uint32(m.Type))
	state := statusOf(m.Status)
	o := samply.Observation{
		Meta:           &samply.Meta{Security: state.security},
		Extension:      []samply.Extension{gatewayPointer(c)},
		Identifier:     name.identifiers(),
		Status:         state.status,
		Interpretation: state.interpretation,
		Subject:        reference(c.Patient),
		Device:         reference(c.Device),
	}
	notes := append([]string(nil), state.notes...)
	if m.Setting || known.Control {
		// A setting is the device's, and so is the reading of its control solution
		// (PhdBaseObservation, Subject): neither may turn up among a patient's results.
		o.Subject = reference(c.Device)
	}
	if m.Site != 0 {
		o.BodySite = ptr(mdcConcept(m.Site))
	}
	profiles, valueNotes, err := putValue(&o, m, state.absent)
	if err != nil {
		return Observation{}, err
	}
	notes = append(notes, valueNotes...)
	if len(o.Component) > 0 && (len(m.Supplemental) > 0 || m.Quality != nil) && (m.Kind == acom.CompoundNumeric || m.Kind == acom.Compound) {
		// The compound profiles have room for the parts of the value alone.
		profiles = []string{"PhdBaseObservation"}
	}
	for _, p := range profiles {
		o.Meta.Profile = append(o.Meta.Profile, phd+p)
	}
	if known.Vital && len(o.Code.Coding) > 1 {
		o.Category = append(o.Category, concept("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "Vital Signs"))
	}
	o.Category = append(o.Category, concept("http://hl7.org/fhir/uv/phd/CodeSystem/PhdObservationCategories", "phd", "PHD generated Observation"))
	if err := supplement(&o, m); err != nil {
		return Observation{}, err
	}
	periodNote, err := putTime(&o, m, when)
	if err != nil {
		return Observation{}, err
	}
	for _, text := range append(notes, append(when.notes, periodNote...)...) {
		o.Note = append(o.Note, samply.Annotation{Text: text})
	}
	r, err := wire("Observation", samply.OtherObservation(o))
	if err != nil {
		return Observation{}, err
	}
	if o.EffectiveDateTime == nil && o.EffectivePeriod == nil {
		absent(r.Root(), "effectiveDateTime")
	}
	return Observation{
		Resource:   r,
		Identifier: Identifier{System: identifierSystem, Value: name.full},
		Digest:     name.digest,
		Key:        m.Key, DerivedFrom: m.DerivedFrom, HasMember: m.HasMember,
		Time: when.at,
	}, nil
}

// gatewayPointer is the extension that names the gateway. The profile demands
// one; a gateway that nobody named is said to be unknown.
func gatewayPointer(c Context) samply.Extension {
	e := samply.Extension{Url: gatewayExtension, ValueReference: gatewayReference(c)}
	if c.Gateway.ID == "" && c.GatewayID == "" {
		e.ValueReference.Extension = []samply.Extension{{Url: absentExtension, ValueCode: ptr("unknown")}}
	}
	return e
}

// gatewayReference points at the gateway by what is known of it.
func gatewayReference(c Context) *samply.Reference {
	switch {
	case c.Gateway.ID != "":
		return reference(c.Gateway)
	case c.GatewayID != "":
		return &samply.Reference{Type: ptr("Device"), Identifier: ptr(systemID(c.GatewayID))}
	}
	return &samply.Reference{Display: ptr("gateway not named")}
}

// supplement adds the components that qualify the measurement: one for each
// supplemental type, and the device's own opinion of the value's quality, for
// which MDC has no code.
func supplement(o *samply.Observation, m acom.Measurement) error {
	for _, s := range m.Supplemental {
		o.Component = append(o.Component, samply.ObservationComponent{
			Code:                 mdcConcept(68193), // MDC_ATTR_SUPPLEMENTAL_TYPES
			ValueCodeableConcept: ptr(mdcConcept(s)),
		})
	}
	if m.Quality == nil {
		return nil
	}
	p, err := numberPart(acom.Value{Number: m.Quality, Unit: 262688}) // MDC_DIM_PERCENT
	if err != nil {
		return fmt.Errorf("quality of MDC %d: %w", m.Type, err)
	}
	component := samply.ObservationComponent{Code: samply.CodeableConcept{Text: ptr("Quality of the value, by the device's own estimate")}}
	p.component(&component)
	o.Component = append(o.Component, component)
	return nil
}

// putTime sets effective[x]: a period when the measurement lasted. A time that is
// the receipt is the period's end, as the guide says.
func putTime(o *samply.Observation, m acom.Measurement, when moment) ([]string, error) {
	span, digits, err := duration(m.Duration)
	switch {
	case err != nil:
		return nil, fmt.Errorf("duration of MDC %d: %w", m.Type, err)
	case when.text == "":
		return nil, nil
	case m.Duration == "":
		o.EffectiveDateTime = ptr(when.text)
		return nil, nil
	case when.digits < 0: // a date without a time of day has no end
		o.EffectiveDateTime = ptr(when.text)
		return []string{"The measurement lasted " + m.Duration + " s."}, nil
	}
	digits = max(digits, when.digits)
	start, end := when.at, when.at.Add(span)
	if when.receipt {
		start, end = when.at.Add(-span), when.at
	}
	o.EffectivePeriod = &samply.Period{Start: ptr(format(start, digits)), End: ptr(format(end, digits))}
	return nil, nil
}
