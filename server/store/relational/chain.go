package relational

import (
	"database/sql"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// maxLinks is how many resources one link of a chain may lead through: more cost
// too much, and the search is refused.
const maxLinks = 10_000

// flatten replaces chains and _has by what they lead to at a position, as far as
// that may be seen.
func (r *reader) flatten(sight search.Sight, typ string, filter []search.Clause, at int64) ([]search.Clause, error) {
	var out []search.Clause
	for _, c := range filter {
		var err error
		switch {
		case c.Has != nil:
			c, err = r.flattenHas(sight, typ, c.Has, at)
		case len(c.Chain) > 0:
			c, err = r.flattenChain(sight, c, at)
		case c.Group != nil:
			group := *c.Group
			group.Clauses, err = r.flatten(sight, typ, c.Group.Clauses, at)
			c.Group = &group
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// noID is no resource's id: an operand that nothing matches.
const noID = "-none-"

// flattenChain makes a reference clause of a chain.
func (r *reader) flattenChain(sight search.Sight, c search.Clause, at int64) (search.Clause, error) {
	out := search.Clause{Param: c.Param}
	for _, link := range c.Chain {
		err := r.linked(sight, link.Type, link.Clause, c.Param.Code, at, "v.id", func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			out.Operands = append(out.Operands, search.Operand{Target: search.Target{Type: link.Type, ID: id}})
			return err
		})
		if err != nil {
			return out, err
		}
		if len(out.Operands) > maxLinks {
			return out, tooFar(c.Param.Code)
		}
	}
	if len(out.Operands) == 0 {
		out.Operands = []search.Operand{{Target: search.Target{Type: "Nothing", ID: noID}}}
	}
	return out, nil
}

// flattenHas makes an _id clause of what the resources found refer to. The
// references are read from their bodies by the indexer.
func (r *reader) flattenHas(sight search.Sight, typ string, has *search.Has, at int64) (search.Clause, error) {
	out := search.Clause{Param: r.s.cfg.Search.Lookup(typ, "_id")}
	seen := map[string]bool{}
	err := r.linked(sight, has.Type, has.Clause, "_has:"+has.Type+":"+has.Param.Code, at, versionColumns, func(rows *sql.Rows) error {
		v, err := scanVersion(rows)
		if err != nil {
			return err
		}
		resource, err := fhir.ParseResource(v.Body)
		if err != nil {
			return err
		}
		for _, value := range r.s.cfg.Search.Extract(resource) {
			if t := value.Target; value.Param == has.Param && t.Type == typ && t.ID != "" && !seen[t.ID] {
				seen[t.ID] = true
				out.Operands = append(out.Operands, search.Operand{Code: &t.ID})
			}
		}
		return nil
	})
	if len(out.Operands) == 0 {
		none := "" // no valid id
		out.Operands = []search.Operand{{Code: &none}}
	}
	return out, err
}

// linked gives columns of the versions of a type that may be seen and meet a clause
// at a position, at most maxLinks; more are an error.
func (r *reader) linked(sight search.Sight, typ string, c search.Clause, name string, at int64, columns string, scan func(*sql.Rows) error) error {
	flat, err := r.flatten(sight, typ, []search.Clause{c}, at)
	if err != nil {
		return err
	}
	p, err := r.newPlan(&search.Query{Type: typ, Filter: flat, Sight: sight}, at)
	if err != nil || p.empty() {
		return err
	}
	_, drive, err := p.choose(r)
	if err != nil {
		return err
	}
	var b sqlText
	b.WriteString("SELECT " + columns + " FROM (SELECT m.pos FROM (")
	p.matches(&b, drive, p.upper, position)
	b.WriteString(") m")
	b.WriteString(" LIMIT " + b.limit(maxLinks+1) + ") x" + r.s.d.Seek("version", "v", "x.pos"))
	n := 0
	return r.each(b.statement(), func(rows *sql.Rows) error {
		if n++; n > maxLinks {
			return tooFar(name)
		}
		return scan(rows)
	})
}

func tooFar(name string) error {
	return fhir.TooCostly("%s leads through more than %d resources; narrow what stands behind it", name, maxLinks)
}
