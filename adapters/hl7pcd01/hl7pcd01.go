// Package hl7pcd01 reads what bedside devices and their gateways send as HL7
// version 2 observation messages: IHE PCD-01 (Device Enterprise Communication,
// ORU^R01 with IEEE 11073 codes and containment) and plain ORU^R01. An alarm of the
// same sender (PCD-04, ORU^R40) is read as adapters/hl7pcd04 does. What is known
// of single makers' dialects is the table in profile.go.
//
// A frame is one message without its MLLP frame, or a batch of messages. The reply is the message's
// acknowledgement; it says what became of the message, and nothing of patients.
package hl7pcd01

import (
	"errors"
	"slices"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "hl7pcd01",
	Standard: "IHE PCD-01 (PCD TF-2 2019), HL7 2.6 ORU^R01",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

// decoder has no state: every message says all of itself.
type decoder struct {
	alarms bool // of alarms alone, PCD-04
}

// Alarms is a decoder of PCD-04 messages (ORU^R40) and no others.
func Alarms() adapters.Decoder { return decoder{alarms: true} }

// Decode implements adapters.Decoder. A batch is read whole or refused whole, with the
// answer to the message that is the reason.
func (d decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	batch, ok := hl7v2.ReadBatch(f.Bytes)
	if !ok {
		return d.message(f)
	}
	var all adapters.Result
	var answers [][]byte
	for _, piece := range batch.Messages {
		one := f
		one.Bytes = piece.Bytes
		result, err := d.message(one)
		var refused *adapters.Error
		if errors.As(err, &refused) {
			refused.Offset += piece.Offset
		}
		if err != nil {
			return adapters.Result{}, err
		}
		all.Reports, all.Alive = append(all.Reports, result.Reports...), append(all.Alive, result.Alive...)
		answers = append(answers, result.Reply)
	}
	all.Reply = batch.Acknowledge(answers)
	return all, nil
}

// message reads one message.
func (d decoder) message(f adapters.Frame) (adapters.Result, error) {
	m, err := hl7v2.Parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, refusal(f, err, false, hl7v2.SegmentSequenceError, hl7v2.Faulty)
	}
	header := &m.Segments[0]
	kind, event := header.Field(9).Component(1).Text(), header.Field(9).Component(2).Text()
	alarm := kind == "ORU" && event == "R40"
	switch {
	case d.alarms && !alarm:
		return adapters.Result{}, refusal(f, header.Errorf(9, "ORU^R40 is read here, no other message"), true, hl7v2.UnsupportedMessageType, hl7v2.Rejected)
	case !alarm && (kind != "ORU" || !slices.Contains(triggers, event)):
		return adapters.Result{}, refusal(f, header.Errorf(9, "ORU^R01 is read here, no other message"), true, hl7v2.UnsupportedMessageType, hl7v2.Rejected)
	}
	p, ok := profileOf(f.Profile, header)
	if !ok {
		return adapters.Result{}, &adapters.Error{Reason: "no such sender profile; known are " + strings.Join(Profiles(), ", "), Unprocessable: true}
	}
	r := &reader{profile: p, header: header}
	if err := r.read(m); err != nil {
		return adapters.Result{}, refusal(f, err, true, hl7v2.DataTypeError, hl7v2.Faulty)
	}
	result := adapters.Result{Reply: hl7v2.Acknowledge(f.Bytes, hl7v2.Accepted, nil)}
	if !alarm {
		result.Reports = r.reports()
		return result, nil
	}
	if result.Reports, result.Alive, err = r.alarms(); err != nil {
		return adapters.Result{}, refusal(f, err, true, hl7v2.RequiredFieldMissing, hl7v2.Faulty)
	}
	return result, nil
}

// triggers are the events of ORU that carry results ("" is that of old versions).
var triggers = []string{"", "R01", "R30", "R31", "R32"}

// refusal is the error of a message with the answer its sender gets.
func refusal(f adapters.Frame, err error, readable bool, code string, outcome hl7v2.Outcome) error {
	var at *hl7v2.Error
	if !errors.As(err, &at) {
		at = &hl7v2.Error{Reason: err.Error()}
	}
	return &adapters.Error{
		Offset: at.Offset, Reason: at.Error(), Unprocessable: readable,
		Reply: hl7v2.Acknowledge(f.Bytes, outcome, &hl7v2.Fault{Code: code, At: at, Text: at.Reason}),
	}
}

// reader reads one message.
type reader struct {
	profile *profile
	header  *hl7v2.Segment
	sent    hl7v2.Time       // MSH-7
	last    moment           // time read last
	units   map[string]*unit // by OBX-6 as sent
	numbers []acom.Number    // the last piece of those made, see numbered
	ranges  []acom.Range     // the same, see ranged
	groups  []*group
	about   *about // of what comes next
}

// group is an OBR with its results, as far as they are of one device.
type group struct {
	obr     *hl7v2.Segment
	about   *about
	mds     string // first number of OBX-4
	device  acom.Device
	objects []acom.Object
	metrics map[place]int // where in objects the metrics are
	results []result
	notes   []string // NTE before the first OBX
	control bool     // of a control specimen (SPM-11), and of nobody
	facets  map[string]facet
}

// result is an OBX with the NTE that follow it.
type result struct {
	obx   *hl7v2.Segment
	path  path
	code  coded // OBX-3, in messages of measurements
	spent bool  // no value: an object, or a fact of one
	notes []string
}

// read takes the message apart: segments first, meaning after.
func (r *reader) read(m *hl7v2.Message) error {
	r.sent, _ = hl7v2.ParseTime(r.header.Field(7).Component(1).Text())
	r.about = &about{}
	var obr *hl7v2.Segment
	var notes []string
	var last *result
	var current []*group
	for i := range m.Segments {
		s := &m.Segments[i]
		switch s.Name {
		case "PID":
			r.about = patient(s)
			obr = nil // of another patient
		case "PV1":
			r.about = r.about.at(placeOf(s.Field(3)))
		case "OBR":
			obr, notes, last, current = s, nil, nil, nil
			r.about.began = true
		case "SPM":
			for _, g := range current {
				g.control = g.control || s.Field(11).Component(1).Text() == "Q" // control specimen (table 0369)
			}
		case "NTE":
			text := s.Field(3).Text()
			switch {
			case text == "":
			case last != nil:
				last.notes = append(last.notes, text)
			default:
				notes = append(notes, text)
			}
		case "OBX":
			if obr == nil {
				return s.Errorf(0, "an OBX belongs to an OBR before it")
			}
			p, err := pathOf(s)
			if err != nil {
				return err
			}
			g := find(current, p.mds())
			if g == nil {
				g = &group{obr: obr, about: r.about, mds: p.mds(), notes: notes}
				if current == nil {
					g.results = make([]result, 0, rows(m.Segments[i:])) // one OBR is mostly of one device
				}
				current, r.groups = append(current, g), append(r.groups, g)
			}
			g.results = append(g.results, result{obx: s, path: p})
			last = &g.results[len(g.results)-1]
		}
	}
	return nil
}

// rows is how many OBX there are before the next OBR.
func rows(segments []hl7v2.Segment) (n int) {
	for i := range segments {
		switch segments[i].Name {
		case "OBX":
			n++
		case "OBR":
			return n
		}
	}
	return n
}

func find(groups []*group, mds string) *group {
	for _, g := range groups {
		if g.mds == mds {
			return g
		}
	}
	return nil
}

// reports gives the facts of every group.
func (r *reader) reports() []acom.Report {
	reports := make([]acom.Report, 0, len(r.groups))
	for i, g := range r.groups {
		g.device = r.deviceOf(g, r.before(i))
		values := r.contain(g)
		g.complete()
		report := acom.Report{Device: g.device, Measurements: r.measurements(g, values)}
		report.Bedside = &acom.Bedside{Sender: r.sender(), Subject: g.about.subject, Place: g.about.place, Objects: g.objects}
		reports = append(reports, report)
	}
	return reports
}

// before is the device of the group before, "" for the first that is about a patient.
func (r *reader) before(i int) acom.Device {
	if i == 0 || r.groups[i].about != r.groups[i-1].about {
		return acom.Device{}
	}
	return r.groups[i-1].device
}

// sender is MSH-3 and MSH-4 in words.
func (r *reader) sender() string {
	return strings.TrimSuffix(r.header.Field(3).Component(1).Text()+"|"+r.header.Field(4).Component(1).Text(), "|")
}
