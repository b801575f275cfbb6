package mapping

import (
	"encoding/json"
	"strconv"
	"time"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
)

// coincidence is a coincident time stamp: both clocks read at one moment. A nil
// coincidence is none.
type coincidence struct {
	gateway     time.Time
	gatewayText string
	said        acom.Time
	// device is the device's wall clock as an instant; ticks its running clock
	// instead. bad means that the device's clock told nothing usable.
	device time.Time
	ticks  *acom.Ticks
	bad    bool
}

// coincidenceOf reads the report's clock pair; nil when there is none or the
// gateway's part of it is no instant.
func coincidenceOf(clock *acom.Clock) *coincidence {
	if clock == nil || clock.Device.IsZero() {
		return nil
	}
	gateway, ok := fhir.ParseInstant(clock.Gateway)
	if !ok {
		return nil
	}
	own := &coincidence{gateway: gateway.Low(), gatewayText: clock.Gateway, said: clock.Device, ticks: clock.Device.Ticks}
	switch wall := clock.Device.Wall; {
	case clock.Device.Unreliable:
		own.bad = true
	case wall == nil:
	case !complete(*wall):
		own.bad = true
	default:
		own.ticks = nil
		own.device = instant(*wall, own.gateway.Location())
	}
	return own
}

// readable reports whether device times can be mapped by it.
func (c *coincidence) readable() bool { return c != nil && !c.bad }

// fault is the use of a clock that does not explain a time.
func (c *coincidence) fault() clockUse {
	if c == nil {
		return noClock
	}
	return clockFault
}

// clocks collects which coincident time stamps a report's Observations need.
type clocks [clockFault + 1]bool

// use notes the need and gives the Key of the Observation that will meet it.
func (n *clocks) use(u clockUse) string {
	if u == noClock {
		return ""
	}
	n[u] = true
	return coincidentKey(u)
}

// coincidentKey cannot be an adapter's Key: those name measurements.
func coincidentKey(u clockUse) string {
	return map[clockUse]string{clockRead: "coincident time stamp", clockFault: "coincident time stamp, fault"}[u]
}

// observations are the coincident time stamp Observations needed.
func (n *clocks) observations(own *coincidence, sync acom.Code, id string, c Context) ([]Observation, error) {
	var list []Observation
	for _, u := range []clockUse{clockRead, clockFault} {
		if !n[u] {
			continue
		}
		o, err := own.observation(u, sync, id, c)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return list, nil
}

// observation is the PhdCoincidentTimeStampObservation: of the sensor, made by the
// gateway, effective at the gateway's time, with the sensor's time as its value.
func (c *coincidence) observation(u clockUse, sync acom.Code, id string, ctx Context) (Observation, error) {
	code, stamp := c.clockType(), timestamp(c.said)
	value := id + "-" + decimal(code) + "-" + c.gatewayText + "-" + stamp
	if u == clockFault {
		value += "-fault"
	}
	identifier := Identifier{System: identifierSystem, Value: value}
	o := samply.Observation{
		Meta:              &samply.Meta{Profile: []string{phd + "PhdCoincidentTimeStampObservation"}},
		Identifier:        []samply.Identifier{{System: ptr(identifier.System), Value: ptr(identifier.Value)}},
		Status:            samply.ObservationStatusFinal,
		Code:              mdcConcept(code),
		Subject:           reference(ctx.Device),
		EffectiveDateTime: ptr(c.gatewayText),
		Device:            gatewayReference(ctx),
	}
	switch {
	case u == clockFault:
		o.DataAbsentReason = absentReason("unknown")
		o.DataAbsentReason.Text = ptr("Sensor Time Fault")
	case c.ticks != nil:
		o.ValueQuantity = tickQuantity(*c.ticks)
	default:
		o.ValueDateTime = ptr(format(c.device, len(c.said.Wall.Fraction)))
	}
	if sync != 0 {
		o.Component = []samply.ObservationComponent{{Code: mdcConcept(68220), ValueCodeableConcept: ptr(mdcConcept(sync))}} // MDC_TIME_SYNC_PROTOCOL
	}
	r, err := wire("Observation", samply.OtherObservation(o))
	if err != nil {
		return Observation{}, err
	}
	if ctx.Gateway.ID == "" {
		absent(r.Root().Get("device"), "reference")
	}
	return Observation{Resource: r, Identifier: identifier, Digest: digest(value), Key: coincidentKey(u), Time: c.gateway}, nil
}

// clockType is the code of the device's kind of clock, of the value set
// MDCClockTypes that the profile requires.
func (c *coincidence) clockType() acom.Code {
	switch {
	case c.said.Wall == nil && c.said.Ticks.Resolution == 1:
		return 68072 // MDC_ATTR_TIME_REL_HI_RES
	case c.said.Wall == nil:
		return 67983 // MDC_ATTR_TIME_REL
	case c.said.Wall.UTC || c.said.Wall.OffsetMinutes != nil:
		return 68226 // base offset time; the guide's text says 68225
	}
	return 67975 // MDC_ATTR_TIME_ABS
}

// tickQuantity is a running clock in milliseconds if it is no finer, otherwise in
// microseconds.
func tickQuantity(t acom.Ticks) *samply.Quantity {
	count, unit := t.Micros, "us"
	if t.Resolution >= 1000 && t.Micros%1000 == 0 {
		count, unit = t.Micros/1000, "ms"
	}
	return &samply.Quantity{Value: ptr(json.Number(strconv.FormatUint(count, 10))), Unit: ptr(unit), System: ptr(ucumSystem), Code: ptr(unit)}
}
