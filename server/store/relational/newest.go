package relational

// Without a sort the newest matches come first, and a page is mostly found long before
// all of a driver's rows are looked at.

// flows reports whether the only condition drives by a tree that has its rows in the
// order of the answer: they are read until the page is full, however many there are.
func (p *plan) flows(list []driver) bool {
	if len(p.all) != 1 || len(list) != 1 || len(p.sort) > 0 || p.byID {
		return false
	}
	switch from := list[0].from.(type) {
	case factClause:
		return from.once()
	case *tokenClause:
		return from.once() && p.store.d.RowsInOrder()
	}
	return false
}

// latest looks at the newest of a driver's rows that are told by an index alone, with
// all conditions asked again: a full page of them is the answer. Many rows are ordered
// by position alone then, and few are read.
func (p *plan) latest(r *reader, drive driver, limit int) ([]match, error) {
	many := int64(4*limit + 16)
	if len(p.sort) > 0 || p.pinned || drive.from == nil || drive.size <= many || p.flows([]driver{drive}) {
		return nil, nil
	}
	upper := p.upper
	if p.query.After != nil {
		upper = min(upper, p.query.After.Row-1)
	}
	var b sqlText
	b.WriteString("SELECT x.pos FROM (SELECT DISTINCT q.pos FROM (SELECT u.pos FROM (" + union(drive.from.arms(&b, true)) + ") u WHERE u.pos <= " + b.arg(upper) +
		" ORDER BY u.pos DESC LIMIT " + b.limit(many) + ") q" + p.seek("d", "q.pos") + " WHERE " + p.conditions(&b, driver{all: true}, "+q.pos", upper) + ") x ORDER BY x.pos DESC LIMIT " + b.limit(limit))
	return p.read(r, p.bodies(&b, p.order()))
}
