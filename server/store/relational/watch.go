package relational

import (
	"context"
	"time"
)

// OnCommit has fn told of every group that was committed: how many writes
// (resources and records) and how long it took. It is set once, before use; fn
// must be quick.
func (s *Store) OnCommit(fn func(writes int, took time.Duration)) { s.committed.Store(&fn) }

// told tells of a committed group.
func (s *Store) told(group []*request, began time.Time) {
	fn := s.committed.Load()
	if fn == nil {
		return
	}
	writes := 0
	for _, r := range group {
		writes += r.writes
	}
	(*fn)(writes, time.Since(began))
}

// Queued is how many Apply calls wait for a commit.
func (s *Store) Queued() int { return len(s.queue) }

// Size is how many bytes the database takes.
func (s *Store) Size(ctx context.Context) (bytes int64, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	c, err := s.begin(ctx)
	if err != nil {
		return 0, s.fault(ctx, err)
	}
	defer s.reads.give(c)
	defer s.end(c)
	_, err = c.one(ctx, Statement{SQL: s.d.Size()}, &bytes)
	return bytes, s.fault(ctx, err)
}
