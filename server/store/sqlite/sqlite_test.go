package sqlite_test

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vitalwire/server/store"
	"vitalwire/server/store/sqlite"
	"vitalwire/server/store/storetest"
)

func backend() storetest.Backend {
	return storetest.Backend{
		New: func(t testing.TB) string { return filepath.Join(t.TempDir(), "a b?#%.db") },
		Open: func(ctx context.Context, path string, now func() time.Time) (store.Store, error) {
			s, err := sqlite.Open(ctx, path, sqlite.Options{Search: storetest.Parameters(), Now: now})
			if err != nil {
				return nil, err
			}
			return s, nil
		},
		Exec: func(t testing.TB, path, sql string) {
			if _, err := raw(t, path).Exec(sql); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestContract(t *testing.T) { storetest.Run(t, backend()) }

// raw opens the file as the store does, without the store.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	u := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-65536)&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", u.String())
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
			marks := strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")
			stmt, err := tx.Prepare("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + marks + ")")
			if err != nil {
				return err
			}
			defer func() { _ = stmt.Close() }()
			for _, row := range rows {
				if _, err := stmt.Exec(row...); err != nil {
					return err
				}
			}
			return nil
		},
	})
}
