package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
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
			s, err := sqlite.Open(ctx, path, sqlite.Options{Now: now})
			if err != nil {
				return nil, err
			}
			return s, nil
		},
		MakeNewer: func(t testing.TB, path string) {
			db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Dir(path))+"/a%20b%3F%23%25.db")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			if _, err := db.Exec("INSERT INTO migration (number, applied) VALUES (1000, 0)"); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestContract(t *testing.T) { storetest.Run(t, backend()) }
