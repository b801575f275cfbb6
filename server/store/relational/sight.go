package relational

import (
	"errors"
	"fmt"

	"vitalwire/fhir/search"
)

// seen narrows a plan to what may be seen of its type (search.Query.Sight). It is
// one more clause of the plan: before any limit, before anything is counted, and
// perhaps what drives. What cannot be asked is an error, so nothing is found.
func (p *plan) seen(r *reader) error {
	if p.query.Sight == nil {
		return errors.New("store: a query that does not say who asks")
	}
	view := p.query.Sight(p.query.Type)
	clause, some := view.Clause()
	switch {
	case !some:
		return nil
	case len(view.Any) == 0:
		p.never = true
		return nil
	case len(view.Any) == 1:
		clause = view.Any[0]
	}
	if err := belongs(p.query.Type, clause); err != nil {
		return err
	}
	// What may be seen is decided by all there is, seen or not.
	flat, err := r.flatten(search.Everything, p.query.Type, []search.Clause{clause}, p.at)
	if err != nil {
		return err
	}
	named := len(p.names)
	err = p.clause(flat[0])
	for i := named; i < len(p.names); i++ {
		p.names[i] = "what may be seen"
	}
	return err
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
