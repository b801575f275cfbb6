package template

import (
	"strings"
	"unicode/utf8"

	"vitalwire/adapters/template/query"
	"vitalwire/fhir"
)

// csvForm is how a CSV file is written (RFC 4180, and what programs make of it).
type csvForm struct {
	delimiter byte
	// columns are their names; nil takes them from the first line.
	columns []string
	// above is how many lines stand above the header.
	above int
}

// rows finds the lines of what readCSV makes.
var rows, _ = query.Compile(query.JSONPath, "$.rows[*]")

// mostColumns bounds a line.
const mostColumns = 1000

// readCSV makes {"rows": [{column: text}]}; an empty cell is absent, a blank line
// none. Cells are texts without blanks around them.
func readCSV(frame []byte, form csvForm) (*fhir.Element, error) {
	if !utf8.Valid(frame) {
		return nil, refusedAt(0, "the frame is not UTF-8")
	}
	r := csvReader{text: strings.TrimPrefix(string(frame), "\uFEFF"), form: form}
	r.base = len(frame) - len(r.text)
	for range form.above {
		_, rest, _ := strings.Cut(r.text[r.pos:], "\n")
		r.pos = len(r.text) - len(rest)
	}
	columns := form.columns
	var lines []*fhir.Element
	var cells []string
	for r.pos < len(r.text) {
		begin := r.pos
		var err error
		if cells, err = r.line(cells[:0]); err != nil {
			return nil, err
		}
		if len(cells) == 1 && cells[0] == "" {
			continue
		}
		if columns == nil {
			columns = append([]string(nil), cells...)
			if again := twice(columns); again != "" {
				return nil, refusedAt(r.base+begin, "two columns have one name")
			}
			continue
		}
		if len(cells) > len(columns) {
			return nil, refusedAt(r.base+begin, "the line has more cells than there are columns")
		}
		var members []fhir.Member
		filled := 0
		for _, cell := range cells {
			if cell != "" {
				filled++
			}
		}
		members = make([]fhir.Member, 0, filled)
		for i, cell := range cells {
			if cell != "" {
				members = append(members, fhir.S(columns[i], cell))
			}
		}
		lines = append(lines, fhir.NewObject(members...))
	}
	return fhir.NewObject(fhir.M("rows", fhir.NewArray(lines...))), nil
}

func twice(names []string) string {
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] && name != "" {
			return name
		}
		seen[name] = true
	}
	return ""
}

type csvReader struct {
	text string
	base int
	pos  int
	form csvForm
}

// line reads the cells of one line; a quoted cell may go over several.
func (r *csvReader) line(cells []string) ([]string, error) {
	for {
		cell, err := r.cell()
		if err != nil {
			return nil, err
		}
		if cells = append(cells, cell); len(cells) > mostColumns {
			return nil, refusedAt(r.base+r.pos, "a line has %d cells at most", mostColumns)
		}
		switch {
		case r.pos >= len(r.text):
			return cells, nil
		case r.text[r.pos] == r.form.delimiter:
			r.pos++
		default:
			if strings.HasPrefix(r.text[r.pos:], "\r\n") {
				r.pos++
			}
			r.pos++
			return cells, nil
		}
	}
}

// cell reads up to the delimiter or the end of the line, which it leaves.
func (r *csvReader) cell() (string, error) {
	rest := r.text[r.pos:]
	if !strings.HasPrefix(rest, `"`) {
		end := strings.IndexFunc(rest, func(c rune) bool { return c == rune(r.form.delimiter) || c == '\n' || c == '\r' })
		if end < 0 {
			end = len(rest)
		}
		r.pos += end
		return strings.TrimSpace(rest[:end]), nil
	}
	begin := r.pos
	r.pos++
	var whole strings.Builder
	for {
		end := strings.IndexByte(r.text[r.pos:], '"')
		if end < 0 {
			return "", refusedAt(r.base+begin, "the quote is not closed")
		}
		piece := r.text[r.pos : r.pos+end]
		r.pos += end + 1
		if !strings.HasPrefix(r.text[r.pos:], `"`) {
			if whole.Len() > 0 {
				whole.WriteString(piece)
				piece = whole.String()
			}
			if r.pos < len(r.text) && !strings.ContainsRune("\r\n", rune(r.text[r.pos])) && r.text[r.pos] != r.form.delimiter {
				return "", refusedAt(r.base+r.pos, "a quoted cell goes on behind its quote")
			}
			return strings.TrimSpace(piece), nil
		}
		whole.WriteString(piece)
		whole.WriteByte('"')
		r.pos++
	}
}
