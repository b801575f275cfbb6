package relational

import "context"

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
	var types, counts []int64
	for typ, n := range b.tallied() {
		if n != 0 {
			types, counts = append(types, typ), append(counts, n)
		}
	}
	if len(types) == 0 {
		return nil
	}
	// The rows of With may be there twice.
	st := s.d.With("k", Batch{{Name: "type", Ints: types}, {Name: "n", Ints: counts}})
	return c.exec(ctx, "WITH "+st.SQL+` INSERT INTO tally (type, n) SELECT DISTINCT k.type, k.n FROM k WHERE true
		ON CONFLICT (type) DO UPDATE SET n = tally.n + excluded.n`, st.Args...)
}

// retally counts everything again.
func (s *Store) retally(ctx context.Context, c *conn) error {
	if err := c.exec(ctx, "DELETE FROM tally"); err != nil {
		return err
	}
	return c.exec(ctx, "INSERT INTO tally (type, n) SELECT type, count(*) FROM item GROUP BY type")
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
