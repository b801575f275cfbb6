package mdcfile

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// csv reads a table of values separated by commas, semicolons or tabs (RFC 4180). Its header
// is the first row that has the columns of a table.
func (r *reader) csv(data []byte) error {
	in := csv.NewReader(bytes.NewReader(data))
	in.Comma, in.FieldsPerRecord, in.ReuseRecord, in.LazyQuotes = separator(data), -1, true, false
	t := table{reader: r}
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			return r.fail(wrong.Line, "this is no CSV: %v", wrong.Err)
		}
		if err != nil {
			return err
		}
		line, _ := in.FieldPos(0)
		if err := t.row(line, cells); err != nil {
			return err
		}
	}
}

// separator is what the first line has most of.
func separator(data []byte) rune {
	head, _, _ := bytes.Cut(data, []byte("\n"))
	best := ','
	for _, s := range []rune{';', '\t'} {
		if bytes.Count(head, []byte(string(s))) > bytes.Count(head, []byte(string(best))) {
			best = s
		}
	}
	return best
}

// searched is how many rows may stand before the header.
const searched = 20

// table is a table whose rows come one after another.
type table struct {
	*reader
	columns []string
	before  int
}

func (t *table) row(line int, cells []string) error {
	for _, cell := range cells {
		if len(cell) > mostCell {
			return t.fail(line, "a value of more than %d bytes", mostCell)
		}
	}
	if t.columns == nil {
		names := map[string]bool{}
		list := make([]string, len(cells))
		for i, cell := range cells {
			list[i] = column(cell)
			names[list[i]] = true
		}
		if t.before++; !isTable(names) {
			if t.before > searched {
				return t.fail(line, "the first %d rows are no header: RTMMS tables have REFID and CF_CODE10, the LOINC table has LOINC_NUM and IEEE_CF_CODE10", searched)
			}
			return nil
		}
		t.columns = list
		return nil
	}
	c := record{line: line, values: map[string]string{}}
	for i, cell := range cells {
		if i < len(t.columns) && t.columns[i] != "" && c.values[t.columns[i]] == "" {
			c.values[t.columns[i]] = cell
		}
	}
	return t.take(c)
}

func isHTML(head []byte) bool {
	start := bytes.ToLower(head[:min(len(head), 64)])
	return bytes.HasPrefix(start, []byte("<html")) || bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<table"))
}

// html reads the tables of a page up to the end of the first that has codes: RTMMS writes
// its pages without an end.
func (r *reader) html(data []byte) error {
	in := xml.NewDecoder(bytes.NewReader(data))
	in.Strict, in.AutoClose, in.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	in.CharsetReader = sameText
	where := lines{data: data}
	t := table{reader: r}
	var cells []string
	var cell *strings.Builder
	depth := 0
	for {
		token, err := in.Token()
		line := where.at(in.InputOffset())
		if err != nil {
			return r.fail(line, "the page cannot be read here (a table as CSV is sounder): %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; depth > 4*mostDepth {
				return r.fail(line, "elements nest too deep")
			}
			switch strings.ToLower(token.Name.Local) {
			case "tr":
				cells = cells[:0]
			case "th", "td":
				cell = &strings.Builder{}
			case "br":
				if cell != nil {
					cell.WriteByte(' ')
				}
			}
		case xml.CharData:
			if cell != nil {
				cell.Write(token)
			}
		case xml.EndElement:
			depth--
			switch strings.ToLower(token.Name.Local) {
			case "th", "td":
				if cell != nil {
					cells, cell = append(cells, cell.String()), nil
				}
			case "tr":
				if err := t.row(line, cells); err != nil {
					return err
				}
			case "table", "html":
				if len(r.rows) > 0 || token.Name.Local == "html" {
					return nil
				}
				t = table{reader: r}
			}
		}
	}
}

// sameText is the reader of a declared encoding: the file was made UTF-8 before.
func sameText(_ string, in io.Reader) (io.Reader, error) { return in, nil }
