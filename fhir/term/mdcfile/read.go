// Package mdcfile reads the files that an operator has of the IEEE 11073-10101
// nomenclature: exports of RTMMS (the terms as CSV, JSON, XML or HTML, in the columns and
// elements of its several versions), its FHIR CodeSystem, and the table of LOINC codes of
// medical devices that comes with LOINC releases.
//
// Both are licensed, so none is in the program.
package mdcfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"vitalwire/fhir/term"
)

// Bounds on a file.
const (
	mostBytes = 64 << 20
	mostNodes = 2_000_000 // values and objects of JSON and XML
	mostDepth = 32
	mostCell  = 64 << 10 // bytes of one value
	mostRows  = 500_000  // codes; RTMMS has some ten thousand
)

// Skipped counts what a file has beside codes.
type Skipped struct {
	// NoCode are names without a code, as proposed terms have none.
	NoCode int
	// NoName are codes without a name.
	NoName int
}

// ReadFile reads a file. See Read.
func ReadFile(path string) ([]term.Addition, Skipped, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, Skipped{}, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, mostBytes+1))
	if err != nil {
		return nil, Skipped{}, err
	}
	return Read(path, data)
}

// Read reads a file; name is what errors and places call it. What the file is is told by
// how it begins. An error says where and what is wrong: nothing of such a file is used.
func Read(name string, data []byte) ([]term.Addition, Skipped, error) {
	if len(data) > mostBytes {
		return nil, Skipped{}, fmt.Errorf("%s: larger than %d MiB", name, mostBytes>>20)
	}
	data = readable(data)
	r := &reader{name: name}
	var err error
	switch head := bytes.TrimLeft(data, " \t\r\n"); {
	case len(head) == 0:
		err = r.fail(1, "the file is empty")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte{0xD0, 0xCF, 0x11, 0xE0}):
		err = r.fail(1, "this is a workbook or an archive: save its sheet as CSV, or unpack it")
	case head[0] == '[' || head[0] == '{':
		err = r.json(data)
	case isHTML(head):
		err = r.html(data)
	case head[0] == '<':
		err = r.xml(data)
	default:
		err = r.csv(data)
	}
	if err == nil && len(r.rows) == 0 {
		err = r.fail(1, "no codes are here: RTMMS tables have REFID and CF_CODE10, the LOINC table has LOINC_NUM and IEEE_CF_CODE10")
	}
	if err != nil {
		return nil, Skipped{}, err
	}
	return r.rows, r.skipped, nil
}

// readable is the file in UTF-8 without its mark. Some releases of the LOINC table are in
// ISO 8859-1, whose bytes are the first code points.
func readable(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	if utf8.Valid(data) {
		return data
	}
	wide := make([]byte, 0, len(data)+len(data)/8)
	for _, b := range data {
		wide = utf8.AppendRune(wide, rune(b))
	}
	return wide
}

// reader gathers the rows of one file.
type reader struct {
	name    string
	rows    []term.Addition
	skipped Skipped
	nodes   int
}

func (r *reader) at(line int) string { return fmt.Sprintf("%s:%d", r.name, line) }

func (r *reader) fail(line int, format string, args ...any) error {
	return fmt.Errorf("%s: %s", r.at(line), fmt.Sprintf(format, args...))
}

// lines tells lines by offsets that never go back.
type lines struct {
	data         []byte
	offset, line int
}

func (l *lines) at(offset int64) int {
	to := min(max(int(offset), l.offset), len(l.data))
	l.line += bytes.Count(l.data[l.offset:to], []byte("\n"))
	l.offset = to
	return l.line + 1
}
