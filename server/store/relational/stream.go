package relational

import (
	"math"
	"slices"
)

// streams reports whether a page is read from full text, newest first. To look
// full text up for one position costs far more than to go on to the next one that
// has it, so where the database keeps it in that order nothing else is walked.
func (p *plan) streams() bool {
	return len(p.sort) == 0 && !p.pinned && !p.byID && p.store.d.WordsInOrder() && slices.ContainsFunc(p.all, isWords)
}

func isWords(from source) bool {
	_, ok := from.(wordClause)
	return ok
}

// streamed reads a page of the clause w, which drives.
func (p *plan) streamed(drive driver, w wordClause, limit int) Statement {
	upper := p.upper
	if p.query.After != nil {
		upper = min(upper, p.query.After.Row-1)
	}
	var b sqlText
	b.WriteString("SELECT d.pos FROM (" + w.d.WordRows(b.arg(w.d.WordQuery(w.terms)), "", math.MaxInt64) + ") w" + w.d.Seek("item", "d", "w.pos") + " WHERE " +
		p.conditions(&b, drive, "w.pos", upper) + " AND d.type = " + b.arg(typeKey(p.query.Type)) + " ORDER BY w.pos DESC LIMIT " + b.limit(limit))
	return p.bodies(&b, "x.pos DESC")
}
