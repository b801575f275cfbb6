package relational

import (
	"database/sql"
	"fmt"

	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// search answers a query.
func (r *reader) search(q *search.Query) (store.Result, error) {
	result := store.Result{Total: -1}
	position, err := r.Position()
	if err != nil {
		return result, err
	}
	if err := r.fits(q); err != nil {
		return result, err
	}
	at := position
	if q.After != nil {
		at = q.After.Snapshot
	}
	// Chains become lists of what they lead to; the query itself stays as it is.
	flat := *q
	r.step("what is behind "+clauseNames(q.Filter), 0)
	if flat.Filter, err = r.flatten(q.Sight, q.Type, q.Filter, at); err != nil {
		return result, err
	}
	p, err := r.newPlan(&flat, at)
	if err != nil {
		return result, err
	}
	if p.empty() {
		if q.Total {
			result.Total = 0
		}
		return result, nil
	}
	r.step("an estimate of how many rows each clause has", 0)
	drive, narrow, err := p.choose(r)
	if err != nil {
		return result, err
	}
	r.trace.driver = p.describe(drive)
	if q.Total {
		r.step("the exact total", 0)
		if result.Total, err = p.total(r, narrow); err != nil {
			return result, err
		}
	}
	if q.Count <= 0 {
		return result, nil
	}
	r.step(pageStep(q), max(result.Total, 0))
	page, err := p.page(r, drive)
	if err != nil {
		return result, err
	}
	if len(page) > q.Count {
		page = page[:q.Count]
		last := page[q.Count-1]
		result.Next = &search.Cursor{Snapshot: p.at, Keys: last.keys, Texts: last.texts, Row: last.version.Position}
	}
	for _, m := range page {
		result.Matches = append(result.Matches, m.version)
	}
	if len(q.Include) > 0 {
		r.step("what _include and _revinclude add", int64(len(page)))
	}
	result.Included, err = r.include(q, p.at, result.Matches)
	return result, err
}

// match is one row of a page.
type match struct {
	version store.Version
	keys    []*int64
	texts   []*string // nil unless a sort is by text
}

// page gives up to one match more than the page holds.
func (p *plan) page(r *reader, drive driver) ([]match, error) {
	limit := p.query.Count + 1
	if p.peeked != nil {
		return p.peeked, nil
	}
	if words, ok := drive.from.(wordClause); ok && p.streams() {
		return p.read(r, p.streamed(drive, words, limit))
	}
	w := p.walk(drive)
	if w == nil {
		if list, err := p.latest(r, drive, limit); err != nil || len(list) == limit {
			return list, err
		}
		return p.read(r, p.gathered(drive, limit))
	}
	// First along the sort's own index, then those without a value.
	var list []match
	if after := p.query.After; after == nil || after.Keys[0] != nil {
		var err error
		if list, err = p.read(r, p.walked(w, limit)); err != nil || len(list) >= limit {
			return list, err
		}
	}
	if drive.uncounted { // few, then, and some may have no date
		return p.read(r, p.gathered(drive, limit))
	}
	rest, err := p.read(r, p.without(limit-len(list)))
	return append(list, rest...), err
}

func (p *plan) read(r *reader, st Statement) ([]match, error) {
	var list []match
	err := r.each(st, func(rows *sql.Rows) error {
		m := match{keys: make([]*int64, len(p.sort))}
		into := make([]any, len(p.sort))
		for i, key := range p.sort {
			if into[i] = &m.keys[i]; byText(key) {
				if m.texts == nil {
					m.texts = make([]*string, len(p.sort))
				}
				into[i] = &m.texts[i]
			}
		}
		var err error
		m.version, err = scanVersion(rows, into...)
		list = append(list, m)
		return err
	})
	return list, err
}

// total counts all matches.
func (p *plan) total(r *reader, drive driver) (int64, error) {
	if len(p.all) == 0 && len(p.times) == 0 && !p.byID {
		return p.everything(r)
	}
	var b sqlText
	b.WriteString("SELECT count(*) FROM (")
	p.matches(&b, drive, p.upper, position)
	b.WriteString(") x")
	return p.once(r, b.statement())
}

// gathered walks a driver and sorts what it finds.
func (p *plan) gathered(drive driver, limit int) Statement {
	var b sqlText
	b.WriteString("SELECT x.pos")
	for i := range p.sort {
		fmt.Fprintf(&b, ", x.k%d", i)
	}
	upper := p.upper
	if p.query.After != nil && len(p.sort) == 0 {
		upper = min(upper, p.query.After.Row-1)
	}
	b.WriteString(" FROM (")
	p.matches(&b, drive, upper, p.sortValues)
	b.WriteString(") x")
	if p.query.After != nil && len(p.sort) > 0 {
		b.WriteString(" WHERE " + p.after(&b))
	}
	order := p.order()
	b.WriteString(" ORDER BY " + order + " LIMIT " + b.limit(limit))
	return p.bodies(&b, order)
}

// sortValues are the columns of a match: its position and what it is sorted by.
func (p *plan) sortValues(b *sqlText, pos string) string {
	text := pos
	for i, key := range p.sort {
		text += fmt.Sprintf(", %s AS k%d", sortValue(b, key), i)
	}
	return text
}

// bodies fetches the versions of the positions that b finds, and the sort keys.
func (p *plan) bodies(b *sqlText, order string) Statement {
	head := "SELECT " + versionColumns
	for i := range p.sort {
		head += fmt.Sprintf(", x.k%d", i)
	}
	text := b.around(head+" FROM (", ") x"+p.store.d.Seek("version", "v", "x.pos")+" ORDER BY "+order)
	return Statement{SQL: text, Args: b.args}
}

// byText reports whether a sort's values are texts.
func byText(key search.Sort) bool {
	return key.Param.Type != search.Date && key.Param.Type != search.LastUpdated
}

// sortValue is the key of the row at d.pos, null when it has none.
func sortValue(b *sqlText, key search.Sort) string {
	if key.Param.Type == search.LastUpdated {
		return "d.pos"
	}
	if roleOf(key.Param) == dateRole {
		if key.Descending {
			return "d.high"
		}
		return "d.low"
	}
	if !byText(key) && key.Param.Union == nil {
		column, end := "s.low", "s.ends IN (1, 3)"
		if key.Descending {
			column, end = "s.high", "s.ends >= 2"
		}
		return "(SELECT " + column + " FROM ix_range s WHERE s.key = " + b.arg(rangeKey(key.Param)) + " AND s.pos = d.pos AND " + end + " LIMIT 1)"
	}
	table, fact, low, high := "ix_range", factRange, "s.low", "s.high"
	switch key.Param.Type {
	case search.StringType, search.URIType:
		table, fact, low, high = "ix_string", factText, foldedOf("s"), foldedOf("s")
	case search.NumberType, search.QuantityType:
		table, fact, low, high = "ix_quantity", factAmount, "s.ulow", "s.uhigh"
	}
	var keys []any
	for _, p := range key.Param.Indexed() {
		keys = append(keys, paramKey(fact, p, ""))
	}
	value := "min(" + low + ")"
	if key.Descending {
		value = "max(" + high + ")"
	}
	return "(SELECT " + value + " FROM " + table + " s WHERE s.key IN (" + b.list(keys) + ") AND s.pos = d.pos)"
}

func (p *plan) order() string {
	order := ""
	for i, key := range p.sort {
		way := "ASC"
		if key.Descending {
			way = "DESC"
		}
		if key.Param.Type == search.LastUpdated {
			return order + "x.pos " + way // the position itself, so that its index gives the order
		}
		order += fmt.Sprintf("x.k%d %s NULLS LAST, ", i, way)
	}
	return order + "x.pos DESC"
}

// after is the condition that x comes after the cursor in the order.
func (p *plan) after(b *sqlText) string {
	cursor := p.query.After
	var either []string
	same := ""
	for i, key := range p.sort {
		column := fmt.Sprintf("x.k%d", i)
		if key.Param.Type == search.LastUpdated {
			column = "x.pos"
		}
		value := cursorValue(cursor, i, key)
		if value == nil { // nothing comes after the missing but the missing
			same += column + " IS NULL AND "
			continue
		}
		way := " > "
		if key.Descending {
			way = " < "
		}
		mark := b.arg(value)
		if key.Param.Type == search.LastUpdated {
			return anyOf(append(either, "("+same+column+way+mark+")"))
		}
		either = append(either, "("+same+"("+column+way+mark+" OR "+column+" IS NULL))")
		same += column + " = " + mark + " AND "
	}
	either = append(either, "("+same+"x.pos < "+b.arg(cursor.Row)+")")
	return anyOf(either)
}

// cursorValue is the sort value of the last match; nil when it had none.
func cursorValue(c *search.Cursor, i int, key search.Sort) any {
	switch {
	case byText(key) && i < len(c.Texts) && c.Texts[i] != nil:
		return *c.Texts[i]
	case !byText(key) && c.Keys[i] != nil:
		return *c.Keys[i]
	}
	return nil
}
