package path

import (
	"math"
	"math/bits"
	"sync"

	"vitalwire/fhir"
)

// Walk evaluates many expressions of one type in one pass over the members that
// an element really has: what an indexer wants, where most expressions find
// nothing and many begin alike. It takes expressions that only go from element to
// element: members, as and ofType, where with an equality or resolve() is T,
// extension(url), and unions of these. resolve() works as with
// Env.StubReferences and without Env.Resolve.
//
// A union's sides are evaluated each by itself: an element is given once for each,
// and two elements that are equal both. A primitive without a value is not given.
//
// A Walk is safe for concurrent use once all is added.
type Walk struct {
	model *Model
	typ   *Type
	goals []goal
	once  sync.Once
	start *state
}

// goal is a path to what is wanted by an id.
type goal struct {
	steps []step
	id    int
}

// Place is what the definitions say of an element that was found.
type Place struct {
	// Type of the element.
	Type *Type
	// Path is where the definition of the element is: "Observation.status", or for
	// the root its type.
	Path string
}

// state is one place of a pass: what ends there and what goes on.
type state struct {
	at      Place
	ends    []int
	filters []filtering
	edges   edges
}

type filtering struct {
	filter *filter
	next   *state
}

// edge leads to a member of JSON.
type edge struct {
	name   string
	next   *state // nil when nobody wants it
	choice uint   // number of the choice it belongs to from 1; 0 for none
	plain  string // of a "_name" member of a choice: the name
}

// NewWalk makes a Walk that begins at elements of a type; nil where the model does
// not know the type.
func NewWalk(m *Model, typ string) *Walk {
	t := m.Type(typ)
	if t == nil {
		return nil
	}
	return &Walk{model: m, typ: t}
}

// Add takes an expression under an id; false when it is none that a Walk can take.
// Several expressions may have one id.
func (w *Walk) Add(id int, x *Expression) bool {
	l := w.lowering(x)
	var goals []goal
	for _, side := range sides(x.tree) {
		steps, none, ok := l.steps(side)
		if !ok || x.singletonAs {
			return false
		}
		if !none {
			goals = append(goals, goal{steps, id})
		}
	}
	return w.take(goals)
}

// AddLeading takes of an expression that Add does not take the first steps of each
// side: where they find nothing, neither does the expression. It is false when
// that cannot be told.
func (w *Walk) AddLeading(id int, x *Expression) bool {
	l := w.lowering(x)
	var goals []goal
	for _, side := range sides(x.tree) {
		if root := rootOf(side); root != "" && !w.typ.is(root) {
			continue
		}
		steps := l.leading(side)
		if steps == nil {
			return false
		}
		goals = append(goals, goal{steps, id})
	}
	return w.take(goals)
}

func (w *Walk) lowering(x *Expression) lowering {
	return lowering{c: compiler{model: x.model}, root: w.typ}
}

// take adds goals if they lead somewhere that a pass can follow.
func (w *Walk) take(goals []goal) bool {
	if w.compile(goals, maxStates) == nil {
		return false
	}
	w.goals = append(w.goals, goals...)
	return true
}

// first is the state that the pass begins in.
func (w *Walk) first() *state {
	// Together they have no more states than each by itself.
	w.once.Do(func() { w.start = w.compile(w.goals, math.MaxInt) })
	return w.start
}

// Types are the types that the elements of an id may have.
func (w *Walk) Types(id int) []*Type {
	var types []*Type
	w.first().each(func(s *state) {
		for _, end := range s.ends {
			if end == id {
				types = append(types, s.at.Type)
			}
		}
	})
	return types
}

func (s *state) each(fn func(*state)) {
	fn(s)
	for _, f := range s.filters {
		f.next.each(fn)
	}
	for _, e := range s.edges.slots {
		if e != nil && e.next != nil {
			e.next.each(fn)
		}
	}
}

// Each tells found of every element that the expressions give in e, which is of
// the Walk's type.
func (w *Walk) Each(e *fhir.Element, found func(id int, e *fhir.Element, at *Place)) {
	p := pass{w.model, e, found}
	p.visit(e, w.first())
}

// pass is one run of a Walk.
type pass struct {
	model *Model
	root  *fhir.Element
	found func(id int, e *fhir.Element, at *Place)
}

func (p *pass) visit(e *fhir.Element, s *state) {
	for _, id := range s.ends {
		p.found(id, e, &s.at)
	}
	for i := range s.filters {
		if f := &s.filters[i]; f.filter.meets(p.model, p.root, e, s.at.Type) {
			p.visit(e, f.next)
		}
	}
	if s.edges.slots == nil || !e.Is(fhir.Object) {
		return
	}
	var taken uint64 // choices of which a member was met: the first counts
	members := e.Members()
	for i := range members {
		edge := s.edges.find(members[i].Name)
		if edge == nil {
			continue
		}
		if edge.choice > 0 {
			bit := uint64(1) << edge.choice
			if taken&bit != 0 || edge.plain != "" && e.Get(edge.plain) != nil {
				continue
			}
			taken |= bit
		}
		if edge.next != nil {
			p.follow(members[i].Value, edge.next)
		}
	}
}

func (p *pass) follow(v *fhir.Element, next *state) {
	switch v.Kind() {
	case fhir.Null:
	case fhir.Array:
		for _, item := range v.Members() {
			if item.Value.Kind() != fhir.Null {
				p.visit(item.Value, next)
			}
		}
	default:
		p.visit(v, next)
	}
}

// edges are found by the name of a member: most members lead nowhere, which their
// first letter often tells.
type edges struct {
	slots  []*edge // by slot, or where that is taken, the next; a power of two, half empty
	begins [4]uint64
}

func newEdges(named map[string]*edge) edges {
	if len(named) == 0 {
		return edges{}
	}
	t := edges{slots: make([]*edge, 1<<bits.Len(uint(2*len(named))))}
	for name, e := range named {
		t.begins[name[0]>>6] |= 1 << (name[0] & 63)
		i := slot(name)
		for t.slots[i&uint(len(t.slots)-1)] != nil {
			i++
		}
		t.slots[i&uint(len(t.slots)-1)] = e
	}
	return t
}

// find is the edge of a name, nil for none.
func (t *edges) find(name string) *edge {
	if name == "" || t.begins[name[0]>>6]&(1<<(name[0]&63)) == 0 {
		return nil
	}
	for i := slot(name); ; i++ {
		e := t.slots[i&uint(len(t.slots)-1)]
		if e == nil || e.name == name {
			return e
		}
	}
}

func slot(name string) uint {
	return 31*uint(name[0]) + 7*uint(name[len(name)-1]) + 5*uint(name[len(name)/2]) + uint(len(name))
}
