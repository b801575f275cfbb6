package bench

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// rawCommit is how many versions, with all their index rows, share a raw commit.
const rawCommit = 500

// rawWay is how rows are inserted.
type rawWay struct {
	name string
	// insert gives a statement for so many rows.
	insert func(table string, columns []string, rows int) string
	rows   int  // of one statement
	copies bool // rows are streamed into one statement and it is ended without any
}

// waysOf are the yardsticks of a kind of store.
func waysOf(kind string) []rawWay {
	many := rawWay{"raw INSERT", multiRow, 50, false}
	if kind == "sqlite" {
		return []rawWay{many}
	}
	return []rawWay{many, {"raw COPY", func(table string, columns []string, _ int) string {
		return fmt.Sprintf(`COPY "%s" ("%s") FROM STDIN`, table, strings.Join(columns, `", "`))
	}, 1, true}}
}

func multiRow(table string, columns []string, rows int) string {
	var text strings.Builder
	fmt.Fprintf(&text, `INSERT INTO "%s" ("%s") VALUES `, table, strings.Join(columns, `", "`))
	for i := range rows * len(columns) {
		switch {
		case i == 0:
			text.WriteString("(")
		case i%len(columns) == 0:
			text.WriteString("),(")
		default:
			text.WriteString(",")
		}
		fmt.Fprintf(&text, "$%d", i+1)
	}
	return text.String() + ")"
}

// tableRows are all rows of a table, by commit.
type tableRows struct {
	name    string
	columns []string
	commits [][][]any
}

// rows are what a store holds, cut into commits of rawCommit versions in the
// order in which they were written. Full-text tables are left out, which only
// makes the yardstick longer.
func rowsOf(b testing.TB, kind string, db *sql.DB) []tableRows {
	_, versions := query(b, db, "SELECT pos FROM version ORDER BY pos")
	var ends []int64 // last position of each commit
	for i := rawCommit - 1; i < len(versions)-1; i += rawCommit {
		ends = append(ends, versions[i][0].(int64))
	}
	var list []tableRows
	for _, name := range tablesOf(b, kind, db) {
		t := tableRows{name: name, commits: make([][][]any, len(ends)+1)}
		var all [][]any
		t.columns, all = query(b, db, `SELECT * FROM "`+name+`"`)
		at := slices.Index(t.columns, "pos")
		for _, r := range all {
			n := 0
			if at >= 0 {
				n, _ = slices.BinarySearch(ends, r[at].(int64))
			}
			t.commits[n] = append(t.commits[n], r)
		}
		list = append(list, t)
	}
	return list
}

// insertRaw inserts rows into an empty database of the same schema and gives the
// time that takes.
func insertRaw(b testing.TB, db *sql.DB, way rawWay, tables []tableRows) time.Duration {
	for _, t := range tables {
		if _, err := db.Exec(`DELETE FROM "` + t.name + `"`); err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	for n := range tables[0].commits {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range tables {
			if err := way.put(tx, t, t.commits[n]); err != nil {
				b.Fatalf("%s into %s: %v", way.name, t.name, err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

func (w rawWay) put(tx *sql.Tx, t tableRows, rows [][]any) error {
	for size := w.rows; len(rows) > 0; size = 1 {
		if len(rows) < size {
			continue
		}
		st, err := tx.Prepare(w.insert(t.name, t.columns, size))
		if err != nil {
			return err
		}
		for ; len(rows) >= size; rows = rows[size:] {
			if _, err := st.Exec(slices.Concat(rows[:size]...)...); err != nil {
				return err
			}
		}
		if w.copies {
			if _, err := st.Exec(); err != nil {
				return err
			}
		}
		if err := st.Close(); err != nil { //nolint:sqlclosecheck // its error counts
			return err
		}
	}
	return nil
}

// database opens what a store URL names, as the store does, without the store.
func database(b testing.TB, store string) *sql.DB {
	driver, name := "postgres", store
	if path, ok := strings.CutPrefix(store, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=cache_size(-65536)"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return db
}

func tablesOf(b testing.TB, kind string, db *sql.DB) []string {
	text := "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1"
	if kind == "sqlite" {
		text = `SELECT name FROM sqlite_master t WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT EXISTS (
			SELECT 1 FROM sqlite_master v WHERE v.sql LIKE 'CREATE VIRTUAL%' AND (t.name = v.name OR t.name LIKE v.name || '\_%' ESCAPE '\')) ORDER BY 1`
	}
	_, rows := query(b, db, text)
	var names []string
	for _, r := range rows {
		names = append(names, fmt.Sprintf("%s", r[0]))
	}
	return names
}

// query reads all rows into memory.
func query(b testing.TB, db *sql.DB, text string) (columns []string, all [][]any) {
	rows, err := db.Query(text)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return columns, all
}
