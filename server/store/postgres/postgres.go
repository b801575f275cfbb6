// Package postgres is the store of a hospital: server/store/relational on
// PostgreSQL 14 or newer by lib/pq. It is the only place that imports that driver.
//
// It needs a database of its own, a user who may create tables in it, and
// nothing else: no extension, no LISTEN, no advisory lock, no trigger.
package postgres

import (
	"context"
	"database/sql"
	"errors"
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
// or of a "key=value" connection string. It may be that of pgbouncer in
// transaction mode: Open finds out, and then relies on no session.
func Open(ctx context.Context, dsn string, o Options) (*relational.Store, error) {
	db, err := connect(dsn, append(settings(), [2]string{marker, "1"}))
	if err != nil {
		return nil, err
	}
	d := dialect{}
	pooled := isPooled(ctx, db)
	if pooled {
		_ = db.Close()
		if db, err = connect(dsn, nil); err != nil {
			return nil, err
		}
		for _, p := range settings() {
			d.begin += "; SET LOCAL " + p[0] + " = " + p[1]
		}
	}
	return relational.Open(ctx, relational.Config{Dialect: d, Search: o.Search, Write: db, Read: db, Unprepared: pooled, Now: o.Now, Readers: o.Readers, Gather: o.Gather})
}

// settings are what the store relies on in every session.
func settings() [][2]string {
	return [][2]string{
		// The SQL of a search says by which index it is answered, row by row, and
		// ends early (docs/adr/0003). A bitmap, hash or merge would read everything
		// first, and compiling such a statement costs more than running it.
		{"enable_bitmapscan", "off"}, {"enable_hashjoin", "off"}, {"enable_mergejoin", "off"}, {"enable_seqscan", "off"},
		{"enable_memoize", "off"}, {"max_parallel_workers_per_gather", "0"}, {"jit", "off"},
		// That way is in the text, not in the values: a statement is planned once.
		{"plan_cache_mode", "force_generic_plan"},
		// Milliseconds. The store itself ends what takes too long, and earlier; these
		// end what a server left behind that is no more.
		{"statement_timeout", "180000"}, {"idle_in_transaction_session_timeout", "180000"},
	}
}

// marker is a setting that PostgreSQL keeps for whoever connects, and a pooler
// does not pass on.
const marker = "vitalwire.direct"

// isPooled says whether the sessions are a pooler's: it refuses settings when
// connecting, or drops them. Of a database that does not answer it says no.
func isPooled(ctx context.Context, db *sql.DB) bool {
	var direct sql.NullString
	err := db.QueryRowContext(ctx, "SELECT current_setting('"+marker+"', true)").Scan(&direct)
	var refused *pq.Error
	if errors.As(err, &refused) {
		return refused.Code == "08P01" && strings.Contains(refused.Message, "startup parameter")
	}
	return err == nil && direct.String != "1"
}

// connect gives a pool of connections that begin with these settings.
func connect(dsn string, with [][2]string) (*sql.DB, error) {
	// bytea goes over the wire as it is, and a query takes one round trip.
	dsn, err := withParameters(dsn, append(with, [2]string{"binary_parameters", "yes"}))
	if err != nil {
		return nil, err
	}
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("postgres: the connection string cannot be read: %w", err)
	}
	return sql.OpenDB(connector), nil
}

func withParameters(dsn string, with [][2]string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		for _, p := range with {
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
	for _, p := range with {
		q.Set(p[0], p[1])
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}
