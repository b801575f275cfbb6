// Package postgres is the store of a hospital: server/store/relational on
// PostgreSQL 14 or newer by lib/pq. It is the only place that imports that driver.
//
// It needs a database of its own, a user who may create tables in it, and
// nothing else: no extension, no LISTEN, no advisory lock, no trigger.
package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/lib/pq"

	"vitalwire/fhir/search"
	"vitalwire/server/store/relational"
)

// Options of a store. The zero value is ready for use.
type Options struct {
	// Search are the search parameters that resources are indexed by; it must be set.
	Search *search.Registry
	// Now is the clock that positions follow; time.Now when nil.
	Now func() time.Time
	// Readers bounds the snapshots, and so the connections, open at once; more wait.
	Readers int
	// Gather bounds the candidates that a search gathers and sorts, as in relational.Config.
	Gather int64
}

// Open opens the database of a URL such as postgres://user@host/name?sslmode=disable,
// or of a "key=value" connection string.
func Open(ctx context.Context, dsn string, o Options) (*relational.Store, error) {
	dsn, err := withParameters(dsn)
	if err != nil {
		return nil, err
	}
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("postgres: the connection string cannot be read: %w", err)
	}
	db := sql.OpenDB(connector)
	return relational.Open(ctx, relational.Config{Dialect: dialect{}, Search: o.Search, Write: db, Read: db, Now: o.Now, Readers: o.Readers, Gather: o.Gather})
}

// parameters are what the store relies on in every session.
func parameters() [][2]string {
	return [][2]string{
		// bytea goes over the wire as it is, and a query takes one round trip.
		{"binary_parameters", "yes"},
		// The SQL of a search says by which index it is answered, row by row, and
		// ends early (docs/adr/0003). A bitmap, hash or merge would read everything
		// first, and compiling such a statement costs more than running it.
		{"enable_bitmapscan", "off"}, {"enable_hashjoin", "off"}, {"enable_mergejoin", "off"}, {"enable_seqscan", "off"},
		{"max_parallel_workers_per_gather", "0"}, {"jit", "off"},
	}
}

func withParameters(dsn string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		for _, p := range parameters() {
			dsn += " " + p[0] + "=" + p[1]
		}
		return dsn, nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		// The URL may hold a password: say nothing of it.
		return "", fmt.Errorf("postgres: the connection URL cannot be read")
	}
	q := u.Query()
	for _, p := range parameters() {
		q.Set(p[0], p[1])
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}
