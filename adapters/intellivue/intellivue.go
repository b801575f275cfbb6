// Package intellivue reads what Philips IntelliVue monitors send by their Data Export
// protocol: the MDS Create Event, and the results of single and extended polls of
// numerics, waves, enumerations, alerts and demographics (Data Export Interface
// Programming Guide; the values are those of IEEE 11073-10201).
//
// A frame is the payload of a UDP datagram (port 24105), or any stretch of the serial
// line: frames between C0 and C1 with their checksum, of which those that are broken
// are passed over. Messages that set up or end the association, connect indications
// and what a client asked are dialogue and give nothing. An MDS Create Event is answered.
//
//	codes           physiological identifiers are MDC partition 2, units partition 4,
//	                events partition 3; those from F000 are Philips' own, and stay so
//	never a number  the mantissas of NaN, NRes and the infinities with any exponent; a
//	                value whose state is invalid or unavailable; samples marked invalid;
//	                demonstration and test data are marked and are never a patient's
//	time            the object's own time stamp, else that of the reply, else the running
//	                clock by the date and time of the MDS; the monitor tells no zone
//	remembered      what is told once: date and time, bed and model of the MDS, scale and
//	                period of a wave, label and category of an object, alarms that are on
//
// Whose values they are is told by a poll of demographics alone and is not remembered: a
// patient who has left must not get the next one's values. The device is deviceId or, in
// a frame with the MDS in it, its system identifier.
package intellivue

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "intellivue",
	Standard: "Philips IntelliVue Data Export, protocol version 1 (IEEE 11073-10201 MDIB)",
	New:      func(memory adapters.Memory) adapters.Decoder { return decoder{memory} },
}

// system is that of Philips' own codes.
const system = "urn:vitalwire:intellivue"

// decoder has no state but what is remembered.
type decoder struct{ memory adapters.Memory }

// Decode implements adapters.Decoder.
func (d decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	r := &reader{memory: d.memory, frame: f, memos: map[string][]byte{}, name: f.Device}
	list, serial := messages(f.Bytes)
	r.alone = len(list) == 1
	read := 0
	var first error
	for _, m := range list {
		err := m.err
		if err == nil {
			err = r.message(m, serial)
		}
		if err == nil {
			read++
			continue
		}
		if first == nil {
			first = err
		}
		if !serial {
			return adapters.Result{}, err
		}
		r.result.Skipped = append(r.result.Skipped, adapters.Skip{Offset: m.at, Reason: reasonOf(err)})
	}
	if read == 0 {
		if first == nil {
			first = &adapters.Error{Reason: "no message of the Data Export protocol begins here"}
		}
		return adapters.Result{}, first
	}
	r.remember()
	return r.result, nil
}

func reasonOf(err error) string {
	var e *adapters.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return err.Error()
}

// reader reads the messages of one frame.
type reader struct {
	memory adapters.Memory
	frame  adapters.Frame
	memos  map[string][]byte // what this frame wants remembered
	order  []string          // of its keys
	staged map[string][]byte // what the message being read adds, if it is read
	result adapters.Result
	alone  bool // one message in the frame, so that it came when the frame did

	name    string  // of the device in keys, "" until it is known
	mds     monitor // as far as known
	loaded  bool
	subject *acom.Subject

	// of the message being read
	base     int // where it begins in the frame
	report   acom.Report
	moment   acom.Time
	relative uint32
	count    int  // of objects and values in the frame
	facts    bool // whether it has any for a report
	needs    bool // whether it says something that is a device's
}

// spend counts an object or value. Frames of nothing else are no monitor's, and would
// cost more than they are worth.
func (r *reader) spend(c *cursor.Cursor, n int) bool {
	if r.count += n; r.count > 256 && r.count > len(r.frame.Bytes)/16 {
		c.Fail("more objects and values than a monitor sends in so many bytes")
	}
	return c.Err() == nil
}

// message reads one message, and gives its report.
func (r *reader) message(m message, serial bool) error {
	before := *r
	c := cursor.New(m.data)
	r.report, r.moment, r.facts, r.needs, r.staged, r.base = acom.Report{}, acom.Time{}, false, false, map[string][]byte{}, m.at
	reply := r.session(c, serial)
	err := c.Err()
	if err == nil && (r.facts || r.needs) && r.name == "" {
		err = &adapters.Error{Reason: "the monitor has not said which it is; deviceId must be given", Unprocessable: true}
	}
	if err != nil {
		keep := r.count
		*r = before
		r.count = keep
		var e *adapters.Error
		if errors.As(err, &e) {
			e.Offset = min(e.Offset+m.at, len(r.frame.Bytes))
		}
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(r.staged)) {
		if _, there := r.memos[key]; !there {
			r.order = append(r.order, key)
		}
		r.memos[key] = r.staged[key]
	}
	if reply != nil {
		r.result.Reply = reply
	}
	if r.facts {
		r.finish()
		r.result.Reports = append(r.result.Reports, r.report)
	}
	return nil
}

// finish tells of the device what every report does.
func (r *reader) finish() {
	r.load()
	r.report.Device = r.device()
	b := r.bedside()
	b.Sender, b.Subject, b.Place = "IntelliVue", r.subject, r.mds.Bed
	if r.alone && r.moment.Ticks != nil && !r.frame.Received.IsZero() {
		r.report.Clock = &acom.Clock{Device: r.moment, Gateway: r.frame.Received.Format(time.RFC3339Nano)}
	}
	if r.mds.Demo {
		for i := range r.report.Measurements {
			r.report.Measurements[i].Status |= acom.DemoData
		}
	}
}

// bedside is the report's, made when it is first asked for.
func (r *reader) bedside() *acom.Bedside {
	if r.report.Bedside == nil {
		r.report.Bedside = &acom.Bedside{}
	}
	return r.report.Bedside
}

// key begins with the device, as Memory wants it.
func (r *reader) key(format string, args ...any) string {
	return r.name + "/" + fmt.Sprintf(format, args...)
}

// keep wants a fact remembered, if it is new.
func (r *reader) keep(key string, value []byte) {
	if old, ok := r.recall(key); !ok || string(old) != string(value) {
		r.staged[key] = value
	}
}

func (r *reader) recall(key string) ([]byte, bool) {
	for _, told := range []map[string][]byte{r.staged, r.memos} {
		if value, ok := told[key]; ok {
			return value, true
		}
	}
	return r.memory.Recall(key)
}

func (r *reader) remember() {
	for _, key := range r.order {
		r.result.Remember = append(r.result.Remember, adapters.Memo{Key: key, Value: r.memos[key]})
	}
}
