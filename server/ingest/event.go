package ingest

import (
	"time"

	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// An event, such as an alarm, is one Observation whose versions are its states (IHE PCD-04).
// Its messages may come twice and in any order; a device repeats the state of an alarm that
// goes on, every 10 to 30 seconds.

// continued is the book of how long events went on as their last version says:
// Observation's id -> instant. A repetition is no version, but what is older than it came late.
const continued = "continued"

// comesLate reports whether a state of an event is older than what is known of it. One that
// is the known state again, and later, is noted: the event went on until then.
func (p *plan) comesLate(r store.Reader, id string, now, state *fhir.Resource, same bool) (bool, error) {
	if overtaken(now, state) {
		return true, nil
	}
	known, began := stateTime(now)
	told, ok := stateTime(state)
	if !ok || !began {
		return false, nil
	}
	before, noted, err := r.Record(continued, id)
	if err != nil {
		return false, err
	}
	until := known.Low()
	if last, err := time.Parse(time.RFC3339Nano, string(before)); err == nil && last.After(until) {
		until = last
	}
	switch at := told.Low(); {
	case at.Before(until):
		return true, nil
	case same && at.After(until):
		p.record(store.RecordWrite{Collection: continued, Key: id, Value: []byte(at.UTC().Format(time.RFC3339Nano)), IfAbsent: !noted, IfValue: before})
		p.repeated++
	}
	return false, nil
}

// overtaken reports whether a state of an event is older than a version of it: it came late,
// and what is over stays over (IHE PCD-04: an alarm's messages may come in any order). Of two
// states of one instant, and where nobody told when, the end is the later.
func overtaken(now, state *fhir.Resource) bool {
	reopens := now.Get("status").Text() == "final" && state.Get("status").Text() == "preliminary"
	known, ok := stateTime(now)
	told, also := stateTime(state)
	if !ok || !also {
		return reopens
	}
	at, of := told.Low(), known.Low()
	return at.Before(of) || at.Equal(of) && reopens
}

// stateTime is when a state began.
func stateTime(o *fhir.Resource) (fhir.DateTime, bool) {
	text := o.Get("effectiveDateTime").Text()
	for _, end := range []string{"start", "end"} {
		if at := o.Path("effectivePeriod", end).Text(); at != "" {
			text = at
		}
	}
	return fhir.ParseInstant(text)
}

// begun settles whose a state of an event is, when the Observation of that event is of
// somebody else. While the event goes on it stays with whom it began: the device may be on
// another patient when the alarm of its last one is switched off. What comes of an event that
// is over is another event, of a device that gives its names again: it gets an Observation
// of its own.
func begun(r store.Reader, o *mapping.Observation, found *store.Version) (*store.Version, error) {
	before, err := fhir.ParseResource(found.Body)
	if err != nil {
		return nil, err
	}
	whose := before.Get("subject")
	if whose == nil || whose.Equal(o.Resource.Get("subject")) {
		return found, nil
	}
	if before.Get("status").Text() != "final" || overtaken(before, o.Resource) {
		o.Resource.Root().Set("subject", whose.Clone())
		return found, nil
	}
	*o = o.Apart()
	own, ok, err := findByIdentifier(r, "Observation", o.Identifier.System, o.Identifier.Value)
	if err != nil || !ok {
		return nil, err
	}
	return &own, nil
}
