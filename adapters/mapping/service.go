package mapping

import (
	"fmt"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/fhir/term"
)

// recordSystem begins the system of a service's own names of its records.
const recordSystem = "urn:vitalwire:record:"

// vitalProfiles are the R4 vital signs profiles by their LOINC code, with the units
// that each allows (R4 observation-vitalsigns). A reading in another unit keeps it
// and claims no profile: converting is forbidden here.
var vitalProfiles = map[string]struct {
	name  string
	units []string
}{
	"8867-4":  {"heartrate", []string{"/min"}},
	"9279-1":  {"resprate", []string{"/min"}},
	"2708-6":  {"oxygensat", []string{"%"}},
	"8310-5":  {"bodytemp", []string{"Cel", "[degF]"}},
	"8302-2":  {"bodyheight", []string{"cm", "[in_i]"}}, //nolint:misspell // the name of the profile
	"29463-7": {"bodyweight", []string{"g", "kg", "[lb_av]"}},
	"39156-5": {"bmi", []string{"kg/m2"}},
}

// serviceObservation maps one reading that a vendor's service, app or file passed
// on: plain R4, with the vital signs profile where the reading satisfies it.
func serviceObservation(m acom.Measurement, when moment, name named, service string, c Context) (Observation, error) {
	more := m.Metric
	if more == nil {
		more = &acom.Metric{}
	}
	state := statusOf(m.Status)
	o := samply.Observation{
		Identifier:     name.identifiers(),
		Status:         state.status,
		Interpretation: append(state.interpretation, interpretations(more.Interpretation)...),
		Subject:        reference(c.Patient),
		Device:         reference(c.Device),
		Code:           bedsideCode(m, more),
	}
	known, _ := term.LookupMDC(uint32(m.Type))
	if m.Setting || known.Control || c.Patient.ID == "" {
		o.Subject = reference(c.Device)
	}
	o.Issued = some(more.Issued)
	switch more.Stage {
	case acom.Preliminary:
		o.Status = samply.ObservationStatusPreliminary
	case acom.Corrected:
		o.Status = samply.ObservationStatusCorrected
	case acom.Withdrawn:
		o.Status, state.absent = samply.ObservationStatusEnteredInError, "error"
	}
	if m.Record != "" {
		o.Identifier = append(o.Identifier, samply.Identifier{System: ptr(recordSystem + service), Value: ptr(m.Record)})
	}
	if more.Method != nil {
		o.Method = conceptPtr(*more.Method)
	}
	switch {
	case more.Site != nil:
		o.BodySite = conceptPtr(*more.Site)
	case m.Site != 0:
		o.BodySite = ptr(mdcConcept(m.Site))
	}
	notes, err := serviceValue(&o, m, state.absent)
	if err != nil {
		return Observation{}, err
	}
	o.Category = serviceCategory(m, more, o.Code)
	if profile := vitalProfile(o, m); profile != "" || state.security != nil {
		o.Meta = &samply.Meta{Security: state.security}
		if profile != "" {
			o.Meta.Profile = []string{"http://hl7.org/fhir/StructureDefinition/" + profile}
		}
	}
	periodNotes, err := putTime(&o, m, when)
	if err != nil {
		return Observation{}, err
	}
	for _, list := range [][]string{state.notes, more.Notes, notes, when.notes, periodNotes} {
		for _, text := range list {
			o.Note = append(o.Note, samply.Annotation{Text: text})
		}
	}
	r, err := wire("Observation", samply.OtherObservation(o))
	if err != nil {
		return Observation{}, err
	}
	if o.EffectiveDateTime == nil && o.EffectivePeriod == nil {
		absent(r.Root(), "effectiveDateTime")
	}
	return Observation{
		Resource: r, Identifier: Identifier{System: name.system, Value: name.full}, Digest: name.digest,
		Key: m.Key, DerivedFrom: m.DerivedFrom, HasMember: m.HasMember, Time: when.at,
		Amends: more.Stage == acom.Corrected || more.Stage == acom.Withdrawn || more.Stage == acom.Newest && m.Record != "",
	}, nil
}

// serviceValue sets the value and the components, each with its own reason where it
// has no value.
func serviceValue(o *samply.Observation, m acom.Measurement, suppressed string) (notes []string, err error) {
	if m.Kind != acom.Compound && m.Kind != acom.CompoundNumeric {
		p, err := valuePart(m.Value, suppressed)
		if err != nil {
			return nil, fmt.Errorf("mapping: %s: %w", typeName(m), err)
		}
		p.observation(o)
		notes = p.notes
	}
	for _, sub := range m.Components {
		p, err := valuePart(sub.Value, suppressed)
		if err != nil {
			return nil, fmt.Errorf("mapping: %s, a component: %w", typeName(m), err)
		}
		code := bedsideCode(acom.Measurement{Type: sub.Type, Value: sub.Value}, &acom.Metric{Codings: sub.Codings})
		component := samply.ObservationComponent{Code: code}
		p.component(&component)
		o.Component = append(o.Component, component)
		notes = append(notes, p.notes...)
	}
	if suppressed != "" && o.DataAbsentReason == nil {
		o.DataAbsentReason = absentReason(suppressed)
	}
	return notes, nil
}

func serviceCategory(m acom.Measurement, more *acom.Metric, code samply.CodeableConcept) []samply.CodeableConcept {
	const system = "http://terminology.hl7.org/CodeSystem/observation-category"
	known, _ := term.LookupMDC(uint32(m.Type))
	switch {
	case len(more.Category) > 0:
		var list []samply.CodeableConcept
		for _, c := range more.Category {
			list = append(list, concept(c.System, c.Code, c.Display))
		}
		return list
	case more.Therapy:
		return []samply.CodeableConcept{concept(system, "procedure", "Procedure")}
	case more.Activity:
		return []samply.CodeableConcept{concept(system, "activity", "Activity")}
	case known.Vital && hasLOINC(code):
		return []samply.CodeableConcept{concept(system, "vital-signs", "Vital Signs")}
	}
	return nil
}

// vitalProfile is the vital signs profile that the Observation satisfies, "" for none.
func vitalProfile(o samply.Observation, m acom.Measurement) string {
	if len(o.Category) == 0 || *o.Category[0].Coding[0].Code != "vital-signs" || *o.Subject.Reference == *o.Device.Reference {
		return ""
	}
	if m.Type == 150020 && m.Kind == acom.CompoundNumeric { // MDC_PRESS_BLD_NONINV
		for _, part := range []acom.Code{150021, 150022} {
			found := false
			for _, sub := range m.Components {
				found = found || sub.Type == part && (sub.Value.Number == nil || unitCode(sub.Value) == "mm[Hg]")
			}
			if !found {
				return ""
			}
		}
		return "bp"
	}
	for _, coding := range o.Code.Coding {
		profile, ok := vitalProfiles[*coding.Code]
		if !ok || *coding.System != loincSystem {
			continue
		}
		if o.ValueQuantity == nil {
			return ""
		}
		for _, unit := range profile.units {
			if o.ValueQuantity.Code != nil && *o.ValueQuantity.Code == unit {
				return profile.name
			}
		}
	}
	return ""
}

// ServiceDevice is the device behind readings that a service passed on. It claims no
// profile: what the service tells of it is seldom what the device guides demand.
func ServiceDevice(d acom.Device, named string) (*fhir.Resource, error) {
	device := samply.Device{
		Manufacturer: some(d.Manufacturer), ModelNumber: some(d.Model), SerialNumber: some(d.Serial),
	}
	switch id := DeviceID(d, named); {
	case d.SystemID == "" && d.Local != "":
		device.Identifier = []samply.Identifier{{System: ptr(LocalSystem), Value: ptr(d.Local)}}
	case len(id) == 16:
		device.Identifier = []samply.Identifier{systemID(id)}
	case id != "":
		device.Identifier = []samply.Identifier{identifier("BTMAC", "Bluetooth MAC address", BluetoothSystem, id)}
	}
	for _, p := range d.Production {
		device.Version = append(device.Version, version(p.Type, p.Text))
	}
	tell(&device, d.Attributes)
	return wire("Device", samply.OtherDevice(device))
}
