package hl7v2

import (
	"bytes"
	"strconv"
)

// Piece is a message of a batch, at its place in it.
type Piece struct {
	Offset int
	Bytes  []byte
}

// Batch is several messages that came as one: within FHS or BHS and their ends, or one
// after another without (HL7 2.6, 2.10.3).
type Batch struct {
	Messages []Piece
	// header is the segment BHS, nil if there is none.
	header []byte
}

// batched are the segments that a batch has around its messages.
var batched = [][]byte{[]byte("FHS"), []byte("BHS"), []byte("BTS"), []byte("FTS")}

// ReadBatch takes a batch apart; ok is false for what is none, such as a message alone.
func ReadBatch(data []byte) (b Batch, ok bool) {
	start := len(data) - len(bytes.TrimLeft(data, "\r\n"))
	start += len(data[start:]) - len(bytes.TrimPrefix(data[start:], []byte("\xEF\xBB\xBF")))
	enveloped := begins(data[start:], batched[:2])
	if !enveloped && !bytes.Contains(data[start:], []byte("\rMSH")) && !bytes.Contains(data[start:], []byte("\nMSH")) {
		return b, false
	}
	open := -1 // where the message at hand began
	end := func(at int) {
		if open >= 0 {
			b.Messages = append(b.Messages, Piece{open, data[open:at]})
		}
		open = -1
	}
	for at := start; at < len(data); {
		line := data[at:]
		if n := bytes.IndexAny(line, "\r\n"); n >= 0 {
			line = line[:n]
		}
		switch {
		case bytes.HasPrefix(line, []byte("MSH")):
			end(at)
			open = at
		case begins(line, batched):
			end(at)
			if bytes.HasPrefix(line, []byte("BHS")) && b.header == nil {
				b.header = line
			}
		case open < 0 && len(bytes.TrimSpace(line)) > 0:
			return Batch{}, false // a segment of no message
		}
		at += len(line) + 1
	}
	end(len(data))
	return b, len(b.Messages) > 0
}

func begins(line []byte, names [][]byte) bool {
	for _, name := range names {
		if bytes.HasPrefix(line, name) {
			return true
		}
	}
	return false
}

// Acknowledge puts the acknowledgements of the messages together: in a batch of their
// own if they came in one, which names it (BHS-12). nil if there are none.
func (b Batch) Acknowledge(answers [][]byte) []byte {
	n := 0
	for _, answer := range answers {
		if len(answer) > 0 {
			n++
		}
	}
	all := bytes.Join(answers, nil)
	if len(all) == 0 || b.header == nil {
		return all
	}
	d, err := readDelimiters(append([]byte("MSH"), b.header[3:]...))
	if err != nil {
		return all
	}
	h := Segment{Name: "MSH", text: string(b.header[:min(len(b.header), 4096)]), delimiters: d} // counts its fields as MSH does
	h.ends = separators(nil, h.text, d.Field)
	part := func(n int) string { return clean(h.Field(n).Raw()) }
	head := trimmed([]string{"BHS", string(d.encoding()), part(5), part(6), part(3), part(4), part(7), "", "", "", "", part(11)}, d.Field)
	tail := trimmed([]string{"BTS", strconv.Itoa(n)}, d.Field)
	return append(append([]byte(head+"\r"), all...), tail+"\r"...)
}
