package records

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// maxItem is the longest item of an array, in bytes.
const maxItem = 256 << 10

// SplitArray is the Split of an adapter of which a file is a JSON array of records.
// A file that is no array is one frame, of at most a part's length.
func SplitArray(r io.Reader, emit func(frame []byte) error) error {
	source := &bounded{r: r}
	d := json.NewDecoder(source)
	first, err := d.Token()
	if err != nil {
		return notJSON(err)
	}
	if first != json.Delim('[') {
		return Refuse(0, "it is no array of records")
	}
	part := []byte{'['}
	for d.More() {
		source.left = maxItem
		var item json.RawMessage
		if err := d.Decode(&item); err != nil {
			return notJSON(err)
		}
		if len(part)+len(item) > partSize && len(part) > 1 {
			if err := emit(append(bytes.Clone(part), ']')); err != nil {
				return err
			}
			part = part[:1]
		}
		if len(part) > 1 {
			part = append(part, ',')
		}
		part = append(part, item...)
	}
	if _, err := d.Token(); err != nil {
		return notJSON(err)
	}
	return emit(append(part, ']'))
}

// errLong ends the reading of an item that is too long.
var errLong = errors.New("an item is longer than an item may be")

// bounded gives no more than so many bytes for one item.
type bounded struct {
	r    io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errLong
	}
	n, err := b.r.Read(p)
	b.left -= n
	return n, err
}

// notJSON is the refusal of what a reader of JSON found; what the source failed with
// stays as it is.
func notJSON(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return Refuse(int(syntax.Offset), "it is no JSON: %s", syntax.Error())
	case errors.Is(err, errLong):
		return Refuse(0, "a record is longer than %d bytes", maxItem)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Refuse(0, "it ends before its array does")
	}
	return err
}
