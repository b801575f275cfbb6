package mapping

import (
	"errors"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
)

// Context is what the server knows beyond the report.
type Context struct {
	// Patient is the associated patient, the subject of what was measured.
	Patient fhir.Key
	// PatientIdentifier is "value-system" of the patient's identifier, for the
	// duplicate-detection identifier; "" takes the logical id instead.
	PatientIdentifier string
	// Device is the Device resource of the sensor; Gateway that of the gateway, the
	// zero Key when none is known.
	Device, Gateway fhir.Key
	// GatewayID is the EUI-64 of the gateway: it names the gateway where there is no
	// Device resource of it.
	GatewayID string
	// DeviceID names the sensor (16 or 12 upper-case hex digits) where the report
	// does not; see DeviceID.
	DeviceID string
	// Received is the gateway's instant with its offset or, when the gateway did not
	// say, the server's receipt time in the configured zone.
	Received time.Time
	// ReceivedKnown is false when Received is the server's own receipt time.
	ReceivedKnown bool
	// FrameHash is the SHA-256 of the frame in hex and Index the place of the report
	// in the frame: they are the identity of readings that carry no time.
	FrameHash string
	Index     int
	// Metrics are the DeviceMetrics of a point-of-care device by MetricName.
	Metrics map[string]fhir.Key
}

// Observation is one mapped Observation with what ingest needs to store it.
type Observation struct {
	// Resource has no id and no reference to another Observation yet; see Link.
	Resource *fhir.Resource
	// Identifier tells the same reading sent again (Resource.identifier has it):
	// store the Observation only if none with it exists.
	Identifier Identifier
	// Digest is a hash of what was measured, without its time. Two readings of one
	// Identifier and different Digests are a device whose clock stands still; see
	// Distinct.
	Digest string
	// Key names the Observation within its device; DerivedFrom and HasMember hold
	// Keys of others, of this list or stored earlier. "" when nothing can relate.
	Key                    string
	DerivedFrom, HasMember []string
	// Amends is set when the sender corrects or takes back what it sent before under
	// the Identifier: an Observation that is there becomes this one.
	Amends bool
	// Event is set when it is a state of an event that other states follow, such as an
	// alarm; it Amends, unless it is older than the state that is known.
	Event bool
	// Coincident is the Key of the coincident time stamp Observation of this list
	// that explains the time, or "".
	Coincident string
	// Time is the moment to look up who wore the device.
	Time time.Time
}

// Observations maps a report, in the device's order; coincident time stamp
// Observations come first. The error is for a report that no adapter should have
// made, such as a number that is none: nothing of it is mapped then.
func Observations(report acom.Report, c Context) ([]Observation, error) {
	if c.Received.IsZero() {
		return nil, errors.New("mapping: Context.Received is not set")
	}
	id := DeviceID(report.Device, c.DeviceID)
	if id == "" {
		id = c.Device.ID
	}
	own := coincidenceOf(report.Clock)
	names := names{device: id, service: report.Service, clock: own, c: c, given: map[string]string{}}
	var clocks clocks
	mapped := make([]Observation, 0, len(report.Measurements)+1)
	for i, m := range report.Measurements {
		when := timeOf(m.Time, own, c)
		name, err := names.name(m, i)
		if err != nil {
			return nil, err
		}
		make := observation
		switch {
		case report.Bedside != nil:
			make = bedsideObservation
		case report.Service != "":
			make = func(m acom.Measurement, when moment, name named, c Context) (Observation, error) {
				return serviceObservation(m, when, name, report.Service, c)
			}
		}
		o, err := make(m, when, name, c)
		if err != nil {
			return nil, err
		}
		o.Coincident = clocks.use(when.clock)
		mapped = append(mapped, o)
	}
	first, err := clocks.observations(own, report.Device.TimeSync, id, c)
	if err != nil {
		return nil, err
	}
	return append(first, mapped...), nil
}

// ReadingTime is the moment of a measurement, the Time of its Observation, before
// a patient is known. Of c it needs Received and ReceivedKnown.
func ReadingTime(m acom.Measurement, report acom.Report, c Context) time.Time {
	return timeOf(m.Time, coincidenceOf(report.Clock), c).at
}

// Link writes the references to other Observations into the resource: the
// coincident time stamp, derivedFrom and hasMember. Resolve answers for a Key of
// this list or of an Observation stored earlier for the device; what it does not
// know is left out.
func (o Observation) Link(resolve func(key string) (fhir.Key, bool)) {
	root := o.Resource.Root()
	if key, ok := resolve(o.Coincident); ok && o.Coincident != "" {
		if root.Get("extension") == nil { // of a point-of-care device, whose guide demands none
			root.Set("extension", fhir.NewArray())
		}
		root.Get("extension").Append(fhir.NewObject(fhir.S("url", coincidentPointer),
			fhir.M("valueReference", fhir.NewObject(fhir.S("reference", key.String())))))
	}
	link := func(name string, keys []string) {
		refs := fhir.NewArray()
		for _, k := range keys {
			if key, ok := resolve(k); ok {
				refs.Append(fhir.NewObject(fhir.S("reference", key.String())))
			}
		}
		if refs.Len() > 0 {
			root.Set(name, refs)
		}
	}
	link("hasMember", o.HasMember)
	link("derivedFrom", o.DerivedFrom)
}
