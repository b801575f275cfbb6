package relational

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// seen narrows a plan to what may be seen of its type (search.Query.Sight). It is
// one more clause of the plan: before any limit, before anything is counted, and
// perhaps what drives. What cannot be asked is an error, so nothing is found.
func (p *plan) seen(r *reader) error {
	if p.query.Sight == nil {
		return errors.New("store: a query that does not say who asks")
	}
	view := p.query.Sight(p.query.Type)
	switch {
	case view.Whole:
		return nil
	case r.behind():
		return store.Stale()
	case len(view.Any) == 0:
		p.never = true
		return nil
	}
	for _, clause := range view.Any {
		if err := belongs(p.query.Type, clause); err != nil {
			return err
		}
	}
	// What may be seen is decided by all there is, seen or not.
	flat, err := r.flatten(search.Everything, p.query.Type, factored(view.Any), p.at)
	if err != nil {
		return err
	}
	named := len(p.names)
	for _, clause := range flat {
		if err := p.clause(clause); err != nil {
			return err
		}
	}
	supposed(p.all, p.query.Filter)
	for i := named; i < len(p.names); i++ {
		p.names[i] = "what may be seen"
	}
	return nil
}

// factored writes "a and b, or a and c" as a, and b or c: what all alternatives demand,
// such as to be of one patient, can drive the search by itself then.
func factored(alternatives []search.Clause) []search.Clause {
	var either [][]search.Clause
	for _, c := range alternatives {
		if every := conjuncts(c); !slices.ContainsFunc(either, func(other []search.Clause) bool { return reflect.DeepEqual(other, every) }) {
			either = append(either, every)
		}
	}
	has := func(list []search.Clause, c search.Clause) bool {
		return slices.ContainsFunc(list, func(one search.Clause) bool { return reflect.DeepEqual(one, c) })
	}
	var common []search.Clause
	for _, c := range either[0] {
		if !has(common, c) && !slices.ContainsFunc(either, func(every []search.Clause) bool { return !has(every, c) }) {
			common = append(common, c)
		}
	}
	rest := search.Group{Op: search.Any}
	for _, every := range either {
		left := slices.DeleteFunc(slices.Clone(every), func(c search.Clause) bool { return has(common, c) })
		switch len(left) {
		case 0: // it demands nothing else
			return common
		case 1:
			rest.Clauses = append(rest.Clauses, left[0])
		default:
			rest.Clauses = append(rest.Clauses, search.Clause{Group: &search.Group{Op: search.All, Clauses: left}})
		}
	}
	return append(common, search.Clause{Group: &rest})
}

// conjuncts are the clauses that all must hold for one to hold.
func conjuncts(c search.Clause) []search.Clause {
	if c.Group == nil || c.Group.Op != search.All {
		return []search.Clause{c}
	}
	var list []search.Clause
	for _, inner := range c.Group.Clauses {
		list = append(list, conjuncts(inner)...)
	}
	return list
}

// belongs refuses a clause of another type: turned round it would hold for all.
func belongs(typ string, c search.Clause) error {
	switch {
	case c.Group != nil:
		for _, inner := range c.Group.Clauses {
			if err := belongs(typ, inner); err != nil {
				return err
			}
		}
	case c.Owned != nil:
		if c.Owned.Type != typ {
			return fmt.Errorf("store: what owners of %s agree to does not tell what may be seen of %s", c.Owned.Type, typ)
		}
		return nil
	case c.Has != nil:
		return belongs(c.Has.Type, c.Has.Clause)
	case c.Param == nil:
		return errors.New("store: a clause that asks for nothing")
	case c.Param.Resource != typ:
		return fmt.Errorf("store: %s of %s does not tell what may be seen of %s", c.Param.Code, c.Param.Resource, typ)
	}
	for _, link := range c.Chain {
		if err := belongs(link.Type, link.Clause); err != nil {
			return err
		}
	}
	return nil
}
