package relational

import (
	"context"
	"database/sql"
	"time"
)

// statisticsEvery is how often a server that writes looks whether the planner knows
// the tables as they are.
const statisticsEvery = 3 * time.Second

// statisticsLoop has tables analyzed that changed much, until the store closes. No
// search depends on it: the text of a search says how it is to be answered. But what
// the planner guesses of a table it never saw is worse than what it knows, and a
// database left to itself looks a minute later.
func (s *Store) statisticsLoop(ctx context.Context) {
	if s.d.Changed() == "" {
		return
	}
	tick := time.NewTicker(statisticsEvery)
	defer tick.Stop()
	for seen := int64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := s.commits.Load(); now != seen {
			seen = now
			_ = s.Analyze(ctx) // what fails is tried again
		}
	}
}

// Analyze has the tables analyzed that changed much since that was last done. Several
// servers may do so at once: a table that is being analyzed is passed over.
func (s *Store) Analyze(ctx context.Context) error {
	changed := s.d.Changed()
	if changed == "" {
		return nil
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	sc, err := s.cfg.Write.Conn(ctx)
	if err != nil {
		return s.fault(ctx, err)
	}
	c := newConn(sc, true)
	defer func() { _ = sc.Close() }()
	var tables []string
	err = c.each(ctx, Statement{SQL: changed}, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		tables = append(tables, name)
		return err
	})
	for _, table := range tables {
		if err == nil {
			err = c.exec(ctx, "ANALYZE (SKIP_LOCKED) "+table)
		}
	}
	return s.fault(ctx, err)
}
