package search

import (
	"errors"
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// Labeller knows the security labels of a resource.
type Labeller interface {
	// Name is another one for a Labeller that gives other labels.
	Name() string
	// Labels gives the system and code of each label: those of the author and those
	// that are computed. Some may be given twice.
	Labels(r *fhir.Resource, give func(system, code string))
	// Silent reports whether a resource has no label for sure, by its JSON text as it is
	// stored. It is much quicker than Labels.
	Silent(body []byte) bool
}

// ErrStale is the cause in the error of what is asked by search parameters of before. It
// may be asked again by those of now.
var ErrStale = errors.New("the search parameters have changed")

// labelCode is the code of the internal parameter whose values are the security labels
// of a resource. It is asked by what decides on access; no search URL knows it.
const labelCode = "_label"

// labelling is what makes the values of a parameter _label.
type labelling struct {
	Labeller
	reg *Registry
}

// Labelled is the definition of _label by a Labeller, which the registry knows from then
// on. A Custom with it has resources labelled.
func (g *Registry) Labelled(by Labeller) *definition.SearchParameter {
	d := &definition.SearchParameter{URL: "urn:vitalwire:labels:" + by.Name(), Code: labelCode, Type: "token", Bases: []string{"Resource"}}
	g.labellers.Store(Index(d), by)
	return d
}

// labelParam is _label of a type by a Labeller; nil when that is not known.
func (g *Registry) labelParam(typ string, d *definition.SearchParameter) *Param {
	index := Index(d)
	by, ok := g.labellers.Load(index)
	if !ok {
		return nil
	}
	return &Param{Resource: typ, Code: labelCode, Type: Token, Definition: d.URL, Bit: -1, Index: index, labels: &labelling{by.(Labeller), g}}
}

// Label is the internal parameter whose values are the security labels of resources of a
// type, computed ones and those of authors; nil when none are computed. What is stored at
// a position up to unlabelled may still lack them: who decides on access must take that
// for the worst.
func (g *Registry) Label(typ string) (p *Param, unlabelled int64) {
	o := g.custom.Load()
	if o == nil || o.label == nil {
		return nil, 0
	}
	if o.label.Waiting != nil {
		unlabelled = o.label.Since
	}
	return g.table(typ).label, unlabelled
}

// Labeller is what labels resources now; nil when nothing does.
func (g *Registry) Labeller() Labeller {
	o := g.custom.Load()
	if o == nil || o.label == nil {
		return nil
	}
	if by, ok := g.labellers.Load(Index(o.label.Definition)); ok {
		return by.(Labeller)
	}
	return nil
}

// Labels reports whether the values of a parameter are the security labels of resources.
func (p *Param) Labels() bool { return p.labels != nil }

// Retired reports whether a parameter _label is no more the one that resources are
// labelled by: nothing can be said by it then.
func (p *Param) Retired() bool {
	if p.labels == nil {
		return false
	}
	o := p.labels.reg.custom.Load()
	return o == nil || o.label == nil || Index(o.label.Definition) != p.Index
}

// appendSecurity adds the security labels of a resource.
func (x *extraction) appendSecurity(p *Param, r *fhir.Resource) {
	before := len(x.values)
	p.labels.Labels(r, func(system, code string) {
		x.values = append(x.values, Value{Param: p, System: system, Code: code})
	})
	x.settle(before)
}

// labelOf is the Custom that labels resources; nil when there is none.
func labelOf(list []Custom) *Custom {
	if i := slices.IndexFunc(list, func(c Custom) bool { return c.Definition.Code == labelCode }); i >= 0 {
		return &list[i]
	}
	return nil
}
