package relational

import (
	"vitalwire/fhir/search"
)

// A composite pairs two facts of one place (R4 search §3.1.1.5.8). Mostly the place
// is the whole resource, or there is only one: then its values are all pairs of the
// values of two plain parameters, and it needs no rows of its own: who meets both
// meets it. That is found out for each resource, by its values.

// parts are the plain parameters that a composite's components are; nil where the
// type has none of the definition.
func (s *Store) parts(p *search.Param) *[2]*search.Param {
	if known, ok := s.composites.Load(p); ok {
		return known.(*[2]*search.Param)
	}
	var found [2]*search.Param
	for _, q := range s.cfg.Search.Params(p.Resource) {
		for i, c := range p.Components {
			if q.Index == "" && q.Definition == c.Definition && q.Type == c.Type && q.Union == nil && found[i] == nil {
				found[i] = q
			}
		}
	}
	parts := &found
	if found[0] == nil || found[1] == nil {
		parts = nil
	}
	s.composites.Store(p, parts)
	return parts
}

// follows reports whether a parameter may go without rows: a composite that is not
// a custom one, whose meaning may change.
func follows(p *search.Param) bool { return p.Type == search.CompositeType && p.Index == "" }

// follow reports whether the values of every composite follow from those of its parts.
func (s *Store) follow(values []search.Value) bool {
	for i := 0; i < len(values); {
		p := values[i].Param
		end := i + 1
		for end < len(values) && values[end].Param == p {
			end++
		}
		if follows(p) && !s.product(values, values[i:end]) {
			return false
		}
		i = end
	}
	return true
}

// product reports whether pairs, the values of one composite, are all pairs of the
// values of its parts. Each value is there once.
func (s *Store) product(values, pairs []search.Value) bool {
	parts := s.parts(pairs[0].Param)
	if parts == nil {
		return false
	}
	var sides [2][]*search.Value
	for i := range values {
		for n, part := range parts {
			if v := &values[i]; v.Param == part && v.By == search.ByValue {
				sides[n] = append(sides[n], v)
			}
		}
	}
	if len(pairs) != len(sides[0])*len(sides[1]) {
		return false
	}
	for i := range pairs {
		if !hasLead(sides[0], pairs[i].Lead) || !hasPart(sides[1], &pairs[i]) {
			return false
		}
	}
	return true
}

func hasLead(leads []*search.Value, lead search.Lead) bool {
	for _, v := range leads {
		if v.System == lead.System && v.Code == lead.Code {
			return true
		}
	}
	return false
}

func hasPart(parts []*search.Value, pair *search.Value) bool {
	for _, v := range parts {
		sameAmount := v.Amount == pair.Amount || v.Amount != nil && pair.Amount != nil && *v.Amount == *pair.Amount
		if sameAmount && pair.By == v.By && v.System == pair.System && v.Code == pair.Code && v.Target == pair.Target &&
			v.Low == pair.Low && v.High == pair.High && v.Text == pair.Text {
			return true
		}
	}
	return false
}

// compositeClause is a clause on a composite: both parts, where they tell; else the
// rows of its own.
type compositeClause struct {
	pairs [][2]source // one for each operand
	rest  source
}

func (s *Store) newCompositeClause(c search.Clause, p *search.Param) (source, error) {
	rest, err := newGeneric(c, p)
	if err != nil || !follows(p) {
		return rest, err
	}
	parts := s.parts(p)
	if parts == nil {
		return rest, nil
	}
	clause := &compositeClause{rest: rest}
	for _, o := range c.Operands {
		if o.Part == nil {
			return rest, nil
		}
		lead, err := s.memberSource(search.Clause{Operands: []search.Operand{{System: o.System, Code: o.Code}}}, parts[0])
		if err != nil {
			return nil, err
		}
		part, err := s.memberSource(search.Clause{Operands: []search.Operand{*o.Part}, Match: c.Match}, parts[1])
		if err != nil {
			return nil, err
		}
		clause.pairs = append(clause.pairs, [2]source{lead, part})
	}
	return clause, nil
}

func (c *compositeClause) probe(b *sqlText) string {
	either := make([]string, len(c.pairs))
	for i, pair := range c.pairs {
		either[i] = "(" + pair[0].probe(b) + " AND " + pair[1].probe(b) + ")"
	}
	return "CASE WHEN " + marked("d", moreComposite) + " THEN " + c.rest.probe(b) + " ELSE " + anyOf(either) + " END"
}

// arms are those of the first part, and the rows of its own.
func (c *compositeClause) arms(b *sqlText, rough bool) []arm {
	var list []arm
	for _, pair := range c.pairs {
		list = append(list, pair[0].arms(b, rough)...)
	}
	return append(list, c.rest.arms(b, rough)...)
}

func (c *compositeClause) drives() bool {
	for _, pair := range c.pairs {
		if !pair[0].drives() {
			return false
		}
	}
	return len(c.pairs) <= maxDriving && c.rest.drives()
}

func (*compositeClause) once() bool { return false }

func (*compositeClause) only() bool { return false }
