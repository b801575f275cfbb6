package relational

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// A search walks one source of positions, the driver, and checks everything else
// at each by a seek. The choice of driver is what makes a search fast or slow, and
// no database knows our keys well enough to make it: so we count, but never far.

// tiny is the part of Config.Gather up to which a driver is taken without a thought.
const tiny = 20

// driver is a source of positions.
type driver struct {
	from source // not nil: its rows
	at   int    // its place in plan.all, -1 for none
	ids  []string
	all  bool // the whole type
	// size is how many there are, or the limit they were counted to.
	size int64
	// uncounted says that size is only the most that is taken for a driver.
	uncounted bool
}

// whole is the whole type as a driver.
var whole = driver{all: true, size: math.MaxInt64}

// drivers lists the clauses that can drive, the likeliest first.
func (p *plan) drivers() []driver {
	var list []driver
	if p.track != nil {
		list = append(list, driver{from: p.track, at: -1})
	}
	for i, from := range p.all {
		if from.drives() {
			list = append(list, driver{from: from, at: i})
		}
	}
	slices.SortStableFunc(list, func(a, b driver) int { return cmp.Compare(rank(a.from), rank(b.from)) })
	return list
}

// rank orders clauses that are equally frequent as far as was counted.
func rank(from source) int {
	switch from := from.(type) {
	case *trackClause, idSource, constSource:
		return 0
	case anySource:
		worst := 0
		for _, one := range from {
			worst = max(worst, rank(one))
		}
		return worst
	case allSource:
		return rank(from.best())
	case *subjectClause:
		return 1
	case factClause:
		return 2
	case *tokenClause:
		if from.role == codeRole {
			return 3
		}
		return 6
	case *dateClause:
		return 5
	}
	return 4
}

// choose picks the driver, of which there are at most p.gather, or whole. narrow is
// then the best there is for counting all.
func (p *plan) choose(r *reader) (drive, narrow driver, err error) {
	if p.byID {
		drive = driver{ids: p.ids, size: int64(len(p.ids))}
		return drive, drive, nil
	}
	list := p.drivers()
	if len(list) == 0 {
		return whole, whole, nil
	}
	if len(p.all) == 1 && len(p.sort) == 0 && p.store.sorted(list[0].from) {
		list[0].size, list[0].uncounted = p.gather, true
		return list[0], list[0], nil
	}
	if p.onlyTrack() && !p.query.Total {
		drive := driver{from: p.track, at: -1, size: p.gather, uncounted: true}
		return drive, drive, nil
	}
	for i, limit := range [...]int64{max(p.gather/tiny, 1), p.gather} {
		if i > 0 && p.streams() {
			words := list[slices.IndexFunc(list, func(d driver) bool { return isWords(d.from) })]
			return words, words, nil
		}
		if i > 0 {
			if err := p.peek(r); err != nil || p.peeked != nil && (len(list) == 1 || !p.query.Total) {
				return whole, list[0], err
			}
		}
		if err := p.count(r, list, limit); err != nil {
			return whole, whole, err
		}
		best := slices.MinFunc(list, func(a, b driver) int { return cmp.Compare(a.size, b.size) })
		if best.size < limit {
			return best, best, nil
		}
	}
	if best, ok, err := p.rare(r, list); ok || err != nil {
		return best, best, err
	}
	return whole, list[0], nil
}

// count fills in the sizes, up to a limit.
func (p *plan) count(r *reader, list []driver, limit int64) error {
	var rows sqlText
	arms := make([]string, len(list))
	for i := range list {
		arms[i] = union(list[i].from.arms(&rows, true))
	}
	key := p.store.sizes.key(strings.Join(arms, ";"), rows.args)
	found, ok := p.store.sizes.get(key, limit)
	if !ok {
		found = make([]int64, len(list))
		into := make([]any, len(list))
		most := rows.limit(limit)
		for i := range list {
			arms[i] = "(SELECT count(*) FROM (" + arms[i] + " LIMIT " + most + ") q)"
			into[i] = &found[i]
		}
		rows.WriteString("SELECT " + strings.Join(arms, ", "))
		if _, err := r.c.one(r.ctx, rows.statement(), into...); err != nil {
			return r.check(err)
		}
		p.store.sizes.put(key, limit, found)
	}
	for i := range list {
		list[i].size = min(found[i], limit)
	}
	return nil
}

// selected writes what a query selects of a match, the row of item named d, whose
// position pos is: in the row that gives the order.
type selected func(b *sqlText, pos string) string

// position selects the position alone.
func position(_ *sqlText, pos string) string { return pos }

// matches writes queries, joined by UNION ALL, for what sel selects of every match;
// each match once. No match has a position after upper.
func (p *plan) matches(b *sqlText, drive driver, upper int64, sel selected) {
	if drive.all {
		b.WriteString("SELECT " + sel(b, "d.pos") + " FROM item d WHERE d.type = " + b.arg(typeKey(p.query.Type)) + " AND " + p.conditions(b, drive, "d.pos", upper))
		if p.near > 0 {
			b.WriteString(" AND " + p.nearby(b, "pos", "DESC", "n.pos <= "+b.arg(upper)))
		}
	} else {
		p.driven(b, drive, sel, upper)
	}
	if p.pinned {
		b.WriteString(" UNION ALL ")
		p.superseded(b, upper, sel)
	}
}

// longWhere is how long a condition may be that is written twice: a planner takes a
// second for a thousand operands.
const longWhere = 2000

// driven writes the queries of matches that begin at a driver's rows: those of item
// by themselves, and those that other rows lead to.
func (p *plan) driven(b *sqlText, drive driver, sel selected, upper int64) {
	// A plus before a column keeps its index from being walked instead of the driver's.
	if drive.ids != nil {
		b.WriteString("SELECT " + sel(b, "d.pos") + " FROM (" + p.versions(b, drive.ids) + ") q" + p.seek("d", "q.pos") + " WHERE " + p.conditions(b, drive, "+d.pos", upper))
		return
	}
	var own, other []arm
	for _, a := range drive.from.arms(b, false) {
		if a.table == "item" {
			own = append(own, a)
		} else {
			other = append(other, a)
		}
	}
	if len(own) > 1 || len(own) == 1 && (len(own[0].where) > longWhere || p.store.d.Sparing() && p.owned()) { // may give a row twice, or is not asked twice
		own, other = nil, append(own, other...)
	}
	except, plus := "", "+"
	if p.flows([]driver{drive}) {
		plus = "" // nor is there another
	}
	for _, a := range own {
		b.WriteString("SELECT " + sel(b, "d.pos") + " FROM item d WHERE " + a.where + " AND " + p.conditions(b, drive, plus+"d.pos", upper))
		if !drive.from.once() {
			except = " AND NOT coalesce((" + a.where + "), false)"
		}
	}
	if len(other) == 0 {
		return
	}
	if len(own) > 0 {
		b.WriteString(" UNION ALL ")
	}
	rows := union(other)
	if !drive.from.once() {
		rows = "SELECT DISTINCT u.pos FROM (" + rows + ") u"
	}
	b.WriteString("SELECT " + sel(b, "q.pos") + " FROM (" + rows + ") q" + p.seek("d", "q.pos") + " WHERE " + p.conditions(b, drive, plus+"q.pos", upper) + except)
}

// owned reports whether what owners agree to is among the conditions.
func (p *plan) owned() bool {
	return slices.ContainsFunc(p.all, func(from source) bool { _, ok := from.(*ownedSource); return ok })
}

// seek joins the row of item at a position.
func (p *plan) seek(as, pos string) string { return p.store.d.Seek("item", as, pos) }

// superseded writes a query for the matches that are current no more, but were at
// the position searched at: few, as it is not long ago.
func (p *plan) superseded(b *sqlText, upper int64, sel selected) {
	b.WriteString("SELECT " + sel(b, "d.pos") + " FROM ")
	if p.byID {
		b.WriteString("(" + p.versions(b, p.ids) + ") q" + p.store.d.Seek("item_past", "d", "q.pos") + " WHERE ")
	} else {
		b.WriteString("item_past d WHERE ")
	}
	b.WriteString("d.until > " + b.arg(p.at) + " AND +d.type = " + b.arg(typeKey(p.query.Type)) + " AND " + p.conditions(b, driver{all: true}, "+d.pos", upper))
}

// versions is a query for all versions of ids.
func (p *plan) versions(b *sqlText, ids []string) string {
	list := make([]any, len(ids))
	for i, id := range ids {
		list[i] = id
	}
	return "SELECT c.pos FROM version c WHERE c.rtype = " + b.arg(p.query.Type) + " AND c.id IN (" + b.list(list) + ")"
}

// conditions is what must hold at the row d besides the driver.
func (p *plan) conditions(b *sqlText, drive driver, pos string, upper int64) string {
	all := []string{"(1 = 1)"}
	if p.pinned || upper < p.at { // else there are no later ones
		all[0] = pos + " <= " + b.arg(upper)
	}
	for _, c := range p.times {
		either := make([]string, len(c.Operands))
		for i, o := range c.Operands {
			either[i] = timeCondition(b, o, pos)
		}
		all = append(all, anyOf(either))
	}
	for i, from := range p.all {
		if drive.from == nil || drive.at != i || !from.only() {
			all = append(all, from.probe(b))
		}
	}
	return strings.Join(all, " AND ")
}
