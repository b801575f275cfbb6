package relational

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Index rows of versions that are current no more are there for searches begun
// before. When no such search can still be read they are taken away, a few at a
// time; the versions themselves stay for ever.

// prunedAtOnce is how many versions one step takes, and restOf how many times as
// long as a step the writers have to themselves before the next.
const (
	prunedAtOnce = 200
	restOf       = 4
)

// pruneLoop prunes now and then until the store closes.
func (s *Store) pruneLoop(ctx context.Context) {
	tick := time.NewTicker(s.cfg.PruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for {
			begun := time.Now()
			// What fails now is tried again: nothing depends on it.
			if n, err := s.Prune(ctx); err != nil || n < prunedAtOnce {
				break
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(restOf * time.Since(begun)):
			}
		}
	}
}

// Prune takes away the index rows of some versions that were superseded longer ago
// than a search can be continued (Config.CursorLife), and gives their number.
func (s *Store) Prune(ctx context.Context) (n int, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	horizon := s.cfg.Now().Add(-s.cfg.CursorLife).UnixMicro()
	err = s.write(ctx, func(r *reader) (*batch, error) {
		var err error
		n, err = s.prune(ctx, r.c, horizon)
		b := newBatch(r.position, r.position)
		b.wrote = n > 0
		return b, err
	})
	return n, s.fault(ctx, err)
}

func (s *Store) prune(ctx context.Context, c *conn, horizon int64) (int, error) {
	var versions []store.Version
	last := int64(0)
	if err := c.each(ctx, Statement{
		SQL:  "SELECT " + versionColumns + " , p.until FROM item_past p JOIN version v ON v.pos = p.pos WHERE p.until < $1 ORDER BY p.until LIMIT $2 + 0",
		Args: []any{horizon, prunedAtOnce},
	}, func(rows *sql.Rows) error {
		v, err := scanVersion(rows, &last)
		versions = append(versions, v)
		return err
	}); err != nil || len(versions) == 0 {
		return 0, err
	}
	b := newBatch(0, 0)
	for _, v := range versions {
		resource, err := fhir.ParseResource(v.Body)
		if err != nil {
			return 0, err
		}
		made := s.indexOf(v.Key, resource, s.cfg.Search.Extract(resource))
		b.place(&made, v.Position, 0)
	}
	// Rows made by other rules than today's may stay. They lead to no item.
	if err := s.drop(ctx, c, b); err != nil {
		return 0, err
	}
	return len(versions), c.exec(ctx, "UPDATE indexed SET pruned = $1 WHERE one = 1 AND pruned < $1", last)
}

// drop deletes the index rows of a batch.
func (s *Store) drop(ctx context.Context, c *conn, b *batch) error {
	pos := make([]int64, len(b.items))
	for i, it := range b.items {
		pos[i] = it.pos
	}
	for _, d := range []struct {
		table string
		rows  Batch
		by    int // how many columns tell a row
	}{
		{"ix", entryBatch(b.entries), 3}, {"ix_range", spanBatch(b.spans), 2}, {"ix_string", textBatch(b.texts), 3}, {"ix_quantity", amountBatch(b.amounts), 3},
		{"ix_place", Batch{{Name: "pos", Ints: pos}}, 1}, {"ix_words", Batch{{Name: s.d.WordPosition(), Ints: pos}}, 1},
		{"item_code", Batch{{Name: "pos", Ints: pos}}, 1}, {"item_past", Batch{{Name: "pos", Ints: pos}}, 1},
	} {
		if d.rows.Len() == 0 {
			continue
		}
		names := d.rows[0].Name
		for _, column := range d.rows[1:d.by] {
			names += ", " + column.Name
		}
		for from := range d.rows.chunks(maxChunk) {
			st := s.d.With("k", from[:d.by])
			if err := c.exec(ctx, "WITH "+st.SQL+" DELETE FROM "+d.table+" WHERE ("+names+") IN (SELECT * FROM k)", st.Args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// chunks gives the rows of a batch by and by.
func (b Batch) chunks(size int) func(yield func(Batch) bool) {
	return func(yield func(Batch) bool) {
		for from := 0; from < b.Len(); from += size {
			part := slices.Clone(b)
			for i := range part {
				c := &part[i]
				to := min(from+size, b.Len())
				switch {
				case c.Ints != nil:
					c.Ints = c.Ints[from:to]
				case c.Texts != nil:
					c.Texts = c.Texts[from:to]
				default:
					c.Blobs = c.Blobs[from:to]
				}
			}
			if !yield(part) {
				return
			}
		}
	}
}

// alive fails when the rows that a search at a position needs are taken away.
func (r *reader) alive(at int64) error {
	var pruned int64
	if _, err := r.c.one(r.ctx, Statement{SQL: "SELECT pruned FROM indexed WHERE one = 1"}, &pruned); err != nil {
		return r.check(err)
	}
	if at < pruned {
		return fhir.BadSearch("this page belongs to a search that is too old to be continued; search again").WithCode(fhir.CodeExpired)
	}
	return nil
}
