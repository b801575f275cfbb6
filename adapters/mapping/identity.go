package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
)

// identifierSystem is the system of the conditional-create identifier, and
// bedsideSystem that of readings of point-of-care devices, whose guide has none.
const (
	identifierSystem = phd + "PhdBaseObservation"
	bedsideSystem    = "urn:vitalwire:reading"
)

// Identifier is a business identifier, as a token search finds it.
type Identifier struct{ System, Value string }

// named is the identity of one reading.
type named struct {
	// plain is the guide's identifier, full the one to look for duplicates by.
	plain, full string
	system      string
	digest      string
	// old is the identifier of version 1 clients, "" when it is not defined.
	old string
}

// names gives the readings of one report their identifiers.
type names struct {
	device  string
	service string // Report.Service
	clock   *coincidence
	c       Context
	given   map[string]string // identifier value -> digest of the reading it was given to
}

// name makes the conditional-create identifier of the measurement at position i
// (PhdBaseObservation, Conditional-create Identifier):
//
//	device-patient-type-timestamp[..duration]-supplementals
//
// with the timestamp by the device's own clock before any correction, so that the
// same reading sent again, and through another gateway, has the same value. The
// guide's parts are not always enough to tell two readings apart; what is then
// appended is in docs/adr/0004.
func (n *names) name(m acom.Measurement, i int) (named, error) {
	own, err := json.Marshal(content{m.Type, m.Supplemental, m.Status, m.Person, m.Site, m.Value, m.Components})
	if err != nil {
		return named{}, fmt.Errorf("mapping: %w", err)
	}
	id := named{digest: digest(string(own))}
	parts := []string{n.device, n.patient(), typeName(m), n.when(m)}
	if n.service != "" && m.Record != "" {
		// A service names its records: neither a time it tells otherwise today nor a
		// device that has another name there makes it another reading.
		id.system = bedsideSystem
		id.full = strings.Join([]string{n.service, n.patient(), typeName(m), m.Record}, "-")
		if other, ok := n.given[id.full]; ok && other != id.digest {
			id.full = distinct(id.full, id.digest)
		}
		n.given[id.full] = id.digest
		return id, nil
	}
	if m.Metric != nil && m.Metric.Event != "" {
		// The states of one alarm are one Observation, whoever its patient is by then.
		id.system, id.full = bedsideSystem, n.device+"-event-"+m.Metric.Event
		return id, nil
	}
	for _, s := range m.Supplemental {
		parts = append(parts, decimal(s))
	}
	id.plain = strings.Join(parts, "-")
	id.full = id.plain + n.extra(m, i, id.digest)
	if other, ok := n.given[id.full]; ok && other != id.digest {
		// Two values of one type and time in one report are two readings.
		id.full = distinct(id.full, id.digest)
	}
	n.given[id.full] = id.digest
	id.system = identifierSystem
	if m.Metric != nil || n.service != "" {
		id.system = bedsideSystem
		return id, nil
	}
	if stamp, ok := versionOne(m); ok && id.full == id.plain {
		parts[3] = stamp
		id.old = strings.Join(parts, "-")
	}
	return id, nil
}

// identifiers are the identifiers of the resource.
func (id named) identifiers() []samply.Identifier {
	list := []samply.Identifier{{System: ptr(id.system), Value: ptr(id.full)}}
	if id.old != "" {
		list = append(list, samply.Identifier{Value: ptr(id.old)})
	}
	return list
}

// typeName is the type in the identifier: its MDC code, or the code the sender has
// for it.
func typeName(m acom.Measurement) string {
	if m.Type == 0 && m.Metric != nil && len(m.Metric.Codings) > 0 {
		c := m.Metric.Codings[0]
		return strings.TrimSuffix(c.System+"|"+c.Code+"|"+c.Display, "|")
	}
	return decimal(m.Type)
}

// content is what makes a reading the one it is, besides its time.
type content struct {
	Type         acom.Code
	Supplemental []acom.Code
	Status       acom.Status
	Person       uint32
	Site         acom.Code
	Value        acom.Value
	Components   []acom.Component
}

func (n *names) patient() string {
	if n.c.PatientIdentifier != "" {
		return n.c.PatientIdentifier
	}
	return n.c.Patient.ID
}

// when is the timestamp part: the device's time, else the gateway's.
func (n *names) when(m acom.Measurement) string {
	stamp := timestamp(m.Time)
	if m.Time.IsZero() && n.c.ReceivedKnown {
		stamp = n.received()
	}
	if m.Duration != "" {
		stamp += ".." + m.Duration
	}
	return stamp
}

// received writes the gateway's receipt as a timestamp part.
func (n *names) received() string {
	at := n.c.Received.UTC()
	return seconds2000(at, fmt.Sprintf("%09d", at.Nanosecond())[:fraction(at)])
}

// extra is what tells readings apart that the guide's parts do not.
func (n *names) extra(m acom.Measurement, i int, digest string) string {
	var b strings.Builder
	number := record(m)
	if number != "" {
		b.WriteString("-" + number)
	}
	if m.Metric != nil && m.Metric.Path != "" {
		b.WriteString("-at/" + m.Metric.Path) // two channels may measure the same
	}
	if m.Person != 0 {
		b.WriteString("-person/" + strconv.FormatUint(uint64(m.Person), 10))
	}
	if m.Status&acom.EarlyIndication != 0 {
		b.WriteString("-early") // the final value comes with the same time
	}
	switch t := m.Time; {
	case t.Wall != nil && complete(*t.Wall) && !t.Unreliable && (!t.Earlier || t.Synced):
	case t.Ticks != nil && n.clock.readable() && n.clock.ticks != nil && !t.Unreliable && !t.Earlier:
		// A running clock starts anew with every battery: the minute it started in.
		started := n.clock.gateway.Add(-time.Duration(n.clock.ticks.Micros) * time.Microsecond)
		b.WriteString("-epoch/" + strconv.FormatInt(started.Unix()/60, 10))
	case t.Wall != nil && (number != "" || t.Earlier && !t.Unreliable && complete(*t.Wall)):
		b.WriteString("~" + digest[:16]) // a clock that was set back says a time twice
	default:
		// Nothing in the reading says which one it is: when it came and its place in
		// its frame do.
		if !t.IsZero() && n.c.ReceivedKnown {
			b.WriteString("-" + n.received())
		}
		fmt.Fprintf(&b, "-%.16s/%d/%d", n.c.FrameHash, n.c.Index, i)
	}
	return b.String()
}

// record is the device's own record number, from the measurement's Key or that of
// the one it belongs to: a word, a slash and digits. "" when it gave none.
func record(m acom.Measurement) string {
	keys := []string{m.Key}
	if len(m.DerivedFrom) == 1 {
		keys = append(keys, m.DerivedFrom[0])
	}
	for _, key := range keys {
		word, number, _ := strings.Cut(key, "/")
		if word != "" && number != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" && strings.Trim(number, "0123456789") == "" {
			return key
		}
	}
	return ""
}

// versionOne is the timestamp part that clients of the guide's version 1 use,
// YYYYMMDDhhmmss.ff. It is defined only for a complete wall clock time of at most
// hundredths without a duration; the identifier had no system then.
func versionOne(m acom.Measurement) (string, bool) {
	w := m.Time.Wall
	if w == nil || !complete(*w) || len(w.Fraction) > 2 || m.Duration != "" {
		return "", false
	}
	hundredths := (w.Fraction + "00")[:2]
	return fmt.Sprintf("%04d%02d%02d%02d%02d%02d.%s", w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second, hundredths), true
}

// Distinct gives the Observation an identifier of its own, for a reading whose
// Identifier is taken by another reading (another Digest): a device whose clock
// was reset repeats its times, and no reading may be lost to that.
func (o Observation) Distinct() Observation { return o.named(o.Digest) }

// Apart gives a state of an event the identifier that its event has for its subject alone:
// for a device that names an event of its next patient as it named one of the last.
func (o Observation) Apart() Observation {
	return o.named(digest(o.Resource.Path("subject", "reference").Text()))
}

func (o Observation) named(digest string) Observation {
	o.Identifier.Value = distinct(o.Identifier.Value, digest)
	o.Resource = o.Resource.Clone()
	o.Resource.Root().Set("identifier", fhir.NewArray(fhir.NewObject(
		fhir.S("system", o.Identifier.System), fhir.S("value", o.Identifier.Value))))
	return o
}

func distinct(value, digest string) string { return value + "~" + digest[:16] }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// timestamp writes a device time as the guide's "timestamp part": seconds since
// 2000 by the device's clock in the clock's own resolution, with the offset in
// quarters of an hour; "" for no time.
func timestamp(t acom.Time) string {
	switch {
	case t.Wall != nil && complete(*t.Wall):
		w := *t.Wall
		s := seconds2000(time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, 0, time.UTC), w.Fraction)
		if w.OffsetMinutes == nil {
			return s
		}
		if *w.OffsetMinutes%15 == 0 {
			return s + fmt.Sprintf("%+d", *w.OffsetMinutes/15)
		}
		return s + fmt.Sprintf("%+dm", *w.OffsetMinutes)
	case t.Wall != nil:
		return strings.NewReplacer("-", "", ":", "", " ", "").Replace(saidWall(*t.Wall))
	case t.Ticks != nil:
		digits := places(time.Duration(t.Ticks.Resolution) * time.Microsecond)
		text := fmt.Sprintf("%d.%06d", t.Ticks.Micros/1_000_000, t.Ticks.Micros%1_000_000)
		return strings.TrimSuffix(text[:len(text)-6+digits], ".")
	}
	return ""
}

// seconds2000 are the seconds since 2000-01-01 with the fraction's digits as given.
func seconds2000(at time.Time, fraction string) string {
	whole := strconv.FormatInt(at.Unix()-time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), 10)
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
