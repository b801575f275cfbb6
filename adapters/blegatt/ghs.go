package blegatt

import (
	"slices"
	"strconv"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Memory keys of a health observation whose segments have not all come yet.
const (
	keyLive   = "ghs/live"
	keyStored = "ghs/stored"
)

// Observation classes (GHSS 3.1.2): how the value is laid out.
const (
	classNumeric       = 1
	classDiscrete      = 2
	classString        = 3
	classSampleArray   = 4
	classDiscreteEvent = 5 // compound discrete event
	classStateEvent    = 6 // compound state or event
	classCompound      = 7
	classTLV           = 8
	classBundle        = 0xFF
)

// Limits that no sensor comes near: they keep what a bundle says small.
const maxCodes = 32

// liveObservation reads a Live Health Observation (GHSS 3.1).
func (r *reader) liveObservation() { r.healthObservation(keyLive, false) }

// storedObservation reads a Stored Health Observation (GHSS 3.2): a record number
// before the observation. The number is that of the transfer's record, not of the
// observation: the same one may come live too, with the same time.
func (r *reader) storedObservation() { r.healthObservation(keyStored, true) }

func (r *reader) healthObservation(key string, stored bool) {
	whole := r.segmented(key)
	if r.Err() != nil || whole == nil {
		return
	}
	g := &ghs{cursor.New(whole), r.report}
	if stored {
		g.U32LE("Record Number")
	}
	g.observation(acom.Measurement{}, true)
	g.Close("the health observation")
	if err := g.Err(); err != nil {
		// The offset is that in the whole, of which the frame may be the last part.
		r.FailAt(0, "health observation, %v", err)
	}
}

// ghs reads one health observation, joined of its segments: the cursor is that over
// the observation, the reader takes the facts.
type ghs struct {
	*cursor.Cursor
	facts *acom.Report
}

func (g *ghs) add(m acom.Measurement) { g.facts.Measurements = append(g.facts.Measurements, m) }

// observation reads an observation or, at top level, a bundle (GHSS 3.1.2).
func (g *ghs) observation(common acom.Measurement, top bool) {
	at := g.Offset()
	class := g.U8("Observation Class Type")
	body := g.Sub(int(g.U16LE("Length")), "health observation")
	in := &ghs{body, g.facts}
	o := in.header(common)
	switch {
	case body.Err() != nil:
		return
	case class == classBundle && top:
		n := int(body.U8("Number of Observations"))
		const least = 7 // class, length, flags and the shortest value
		g.facts.Measurements = slices.Grow(g.facts.Measurements, min(n, body.Left()/least))
		for i := 0; i < n && body.Err() == nil; i++ {
			in.observation(o, false)
		}
	case o.Type == 0:
		body.FailAt(at, "an observation without an Observation Type")
	default:
		in.measure(class, at, o)
	}
	body.Close("the observation value")
}

// measure reads the value of a single observation and adds it.
func (g *ghs) measure(class uint8, at int, m acom.Measurement) {
	switch class {
	case classNumeric:
		m.Kind = acom.Numeric
	case classDiscrete, classDiscreteEvent:
		m.Kind = acom.CodedEnumeration
	case classString:
		m.Kind = acom.StringEvent
	case classSampleArray:
		m.Kind = acom.RTSA
	case classStateEvent:
		m.Kind = acom.BitsEnumeration
	case classCompound:
		m.Kind, m.Components = g.compound()
		g.some(m.Components)
	case classTLV:
		m.Kind = acom.Compound
		m.Components = g.tlvs()
		g.some(m.Components)
	default:
		g.FailAt(at, "Observation Class Type %02X is none of 01 to 08 and, at the outside, FF", class)
		return
	}
	if class < classCompound {
		m.Value = g.value(class)
	}
	if m.Type == mdcGlucoseControl || slices.Contains(m.Supplemental, locationControl) {
		m.Status |= acom.TestData // a test of the meter, not of a person
	}
	if g.Err() == nil {
		g.add(m)
	}
}

// some fails when a compound has no parts.
func (g *ghs) some(parts []acom.Component) {
	if len(parts) == 0 {
		g.Fail("a compound observation without components")
	}
}

// statusBits pairs the Measurement Status of GHSS 3.1.2 with that of 20601, whose
// order is the same from the other end as far as both have a bit. Bit 7, a setting,
// is Measurement.Setting; bit 6, entered by hand, has no counterpart.
var statusBits = [...]struct {
	bit    int
	status acom.Status
}{
	{0, acom.Invalid}, {1, acom.Questionable}, {2, acom.NotAvailable}, {3, acom.CalibrationOngoing},
	{4, acom.TestData}, {5, acom.EarlyIndication}, {14, acom.InAlarm}, {15, acom.AlarmInhibited},
}

// header reads the flags and the fields they announce, in the order of their bits.
// What a bundle said holds for its observations that do not say it themselves;
// supplemental types and status add up.
func (g *ghs) header(common acom.Measurement) acom.Measurement {
	c, o := g.Cursor, common
	o.Key = ""
	flags := c.U16LE("Flags")
	if flag(flags, 0) {
		o.Type = acom.Code(c.U32LE("Observation Type"))
	}
	if flag(flags, 1) {
		o.Time, _ = elapsedTime(c)
	}
	if flag(flags, 2) {
		o.Duration = c.Span(c.FLOATLE("Measurement Duration"), "Measurement Duration")
	}
	if flag(flags, 3) {
		sent := c.U16LE("Measurement Status")
		for _, s := range statusBits {
			if flag(sent, s.bit) {
				o.Status |= s.status
			}
		}
		o.Setting = o.Setting || flag(sent, 7)
	}
	if flag(flags, 4) {
		o.Key = objectKey(c.U32LE("Object Id"))
	}
	if flag(flags, 5) {
		o.Person = 0
		if id := c.U8("Patient"); id != 0xFF {
			o.Person = uint32(id)
		}
	}
	if flag(flags, 6) {
		own := g.codes("Supplemental Information")
		o.Supplemental = append(o.Supplemental[:len(o.Supplemental):len(o.Supplemental)], own...)
	}
	if flag(flags, 7) {
		o.DerivedFrom = g.objects("Derived From")
	}
	if flag(flags, 8) {
		o.HasMember = g.objects("Has Member")
	}
	if flag(flags, 9) {
		g.tlvs() // attributes beyond the model: read for their length
	}
	if flags>>10 != 0 {
		c.Fail("Flags %04X has bits that GHSS reserves", flags)
	}
	return o
}

// objectKey names an observation within its report: Object Ids hold no further
// than one connection.
func objectKey(id uint32) string { return "object." + strconv.FormatUint(uint64(id), 10) }

// codes reads a counted list of MDC codes.
func (g *ghs) codes(what string) []acom.Code {
	n := int(g.U8(what))
	if n > maxCodes {
		g.Fail("%s has %d codes, more than %d", what, n, maxCodes)
		return nil
	}
	var codes []acom.Code
	for i := 0; i < n && g.Err() == nil; i++ {
		codes = append(codes, acom.Code(g.U32LE(what)))
	}
	return codes
}

// objects reads a counted list of Object Ids.
func (g *ghs) objects(what string) []string {
	var keys []string
	for _, id := range g.codes(what) {
		keys = append(keys, objectKey(uint32(id)))
	}
	return keys
}

// healthSensorFeatures reads Health Sensor Features (GHSS 3.3): flags, the types of
// observation the sensor makes and, with bit 0, its device specializations, each a
// term of partition 8 and a version.
func (r *reader) healthSensorFeatures() {
	flags := r.U8("Flags")
	for n := r.U8("Number of Supported Observation Types"); n > 0 && r.Err() == nil; n-- {
		r.U32LE("Supported Observation Type")
	}
	if !flag(flags, 0) {
		return
	}
	for n := r.U8("Number of Device Specializations"); n > 0 && r.Err() == nil; n-- {
		term := r.U16LE("Device Specialization")
		r.report.Device.Specializations = append(r.report.Device.Specializations, acom.Specialization{
			Type: acom.MDC(acom.PartitionInfrastructure, term), Version: uint16(r.U8("Version"))})
		r.deviceFact = true
	}
}
