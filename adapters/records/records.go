// Package records reads what vendors' services and apps pass on of their devices:
// JSON answers and comma-separated files. It holds what their adapters share: strict
// and bounded reading in which numbers stay text, times with where their zone comes
// from, and the collecting of readings by device.
package records

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
)

const (
	// maxReadings and maxSkips are the most of one frame. A longer file is sent in parts.
	maxReadings = 10_000
	maxSkips    = 100
	// maxText is the longest text passed on, in bytes.
	maxText = 1000
)

// Batch collects the readings of one frame by device, in the order sent.
type Batch struct {
	// Service is the adapter's name.
	Service string
	// Settings are what the frame's profile says.
	Settings Settings
	frame    adapters.Frame
	reports  []acom.Report
	piles    []pile         // of the reports
	places   map[string]int // by the device's Local
	count    int
	expected int
	skipped  []adapters.Skip
	faults   int
}

// NewBatch begins a frame of a service. It fails when the frame's profile is none
// (see Settings).
func NewBatch(service string, f adapters.Frame) (*Batch, error) {
	settings, err := settingsOf(f.Profile)
	if err != nil {
		return nil, err
	}
	return &Batch{Service: service, Settings: settings, frame: f, places: map[string]int{}}, nil
}

// Device names a device that told no EUI by what the service calls it, which must be
// its alone in the world: a serial number, never a model or the name of an app. "" is
// a device of which only the gateway can say which it is.
func (b *Batch) Device(name string) acom.Device {
	if name = strings.TrimSpace(name); name == "" {
		return acom.Device{}
	}
	// The books have names between slashes.
	return acom.Device{Local: b.Service + ":" + strings.ReplaceAll(Clip(name, 100), "/", "%2F")}
}

// ExpectRows is Expect for a table whose rows have at least so many bytes.
func (b *Batch) ExpectRows(data []byte, least int) {
	b.Expect(min(bytes.Count(data, []byte("\n")), len(data)/least))
}

// Expect says how many readings will come of the first device, which then take no more
// room than they need. It is no promise.
func (b *Batch) Expect(n int) {
	if b.expected = min(n, maxReadings); len(b.piles) > 0 {
		b.piles[0].expected = b.expected
	}
}

// Add takes a reading of a device. A device without a name is the frame's own.
func (b *Batch) Add(d acom.Device, m acom.Measurement) {
	b.count++
	if b.count > maxReadings {
		return
	}
	place, ok := b.places[d.Local]
	if !ok {
		place = len(b.reports)
		b.places[d.Local] = place
		b.reports = append(b.reports, acom.Report{Device: d, Service: b.Service})
		b.piles = append(b.piles, pile{expected: b.expected})
	}
	r := &b.reports[place]
	if !d.Equal(r.Device) {
		r.Device = r.Device.Merge(d)
	}
	b.piles[place].add(m)
}

// pile collects readings without moving them as a slice does that grows: a frame of the
// shortest records becomes many.
type pile struct {
	full [][]acom.Measurement
	last []acom.Measurement
	// expected is how many will come, as far as known.
	expected int
}

// pileSize is how many readings are allocated at once, beyond the first few.
const pileSize = 256

func (p *pile) add(m acom.Measurement) {
	if size := max(p.expected, pileSize); len(p.last) == cap(p.last) && (p.expected > pileSize || len(p.last) >= pileSize) {
		if len(p.last) > 0 {
			p.full = append(p.full, p.last)
		}
		p.last, p.expected = make([]acom.Measurement, 0, size), 0
	}
	p.last = append(p.last, m)
}

// all are the readings in the order they came.
func (p *pile) all() []acom.Measurement {
	if len(p.full) == 0 {
		return p.last
	}
	n := len(p.last)
	for _, part := range p.full {
		n += len(part)
	}
	list := make([]acom.Measurement, 0, n)
	for _, part := range append(p.full, p.last) {
		list = append(list, part...)
	}
	return list
}

// Skip notes a record that is none of a measurement, such as a goal.
func (b *Batch) Skip(offset int, format string, a ...any) {
	if len(b.skipped) < maxSkips {
		b.skipped = append(b.skipped, adapters.Skip{Offset: min(max(offset, 0), len(b.frame.Bytes)), Reason: fmt.Sprintf(format, a...)})
	}
}

// Fault notes a record that should have been one and cannot be read.
func (b *Batch) Fault(offset int, format string, a ...any) {
	b.faults++
	b.Skip(offset, format, a...)
}

// Result gives what was collected. A frame of which every record was at fault is
// refused as a whole, and so is one of too many records.
func (b *Batch) Result() (adapters.Result, error) {
	switch {
	case b.count > maxReadings:
		return adapters.Result{}, &adapters.Error{Reason: fmt.Sprintf("more than %d readings in one frame; send the file in parts", maxReadings), Unprocessable: true}
	case b.count == 0 && b.faults > 0:
		return adapters.Result{}, &adapters.Error{Offset: b.skipped[0].Offset, Reason: "no record of it can be read; the first: " + b.skipped[0].Reason, Unprocessable: true}
	}
	for i := range b.reports {
		b.reports[i].Measurements = b.piles[i].all()
	}
	switch {
	case b.frame.Device != "" && len(b.reports) > 1:
		b.together()
	case b.frame.Device == "" && len(b.reports) > 1:
		b.dropNameless()
	}
	return adapters.Result{Reports: b.reports, Skipped: b.skipped}, nil
}

// dropNameless takes out the readings of no device where others have one: nobody could
// say whose they are, and the others are not held up by that.
func (b *Batch) dropNameless() {
	kept := b.reports[:0]
	for _, r := range b.reports {
		if r.Device.Local != "" {
			kept = append(kept, r)
			continue
		}
		b.Skip(0, "%d readings tell no device: give deviceId", len(r.Measurements))
	}
	b.reports = kept
}

// together makes one report of several where the gateway said what device it speaks
// for: the names that the service has for them stay with the readings.
func (b *Batch) together() {
	whole := acom.Report{Service: b.Service}
	for _, r := range b.reports {
		for _, m := range r.Measurements {
			if r.Device.Local != "" {
				more := acom.Metric{}
				if m.Metric != nil {
					more = *m.Metric
				}
				more.Notes = append(more.Notes[:len(more.Notes):len(more.Notes)], "Measured by "+strings.TrimPrefix(r.Device.Local, b.Service+":")+".")
				m.Metric = &more
			}
			whole.Measurements = append(whole.Measurements, m)
		}
	}
	b.reports = []acom.Report{whole}
}

// Refuse is the error of a frame that is no such file.
func Refuse(offset int, format string, a ...any) error {
	return &adapters.Error{Offset: offset, Reason: fmt.Sprintf(format, a...)}
}

// System is the code system of a service's own codes, for what has no code elsewhere.
func System(service string) string { return "urn:vitalwire:code:" + service }

// Clip shortens a text to at most n bytes of whole characters, without control
// characters.
func Clip(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7F || r == utf8.RuneError {
			return -1
		}
		return r
	}, text)
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "")
	}
	return strings.TrimSpace(text)
}

// Note is a person's own words about a reading, "" for none.
func Note(text string) []string {
	if text = Clip(text, maxText); text == "" {
		return nil
	}
	return []string{text}
}
