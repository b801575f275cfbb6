package mask

import (
	"slices"
	"sync"

	"vitalwire/auth/consent"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
)

// Rules are the obligations of an operator. They never change, so they are safe for
// concurrent use. Make them with Read.
type Rules struct {
	structures definition.Structures
	known      *search.Registry
	codes      consent.Codes
	list       []rule
	sets       sync.Map // which rules, as bits -> *set
}

// rule hides elements from some callers, always or where a resource has a label.
type rule struct {
	of, unless who
	about      *consent.Formula // nil for every resource
	paths      []place
}

// place is an element of a type: the path below it, by the names of the definition and
// with what repeats another element's content called as that.
type place struct{ typ, path string }

// who are some callers: of each list that is not empty one must fit.
type who struct{ roles, clients, purposes []string }

// Caller is who asks.
type Caller struct {
	// Role of the user; "" for a backend service.
	Role   string
	Client string
	// Purposes are codes of v3-ActReason.
	Purposes []string
}

// Service is what a rule calls the role of who has no user.
const Service = "service"

const actReason = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

func (w who) empty() bool { return len(w.roles)+len(w.clients)+len(w.purposes) == 0 }

// fits reports whether a caller is meant. A purpose meets those it subsumes and is
// subsumed by when related says so: in doubt it does.
func (w who) fits(c Caller, related func(a, b string) bool) bool {
	role := c.Role
	if role == "" {
		role = Service
	}
	return (len(w.roles) == 0 || slices.Contains(w.roles, role)) &&
		(len(w.clients) == 0 || slices.Contains(w.clients, c.Client)) &&
		(len(w.purposes) == 0 || slices.ContainsFunc(w.purposes, func(asked string) bool {
			return slices.ContainsFunc(c.Purposes, func(has string) bool { return related(asked, has) })
		}))
}

func same(a, b string) bool { return a == b }

// related reports whether one purpose is the other, or a kind of it.
func (r *Rules) related(a, b string) bool {
	below := func(a, b string) bool {
		list, _ := r.codes.Below(actReason, a)
		return slices.Contains(list, b)
	}
	return a == b || below(a, b) || below(b, a)
}

// For is what a caller is not shown; nil when he is shown everything. Several rules
// add up.
func (r *Rules) For(c Caller) *Mask {
	if r == nil {
		return nil
	}
	m := &Mask{rules: r}
	for i := range r.list {
		one := &r.list[i]
		if !one.of.fits(c, r.related) || !one.unless.empty() && one.unless.fits(c, same) {
			continue
		}
		if m.all |= 1 << i; one.about == nil {
			m.always |= 1 << i
		}
	}
	if m.all == 0 {
		return nil
	}
	return m
}

// Mask is what one caller is not shown. It is safe for concurrent use.
type Mask struct {
	rules *Rules
	// all are the rules that bind the caller, always those that do whatever a resource is
	// labelled; as bits.
	all, always uint64
}

// Labelled reports whether it depends on the labels of a resource what is hidden of it.
func (m *Mask) Labelled() bool { return m.all != m.always }

// set is what some rules together hide: by type, the paths and what leads to them.
type set map[string]*hidden

type hidden struct{ paths, leads map[string]bool }

// set joins rules.
func (r *Rules) set(bits uint64) set {
	if known, ok := r.sets.Load(bits); ok {
		return known.(set)
	}
	s := set{}
	for i := range r.list {
		if bits&(1<<i) == 0 {
			continue
		}
		for _, p := range r.list[i].paths {
			h := s[p.typ]
			if h == nil {
				h = &hidden{map[string]bool{}, map[string]bool{}}
				s[p.typ] = h
			}
			h.paths[p.path] = true
			for at, c := range p.path {
				if c == '.' {
					h.leads[p.path[:at]] = true
				}
			}
		}
	}
	r.sets.Store(bits, s)
	return s
}
