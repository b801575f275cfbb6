package hl7pcd01

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
)

// MDC terms of alarms (IHE PCD TF-2, PCD-04; 11073-10101).
const (
	evtActive   = 196614 // MDC_EVT_ACTIVE: the watchdog's sign of life
	evtAlarm    = 196616 // MDC_EVT_ALARM
	attrTimeout = 67860  // MDC_ATTR_CONFIRM_TIMEOUT

	alarmSource   = 68480
	alarmPhase    = 68481
	alarmState    = 68482
	alarmInactive = 68483
	alarmPriority = 68484
	alarmType     = 68485
)

// alarmParts are the attributes of an alarm by REFID: older senders have other
// numbers for them (68164 to 68168), which the REFIDs of 11073-20601 have since.
var alarmParts = map[string]acom.Code{
	"MDC_ATTR_ALERT_SOURCE": alarmSource, "MDC_ATTR_EVENT_PHASE": alarmPhase,
	"MDC_ATTR_ALARM_STATE": alarmState, "MDC_ATTR_ALERT_STATE": alarmState,
	"MDC_ATTR_ALARM_INACTIVATION_STATE": alarmInactive, "MDC_ATTR_ALERT_INACTIVATION_STATE": alarmInactive,
	"MDC_ATTR_ALARM_PRIORITY": alarmPriority, "MDC_ATTR_ALERT_PRIORITY": alarmPriority,
	"MDC_ATTR_ALERT_TYPE": alarmType, "MDC_ATTR_ALARM_TYPE": alarmType,
}

// alarmWords say to people what the words of an alarm's attributes mean (PCD TF-2
// B.8.8 and the PCD-04 attribute tables). A word that is not here is the sender's.
var alarmWords = map[string]string{
	"PN": "No alarm", "PL": "Low priority", "PM": "Medium priority", "PH": "High priority", "PI": "Not said, as intended", "PU": "Not known",
	"SP": "Physiological alarm", "ST": "Technical alarm", "SA": "Advisory",
	"start": "Start", "continue": "Continues", "end": "End", "update": "Update", "escalate": "Escalated", "deescalate": "De-escalated", "reset": "Reset",
	"present": "Present", "tpoint": "Time point", "active": "Active", "inactive": "Inactive", "latched": "Latched",
	"enabled": "Enabled", "audio-paused": "Audio paused", "audio-off": "Audio off", "alarm-paused": "Alarm paused", "alarm-off": "Alarm off", "alert-acknowledged": "Acknowledged",
}

// alarm is an OBR of PCD-04 with what its rows say.
type alarm struct {
	row    *result // the event itself
	code   coded
	parts  []acom.Component
	notes  []string
	phase  string
	state  string
	within string // seconds, of a watchdog
}

// alarms gives what every group says: an alarm, or a sign of life, which is nothing to chart.
func (r *reader) alarms() (reports []acom.Report, alive []adapters.Alive, err error) {
	for i, g := range r.groups {
		g.device = r.deviceOf(g, r.before(i))
		a := r.alarm(g)
		g.complete()
		if a.code.code == evtActive || a.code.refID == "MDC_EVT_ACTIVE" {
			// A watchdog starts and continues; its end is announced as that of an alarm is.
			alive = append(alive, adapters.Alive{Device: g.device, Within: a.within, Ended: a.phase == "end" || a.state == "inactive"})
			continue
		}
		if a.row == nil {
			if a.code = r.code(g.obr.Field(4)); a.code.code == 0 && len(a.code.codings) == 0 {
				return nil, nil, g.obr.Errorf(4, "an alarm whose event nothing names")
			}
		}
		reports = append(reports, acom.Report{Device: g.device, Measurements: []acom.Measurement{r.alarmed(g, a)},
			Bedside: &acom.Bedside{Sender: r.sender(), Subject: g.about.subject, Place: g.about.place, Objects: g.objects}})
	}
	return reports, alive, nil
}

// alarm sorts the rows of a group: objects of the containment tree, attributes of
// the alarm, the event, and what else was sent of it.
func (r *reader) alarm(g *group) alarm {
	var a alarm
	for i := range g.results {
		row := &g.results[i]
		c := r.code(row.obx.Field(3))
		part := alarmParts[c.refID]
		if part == 0 && c.code >= alarmSource && c.code <= alarmType {
			part = c.code
		}
		switch {
		case row.path.isObject() && row.obx.Field(2).Empty():
			g.objects = append(g.objects, r.object(row, &c))
			continue
		case part != 0:
			a.attribute(r, part, row.obx)
		case c.code == attrTimeout:
			a.within = r.timeout(row.obx)
		case a.row == nil:
			a.row, a.code = row, c
			a.notes = append(a.notes, row.notes...)
		default:
			v, _, notes := r.value(row.obx.Field(2).Component(1).Text(), row.obx.Field(5))
			unit := r.unit(row.obx.Field(6))
			v.Unit, v.Foreign = unit.code, unit.foreign
			if v.Number == nil {
				v.Unit, v.Foreign = 0, nil
			}
			a.parts = append(a.parts, acom.Component{Type: c.code, Codings: c.codings, Value: v})
			a.notes = append(a.notes, notes...)
		}
		for _, note := range c.notes {
			if !slices.Contains(a.notes, note) {
				a.notes = append(a.notes, note)
			}
		}
	}
	return a
}

// attribute reads one attribute; the states of an alarm's inactivation may repeat.
func (a *alarm) attribute(r *reader, part acom.Code, obx *hl7v2.Segment) {
	for _, repetition := range obx.Field(5).Repetitions() {
		word := repetition.Component(1).Text()
		v := acom.Value{Concept: []acom.Coding{{Code: word, Display: cmp.Or(alarmWords[word], alarmWords[strings.ToLower(word)])}}}
		switch system := repetition.Component(3).Text(); {
		case part == alarmSource && system == "":
			v = acom.Value{Text: whole(repetition)}
		case system != "":
			c := r.code(repetition)
			if v = (acom.Value{Concept: c.codings}); c.code != 0 {
				v.Coded = []acom.Code{c.code}
			}
		}
		switch part {
		case alarmPhase:
			a.phase = strings.ToLower(word)
		case alarmState:
			a.state = strings.ToLower(word)
		}
		a.parts = append(a.parts, acom.Component{Type: part, Value: v})
	}
}

// has tells whether an attribute was sent.
func (a *alarm) has(part acom.Code) bool {
	return slices.ContainsFunc(a.parts, func(c acom.Component) bool { return c.Type == part })
}

// alarmed is the alarm as a measurement: the state its event is in. The same event in
// another state is the same Observation in another version.
func (r *reader) alarmed(g *group, a alarm) acom.Measurement {
	m := acom.Measurement{Kind: acom.Compound, Type: a.code.code, Metric: &acom.Metric{Codings: a.code.codings, Event: event(g.obr)}}
	obx := &hl7v2.Segment{}
	if a.row != nil {
		obx = a.row.obx
		if text := whole(obx.Field(5)); text != "" {
			m.Metric.Notes = append(m.Metric.Notes, text)
		}
	}
	var late []string
	m.Time, late = r.when(obx, g.obr)
	for _, word := range obx.Field(8).Repetitions() {
		part := acom.Code(alarmPriority)
		switch text := word.Component(1).Text(); {
		case !priorities[text]:
			continue
		case strings.HasPrefix(text, "S"):
			part = alarmType
			fallthrough
		default:
			if !a.has(part) { // told beside the event instead of in a row of its own
				a.parts = append(a.parts, acom.Component{Type: part, Value: acom.Value{Concept: []acom.Coding{{Code: text, Display: alarmWords[text]}}}})
			}
		}
	}
	m.Components = a.parts
	if r.header.Field(11).Component(1).Text() == "T" { // training
		m.Status |= acom.TestData
	}
	if family := r.code(g.obr.Field(4)); family.code != 0 && family.code != m.Type {
		m.Metric.Codings = append(m.Metric.Codings, mdcCoding(family.code, family.refID))
	}
	// The state says whether the condition is there, or was and is held (PCD TF-2, PCD-04,
	// "Alarm current state"): a latched alarm that is reset is over without another end.
	over := a.phase == "end" && a.state != "latched" || a.phase == "tpoint" || a.state == "inactive"
	if !over {
		m.Metric.Stage = acom.Preliminary
	}
	m.Metric.Notes = append(append(append(m.Metric.Notes, a.notes...), late...), g.notes...)
	return m
}

// event identifies the alarm whose state a group is: the parent that OBR-29 names,
// which is the first message of the alarm, else OBR-3, which that one itself has.
func event(obr *hl7v2.Segment) string {
	parent := obr.Field(29)
	for _, part := range []hl7v2.Part{parent.Component(2), parent.Component(1)} {
		if id := joined(part.Sub(1).Text(), part.Sub(2).Text(), part.Sub(3).Text()); id != "" {
			return id
		}
	}
	for _, n := range []int{3, 2} {
		p := obr.Field(n)
		if id := joined(p.Component(1).Text(), p.Component(2).Text(), p.Component(3).Text()); id != "" {
			return id
		}
	}
	return ""
}

func joined(words ...string) string {
	id := strings.TrimRight(strings.Join(words, "^"), "^")
	if len(id) > 200 {
		id = strings.ToValidUTF8(id[:200], "")
	}
	return id
}

// seconds are the units in which a timeout may be told, in thousandths of a second.
var seconds = map[acom.Code]int64{264320: 1000, 264338: 1, 264352: 60_000} // s, ms, min

// timeout is how many seconds may pass until a watchdog's next sign (MDC_ATTR_CONFIRM_TIMEOUT);
// "" for what is none. Without a unit it is of seconds, which the profile has.
func (r *reader) timeout(obx *hl7v2.Segment) string {
	number, ok := decimal(obx.Field(5).Component(1).Text())
	sent := r.unit(obx.Field(6))
	unit, foreign := sent.code, sent.foreign
	factor, known := seconds[unit]
	switch {
	case !ok, len(number) > 12:
		return ""
	case unit == 0 && foreign == nil, factor == 1000, foreign != nil && foreign.Code == "s":
		return number
	case !known:
		return ""
	}
	value, ok := new(big.Rat).SetString(number)
	if !ok {
		return ""
	}
	text := value.Mul(value, big.NewRat(factor, 1000)).FloatString(3)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
