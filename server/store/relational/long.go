package relational

import (
	"strconv"
	"strings"
	"sync"
)

// longText is SQL that is part of many statements, with its parameters. It may have more
// than 20 kB, so the statements that were made of it are kept, and made once.
type longText struct {
	sql  string
	args []any

	mu    sync.Mutex
	whole map[string]string // by what stands around it
}

// mostWhole bounds the statements that are kept of a longText.
const mostWhole = 100

// hold gives a mark to write for a long text, which would else be copied with each part
// of the statement that it is put into. String has the text.
func (b *sqlText) hold(text *longText) string {
	b.long = append(b.long, text)
	return heldMark + strconv.Itoa(len(b.long)-1) + heldMark
}

// heldMark stands around the number of a text that is held, and nowhere else in SQL.
const heldMark = "\x00"

// String is all of it.
func (b *sqlText) String() string { return b.around("", "") }

// around is all of it between two texts, which may have marks as well.
func (b *sqlText) around(before, after string) string {
	text := before + b.Builder.String() + after
	switch len(b.long) {
	case 0:
		return text
	case 1:
		return b.long[0].within(text)
	}
	return fill(text, b.long)
}

func (l *longText) within(text string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	whole, known := l.whole[text]
	if !known {
		if whole = fill(text, []*longText{l}); l.whole == nil || len(l.whole) >= mostWhole {
			l.whole = map[string]string{}
		}
		l.whole[text] = whole
	}
	return whole
}

// fill puts what is held in the place of its marks.
func fill(text string, long []*longText) string {
	parts := strings.Split(text, heldMark) // each second is a number
	for i := 1; i < len(parts); i += 2 {
		n, _ := strconv.Atoi(parts[i])
		parts[i] = long[n].sql
	}
	return strings.Join(parts, "")
}
