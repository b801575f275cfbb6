package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"vitalwire/fhir"
	"vitalwire/server/store"
	"vitalwire/server/store/sqlite"
	"vitalwire/server/store/storetest"
)

// No table keeps a row of a version that was expunged.
func TestExpunge_LeavesNoRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Search: storetest.Parameters()})
	if err != nil {
		t.Fatal(err)
	}
	observation, err := fhir.ParseResource([]byte(`{"resourceType":"Observation","id":"o","meta":{"profile":["http://x/p"],"tag":[{"code":"t"}]},"identifier":[{"system":"urn:i","value":"1"}],"status":"final",
		"code":{"text":"x","coding":[{"code":"a"},{"code":"b"}]},"subject":{"reference":"Patient/p"},"performer":[{"reference":"Practitioner/q"}],"effectivePeriod":{"start":"2024"},
		"valueQuantity":{"value":1.5,"system":"http://unitsofmeasure.org","code":"kg"},"component":[{"code":{"coding":[{"code":"c"}]},"valueString":"text"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	immunization, err := fhir.ParseResource([]byte(`{"resourceType":"Immunization","id":"i","occurrenceDateTime":"2024","reaction":[{"date":"2025"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var made []store.Version
	for _, r := range []*fhir.Resource{observation, observation, immunization, observation} {
		out := s.Apply(t.Context(), store.Unit{Writes: []store.Write{{Op: store.Put, Key: r.Key(), Body: r.JSON(), Resource: r}}})[0]
		if out.Err != nil {
			t.Fatal(out.Err)
		}
		made = append(made, out.Versions...)
	}
	rows := func() (n map[string]int) {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		n = map[string]int{}
		for _, table := range []string{"version", "item", "item_past", "item_code", "ix", "ix_range", "ix_string", "ix_quantity"} {
			var count int
			if err := db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT count(*) FROM %s", table)).Scan(&count); err != nil {
				t.Fatal(err)
			}
			n[table] = count
		}
		return n
	}
	for table, n := range rows() {
		if n == 0 {
			t.Errorf("%s has no row to lose", table)
		}
	}
	if err := s.Update(context.Background(), func(tx store.Tx) error { return tx.Expunge(made) }); err != nil {
		t.Fatal(err)
	}
	for table, n := range rows() {
		if n != 0 {
			t.Errorf("%s keeps %d rows", table, n)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
