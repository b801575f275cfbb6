package records

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// preamble is how many lines may stand before the header.
	preamble = 20
	// maxColumns is the most of one row.
	maxColumns = 256
)

// Table is a file of comma-separated values (RFC 4180; a semicolon or a tab may stand
// for the comma). Columns are found by name: their order varies with the language.
type Table struct {
	// Preamble are the rows before the header.
	Preamble [][]string
	names    []string // lower case
	reader   *csv.Reader
	at       int
}

// ReadTable finds the header, which is the first row that isHeader says is one; it is
// given the names in lower case, and may write over them what they mean (Translate). It
// fails when there is none.
func ReadTable(data []byte, isHeader func(names []string) bool) (*Table, error) {
	text := narrow(data)
	if !utf8.Valid(text) {
		return nil, Refuse(0, "it is neither UTF-8 nor UTF-16 with a byte order mark")
	}
	skipped := 0
	if bytes.HasPrefix(data, []byte(byteOrderMark)) {
		skipped = len(byteOrderMark)
	}
	for _, comma := range ",;\t" {
		t := &Table{reader: csv.NewReader(bytes.NewReader(text)), at: skipped}
		t.reader.Comma, t.reader.FieldsPerRecord, t.reader.LazyQuotes = comma, -1, true
		for range preamble {
			row, err := t.reader.Read()
			if err != nil {
				break
			}
			names := make([]string, len(row))
			for i, name := range row {
				names[i] = strings.ToLower(strings.Join(strings.Fields(name), " "))
			}
			if isHeader(names) {
				if len(names) > maxColumns {
					return nil, Refuse(0, "more than %d columns", maxColumns)
				}
				for i, name := range names {
					if name != "" && slices.Index(names, name) != i {
						return nil, Refuse(0, "column %q stands twice", Clip(name, 40))
					}
				}
				t.names = names
				return t, nil
			}
			t.Preamble = append(t.Preamble, row)
		}
	}
	return nil, Refuse(0, "no header row was found in it")
}

// Column finds the first column of which name (in lower case) begins with prefix.
func (t *Table) Column(prefix string) (name string, ok bool) {
	for _, name := range t.names {
		if strings.HasPrefix(name, prefix) {
			return name, true
		}
	}
	return "", false
}

// Word is how the name of a column begins in a language, in lower case, and what stands
// for that in English.
type Word struct{ Foreign, English string }

// Translate writes what names mean in English over them, by the first of the words that
// each begins with. What follows the word, such as a unit, stays.
func Translate(names []string, words []Word) {
	for i, name := range names {
		for _, word := range words {
			if rest, ok := strings.CutPrefix(name, word.Foreign); ok {
				names[i] = word.English + rest
				break
			}
		}
	}
}

// Row is one row of a Table.
type Row struct {
	table  *Table
	fields []string
	// At is the offset of the row in the file.
	At int
}

// Next gives the next row; ok is false at the end. A row that is no CSV is given
// without fields.
func (t *Table) Next() (row Row, ok bool) {
	row = Row{table: t, At: t.at + int(t.reader.InputOffset())}
	fields, err := t.reader.Read()
	switch {
	case errors.Is(err, io.EOF):
		return Row{}, false
	case err == nil && len(fields) <= maxColumns:
		row.fields = fields
	}
	return row, true
}

// Get is a field by its column's name in lower case, without blanks around it; "" where
// there is none.
func (r Row) Get(name string) string {
	for i, n := range r.table.names {
		if n == name && i < len(r.fields) {
			return strings.TrimSpace(r.fields[i])
		}
	}
	return ""
}

// Empty reports whether no field of the row holds anything.
func (r Row) Empty() bool {
	return !slices.ContainsFunc(r.fields, func(f string) bool { return strings.TrimSpace(f) != "" })
}
