package biceps

import (
	"slices"

	"vitalwire/adapters/acom"
)

// MDC terms of an alarm's attributes, as PCD-04 sends them.
const (
	alarmSource   = 68480
	alarmPhase    = 68481
	alarmState    = 68482
	alarmInactive = 68483
	alarmPriority = 68484
	alarmType     = 68485
)

// alert is what the descriptor of an alert condition or of a signal says.
type alert struct {
	Code     acom.Code     `json:"code,omitempty"`
	Codings  []acom.Coding `json:"codings,omitempty"`
	Text     string        `json:"text,omitempty"`
	Kind     string        `json:"kind,omitempty"`
	Priority string        `json:"priority,omitempty"`
	Sources  []string      `json:"sources,omitempty"`
	// Condition and Manifestation of a signal.
	Condition     string `json:"condition,omitempty"`
	Manifestation string `json:"manifestation,omitempty"`
}

// conditionOf reads the descriptor of an alert condition.
func conditionOf(e *element, handle string) *alert {
	typ := readCode(e.pm("Type"))
	a := &alert{Kind: e.get("Kind"), Priority: e.get("Priority"), Text: typ.words}
	a.Code, a.Codings = typ.typed("Alert condition " + handle)
	for c := range e.children() {
		if c.space == pm && c.name == "Source" && clean(c.text) != "" && len(a.Sources) < 20 {
			a.Sources = append(a.Sources, clean(c.text))
		}
	}
	return a
}

// alarm is the life of an alert condition as far as it was told, under
// <owner>/alert/<handle>.
type alarm struct {
	Sequence string `json:"sequence"`
	Version  uint64 `json:"version,omitempty"` // of the newest state
	// Event names the alarm that is or was last; "" when the condition was never seen present.
	Event    string            `json:"event,omitempty"`
	Present  bool              `json:"present,omitempty"`
	Over     bool              `json:"over,omitempty"` // neither present nor latched
	Priority string            `json:"priority,omitempty"`
	Active   string            `json:"active,omitempty"` // ActivationState of the condition
	At       string            `json:"at,omitempty"`     // DeterminationTime of the newest state
	Limit    *acom.Range       `json:"limit,omitempty"`
	Signals  map[string]signal `json:"signals,omitempty"`

	// Of this frame alone.
	phase string
	late  *acom.Measurement
}

// signal is the state of an alert signal.
type signal struct {
	Manifestation string `json:"manifestation"`
	Presence      string `json:"presence"`
	Active        string `json:"active"`
	Version       uint64 `json:"version,omitempty"`
}

// alarm is what is known of a condition, with what this frame has told of it so far.
func (t *turn) alarm(condition string) *alarm {
	if a, ok := t.alarmsOf[condition]; ok {
		return a
	}
	a := &alarm{}
	if t.owner == "" || !t.book.load(t.key("alert", condition), a) || a.Sequence != t.head.name() {
		a = &alarm{Sequence: t.head.name(), Over: true}
	}
	if t.alarmsOf == nil {
		t.alarmsOf = map[string]*alarm{}
	}
	t.alarmsOf[condition] = a
	t.signals = append(t.signals, condition)
	return a
}

// alertState reads the state of an alert condition or of a signal.
func (t *turn) alertState(e *element, handle string, d *descriptor) {
	if d.Class == "AlertSignal" {
		if c := t.describe(d.Alert.Condition); c == nil || c.Class != "AlertCondition" {
			return
		}
		a := t.alarm(d.Alert.Condition)
		now := signal{d.Alert.Manifestation, e.get("Presence"), activation(e), number(e.get("StateVersion"))}
		if old, known := a.Signals[handle]; known && old.Version > now.Version {
			t.skip(e, "an older state of the alert signal than is known")
			return
		}
		if a.Signals == nil {
			a.Signals = map[string]signal{}
		}
		if a.Signals[handle] != now && a.phase == "" {
			a.phase = "update"
		}
		a.Signals[handle] = now
		return
	}
	t.conditionState(e, handle, d)
}

// conditionState reads the state of a condition. One that comes after a newer one tells no
// more than that there was an alarm.
func (t *turn) conditionState(e *element, handle string, d *descriptor) {
	a := t.alarm(handle)
	present, version, at := e.get("Presence") == "true" || e.get("Presence") == "1", number(e.get("StateVersion")), e.get("DeterminationTime")
	if r := e.pm("Limits"); r != nil {
		a.Limit = limits(r)
		t.limited(d, a.Limit)
	}
	if version < a.Version {
		if present && !a.Present && (at == "" || a.Event != eventOf(handle, t.head, at, version)) {
			m := t.alarmed(d, &alarm{Event: eventOf(handle, t.head, at, version), Present: true, At: at, Priority: a.Priority, Active: activation(e), phase: "start", Limit: a.Limit})
			m.Metric.Stage = 0
			m.Metric.Notes = append(m.Metric.Notes, "This came after the alarm was over.")
			a.late = &m
			return
		}
		t.skip(e, "an older state of the alert condition than is known")
		return
	}
	priority := e.get("ActualPriority")
	if priority == "" {
		priority = d.Alert.Priority
	}
	switch {
	case present && !a.Present && (a.Over || a.Event == ""):
		a.phase, a.Event = "start", eventOf(handle, t.head, at, version)
	case present && !a.Present: // again, while it was latched: the same alarm to who has to confirm it
		a.phase = "continue"
	case present && rank[priority] > rank[a.Priority]:
		a.phase = "escalate"
	case present && rank[priority] < rank[a.Priority]:
		a.phase = "deescalate"
	case present && a.phase == "":
		a.phase = "continue"
	case !present && a.Present:
		a.phase = "end"
	}
	a.Present, a.Version, a.Priority, a.Active = present, version, priority, activation(e)
	if at != "" {
		a.At = at
	}
}

// rank orders priorities.
var rank = map[string]int{"None": 0, "Lo": 1, "Me": 2, "Hi": 3}

// eventOf names an alarm: BICEPS has no name for one, so that it is the condition and
// when it was first told to be present.
func eventOf(handle string, h head, at string, version uint64) string {
	if _, ok := millis(at); ok {
		return "biceps/" + handle + "@" + at
	}
	return "biceps/" + handle + "@" + h.name() + "/" + formatNumber(version)
}

// limited gives the metric that a condition watches its limits.
func (t *turn) limited(d *descriptor, r *acom.Range) {
	if len(d.Alert.Sources) != 1 {
		return
	}
	if m := t.describe(d.Alert.Sources[0]); m != nil && m.Class == "metric" {
		m.Object.Limits = r
	}
}

// alarms gives what the frame told of alarms, in the order told.
func (t *turn) alarms() {
	for _, handle := range t.signals {
		a, d := t.alarmsOf[handle], t.describe(handle)
		if d == nil {
			continue // deleted by a later part
		}
		s := t.system(d.System)
		if a.late != nil {
			s.measurements = append(s.measurements, *a.late)
		}
		latched := false
		for _, x := range a.Signals {
			latched = latched || x.Presence == "Latch"
		}
		was := a.Over
		a.Over = !a.Present && !latched
		if a.Event != "" && !(was && a.Over) && a.phase != "" {
			if a.Over && a.phase == "update" {
				a.phase = "end"
			}
			s.measurements = append(s.measurements, t.alarmed(d, a))
		}
		if t.owner != "" {
			t.book.store(t.key("alert", handle), a)
		}
	}
}

// Words of BICEPS as PCD-04 has them, with what they mean to people.
var (
	priorities = map[string]acom.Coding{"Lo": {Code: "PL", Display: "Low priority"}, "Me": {Code: "PM", Display: "Medium priority"}, "Hi": {Code: "PH", Display: "High priority"}, "None": {Code: "PN", Display: "No alarm"}}
	alarmKinds = map[string]acom.Coding{"Phy": {Code: "SP", Display: "Physiological alarm"}, "Tec": {Code: "ST", Display: "Technical alarm"}, "Oth": {Code: "SA", Display: "Advisory"}}
	phases     = map[string]string{"start": "Start", "continue": "Continues", "end": "End", "update": "Update", "escalate": "Escalated", "deescalate": "De-escalated"}
)

// alarmed is the alarm as a measurement: the state that its event is in, as that of a
// PCD-04 message (adapters/hl7pcd04).
func (t *turn) alarmed(d *descriptor, a *alarm) acom.Measurement {
	m := acom.Measurement{Kind: acom.Compound, Type: d.Alert.Code}
	m.Metric = &acom.Metric{Codings: slices.Clone(d.Alert.Codings), Event: a.Event}
	m.Metric.Codings = append(m.Metric.Codings, mdcCoding(196616, "")) // MDC_EVT_ALARM
	if d.Alert.Text != "" {
		m.Metric.Notes = append(m.Metric.Notes, d.Alert.Text)
	}
	if a.Limit != nil {
		m.Metric.Notes = append(m.Metric.Notes, "Limits: "+a.Limit.Low+" to "+a.Limit.High+".")
	}
	var late []string
	m.Time, late = t.when(d.System, a.At, nil, "")
	m.Metric.Notes = append(m.Metric.Notes, late...)
	for _, source := range d.Alert.Sources {
		m.Components = append(m.Components, acom.Component{Type: alarmSource, Value: t.source(source)})
	}
	add := func(part acom.Code, c acom.Coding) {
		m.Components = append(m.Components, acom.Component{Type: part, Value: acom.Value{Concept: []acom.Coding{c}}})
	}
	add(alarmPhase, acom.Coding{Code: a.phase, Display: phases[a.phase]})
	switch {
	case a.Present:
		add(alarmState, acom.Coding{Code: "active", Display: "Active"})
	case !a.Over:
		add(alarmState, acom.Coding{Code: "latched", Display: "Latched"})
	default:
		add(alarmState, acom.Coding{Code: "inactive", Display: "Inactive"})
	}
	for _, c := range a.inactivation() {
		add(alarmInactive, c)
	}
	add(alarmPriority, worded(priorities, a.Priority, "PU"))
	add(alarmType, worded(alarmKinds, d.Alert.Kind, "SA"))
	if !a.Over || a.Present {
		m.Metric.Stage = acom.Preliminary
	}
	return m
}

func worded(words map[string]acom.Coding, word, none string) acom.Coding {
	if c, ok := words[word]; ok {
		return c
	}
	return acom.Coding{Code: none, Display: short(word)}
}

// source is what gave the alarm: the type of the metric or of the component.
func (t *turn) source(handle string) acom.Value {
	d := t.describe(handle)
	switch {
	case d != nil && d.Object != nil && d.Object.Type != 0:
		return acom.Value{Coded: []acom.Code{d.Object.Type}}
	case d != nil && d.Object != nil && d.Object.Codings[0].Code != "":
		return acom.Value{Concept: d.Object.Codings[:1]}
	case d != nil && d.Device != nil && d.Device.Type != 0:
		return acom.Value{Coded: []acom.Code{d.Device.Type}}
	}
	return acom.Value{Text: handle}
}

// inactivation is how the alarm is kept from being heard or seen.
func (a *alarm) inactivation() (list []acom.Coding) {
	add := func(c acom.Coding) {
		if !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	switch a.Active {
	case "Psd":
		add(acom.Coding{Code: "alarm-paused", Display: "Alarm paused"})
	case "Off":
		add(acom.Coding{Code: "alarm-off", Display: "Alarm off"})
	}
	for _, handle := range sorted(a.Signals) {
		s := a.Signals[handle]
		switch {
		case s.Manifestation == "Aud" && s.Active == "Psd":
			add(acom.Coding{Code: "audio-paused", Display: "Audio paused"})
		case s.Manifestation == "Aud" && s.Active == "Off":
			add(acom.Coding{Code: "audio-off", Display: "Audio off"})
		}
		if s.Presence == "Ack" {
			add(acom.Coding{Code: "alert-acknowledged", Display: "Acknowledged"})
		}
	}
	if len(list) == 0 {
		add(acom.Coding{Code: "enabled", Display: "Enabled"})
	}
	return list
}
