package search

import (
	"iter"
	"math"
	"strings"

	"vitalwire/fhir"
)

// appendValues converts an item that an expression gave by its type and that of
// the parameter (R4 search §3.1.1.5.1 to §3.1.1.5.9).
func (x *extraction) appendValues(values []Value, p *Param, as Type, it item) []Value {
	switch as {
	case Token:
		return x.appendTokens(values, p, it)
	case ReferenceType:
		return x.reg.appendReferences(values, p, it.el)
	case Date:
		if low, high, ok := dateRange(it.el); ok {
			return append(values, Value{Param: p, Low: low, High: high})
		}
	case StringType:
		return appendStrings(values, p, it)
	case URIType:
		return appendText(values, p, it.el)
	case PlaceType:
		if place, ok := placeOf(it.el); ok {
			return append(values, Value{Param: p, Place: place})
		}
	case NumberType, QuantityType:
		if a := x.amount(as, it.el); a != nil {
			return append(values, Value{Param: p, Amount: a})
		}
	}
	return values
}

// appendTokens reads what R4 search §3.1.1.5.5 lists for token.
func (x *extraction) appendTokens(values []Value, p *Param, it item) []Value {
	switch it.el.Kind() {
	case fhir.String:
		if it.el.Text() == "" {
			return values
		}
		v := Value{Param: p, Code: it.el.Text()}
		if it.typ.Name() == "code" {
			v.System = x.codeSystem(it.path)
		}
		return append(values, v)
	case fhir.Bool, fhir.Number:
		if it.typ != nil && !it.typ.Primitive() {
			return values
		}
		return append(values, Value{Param: p, Code: it.el.Text()})
	case fhir.Object:
		return appendCodings(values, p, it.typ.Name(), it.el)
	}
	return values
}

// codeSystem is Registry.codeSystem, remembered.
func (x *extraction) codeSystem(at string) string {
	system, ok := x.systems[at]
	if !ok {
		system = x.reg.codeSystem(at)
		x.systems[at] = system
	}
	return system
}

// items are the items of an array, or the one value there is.
func items(e *fhir.Element) iter.Seq[*fhir.Element] {
	return func(yield func(*fhir.Element) bool) {
		if e == nil {
			return
		}
		if !e.Is(fhir.Array) {
			yield(e)
			return
		}
		for _, m := range e.Members() {
			if !yield(m.Value) {
				return
			}
		}
	}
}

func appendCodings(values []Value, p *Param, typ string, e *fhir.Element) []Value {
	switch typ {
	case "CodeableConcept":
		for c := range items(e.Get("coding")) {
			values = appendToken(values, p, c.Get("system"), c.Get("code"))
		}
	case "Identifier":
		values = appendToken(values, p, e.Get("system"), e.Get("value"))
		value := e.Get("value").Text()
		for c := range items(e.Get("type").Get("coding")) {
			if code := c.Get("code").Text(); code != "" && value != "" {
				values = append(values, Value{Param: p, By: ByType, System: c.Get("system").Text(), Code: code + "|" + value})
			}
		}
	case "ContactPoint": // its system is a kind of medium, not a namespace
		values = appendToken(values, p, nil, e.Get("value"))
	default: // Coding
		values = appendToken(values, p, e.Get("system"), e.Get("code"))
	}
	return values
}

func appendToken(values []Value, p *Param, system, code *fhir.Element) []Value {
	if code.Text() == "" {
		return values
	}
	return append(values, Value{Param: p, System: system.Text(), Code: code.Text()})
}

// appendReferences reads Reference, canonical and uri (R4 search §3.1.1.5.7). A
// contained resource is no target.
func (g *Registry) appendReferences(values []Value, p *Param, e *fhir.Element) []Value {
	text := e.Get("reference").Text()
	if e.Is(fhir.String) {
		text = e.Text()
		// A canonical is found with its version and without (R4 references §2.3.0.2).
		if url, _, versioned := strings.Cut(text, "|"); versioned && url != "" {
			values = append(values, Value{Param: p, Target: Target{URI: url}})
		}
	}
	if id := e.Get("identifier"); id.Is(fhir.Object) && id.Get("value").Text() != "" {
		values = append(values, Value{Param: p, By: ByIdentifier, System: id.Get("system").Text(), Code: id.Get("value").Text()})
	}
	if target, ok := g.target(text); ok {
		values = append(values, Value{Param: p, Target: target})
	}
	return values
}

func (g *Registry) target(text string) (Target, bool) {
	if text == "" {
		return Target{}, false
	}
	ref := fhir.ParseReference(text)
	switch {
	case ref.Contained != "" || text[0] == '#':
		return Target{}, false
	case ref.Key.ID != "" && (ref.Base == "" || ref.Base == g.base):
		return Target{Type: ref.Key.Type, ID: ref.Key.ID}, true
	}
	return Target{URI: text}, true
}

// appendStrings reads what R4 search §3.1.1.5.4 lists for string: of HumanName
// and Address any part.
func appendStrings(values []Value, p *Param, it item) []Value {
	if it.el.Is(fhir.String) {
		return appendText(values, p, it.el)
	}
	for _, name := range searched[it.typ.Name()] {
		for part := range items(it.el.Get(name)) {
			values = appendText(values, p, part)
		}
	}
	return values
}

// searched are the parts of a type that a string parameter finds.
var searched = map[string][]string{
	"HumanName":       {"text", "family", "given", "prefix", "suffix"},
	"Address":         {"text", "line", "city", "district", "state", "postalCode", "country"},
	"CodeableConcept": {"text"},
}

func appendText(values []Value, p *Param, e *fhir.Element) []Value {
	if !e.Is(fhir.String) || e.Text() == "" {
		return values
	}
	return append(values, Value{Param: p, Text: e.Text()})
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
	for event := range items(events) {
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
