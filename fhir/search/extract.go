package search

import (
	"cmp"
	"context"
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

// item is an element that an expression gave, and what the definitions say of it.
type item struct {
	el   *fhir.Element
	typ  *path.Type // nil for a computed value
	path string     // where the element is defined, of a code
}

// hit is an element that the walk found for a parameter.
type hit struct {
	el   *fhir.Element
	at   *path.Place
	next int32 // hit of the same parameter, counted from 1; 0 for none
}

// extraction is what one Extract works with; it is kept for the next.
type extraction struct {
	reg         *Registry
	hits        []hit
	first       []int32         // by parameter the first hit, counted from 1
	whole, part *path.Evaluator // on the resource, and on what a composite is about
	items       path.Collection
	values      []Value
	sides       [2][]Value
	words       wordList
	order       []int             // of the values of one parameter
	spare       []Value           // room to bring them in order
	systems     map[string]string // of codes, by where they are defined
	counted     [4]counted
	turn        int // the next place in counted
	// Made once: what the walks of the resource and of a composite's sides report to.
	found func(id int, e *fhir.Element, at *path.Place)
	side  [2]func(id int, e *fhir.Element, at *path.Place)
	about *Param // the composite of side
}

func newExtraction(g *Registry) *extraction {
	x := &extraction{reg: g, systems: map[string]string{}}
	x.found = func(id int, e *fhir.Element, at *path.Place) {
		x.hits = append(x.hits, hit{e, at, x.first[id]})
		x.first[id] = int32(len(x.hits))
	}
	for i := range x.side {
		x.side[i] = func(_ int, e *fhir.Element, at *path.Place) {
			c := x.about.Components[i]
			x.sides[i] = x.appendValues(x.sides[i], c, c.Type, placed(e, at))
		}
	}
	return x
}

func placed(e *fhir.Element, at *path.Place) item { return item{e, at.Type, at.Path} }

// Extract gives the searchable facts of a resource, by parameter, sorted and each once. What
// an element of the wrong shape could mean is not guessed: it gives no value, and
// neither does an expression that cannot be evaluated.
func (g *Registry) Extract(r *fhir.Resource) []Value {
	t := g.table(r.Type())
	if len(t.indexed) == 0 {
		return nil
	}
	x, _ := g.extractions.Get().(*extraction)
	if x == nil {
		x = newExtraction(g)
	}
	x.first = append(x.first[:0], make([]int32, len(t.indexed))...)
	if t.plan.walk != nil {
		t.plan.walk.Each(r.Root(), x.found)
	}
	for _, i := range t.plan.always {
		x.first[i] = 1
	}
	for i, first := range x.first {
		if first == 0 {
			continue
		}
		p, before := t.indexed[i], len(x.values)
		switch {
		case t.plan.alone[i]:
			x.evaluate(r, p)
		case p.Type == CompositeType:
			for n := first; n > 0; n = x.hits[n-1].next {
				x.pairs(p, t.plan.parts[i], &x.hits[n-1])
			}
		default:
			for n := first; n > 0; n = x.hits[n-1].next {
				x.value(p, placed(x.hits[n-1].el, x.hits[n-1].at))
			}
		}
		x.settle(before)
	}
	x.appendWithin(g.within(t, r.Type()), r, 0)
	x.values = x.appendWhole(t, x.values, r)
	if t.label != nil {
		x.appendSecurity(t.label, r)
	}
	values := slices.Clone(x.values)
	x.done()
	return values
}

// settle sorts the values from a place on, which are of one parameter, and drops
// those that are twice. Values are large, so their places are sorted, and most
// often there is nothing to do.
func (x *extraction) settle(from int) {
	own := x.values[from:]
	ascending := true
	for i := 1; i < len(own) && ascending; i++ {
		ascending = own[i-1].compare(&own[i]) < 0
	}
	if ascending {
		return
	}
	x.order = x.order[:0]
	for i := range own {
		x.order = append(x.order, i)
	}
	slices.SortFunc(x.order, func(i, j int) int { return own[i].compare(&own[j]) })
	x.order = slices.CompactFunc(x.order, func(i, j int) bool { return own[i].compare(&own[j]) == 0 })
	x.spare = append(x.spare[:0], own...)
	for to, i := range x.order {
		own[to] = x.spare[i]
	}
	clear(own[len(x.order):])
	clear(x.spare)
	x.values = x.values[:from+len(x.order)]
}

// done gives the extraction back without what it held of the resource.
func (x *extraction) done() {
	if x.whole != nil {
		x.whole.Reset(nil)
		x.part.Reset(nil)
		clear(x.items[:cap(x.items)])
		x.items = x.items[:0]
	}
	clear(x.hits)
	clear(x.values)
	x.hits, x.values = x.hits[:0], x.values[:0]
	for i := range x.sides {
		clear(x.sides[i][:cap(x.sides[i])])
	}
	x.counted = [4]counted{}
	if cap(x.values) < maxKept && cap(x.hits) < maxKept && cap(x.words.text) < maxKeptText {
		x.reg.extractions.Put(x)
	}
}

// maxKept bounds the values that an extraction keeps room for.
const maxKept = 4096

// maxKeptText is how many bytes of words an extraction keeps room for.
const maxKeptText = 64 << 10

// pairs adds the pairs of a composite's components at one place
// (R4 search §3.1.1.5.8): both must stand in the same one.
func (x *extraction) pairs(p *Param, by map[*path.Type]parts, h *hit) {
	both := by[h.at.Type]
	x.about = p
	x.sides[0], x.sides[1] = x.sides[0][:0], x.sides[1][:0]
	both[1].Each(h.el, x.side[1]) // what stands with the token is the rarer
	if len(x.sides[1]) > 0 {
		both[0].Each(h.el, x.side[0])
		x.join(p)
	}
}

func (x *extraction) join(p *Param) {
	for i := range x.sides[0] {
		a := &x.sides[0][i]
		for _, b := range x.sides[1] {
			b.Param, b.Lead = p, Lead{a.System, a.Code}
			x.values = append(x.values, b)
		}
	}
}

// evaluate adds the values of a parameter whose expression is not walked.
func (x *extraction) evaluate(r *fhir.Resource, p *Param) {
	if x.whole == nil {
		x.whole, x.part = path.NewEvaluator(nil), path.NewEvaluator(nil)
	}
	ctx := context.Background()
	x.whole.Reset(x.reg.env, x.reg.model.Root(r))
	items, err := x.whole.Append(ctx, p.expression, x.items[:0])
	if err != nil {
		return
	}
	x.items = items
	for i := range items {
		if p.Type == CompositeType {
			x.part.Reset(x.reg.env, items[i])
			x.tuples(ctx, p)
		} else {
			x.value(p, evaluated(&items[i]))
		}
	}
}

// value adds what an element means for a parameter, and the words that stand with it.
func (x *extraction) value(p *Param, it item) {
	x.values = x.appendValues(x.values, p, p.Type, it)
	// A custom parameter has none: a reindex adds no words to those of a resource.
	if p.Index == "" && (p.Type == Token || p.Type == ReferenceType) {
		x.values = x.appendLabels(x.values, p, it)
	}
}

func (x *extraction) tuples(ctx context.Context, p *Param) {
	for i, c := range p.Components {
		x.sides[i] = x.sides[i][:0]
		items, err := x.part.Append(ctx, c.expression, nil)
		if err != nil || len(items) == 0 {
			return
		}
		for n := range items {
			x.sides[i] = x.appendValues(x.sides[i], c, c.Type, evaluated(&items[n]))
		}
	}
	x.join(p)
}

// evaluated is what evaluation gave: an element, or a computed value as JSON would
// write it.
func evaluated(it *path.Item) item {
	if n := it.Node(); n != nil {
		found := item{el: n.Element(), typ: n.Type()}
		if found.typ.Name() == "code" && n.Parent() != nil {
			found.path = n.Parent().Type().Path() + "." + n.Name()
		}
		return found
	}
	text, ok := it.Text()
	if !ok {
		return item{}
	}
	switch it.Kind() {
	case path.KindBoolean:
		return item{el: fhir.NewBool(text == "true")}
	case path.KindInteger, path.KindDecimal:
		return item{el: fhir.NewNumber(text)}
	case path.KindQuantity:
		value, unit, _ := it.Quantity()
		return item{el: fhir.NewObject(fhir.M("value", fhir.NewNumber(value.String())), fhir.S("system", UCUM), fhir.S("code", unit))}
	}
	return item{el: fhir.NewString(text)}
}

// compare orders the values of one parameter. It asks one thing after the other:
// most values differ in the first that they have.
func (v *Value) compare(o *Value) int {
	if c := cmp.Compare(v.Lead.System, o.Lead.System); c != 0 {
		return c
	}
	if c := cmp.Compare(v.Lead.Code, o.Lead.Code); c != 0 {
		return c
	}
	if c := cmp.Compare(v.By, o.By); c != 0 {
		return c
	}
	if c := cmp.Compare(v.System, o.System); c != 0 {
		return c
	}
	if c := cmp.Compare(v.Code, o.Code); c != 0 {
		return c
	}
	if v.Target != o.Target {
		return cmp.Or(cmp.Compare(v.Target.Type, o.Target.Type), cmp.Compare(v.Target.ID, o.Target.ID), cmp.Compare(v.Target.URI, o.Target.URI))
	}
	if v.Low != o.Low || v.High != o.High {
		return cmp.Or(cmp.Compare(v.Low, o.Low), cmp.Compare(v.High, o.High))
	}
	if c := cmp.Compare(v.Text, o.Text); c != 0 {
		return c
	}
	return v.Amount.compare(o.Amount)
}
