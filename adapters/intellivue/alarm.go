package intellivue

import (
	"encoding/json"
	"fmt"
	"slices"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Attributes of an alarm (11073-10101; PCD-04 has the same).
const (
	evtAlarm      = 196616
	alarmSource   = 68480
	alarmPhase    = 68481
	alarmState    = 68482
	alarmPriority = 68484
	alarmType     = 68485
)

// mostAlarms are as many as a list may have.
const mostAlarms = 64

// alarm is a DevAlarmEntry, as it is remembered while it is on.
type alarm struct {
	Code   uint16 `json:"code"`
	Source uint16 `json:"source"`
	Kind   uint16 `json:"kind"`
	State  uint16 `json:"state"`
	Text   string `json:"text,omitempty"`
	// Event names it from its beginning on.
	Event string `json:"event"`
}

// alarmList are the alarms of a kind that are on: of the patient or of the devices.
type alarmList struct {
	name   string
	alarms map[string]alarm // by what tells them apart
	order  []string
}

func (r *reader) alarmList(id uint16, c *cursor.Cursor) alarmList {
	list := alarmList{name: "patient", alarms: map[string]alarm{}}
	if id == attrDeviceAlarms {
		list.name = "device"
	}
	each(c, "alarms", func(c *cursor.Cursor) {
		if !r.spend(c, 8) {
			return
		}
		a := alarm{Source: c.U16("alarm source"), Code: c.U16("alarm code"), Kind: c.U16("alarm type"), State: c.U16("alarm state")}
		key := fmt.Sprintf("%d/%d/%X", a.Code, a.Source, c.Take(6, "object"))
		form := c.U16("alarm information")
		info := c.Sub(int(c.U16("alarm information")), "alarm information")
		const general, worded = 513, 516
		if form == general || form == worded {
			key += fmt.Sprintf("/%d", info.U16("instance"))
			info.U32("text identifier")
			info.U32("priority and flags")
			if form == worded {
				a.Text = text(info)
			}
		}
		if _, twice := list.alarms[key]; a.Kind != 0 && !twice && len(list.order) < mostAlarms {
			list.alarms[key] = a
			list.order = append(list.order, key)
		}
	})
	return list
}

// alarms tells what changed since the list was seen last: alarms that began, that are
// in another state, and that are on no more.
func (r *reader) alarms(list alarmList) {
	if r.needs = true; r.name == "" {
		return
	}
	before := map[string]alarm{}
	if data, ok := r.recall(r.key("alarms/%s", list.name)); ok {
		_ = json.Unmarshal(data, &before) // what cannot be read is as if none was on
	}
	for _, key := range list.order {
		a := list.alarms[key]
		old, on := before[key]
		if a.Event = old.Event; !on {
			a.Event = fmt.Sprintf("%s/%s@%s", list.name, key, r.stamp())
		}
		list.alarms[key] = a
		switch {
		case !on:
			r.alarm(a, "start", "Start")
		case a != old:
			r.alarm(a, "update", "Update")
		}
	}
	var over []string
	for key := range before {
		if _, on := list.alarms[key]; !on {
			over = append(over, key)
		}
	}
	slices.Sort(over)
	for _, key := range over {
		r.alarm(before[key], "end", "End")
	}
	if data, err := json.Marshal(list.alarms); err == nil {
		r.keep(r.key("alarms/%s", list.name), data)
	}
}

// stamp is the moment in the name of an event.
func (r *reader) stamp() string {
	if w := r.moment.Wall; w != nil {
		return fmt.Sprintf("%04d%02d%02d%02d%02d%02d.%s", w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second, w.Fraction)
	}
	return fmt.Sprint(r.relative)
}

// alarm adds an alarm in the phase it is in, as PCD-04 has them.
func (r *reader) alarm(a alarm, phase, words string) {
	const silenced, latched, test, demo = 0x1000, 0x2000, 0x0400, 0x0100
	m := acom.Measurement{Kind: acom.Compound, Time: r.moment, Metric: &acom.Metric{Event: a.Event}}
	// The lowest bit of the code tells the partition of the source.
	partition := uint16(acom.PartitionSCADA)
	if a.Code&1 != 0 {
		partition = acom.PartitionObject
	}
	if event := a.Code &^ 1; event < private {
		m.Type = acom.MDC(acom.PartitionEvent, event)
	} else {
		m.Metric.Codings = append(m.Metric.Codings, *own("event", event))
	}
	m.Metric.Codings = append(m.Metric.Codings, mdc(evtAlarm))
	part := func(typ acom.Code, word, words string) {
		m.Components = append(m.Components, acom.Component{Type: typ, Value: acom.Value{Concept: []acom.Coding{{Code: word, Display: words}}}})
	}
	source := acom.Component{Type: alarmSource}
	if a.Source >= private {
		source.Value.Concept = []acom.Coding{*own("physio", a.Source)}
	} else {
		source.Value.Coded = []acom.Code{acom.MDC(partition, a.Source)}
	}
	m.Components = append(m.Components, source)
	part(alarmPhase, phase, words)
	switch {
	case phase == "end":
		part(alarmState, "inactive", "Inactive")
	case a.State&latched != 0:
		part(alarmState, "latched", "Latched")
	default:
		part(alarmState, "active", "Active")
	}
	switch {
	case a.Kind&0x0404 != 0:
		part(alarmPriority, "PH", "High priority")
	case a.Kind&0x0202 != 0:
		part(alarmPriority, "PM", "Medium priority")
	case a.Kind&0x0101 != 0:
		part(alarmPriority, "PL", "Low priority")
	}
	if a.Kind&0xFF00 != 0 {
		part(alarmType, "SP", "Physiological alarm")
	} else {
		part(alarmType, "ST", "Technical alarm")
	}
	if a.Text != "" {
		m.Metric.Notes = append(m.Metric.Notes, a.Text)
	}
	if a.State&silenced != 0 {
		m.Metric.Notes = append(m.Metric.Notes, "Silenced at the monitor.")
	}
	if a.State&test != 0 {
		m.Status |= acom.TestData
	}
	if a.State&demo != 0 {
		m.Status |= acom.DemoData
	}
	if phase != "end" {
		m.Metric.Stage = acom.Preliminary
	}
	r.facts = true
	r.report.Measurements = append(r.report.Measurements, m)
}
