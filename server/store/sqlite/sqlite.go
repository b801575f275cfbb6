// Package sqlite is the embedded store: server/store/relational on one SQLite
// file, by the pure Go port modernc.org/sqlite (docs/adr/0002).
//
// The file is in WAL mode with synchronous=FULL: a commit is on the disk before
// it is answered. Several processes may open one file; their writes take turns.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"vitalwire/fhir/search"
	"vitalwire/server/store/relational"
)

// Options of a store. The zero value is ready for use.
type Options struct {
	// Search are the search parameters that resources are indexed by; it must be set.
	Search *search.Registry
	// Now is the clock that positions follow; time.Now when nil.
	Now func() time.Time
	// Readers bounds the snapshots open at once; more wait.
	Readers int
	// ViewTimeout bounds one snapshot; relational.Config has the default.
	ViewTimeout time.Duration
	// LogLimit is the size of the write-ahead log, in bytes, from which on it is
	// shortened (default 32 MB).
	LogLimit int64
	// Gather bounds the candidates that a search gathers and sorts, as in relational.Config.
	Gather int64
}

// Open opens the file at path, and makes it when there is none. A file that was
// not closed well is checked first. A damaged one is an error that says what to do.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := checkUnclean(ctx, path); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite", dsn(path, "cache_size(-65536)"))
	if err != nil {
		return nil, err
	}
	read, err := sql.Open("sqlite", dsn(path, "cache_size(-16384)", "query_only(1)"))
	if err != nil {
		return nil, err
	}
	opened, err := relational.Open(ctx, relational.Config{
		Dialect: dialect{}, Search: o.Search, Write: write, Read: read, Now: o.Now, Readers: o.Readers, ViewTimeout: o.ViewTimeout, Gather: o.Gather,
	})
	if err != nil {
		return nil, explain(path, err)
	}
	s := &Store{Store: opened}
	if s.db, err = existing(path, 50*time.Millisecond); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	limit := o.LogLimit
	if limit <= 0 {
		limit = logLimit
	}
	s.keepShort(path, limit)
	return s, nil
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{"_pragma": append([]string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "temp_store(MEMORY)",
	}, pragmas...)}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}
