package operation

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/fhir/ucum"
)

// Systems of the answer.
const (
	statisticsSystem = "http://terminology.hl7.org/CodeSystem/observation-statistics"
	absentSystem     = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
)

// answer gives an Observation for each unit; one without values when there is none.
func (w *statsCall) answer(g *group, wanted []string) []*fhir.Element {
	units := g.units
	if len(units) == 0 {
		if len(w.groups) > 1 && g.total == 0 {
			return nil // the panel itself, when its parts are there
		}
		units = []string{""}
	}
	slices.Sort(units)
	var list []*fhir.Element
	for _, unit := range units {
		s := newSample(g.by[unit])
		o := fhir.NewObject(fhir.S("resourceType", "Observation"), fhir.S("status", "final"), fhir.M("code", g.code),
			fhir.M("subject", fhir.NewObject(fhir.S("reference", w.subject))))
		if period := w.span(s); period != nil {
			o.Set("effectivePeriod", period)
		}
		components := fhir.NewArray()
		for _, code := range wanted {
			if code == totalCount {
				components.Append(component(code, "", strconv.Itoa(g.total), "1"))
			}
			for _, one := range statistics {
				if one.code == code {
					components.Append(one.component(s, unit))
				}
			}
		}
		o.Set("component", components)
		list = append(list, o)
	}
	return list
}

// span is the period asked for, else that from the first to the last measurement.
func (w *statsCall) span(s *sample) *fhir.Element {
	if w.period != nil {
		return w.period
	}
	var first, last int64
	known := false
	for _, m := range s.sorted {
		if m.timed && (!known || m.at < first) {
			first = m.at
		}
		if m.timed && (!known || m.at > last) {
			last = m.at
		}
		known = known || m.timed
	}
	if !known {
		return nil
	}
	return fhir.NewObject(fhir.S("start", fhir.FormatInstant(time.UnixMicro(first))), fhir.S("end", fhir.FormatInstant(time.UnixMicro(last))))
}

func (one statistic) component(s *sample, unit string) *fhir.Element {
	value := one.value(s)
	if value == nil || len(s.sorted) == 0 && one.code != "count" {
		c := component(one.code, one.name, "", "")
		c.Set("dataAbsentReason", fhir.NewObject(fhir.M("coding", fhir.NewArray(fhir.NewObject(fhir.S("system", absentSystem), fhir.S("code", "not-a-number"))))))
		return c
	}
	text := decimal(value)
	if one.text != nil {
		text = one.text(s)
	}
	switch one.unit {
	case noUnit:
		unit = "1"
	case squared:
		unit = unit + "." + unit
	case perHour:
		unit += "/h"
	}
	return component(one.code, one.name, text, unit)
}

// component is a statistic with its code. A unit that UCUM has no code for, such as
// the square of a temperature in Celsius, is given as text.
func component(code, name, value, unit string) *fhir.Element {
	concept := fhir.NewObject(fhir.M("coding", fhir.NewArray(fhir.NewObject(fhir.S("system", statisticsSystem), fhir.S("code", code)))))
	if name != "" {
		concept.Set("text", fhir.NewString(fmt.Sprintf("%s: %s", code, name)))
	}
	c := fhir.NewObject(fhir.M("code", concept))
	if value == "" {
		return c
	}
	q := fhir.NewObject(fhir.M("value", fhir.NewNumber(value)), fhir.S("unit", unit))
	if ucum.Valid(unit) {
		q.Set("system", fhir.NewString(search.UCUM))
		q.Set("code", fhir.NewString(unit))
	}
	c.Set("valueQuantity", q)
	return c
}
