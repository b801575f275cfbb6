package query

import (
	"slices"
	"strings"

	"vitalwire/fhir"
)

// path is a compiled JSONPath or XPath.
type path struct {
	steps []step
	// absolute paths in filters begin at the document, not at the element.
	absolute bool
	xml      bool
}

// step goes from elements to others.
type step struct {
	deep bool // among all descendants and the element itself, not its children
	self bool // the element itself, to be tested by filter or position
	wild bool
	// names of members; indexes of items, negative from the end.
	names   []string
	indexes []int
	slice   *slice
	filter  condition
	// nth is the position among what the step finds from one element, counted from
	// 1, -1 the last (XPath); 0 is every one.
	nth int
}

// slice is [from:to:by] of JSONPath and JMESPath.
type slice struct{ from, to, by *int }

// bounds gives the indexes that a slice means in a list of n.
func (s slice) bounds(n int) (list []int) {
	by := 1
	if s.by != nil {
		by = *s.by
	}
	clamp := func(at *int, low, high, otherwise int) int {
		if at == nil {
			return otherwise
		}
		i := *at
		if i < 0 {
			i += n
		}
		return max(low, min(high, i))
	}
	switch {
	case by > 0:
		to := clamp(s.to, 0, n, n)
		for i := clamp(s.from, 0, n, 0); i < to; i += by {
			list = append(list, i)
		}
	case by < 0:
		to := clamp(s.to, -1, n-1, -1)
		for i := clamp(s.from, -1, n-1, n-1); i > to; i += by {
			list = append(list, i)
		}
	}
	return list
}

func compilePath(text string, parse func(s *scanner) (path, error)) (func(Match, *Budget) ([]Match, error), *path, error) {
	s := &scanner{text: text}
	s.space()
	p, err := parse(s)
	if err != nil {
		return nil, nil, err
	}
	if s.space(); !s.done() {
		return nil, nil, s.fail("%q is not understood", s.rest())
	}
	return func(in Match, b *Budget) ([]Match, error) { return p.find(in, in, b) }, &p, nil
}

// find walks the steps. root is the document that filters may begin at.
func (p path) find(in, root Match, b *Budget) ([]Match, error) {
	if p.absolute {
		in = root
	}
	found := []Match{in}
	for _, st := range p.steps {
		w := walker{step: st, root: root, budget: b}
		for _, m := range found {
			if err := w.from(m); err != nil {
				return nil, err
			}
		}
		found = w.found
		if len(found) == 0 {
			return nil, nil
		}
	}
	return found, nil
}

// plain follows a path that is nothing but names in JSON, as most filters are,
// without keeping anything; ok is false for any other path.
func (p path) plain(m, root Match, b *Budget) (e *fhir.Element, ok bool, err error) {
	if p.xml {
		return nil, false, nil
	}
	for _, st := range p.steps {
		if st.deep || st.wild || st.filter != nil || len(st.names) != 1 {
			return nil, false, nil
		}
	}
	if e = m.Element; p.absolute {
		e = root.Element
	}
	for _, st := range p.steps {
		if err := b.spend(1 + e.Len()/8); err != nil || !e.Is(fhir.Object) {
			return nil, true, err
		}
		if e = e.Get(st.names[0]); e == nil {
			return nil, true, nil
		}
	}
	return e, true, nil
}

// walker performs one step. The way to what is looked at is kept in one list, and
// copied only for what is found.
type walker struct {
	step   step
	root   Match
	budget *Budget
	found  []Match
}

func (w *walker) from(m Match) error {
	at := slices.Clone(m.at)
	return w.visit(m, &at)
}

// visit tries the step at an element and, for a deep one, at all below it. A deep
// filter of JSON is asked about the element itself, too: $..[?(@x)] finds the
// document that has x.
func (w *walker) visit(m Match, at *[]place) error {
	if err := w.budget.spend(1); err != nil {
		return err
	}
	if w.step.self || w.step.deep && w.step.filter != nil && !m.xml {
		if err := w.keep(m, *at); err != nil {
			return err
		}
	} else {
		first := len(w.found)
		if err := w.children(m, at); err != nil {
			return err
		}
		w.position(first)
	}
	if !w.step.deep {
		return nil
	}
	return each(m, w.budget.Blind, func(e *fhir.Element, p place) error {
		if e.Kind() != fhir.Object && e.Kind() != fhir.Array && (w.step.filter == nil || m.xml) {
			return nil
		}
		*at = append(*at, p)
		err := w.visit(Match{Element: e, xml: m.xml, Computed: m.Computed}, at)
		*at = (*at)[:len(*at)-1]
		return err
	})
}

// position keeps of what one element gave the one that nth says.
func (w *walker) position(first int) {
	n, own := w.step.nth, w.found[first:]
	if n == 0 {
		return
	}
	if n < 0 {
		n += len(own) + 1
	}
	if n < 1 || n > len(own) {
		w.found = w.found[:first]
		return
	}
	w.found = append(w.found[:first], own[n-1])
}

// children keeps the members and items that the step names.
func (w *walker) children(m Match, at *[]place) error {
	n := m.Element.Len()
	if err := w.budget.spend(n); err != nil {
		return err
	}
	array := m.Element.Is(fhir.Array)
	try := func(e *fhir.Element, p place) error {
		*at = append(*at, p)
		err := w.keep(Match{Element: e, xml: m.xml, Computed: m.Computed}, *at)
		*at = (*at)[:len(*at)-1]
		return err
	}
	pick := func(list []int) error {
		for _, i := range list {
			if i < 0 {
				i += n
			}
			if i >= 0 && i < n {
				if err := try(m.Element.At(i), place{index: i}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	switch {
	case array && w.step.slice != nil:
		if err := w.budget.Take(n, placeSize); err != nil {
			return err
		}
		return pick(w.step.slice.bounds(n))
	case array && len(w.step.indexes) > 0:
		return pick(w.step.indexes)
	case !w.step.wild && len(w.step.names) == 0 && (w.step.filter == nil || m.xml):
		return nil
	}
	return each(m, w.budget.Blind, func(e *fhir.Element, p place) error {
		named := slices.Contains(w.step.names, p.name) && !array
		everything := w.step.wild || w.step.filter != nil && len(w.step.names) == 0
		if m.xml && everything && strings.ContainsAny(p.name[:1], "@#") {
			everything = false
		}
		if !named && !everything {
			return nil
		}
		return try(e, p)
	})
}

// keep takes an element that the filter, if there is one, lets pass.
func (w *walker) keep(m Match, at []place) error {
	if w.step.filter != nil {
		ok, err := w.step.filter.holds(m, w.root, w.budget)
		if err != nil || !ok {
			return err
		}
	}
	if err := w.budget.Take(1, matchSize+w.budget.places(len(at))); err != nil {
		return err
	}
	if m.at = nil; !w.budget.Blind {
		m.at = slices.Clone(at)
	}
	w.found = append(w.found, m)
	return nil
}

// each gives the children of an element with their places. Members of XML that
// repeat are counted where somebody asks for the place.
func each(m Match, blind bool, do func(e *fhir.Element, p place) error) error {
	array := m.Element.Is(fhir.Array)
	var counts map[string]int
	if m.xml && !blind {
		counts = map[string]int{}
	}
	for i, member := range m.Element.Members() {
		p := place{name: member.Name}
		switch {
		case array:
			p = place{index: i}
		case counts != nil:
			p.index = counts[member.Name]
			counts[member.Name]++
		}
		if err := do(member.Value, p); err != nil {
			return err
		}
	}
	return nil
}
