package patch

import (
	"context"
	"errors"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

// place is where a node is in the JSON: a member of an object and, in a list,
// the index. A primitive is in the member, in its "_" sibling, or in both.
type place struct {
	in    *fhir.Element
	name  string // of the member, without "_"
	index int    // -1 for an element that does not repeat
}

// container is the object that has the children of a node; for a primitive the
// one with its id and extensions.
func container(n *path.Node) *fhir.Element {
	if n.Element().Is(fhir.Object) {
		return n.Element()
	}
	return n.Extras()
}

// placeOf finds a node in the JSON of its parent.
func placeOf(n *path.Node) (place, bool) {
	in := container(n.Parent())
	for _, m := range in.Members() {
		want := n.Element()
		if strings.HasPrefix(m.Name, "_") {
			want = n.Extras()
		}
		if want == nil {
			continue
		}
		p := place{in: in, name: strings.TrimPrefix(m.Name, "_"), index: -1}
		if m.Value == want {
			return p, true
		}
		if m.Value.Is(fhir.Array) {
			if p.index = slices.Index(m.Value.Items(), want); p.index >= 0 {
				return p, true
			}
		}
	}
	return place{}, false
}

// lists are the member and its "_" sibling, nil where absent.
func (p place) lists() (values, shadows *fhir.Element) {
	return p.in.Get(p.name), p.in.Get("_" + p.name)
}

// insert puts a value into the list of the place, at most behind its last item.
func (p place) insert(v, shadow *fhir.Element) {
	values, shadows := p.lists()
	length := max(values.Len(), shadows.Len())
	put := func(name string, list, item *fhir.Element) {
		if list == nil && item == nil {
			return
		}
		if item == nil {
			item = fhir.NewNull()
		}
		if list == nil {
			list = fhir.NewArray()
			p.set(name, list)
		}
		for list.Len() < length {
			list.Append(fhir.NewNull())
		}
		insertItem(list, p.index, item)
	}
	put(p.name, values, v)
	put("_"+p.name, shadows, shadow)
	p.tidy()
}

// set puts a member where it belongs: the "_" sibling behind its value.
func (p place) set(name string, e *fhir.Element) {
	base, isShadow := strings.CutPrefix(name, "_")
	if p.in.Get(name) != nil || !isShadow || p.in.Get(base) == nil {
		p.in.Set(name, e)
		return
	}
	members := slices.Clone(p.in.Members())
	at := slices.IndexFunc(members, func(m fhir.Member) bool { return m.Name == base })
	*p.in = *fhir.NewObject(slices.Insert(members, at+1, fhir.M(name, e))...)
}

// remove takes the value of the place away.
func (p place) remove() {
	for _, name := range [...]string{p.name, "_" + p.name} {
		switch list := p.in.Get(name); {
		case p.index < 0:
			p.in.Set(name, nil)
		case p.index < list.Len():
			removeItem(list, p.index)
		}
	}
	p.tidy()
}

// move takes an item of the list to another place in it.
func (p place) move(to int) {
	values, shadows := p.lists()
	length := max(values.Len(), shadows.Len())
	for _, list := range [...]*fhir.Element{values, shadows} {
		if list == nil {
			continue
		}
		for list.Len() < length {
			list.Append(fhir.NewNull())
		}
		item := list.At(p.index)
		removeItem(list, p.index)
		insertItem(list, to, item)
	}
	p.tidy()
}

// tidy drops a list that is empty or has only nulls: FHIR has neither (R4 json
// §2.6.2).
func (p place) tidy() {
	if p.index < 0 {
		return
	}
	for _, name := range [...]string{p.name, "_" + p.name} {
		list := p.in.Get(name)
		if list != nil && !slices.ContainsFunc(list.Items(), func(e *fhir.Element) bool { return e.Kind() != fhir.Null }) {
			p.in.Set(name, nil)
		}
	}
}

// extras is the object with id and extensions of a primitive, made where there
// is none.
func (p place) extras() *fhir.Element {
	values, shadows := p.lists()
	if p.index < 0 {
		if shadows == nil {
			shadows = fhir.NewObject()
			p.set("_"+p.name, shadows)
		}
		return shadows
	}
	if shadows == nil {
		shadows = fhir.NewArray()
		p.set("_"+p.name, shadows)
	}
	for shadows.Len() < max(values.Len(), p.index+1) {
		shadows.Append(fhir.NewNull())
	}
	item := shadows.At(p.index)
	if !item.Is(fhir.Object) {
		*item = *fhir.NewObject()
	}
	return item
}

// replace puts another value in the place, under another member name where a
// choice gets another type.
func (p place) replace(name string, v, shadow *fhir.Element) {
	if p.index >= 0 {
		p.insert(v, shadow)
		p.index++
		p.remove()
		return
	}
	kept := make([]fhir.Member, 0, p.in.Len()+1)
	done := false
	for _, m := range p.in.Members() {
		if m.Name != p.name && m.Name != "_"+p.name {
			kept = append(kept, m)
			continue
		}
		if done {
			continue
		}
		done = true
		if v != nil {
			kept = append(kept, fhir.M(name, v))
		}
		if shadow != nil {
			kept = append(kept, fhir.M("_"+name, shadow))
		}
	}
	*p.in = *fhir.NewObject(kept...)
}

// dropEmpty takes away a node that has nothing left, and then its parent if that
// has nothing left: FHIR has no empty elements.
func dropEmpty(n *path.Node) {
	for ; n != nil && n.Parent() != nil; n = n.Parent() {
		in := container(n)
		if in.Len() > 0 {
			return
		}
		if n.Element() != nil && n.Element() != in {
			// A primitive that keeps its value loses what was beside it.
			if p, ok := placeOf(n); ok {
				p.dropShadow()
			}
			return
		}
		p, ok := placeOf(n)
		if !ok {
			return
		}
		p.remove()
	}
}

func (p place) dropShadow() {
	_, shadows := p.lists()
	if p.index < 0 {
		p.in.Set("_"+p.name, nil)
		return
	}
	if p.index < shadows.Len() {
		*shadows.At(p.index) = *fhir.NewNull()
	}
	p.tidy()
}

// evalFailure tells a path that does not fit from one that takes too much.
func evalFailure(ctx context.Context, err error) *failure {
	if ctx.Err() != nil {
		return &failure{fatal: ctx.Err()}
	}
	var pe *path.Error
	if errors.As(err, &pe) && pe.Kind == path.Budget {
		return &failure{fatal: fhir.TooCostly("%s", pe.Text)}
	}
	return because("", "%s", err)
}
