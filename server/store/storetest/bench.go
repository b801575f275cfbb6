package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"vitalwire/server/store"
)

// benchObservation is a heart rate as a device sends it: 1 KB, thirteen index rows.
func benchObservation(n int) store.Write {
	w := put(resource(`{'resourceType':'Observation','id':'bench-%d','identifier':[{'system':'urn:vitalwire:reading','value':'device-%d/%d'}],'status':'final',`+
		`'category':[{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/observation-category','code':'vital-signs','display':'Vital Signs'}]}],`+
		`'code':{'coding':[{'system':'http://loinc.org','code':'%d-4','display':'Heart rate'},{'system':'urn:iso:std:iso:11073:10101','code':'%d'}]},`+
		`'subject':{'reference':'Patient/p%d'},'device':{'reference':'Device/d%d'},'effectiveDateTime':'%s',`+
		`'valueQuantity':{'value':%d.50,'unit':'beats/minute','system':'http://unitsofmeasure.org','code':'/min'},`+
		`'note':[{'text':'measured at rest by the bedside monitor'}]}`,
		n, n%200, n, 8867+n%10, 147842+n%10, n*7919%1000, n%200,
		time.Unix(1_700_000_000+int64(n)*7, 0).UTC().Format(time.RFC3339), 60+n%40))
	w.Op = store.Create
	system := "urn:vitalwire:reading"
	w.Unless = &store.Identifier{System: &system, Value: fmt.Sprintf("device-%d/%d", n%200, n)}
	return w
}

// benchGroup is how many writes share a commit in both halves of the benchmark.
const benchGroup = 500

// Raw is the database under a store, for the yardstick.
type Raw struct {
	// Open opens it without the store.
	Open func(b testing.TB, database string) *sql.DB
	// Insert inserts rows in the fastest way its driver knows.
	Insert func(tx *sql.Tx, table string, columns []string, rows [][]any) error
}

// BenchApply measures Apply beside its limit: the same rows into the same tables
// of another database, as many in a transaction, with nothing asked and nothing
// checked. It reports the ratio; 1 would be a free store.
func BenchApply(b *testing.B, backend Backend, raw Raw) {
	ctx := context.Background()
	applied, copied := backend.New(b), backend.New(b)
	s := open(b, backend, applied)
	other, err := backend.Open(ctx, copied, nil) // makes the same tables
	if err != nil {
		b.Fatal(err)
	}
	if err := other.Close(); err != nil {
		b.Fatal(err)
	}
	from, to := raw.Open(b, applied), raw.Open(b, copied)

	var spent, yardstick time.Duration
	n := 0
	for b.Loop() {
		units := make([]store.Unit, benchGroup)
		for i := range units {
			units[i] = unit(benchObservation(n))
			n++
		}
		start := time.Now()
		outcomes := s.Apply(ctx, units...)
		spent += time.Since(start)
		for _, out := range outcomes {
			if out.Err != nil {
				b.Fatal(out.Err)
			}
		}
		tables := readBack(b, from, outcomes[0].Versions[0].Position)
		start = time.Now()
		insertAll(b, to, raw, tables)
		yardstick += time.Since(start)
	}
	b.ReportMetric(float64(n)/spent.Seconds(), "writes/s")
	b.ReportMetric(float64(n)/yardstick.Seconds(), "raw/s")
	b.ReportMetric(yardstick.Seconds()/spent.Seconds(), "of-raw")
	b.ReportMetric(0, "ns/op")
}

// tableRows are rows of one table.
type tableRows struct {
	table   string
	columns []string
	rows    [][]any
}

// readBack reads every row that belongs to positions from first on.
func readBack(b *testing.B, db *sql.DB, first int64) []tableRows {
	var list []tableRows
	for _, query := range []string{
		"SELECT * FROM version WHERE pos >= $1 ORDER BY pos",
		"SELECT * FROM item WHERE pos >= $1 ORDER BY pos",
		"SELECT * FROM item_code WHERE pos >= $1 ORDER BY pos",
		"SELECT * FROM ix WHERE pos >= $1 ORDER BY key, pos",
		"SELECT * FROM ix_range WHERE pos >= $1 ORDER BY key, pos",
		"SELECT * FROM ix_string WHERE pos >= $1 ORDER BY key, pos",
		"SELECT * FROM ix_quantity WHERE pos >= $1 ORDER BY key, pos",
	} {
		rows, err := db.Query(query, first) //nolint:sqlclosecheck // closed below, before the next query
		if err != nil {
			b.Fatal(err)
		}
		var t tableRows
		if _, err := fmt.Sscanf(query, "SELECT * FROM %s", &t.table); err != nil {
			b.Fatal(err)
		}
		if t.columns, err = rows.Columns(); err != nil {
			b.Fatal(err)
		}
		for rows.Next() {
			row, into := make([]any, len(t.columns)), make([]any, len(t.columns))
			for i := range row {
				into[i] = &row[i]
			}
			if err := rows.Scan(into...); err != nil {
				b.Fatal(err)
			}
			t.rows = append(t.rows, row)
		}
		if err := rows.Err(); err != nil {
			b.Fatal(err)
		}
		if len(t.rows) > 0 {
			list = append(list, t)
		}
	}
	return list
}

func insertAll(b *testing.B, db *sql.DB, raw Raw, tables []tableRows) {
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range tables {
		if err := raw.Insert(tx, t.table, t.columns, t.rows); err != nil {
			b.Fatalf("%s: %v", t.table, err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}
