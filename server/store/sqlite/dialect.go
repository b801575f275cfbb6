package sqlite

import (
	_ "embed" // the migrations
	"errors"
	"fmt"
	"strings"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"vitalwire/server/store/relational"
)

//go:embed migrations/0001.sql
var migration1 string

//go:embed migrations/0002.sql
var migration2 string

//go:embed migrations/0003.sql
var migration3 string

//go:embed migrations/0004.sql
var migration4 string

//go:embed migrations/0005.sql
var migration5 string

//go:embed migrations/0006.sql
var migration6 string

//go:embed migrations/0007.sql
var migration7 string

//go:embed migrations/0008.sql
var migration8 string

//go:embed migrations/0009.sql
var migration9 string

//go:embed migrations/0010.sql
var migration10 string

//go:embed migrations/0011.sql
var migration11 string

//go:embed migrations/0012.sql
var migration12 string

//go:embed migrations/0013.sql
var migration13 string

// dialect is SQLite's. BEGIN IMMEDIATE takes the only write lock, so the head
// needs no lock of its own.
type dialect struct{}

func (dialect) Name() string { return "SQLite" }
func (dialect) Migrations() []string {
	return []string{migration1, migration2, migration3, migration4, migration5, migration6, migration7, migration8, migration9, migration10, migration11, migration12, migration13}
}
func (dialect) LockSchema() string { return "" }
func (dialect) BeginRead() string  { return "BEGIN DEFERRED" }
func (dialect) BeginWrite() string { return "BEGIN IMMEDIATE" }
func (dialect) LockHead() string {
	return "SELECT position, nonce, epoch, terms, consents FROM head WHERE one = 1"
}
func (dialect) Size() string {
	return "SELECT c.page_count * s.page_size FROM pragma_page_count() c, pragma_page_size() s"
}

// Seek: a CROSS JOIN is done in the order it is written in.
func (dialect) Seek(table, as, pos string) string {
	return " CROSS JOIN " + table + " " + as + " ON " + as + ".pos = " + pos
}

// RowsInOrder: every index ends in the rowid.
func (dialect) RowsInOrder() bool { return true }

// Changed: without statistics SQLite plans by the schema alone, always the same.
func (dialect) Changed() string { return "" }

// sizes are the rows of an insert: few different texts, so each is prepared once.
var sizes = [...]int{64, 8, 1}

// Insert gives multi-row VALUES.
func (dialect) Insert(table string, batch relational.Batch) []relational.Statement {
	var list []relational.Statement
	names := make([]string, len(batch))
	for i, column := range batch {
		names[i] = column.Name
	}
	head := "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") "
	row := 0
	for _, size := range sizes {
		text := ""
		for ; batch.Len()-row >= size; row += size {
			if text == "" {
				text = head + values(size, len(batch))
			}
			list = append(list, relational.Statement{SQL: text, Args: rows(batch, row, size)})
		}
	}
	return list
}

// InsertWords inserts into the FTS5 table, whose rowid is the position.
func (d dialect) InsertWords(batch relational.Batch) []relational.Statement {
	return d.Insert("ix_words", relational.Batch{{Name: "rowid", Ints: batch[0].Ints}, {Name: "terms", Texts: batch[1].Texts}})
}

func (dialect) WordPosition() string { return "rowid" }

// WordQuery is in the language of FTS5 MATCH.
func (dialect) WordQuery(terms []relational.Term) string {
	list := make([]string, len(terms))
	for i, t := range terms {
		list[i] = `"` + t.Text + `"`
		if t.Prefix {
			list[i] += " *"
		}
	}
	return strings.Join(list, " OR ")
}

func (dialect) WordRows(query, pos string, _ int64) string {
	text := "SELECT rowid AS pos FROM ix_words WHERE ix_words MATCH " + query
	if pos != "" {
		text += " AND rowid = " + pos
	}
	return text
}

func (dialect) WordsInOrder() bool { return true }

// With gives the rows as VALUES, the last one repeated up to a power of two:
// few different texts again.
func (dialect) With(name string, batch relational.Batch) relational.Statement {
	names := make([]string, len(batch))
	for i, column := range batch {
		names[i] = column.Name
	}
	n := batch.Len()
	size := 1
	for size < n {
		size *= 2
	}
	args := rows(batch, 0, n)
	for last := args[len(args)-len(batch):]; n < size; n++ {
		args = append(args, last...)
	}
	return relational.Statement{
		SQL:  fmt.Sprintf("%s (%s) AS (%s)", name, strings.Join(names, ", "), values(size, len(batch))),
		Args: args,
	}
}

// values writes places without a number: SQLite takes a numbered one for a name,
// and the driver looks each up among all.
func values(rows, columns int) string {
	var b strings.Builder
	b.WriteString("VALUES ")
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("?")
	}
	b.WriteString(")")
	return b.String()
}

func rows(batch relational.Batch, from, n int) []any {
	args := make([]any, 0, n*len(batch))
	for row := from; row < from+n; row++ {
		for _, column := range batch {
			args = append(args, column.Value(row))
		}
	}
	return args
}

// Fault reads the primary result code.
func (dialect) Fault(err error) relational.Fault {
	var e *driver.Error
	if !errors.As(err, &e) {
		return relational.FaultOther
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return relational.FaultRace
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY, lib.SQLITE_NOMEM:
		return relational.FaultUnavailable
	case lib.SQLITE_INTERRUPT:
		return relational.FaultTimeout
	}
	return relational.FaultOther
}

// Sparing: what is not run costs nothing.
func (dialect) Sparing() bool { return false }

// Switch: substr is empty beyond the end.
func (dialect) Switch(blob, index string, results []string) string {
	text := "CASE substr(" + blob + ", (" + index + ") + 1, 1)"
	for i, result := range results {
		text += fmt.Sprintf(" WHEN x'%02x' THEN %s", i, result)
	}
	return "(" + text + " ELSE false END)"
}
