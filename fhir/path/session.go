package path

import (
	"context"
	"time"

	"vitalwire/fhir"
)

// Limits bound one evaluation. Zero fields stand for the defaults.
type Limits struct {
	Steps int // items touched and functions called; DefaultSteps
	Depth int // nested evaluations; DefaultDepth
}

// The default limits: a second of work at most on one core, and far more than
// any invariant of R4 needs on a Bundle of thousands of entries.
const (
	DefaultSteps = 10_000_000
	DefaultDepth = 256

	maxText = 1 << 20 // bytes of a computed string
)

// Env is what an evaluation may ask beyond its input. The zero Env is usable:
// questions that need an absent function are an execution error, resolve() and
// memberOf() excepted, which are then empty.
type Env struct {
	// Resource, RootResource and Context are %resource, %rootResource and
	// %context. Nil ones are taken from the input: the resource it is in, that
	// resource's container, and the input itself (R4 fhirpath §2.9.2).
	Resource, RootResource, Context Collection
	// Variables are further % variables by name.
	Variables map[string]Collection
	// Now is the moment of now(), today() and timeOfDay(); when zero the clock is
	// read once per evaluation.
	Now time.Time
	// Resolve finds the resource a reference that is not in the input names; nil
	// and no error when there is none. Contained resources and entries of the
	// input's Bundle are found without it.
	Resolve func(ctx context.Context, reference string) (*fhir.Resource, error)
	// StubReferences lets resolve() answer with an empty resource of the type
	// that an unresolved reference names (Patient/123, or Reference.type), so that
	// "resolve() is Patient" can be told from the reference (R4 search).
	StubReferences bool
	// MemberOf tells whether a code, Coding, CodeableConcept or string is in a
	// value set; known is false when that cannot be decided.
	MemberOf func(ctx context.Context, item Item, valueSet string) (member, known bool, err error)
	// Subsumes tells whether code a subsumes code b of a system.
	Subsumes func(ctx context.Context, a, b Item) (subsumes, known bool, err error)
	// ConformsTo tells whether a resource or element meets a profile.
	ConformsTo func(ctx context.Context, item Item, profile string) (conforms, known bool, err error)
	// HTMLChecks tells whether a narrative's XHTML is safe and well formed (R4
	// narrative); when nil a built-in check is used.
	HTMLChecks func(div string) bool
	// Slice finds what slice() asks for, ElementDefinition what elementDefinition() does.
	Slice             func(ctx context.Context, item Item, structure, name string) (Collection, error)
	ElementDefinition func(ctx context.Context, item Item) (Collection, error)
	// Trace is told of every trace().
	Trace func(name string, items Collection)
	// Limits bound the evaluation.
	Limits Limits
}

// session is one evaluation.
type session struct {
	ctx    context.Context
	env    *Env
	model  *Model
	now    Temporal
	steps  int    // left
	check  int    // when steps falls below, the context is asked
	root   []Item // the input, for %context
	free   [][]Item
	frames []*frame
	top    int
	slab   []Node
	grown  int              // nodes in the latest slab
	refs   map[string]*Node // resolved references, one evaluation long
}

// frame is what names mean at one place of an expression.
type frame struct {
	focus  []Item // $this, and what a leading name is looked up on
	index  int64
	inLoop bool // whether $index has a meaning
	total  []Item
	one    [1]Item
}

const checkEvery = 4096

func newSession() *session { return &session{frames: []*frame{{}}} }

// start begins an evaluation and gives its outermost frame.
func (s *session) start(ctx context.Context, env *Env, m *Model, input []Item) *frame {
	if env == nil {
		env = &Env{}
	}
	s.ctx, s.env, s.model, s.root = ctx, env, m, input
	if s.steps = env.Limits.Steps; s.steps <= 0 {
		s.steps = DefaultSteps
	}
	s.check, s.top, s.now.kind = s.steps-checkEvery, 1, 0
	f := s.frames[0]
	f.focus, f.inLoop, f.total = input, false, nil
	return f
}

// finish ends an evaluation and keeps buffers and unused nodes.
func (s *session) finish() {
	s.ctx, s.env, s.root, s.refs = nil, nil, nil, nil
	if len(s.free) > 16 {
		s.free = s.free[:16]
	}
}

// spend takes n steps off the budget.
func (s *session) spend(n int) error {
	if s.steps -= n; s.steps >= s.check {
		return nil
	}
	return s.overdue()
}

func (s *session) overdue() error {
	if s.steps < 0 {
		return errAt(Budget, 0, "the evaluation took more than its budget of steps")
	}
	s.check = s.steps - checkEvery
	if err := s.ctx.Err(); err != nil {
		return &Error{Kind: Budget, Text: "the evaluation was cancelled", Err: err}
	}
	return nil
}

// grab lends a buffer; release takes it back.
func (s *session) grab() []Item {
	if n := len(s.free); n > 0 {
		b := s.free[n-1]
		s.free = s.free[:n-1]
		return b[:0]
	}
	return make([]Item, 0, 8)
}

func (s *session) release(b []Item) {
	if cap(b) > 0 && cap(b) <= 4096 {
		s.free = append(s.free, b)
	}
}

// push opens a frame with one item as its focus.
func (s *session) push(outer *frame, it Item) (*frame, error) {
	limit := s.env.Limits.Depth
	if limit <= 0 {
		limit = DefaultDepth
	}
	if s.top >= limit {
		return nil, errAt(Budget, 0, "the evaluation nests deeper than its budget of %d levels", limit)
	}
	if s.top == len(s.frames) {
		s.frames = append(s.frames, &frame{})
	}
	f := s.frames[s.top]
	s.top++
	f.one[0] = it
	f.focus = f.one[:]
	f.index, f.inLoop, f.total = outer.index, outer.inLoop, outer.total
	return f, nil
}

func (s *session) pop() { s.top-- }

// node hands out nodes from slabs.
func (s *session) node() *Node {
	if len(s.slab) == 0 {
		s.grown = min(max(2*s.grown, 8), 64)
		s.slab = make([]Node, s.grown)
	}
	n := &s.slab[0]
	s.slab = s.slab[1:]
	return n
}

// clock is the moment of the evaluation.
func (s *session) clock() Temporal {
	if s.now.kind == 0 {
		t := s.env.Now
		if t.IsZero() {
			t = time.Now()
		}
		s.now = DateTimeOf(t)
	}
	return s.now
}
