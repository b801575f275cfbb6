package path

import (
	"context"
	"sync"
)

// Expression is a compiled expression; it is never changed and safe for concurrent use.
type Expression struct {
	text     string
	tree     *node
	eval     evalFn
	model    *Model
	sessions sync.Pool

	singletonAs bool
}

// Option changes what Compile makes.
type Option func(*compiler)

// WithModel gives the definitions of types. Without it an expression works on
// names alone: no inheritance, choices found by their capital letter.
func WithModel(m *Model) Option { return func(c *compiler) { c.model = m } }

// SingletonAs makes "as" and as() on several items an error, as FHIRPath §6.3.3
// says. R4's own invariants (dom-3) and search parameters use it on lists, where
// it filters like ofType(); that is the default.
func SingletonAs() Option { return func(c *compiler) { c.singletonAs = true } }

// Compile reads an expression. The error is an *Error of kind Syntax or Semantic.
func Compile(text string, opts ...Option) (*Expression, error) {
	c := compiler{}
	for _, o := range opts {
		o(&c)
	}
	tree, perr := parse(text)
	if perr != nil {
		return nil, locate(perr, text)
	}
	eval, err := c.expr(tree)
	if err != nil {
		return nil, locate(err, text)
	}
	return &Expression{text: text, tree: tree, eval: eval, model: c.model, singletonAs: c.singletonAs}, nil
}

// String is the text it was compiled from.
func (x *Expression) String() string { return x.text }

// Eval evaluates on the input, which most often is one item. The error is an
// *Error of kind Execution or Budget. The result shares nodes with the input's resource.
func (x *Expression) Eval(ctx context.Context, env *Env, input ...Item) (Collection, error) {
	return x.Append(ctx, env, nil, input...)
}

// Append is Eval with the result behind what is in out.
func (x *Expression) Append(ctx context.Context, env *Env, out Collection, input ...Item) (Collection, error) {
	s, f := x.begin(ctx, env, input)
	result, err := x.eval(s, f, out)
	x.end(s)
	if err != nil {
		return nil, locate(err, x.text)
	}
	return result, nil
}

// EvalBool evaluates as a condition (FHIRPath §4.5: singleton evaluation): empty is
// false, one item that is no boolean is true, several items are an error.
func (x *Expression) EvalBool(ctx context.Context, env *Env, input ...Item) (bool, error) {
	s, f := x.begin(ctx, env, input)
	buf := s.grab()
	result, err := x.eval(s, f, buf)
	var t truth
	if err == nil {
		t, err = truthOf(result)
	}
	s.release(result)
	x.end(s)
	if err != nil {
		return false, locate(err, x.text)
	}
	return t == yes, nil
}

func (x *Expression) begin(ctx context.Context, env *Env, input []Item) (*session, *frame) {
	s, _ := x.sessions.Get().(*session)
	if s == nil {
		s = newSession()
	}
	return s, s.start(ctx, env, x.model, input)
}

// end keeps the session's buffers and unused nodes for the next evaluation. What
// they still point to goes when the collector empties the pool.
func (x *Expression) end(s *session) {
	s.finish()
	x.sessions.Put(s)
}

// Evaluator evaluates many expressions on one input, as an indexer does, with
// less overhead than their Eval. It is not safe for concurrent use.
type Evaluator struct {
	s     *session
	env   *Env
	input []Item
}

// NewEvaluator makes an Evaluator for an input.
func NewEvaluator(env *Env, input ...Item) *Evaluator {
	e := &Evaluator{s: newSession()}
	e.Reset(env, input...)
	return e
}

// Reset goes on to another input.
func (e *Evaluator) Reset(env *Env, input ...Item) {
	e.env, e.input = env, append(e.input[:0:0], input...)
}

// Append is Expression.Append.
func (e *Evaluator) Append(ctx context.Context, x *Expression, out Collection) (Collection, error) {
	f := e.s.start(ctx, e.env, x.model, e.input)
	result, err := x.eval(e.s, f, out)
	e.s.finish()
	if err != nil {
		return nil, locate(err, x.text)
	}
	return result, nil
}
