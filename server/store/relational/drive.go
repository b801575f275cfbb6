package relational

import (
	"cmp"
	"slices"
)

// A search walks one source of positions, the driver, and checks everything else
// at each by a seek. The choice of driver is what makes a search fast or slow, and
// no database knows our keys well enough to make it: so we count, but never far.

// few is up to how many candidates are gathered and then sorted; with more, the
// sort's own index is walked until the page is full.
const few = 10_000

// counts are the limits to which drivers are counted, one after the other until
// one is below.
var counts = [...]int64{500, few}

// driver is a source of positions.
type driver struct {
	fact *factClause
	from source // not nil: its rows
	ids  []string
	all  bool // the whole type
	// walks tells that rows come in the order of a sort's index, not by position.
	walks bool
	// size is how many there are, if at most few; more otherwise.
	size int64
}

// drivers lists the clauses that could drive, the likeliest first.
func (p *plan) drivers() []driver {
	var list []driver
	for i := range p.facts {
		if !p.facts[i].not {
			list = append(list, driver{fact: &p.facts[i]})
		}
	}
	slices.SortStableFunc(list, func(a, b driver) int { return cmp.Compare(a.fact.rank, b.fact.rank) })
	for _, from := range p.other {
		if from.drives() {
			list = append(list, driver{from: from})
		}
	}
	return list
}

// choose picks the driver.
func (p *plan) choose(r *reader) (driver, error) {
	if p.byID {
		return driver{ids: p.ids, size: int64(len(p.ids))}, nil
	}
	list := p.drivers()
	if len(list) == 1 && list[0].ordered() && len(p.sort) == 0 {
		list[0].size = few + 1 // read in order, so its size does not matter
		return list[0], nil
	}
	if len(list) > 0 {
		for _, limit := range counts {
			if err := p.count(r, list, limit); err != nil {
				return driver{}, err
			}
			best := slices.MinFunc(list, func(a, b driver) int { return cmp.Compare(a.size, b.size) })
			if best.size < limit {
				return best, nil
			}
		}
	}
	// All are large: one that gives positions in order, so that a page can end early.
	for _, d := range list {
		if d.ordered() {
			d.size = few + 1
			return d, nil
		}
	}
	return driver{all: true, size: few + 1}, nil
}

// ordered reports whether the driver gives positions in order and each once.
func (d driver) ordered() bool { return d.all || d.fact != nil && d.fact.single() }

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
		list[i].rows(&b)
		b.WriteString(" LIMIT " + b.arg(limit) + ") q)")
		sizes[i] = &list[i].size
	}
	_, err := r.c.one(r.ctx, b.statement(), sizes...)
	return r.check(err)
}

// rows writes the rows a driver walks, some perhaps several times.
func (d driver) rows(b *sqlText) {
	switch {
	case d.fact != nil:
		for i, kind := range d.fact.kinds() {
			if i > 0 {
				b.WriteString(" UNION ALL ")
			}
			b.WriteString("SELECT c.pos FROM ix c WHERE " + kind.match(b))
		}
	case d.from != nil:
		d.from.rows(b)
	}
}

// positions writes a query for the driver's positions, each once.
func (d driver) positions(b *sqlText, typ string) {
	switch {
	case d.all:
		b.WriteString("SELECT c.pos FROM ix c WHERE c.key = " + b.arg(typeKey(typ)))
	case d.ids != nil:
		ids := make([]any, len(d.ids))
		for i, id := range d.ids {
			ids[i] = id
		}
		// A deletion is no match, and what was before it is past.
		b.WriteString("SELECT c.pos FROM version c WHERE c.rtype = " + b.arg(typ) + " AND c.id IN (" + b.list(ids) + ") AND c.deleted = 0")
	case d.fact != nil && d.fact.single():
		b.WriteString("SELECT c.pos FROM ix c WHERE " + d.fact.match(b))
		if len(d.fact.whole) == 1 {
			// Several subs of one key stand side by side: take the first.
			b.WriteString(" AND (SELECT 1 FROM ix o WHERE o.key = c.key AND o.pos = c.pos AND o.sub < c.sub LIMIT 1) IS NULL")
		}
	default:
		b.WriteString("SELECT DISTINCT q.pos FROM (")
		d.rows(b)
		b.WriteString(") q")
	}
}

// conditions writes what must hold at d.pos besides the driver.
func (p *plan) conditions(b *sqlText, drive driver) {
	pos := "d.pos"
	if drive.walks || drive.from != nil {
		pos = "+d.pos" // the index in use has another order
	}
	at := b.arg(p.at)
	b.WriteString(" " + pos + " <= " + b.arg(p.upper) + " AND (SELECT 1 FROM past p WHERE p.pos = d.pos AND p.until <= " + at + " LIMIT 1) IS NULL")
	for _, c := range p.times {
		either := make([]string, len(c.Operands))
		for i, o := range c.Operands {
			either[i] = timeCondition(b, o, pos)
		}
		b.WriteString(" AND " + anyOf(either))
	}
	for i := range p.facts {
		if drive.fact != &p.facts[i] {
			b.WriteString(" AND " + p.facts[i].probe(b))
		}
	}
	for _, other := range p.other {
		if drive.from != other {
			b.WriteString(" AND " + other.probe(b))
		}
	}
}
