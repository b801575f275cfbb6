// Package sqlite is the embedded store: server/store/relational on one SQLite
// file, by the pure Go port modernc.org/sqlite (docs/adr/0002).
//
// The file is in WAL mode with synchronous=FULL: a commit is on the disk before
// it is answered. Several processes may open one file; their writes take turns.
package sqlite

import (
	"context"
	"database/sql"
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
}

// Open opens the file at path, and makes it when there is none.
func Open(ctx context.Context, path string, o Options) (*relational.Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
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
	return relational.Open(ctx, relational.Config{
		Dialect: dialect{}, Search: o.Search, Write: write, Read: read, Now: o.Now, Readers: o.Readers,
	})
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{"_pragma": append([]string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "temp_store(MEMORY)",
	}, pragmas...)}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}
