package relational

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"

	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Facts gives what the rows of the matches hold: nothing else is read.
func (r *reader) Facts(q *search.Query, give func(store.Fact) error) error {
	at, err := r.Position()
	if err != nil {
		return err
	}
	if err := r.fits(q); err != nil {
		return err
	}
	flat := search.Query{Type: q.Type, Sight: q.Sight}
	if flat.Filter, err = r.flatten(q.Sight, q.Type, q.Filter, at); err != nil {
		return err
	}
	p, err := r.newPlan(&flat, at)
	if err != nil || p.empty() {
		return err
	}
	p.query.Total = true // all matches are wanted, so a page of them says nothing
	_, drive, err := p.choose(r)
	if err != nil {
		return err
	}
	var b sqlText
	b.WriteString("SELECT x.pos, x.high, x.code, x.code_system, c.code, c.code_system FROM (")
	p.matches(&b, drive, p.upper, func(_ *sqlText, pos string) string { return pos + " AS pos, d.high, d.code, d.code_system, d.marks" })
	// Further codes of a match stand in rows side by side.
	b.WriteString(fmt.Sprintf(") x LEFT JOIN item_code c ON c.pos = x.pos AND x.marks & %d <> 0 ORDER BY x.pos", moreCode))
	var fact store.Fact
	err = r.each(b.statement(), func(rows *sql.Rows) error {
		var pos int64
		var high, code, system, more, moreSystem sql.NullInt64
		if err := rows.Scan(&pos, &high, &code, &system, &more, &moreSystem); err != nil {
			return err
		}
		if pos != fact.Position {
			if fact.Position != 0 {
				if err := give(fact); err != nil {
					return err
				}
			}
			fact = store.Fact{Position: pos, When: high.Int64, Dated: high.Valid}
			if code.Valid {
				fact.Codes = []store.FactCode{{Code: code.Int64, System: system.Int64}}
			}
		}
		if c := (store.FactCode{Code: more.Int64, System: moreSystem.Int64}); more.Valid && !slices.Contains(fact.Codes, c) {
			fact.Codes = append(fact.Codes, c)
		}
		return nil
	})
	if err == nil && fact.Position != 0 {
		err = give(fact)
	}
	return err
}

// At gives the versions at positions.
func (r *reader) At(positions []int64) ([]store.Version, error) {
	var list []store.Version
	for chunk := range slices.Chunk(positions, maxChunk) {
		found, err := stored{r.ctx, r.s, r.c}.at(chunk)
		if err != nil {
			return nil, r.check(err)
		}
		list = append(list, found...)
	}
	slices.SortFunc(list, func(a, b store.Version) int { return cmp.Compare(b.Position, a.Position) })
	return list, nil
}
