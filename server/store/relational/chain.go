package relational

import (
	"database/sql"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
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
		err := r.linked(sight, link.Type, link.Clause, c.Param.Code, at, false, func(v store.Version) error {
			out.Operands = append(out.Operands, search.Operand{Target: search.Target{Type: link.Type, ID: v.Key.ID}})
			return nil
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
	err := r.linked(sight, has.Type, has.Clause, "_has:"+has.Type+":"+has.Param.Code, at, true, func(v store.Version) error {
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

// linked gives the versions of a type that may be seen and meet a clause at a position,
// at most maxLinks; more are an error. Unless they are wanted whole only their ids are
// given.
func (r *reader) linked(sight search.Sight, typ string, c search.Clause, name string, at int64, whole bool, give func(store.Version) error) error {
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
	each := sight(typ).Each
	columns := "v.id"
	if whole = whole || each != nil; whole {
		columns = versionColumns
	}
	var b sqlText
	b.WriteString("SELECT " + columns + " FROM (SELECT m.pos FROM (")
	p.matches(&b, drive, p.upper, position)
	b.WriteString(") m")
	b.WriteString(" LIMIT " + b.limit(maxLinks+1) + ") x" + r.s.d.Seek("version", "v", "x.pos"))
	n := 0
	var judged []store.Version // each is asked when all rows are read: it may read others
	err = r.each(b.statement(), func(rows *sql.Rows) error {
		if n++; n > maxLinks {
			return tooFar(name)
		}
		var v store.Version
		var err error
		if whole {
			v, err = scanVersion(rows)
		} else {
			err = rows.Scan(&v.Key.ID)
		}
		if each != nil || err != nil {
			judged = append(judged, v)
			return err
		}
		return give(v)
	})
	if err == nil {
		judged, err = only(sight, judged)
	}
	for _, v := range judged {
		if err == nil {
			err = give(v)
		}
	}
	return err
}

// only are those of versions that may be seen by more than their rows tell
// (search.View.Each).
func only(sight search.Sight, list []store.Version) (kept []store.Version, err error) {
	for _, v := range list {
		if each := sight(v.Key.Type).Each; each != nil {
			if ok, err := each(v.Key, v.Body); err != nil {
				return nil, err
			} else if !ok {
				continue
			}
		}
		kept = append(kept, v)
	}
	return kept, nil
}

func tooFar(name string) error {
	return fhir.TooCostly("%s leads through more than %d resources; narrow what stands behind it", name, maxLinks)
}
