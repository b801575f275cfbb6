package search

import (
	"strings"

	"vitalwire/fhir"
)

// Subject is a resource that clauses are tried on without a store.
type Subject struct {
	Type, ID string
	// Position is its lastUpdated in microseconds since 1970.
	Position int64
	Values   []Value // made by Extract
	// From, unless nil, is where Values are made from as clauses ask for them; until
	// then there are none.
	From *Source
}

// Meets reports whether a subject meets all clauses. Chains, _has and hierarchies
// need other resources and are a BadSearch.
func Meets(s *Subject, clauses []Clause) (bool, error) {
	for _, c := range clauses {
		if ok, err := s.meets(c); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *Subject) meets(c Clause) (bool, error) {
	switch {
	case c.Group != nil:
		return s.group(c.Group)
	case c.Owned != nil:
		return s.owned(c.Owned)
	case c.Has != nil || c.Chain != nil || c.Tree != NoTree:
		return false, fhir.BadSearch("chains, _has and hierarchies cannot be asked of contained resources").WithCode(fhir.CodeNotSupported)
	case c.Param.Retired():
		return false, fhir.Unavailable("the security labels have just changed; try again").WithCause(ErrStale)
	}
	if s.From.lacks(c) {
		return c.Not, nil
	}
	s.asks(c)
	if c.Missing != nil {
		return s.has(c.Param) != *c.Missing, nil
	}
	for _, o := range c.Operands {
		if s.any(c, o) {
			return !c.Not, nil
		}
	}
	return c.Not, nil
}

func (s *Subject) group(g *Group) (bool, error) {
	for _, c := range g.Clauses {
		ok, err := s.meets(c)
		if err != nil {
			return false, err
		}
		if ok != (g.Op == All) {
			return g.Op == Any, nil
		}
	}
	return g.Op != Any, nil
}

// has reports whether the subject has a value for a parameter.
func (s *Subject) has(param *Param) bool {
	for _, p := range param.Indexed() {
		for _, v := range s.Values {
			if v.Param == p && v.By != ByText {
				return true
			}
		}
	}
	return false
}

func (s *Subject) any(c Clause, o Operand) bool {
	switch c.Param.Type {
	case ID:
		return o.Code != nil && *o.Code == s.ID
	case LastUpdated:
		return dateMeets(o, s.Position, s.Position+1)
	}
	for _, p := range c.Param.Indexed() {
		for i := range s.Values {
			if v := &s.Values[i]; v.Param == p && v.By == c.By && valueMeets(p, c.By, c.Match, o, v) {
				return true
			}
		}
	}
	return false
}

// valueMeets compares one value with one operand (R4 search §3.1.1.5).
func valueMeets(p *Param, by By, m Match, o Operand, v *Value) bool {
	kind := p.Type
	switch {
	case by == ByText || kind == TextType:
		return wordMeets(m, o.Text, v.Text)
	case by != ByValue:
		kind = Token
	case kind == CompositeType:
		if o.System != nil && *o.System != v.Lead.System || o.Code != nil && *o.Code != v.Lead.Code || o.Part == nil {
			return false
		}
		kind, o = p.Value(), *o.Part
		if kind == URIType {
			m = Exact
		}
	}
	switch kind {
	case Token:
		return (o.System == nil || *o.System == v.System) && (o.Code == nil || *o.Code == v.Code)
	case ReferenceType:
		if t := o.Target; t.URI != "" || t.ID == "" {
			return t.URI != "" && t.URI == v.Target.URI
		}
		return o.Target.ID == v.Target.ID && (o.Target.Type == "" || o.Target.Type == v.Target.Type)
	case Date:
		return dateMeets(o, v.Low, v.High)
	case StringType:
		if m == Exact {
			return v.Text == o.Text
		}
		return textMeets(m, Fold(o.Text), Fold(v.Text))
	case URIType:
		return o.Code != nil && textMeets(m, *o.Code, v.Text)
	case NumberType, QuantityType:
		return amountMeets(o, v.Amount)
	case PlaceType:
		return o.Circle != nil && v.Place != nil && o.Circle.Holds(v.Place)
	case ID, LastUpdated, CompositeType, TextType:
	}
	return false
}

func textMeets(m Match, want, text string) bool {
	switch m {
	case Exact, Equal:
		return text == want
	case Unequal:
		return text != want
	case Contains:
		return strings.Contains(text, want)
	case Ends:
		return strings.HasSuffix(text, want)
	case Below:
		return text == want || strings.HasPrefix(text, strings.TrimSuffix(want, "/")+"/")
	case Begins:
	}
	return strings.HasPrefix(text, want)
}

func wordMeets(m Match, want, words string) bool {
	for word := range strings.FieldsSeq(words) {
		if word == want || m == Begins && strings.HasPrefix(word, want) {
			return true
		}
	}
	return false
}

// dateMeets is R4 search §3.1.1.4.5 on half-open ranges.
func dateMeets(o Operand, low, high int64) bool {
	within := o.Low <= low && high <= o.High
	switch o.Prefix {
	case Ne:
		return !within
	case Gt:
		return high > o.High
	case Lt:
		return low < o.Low
	case Ge:
		return high > o.High || within
	case Le:
		return low < o.Low || within
	case Sa:
		return low >= o.High
	case Eb:
		return high <= o.Low
	case Ap:
		return low < o.High && o.Low < high
	case Eq:
	}
	return within
}

// amountMeets compares as the parts of R4 search §3.1.1.5.2 and §3.1.1.5.6 say.
func amountMeets(o Operand, a *Amount) bool {
	if a == nil {
		return false
	}
	from, to, n := a.Low, a.High, o.Bounds
	switch {
	case n.Canonical != "":
		if from, to = a.From, a.To; a.Canonical != n.Canonical {
			return false
		}
	case o.Code != nil && o.System == nil: // number||code: the unit's code or its text
		if *o.Code != a.Code && *o.Code != a.Unit {
			return false
		}
	case o.System != nil && *o.System != a.System, o.Code != nil && *o.Code != a.Code:
		return false
	}
	switch o.Prefix {
	case Gt:
		return to > n.Value
	case Lt:
		return from < n.Value
	case Ge:
		return to >= n.Value
	case Le:
		return from <= n.Value
	case Sa:
		return from > n.Value
	case Eb:
		return to < n.Value
	case Ne:
		return from < n.Low || to >= n.High
	case Ap:
		return from <= n.Near[1] && to >= n.Near[0]
	case Eq:
	}
	return from >= n.Low && to < n.High
}
