package validate

import (
	"context"
	"strings"
	"sync"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
)

// invariant is a compiled ElementDefinition.constraint.
type invariant struct {
	key     string
	human   string
	warning bool
	advice  bool
	outer   bool // stated where a resource stands in another
	expr    *compiled
	fast    *decider // nil where only FHIRPath can tell
	native  func(r *run, el *fhir.Element) verdict
}

// verdict is what a fast rule says.
type verdict uint8

const (
	holds  verdict = iota
	broken         // the expression is false
	asks           // the expression must be evaluated
)

// compiled is an expression that is compiled when it is first evaluated.
type compiled struct {
	text string
	once sync.Once
	expr *path.Expression
	err  error
}

func (v *Validator) expression(text string) *compiled {
	if c, ok := v.expressions.Load(text); ok {
		return c.(*compiled)
	}
	c, _ := v.expressions.LoadOrStore(text, &compiled{text: text})
	return c.(*compiled)
}

func (c *compiled) get(v *Validator) (*path.Expression, error) {
	c.once.Do(func() { c.expr, c.err = path.Compile(c.text, path.WithModel(v.model)) })
	return c.expr, c.err
}

// structural are constraints that the walk itself checks: ele-1 for every
// element, txt-1 and txt-2 with the narrative, dom-3 with what is contained.
func structural(key string) bool {
	return key == "ele-1" || key == "txt-1" || key == "txt-2" || key == "dom-3"
}

// invariants compiles constraints, leaving out those that stand in known as well.
func (v *Validator) invariants(list, known []definition.Constraint) []*invariant {
	var out []*invariant
next:
	for i := range list {
		c := &list[i]
		if c.Expression == "" || structural(c.Key) {
			continue
		}
		for j := range known {
			if known[j].Key == c.Key && known[j].Expression == c.Expression && known[j].Severity == c.Severity {
				continue next
			}
		}
		out = append(out, &invariant{
			key: c.Key, human: strings.TrimSpace(c.Human), warning: c.Severity != "error", advice: c.BestPractice,
			expr: v.expression(corrected(c.Expression)), fast: newDecider(corrected(c.Expression)), native: native(c.Expression),
		})
	}
	return out
}

// invariant evaluates a constraint on the element at hand.
func (r *run) invariant(inv *invariant) {
	if inv.advice && !r.opts.BestPractice || inv.warning && r.opts.ErrorsOnly {
		return
	}
	said := asks
	switch {
	case r.v.exact:
	case inv.native != nil:
		said = inv.native(r, r.top().el)
	case inv.fast != nil:
		said = r.decide(inv.fast)
	}
	if said != asks {
		if said == broken {
			r.fails(inv)
		}
		return
	}
	if ok, known := r.evaluate(inv); known && !ok {
		r.fails(inv)
	}
}

// evaluate evaluates by FHIRPath; known is false where it cannot be told.
func (r *run) evaluate(inv *invariant) (ok, known bool) {
	env := r.environment()
	expr, err := inv.expr.get(r.v)
	if err != nil {
		r.issue(fhir.Information, fhir.CodeNotSupported, "the constraint %s cannot be evaluated: %s", inv.key, err)
		return false, false
	}
	at := len(r.stack) - 1
	if inv.outer && r.stack[at].ids && at > 0 {
		// A constraint on contained or entry.resource belongs to the resource
		// around: that is %resource (R4 fhirpath §2.9.2).
		around := at - 1
		for around > 0 && !r.stack[around].ids {
			around--
		}
		env.Resource = path.Collection{r.item(around)}
		defer func() { env.Resource = nil }()
	}
	result, err := expr.Append(r.ctx, env, r.results[:0], r.item(at))
	r.results = result
	if err != nil {
		r.warn(fhir.CodeInvariant, "the constraint %s cannot be evaluated: %s", inv.key, err)
		return false, false
	}
	return truth(result), true
}

// truth is what a constraint's result means: only false breaks it. Empty does
// not, since R4's own constraints are empty where what they speak of is absent
// (ref-1 on a Reference with only a display, ras-2 without a probability).
func truth(result path.Collection) bool {
	if len(result) != 1 {
		return true
	}
	ok, isBool := result[0].Bool()
	return ok || !isBool
}

const eld19 = `path.matches('[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}(\\.[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}(\\[x\\])?(\\:[^\\s\\.]+)?)*')`

// errata are expressions of R4 that do not say what their words say.
var errata = map[string]string{
	// boolean is a FHIR type; System.Boolean is never an element's type.
	// matches() finds a part (FHIRPath §5.6.9); the names are meant as a whole.
	eld19: strings.Replace(strings.TrimSuffix(eld19, "')"), "matches('", "matches('^", 1) + "$')",
	"operator = 'exists' implies (answer is Boolean)": "operator = 'exists' implies (answer is boolean)",
}

func corrected(expression string) string {
	if better, ok := errata[expression]; ok {
		return better
	}
	return expression
}

func (r *run) fails(inv *invariant) {
	severity := fhir.ErrorLevel
	if inv.warning {
		severity = fhir.Warning
	}
	r.issue(severity, fhir.CodeInvariant, "%s: %s", inv.key, inv.human)
}

// environment is what expressions may ask, made when the first one asks.
func (r *run) environment() *path.Env {
	if r.env != nil {
		return r.env
	}
	r.env = &path.Env{
		Limits: path.Limits{Steps: 2_000_000},
		Resolve: func(ctx context.Context, reference string) (*fhir.Resource, error) {
			if r.opts.Resolve == nil {
				return nil, nil
			}
			return r.opts.Resolve(ctx, reference), nil
		},
		StubReferences: true,
		MemberOf:       r.memberOf,
		ConformsTo:     r.conformsTo,
		HTMLChecks:     func(div string) bool { return checkXHTML(div).wrong == "" },
	}
	return r.env
}

// memberOf answers memberOf() of FHIRPath.
func (r *run) memberOf(ctx context.Context, item path.Item, valueSet string) (member, known bool, err error) {
	if text, ok := item.Text(); ok {
		m := r.v.codes.InValueSet(ctx, valueSet, Coding{Code: text}).Membership
		return m == Member, m != Unknown, nil
	}
	el := item.Element()
	if !el.Is(fhir.Object) {
		return false, false, nil
	}
	if el.Get("code") != nil {
		m := r.v.codes.InValueSet(ctx, valueSet, codingOf(el)).Membership
		return m == Member, m != Unknown, nil
	}
	known = true
	codings := el.Get("coding")
	for i := range codings.Len() {
		switch r.v.codes.InValueSet(ctx, valueSet, codingOf(codings.At(i))).Membership {
		case Member:
			return true, true, nil
		case Unknown:
			known = false
		}
	}
	return false, known, nil
}

// conformsTo answers conformsTo() of FHIRPath.
func (r *run) conformsTo(_ context.Context, item path.Item, canonical string) (conforms, known bool, err error) {
	p, perr := r.v.profile(canonical)
	if perr != nil {
		return false, false, nil //nolint:nilerr // a profile we have not: not known
	}
	el := item.Element()
	if !el.Is(fhir.Object) {
		return false, false, nil
	}
	return r.conformsApart(p, el).ok, true, nil
}
