package relational

import (
	"fmt"
	"slices"
	"strings"
)

// Without a sort the newest matches come first, and a page is mostly found long before
// all of a driver's rows are looked at.

// flows reports whether the only condition drives by trees that have its rows in the
// order of the answer: they are read until the page is full, however many there are.
func (p *plan) flows(list []driver) bool {
	return len(p.all) == 1 && len(list) == 1 && len(p.sort) == 0 && !p.byID && list[0].from.once() && p.store.sorted(list[0].from)
}

// sorted reports whether a source's rows stand in the order of position, key by key.
func (s *Store) sorted(from source) bool {
	switch from := from.(type) {
	case factClause:
		return len(from.whole)+len(from.exact) == 1
	case *tokenClause:
		return from.once() && s.d.RowsInOrder() && (from.role == codeRole || s.sorted(from.rest))
	case anySource:
		return !slices.ContainsFunc(from, func(one source) bool { return !s.sorted(one) })
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
	// A date reaches far: of so many rows the newest may lie near, and if not, as much is
	// lost again.
	if _, dated := drive.from.(*dateClause); dated {
		if err := p.peekTo(r, drive.size/2); err != nil || p.peeked != nil {
			return p.peeked, err
		}
	}
	plus := "+" // else a table might be walked in the order of position
	if p.store.sorted(drive.from) {
		plus = ""
	}
	var b sqlText
	arms := drive.from.arms(&b, true)
	most := b.limit(many)
	texts := make([]string, len(arms))
	for i, a := range arms {
		bound := ""
		if upper < p.at {
			bound = " AND " + plus + a.row() + ".pos <= " + b.arg(upper)
		}
		// A subquery, because an arm with ORDER BY and LIMIT stands nowhere else in SQLite.
		texts[i] = "SELECT * FROM (SELECT " + a.row() + ".pos FROM " + a.table + " " + a.row() + " WHERE " + a.where + bound + " ORDER BY " + plus + a.row() + ".pos DESC LIMIT " + most + fmt.Sprintf(") a%d", i)
	}
	b.WriteString("SELECT x.pos FROM (SELECT DISTINCT q.pos FROM (SELECT u.pos FROM (" + strings.Join(texts, " UNION ALL ") + ") u ORDER BY u.pos DESC LIMIT " + most +
		") q" + p.seek("d", "q.pos") + " WHERE " + p.conditions(&b, driver{all: true}, "+q.pos", upper) + ") x ORDER BY x.pos DESC LIMIT " + b.limit(limit))
	return p.read(r, p.bodies(&b, p.order()))
}
