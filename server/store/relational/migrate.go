package relational

import (
	"context"
	"fmt"
	"time"
)

// migrate brings the schema to the newest number known, in one transaction.
func (s *Store) migrate(ctx context.Context) error {
	// Two servers that start on an empty database may both make the table of
	// migrations; the loser of that race tries again and finds it made.
	var err error
	for range 5 {
		if err = s.migrateOnce(ctx); err == nil || s.meaning(err) != FaultRace {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func (s *Store) migrateOnce(ctx context.Context) (err error) {
	c, err := s.writes.take(ctx)
	if err != nil {
		return err
	}
	defer s.writes.give(c)
	if err := c.exec(ctx, s.d.BeginWrite()); err != nil {
		c.broken = true
		return err
	}
	defer func() {
		if err != nil {
			s.end(c)
		}
	}()
	const table = `CREATE TABLE IF NOT EXISTS migration (number bigint PRIMARY KEY, applied bigint NOT NULL)`
	if err := c.exec(ctx, table); err != nil {
		return err
	}
	if lock := s.d.LockSchema(); lock != "" {
		if err := c.exec(ctx, lock); err != nil {
			return err
		}
	}
	var have int
	if _, err := c.one(ctx, Statement{SQL: `SELECT coalesce(max(number), 0) FROM migration`}, &have); err != nil {
		return err
	}
	known := s.d.Migrations()
	if have > len(known) {
		return fmt.Errorf("store: the %s database has schema %d, this program knows schemas up to %d: use a newer program", s.d.Name(), have, len(known))
	}
	for n := have + 1; n <= len(known); n++ {
		if err := c.exec(ctx, known[n-1]); err != nil {
			return fmt.Errorf("store: migration %d: %w", n, err)
		}
		if err := c.exec(ctx, `INSERT INTO migration (number, applied) VALUES ($1, $2)`, n, s.cfg.Now().UnixMicro()); err != nil {
			return err
		}
	}
	if err := s.reindex(ctx, c); err != nil {
		return fmt.Errorf("store: the index cannot be made again: %w", err)
	}
	return c.exec(ctx, "COMMIT")
}
