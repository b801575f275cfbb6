package relational

import (
	"cmp"
	"slices"
)

// rareness is how many times as many as may be gathered a type has before rows that
// are more than that are gathered all the same, and rarely how many times more.
const (
	rareness = 40
	rarely   = 10
)

// rare finds a driver with too many rows to gather that are few of a large type. A
// page was not found nearby, so they may lie anywhere in the type's order, such as
// what is of a patient who was here long ago: to walk past all others takes longer.
func (p *plan) rare(r *reader, list []driver) (drive driver, ok bool, err error) {
	var b sqlText
	b.WriteString("SELECT coalesce((SELECT t.n FROM tally t WHERE t.type = " + b.arg(typeKey(p.query.Type)) + "), 0)")
	var all int64
	if _, err := r.c.one(r.ctx, b.statement(), &all); err != nil || all < rareness*p.gather {
		return whole, false, r.check(err)
	}
	if err := p.count(r, list, rarely*p.gather); err != nil {
		return whole, false, err
	}
	best := slices.MinFunc(list, func(a, b driver) int { return cmp.Compare(a.size, b.size) })
	return best, best.size < rarely*p.gather, nil
}
