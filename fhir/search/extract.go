package search

import (
	"cmp"
	"context"
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

// Extract gives the searchable facts of a resource, sorted and each once. What
// an element of the wrong shape could mean is not guessed: it gives no value, and
// neither does an expression that cannot be evaluated.
func (g *Registry) Extract(r *fhir.Resource) []Value {
	t := g.table(r.Type())
	if len(t.indexed) == 0 {
		return nil
	}
	ctx := context.Background()
	root := g.model.Root(r)
	e := g.evaluator(root)
	var part *path.Evaluator
	var values []Value
	var items, buf path.Collection
	for _, p := range t.indexed {
		var err error
		if items, err = e.Append(ctx, p.expression, items[:0]); err != nil {
			items = buf
			continue
		}
		buf = items
		for i := range items {
			if p.Type != CompositeType {
				values = g.appendValues(values, p, p.Type, &items[i])
				continue
			}
			if part == nil {
				part = g.evaluator(root)
			}
			part.Reset(g.env, items[i])
			values = g.appendTuples(ctx, part, values, p)
		}
	}
	g.done(e)
	if part != nil {
		g.done(part)
	}
	slices.SortFunc(values, compareValues)
	return slices.CompactFunc(values, func(a, b Value) bool { return compareValues(a, b) == 0 })
}

func (g *Registry) evaluator(item path.Item) *path.Evaluator {
	if e, ok := g.evaluators.Get().(*path.Evaluator); ok {
		e.Reset(g.env, item)
		return e
	}
	return path.NewEvaluator(g.env, item)
}

// done keeps an evaluator for the next resource, without what it held of this one.
func (g *Registry) done(e *path.Evaluator) {
	e.Reset(nil)
	g.evaluators.Put(e)
}

// appendTuples gives the pairs of a composite's components at the evaluator's
// item (R4 search §3.1.1.5.8): both must stand in the same one.
func (g *Registry) appendTuples(ctx context.Context, e *path.Evaluator, values []Value, p *Param) []Value {
	var sides [2][]Value
	for i, c := range p.Components {
		items, err := e.Append(ctx, c.expression, nil)
		if err != nil || len(items) == 0 {
			return values
		}
		for n := range items {
			sides[i] = g.appendValues(sides[i], c, c.Type, &items[n])
		}
	}
	for _, a := range sides[0] {
		for _, b := range sides[1] {
			b.Param, b.Lead = p, Lead{a.System, a.Code}
			values = append(values, b)
		}
	}
	return values
}

func compareValues(a, b Value) int {
	if a.Param != b.Param {
		return cmp.Compare(a.Param.Code, b.Param.Code)
	}
	return cmp.Or(
		cmp.Compare(a.Lead.System, b.Lead.System), cmp.Compare(a.Lead.Code, b.Lead.Code), cmp.Compare(a.By, b.By),
		cmp.Compare(a.System, b.System), cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Target.Type, b.Target.Type), cmp.Compare(a.Target.ID, b.Target.ID), cmp.Compare(a.Target.URI, b.Target.URI),
		cmp.Compare(a.Low, b.Low), cmp.Compare(a.High, b.High), cmp.Compare(a.Text, b.Text), a.Amount.compare(b.Amount),
	)
}
