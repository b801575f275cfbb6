package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"sync"
	"time"

	"vitalwire/server/store/relational"
)

// logLimit is the size of the write-ahead log, in bytes, from which on the store
// waits for readers to let go of it. SQLite alone begins the log anew only in a
// moment without readers, which on a busy server may never come.
const logLimit = 32 << 20

// Store is a relational.Store that keeps its write-ahead log short.
type Store struct {
	*relational.Store
	stop context.CancelFunc
	done sync.WaitGroup
	db   *sql.DB
}

// keepShort starts the goroutine that truncates the log of the file at path.
func (s *Store) keepShort(path string, limit int64) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > limit {
				// It copies what it can and then waits for old readers, new ones
				// reading the database alone, but not longer than its busy timeout:
				// writers wait, too. What failed now is tried again.
				_, _ = s.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
			}
		}
	})
}

// Close waits for running calls and closes the database.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	return errors.Join(s.db.Close(), s.Store.Close())
}
