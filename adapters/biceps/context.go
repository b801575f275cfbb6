package biceps

import (
	"slices"
	"strings"

	"vitalwire/adapters/acom"
)

// context is the state of a patient or location context.
type context struct {
	System  string        `json:"system"`
	Class   string        `json:"class"` // PatientContext or LocationContext
	Version uint64        `json:"version,omitempty"`
	State   string        `json:"state"` // ContextAssociation
	Valid   bool          `json:"valid,omitempty"`
	Subject *acom.Subject `json:"subject,omitempty"`
	Place   string        `json:"place,omitempty"`
	From    int64         `json:"from,omitempty"` // ms
	Until   int64         `json:"until,omitempty"`
}

// maxContexts bounds what is kept of one MDS: the present patient, and those before whose
// readings may come late.
const maxContexts = 20

// contextState learns a context state. Identity counts only of one that is associated and
// that somebody has validated (IEEE 11073-10207, AbstractContextState; MDPWS leaves who).
func (t *turn) contextState(e *element, d *descriptor) {
	handle := e.get("Handle")
	if handle == "" {
		handle = e.get("DescriptorHandle")
	}
	if len(handle) > maxHandle {
		t.skip(e, "a context state with an overlong Handle")
		return
	}
	c := context{System: d.System, Class: d.Class, Version: number(e.get("StateVersion")), State: e.get("ContextAssociation"), Valid: e.pm("Validator") != nil}
	if old, known := t.head.Contexts[handle]; known && old.Version > c.Version && old.System == c.System {
		t.skip(e, "an older state of the context than is known")
		return
	}
	c.From, _ = millis(e.get("BindingStartTime"))
	c.Until, _ = millis(e.get("BindingEndTime"))
	if c.State == "" {
		c.State = "No"
	}
	if c.Valid && c.State != "No" && c.State != "Pre" {
		if d.Class == "PatientContext" {
			c.Subject = subject(e)
		} else {
			c.Place = place(e.pm("LocationDetail"))
		}
	}
	if t.head.Contexts == nil {
		t.head.Contexts = map[string]context{}
	}
	if len(t.head.Contexts) >= maxContexts*max(1, len(t.head.Systems)) {
		t.forgetContexts()
	}
	t.head.Contexts[handle], t.learned = c, true
	t.system(d.System)
	if c.Subject != nil && c.State == "Assoc" && !e.foreign {
		t.body(e, d.System, c)
	}
}

// forgetContexts drops the oldest of what is over.
func (t *turn) forgetContexts() {
	var over []string
	for handle, c := range t.head.Contexts {
		if c.State != "Assoc" {
			over = append(over, handle)
		}
	}
	slices.SortFunc(over, func(a, b string) int {
		if d := t.head.Contexts[a].Until - t.head.Contexts[b].Until; d != 0 {
			return int(max(-1, min(1, d)))
		}
		return strings.Compare(a, b)
	})
	for _, handle := range over[:(len(over)+1)/2] {
		delete(t.head.Contexts, handle)
	}
}

// bound is whose and where readings of a time are.
type bound struct {
	subject *acom.Subject
	place   string
}

// bound finds the patient and the place that an MDS had at a time; without a time, those
// it has now. Of two at one time neither counts.
func (t *turn) bound(system string, at acom.Time) (b bound) {
	b.subject = nil
	ms, timed := instantOf(at)
	for _, class := range []string{"PatientContext", "LocationContext"} {
		var found []context
		for _, c := range t.head.Contexts {
			now := c.State == "Assoc" && (!timed || ms >= c.From && (c.Until == 0 || ms < c.Until))
			then := c.State == "Dis" && timed && c.From > 0 && ms >= c.From && ms < c.Until
			if c.System == system && c.Class == class && (now || then) {
				found = append(found, c)
			}
		}
		if len(found) == 1 {
			if class == "PatientContext" {
				b.subject = found[0].Subject
			} else {
				b.place = found[0].Place
			}
		}
	}
	return b
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// subject reads the identification and the core data of a patient.
func subject(e *element) *acom.Subject {
	s := &acom.Subject{}
	for id := range e.children() {
		if id.space != pm || id.name != "Identification" || id.get("Extension") == "" || len(s.Identifiers) == 20 {
			continue
		}
		who := acom.SubjectID{Value: id.get("Extension")}
		if root := id.get("Root"); strings.Contains(root, ":") { // an anyURI; one that is none names nobody
			who.Universal, who.UniversalType = root, "URI"
		} else {
			who.Namespace = root
		}
		if kind := id.pm("Type"); kind != nil {
			who.Type = kind.get("Code")
		}
		s.Identifiers = append(s.Identifiers, who)
	}
	if core := e.pm("CoreData"); core != nil {
		s.Name = strings.Trim(short(core.words("Familyname"))+", "+short(core.words("Givenname")), ", ")
		s.BirthDate = born(core.words("DateOfBirth"))
		s.Sex = short(core.words("Sex"))
	}
	if len(s.Identifiers) == 0 && s.Name == "" && s.BirthDate == "" {
		return nil
	}
	return s
}

// born is a date of birth as precise as it was sent.
func born(text string) string {
	if day, _, found := strings.Cut(text, "T"); found {
		text = day
	}
	if len(text) > 10 || len(text) != 4 && len(text) != 7 && len(text) != 10 || strings.Trim(text, "0123456789-") != "" {
		return ""
	}
	return text
}

// place is the bed as other senders write it: point of care, room, bed, facility.
func place(detail *element) string {
	var words []string
	for _, name := range []string{"PoC", "Room", "Bed", "Facility"} {
		words = append(words, strings.ReplaceAll(short(detailOf(detail, name)), "^", " "))
	}
	return strings.TrimRight(strings.Join(words, "^"), "^")
}

func detailOf(e *element, name string) string {
	if e == nil {
		return ""
	}
	return e.get(name)
}

// body gives the height and weight that the core data of a patient tell
// (MDC_ATTR_PT_HEIGHT, MDC_ATTR_PT_WEIGHT), as of when he was bound to the device.
func (t *turn) body(e *element, system string, c context) {
	core := e.pm("CoreData")
	for _, size := range []struct {
		name string
		code acom.Code
	}{{"Height", 68060}, {"Weight", 68063}} {
		if core == nil || core.pm(size.name) == nil {
			continue
		}
		v, notes := measure(core.pm(size.name))
		m := acom.Measurement{Kind: acom.Numeric, Type: size.code, Value: v, Metric: &acom.Metric{Notes: notes}}
		if c.From > 0 {
			m.Time = acom.Time{Wall: wall(c.From), Zone: acom.ZoneOffset}
		}
		s := t.system(system)
		s.measurements = append(s.measurements, m)
	}
}

// measure reads a pm:Measurement: a value with its unit.
func measure(e *element) (acom.Value, []string) {
	v, notes := numeric(e.get("MeasuredValue"))
	v.Unit, v.Foreign = readCode(e.pm("MeasurementUnit")).unit()
	return v, notes
}
