package relational

import (
	"cmp"
	"slices"
)

// A search walks one source of positions, the driver, and checks everything else
// at each by a seek. The choice of driver is what makes a search fast or slow, and
// no database knows our keys well enough to make it: so we count, but never far.

// counts are the limits to which drivers are counted, one after the other until one
// is below. Up to the last, candidates are gathered and then sorted; with more, an
// index in the order of the answer is walked until the page is full.
func counts(gather int64) [2]int64 { return [...]int64{max(gather/20, 1), gather} }

// driver is a source of positions.
type driver struct {
	from source // not nil: its rows
	at   int    // its place in plan.all, -1 for none
	ids  []string
	all  bool // the whole type
	// size is how many there are, if at most plan.gather; more otherwise.
	size int64
}

// choose picks the driver.
func (p *plan) choose(r *reader) (driver, error) {
	if p.byID {
		return driver{ids: p.ids, size: int64(len(p.ids))}, nil
	}
	var list []driver
	if p.track != nil {
		list = append(list, driver{from: p.track, at: -1})
	}
	for i, from := range p.all {
		if from.drives() {
			list = append(list, driver{from: from, at: i})
		}
	}
	if len(list) > 0 {
		for _, limit := range counts(p.gather) {
			if err := p.count(r, list, limit); err != nil {
				return driver{}, err
			}
			best := slices.MinFunc(list, func(a, b driver) int { return cmp.Compare(a.size, b.size) })
			if best.size < limit {
				return best, nil
			}
		}
	}
	return driver{all: true, size: p.gather + 1}, nil
}

// count fills in the sizes, up to a limit.
func (p *plan) count(r *reader, list []driver, limit int64) error {
	var b sqlText
	sizes := make([]any, len(list))
	b.WriteString("SELECT ")
	for i := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(SELECT count(*) FROM (")
		list[i].from.rows(&b)
		b.WriteString(" LIMIT " + b.arg(limit) + ") q)")
		sizes[i] = &list[i].size
	}
	_, err := r.c.one(r.ctx, b.statement(), sizes...)
	return r.check(err)
}

// matches writes FROM and WHERE of all matches, each once, as rows of item named d.
func (p *plan) matches(b *sqlText, drive driver) {
	b.WriteString(" FROM ")
	switch {
	case drive.all:
		b.WriteString("item d WHERE d.type = " + b.arg(typeKey(p.query.Type)) + " AND ")
		p.conditions(b, drive, "d.pos")
		return
	case drive.ids != nil:
		ids := make([]any, len(drive.ids))
		for i, id := range drive.ids {
			ids[i] = id
		}
		b.WriteString("(SELECT c.pos FROM version c WHERE c.rtype = " + b.arg(p.query.Type) + " AND c.id IN (" + b.list(ids) + ")) q")
	case drive.from.once():
		b.WriteString("(")
		drive.from.rows(b)
		b.WriteString(") q")
	default:
		b.WriteString("(SELECT DISTINCT u.pos FROM (")
		drive.from.rows(b)
		b.WriteString(") u) q")
	}
	// A plus before a column keeps its index from being walked instead.
	b.WriteString(" JOIN item d ON d.pos = q.pos WHERE ")
	p.conditions(b, drive, "+d.pos")
}

// conditions writes what must hold at the row d besides the driver.
func (p *plan) conditions(b *sqlText, drive driver, pos string) {
	b.WriteString(pos + " <= " + b.arg(p.upper))
	for _, c := range p.times {
		either := make([]string, len(c.Operands))
		for i, o := range c.Operands {
			either[i] = timeCondition(b, o, pos)
		}
		b.WriteString(" AND " + anyOf(either))
	}
	for i, from := range p.all {
		if drive.from == nil || drive.at != i {
			b.WriteString(" AND " + from.probe(b))
		}
	}
	b.WriteString(" AND (SELECT 1 FROM past p WHERE p.pos = d.pos AND p.until <= " + b.arg(p.at) + " LIMIT 1) IS NULL")
}
