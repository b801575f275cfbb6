package records

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// plain gives the UTF-8 of a text: of one in UTF-16 with its byte order mark (RFC 2781
// 3.2), which spreadsheets write, by converting it, and of any other as it is.
func plain(r io.Reader) io.Reader {
	source := bufio.NewReader(r)
	mark, _ := source.Peek(2)
	switch {
	case bytes.Equal(mark, []byte{0xFF, 0xFE}):
		return &wide{source: source, order: binary.LittleEndian}
	case bytes.Equal(mark, []byte{0xFE, 0xFF}):
		return &wide{source: source, order: binary.BigEndian}
	}
	return source
}

// wide converts UTF-16 to UTF-8. What is no UTF-16 becomes the replacement character.
type wide struct {
	source *bufio.Reader
	order  binary.ByteOrder
	ready  []byte // converted and not yet read
	first  rune   // the first half of a surrogate pair, or 0
}

func (w *wide) Read(p []byte) (n int, err error) {
	for len(w.ready) == 0 {
		var unit [2]byte
		if _, err := io.ReadFull(w.source, unit[:]); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) { // half a character at the end
				err = io.EOF
			}
			return 0, err
		}
		w.take(rune(w.order.Uint16(unit[:])))
		for len(w.ready) < len(p) && w.source.Buffered() >= len(unit) {
			_, _ = io.ReadFull(w.source, unit[:])
			w.take(rune(w.order.Uint16(unit[:])))
		}
	}
	n = copy(p, w.ready)
	w.ready = w.ready[n:]
	if len(w.ready) == 0 {
		w.ready = nil
	}
	return n, nil
}

// take converts one unit of 16 bits.
func (w *wide) take(unit rune) {
	first := w.first
	w.first = 0
	switch {
	case first != 0:
		w.ready = utf8.AppendRune(w.ready, utf16.DecodeRune(first, unit))
	case unit >= 0xD800 && unit < 0xDC00:
		w.first = unit
	default:
		w.ready = utf8.AppendRune(w.ready, unit)
	}
}

const byteOrderMark = "\xEF\xBB\xBF"

// narrow is the UTF-8 of a text in memory, without its byte order mark.
func narrow(data []byte) []byte {
	if len(data) >= 2 && (data[0] == 0xFF && data[1] == 0xFE || data[0] == 0xFE && data[1] == 0xFF) {
		converted := bytes.NewBuffer(make([]byte, 0, len(data)))
		_, _ = converted.ReadFrom(plain(bytes.NewReader(data))) // memory does not fail
		data = converted.Bytes()
	}
	return bytes.TrimPrefix(data, []byte(byteOrderMark))
}
