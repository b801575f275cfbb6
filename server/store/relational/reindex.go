package relational

import (
	"context"
	"database/sql"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// reindexed is how many resources are indexed again at a time.
const reindexed = 256

// reindex makes the index anew when it was made by other rules than those of this
// program: the current version of every resource, in the transaction of the
// migration, so that it is all done or not at all. What is past is not found any
// more by a search begun before. Memory is bounded by a chunk.
func (s *Store) reindex(ctx context.Context, c *conn) error {
	var have int64
	if _, err := c.one(ctx, Statement{SQL: "SELECT rules FROM indexed WHERE one = 1"}, &have); err != nil {
		return err
	}
	if have == s.cfg.Search.Rules() {
		return nil
	}
	if _, err := s.lockHead(ctx, c); err != nil {
		return err
	}
	for _, table := range []string{"item", "item_past", "item_code", "ix", "ix_range", "ix_string", "ix_quantity", "ix_place", "ix_words", "consent"} {
		if err := c.exec(ctx, "DELETE FROM "+table); err != nil {
			return err
		}
	}
	for after := int64(0); ; {
		last, err := s.reindexChunk(ctx, c, after)
		if err != nil {
			return err
		}
		if last == after {
			break
		}
		after = last
	}
	if err := s.retally(ctx, c); err != nil {
		return err
	}
	if err := s.reagree(ctx, c); err != nil {
		return err
	}
	return c.exec(ctx, "UPDATE indexed SET rules = $1 WHERE one = 1", s.cfg.Search.Rules())
}

// reindexChunk indexes the next resources behind a position and gives the last one's.
func (s *Store) reindexChunk(ctx context.Context, c *conn, after int64) (last int64, err error) {
	var found []store.Version
	var shards []int64
	err = c.each(ctx, Statement{SQL: "SELECT " + versionColumns + `, v.shard FROM version v WHERE v.pos > $1 AND v.deleted = 0
		AND (SELECT x.pos FROM version x WHERE x.rtype = v.rtype AND x.id = v.id ORDER BY x.vid DESC LIMIT 1) = v.pos ORDER BY v.pos LIMIT $2 + 0`, Args: []any{after, reindexed}},
		func(r *sql.Rows) error {
			var shard int64
			v, err := scanVersion(r, &shard)
			found, shards = append(found, v), append(shards, shard)
			return err
		})
	if err != nil || len(found) == 0 {
		return after, err
	}
	b := newBatch(0, 0)
	for i, v := range found {
		r, err := fhir.ParseResource(v.Body)
		if err != nil {
			return after, err
		}
		made := s.indexOf(v.Key, r, s.cfg.Search.Extract(r))
		b.place(&made, v.Position, shards[i])
	}
	if err := s.insertConsents(ctx, c, b); err != nil {
		return after, err
	}
	return found[len(found)-1].Position, s.flushIndex(ctx, c, b)
}
