package hl7pcd01

import (
	"reflect"
	"slices"
	"strings"

	"vitalwire/adapters/acom"
)

// The cuff's blood pressure, and the codes its three values have: systolic, diastolic,
// mean. Monitors say them as of the blood or as of the cuff.
const nonInvasive = 150020 // MDC_PRESS_BLD_NONINV

var cuffParts = [][3]acom.Code{{150021, 150022, 150023}, {150301, 150302, 150303}}

// pressure is one measurement of a cuff, whose values are rows of their own in HL7
// (PCD TF-2, B.8; PoCD guide, CompoundNumericObservation).
type pressure struct {
	family int
	parts  [3]*acom.Measurement // systolic, diastolic, mean; nil for none
	at     int                  // place of the first in the list
	more   []int                // places of the others
}

// cuff is the channel of a measurement, or the metric whose parts its values are.
type cuff struct {
	channel string
	wall    acom.Wall // without its offset, which is compared with the rest
	stage   acom.Stage
	family  int
}

// pressures makes one compound of the values that one cuff measured at one time: of
// one channel, with one time, stage, method and site. It stands where the first of
// them stood. A value that came alone stays alone, and so do invasive pressures, which
// are read continuously and by themselves. Where the systolic or the diastolic value
// is the one that is missing, the compound says so (R4 profile bp).
func (g *group) pressures(list []acom.Measurement) []acom.Measurement {
	if !cuffed(list) {
		return list
	}
	found := map[cuff][]*pressure{}
	var all []*pressure
	named := map[string]int{} // rows of the compound itself, by path
	for i := range list {
		m := &list[i]
		if m.Type == nonInvasive && m.Value.Absent != 0 {
			named[m.Metric.Path] = i
			continue
		}
		family, part := cuffPart(m)
		if family < 0 {
			continue
		}
		key := cuff{above(m.Metric.Path), acom.Wall{}, m.Metric.Stage, family}
		if m.Time.Wall != nil {
			key.wall = *m.Time.Wall
			key.wall.OffsetMinutes = nil
		}
		p := &pressure{family: family, at: i}
		// The second of the same value is of another measurement, the last that began.
		if before := found[key]; len(before) > 0 && before[len(before)-1].takes(m, part) {
			p = before[len(before)-1]
			p.more = append(p.more, i)
		} else {
			found[key], all = append(before, p), append(all, p)
		}
		p.parts[part] = m
	}
	gone := map[int]bool{}
	for _, p := range all {
		if len(p.more) == 0 {
			continue
		}
		compound := p.compound()
		if path := compound.Metric.Path; path != "" {
			own, ok := named[path]
			if ok {
				gone[own] = true
				compound.Metric.Codings = list[own].Metric.Codings
			} else {
				compound.Metric.Path += ".0" // no metric of the channel has this place
			}
			g.compoundMetric(compound.Metric.Path, p.first())
		}
		list[p.at] = compound
		for _, i := range p.more {
			gone[i] = true
		}
	}
	kept := list[:0]
	for i := range list {
		if !gone[i] {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// cuffed reports whether there is a value of a cuff at all.
func cuffed(list []acom.Measurement) bool {
	for i := range list {
		if family, _ := cuffPart(&list[i]); family >= 0 {
			return true
		}
	}
	return false
}

// cuffPart is which family and which of its values a measurement is; -1 for none.
func cuffPart(m *acom.Measurement) (family, part int) {
	if m.Kind == acom.Numeric && !m.Setting && m.Value.Range == nil && m.Value.Ratio == nil {
		for family, codes := range cuffParts {
			if part := slices.Index(codes[:], m.Type); part >= 0 {
				return family, part
			}
		}
	}
	return -1, -1
}

// takes reports whether a value of the same cuff is of this measurement too.
func (p *pressure) takes(m *acom.Measurement, part int) bool {
	other := p.first()
	return p.parts[part] == nil && reflect.DeepEqual(other.Time, m.Time) && other.Site == m.Site &&
		reflect.DeepEqual(other.Metric.Site, m.Metric.Site) && reflect.DeepEqual(other.Metric.Method, m.Metric.Method)
}

// first is the systolic value, or what there is of the others.
func (p *pressure) first() *acom.Measurement {
	for _, m := range p.parts {
		if m != nil {
			return m
		}
	}
	return nil // cannot be: it begins with one
}

// above is a path without its last number.
func above(path string) string { return path[:max(strings.LastIndexByte(path, '.'), 0)] }

// compound makes one measurement of the values. A flag that all have is of the whole,
// and so is doubt about one; other flags are of their part.
func (p *pressure) compound() acom.Measurement {
	const doubtful = acom.Questionable | acom.CalibrationOngoing | acom.TestData | acom.DemoData
	like := p.first()
	whole := acom.Measurement{Kind: acom.CompoundNumeric, Type: nonInvasive, Time: like.Time, Site: like.Site, Metric: &acom.Metric{
		Path: above(like.Metric.Path), Stage: like.Metric.Stage, Method: like.Metric.Method, Site: like.Metric.Site, Therapy: like.Metric.Therapy}}
	common := ^acom.Status(0)
	for part, m := range p.parts {
		c := acom.Component{Type: cuffParts[p.family][part], Value: acom.Value{Absent: acom.AbsentUnknown}}
		switch {
		case m != nil:
			c.Value, c.Codings, c.Status, c.Interpretation = m.Value, m.Metric.Codings, m.Status, m.Metric.Interpretation
			common &= m.Status
			whole.Status |= m.Status & doubtful
			for _, note := range m.Metric.Notes {
				if !slices.Contains(whole.Metric.Notes, note) {
					whole.Metric.Notes = append(whole.Metric.Notes, note)
				}
			}
		case part == 2: // a mean is told or not
			continue
		}
		whole.Components = append(whole.Components, c)
	}
	whole.Status |= common
	for i := range whole.Components {
		whole.Components[i].Status &^= whole.Status
	}
	return whole
}

// compoundMetric adds the object of the compound, in the unit of one of its values; a
// row of the compound itself has made one already.
func (g *group) compoundMetric(at string, like *acom.Measurement) {
	if i, ok := g.metrics[place{at, nonInvasive}]; ok {
		g.objects[i].Kind = acom.CompoundNumeric
		return
	}
	object := g.add(place{at, nonInvasive})
	object.Kind, object.Category = acom.CompoundNumeric, "measurement"
	if i, ok := g.metrics[place{like.Metric.Path, like.Type}]; ok {
		object.Unit = g.objects[i].Unit
	}
}
