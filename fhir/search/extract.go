package search

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// Extract gives the searchable facts of a resource, sorted and each once. What
// an element of the wrong shape could mean is not guessed: it gives no value.
func Extract(r *fhir.Resource) []Value {
	var values []Value
	for _, p := range params[r.Type()] {
		for _, path := range p.paths {
			walk(r.Root(), strings.Split(path, "."), func(e *fhir.Element) {
				values = appendValues(values, p, e)
			})
		}
	}
	slices.SortFunc(values, compareValues)
	return slices.CompactFunc(values, func(a, b Value) bool { return compareValues(a, b) == 0 })
}

// walk calls found for each element at the path, through arrays.
func walk(e *fhir.Element, path []string, found func(*fhir.Element)) {
	if len(path) == 0 {
		for _, item := range e.Items() {
			found(item)
		}
		return
	}
	for _, item := range e.Items() {
		if child := item.Get(path[0]); child != nil {
			walk(child, path[1:], found)
		}
	}
}

func appendValues(values []Value, p *Param, e *fhir.Element) []Value {
	switch p.Type {
	case Token:
		return appendTokens(values, p, e)
	case ReferenceType:
		if v, ok := referenceValue(p, e); ok {
			return append(values, v)
		}
	case Date:
		if low, high, ok := dateRange(e); ok {
			return append(values, Value{Param: p, Low: low, High: high})
		}
	}
	return values
}

// appendTokens reads code, boolean, Coding, CodeableConcept and Identifier
// (R4 search §3.1.1.5.5).
func appendTokens(values []Value, p *Param, e *fhir.Element) []Value {
	switch e.Kind() {
	case fhir.String, fhir.Bool:
		return append(values, Value{Param: p, System: p.system, Code: e.Text()})
	case fhir.Object:
		if coding := e.Get("coding"); coding != nil {
			for _, c := range coding.Items() {
				if code := c.Get("code").Text(); code != "" {
					values = append(values, Value{Param: p, System: c.Get("system").Text(), Code: code})
				}
			}
			return values
		}
		code := e.Get("code").Text() // Coding
		if code == "" {
			code = e.Get("value").Text() // Identifier
		}
		if code != "" {
			values = append(values, Value{Param: p, System: e.Get("system").Text(), Code: code})
		}
	}
	return values
}

func referenceValue(p *Param, e *fhir.Element) (Value, bool) {
	text := e.Get("reference").Text()
	if e.Is(fhir.String) { // canonical, uri
		text = e.Text()
	}
	if text == "" {
		return Value{}, false
	}
	ref := fhir.ParseReference(text)
	target := Target{URI: text}
	switch {
	case ref.Contained != "":
		return Value{}, false
	case ref.Base == "" && ref.Key.ID != "":
		target = Target{Type: ref.Key.Type, ID: ref.Key.ID}
	}
	if p.patientOnly && ref.Key.Type != "Patient" {
		return Value{}, false
	}
	return Value{Param: p, Target: target}, true
}

// The ends of time for a Period without start or end.
const (
	Earliest = math.MinInt64
	Latest   = math.MaxInt64
)

// dateRange gives the half-open range in microseconds that a date, dateTime,
// instant, Period or Timing means (R4 search §3.1.1.5.10).
func dateRange(e *fhir.Element) (low, high int64, ok bool) {
	switch e.Kind() {
	case fhir.String:
		d, ok := fhir.ParseDateTime(e.Text())
		if !ok {
			return 0, 0, false
		}
		low, high = micros(d)
		return low, high, true
	case fhir.Object:
		if events := e.Get("event"); events != nil {
			return eventsRange(events)
		}
		if bounds := e.Path("repeat", "boundsPeriod"); bounds != nil {
			return dateRange(bounds)
		}
		return periodRange(e)
	}
	return 0, 0, false
}

func periodRange(e *fhir.Element) (low, high int64, ok bool) {
	low, high = Earliest, Latest
	if d, good := fhir.ParseDateTime(e.Get("start").Text()); good {
		low, _ = micros(d)
		ok = true
	}
	if d, good := fhir.ParseDateTime(e.Get("end").Text()); good {
		_, high = micros(d)
		ok = true
	}
	return low, high, ok && low < high
}

func eventsRange(events *fhir.Element) (low, high int64, ok bool) {
	low, high = Latest, Earliest
	for _, event := range events.Items() {
		if d, good := fhir.ParseDateTime(event.Text()); good {
			from, to := micros(d)
			low, high, ok = min(low, from), max(high, to), true
		}
	}
	return low, high, ok
}

// micros is the range of a date in microseconds; a finer one still fills one.
func micros(d fhir.DateTime) (low, high int64) {
	low, high = d.Low().UnixMicro(), d.High().UnixMicro()
	return low, max(high, low+1)
}

func compareValues(a, b Value) int {
	return cmp.Or(
		cmp.Compare(a.Param.Code, b.Param.Code),
		cmp.Compare(a.System, b.System), cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Target.Type, b.Target.Type), cmp.Compare(a.Target.ID, b.Target.ID), cmp.Compare(a.Target.URI, b.Target.URI),
		cmp.Compare(a.Low, b.Low), cmp.Compare(a.High, b.High),
	)
}
