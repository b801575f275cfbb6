package search

import (
	"cmp"
	"context"
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

// extraction is what one Extract works with; it is kept for the next.
type extraction struct {
	reg         *Registry
	whole, part *path.Evaluator // on the resource, and on what a composite is about
	items       path.Collection
	values      []Value
	sides       [2][]Value
	// The amount read last, and of which element.
	counted   *fhir.Element
	countedAs Type
	count     *Amount
}

// Extract gives the searchable facts of a resource, sorted and each once. What
// an element of the wrong shape could mean is not guessed: it gives no value, and
// neither does an expression that cannot be evaluated.
func (g *Registry) Extract(r *fhir.Resource) []Value {
	t := g.table(r.Type())
	if len(t.indexed) == 0 {
		return nil
	}
	x, _ := g.extractions.Get().(*extraction)
	if x == nil {
		x = &extraction{reg: g, whole: path.NewEvaluator(nil), part: path.NewEvaluator(nil)}
	}
	x.whole.Reset(g.env, g.model.Root(r))
	ctx := context.Background()
	for _, p := range t.indexed {
		items, err := x.whole.Append(ctx, p.expression, x.items[:0])
		if err != nil {
			continue
		}
		x.items = items
		for i := range items {
			if p.Type == CompositeType {
				x.part.Reset(g.env, items[i])
				x.tuples(ctx, p)
			} else {
				x.values = x.appendValues(x.values, p, p.Type, &items[i])
			}
		}
	}
	slices.SortFunc(x.values, compareValues)
	values := slices.Clone(slices.CompactFunc(x.values, func(a, b Value) bool { return compareValues(a, b) == 0 }))
	x.done()
	return values
}

// done gives the extraction back without what it held of the resource.
func (x *extraction) done() {
	x.whole.Reset(nil)
	x.part.Reset(nil)
	clear(x.items[:cap(x.items)])
	clear(x.values[:cap(x.values)])
	x.items, x.values = x.items[:0], x.values[:0]
	for i := range x.sides {
		clear(x.sides[i][:cap(x.sides[i])])
	}
	x.counted, x.count = nil, nil
	if cap(x.values) < maxKept {
		x.reg.extractions.Put(x)
	}
}

// maxKept bounds the values that an extraction keeps room for.
const maxKept = 4096

// tuples adds the pairs of a composite's components at one place
// (R4 search §3.1.1.5.8): both must stand in the same one.
func (x *extraction) tuples(ctx context.Context, p *Param) {
	for i, c := range p.Components {
		x.sides[i] = x.sides[i][:0]
		items, err := x.part.Append(ctx, c.expression, nil)
		if err != nil || len(items) == 0 {
			return
		}
		for n := range items {
			x.sides[i] = x.appendValues(x.sides[i], c, c.Type, &items[n])
		}
	}
	for _, a := range x.sides[0] {
		for _, b := range x.sides[1] {
			b.Param, b.Lead = p, Lead{a.System, a.Code}
			x.values = append(x.values, b)
		}
	}
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
