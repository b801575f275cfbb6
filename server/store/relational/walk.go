package relational

import (
	"fmt"
	"math"

	"vitalwire/fhir/search"
)

// walk is an index in the order of the only sort key, by a date: what is too much
// to gather is walked until the page is full.
type walk struct {
	key   search.Sort
	track *trackClause // not nil: only its rows
}

// walk chooses the index; nil to gather.
func (p *plan) walk(drive driver) *walk {
	if len(p.sort) != 1 || p.sort[0].Param.Type != search.Date || p.sort[0].Param.Union != nil || p.byID {
		return nil
	}
	w := &walk{key: p.sort[0]}
	// A track has its rows in the order of the latest date.
	if p.tracked() && drive.size >= p.gather/tiny {
		w.track = p.track
		return w
	}
	if !drive.all {
		return nil
	}
	return w
}

// tracked reports whether a track has the order asked for.
func (p *plan) tracked() bool {
	return p.track != nil && p.track.single() && len(p.sort) == 1 && roleOf(p.sort[0].Param) == dateRole && p.sort[0].Descending
}

// onlyTrack reports whether a track is all that is asked for, in its order: it is walked,
// however long it is.
func (p *plan) onlyTrack() bool {
	if !p.tracked() {
		return false
	}
	for _, from := range p.all {
		if _, dated := from.(*dateClause); !dated && from != source(p.track.subject) && from != source(p.track.code) {
			return false
		}
	}
	return true
}

// walked walks the index, which gives each resource once.
func (p *plan) walked(w *walk, limit int) Statement {
	var b sqlText
	b.WriteString("SELECT x.pos, x.k0 FROM (")
	for i, a := range p.walkArms(&b, w) {
		if i > 0 {
			b.WriteString(" UNION ")
		}
		// A subquery, because an arm with ORDER BY and LIMIT stands nowhere else in SQLite.
		b.WriteString("SELECT * FROM (")
		p.walkArm(&b, w, a, limit)
		fmt.Fprintf(&b, ") a%d", i)
	}
	b.WriteString(") x ORDER BY " + p.order() + " LIMIT " + b.limit(limit))
	return p.bodies(&b, p.order())
}

// walkArms are the tables walked.
func (p *plan) walkArms(b *sqlText, w *walk) []arm {
	typ := typeKey(p.query.Type)
	var list []arm
	switch {
	case w.track != nil:
		list = w.track.arms(b, false)
	case roleOf(w.key.Param) == dateRole:
		list = []arm{{table: "item", where: "d.type = " + b.arg(typ)}}
	default:
		end := "c.ends IN (1, 3)"
		if w.key.Descending {
			end = "c.ends >= 2"
		}
		list = []arm{{table: "ix_range", where: "c.key = " + b.arg(rangeKey(w.key.Param)) + " AND " + end}}
	}
	if p.pinned {
		list = append(list, arm{table: "item_past", where: "d.until > " + b.arg(p.at) + " AND +d.type = " + b.arg(typ)})
	}
	return list
}

// walkArm walks one table.
func (p *plan) walkArm(b *sqlText, w *walk, a arm, limit int) {
	column, way, order := "low", ">", "ASC"
	if w.key.Descending {
		column, way, order = "high", "<", "DESC"
	}
	// row gives the order; d.pos is kept out of indexes where that is not item.
	row, pos, value, from := "c", "+d.pos", "c."+column, a.table+" c"+p.store.d.Seek("item", "d", "c.pos")
	where := a.where
	switch a.table {
	case "item":
		row, pos, value, from = "d", "d.pos", "d."+column, "item d"
	case "item_past":
		row, value, from = "d", "d."+column, "item_past d"
		if roleOf(w.key.Param) != dateRole {
			value, from = "c."+column, "item_past d JOIN ix_range c ON c.pos = d.pos"
			end := "c.ends IN (1, 3)"
			if w.key.Descending {
				end = "c.ends >= 2"
			}
			where += " AND c.key = " + b.arg(rangeKey(w.key.Param)) + " AND " + end
		}
	case "ix":
		value, from, where = "d."+column, "(SELECT DISTINCT u.pos FROM ("+union([]arm{a})+") u) c"+p.store.d.Seek("item", "d", "c.pos"), "true"
	}
	where += " AND " + value + " IS NOT NULL"
	if after := p.query.After; after != nil {
		mark := b.arg(*after.Keys[0])
		where += " AND " + value + " " + way + "= " + mark + " AND (" + value + " " + way + " " + mark + " OR " + row + ".pos < " + b.arg(after.Row) + ")"
	}
	if p.near > 0 {
		begin := "n." + column + " IS NOT NULL"
		if after := p.query.After; after != nil {
			begin += " AND n." + column + " " + way + "= " + b.arg(*after.Keys[0])
		}
		where += " AND " + p.nearby(b, column, order, begin)
	}
	b.WriteString("SELECT d.pos, " + value + " AS k0 FROM " + from + " WHERE " + where + " AND " + p.conditions(b, driver{all: true}, pos, p.upper))
	b.WriteString(" ORDER BY " + value + " " + order + ", " + row + ".pos DESC LIMIT " + b.limit(limit))
}

// without finds the matches that have no value to sort by, newest first.
func (p *plan) without(limit int) Statement {
	key := p.sort[0]
	none := fmt.Sprintf("d.present & CAST(%d AS bigint) = 0", int64(1)<<max(key.Param.Bit, 0))
	if key.Param.Index != "" { // it has no bit
		none = fmt.Sprintf("(SELECT 1 FROM ix c WHERE c.key = %d AND c.pos = d.pos LIMIT 1) IS NULL", presentKey(key.Param))
	} else if roleOf(key.Param) == dateRole {
		none = "d.high IS NULL"
	}
	upper := p.upper
	if after := p.query.After; after != nil && after.Keys[0] == nil {
		upper = min(upper, after.Row-1)
	}
	var b sqlText
	b.WriteString("SELECT x.pos, x.k0 FROM (SELECT d.pos, CAST(NULL AS bigint) AS k0 FROM item d WHERE d.type = " + b.arg(typeKey(p.query.Type)) +
		" AND " + none + " AND " + p.conditions(&b, driver{all: true}, "d.pos", upper))
	if p.pinned {
		b.WriteString(" UNION ALL ")
		p.superseded(&b, upper, func(*sqlText, string) string { return "d.pos, CAST(NULL AS bigint) AS k0" })
		b.WriteString(" AND " + none)
	}
	b.WriteString(") x ORDER BY x.pos DESC LIMIT " + b.limit(limit))
	return p.bodies(&b, p.order())
}

// peek walks no further than a fraction of what may be gathered: where matches are
// many they are found there, and nothing need be counted.
func (p *plan) peek(r *reader) error {
	if len(p.sort) == 0 { // little is lost: the order of position is cheap otherwise, too
		return p.peekTo(r, max(p.gather/50, 1))
	}
	return p.peekTo(r, max(p.gather/10, 1))
}

// peekTo walks so many rows in the order of the answer. It keeps a full page only.
func (p *plan) peekTo(r *reader, far int64) error {
	if p.pinned || p.query.Count <= 0 {
		return nil
	}
	limit := p.query.Count + 1
	var st Statement
	p.near = far
	switch {
	case len(p.sort) == 0:
		st = p.gathered(whole, limit)
	case len(p.sort) == 1 && roleOf(p.sort[0].Param) == dateRole && (p.query.After == nil || p.query.After.Keys[0] != nil):
		st = p.walked(&walk{key: p.sort[0]}, limit)
	}
	p.near = 0
	if st.SQL == "" {
		return nil
	}
	// What was not found there a moment ago is not looked for again.
	key := p.store.sizes.key(st.SQL, st.Args)
	if _, missed := p.store.sizes.get(key, 0); missed {
		return nil
	}
	list, err := p.read(r, st)
	switch {
	case len(list) == limit:
		p.peeked = list
	case err == nil:
		p.store.sizes.put(key, 0, nil)
	}
	return err
}

// nearby is the condition that a row is among the next of its type in the order of
// a column, where begin says from which on.
func (p *plan) nearby(b *sqlText, column, order, begin string) string {
	way, last := " <= ", int64(math.MaxInt64)
	if order == "DESC" {
		way, last = " >= ", math.MinInt64
	}
	return "d." + column + way + "coalesce((SELECT n." + column + " FROM item n WHERE n.type = " + b.arg(typeKey(p.query.Type)) + " AND " + begin +
		" ORDER BY n." + column + " " + order + " LIMIT 1 OFFSET " + b.limit(p.near) + "), " + b.arg(last) + ")"
}
