package relational

import (
	"context"
	"math/rand/v2"
)

// Table tally has the number of matches of a search for a whole type, which would
// otherwise be counted row by row.

// tallied is what a batch adds to each type, and takes away.
func (b *batch) tallied() map[int64]int64 {
	change := map[int64]int64{}
	for _, it := range b.items {
		change[it.typ]++
	}
	for _, row := range b.deadRows {
		change[row.typ]--
	}
	return change
}

func (s *Store) flushTally(ctx context.Context, c *conn, b *batch) error {
	change := b.tallied()
	if len(change) == 0 {
		return nil
	}
	rows, row := newColumns(len(change), "type", "n", "stamp"), 0
	for typ, n := range change {
		rows.set(row, typ, n, newStamp())
		row++
	}
	st := s.d.With("k", Batch(rows)) // whose rows may be there twice
	return c.exec(ctx, "WITH "+st.SQL+` INSERT INTO tally (type, n, stamp) SELECT DISTINCT k.type, k.n, k.stamp FROM k WHERE true
		ON CONFLICT (type) DO UPDATE SET n = tally.n + excluded.n, stamp = excluded.stamp`, st.Args...)
}

// newStamp is a stamp that no state has had.
func newStamp() int64 { return rand.Int64() } //nolint:gosec // it tells states apart, not friend from foe

// restamp says of all types that what they are found by has changed.
func (s *Store) restamp(ctx context.Context, c *conn) error {
	return c.exec(ctx, "UPDATE tally SET stamp = $1", newStamp())
}

// retally counts everything again.
func (s *Store) retally(ctx context.Context, c *conn) error {
	if err := c.exec(ctx, "DELETE FROM tally"); err != nil {
		return err
	}
	return c.exec(ctx, "INSERT INTO tally (type, n, stamp) SELECT type, count(*), $1 FROM item GROUP BY type", newStamp())
}

// everything is the number of resources of the plan's type, of a query that asks for
// nothing more: those of now, without what came after the position searched at, and
// with what was superseded since.
func (p *plan) everything(r *reader) (int64, error) {
	var b sqlText
	typ := b.arg(typeKey(p.query.Type))
	b.WriteString("SELECT coalesce((SELECT t.n FROM tally t WHERE t.type = " + typ + "), 0)")
	if p.pinned {
		at := b.arg(p.at)
		b.WriteString(" - (SELECT count(*) FROM item d WHERE d.type = " + typ + " AND d.pos > " + at + ")" +
			" + (SELECT count(*) FROM item_past d WHERE d.until > " + at + " AND +d.type = " + typ + " AND +d.pos <= " + at + ")")
	}
	var n int64
	_, err := r.c.one(r.ctx, b.statement(), &n)
	return n, r.check(err)
}
