// Package biceps reads what devices of ISO/IEEE 11073 SDC say of themselves in the
// participant model of IEEE 11073-10207 (BICEPS): the MDIB, and the reports that tell
// what changed in it, with or without the SOAP 1.2 envelope that IEEE 11073-20701 sends
// them in. A frame is one document.
//
// A report names descriptors by handle alone. What an MDIB said of each is remembered
// (memory.go), and a report of a sequence or of a descriptor that is not known is refused:
// its numbers have no meaning then. The rules of the IHE SDPi supplement for epochs of a
// clock and for sequences of reports are followed.
package biceps

import (
	"bytes"
	"slices"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "biceps",
	Standard: "IEEE 11073-10207:2017 (BICEPS), IEEE 11073-20701:2018, IHE SDPi 1.4",
	New:      func(m adapters.Memory) adapters.Decoder { return decoder{m} },
}

// decoder has no state of its own: what is known of devices is in the memory.
type decoder struct{ memory adapters.Memory }

// Decode implements adapters.Decoder.
func (d decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	root, err := parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	body, header, err := open(root)
	if err != nil {
		return adapters.Result{}, err
	}
	parts := min(bytes.Count(f.Bytes, []byte(" Handle=")), maxParts)
	t := &turn{frame: f, book: book{memory: d.memory, pending: make(map[string][]byte, parts)}, seen: make(map[string]*descriptor, parts)}
	if err := t.read(body, header); err != nil {
		return adapters.Result{}, err
	}
	return adapters.Result{Reports: t.reports(), Remember: t.book.memos, Skipped: t.skipped}, nil
}

// open finds the message in its envelope, and the envelope's header; nil for none.
func open(root *element) (body, header *element, err error) {
	if root.space != soap12 {
		return root, nil, nil
	}
	if root.name != "Envelope" {
		return nil, nil, refuse(root, "this element of SOAP holds no message")
	}
	header = root.child(soap12, "Header")
	if header != nil && header.foreign {
		return nil, nil, refuse(header, "a header block must be understood and is not")
	}
	content := root.child(soap12, "Body")
	if content == nil || content.first == nil || content.first.next != nil {
		return nil, nil, refuse(root, "the body of the envelope holds no one message")
	}
	if content.first.space == soap12 {
		return nil, nil, refuse(content.first, "a SOAP fault is no message of a device")
	}
	return content.first, header, nil
}

// turn is the reading of one frame.
type turn struct {
	frame adapters.Frame
	book  book
	// owner is the name that everything remembered of the device begins with.
	owner    string
	head     head
	seen     map[string]*descriptor // by handle, those of this frame first
	found    []*systemFacts         // in the order they came
	alarmsOf map[string]*alarm      // by handle of the condition
	signals  []string               // those conditions, in the order they came
	skipped  []adapters.Skip
	snapshot bool // the frame is an MDIB
	learned  bool // a context or a clock changed
}

// systemFacts are what a frame says of one MDS.
type systemFacts struct {
	handle       string
	objects      []string // handles, parents before what they contain
	placed       map[string]bool
	measurements []acom.Measurement
}

// handlers are the messages that are read, by the name of their element
// (IEEE 11073-10207 clause 6, message model).
var handlers = map[string]func(*turn, *element) error{
	"GetMdibResponse": func(t *turn, e *element) error {
		mdib := e.child(msg, "Mdib")
		if mdib == nil {
			return refuse(e, "a GetMdibResponse without its Mdib")
		}
		return t.mdib(mdib)
	},
	"Mdib":                           (*turn).mdib,
	"EpisodicMetricReport":           (*turn).report,
	"PeriodicMetricReport":           (*turn).report,
	"EpisodicAlertReport":            (*turn).report,
	"PeriodicAlertReport":            (*turn).report,
	"EpisodicComponentReport":        (*turn).report,
	"PeriodicComponentReport":        (*turn).report,
	"EpisodicContextReport":          (*turn).report,
	"PeriodicContextReport":          (*turn).report,
	"EpisodicOperationalStateReport": (*turn).report,
	"PeriodicOperationalStateReport": (*turn).report,
	"WaveformStream":                 (*turn).report,
	"GetMdStateResponse":             (*turn).report,
	"GetContextStatesResponse":       (*turn).report,
	"DescriptionModificationReport":  (*turn).modification,
}

func (t *turn) read(body, header *element) error {
	read, known := handlers[body.name]
	if body.space != msg || !known {
		return refuse(body, "this is neither an MDIB nor a report of IEEE 11073-10207 that is read here")
	}
	if body.foreign {
		return refuse(body, "it holds an extension that must be understood and is not")
	}
	if err := read(t, body); err != nil {
		return err
	}
	t.sequenced(header)
	t.alarms()
	t.keep()
	return nil
}

// skip says that a piece of the frame gave no reading, and why.
func (t *turn) skip(e *element, reason string) {
	if len(t.skipped) < 1000 {
		t.skipped = append(t.skipped, adapters.Skip{Offset: e.offset, Reason: reason})
	}
}

// system is the place for what is said of an MDS.
func (t *turn) system(handle string) *systemFacts {
	for _, s := range t.found {
		if s.handle == handle {
			return s
		}
	}
	s := &systemFacts{handle: handle, placed: map[string]bool{}}
	t.found = append(t.found, s)
	return s
}

// reports gives a report for each MDS, and for each patient it had at the times told.
func (t *turn) reports() (list []acom.Report) {
	// A device that others are derived from comes before them.
	slices.SortStableFunc(t.found, func(a, b *systemFacts) int { return t.derived(a.handle) - t.derived(b.handle) })
	for _, s := range t.found {
		device := acom.Device{}
		if d := t.describe(s.handle); d != nil && d.Device != nil {
			device = *d.Device
		}
		first := len(list)
		for _, m := range s.measurements {
			bound := t.bound(s.handle, m.Time)
			at := first
			for at < len(list) && (list[at].Bedside.Place != bound.place || list[at].Bedside.Subject != bound.subject) {
				at++
			}
			if at == len(list) {
				list = append(list, t.blank(device, s, bound))
			}
			list[at].Measurements = append(list[at].Measurements, m)
		}
		if len(list) == first {
			list = append(list, t.blank(device, s, t.bound(s.handle, acom.Time{})))
		}
	}
	return list
}

// derived is 1 for an MDS that says it is derived from another.
func (t *turn) derived(handle string) int {
	if d := t.describe(handle); d != nil && d.Device != nil && d.Device.Parent != "" {
		return 1
	}
	return 0
}

func (t *turn) blank(device acom.Device, s *systemFacts, b bound) acom.Report {
	report := acom.Report{Device: device, Bedside: &acom.Bedside{Subject: b.subject, Place: b.place}}
	for _, handle := range s.objects {
		if o, ok := t.object(handle); ok {
			report.Bedside.Objects = append(report.Bedside.Objects, o)
		}
	}
	return report
}

// short bounds a text that is only for people.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "..."
	}
	return text
}
