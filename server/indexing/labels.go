package indexing

import (
	"context"

	"vitalwire/auth/label"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// labelSource is the Source of the parameter _label, whose Body are rules of package
// label. Rules are kept in the store, so that all its servers label alike: the last
// that was given others decides.
const labelSource = "labels"

// Label has resources labelled by rules, by none when they are nil: what is written from
// then on at once, what is stored in the background.
func (x *Service) Label(ctx context.Context, rules *label.Rules) error {
	again := false
	err := x.update(ctx, func(tx store.Tx, b books) error {
		again = false
		wanted := map[string]*parameter{}
		if rules != nil {
			p := &parameter{Source: labelSource, Body: rules.Text(), definition: x.search.Labelled(rules)}
			index := search.Index(p.definition)
			wanted[index] = p
			if have := b.known[index]; have == nil || have.State == former {
				if err := x.stale(tx, p); err != nil {
					return err
				}
				again = p.State == waiting
			}
		}
		for index, p := range b.known {
			again = again || p.Source == labelSource && p.State != former && wanted[index] == nil
		}
		return change(tx, b, wanted, func(p *parameter) bool { return p.Source == labelSource })
	})
	if err != nil || !again {
		return err
	}
	return x.indexSoon(ctx)
}

// Labels reports whether resources are labelled.
func (x *Service) Labels() bool {
	p, _ := x.search.Label("Basic")
	return p != nil
}

// stale makes a parameter one whose index lacks what is stored. To be sure that nothing
// is shown by labels which are not there yet, who decides on access must know what that is.
func (x *Service) stale(r store.Reader, p *parameter) (err error) {
	if p.State = waiting; p.Source != labelSource {
		return nil
	}
	if p.Since, err = r.Position(); err == nil && p.Since == 0 {
		p.State, p.Rules = served, x.search.Rules()
	}
	return err
}

// define has the registry know what a record defines.
func (x *Service) define(p *parameter) (*definition.SearchParameter, error) {
	if p.Source != labelSource {
		return definitionOf(p.Body)
	}
	if known, ok := x.rules.Load(string(p.Body)); ok {
		return known.(*definition.SearchParameter), nil
	}
	rules, err := label.Read(p.Body, nil)
	if err != nil {
		return nil, err
	}
	d := x.search.Labelled(rules)
	x.rules.Store(string(p.Body), d)
	return d, nil
}
