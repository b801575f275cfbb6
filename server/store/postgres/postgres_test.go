package postgres_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"vitalwire/server/store"
	"vitalwire/server/store/postgres"
	"vitalwire/server/store/postgres/pgtest"
	"vitalwire/server/store/storetest"
)

func backend() storetest.Backend {
	return storetest.Backend{
		New: pgtest.Start,
		Open: func(ctx context.Context, url string, now func() time.Time) (store.Store, error) {
			s, err := postgres.Open(ctx, url, postgres.Options{Search: storetest.Parameters(), Now: now, Readers: 8})
			if err != nil {
				return nil, err
			}
			return s, nil
		},
		Exec: func(t testing.TB, url, sql string) {
			if _, err := raw(t, url).Exec(sql); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestContract(t *testing.T) { storetest.Run(t, backend()) }

// raw opens the database without the store.
func raw(t testing.TB, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func BenchmarkApply(b *testing.B) {
	storetest.BenchApply(b, backend(), storetest.Raw{
		Open: raw,
		Insert: func(tx *sql.Tx, table string, columns []string, rows [][]any) error {
			stmt, err := tx.Prepare("COPY " + table + " (" + strings.Join(columns, ", ") + ") FROM STDIN")
			if err != nil {
				return err
			}
			for _, row := range rows {
				if _, err := stmt.Exec(row...); err != nil {
					return err
				}
			}
			if _, err := stmt.Exec(); err != nil {
				return err
			}
			return stmt.Close() //nolint:sqlclosecheck // COPY ends with Close, whose error counts
		},
	})
}
