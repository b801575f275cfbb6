package hl7pcd01

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
	"vitalwire/fhir/term"
)

// measurements are the values of a group, in the order sent.
func (r *reader) measurements(g *group, values int) []acom.Measurement {
	if values == 0 {
		return nil
	}
	list := make([]acom.Measurement, 0, values)
	metrics := make([]acom.Metric, values)
	pump := g.isPump()
	for i := range g.results {
		row := &g.results[i]
		if row.spent {
			continue
		}
		one := func(field hl7v2.Part) {
			at := len(list)
			list = list[:at+1]
			list[at].Metric = &metrics[at]
			r.measurement(g, row, field, pump, &list[at])
		}
		field := row.obx.Field(5)
		if row.readings() == 1 {
			one(field)
			continue
		}
		for _, repetition := range field.Repetitions() {
			if !repetition.Empty() {
				one(repetition)
			}
		}
	}
	return g.pressures(list)
}

// mostRepeated is how many values a row may have that are each a reading of their own.
const mostRepeated = 8

// readings is how many a row gives: one for each repetition of a type that says one thing
// (HL7 2.6, 7.4.2.5). Lines of text are one, and so are samples.
func (row *result) readings() int {
	field := row.obx.Field(5)
	n := field.Repeats()
	if n == 1 || field.Empty() {
		return 1
	}
	switch strings.ToUpper(row.obx.Field(2).Component(1).Text()) {
	case "NM", "SN", "CWE", "CNE", "CE", "CF", "IS", "ID", "DT", "DTM", "TS":
		if n <= mostRepeated {
			return n
		}
	}
	return 1
}

// ifccPercent is a derived value in the words of an analyser of HbA1c.
var ifccPercent = regexp.MustCompile(`(?i)\bIFCC\s*[=:]\s*[0-9.]+\s*%`)

// measurement reads one value of a row into m, whose Metric is there and empty.
func (r *reader) measurement(g *group, row *result, field hl7v2.Part, pump bool, m *acom.Measurement) {
	obx, c := row.obx, &row.code
	m.Type = c.code
	m.Metric.Path, m.Metric.Codings, m.Metric.Notes = row.path.String(), c.codings, c.notes
	if m.Type == 0 && len(c.codings) == 0 {
		m.Metric.Codings = []acom.Coding{{Display: "not named"}}
	}
	var notes []string
	m.Time, notes = r.when(obx, g.obr)
	m.Metric.Notes = append(m.Metric.Notes, notes...)
	unit := r.unit(obx.Field(6))
	m.Metric.Notes = append(m.Metric.Notes, unit.notes...)
	if typ := strings.ToUpper(obx.Field(2).Component(1).Text()); g.samples(row, typ) {
		r.wave(g, row, m)
	} else {
		m.Value, m.Kind, notes = r.value(typ, field)
		m.Metric.Notes = append(append(m.Metric.Notes, notes...), g.facets[m.Metric.Path].said()...)
	}
	if m.Kind == acom.Numeric && m.Value.Absent != 0 {
		if scale := offScale[strings.ToUpper(field.Text())]; scale != "" {
			m.Metric.Interpretation = append(m.Metric.Interpretation, scale)
		}
	}
	m.Value.Unit, m.Value.Foreign = unit.code, unit.foreign
	r.flagged(obx, m)
	if g.control {
		m.Status |= acom.TestData
	}
	staged(obx, m)
	fraction(m)
	if m.Value.Absent != 0 {
		m.Value.Unit, m.Value.Foreign = 0, nil
	}
	category := r.method(obx, m)
	if c.setting || strings.HasPrefix(c.refID, "MDC_IDC_SET_") { // how an implant is programmed
		category = "setting"
	}
	m.Setting = category == "setting"
	m.Metric.Therapy = m.Setting || pump || Therapy(c.refID)
	r.site(obx, m)
	m.Metric.Observers = observers(obx.Field(16))
	m.Metric.Notes = append(append(m.Metric.Notes, g.notes...), row.notes...)
	if slices.ContainsFunc(row.notes, ifccPercent.MatchString) {
		m.Metric.Notes = append(m.Metric.Notes, notIFCC)
	}
	r.metric(g, row, c, m, unit, category)
}

// metric adds the metric's object. OBX-7 of a monitor are its limits of alarm (PCD TF-2,
// B.8.7), of a laboratory result what is normal.
func (r *reader) metric(g *group, row *result, c *coded, m *acom.Measurement, unit *unit, category string) {
	limits := r.limits(row.obx.Field(7).Text())
	if limits != nil && (row.path == "" || laboratory(row)) {
		m.Metric.Reference, limits = limits, nil
	}
	if row.path == "" {
		return
	}
	if limits != nil && limits.Text != "" {
		m.Metric.Notes = append(m.Metric.Notes, "The sender's limits are "+limits.Text+".")
		limits = nil
	}
	at := place{m.Metric.Path, c.code}
	if _, ok := g.metrics[at]; ok {
		return // one place may have several rows: of two times, or a repeated value
	}
	codings := c.codings
	if c.code == 0 && len(codings) == 0 {
		codings = m.Metric.Codings // not named
	}
	o := g.add(at)
	o.Codings, o.Kind, o.Category, o.Limits, o.Unit = codings, m.Kind, category, limits, unit.ofObject()
}

// laboratory reports whether a row is a result of an analyser: a LOINC code and no term of
// devices, or a term of the chemistry of fluids (11073-10101, partition 2) of a device that
// has no channels.
func laboratory(row *result) bool {
	if row.code.code == 0 {
		return slices.ContainsFunc(row.code.codings, func(c acom.Coding) bool { return c.System == loincSystem })
	}
	const first, last = 159744, 160767
	return row.code.code >= first && row.code.code <= last && row.path.channel() == ""
}

// place is where a metric is, and what it measures.
type place struct {
	path string
	code acom.Code
}

// add adds the object of a metric, which holds until the next one.
func (g *group) add(at place) *acom.Object {
	if g.metrics == nil {
		g.metrics = make(map[place]int, len(g.results))
		g.objects = slices.Grow(g.objects, len(g.results))
	}
	g.metrics[at] = len(g.objects)
	g.objects = append(g.objects, acom.Object{Path: at.path, Type: at.code})
	return &g.objects[len(g.objects)-1]
}

// ofObject is the unit as a coding, one for all metrics that have it; nil for none.
func (u *unit) ofObject() *acom.Coding {
	if u.code == 0 {
		return u.foreign
	}
	if u.coding == nil {
		named := mdcCoding(u.code, "")
		u.coding = &named
	}
	return u.coding
}

func mdcCoding(code acom.Code, refID string) acom.Coding {
	if k := known(code); k.RefID != "" {
		refID = k.RefID
	}
	if u, ok := term.LookupUnit(uint32(code)); ok {
		refID = u.RefID
	}
	return acom.Coding{System: term.MDCSystem, Code: strconv.FormatUint(uint64(code), 10), Display: refID}
}

// method reads OBX-17 and gives the metric's category, measurement unless it is
// said to be another.
func (r *reader) method(obx *hl7v2.Segment, m *acom.Measurement) string {
	category := "measurement"
	for _, p := range obx.Field(17).Repetitions() {
		word, text := p.Component(1).Text(), p.Component(2).Text()
		if eui(word) != "" {
			continue // an equipment instance that slipped, see instance
		}
		c := acom.Coding{System: r.system(p.Component(3).Text()), Code: word, Display: text}
		for key, meaning := range methods {
			if strings.EqualFold(word, key) || strings.EqualFold(text, key) || strings.HasSuffix(strings.ToUpper(text), "_"+key) {
				category = meaning
			}
		}
		if number, err := strconv.ParseUint(word, 10, 32); err == nil && p.Component(3).Text() == mdcSystem {
			c = mdcCoding(acom.Code(number), text)
		}
		if c.Code == "" {
			c.System = ""
		}
		m.Metric.Method = &c
	}
	return category
}

// site reads OBX-20.
func (r *reader) site(obx *hl7v2.Segment, m *acom.Measurement) {
	if obx.Field(20).Empty() {
		return
	}
	c := r.code(obx.Field(20))
	m.Site = c.code
	if len(c.codings) > 0 && c.code == 0 {
		m.Metric.Site = &c.codings[0]
	}
}

// isPump reports whether the group's device gives something to the patient, so that
// its values are no signs of life.
func (g *group) isPump() bool {
	for i := range g.objects {
		o := &g.objects[i]
		if o.Kind != 0 {
			continue // a metric: a dialysis machine has a blood pump, and a cuff
		}
		if strings.Contains(known(o.Type).RefID, "_PUMP_") || len(o.Codings) > 0 && strings.Contains(o.Codings[0].Display, "_PUMP_") {
			return true
		}
	}
	return false
}

// Therapy reports whether a term, by its REFID, is of an infusion pump or a dialysis
// machine.
func Therapy(refID string) bool {
	for i := range max(len(refID)-1, 0) {
		if refID[i] != '_' {
			continue
		}
		before, rest := refID[:i], refID[i+1:]
		var of bool
		switch rest[0] {
		case 'P':
			of = strings.HasPrefix(rest, "PUMP_")
		case 'F':
			of = strings.HasPrefix(rest, "FLUID_")
		case 'D':
			of = strings.HasPrefix(rest, "DRUG_") || strings.HasPrefix(rest, "DIALYSIS")
		case 'H':
			of = strings.HasPrefix(rest, "HDIALY") || strings.HasPrefix(rest, "HF_") && strings.HasSuffix(before, "MDC")
		case 'R':
			of = strings.HasPrefix(rest, "RATE_DOSE") && strings.HasSuffix(before, "MDC")
		case 'T':
			of = strings.HasPrefix(rest, "TBI")
		}
		if of {
			return true
		}
	}
	return false
}
