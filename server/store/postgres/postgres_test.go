package postgres_test

import (
	"context"
	"database/sql"
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
			s, err := postgres.Open(ctx, url, postgres.Options{Now: now, Readers: 8})
			if err != nil {
				return nil, err
			}
			return s, nil
		},
		MakeNewer: func(t testing.TB, url string) {
			db, err := sql.Open("postgres", url)
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
