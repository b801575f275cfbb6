package auth

import (
	"cmp"
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// safe are the parameters of every type that a granular scope may use: what a
// resource says of itself.
var safe = map[string]bool{"_id": true, "_lastUpdated": true, "_tag": true, "_security": true, "_profile": true, "_source": true}

// filter reads the search of a granular scope for a type. Several parameters are AND.
// It is refused unless each of them can be tried on a resource by itself (search.Meets):
// chains, _has, lists, full text, hierarchies and value sets lead elsewhere, and
// parameters of the result are no criteria.
func (r *Rules) filter(typ, text string) ([]search.Clause, error) {
	given, err := search.Split(text)
	if err != nil {
		return nil, err
	}
	for _, one := range given {
		name, _, _ := strings.Cut(one.Name, ":")
		p := r.Search.Lookup(typ, name)
		switch {
		case one.Value == "":
			return nil, fhir.BadSearch("%.60q has no value", one.Name)
		case p == nil, strings.HasPrefix(name, "_") && !safe[name], p.Type == search.TextType, p.Type == search.PlaceType:
			return nil, fhir.BadSearch("%.60q cannot narrow a scope for %s", one.Name, typ).WithCode(fhir.CodeNotSupported)
		}
	}
	parsed, err := r.Search.Parse(typ, text, search.Options{Base: r.Base, Zone: cmp.Or(r.Zone, time.UTC)})
	if err != nil {
		return nil, err
	}
	q := parsed.Query
	if len(q.Filter) == 0 || len(q.Filter) != len(given) || len(q.Sort)+len(q.Include) > 0 || q.Contained != search.NotContained {
		return nil, fhir.BadSearch("only criteria can narrow a scope")
	}
	for _, c := range q.Filter {
		if !lone(c) {
			return nil, fhir.BadSearch("%.60q leads to other resources, so it cannot narrow a scope", text).WithCode(fhir.CodeNotSupported)
		}
	}
	return q.Filter, nil
}

// lone reports whether a clause asks for the resource alone.
func lone(c search.Clause) bool {
	if c.Has != nil || c.Chain != nil || c.Tree != search.NoTree || c.By == search.ByText {
		return false
	}
	if c.Group == nil {
		return true
	}
	for _, inner := range c.Group.Clauses {
		if !lone(inner) {
			return false
		}
	}
	return true
}

// Enforces reports, by an error, a scope that its holder cannot be held to. A narrowed
// scope for every type must make sense for at least one.
func (r *Rules) Enforces(s Scope) error {
	if s.Filter == "" {
		return nil
	}
	types := []string{s.Type}
	if s.Type == everyType {
		types = fhir.ResourceTypes()
	}
	var last error
	for _, typ := range types {
		if _, last = r.filter(typ, s.Filter); last == nil {
			return nil
		}
	}
	return last
}
