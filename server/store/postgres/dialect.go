package postgres

import (
	_ "embed" // the migrations
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/lib/pq"

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

// dialect is PostgreSQL's. Writers take turns by the lock of the head row, taken
// first; after it read committed sees everything that was ever committed.
type dialect struct {
	// begin is run with every BEGIN: what is not set for the whole session.
	begin string
}

func (dialect) Name() string { return "PostgreSQL" }
func (dialect) Migrations() []string {
	return []string{migration1, migration2, migration3, migration4, migration5, migration6, migration7, migration8, migration9, migration10, migration11, migration12, migration13}
}

// LockSchema also takes the bounds off: to build an index of a large table takes
// as long as it takes.
func (dialect) LockSchema() string {
	return "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE migration IN ACCESS EXCLUSIVE MODE"
}

func (d dialect) BeginRead() string {
	return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" + d.begin
}
func (d dialect) BeginWrite() string {
	return "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE" + d.begin
}
func (dialect) Size() string { return "SELECT pg_database_size(current_database())" }

func (dialect) LockHead() string {
	return "SELECT position, nonce, epoch, terms, consents FROM head WHERE one = 1 FOR UPDATE"
}

// Seek: OFFSET 0 keeps the planner from joining in another order. Without statistics,
// as after an import, it would read a whole table in the order of the answer.
func (dialect) Seek(table, as, pos string) string {
	return fmt.Sprintf(" CROSS JOIN LATERAL (SELECT * FROM %s %s WHERE %s.pos = %s OFFSET 0) %s", table, as, as, pos, as)
}

// RowsInOrder: the most frequent keys stand there once, with a list of rows.
func (dialect) RowsInOrder() bool { return false }

// Changed: the full text is planned by its function, whatever it holds.
func (dialect) Changed() string {
	return `SELECT quote_ident(s.schemaname) || '.' || s.relname FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
		WHERE s.relname IN ('item', 'item_code', 'item_past', 'ix', 'ix_range', 'ix_string', 'ix_quantity', 'ix_place', 'version')
		AND s.relid = to_regclass(s.relname) AND s.n_mod_since_analyze > 1000 + greatest(c.reltuples, 0) / 2 ORDER BY s.relname`
}

// Insert gives one statement with an array for each column.
func (dialect) Insert(table string, batch relational.Batch) []relational.Statement {
	names, arrays, args := columns(batch)
	return []relational.Statement{{
		SQL:  fmt.Sprintf("INSERT INTO %s (%s) SELECT * FROM unnest(%s)", table, names, arrays),
		Args: args,
	}}
}

// InsertWords inserts the terms as they are: a tsvector is made of them in the index.
func (d dialect) InsertWords(batch relational.Batch) []relational.Statement {
	return d.Insert("ix_words", batch)
}

func (dialect) WordPosition() string { return "pos" }

// WordQuery is a tsquery.
func (dialect) WordQuery(terms []relational.Term) string {
	list := make([]string, len(terms))
	for i, t := range terms {
		list[i] = "'" + t.Text + "'"
		if t.Prefix {
			list[i] += ":*"
		}
	}
	return strings.Join(list, " | ")
}

// WordRows asks by a function, whose settings allow what that index needs.
func (dialect) WordRows(query, pos string, most int64) string {
	if pos != "" {
		return "SELECT f.pos FROM ix_words f WHERE f.pos = " + pos + " AND CAST(f.terms AS tsvector) @@ CAST(" + query + " AS tsquery)"
	}
	return fmt.Sprintf("SELECT f.pos FROM ix_words_having(CAST(%s AS tsquery), %d) f (pos)", query, most)
}

func (dialect) WordsInOrder() bool { return false }

// With gives the rows from arrays.
func (dialect) With(name string, batch relational.Batch) relational.Statement {
	names, arrays, args := columns(batch)
	return relational.Statement{
		SQL:  fmt.Sprintf("%s (%s) AS (SELECT * FROM unnest(%s))", name, names, arrays),
		Args: args,
	}
}

func columns(batch relational.Batch) (names, arrays string, args []any) {
	n, a := make([]string, len(batch)), make([]string, len(batch))
	for i, column := range batch {
		n[i] = column.Name
		switch {
		case column.Ints != nil:
			a[i], args = fmt.Sprintf("$%d::bigint[]", i+1), append(args, intArray(column))
		case column.Texts != nil:
			a[i], args = fmt.Sprintf("$%d::text[]", i+1), append(args, textArray(column.Texts))
		default:
			a[i], args = fmt.Sprintf("$%d::bytea[]", i+1), append(args, byteaArray(column.Blobs))
		}
	}
	return strings.Join(n, ", "), strings.Join(a, ", "), args
}

// Fault reads the SQLSTATE (PostgreSQL appendix A).
func (dialect) Fault(err error) relational.Fault {
	var e *pq.Error
	if errors.As(err, &e) {
		return stateFault(e)
	}
	var network *net.OpError
	switch {
	case errors.As(err, &network) && network.Op == "dial":
		return relational.FaultUnavailable
	case network != nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return relational.FaultBroken
	}
	return relational.FaultOther
}

func stateFault(e *pq.Error) relational.Fault {
	switch e.Code {
	case "40001", "40P01": // serialization failure, deadlock
		return relational.FaultRace
	case "57014": // query cancelled
		return relational.FaultTimeout
	case "57P01", "57P02", "57P03": // shutting down, crashed, starting
		return relational.FaultBroken
	case "42P07": // duplicate table: another server is migrating
		return relational.FaultRace
	case "23505":
		if strings.HasPrefix(e.Constraint, "pg_") { // the same, seen in the catalogue
			return relational.FaultRace
		}
	case "25006": // read only: a standby
		return relational.FaultUnavailable
	}
	switch e.Code.Class() {
	case "08": // connection
		return relational.FaultBroken
	case "53", "58": // resources, system
		return relational.FaultUnavailable
	}
	return relational.FaultOther
}

// Sparing: a plan is made ready whole, each subquery with its tables and indexes.
func (dialect) Sparing() bool { return true }

// Switch: get_byte beyond the end is an error. OFFSET keeps the index from being put in
// twice, and looked up twice.
func (dialect) Switch(blob, index string, results []string) string {
	text := "CASE (SELECT CASE WHEN n.n < length(CAST(" + blob + " AS bytea)) THEN get_byte(CAST(" + blob + " AS bytea), CAST(n.n AS integer)) END FROM (SELECT " + index + " AS n OFFSET 0) n)"
	for i, result := range results {
		text += fmt.Sprintf(" WHEN %d THEN %s", i, result)
	}
	return "(" + text + " ELSE false END)"
}
