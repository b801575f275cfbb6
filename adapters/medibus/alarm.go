package medibus

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vitalwire/adapters/acom"
)

// Terms of alarms (11073-10101; PCD-04 has the same).
const (
	evtAlarm   = 196616
	alarmPhase = 68481
	alarmState = 68482
)

// alarmed are the alarms of a page that are on, remembered under <device>/alarms/<page>.
type alarmed struct {
	// Count names the next event.
	Count int              `json:"count"`
	On    map[string]alarm `json:"on,omitempty"` // by code
}

type alarm struct {
	Priority string `json:"priority"`
	Phrase   string `json:"phrase,omitempty"`
	Event    string `json:"event"`
}

// alarms reads the alarms that are on: priority, two digits of code, twelve of words.
// What changed since they were told last is an event.
func (r *reader) alarms(a answer, p page) error {
	const width = 15
	if len(a.data)%width != 0 {
		return errors.New("an alarm is not whole")
	}
	var before alarmed
	if told, ok := r.recall("alarms/" + p.name); ok {
		_ = json.Unmarshal(told, &before) // what cannot be read is as if none was on
	}
	now := alarmed{Count: before.Count, On: map[string]alarm{}}
	for rest := a.data; rest != ""; rest = rest[width:] {
		n, ok := hex(rest[1:3])
		code := fmt.Sprintf("%02X", n)
		if !ok {
			return errors.New("the code of an alarm is no two hex digits")
		}
		if _, twice := now.On[code]; twice {
			continue
		}
		got := alarm{Priority: strconv.Itoa(int(rest[0]) - '0'), Phrase: strings.TrimSpace(rest[3:width])}
		old, on := before.On[code]
		if got.Event = old.Event; !on {
			now.Count++
			got.Event = fmt.Sprintf("%s/%s/%d", p.name, code, now.Count)
			if w := r.now; w != nil {
				got.Event += fmt.Sprintf("@%04d%02d%02d%02d%02d%02d", w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second)
			}
		}
		now.On[code] = got
		switch {
		case !on:
			r.alarm(p, code, got, "start", "Start")
		case got != old:
			r.alarm(p, code, got, "update", "Update")
		}
	}
	var over []string
	for code := range before.On {
		if _, on := now.On[code]; !on {
			over = append(over, code)
		}
	}
	slices.Sort(over)
	for _, code := range over {
		r.alarm(p, code, before.On[code], "end", "End")
	}
	r.keep("alarms/"+p.name, now)
	return nil
}

func (r *reader) alarm(p page, code string, a alarm, phase, words string) {
	m := acom.Measurement{Kind: acom.Compound, Time: r.said, Metric: &acom.Metric{Event: a.Event, Codings: []acom.Coding{
		{System: system + p.name + ":alarm", Code: code, Display: a.Phrase},
		{System: "urn:iso:std:iso:11073:10101", Code: strconv.Itoa(evtAlarm), Display: "MDC_EVT_ALARM"},
	}}}
	state, stateWords := "active", "Active"
	if phase == "end" {
		state, stateWords = "inactive", "Inactive"
	} else {
		m.Metric.Stage = acom.Preliminary
	}
	m.Components = []acom.Component{
		{Type: alarmPhase, Value: acom.Value{Concept: []acom.Coding{{Code: phase, Display: words}}}},
		{Type: alarmState, Value: acom.Value{Concept: []acom.Coding{{Code: state, Display: stateWords}}}},
		{Codings: []acom.Coding{{System: system + "alarm-priority", Code: "priority", Display: "Priority"}}, Value: acom.Value{Concept: []acom.Coding{{System: system + "alarm-priority", Code: a.Priority}}}},
	}
	if a.Phrase != "" {
		m.Metric.Notes = []string{a.Phrase}
	}
	r.report.Measurements = append(r.report.Measurements, m)
}
