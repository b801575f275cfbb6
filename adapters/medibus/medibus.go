// Package medibus reads what Dräger ventilators and anaesthesia machines answer by
// MEDIBUS, their serial protocol: measured values and alarm limits of both code pages,
// alarms, settings, texts, date and time, identification, and real-time curves.
//
//	SOH command data checksum CR     an answer; ESC begins a command; the checksum is two
//	                                 hex digits of the sum of all bytes before it
//	bytes from 80                    curves, which come between and within answers
//
//	never a number  a field of blanks, dashes, asterisks or words; blanks between sign and
//	                digits are none of the number
//	codes           of Dräger's pages, as they are; MDC beside where the meaning is sure
//	time            a date and time with seconds in the same frame, else the receipt.
//	                Months are German or English, years have two digits
//	remembered      identification, configuration of the curves, alarms that are on
//
// A frame is a poll of everything, or less. Of two answers of one kind in a frame the
// later counts, and the earlier is told as skipped. deviceId must be given: the device
// says what it is and not which.
package medibus

import (
	"encoding/json"
	"strconv"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "medibus",
	Standard: "Dräger MEDIBUS 3.00",
	New:      func(memory adapters.Memory) adapters.Decoder { return decoder{memory} },
}

// system begins the URIs of Dräger's code pages.
const system = "urn:vitalwire:medibus:"

// decoder has no state but what is remembered.
type decoder struct{ memory adapters.Memory }

// Commands, by the byte that an answer echoes.
const (
	measured1     = 0x24
	lowLimits1    = 0x25
	highLimits1   = 0x26
	alarms1       = 0x27
	dateTime      = 0x28
	deviceSetting = 0x29
	textMessages  = 0x2A
	measured2     = 0x2B
	lowLimits2    = 0x2C
	highLimits2   = 0x2D
	alarms2       = 0x2E
	deviceID      = 0x52
	curveConfig   = 0x53
	curveOrder    = 0x54 // a command: which curves the device shall send
)

// most is how many values a frame may have; no device has half as many.
const most = 400

// identity is what the device said it is.
type identity struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// reader reads one frame.
type reader struct {
	decoder
	name   string
	result adapters.Result
	now    *acom.Wall // what the device said the time is
	said   acom.Time
	report acom.Report
	full   bool
	objs   [6 * 256]uint16 // place of an object by its page and code, from 1
}

// Decode implements adapters.Decoder.
func (d decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	if f.Device == "" {
		return adapters.Result{}, &adapters.Error{Reason: "the device says what it is and not which; deviceId must be given", Unprocessable: true}
	}
	r := &reader{decoder: d, name: f.Device}
	found := r.split(f.Bytes)
	if len(found.answers) == 0 && len(found.curves) == 0 {
		return adapters.Result{}, &adapters.Error{Offset: len(f.Bytes), Reason: "it holds no whole answer from SOH to CR whose checksum is right"}
	}
	last := map[byte]int{}
	for i, a := range found.answers {
		last[a.command] = i
	}
	r.room(found.answers)
	if i, ok := last[dateTime]; ok {
		r.clock(found.answers[i])
	}
	for i, a := range found.answers {
		if last[a.command] != i {
			r.skip(a.at, "a later answer of the same kind in the frame counts")
			continue
		}
		if err := r.answer(a); err != nil {
			r.skip(a.at, err.Error())
		}
	}
	r.curves(found.curves)
	if len(r.report.Measurements) == 0 {
		r.report.Measurements = nil
	}
	if len(r.report.Bedside.Objects) == 0 {
		r.report.Bedside.Objects = nil
	}
	if r.report.Measurements == nil && r.report.Bedside.Objects == nil && r.result.Remember == nil {
		return r.result, nil
	}
	if r.now != nil && !f.Received.IsZero() {
		r.report.Clock = &acom.Clock{Device: r.said, Gateway: f.Received.Format(time.RFC3339Nano)}
	}
	r.report.Device = r.device()
	r.report.Bedside.Sender = "MEDIBUS"
	r.result.Reports = []acom.Report{r.report}
	return r.result, nil
}

func (r *reader) skip(at int, reason string) {
	r.result.Skipped = append(r.result.Skipped, adapters.Skip{Offset: at, Reason: reason})
}

// answer reads an answer.
func (r *reader) answer(a answer) error {
	switch a.command {
	case measured1:
		return r.measured(a, page1)
	case measured2:
		return r.measured(a, page2)
	case lowLimits1, highLimits1:
		return r.limits(a, page1, a.command == lowLimits1)
	case lowLimits2, highLimits2:
		return r.limits(a, page2, a.command == lowLimits2)
	case alarms1:
		return r.alarms(a, page1)
	case alarms2:
		return r.alarms(a, page2)
	case deviceSetting:
		return r.settings(a)
	case textMessages:
		return r.texts(a)
	case deviceID:
		return r.identified(a)
	case curveConfig:
		return r.configured(a)
	case curveOrder:
		return r.ordered(a)
	}
	return nil // dialogue
}

// device is the device as it said it is, now or earlier.
func (r *reader) device() acom.Device {
	d := acom.Device{Manufacturer: "Dräger"}
	if len(r.name) == 16 {
		d.SystemID = r.name
	} else {
		d.Local = "Medibus:" + r.name
	}
	var id identity
	if data, ok := r.recall("id"); ok && json.Unmarshal(data, &id) == nil {
		d.Model = id.Name
		for _, fact := range []struct{ name, value string }{{"MEDIBUS identification", id.ID}, {"MEDIBUS revision", id.Revision}} {
			if fact.value != "" {
				d.Attributes = append(d.Attributes, acom.Attribute{Name: acom.Coding{Display: fact.name}, Value: fact.value})
			}
		}
	}
	return d
}

func (r *reader) recall(key string) ([]byte, bool) {
	key = r.name + "/" + key
	for i := len(r.result.Remember) - 1; i >= 0; i-- {
		if r.result.Remember[i].Key == key {
			return r.result.Remember[i].Value, true
		}
	}
	return r.memory.Recall(key)
}

// keep wants a fact remembered, if it is new.
func (r *reader) keep(key string, fact any) {
	data, err := json.Marshal(fact)
	if err != nil {
		return // cannot be: plain facts
	}
	if old, ok := r.recall(key); !ok || string(old) != string(data) {
		r.result.Remember = append(r.result.Remember, adapters.Memo{Key: r.name + "/" + key, Value: data})
	}
}

// object finds or adds the metric of a code.
func (r *reader) object(p page, code byte, kind acom.Kind, c coded) *acom.Object {
	number := p.number*256 + int(code)
	list := &r.report.Bedside.Objects
	if r.objs[number] == 0 {
		r.objs[number] = uint16(len(*list) + 1)
		*list = append(*list, acom.Object{Path: "1.0.0." + strconv.Itoa(number), Type: c.typ, Codings: c.codings, Unit: c.unit, Kind: kind, Category: p.category})
	}
	return &(*list)[r.objs[number]-1]
}

// room makes place for what the answers of a frame may tell, all at once.
func (r *reader) room(answers []answer) {
	n := 0
	for _, a := range answers {
		switch a.command {
		case measured1, measured2, deviceSetting:
			n += min(len(a.data)/6, 256)
		}
	}
	n = min(n, most)
	r.report.Measurements = make([]acom.Measurement, 0, n)
	r.report.Bedside = &acom.Bedside{Objects: make([]acom.Object, 0, n)}
}
