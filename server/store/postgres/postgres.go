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

	"vitalwire/server/store/relational"
)

// Options of a store. The zero value is ready for use.
type Options struct {
	// Now is the clock that positions follow; time.Now when nil.
	Now func() time.Time
	// Readers bounds the snapshots, and so the connections, open at once; more wait.
	Readers int
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
	return relational.Open(ctx, relational.Config{Dialect: dialect{}, Write: db, Read: db, Now: o.Now, Readers: o.Readers})
}

// withParameters adds what the store relies on: bytea goes over the wire as it
// is, and a query with parameters takes one round trip.
func withParameters(dsn string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " binary_parameters=yes", nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		// The URL may hold a password: say nothing of it.
		return "", fmt.Errorf("postgres: the connection URL cannot be read")
	}
	q := u.Query()
	q.Set("binary_parameters", "yes")
	u.RawQuery = q.Encode()
	return u.String(), nil
}
