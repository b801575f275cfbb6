package records

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

const (
	// partSize is about how long a part of a file is, in bytes.
	partSize = 128 << 10
	// maxLine is the longest line of a file.
	maxLine = 64 << 10
)

// SplitTable gives the Split of an adapter of tables: each part begins with the lines
// up to the header. A field that holds a line end is not cut.
func SplitTable(isHeader func(names []string) bool) func(r io.Reader, emit func(frame []byte) error) error {
	return func(r io.Reader, emit func(frame []byte) error) error {
		lines := bufio.NewScanner(plain(r))
		lines.Buffer(make([]byte, 0, 4096), maxLine)
		lines.Split(rows)
		var head, part bytes.Buffer
		found := false
		for lines.Scan() {
			row := lines.Bytes()
			if !found {
				head.Write(row)
				if head.Len() > maxLine {
					return Refuse(0, "no header row was found in it")
				}
				_, err := ReadTable(row, isHeader)
				found = err == nil
				continue
			}
			if part.Len()+len(row) > partSize {
				if err := emit(append(bytes.Clone(head.Bytes()), part.Bytes()...)); err != nil {
					return err
				}
				part.Reset()
			}
			part.Write(row)
		}
		switch err := lines.Err(); {
		case err != nil && strings.Contains(err.Error(), "token too long"):
			return Refuse(0, "a row is longer than %d bytes", maxLine)
		case err != nil:
			return err
		case !found:
			return Refuse(0, "no header row was found in it")
		}
		return emit(append(head.Bytes(), part.Bytes()...))
	}
}

// rows cuts after each line end that stands outside quotes.
func rows(data []byte, atEOF bool) (advance int, token []byte, err error) {
	quoted := false
	for i, c := range data {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\n' && !quoted:
			return i + 1, data[:i+1], nil
		}
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
