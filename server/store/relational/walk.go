package relational

import (
	"fmt"
	"strings"

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
	if p.track != nil && p.track.single() && roleOf(w.key.Param) == dateRole && w.key.Descending && drive.size >= counts(p.gather)[0] {
		w.track = p.track
		return w
	}
	if drive.size <= p.gather {
		return nil
	}
	return w
}

// walked walks the index, which gives each resource once.
func (p *plan) walked(w *walk, limit int) Statement {
	var b sqlText
	b.WriteString("SELECT x.pos, x.k0 FROM (")
	arms := []string{"item"}
	switch {
	case w.track != nil:
		arms = []string{"item", "item_code", "ix"}
	case roleOf(w.key.Param) != dateRole:
		arms = []string{"ix_range"}
	}
	for i, arm := range arms {
		if i > 0 {
			b.WriteString(" UNION ")
		}
		// A subquery, because an arm with ORDER BY and LIMIT stands nowhere else in SQLite.
		b.WriteString("SELECT * FROM (")
		p.arm(&b, w, arm, limit)
		fmt.Fprintf(&b, ") a%d", i)
	}
	b.WriteString(") x ORDER BY " + p.order() + " LIMIT " + b.arg(limit))
	return p.bodies(&b, p.order())
}

// arm walks one table.
func (p *plan) arm(b *sqlText, w *walk, table string, limit int) {
	column, way, order := "low", ">", "ASC"
	if w.key.Descending {
		column, way, order = "high", "<", "DESC"
	}
	// row gives the order; pos is kept out of other indexes where row is not item.
	row, pos, value := "c", "+d.pos", "c."+column
	var from string
	var where []string
	switch table {
	case "item":
		row, pos, value, from = "d", "d.pos", "d."+column, "item d"
		if w.track != nil {
			where = append(where, w.track.match(b, "d"))
		} else {
			where = append(where, "d.type = "+b.arg(typeKey(p.query.Type)))
		}
	case "item_code":
		from = "item_code c JOIN item d ON d.pos = c.pos"
		where = append(where, w.track.match(b, "c"))
	case "ix":
		var rest sqlText
		rest.args = b.args
		w.track.subject.rest.rows(&rest)
		b.args = rest.args
		value, from = "d."+column, "(SELECT DISTINCT u.pos FROM ("+rest.String()+") u) c JOIN item d ON d.pos = c.pos"
	case "ix_range":
		end := "c.ends IN (1, 3)"
		if w.key.Descending {
			end = "c.ends >= 2"
		}
		from = "ix_range c JOIN item d ON d.pos = c.pos"
		where = append(where, "c.key = "+b.arg(rangeKey(w.key.Param)), end)
	}
	where = append(where, value+" IS NOT NULL")
	if after := p.query.After; after != nil {
		mark := b.arg(*after.Keys[0])
		where = append(where, value+" "+way+"= "+mark, "("+value+" "+way+" "+mark+" OR "+row+".pos < "+b.arg(after.Row)+")")
	}
	b.WriteString("SELECT d.pos, " + value + " AS k0 FROM " + from + " WHERE " + strings.Join(where, " AND ") + " AND ")
	p.conditions(b, driver{all: true}, pos)
	b.WriteString(" ORDER BY " + value + " " + order + ", " + row + ".pos DESC LIMIT " + b.arg(limit))
}

// without finds the matches that have no value to sort by, newest first.
func (p *plan) without(limit int) Statement {
	var b sqlText
	key := p.sort[0]
	b.WriteString("SELECT d.pos, CAST(NULL AS bigint) AS k0 FROM item d WHERE d.type = " + b.arg(typeKey(p.query.Type)))
	if roleOf(key.Param) == dateRole {
		b.WriteString(" AND d.high IS NULL")
	} else {
		b.WriteString(" AND d.present & CAST(" + b.arg(int64(1)<<key.Param.Bit) + " AS bigint) = 0")
	}
	if after := p.query.After; after != nil && after.Keys[0] == nil {
		b.WriteString(" AND d.pos < " + b.arg(after.Row))
	}
	b.WriteString(" AND ")
	p.conditions(&b, driver{all: true}, "d.pos")
	b.WriteString(" ORDER BY d.pos DESC LIMIT " + b.arg(limit))
	return p.bodies(&b, p.order())
}
