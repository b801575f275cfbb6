package relational

// Dialect is what differs between the databases.
type Dialect interface {
	// Name is for messages.
	Name() string

	// Migrations are the scripts that make the schema, in order; number n is at
	// index n-1. Both databases have the same numbers, and the same tables after
	// each.
	Migrations() []string
	// LockSchema keeps other starting servers out until the transaction ends;
	// "" where BeginWrite does.
	LockSchema() string

	// BeginRead begins a snapshot, BeginWrite a transaction that writes.
	BeginRead() string
	BeginWrite() string
	// LockHead reads position, nonce, epoch, terms and consents of the head row and keeps other writers
	// out until the transaction ends.
	LockHead() string
	// Switch is the result for the number in the byte of a blob at an index, false when the
	// blob is shorter or there is no result for it. blob is a parameter.
	Switch(blob, index string, results []string) string
	// Sparing reports whether a subquery takes time when a statement begins, asked or not:
	// then fewer are written, and rows are rather looked at once more.
	Sparing() bool
	// Seek joins the row of a table at a position, which a row before it has: for each
	// of those one look at the table's key, whatever the planner knows of the tables.
	Seek(table, as, pos string) string
	// RowsInOrder reports whether the indexes of item give rows of one key in the order
	// of position.
	RowsInOrder() bool
	// Changed is a query for the names of tables that changed much since ANALYZE saw
	// them; "" where no search is planned by statistics.
	Changed() string
	// Size is a query for the bytes that the database takes.
	Size() string

	// Insert gives the statements that insert a batch into a table.
	Insert(table string, batch Batch) []Statement
	// With gives "name(columns) AS (...)" for a WITH clause: the batch as a
	// table. Its parameters come first in the statement. Rows may appear twice.
	With(name string, batch Batch) Statement

	// InsertWords gives the statements that insert full text: columns pos, terms and
	// shard, the terms with blanks between them.
	InsertWords(batch Batch) []Statement
	// WordPosition is the column of ix_words that has the position.
	WordPosition() string
	// WordQuery writes what WordRows takes: any of some terms.
	WordQuery(any []Term) string
	// WordRows is a query for the positions, column pos, of the full text that meets
	// the query in a parameter; only for one position unless that is "". It need not
	// give more rows than most.
	WordRows(query, pos string, most int64) string
	// WordsInOrder reports whether rows of WordRows in the order of the newest
	// position are read one by one, without all of them being found first.
	WordsInOrder() bool

	// Fault tells what a driver's error means.
	Fault(err error) Fault
}

// Statement is SQL with its parameters.
type Statement struct {
	SQL  string
	Args []any
}

// Batch is rows by column; all columns are equally long.
type Batch []Column

// Column is one column of a batch: exactly one of the slices is in use.
type Column struct {
	Name  string
	Ints  []int64
	Texts []string
	Blobs [][]byte
	// Nullable says that none (of Ints) stands for NULL.
	Nullable bool
}

// Len is the number of rows.
func (b Batch) Len() int {
	c := b[0]
	return len(c.Ints) + len(c.Texts) + len(c.Blobs)
}

// Null reports whether a number is NULL.
func (c Column) Null(row int) bool { return c.Nullable && c.Ints[row] == none }

// Value is the value of one row of the column, as a parameter.
func (c Column) Value(row int) any {
	switch {
	case c.Null(row):
		return nil
	case c.Ints != nil:
		return c.Ints[row]
	case c.Texts != nil:
		return c.Texts[row]
	case c.Blobs[row] == nil:
		return nil
	}
	return c.Blobs[row]
}

// Fault is the meaning of a database error.
type Fault uint8

// The faults.
const (
	// FaultOther is ours.
	FaultOther Fault = iota
	// FaultRace: the transaction lost a race and may run again.
	FaultRace
	// FaultBroken: the connection is gone.
	FaultBroken
	// FaultUnavailable: the database is full, shutting down, or cannot be reached.
	FaultUnavailable
	// FaultTimeout: the statement was cancelled.
	FaultTimeout
)
