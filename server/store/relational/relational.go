// Package relational is the store of server/store over any SQL database that
// speaks the common dialect of SQLite and PostgreSQL: all logic and nearly all
// SQL text, written once. It knows no driver; server/store/sqlite and
// server/store/postgres open the database and give the Dialect.
//
// A version row is never changed. Table item has what is current, so a search finds
// nothing else; when a version is superseded its row moves to item_past, where a
// search pinned to an older position still finds what was current then.
package relational

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Config is what a store runs on. The zero of a number takes its default.
type Config struct {
	Dialect Dialect
	// Search are the search parameters that resources are indexed by.
	Search *search.Registry
	// Write and Read are the pools for writing and for snapshots; they may be one.
	// The store closes both.
	Write, Read *sql.DB
	// Unprepared keeps no prepared statements: behind a pooler each transaction may
	// meet another session, where a statement of that name is another's, or none.
	Unprepared bool
	// Now is the clock that positions follow.
	Now func() time.Time
	// Readers bounds the snapshots open at once (default 16); more wait.
	Readers int
	// Waiting bounds those that wait for a snapshot (default 1024); more are refused
	// (fhir.Throttled).
	Waiting int
	// Queue bounds the Apply calls waiting for a commit (default 4096), and QueueBytes
	// their bodies (default 128 MB); more are refused (fhir.Throttled).
	Queue      int
	QueueBytes int64
	// Group bounds the writes of one commit (default 1024). A larger unit is
	// committed alone.
	Group int
	// Gather bounds the candidates that a search gathers and sorts (default 10,000);
	// with more it walks an index in the order of the answer.
	Gather int64
	// SearchTimeout bounds one search (default 20 s): a longer one is fhir.TooCostly.
	SearchTimeout time.Duration
	// CursorLife is how long a search can be continued (default 1 h), PruneEvery how
	// often what none needs any more is looked for (default 5 minutes).
	CursorLife, PruneEvery time.Duration
	// CommitTimeout bounds one commit (default 30 s).
	CommitTimeout time.Duration
	// ViewTimeout bounds one snapshot (default 2 minutes, as long as an answer may
	// take): what it sees cannot be cleared away while it is open.
	ViewTimeout time.Duration
}

// Store implements store.Store.
type Store struct {
	cfg    Config
	d      Dialect
	reads  *pool
	writes *pool // one connection: who holds it is the writer

	sizes  *sizes
	totals *totals

	// composites are the parts of each composite parameter (composite.go).
	composites sync.Map

	learn  atomic.Pointer[store.Learn] // see Follow
	marked atomic.Bool                 // Marks are asked for

	queue     chan *request
	committed atomic.Pointer[func(writes int, took time.Duration)]
	queued    atomic.Int64 // bytes of bodies in the queue
	waiting   atomic.Int64 // calls that wait for a snapshot
	committer sync.WaitGroup
	stop      context.CancelFunc // of what runs in the background
	pruner    sync.WaitGroup     // that
	commits   atomic.Int64       // since the start

	mu      sync.Mutex
	closing bool
	calls   sync.WaitGroup // running View, Update and Apply
}

var _ store.Store = (*Store)(nil)

// Open brings the schema up to date and starts the committer. It takes over the
// databases of the configuration, also when it fails.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	defaults(&cfg)
	s := &Store{
		cfg: cfg, d: cfg.Dialect,
		reads:  newPool(cfg.Read, cfg.Readers, cfg.Unprepared),
		writes: newPool(cfg.Write, 1, cfg.Unprepared),
		queue:  make(chan *request, cfg.Queue),
		sizes:  newSizes(),
		totals: newTotals(),
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(s.fault(ctx, err), s.closePools())
	}
	s.committer.Go(s.commitLoop)
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.pruner.Go(func() { s.pruneLoop(life) })
	s.pruner.Go(func() { s.statisticsLoop(life) })
	return s, nil
}

func defaults(cfg *Config) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Readers <= 0 {
		cfg.Readers = 16
	}
	if cfg.Queue <= 0 {
		cfg.Queue = 4096
	}
	if cfg.Group <= 0 {
		cfg.Group = 1024
	}
	if cfg.Waiting <= 0 {
		cfg.Waiting = 1024
	}
	if cfg.QueueBytes <= 0 {
		cfg.QueueBytes = 128 << 20
	}
	if cfg.CursorLife <= 0 {
		cfg.CursorLife = time.Hour
	}
	if cfg.PruneEvery <= 0 {
		cfg.PruneEvery = 5 * time.Minute
	}
	if cfg.SearchTimeout <= 0 {
		cfg.SearchTimeout = 20 * time.Second
	}
	if cfg.Gather <= 0 {
		cfg.Gather = 10_000
	}
	if cfg.CommitTimeout <= 0 {
		cfg.CommitTimeout = 30 * time.Second
	}
	if cfg.ViewTimeout <= 0 {
		cfg.ViewTimeout = 2 * time.Minute
	}
}

// Close waits for running calls, then for the committer, then closes the databases.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	s.closing = true
	s.mu.Unlock()
	s.stop()
	s.pruner.Wait()
	s.calls.Wait()
	close(s.queue)
	s.committer.Wait()
	return s.closePools()
}

func (s *Store) closePools() error {
	err := s.writes.close()
	if other := s.reads.close(); err == nil {
		err = other
	}
	return err
}

// enter counts a call in; leave must follow.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return fhir.Unavailable("the store is closed")
	}
	s.calls.Add(1)
	return nil
}

func (s *Store) leave() { s.calls.Done() }

// View runs fn on a snapshot.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ViewTimeout)
	defer cancel()
	c, err := s.waited(ctx, s.begin)
	if err != nil {
		return s.fault(ctx, err)
	}
	defer s.reads.give(c)
	defer s.end(c)
	return s.fault(ctx, fn(&reader{ctx: ctx, s: s, c: c}))
}

// waited takes a connection; too many that wait for one are refused.
func (s *Store) waited(ctx context.Context, take func(context.Context) (*conn, error)) (*conn, error) {
	defer s.waiting.Add(-1)
	if s.waiting.Add(1) > int64(s.cfg.Waiting) {
		return nil, fhir.Throttled("more calls wait for the store than it can serve; try again later")
	}
	return take(ctx)
}

// Glance runs fn without a transaction: a read is one statement, which sees one moment.
func (s *Store) Glance(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ViewTimeout)
	defer cancel()
	for attempt := 0; ; attempt++ {
		c, err := s.waited(ctx, s.reads.take)
		if err != nil {
			return s.fault(ctx, err)
		}
		r := &reader{ctx: ctx, s: s, c: c}
		err = fn(r)
		c.broken = c.broken || r.failed != nil
		s.reads.give(c)
		if r.failed == nil || s.meaning(r.failed) != FaultBroken || attempt > cap(s.reads.free) {
			return s.fault(ctx, err)
		}
	}
}

// begin takes a connection and begins a snapshot. Connections that the database
// has dropped since they were last used are replaced.
func (s *Store) begin(ctx context.Context) (*conn, error) {
	for attempt := 0; ; attempt++ {
		c, err := s.reads.take(ctx)
		if err != nil {
			return nil, err
		}
		if err = c.control(ctx, s.d.BeginRead()); err == nil {
			return c, nil
		}
		c.broken = true
		s.reads.give(c)
		if s.meaning(err) != FaultBroken || attempt > cap(s.reads.free) {
			return nil, err
		}
	}
}

// end gives up a transaction; what does not even do that is not used again.
func (s *Store) end(c *conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := c.control(ctx, "ROLLBACK"); err != nil {
		c.broken = true
	}
}
