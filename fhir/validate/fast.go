package validate

import (
	"strings"

	"vitalwire/fhir"
)

// Most constraints of R4 come down to whether elements are there: qty-3 is
// "code.empty() or system.exists()". decider answers those on the JSON, without
// FHIRPath; of longer expressions it decides what it can (obs-7 of an
// Observation without value) and asks for the rest. A test holds every answer on
// every R4 example against the FHIRPath engine's.
type decider struct {
	op   decideOp
	kids []*decider
	path []string // names of elements
	text string   // what startsWith or = compares with
}

type decideOp uint8

const (
	decideUnknown decideOp = iota // only FHIRPath can tell
	decideExists
	decideEmpty
	decideStarts // path.startsWith('text')
	decideEquals // path = 'text'
	decideNone   // true where the path is empty, else unknown
	decideSome   // false where the path is empty, else unknown
	decideNot
	decideAnd
	decideOr
	decideImplies
	decideSame   // of two booleans
	decideDiffer // of two booleans
)

// truth4 is a FHIRPath truth value, or not known without evaluating.
type truth4 uint8

const (
	isFalse truth4 = iota
	isTrue
	isEmpty
	isOpen
)

// newDecider reads an expression; nil when nothing of it can be decided so.
func newDecider(expression string) *decider {
	d := parseImplies(strings.TrimSpace(expression), 0)
	if d.op == decideUnknown {
		return nil
	}
	return d
}

// decide judges the element at hand.
func (r *run) decide(d *decider) verdict {
	fr := r.top()
	if fr.sh == nil || !fr.el.Is(fhir.Object) {
		return asks
	}
	switch d.eval(r, fr.sh, fr.el) {
	case isTrue, isEmpty:
		return holds
	case isFalse:
		return broken
	}
	return asks
}

func boolean(b bool) truth4 {
	if b {
		return isTrue
	}
	return isFalse
}

func (d *decider) eval(r *run, sh *shape, el *fhir.Element) truth4 {
	switch d.op {
	case decideExists:
		return boolean(there(r, sh, el, d.path))
	case decideEmpty:
		return boolean(!there(r, sh, el, d.path))
	case decideNone, decideSome:
		if there(r, sh, el, d.path) {
			return isOpen
		}
		return boolean(d.op == decideNone)
	case decideStarts, decideEquals:
		v := el.Get(d.path[0])
		switch {
		case !v.Is(fhir.String):
			if v == nil && !there(r, sh, el, d.path) {
				return isEmpty
			}
			return isOpen
		case d.op == decideStarts:
			return boolean(strings.HasPrefix(v.Text(), d.text))
		}
		return boolean(v.Text() == d.text)
	case decideNot:
		switch t := d.kids[0].eval(r, sh, el); t {
		case isTrue:
			return isFalse
		case isFalse:
			return isTrue
		default:
			return t
		}
	case decideAnd:
		return d.both(r, sh, el, isFalse, isTrue)
	case decideOr:
		return d.both(r, sh, el, isTrue, isFalse)
	case decideImplies:
		return implies(d.kids[0].eval(r, sh, el), d.kids[1], r, sh, el)
	case decideSame, decideDiffer:
		a, b := d.kids[0].eval(r, sh, el), d.kids[1].eval(r, sh, el)
		switch {
		case a == isOpen || b == isOpen:
			return isOpen
		case a == isEmpty || b == isEmpty:
			return isEmpty
		}
		return boolean((a == b) == (d.op == decideSame))
	}
	return isOpen
}

// both is and (strong false, weak true) or or (strong true, weak false).
func (d *decider) both(r *run, sh *shape, el *fhir.Element, strong, weak truth4) truth4 {
	open, empty := false, false
	for _, k := range d.kids {
		switch k.eval(r, sh, el) {
		case strong:
			return strong
		case isOpen:
			open = true
		case isEmpty:
			empty = true
		}
	}
	switch {
	case open:
		return isOpen
	case empty:
		return isEmpty
	}
	return weak
}

func implies(a truth4, right *decider, r *run, sh *shape, el *fhir.Element) truth4 {
	if a == isFalse {
		return isTrue
	}
	b := right.eval(r, sh, el)
	switch {
	case a == isTrue || b == isTrue:
		return b
	case a == isOpen || b == isOpen:
		return isOpen
	}
	return isEmpty
}

// there reports whether a path leads to an element.
func there(r *run, sh *shape, el *fhir.Element, names []string) bool {
	if sh == nil {
		return false
	}
	name := names[0]
	members := el.Members()
	for i := range members {
		m := &members[i]
		json := m.Name
		if len(json) > 0 && json[0] == '_' {
			json = json[1:]
		}
		if !strings.HasPrefix(json, name) {
			continue
		}
		f := sh.names.find(m.Name)
		if f == nil || f.name != name {
			continue
		}
		if len(names) == 1 {
			return m.Value.Kind() != fhir.Null
		}
		if f.isUnder || f.kind == isPrimitiveField {
			return true // what is below a primitive is not looked at: taken as there
		}
		if !m.Value.Is(fhir.Array) {
			return inside(r, f, m.Value, names[1:])
		}
		for j := range m.Value.Len() {
			if inside(r, f, m.Value.At(j), names[1:]) {
				return true
			}
		}
	}
	return false
}

func inside(r *run, f *field, el *fhir.Element, names []string) bool {
	if f.kind == isResource {
		return there(r, r.v.shape(el.Get("resourceType").Text()), el, names)
	}
	return there(r, f.shape(r.v), el, names)
}
